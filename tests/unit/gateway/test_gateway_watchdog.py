# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from gateway.watchdog import HardwareWatchdog, Watchdog

pytestmark = pytest.mark.requirement("E17")


class Kernel:
    """The border with the kernel: takes at most 15 s, or knows no time at all."""

    def __init__(self, *, knows_time: bool = True) -> None:
        self.asked: list[tuple[int, int]] = []
        self.knows_time = knows_time

    def __call__(self, descriptor: int, request: int, argument: bytes, /) -> object:
        (wanted_s,) = struct.unpack("i", argument)
        self.asked.append((request, wanted_s))
        if not self.knows_time:
            raise OSError(95, "Operation not supported")
        return struct.pack("i", min(15, wanted_s))


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "watchdog"
    path.touch()
    return path


def test_hardware_watchdog_takes_the_kernels_time_and_is_closed_with_the_magic_letter(device: Path) -> None:
    kernel = Kernel()
    watchdog = HardwareWatchdog(str(device), 60, kernel)
    watchdog.pet()
    watchdog.pet()
    watchdog.close()
    watchdog.close()

    assert (watchdog.timeout_s, kernel.asked) == (15, [(0xC0045706, 60)])
    assert device.read_bytes() == b"\0\0V"


def test_process_that_dies_does_not_stop_the_hardware_watchdog(device: Path) -> None:
    watchdog = HardwareWatchdog(str(device), 15, Kernel())
    watchdog.pet()
    os.close(watchdog._descriptor)  # as the kernel does it for a process that was killed

    assert device.read_bytes() == b"\0"


def test_hardware_watchdog_without_a_time_of_its_own_is_used_all_the_same(device: Path, caplog: pytest.LogCaptureFixture) -> None:
    watchdog = HardwareWatchdog(str(device), 15, Kernel(knows_time=False))
    watchdog.close()

    assert watchdog.timeout_s == 15
    assert [record.message for record in caplog.records] == ["hardware watchdog keeps its own time"]


def test_missing_hardware_watchdog_is_an_error_for_the_caller(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        HardwareWatchdog(str(tmp_path / "none"), 15, Kernel())


def test_no_sign_of_life_is_given_while_a_part_is_stuck_and_it_is_told_once(device: Path, caplog: pytest.LogCaptureFixture) -> None:
    since_s = {"floor": 0.0, "uplink": 0.0}
    hardware = HardwareWatchdog(str(device), 15, Kernel())
    watchdog = Watchdog({"floor": lambda: since_s["floor"], "uplink": lambda: since_s["uplink"]}, {"uplink": 60.0}, hardware)

    assert watchdog.look() == set()
    since_s.update(floor=11.0, uplink=59.0)
    assert [watchdog.look(), watchdog.look()] == [{"floor"}, {"floor"}]
    since_s.update(floor=0.0, uplink=61.0)
    assert watchdog.look() == {"uplink"}
    since_s.update(uplink=0.0)
    assert watchdog.look() == set()
    hardware.close()

    assert device.read_bytes() == b"\0\0V"
    assert [record.__dict__["part"] for record in caplog.records] == ["floor", "uplink"]


def test_signs_of_life_come_three_times_in_the_shorter_of_both_times(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hardware = HardwareWatchdog(str(device), 15, Kernel())
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    assert Watchdog({}, {}, hardware).interval_s == 5.0
    monkeypatch.setenv("WATCHDOG_USEC", "6000000")
    assert Watchdog({}, {}, hardware).interval_s == 2.0
    hardware.close()
