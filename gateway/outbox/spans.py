# SPDX-License-Identifier: Apache-2.0
"""Sets of rows as a few spans, and numbers of rows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Span(NamedTuple):
    """Rows `low` to `high`, both included."""

    low: int
    high: int


class Spans:
    """Rows, kept as spans in ascending order that do not touch: as many as there are places where live telemetry overtook a backlog, not as there are rows."""

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        self._spans: list[Span] = []
        for low, high in sorted(spans):
            self.add(low, high)

    def __iter__(self) -> Iterator[Span]:
        return iter(self._spans)

    @property
    def lowest(self) -> int:
        """The first row; 0 when there is none."""
        return self._spans[0].low if self._spans else 0

    def add(self, low: int, high: int) -> None:
        """Put rows in."""
        if high < low:
            return
        apart = [span for span in self._spans if span.high < low - 1 or span.low > high + 1]
        joined = [span for span in self._spans if not (span.high < low - 1 or span.low > high + 1)]
        whole = Span(min([low, *(span.low for span in joined)]), max([high, *(span.high for span in joined)]))
        self._spans = sorted([*apart, whole])

    def take(self, low: int, high: int) -> None:
        """Take rows out, whether they were in or not."""
        left: list[Span] = []
        for span in self._spans:
            left += [part for part in (Span(span.low, min(span.high, low - 1)), Span(max(span.low, high + 1), span.high)) if part.low <= part.high]
        self._spans = left

    def overlap(self, low: int, high: int) -> bool:
        """Whether any of these rows is in."""
        return any(span.low <= high and low <= span.high for span in self._spans)

    def hold(self, low: int, high: int) -> bool:
        """Whether all of these rows are in."""
        return any(span.low <= low and high <= span.high for span in self._spans)

    def live_first(self, live_from: int) -> Iterator[tuple[Span, bool]]:
        """The rows from `live_from` on, then those before it; with each span whether it is backlog."""
        yield from ((Span(max(low, live_from), high), False) for low, high in self._spans if high >= live_from)
        yield from ((Span(low, min(high, live_from - 1)), True) for low, high in self._spans if low < live_from)


class Places:
    """Which place a number has: `number` = place - `base` - what is missing before it. Places never change; numbers begin anew with each epoch."""

    def __init__(self, base: int = 0, missing: Iterable[tuple[int, int]] = ()) -> None:
        self.base = base
        self.missing = Spans(missing)

    def seq_of(self, place: int) -> int:
        """The number of what stands at a place; for a missing place that of the last one before it."""
        return place - self.base - sum(min(place, high) - low + 1 for low, high in self.missing if low <= place)

    def place_of(self, seq: int) -> int:
        """The last place that has no larger number than this."""
        place = seq + self.base
        for low, high in self.missing:
            if low <= place + 1:
                place += high - low + 1
        return place
