# SPDX-License-Identifier: Apache-2.0
"""A wall clock for one process that can be stepped and called unsynchronised while it runs: a small library of C is loaded before the program's own."""

from __future__ import annotations

import mmap
import shutil
import struct
import subprocess
import time
from pathlib import Path

_SOURCE = Path(__file__).with_name("clock_shim.c")
_LAYOUT = "<qq"
_NS = 1_000_000_000


class NoCompilerError(RuntimeError):
    """There is no C compiler; the text says what to do."""


def build_shim(folder: Path) -> Path:
    """Compile the library. Raises: NoCompilerError."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NoCompilerError("the clock faults need a C compiler; install one (Debian: apt-get install gcc libc6-dev) or run with --without-clocks")
    library = folder / "clock_shim.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, _SOURCE, "-ldl"], check=True, capture_output=True)
    return library


class SteppableClock:
    """The clock of one process. `environment` is what that process must be started with."""

    def __init__(self, shim: Path, file: Path) -> None:
        file.write_bytes(struct.pack(_LAYOUT, 0, 1))
        with file.open("r+b") as opened:
            self._mapped = mmap.mmap(opened.fileno(), struct.calcsize(_LAYOUT))
        self.environment = {"LD_PRELOAD": str(shim), "DOCKLINE_CHAOS_CLOCK": str(file)}

    def step(self, offset_s: float, *, synced: bool) -> None:
        """From now on it is so many seconds off the real time, and the kernel says that it is (not) synchronised."""
        self._mapped[:] = struct.pack(_LAYOUT, int(offset_s * _NS), int(synced))

    def forget(self) -> None:
        """As after a boot without a battery: it is 1970, and nobody has said what time it is."""
        self.step(-time.time(), synced=False)

    def right(self) -> None:
        """The right time, synchronised."""
        self.step(0.0, synced=True)
