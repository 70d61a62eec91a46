# SPDX-License-Identifier: Apache-2.0
"""A machine without pseudo terminals (a chroot, a small container) can run the simulated warehouse all the same."""

from __future__ import annotations

import pty
from pathlib import Path

import pytest

from firmware_sims.engine.servers import PtyTwinServer, TcpTwinServer, has_pseudo_terminals
from firmware_sims.world import hardware


def test_serial_devices_sit_behind_tcp_where_there_are_no_ptys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "has_pseudo_terminals", lambda: False)

    servers = hardware.Hardware().servers

    assert {type(server) for server in servers.values()} == {TcpTwinServer}


def test_serial_devices_sit_on_ptys_where_there_are_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "has_pseudo_terminals", lambda: True)

    servers = hardware.Hardware().servers

    assert [name for name, server in servers.items() if isinstance(server, PtyTwinServer)] == ["scanner-dock", "scanner-pack", "probe-2"]


def test_refused_pty_is_an_answer_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_ptys() -> tuple[int, int]:
        raise OSError("out of pty devices")

    monkeypatch.setattr(pty, "openpty", out_of_ptys)

    assert has_pseudo_terminals() is False


def test_asking_for_ptys_leaves_no_file_open() -> None:
    before = set(Path("/proc/self/fd").iterdir())

    has_pseudo_terminals()

    assert set(Path("/proc/self/fd").iterdir()) == before
