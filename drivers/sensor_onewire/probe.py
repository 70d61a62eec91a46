# SPDX-License-Identifier: Apache-2.0
"""One-wire probes have their family in their number, which the kernel has read already."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from drivers.base.probe import Probe, Recognised

_THERMOMETERS = ("10-", "22-", "28-", "3b-", "42-")
"""Family codes of DS18S20, DS1822, DS18B20, DS1825 and DS28EA00, which the kernel's w1_therm serves (data sheets, 64-bit ROM code)."""
PROBES: tuple[Probe, ...] = ()


def attached(root: Path) -> Iterator[Recognised]:
    """The bus of this computer, if thermometers are on it."""
    folder = root / "sys/bus/w1/devices"
    probes = sorted(path.name for path in folder.iterdir() if path.name.startswith(_THERMOMETERS)) if folder.is_dir() else []
    if probes:
        yield Recognised(f"{len(probes)} one-wire thermometers: {', '.join(probes)}")
