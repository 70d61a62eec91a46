# SPDX-License-Identifier: Apache-2.0
"""The reader's own clock laid on a line of seconds that runs on without a step, whatever the reader's clock says and however late its reports arrive.

The line follows the reader's clock exactly, so that what was held back keeps its place; only where that clock was set (from the year 2000 to today, back by a
time server, anew at a restart) the line goes on where it was. Where the line stands beside our monotonic clock is the shortest delay seen.
"""

from __future__ import annotations

import math
from collections import deque

_US = 1_000_000
_DRIFT = 1e-4  # clocks drift apart by less than 100 ppm
_AHEAD_S = 1.0  # a read can not come from the future: then the reader's clock was set forward
_BACK_S = 5.0  # nor from before what came while nothing was held back: then it was set back
_LIVE_S = 2.0  # a delay up to which nothing is held back
_SETTLED_S = 2.0  # so long without a shorter delay, and the shortest is believed
_SHORTER_S = 0.1  # chosen: what makes a delay a shorter one, at once or little by little
_STEADY_S = 30.0  # a delay that stays the same for so long is the clock, since what was held back drains
_STEADY_SPREAD_S = 1.0
_STEPS_KEPT = 16


class ReaderTime:
    """One reader's clock. `at_s` are monotonic seconds of arrival, lines are seconds on its line."""

    def __init__(self) -> None:
        self._base_us: int | None = None
        self._bases: deque[tuple[float, int]] = deque(maxlen=_STEPS_KEPT)
        self._shift_s = 0.0
        self._settling: tuple[float, float] = (-math.inf, 0.0)  # since when, and around which shift
        self._drifted_at_s = -math.inf
        self._live_s = -math.inf
        self._steady: tuple[float, float, float] | None = None  # since when, least and greatest lag
        self.newest_s = -math.inf
        self.newest_at_s = -math.inf
        self.lag_s = 0.0
        self.steps = 0

    def line_s(self, reader_time_us: int | None, at_s: float) -> float:
        """Where on the line the reader saw it; without a stamp it is now."""
        if reader_time_us is None:
            return self.now_s(at_s)
        if self._base_us is None:
            self._set(reader_time_us, at_s - self._shift_s)
            self._settling, self._drifted_at_s = (at_s, self._shift_s), at_s
        line_s = (reader_time_us + (self._base_us or 0)) / _US
        lag_s = at_s - line_s - self._shift_s
        believed = at_s - self._settling[0] >= _SETTLED_S
        if believed and (lag_s < -_AHEAD_S or line_s < self._live_s - _BACK_S):
            self.steps += 1
            line_s, lag_s = self.now_s(at_s), 0.0
            self._set(reader_time_us, line_s)
            self.newest_s = line_s
        self.lag_s = self._learn(lag_s, at_s)
        if self.lag_s <= _LIVE_S:
            self._live_s = line_s
        if line_s >= self.newest_s or self.lag_s <= _LIVE_S:
            self.newest_s = line_s
        self.newest_at_s = at_s
        return line_s

    def drained(self) -> None:
        """Nothing more comes of what was held back."""
        self.lag_s = 0.0

    def now_s(self, at_s: float) -> float:
        """Where the line stands at a monotonic second."""
        return at_s - self._shift_s

    def arrival_s(self, line_s: float) -> float:
        """The monotonic second at which the line stood there."""
        return line_s + self._shift_s

    def reader_us(self, line_s: float) -> int | None:
        """What the reader's clock showed, exactly as it said it; None: it has none."""
        base_us = next((base_us for from_s, base_us in reversed(self._bases) if from_s <= line_s), self._bases[0][1] if self._bases else None)
        return None if base_us is None else round(line_s * _US) - base_us

    def _set(self, reader_time_us: int, line_s: float) -> None:
        """From now on the reader's clock means this."""
        self._base_us = round(line_s * _US) - reader_time_us
        self._bases.append((line_s if self._bases else -math.inf, self._base_us))
        self._live_s = -math.inf
        self._steady = None

    def _learn(self, lag_s: float, at_s: float) -> float:
        """Take a delay (beyond the shortest) into account; what is left of it.

        Clocks that drift apart explain a longer delay only as far as there is one, and say nothing of what was held back.
        """
        drift_s = _DRIFT * (at_s - self._drifted_at_s)
        if lag_s <= max(_LIVE_S, drift_s):
            learnt_s = min(lag_s, drift_s)
            self._drifted_at_s = at_s
            self._shift_s += learnt_s
            lag_s -= learnt_s
        if abs(self._shift_s - self._settling[1]) > _SHORTER_S:
            self._settling = (at_s, self._shift_s)
        if lag_s <= 0:
            self._steady = None
            return 0.0
        since_s, least_s, most_s = self._steady or (at_s, lag_s, lag_s)
        least_s, most_s = min(least_s, lag_s), max(most_s, lag_s)
        if least_s < _STEADY_SPREAD_S / 2 or most_s - least_s > _STEADY_SPREAD_S:
            self._steady = None
        elif at_s - since_s >= _STEADY_S:
            self._shift_s += least_s
            self._steady = None
            return lag_s - least_s
        else:
            self._steady = (since_s, least_s, most_s)
        return lag_s
