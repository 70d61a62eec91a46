# SPDX-License-Identifier: Apache-2.0
"""USB scales say by their report descriptor that they weigh: the kernel has asked them already."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from drivers.base.probe import Probe, Recognised
from drivers.scale_hid.finding import scales

PROBES: tuple[Probe, ...] = ()


def attached(root: Path) -> Iterator[Recognised]:
    """The scales of this computer, to be found again by vendor and product, and by number where they have one; /dev/hidraw0 is another device tomorrow."""
    for name, usb_id, serial in scales(root / "sys/class/hidraw"):
        numbered = f", number {serial}" if serial else ""
        yield Recognised(f"USB scale {usb_id}{numbered}, now /dev/{name}", {"usb_id": usb_id} | ({"serial_number": serial} if serial else {}))
