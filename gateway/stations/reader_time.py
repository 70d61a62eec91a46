# SPDX-License-Identifier: Apache-2.0
"""The reader's own clock laid on the machine's monotonic seconds."""

from __future__ import annotations

import math

_RELEARN_S = 60.0  # a reader whose clock was set back is believed again after at most twice this time (guessed)
_US_PER_S = 1_000_000


class ReaderTime:
    """Places a reader's time stamps on the monotonic line by the shortest delay seen between a read and its arrival.

    Reports that were held back arrive late but keep their place; a reader that stamps nothing is placed by arrival.
    """

    def __init__(self) -> None:
        self._offset_s = math.inf
        self._recent_s = math.inf
        self._relearn_at_s = -math.inf

    def line_s(self, reader_time_us: int | None, at_s: float) -> float:
        """The monotonic second at which the reader saw it; never later than its arrival `at_s`."""
        if reader_time_us is None:
            return at_s
        reader_s = reader_time_us / _US_PER_S
        offset_s = at_s - reader_s
        if at_s >= self._relearn_at_s:
            self._offset_s = self._recent_s
            self._recent_s, self._relearn_at_s = math.inf, at_s + _RELEARN_S
        self._recent_s = min(self._recent_s, offset_s)
        self._offset_s = min(self._offset_s, offset_s)
        return reader_s + self._offset_s
