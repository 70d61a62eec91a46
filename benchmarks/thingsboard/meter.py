# SPDX-License-Identifier: Apache-2.0
"""What a process used: processor time by its own clock (clock_getcpuclockid(3)), memory and bytes written from /proc (proc(5)).

The ticks of /proc/PID/stat will not do: who wakes by a timer, works for less than a tick and sleeps is hardly ever met by one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

_MIB = 1024.0
_CPUCLOCK_SCHED = 2  # linux/posix-timers.h: precise, of all threads of a process


@dataclass(frozen=True)
class Usage:
    """Sums since the start of the process, and its memory now. `written_bytes` is what it caused to be sent to the disk."""

    cpu_s: float
    written_bytes: int
    rss_mib: float
    pss_mib: float


def usage(pid: int) -> Usage:
    """Raises: OSError: it has ended."""
    folder = Path("/proc") / str(pid)
    written = next(int(line.split()[1]) for line in (folder / "io").read_text().splitlines() if line.startswith("write_bytes"))
    memory = dict(line.split(":", 1) for line in (folder / "smaps_rollup").read_text().splitlines()[1:])
    rss, pss = (int(memory[name].split()[0]) / _MIB for name in ("Rss", "Pss"))
    return Usage(time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED), written, rss, pss)
