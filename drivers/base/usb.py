# SPDX-License-Identifier: Apache-2.0
"""Serial numbers of USB adapters and USB scanners, as the kernel shows them."""

from __future__ import annotations

from pathlib import Path

_TTYS = Path("/sys/class/tty")
_DEVICES = Path("/dev")
_LEVELS_MAX = 6  # tty, interface, device, and what a composite device puts between


def usb_serial_of(path: str, ttys: Path = _TTYS) -> str:
    """The serial number of the USB device behind a serial line; empty: none, or it is no USB device."""
    return _told_by_usb(path, "serial", ttys)


def usb_vendor_of(path: str, ttys: Path = _TTYS) -> str:
    """The vendor of the USB device behind a serial line, four hexadecimal digits; empty: it is no USB device."""
    return _told_by_usb(path, "idVendor", ttys).lower()


def _told_by_usb(path: str, attribute: str, ttys: Path) -> str:
    if not path:
        return ""
    try:
        place = (ttys / Path(path).resolve().name / "device").resolve(strict=True)
        for folder in (place, *place.parents)[:_LEVELS_MAX]:
            if (folder / "idVendor").is_file():
                told = folder / attribute
                return told.read_text(errors="replace").strip() if told.is_file() else ""
    except OSError:
        pass
    return ""


def path_of_usb_serial(serial: str, ttys: Path = _TTYS, devices: Path = _DEVICES) -> str:
    """The serial line of the USB device with this number; empty: it is not plugged in."""
    for tty in sorted(ttys.iterdir()) if ttys.is_dir() else ():
        if usb_serial_of(tty.name, ttys) == serial:
            return stable_path_of(tty.name, ttys, devices)
    return ""


def stable_path_of(tty: str, ttys: Path = _TTYS, devices: Path = _DEVICES) -> str:
    """The path of a serial line (`ttyUSB0`) that survives plugging in again.

    By the device's number where it has one (by-id); else by the socket that it is plugged into (by-path), since two adapters without number have the
    same name by id; else its own.
    """
    kinds = ("by-id", "by-path") if usb_serial_of(tty, ttys) else ("by-path",)
    for folder in (devices / "serial" / kind for kind in kinds):
        links = [link for link in sorted(folder.iterdir()) if link.resolve().name == Path(tty).name] if folder.is_dir() else []
        if links:
            return str(links[0])
    return str(devices / Path(tty).name)
