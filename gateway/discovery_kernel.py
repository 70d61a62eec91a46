# SPDX-License-Identifier: Apache-2.0
"""Devices that the kernel has already recognised: USB scales by what their report descriptor says they are, one-wire probes by their family."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gateway.discovery import Found

_WEIGHING = b"\x05\x8d"
"""Item Usage Page with page 8Dh, weighing devices (USB HID 1.11, 6.2.2.7; HID Point of Sale Usage Tables 1.02)."""
_THERMOMETERS = ("28-",)
"""Family codes of DS18B20 (data sheet, 64-bit ROM code)."""


def kernel_devices(root: Path = Path("/")) -> Iterator[Found]:
    """All of this machine."""
    yield from _hid_scales(root)
    yield from _one_wire(root)


def _hid_scales(root: Path) -> Iterator[Found]:
    for folder in sorted((root / "sys/class/hidraw").glob("hidraw*")):
        descriptor = folder / "device" / "report_descriptor"
        if descriptor.is_file() and _WEIGHING in descriptor.read_bytes():
            path = f"/dev/{folder.name}"
            yield Found("scale_hid", path, f"USB scale {_name_of(folder)}".rstrip(), {"path": path})


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
