# SPDX-License-Identifier: Apache-2.0
"""Devices that the kernel has already recognised: USB scales by what their report descriptor says they are, one-wire probes by their family."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from drivers.base.session import Argument
from drivers.scale_hid.finding import scales
from gateway.discovery import Found

_THERMOMETERS = ("28-",)
"""Family codes of DS18B20 (data sheet, 64-bit ROM code)."""


def kernel_devices(root: Path = Path("/")) -> Iterator[Found]:
    """All of this machine."""
    yield from _hid_scales(root)
    yield from _one_wire(root)


def _hid_scales(root: Path) -> Iterator[Found]:
    hidraws = root / "sys/class/hidraw"
    for name, usb_id, serial in scales(hidraws):
        known = {"usb_id": usb_id, "serial_number": serial}
        fields = {key: value for key, value in known.items() if value} or {"path": f"/dev/{name}"}  # the number of hidraw changes with each plugging in
        yield Found("scale_hid", f"/dev/{name}", f"USB scale {_name_of(hidraws / name)}".rstrip(), dict[str, Argument](fields))


def _name_of(folder: Path) -> str:
    """What the device calls itself (HID_NAME in its uevent)."""
    uevent = folder / "device" / "uevent"
    lines = uevent.read_text(errors="replace").splitlines() if uevent.is_file() else []
    return next((line.removeprefix("HID_NAME=") for line in lines if line.startswith("HID_NAME=")), "")


def _one_wire(root: Path) -> Iterator[Found]:
    folder = root / "sys/bus/w1/devices"
    probes = sorted(path.name for path in folder.iterdir() if path.name.startswith(_THERMOMETERS)) if folder.is_dir() else []
    if probes:
        yield Found("sensor_onewire", str(folder), f"{len(probes)} DS18B20 probes: {', '.join(probes)}")
