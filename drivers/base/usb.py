# SPDX-License-Identifier: Apache-2.0
"""Serial numbers of USB adapters and USB scanners, as the kernel shows them."""

from __future__ import annotations

from pathlib import Path

_TTYS = Path("/sys/class/tty")
_LEVELS_MAX = 6  # tty, interface, device, and what a composite device puts between


def usb_serial_of(path: str, ttys: Path = _TTYS) -> str:
    """The serial number of the USB device behind a serial line; empty: none, or it is no USB device."""
    if not path:
        return ""
    try:
        place = (ttys / Path(path).resolve().name / "device").resolve(strict=True)
        for folder in (place, *place.parents)[:_LEVELS_MAX]:
            if (folder / "idVendor").is_file():
                number = folder / "serial"
                return number.read_text(errors="replace").strip() if number.is_file() else ""
    except OSError:
        pass
    return ""


def path_of_usb_serial(serial: str, ttys: Path = _TTYS, devices: Path = Path("/dev")) -> str:
    """The serial line of the USB device with this number; empty: it is not plugged in."""
    for tty in sorted(ttys.iterdir()) if ttys.is_dir() else ():
        if usb_serial_of(tty.name, ttys) == serial:
            by_id = devices / "serial" / "by-id"
            links = [link for link in sorted(by_id.iterdir()) if link.resolve().name == tty.name] if by_id.is_dir() else []
            return str(links[0] if links else devices / tty.name)
    return ""
