# SPDX-License-Identifier: Apache-2.0
"""Devices that the kernel has already recognised: each driver that can says so in `attached` of its `probe.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from drivers import registry
from gateway.discovery import Found


def kernel_devices(root: Path = Path("/")) -> Iterator[Found]:
    """All of this machine."""
    for name in registry.names():
        attached = getattr(registry.part(name, "probe"), "attached", None)
        for recognised in attached(root) if attached else ():
            yield Found(name, "this computer", recognised.about, recognised.fields)
