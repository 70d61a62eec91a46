# SPDX-License-Identifier: Apache-2.0
"""What the outbox costs the card: bytes handed to the disk, and how long a card of a rated endurance lasts."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import NamedTuple

_DAY_S = 86_400.0
_THREAD_IO = Path("/proc/thread-self/io")
_RATE_FROM_S = 600.0  # chosen: what is written in the first minutes of a process tells nothing of its days


class Wear(NamedTuple):
    """`written_bytes` were handed to the disk for `payload_bytes` of events since the start, `running_s` ago; `ever_written_bytes` since the file was made."""

    payload_bytes: int
    written_bytes: int
    ever_written_bytes: int
    running_s: float


class ThreadWrites:
    """Bytes that threads handed to write calls while they used the outbox (`wchar` of /proc/thread-self/io, proc(5)): the kernel counts all."""

    def __init__(self) -> None:
        self._since: dict[int, int] = {threading.get_native_id(): _thread_bytes()}
        self._upto: dict[int, int] = {}

    def bytes(self) -> int:
        """So far, asked in the thread that uses the outbox; a thread that asks for the first time has done nothing else before."""
        thread = threading.get_native_id()
        self._since.setdefault(thread, 0)
        self._upto[thread] = _thread_bytes()
        return sum(upto - self._since[thread] for thread, upto in self._upto.items())


def _thread_bytes() -> int:
    """0 where the kernel does not count (built without CONFIG_TASK_IO_ACCOUNTING) or a container hides it: wear is unknown then, and events go on."""
    try:
        fields = dict(line.split(": ") for line in _THREAD_IO.read_text().splitlines())
    except OSError:
        return 0
    return int(fields["wchar"])


def card_life_days(wear: Wear, card_bytes_written_max: int) -> float | None:
    """How long a card that bears so many bytes lasts at the present rate; None: too early to tell, or its endurance is not configured (0)."""
    if not card_bytes_written_max or wear.running_s < _RATE_FROM_S or wear.written_bytes <= 0:
        return None
    return max(0, card_bytes_written_max - wear.ever_written_bytes) * wear.running_s / (wear.written_bytes * _DAY_S)
