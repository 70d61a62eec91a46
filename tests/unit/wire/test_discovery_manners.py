# SPDX-License-Identifier: Apache-2.0
"""Which places discovery leaves alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from drivers.base.serial_line import is_console, programs_at
from drivers.base.usb import usb_vendor_of
from gateway import discovery_manners
from gateway.discovery_manners import connected_to, why_not_to_ask

pytestmark = pytest.mark.requirement("R98")

_TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0A00A8C0:C350 050200C0:13DC 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1
"""
_TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: B80D0120000000000000000001000000:C350 B80D0120000000000000000005000000:1234 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0
   1: 0000000000000000FFFF00000A00A8C0:C351 0000000000000000FFFF0000060200C0:1234 01 00000000:00000000 00:00000000 00000000     0        0 4 1 0
"""


def test_peers_of_this_computer_are_read_as_addresses(tmp_path: Path) -> None:
    (tmp_path / "tcp").write_text(_TCP)
    (tmp_path / "tcp6").write_text(_TCP6)

    assert connected_to(tmp_path) == {("192.0.2.5", 5084), ("2001:db8::5", 4660), ("192.0.2.6", 4660)}
    assert connected_to(tmp_path / "none") == set()


def test_console_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    active = tmp_path / "active"
    active.write_text("tty0 ttyS0\n")

    assert is_console("/dev/ttyS0", active)
    assert not is_console("/dev/ttyS1", active)
    monkeypatch.setattr(discovery_manners, "is_console", lambda path: True)
    assert "console" in why_not_to_ask("/dev/ttyS0", is_named=True)


def test_line_that_another_program_has_open_without_a_lock_is_left_alone(tmp_path: Path) -> None:
    line = tmp_path / "line"
    line.touch()
    with line.open("rb") as file:
        assert programs_at(str(line)) == []  # ours does not count
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[file.fileno()]) as other:
            assert [text.endswith(f"process {other.pid}") for text in programs_at(str(line))] == [True]
            assert "another program has it open" in why_not_to_ask(str(line), is_named=True)
            other.communicate(b"\n")
    assert why_not_to_ask(str(line), is_named=False) == ""


def test_board_that_restarts_when_opened_is_asked_only_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = tmp_path / "ttyACM7/device"
    board.mkdir(parents=True)
    (board / "idVendor").write_text("2341\n")
    monkeypatch.setattr(discovery_manners, "usb_vendor_of", lambda path: usb_vendor_of(path, tmp_path))

    assert "--line /dev/ttyACM7" in why_not_to_ask("/dev/ttyACM7", is_named=False)
    assert why_not_to_ask("/dev/ttyACM7", is_named=True) == ""
