# SPDX-License-Identifier: Apache-2.0
"""When a device that comes and goes, crashes its driver or floods is given up for a while, so that it fills neither outbox, log nor processor."""

from __future__ import annotations

from collections import deque

TURNS_MAX = 12
"""Chosen: so many failed conversations within `WINDOW_S` are no accident; a loose cable makes three, a reader that restarts one."""
WINDOW_S = 60.0
HELD_S = 30.0
"""A conversation that held so long closes the breaker."""
_TRY_S = (30.0, 300.0)
READINGS_PER_S_MAX = 10_000
"""Chosen: eight times what the fastest RFID reader delivers. More is a fault of the device or of its driver."""


class Breaker:
    """Counts conversations that came about and ended soon, and failures of the driver itself. Times are monotonic seconds.

    A device that is only away does not count: seeking it costs next to nothing, and it shall be found as soon as it is back.
    """

    def __init__(self) -> None:
        self._turns: deque[float] = deque()
        self._connected_at_s: float | None = None
        self._try_s = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the device is given up: tried only now and then, until it holds."""
        return self._try_s > 0

    def connected(self, now_s: float) -> None:
        """A conversation came about."""
        self._connected_at_s = now_s

    def held(self, now_s: float) -> bool:
        """Close the breaker if the conversation has held; True if it was open and is closed now."""
        since_s = self._connected_at_s
        if not self.is_open or since_s is None or now_s - since_s < HELD_S:
            return False
        self._turns.clear()
        self._try_s = 0.0
        return True

    def failed(self, now_s: float, *, by_driver: bool) -> bool:
        """The conversation ended, or did not come about. `by_driver`: a fault of the program or a flood. True: the device is given up now."""
        self.held(now_s)
        since_s, self._connected_at_s = self._connected_at_s, None
        if since_s is None and not by_driver:
            return False
        if since_s is not None and now_s - since_s >= HELD_S and not by_driver:
            self._turns.clear()
            return False
        if self.is_open:
            self._try_s = min(_TRY_S[1], self._try_s * 2)
            return False
        self._turns.append(now_s)
        while self._turns[0] < now_s - WINDOW_S:
            self._turns.popleft()
        if len(self._turns) < TURNS_MAX:
            return False
        self._try_s = _TRY_S[0]
        return True

    @property
    def delay_s(self) -> float:
        """How long to wait at least before the next attempt; 0: the breaker is closed."""
        return self._try_s


class Flood:
    """Counts the readings of one device per second."""

    def __init__(self) -> None:
        self._second = -1
        self._count = 0

    def counted(self, at_s: float) -> int:
        """One more; returns how many there were in this second."""
        second = int(at_s)
        if second != self._second:
            self._second, self._count = second, 0
        self._count += 1
        return self._count
