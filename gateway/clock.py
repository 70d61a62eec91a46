# SPDX-License-Identifier: Apache-2.0
"""What time it is and how far that can be trusted. Everything else on the gateway is handed an Instant."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from contracts.events import Clock

_TIME_ERROR = 5  # adjtimex(2): clock not synchronised
_TIMEX_BYTES_MAX = 512  # struct timex is 208 bytes on 64-bit Linux
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TIMESYNCD_MARK = Path("/run/systemd/timesync/synchronized")
_QUALITY_AGE_S_MAX = 10.0


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment: aware UTC for people, monotonic seconds for delays, and how good the UTC is."""

    utc: datetime
    monotonic_s: float
    clock: Clock = "synced"
    boot_id: str = ""

    def at(self, monotonic_s: float) -> Instant:
        """The moment of another monotonic second of this boot, by the same clock."""
        return replace(self, utc=self.utc + timedelta(seconds=monotonic_s - self.monotonic_s), monotonic_s=monotonic_s)

    def stamp(self) -> dict[str, Any]:
        """The fields of an event that say when."""
        return {"event_time": self.utc, "clock": self.clock, "boot_id": self.boot_id, "monotonic_s": self.monotonic_s}


Now = Callable[[], Instant]


def read_boot_id() -> str:
    """The kernel's id of this boot."""
    return _BOOT_ID.read_text().strip()


def kernel_clock_is_synced() -> bool:
    """Whether NTP keeps the clock: adjtimex(2) or systemd-timesyncd's mark."""
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    if adjtimex is not None and adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES_MAX)) not in (-1, _TIME_ERROR):
        return True
    return _TIMESYNCD_MARK.exists()


class SystemClock:
    """The machine's clock. `holdover`: it was synchronised during this run and no longer is."""

    def __init__(self, is_synced: Callable[[], bool] = kernel_clock_is_synced) -> None:
        self._is_synced = is_synced
        self._boot_id = read_boot_id()
        self._quality: Clock = "unsynced"
        self._asked_s = float("-inf")

    def __call__(self) -> Instant:
        """Now."""
        monotonic_s = time.monotonic()
        if monotonic_s - self._asked_s >= _QUALITY_AGE_S_MAX:
            self._asked_s = monotonic_s
            if self._is_synced():
                self._quality = "synced"
            elif self._quality == "synced":
                self._quality = "holdover"
        return Instant(datetime.now(UTC), monotonic_s, self._quality, self._boot_id)
