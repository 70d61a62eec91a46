# SPDX-License-Identifier: Apache-2.0
"""Finds scales among the HID devices of this computer, as the kernel shows them under /sys/class/hidraw."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from drivers.base.usb import usb_serial_of

HIDRAWS = Path("/sys/class/hidraw")
_SCALE_PAGE = 0x8D  # USB HID Point of Sale Usage Tables 1.02, section 5
_USAGE_PAGE = 0x04  # HID 1.11, 6.2.2.7: tag of the global item, its two size bits cleared
_LONG_ITEM = 0xFE


def usage_pages(descriptor: bytes) -> Iterator[int]:
    """The usage pages that a report descriptor names, in order (HID 1.11, 6.2.2); what is cut off in the middle ends it."""
    at = 0
    while at < len(descriptor):
        prefix = descriptor[at]
        if prefix == _LONG_ITEM:
            at += 3 + (descriptor[at + 1] if at + 1 < len(descriptor) else 0)
            continue
        length = (0, 1, 2, 4)[prefix & 0x03]
        if prefix & 0xFC == _USAGE_PAGE and len(data := descriptor[at + 1 : at + 1 + length]) == length:
            yield int.from_bytes(data, "little")
        at += 1 + length


def _usb_id(place: Path) -> str:
    """Vendor and product out of a line like HID_ID=0003:00000922:00008003; empty: not told."""
    for line in (place / "uevent").read_text(errors="replace").splitlines():
        parts = line.partition("HID_ID=")[2].split(":")
        if len(parts) == 3:
            return f"{parts[1][-4:]}:{parts[2][-4:]}".lower()
    return ""


def scales(hidraws: Path = HIDRAWS) -> Iterator[tuple[str, str, str]]:
    """Name under /dev, USB id and serial number of each scale that is plugged in and awake."""
    for node in sorted(hidraws.iterdir()) if hidraws.is_dir() else ():
        try:
            place = (node / "device").resolve(strict=True)
            if _SCALE_PAGE in usage_pages((place / "report_descriptor").read_bytes()):
                yield node.name, _usb_id(place), usb_serial_of(node.name, hidraws)
        except OSError:
            continue  # unplugged while we look


def paths_of_scales(usb_id: str, serial: str, hidraws: Path = HIDRAWS, devices: Path = Path("/dev")) -> list[str]:
    """Files of the scales with this USB id and serial number; empty ones match all."""
    return [str(devices / name) for name, found, number in scales(hidraws) if usb_id.lower() in ("", found) and serial in ("", number)]
