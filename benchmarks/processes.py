# SPDX-License-Identifier: Apache-2.0
"""Processor time of whole trees of processes, as a benchmark counts it."""

from __future__ import annotations

from collections.abc import Iterable

import psutil


def tree_cpu_s(roots: Iterable[int]) -> float:
    """User and system seconds of these processes, of all that descend from them, and of those of them that have ended and were waited for.

    Raises: psutil.NoSuchProcess: a root is gone.
    """
    total = 0.0
    for root in roots:
        process = psutil.Process(root)
        total += _own_cpu_s(process)
        for child in process.children(recursive=True):
            try:
                total += _own_cpu_s(child)
            except psutil.NoSuchProcess:
                continue  # it ended meanwhile: its parent's sum has it
    return total


def _own_cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def listener_pid(port: int) -> int:
    """The process that listens on a port of this machine. Raises: LookupError: nobody does."""
    for connection in psutil.net_connections("tcp"):
        if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN and connection.pid:
            return int(connection.pid)
    raise LookupError(f"nobody listens on port {port}")
