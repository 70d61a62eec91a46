# SPDX-License-Identifier: Apache-2.0
"""What the fault runner does to a program is real: a wall clock of its own, and a disk whose kernel says that it is full."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.chaos.clocks import SteppableClock, build_shim
from benchmarks.chaos.disks import Disk, LimitedDisk, MountedDisk, may_mount

pytestmark = pytest.mark.slow

_WRITER = """
import sys
for line in sys.stdin:
    try:
        with open(sys.argv[1], "ab", buffering=0) as file:
            file.write(b"x" * 8192)
        print("written", flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
"""


@contextmanager
def _writer(file: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        yield child
        assert child.stdin is not None
        child.stdin.close()


def _write(child: subprocess.Popen[str]) -> str:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write("write\n")
    child.stdin.flush()
    return child.stdout.readline().strip()


@pytest.mark.parametrize("is_mounted", [True, False])
def test_full_disk_refuses_what_a_running_program_writes_and_takes_it_again(tmp_path: Path, is_mounted: bool) -> None:
    running: list[int] = []
    mounted = is_mounted and may_mount(tmp_path)  # where nobody may, the other kind is what the runner uses, and is tried twice here
    disk: Disk = MountedDisk(tmp_path / "disk", 1 << 20) if mounted else LimitedDisk(tmp_path / "disk", lambda: running)
    try:
        with _writer(disk.folder / "file") as child:
            running.append(child.pid)
            assert _write(child) == "written"
            disk.fill(0)
            refused = [_write(child) for _ in range(2)]
            disk.free()

            assert refused[-1] in ("No space left on device", "File too large")
            assert _write(child) == "written"
    finally:
        disk.close(None)


def test_stepped_clock_is_that_of_one_process_and_its_monotonic_time_goes_on(tmp_path: Path) -> None:
    clock = SteppableClock(build_shim(tmp_path), tmp_path / "clock")
    asked = "time.time(), time.monotonic(), datetime.datetime.now().year, kernel_clock_is_synced()"
    code = f"import datetime, time; from gateway.clock import kernel_clock_is_synced; print({asked})"

    def told() -> list[str]:
        return subprocess.run([sys.executable, "-c", code], env={**os.environ, **clock.environment}, check=True, capture_output=True, text=True).stdout.split()

    right = told()
    clock.step(-86_400.0, synced=False)
    yesterday = told()
    clock.forget()

    assert right[3] == "True"
    assert -86_400 <= float(yesterday[0]) - float(right[0]) < -86_340
    assert 0 < float(yesterday[1]) - float(right[1]) < 60
    assert yesterday[3] == "False"
    assert told()[2] == "1970"
