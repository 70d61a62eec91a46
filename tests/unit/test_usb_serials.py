# SPDX-License-Identifier: Apache-2.0
"""Serial numbers of USB devices, read from trees like the kernel's /sys."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.base.usb import path_of_usb_serial, usb_serial_of

pytestmark = pytest.mark.requirement("E17")


@pytest.fixture
def ttys(tmp_path: Path) -> Path:
    """ttyUSB0: an adapter behind its driver's folder; ttyACM0: a scanner; ttyS0: no USB; ttyUSB1: USB without a number."""
    bus = tmp_path / "devices" / "usb1"
    for port, tty, serial, below in (
        ("1-1", "ttyUSB0", "FT1234", "1-1:1.0/ttyUSB0"),
        ("1-2", "ttyACM0", "SCAN 7", "1-2:1.0"),
        ("1-3", "ttyUSB1", "", "1-3:1.0"),
    ):
        device = bus / port
        (device / below).mkdir(parents=True)
        (device / "idVendor").write_text("0403\n")
        if serial:
            (device / "serial").write_text(f"{serial}\n")
        (tmp_path / "tty" / tty).mkdir(parents=True)
        (tmp_path / "tty" / tty / "device").symlink_to(device / below)
    (bus / "idVendor").write_text("1d6b\n")
    (bus / "serial").write_text("the hub\n")
    (tmp_path / "devices" / "platform" / "serial0").mkdir(parents=True)
    (tmp_path / "tty" / "ttyS0").mkdir()
    (tmp_path / "tty" / "ttyS0" / "device").symlink_to(tmp_path / "devices" / "platform" / "serial0")
    return tmp_path / "tty"


@pytest.mark.parametrize(("tty", "expected"), [("ttyUSB0", "FT1234"), ("ttyACM0", "SCAN 7"), ("ttyUSB1", ""), ("ttyS0", ""), ("ttyUSB9", "")])
def test_number_is_that_of_the_device_and_never_that_of_its_hub(ttys: Path, tty: str, expected: str) -> None:
    assert usb_serial_of(f"/dev/{tty}", ttys) == expected


def test_link_by_id_leads_to_the_number(ttys: Path, tmp_path: Path) -> None:
    (tmp_path / "dev" / "serial" / "by-id").mkdir(parents=True)
    (tmp_path / "dev" / "ttyACM0").touch()
    link = tmp_path / "dev" / "serial" / "by-id" / "usb-Scanner_7-if00"
    link.symlink_to(tmp_path / "dev" / "ttyACM0")

    assert usb_serial_of(str(link), ttys) == "SCAN 7"
    assert path_of_usb_serial("SCAN 7", ttys, tmp_path / "dev") == str(link)
    assert path_of_usb_serial("FT1234", ttys, tmp_path / "dev") == str(tmp_path / "dev" / "ttyUSB0")
    assert path_of_usb_serial("none", ttys, tmp_path / "dev") == ""


def test_machine_without_serial_lines_has_no_numbers(tmp_path: Path) -> None:
    assert (usb_serial_of("", tmp_path), usb_serial_of("/dev/ttyUSB0", tmp_path / "none"), path_of_usb_serial("x", tmp_path / "none")) == ("", "", "")
