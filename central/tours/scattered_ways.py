# SPDX-License-Identifier: Apache-2.0
"""Ways through a layout that choose what they pick: the steps of the exact sweep, each choice with what it passes.

What a way passes is a load (see `baskets`). Of the ways through a stretch only those are kept that cannot be shortened without losing something.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from central.tours.baskets import Basket
from central.tours.exact import Needs, columns_of, needs_of
from central.tours.frontier import Moves, frontier_of
from central.tours.layout import Column, Layout, Segment, Spot
from central.tours.passes import dead_end


class Offer(NamedTuple):
    """A place that may be visited and the load that it gives."""

    spot: Spot
    load: int


class Way(NamedTuple):
    """One choice of a step: the moves it makes (none: the state stays), its length, the load it passes and the y of the places it reaches."""

    moves: Moves | None
    length_mm: int
    load: int
    reached: tuple[int, ...]


class WayStep(NamedTuple):
    """A step of the sweep: ways within a column, or (no ways) on to the next column over `width_mm`."""

    ways: tuple[Way, ...]
    x_mm: int
    width_mm: int
    may_end: bool


class _Mark(NamedTuple):
    place: int
    turns: bool
    needed: bool
    load: int


Marks = dict[tuple[str, int], dict[int, _Mark]]
"""Of one column: by ("row", index) or ("segment", index), then by y."""


class Ways:
    """Makes the sweep over all columns in which something is needed or offered."""

    def __init__(self, layout: Layout, basket: Basket) -> None:
        self._layout = layout
        self._basket = basket
        self._frontier = frontier_of(len(layout.rows))

    def steps(self, needed: Sequence[Spot], offers: Sequence[Offer], start: Spot, end: Spot) -> list[WayStep]:
        """The sweep's steps, from left to right. The tour visits everything needed and whatever it likes of the offers."""
        needs = needs_of(needed, start, end)
        columns = columns_of(self._layout, needs_of([*needed, *(offer.spot for offer in offers)], start, end))
        last_needed = max(needs)
        steps: list[WayStep] = []
        for index, (x_mm, column) in enumerate(columns):
            if index:
                steps.append(WayStep((), columns[index - 1][0], x_mm - columns[index - 1][0], False))
            marks = self._marks(needs.get(x_mm), [offer for offer in offers if offer.spot.x_mm == x_mm])
            steps += [WayStep(tuple(ways), x_mm, 0, False) for ways in self._column_ways(column, marks)]
            if x_mm >= last_needed and steps:
                steps[-1] = steps[-1]._replace(may_end=True)
        return steps

    def _marks(self, need: Needs | None, offers: Sequence[Offer]) -> Marks:
        marks: Marks = {}
        if need is not None:
            for row, turns in need.rows.items():
                marks["row", row] = {self._layout.rows[row]: _Mark(self._layout.rows[row], turns, True, 0)}
            for segment, places in need.segments.items():
                marks["segment", segment] = {y_mm: _Mark(y_mm, turns, True, 0) for y_mm, turns in places.items()}
        for spot, load in offers:
            key = ("segment", spot.segment) if spot.segment is not None else ("row", spot.row or 0)
            here = marks.setdefault(key, {})
            mark = here.get(spot.y_mm, _Mark(spot.y_mm, False, False, 0))
            here[spot.y_mm] = mark._replace(load=self._basket.merge(mark.load, load))
        return marks

    def _column_ways(self, column: Column | None, marks: Marks) -> Iterator[Iterator[Way]]:
        for (kind, row), places in marks.items():
            if kind == "row":
                yield self._row_ways(row, *places.values())
        for index, segment in enumerate(column.segments if column is not None else ()):
            here = sorted(marks.get(("segment", index), {}).values())
            if segment.low_row is not None and segment.high_row is not None:
                yield self._link_ways(segment, segment.low_row, here)
            elif here:
                yield self._dead_end_ways(segment, here)

    def _row_ways(self, row: int, mark: _Mark) -> Iterator[Way]:
        if not mark.needed:
            yield Way(None, 0, 0, ())
        yield Way(self._frontier.stub(row, 1 if mark.turns else 2), 0, mark.load, (mark.place,))

    def _link_ways(self, segment: Segment, row: int, marks: list[_Mark]) -> Iterator[Way]:
        best: dict[tuple[int, int, bool, int], tuple[int, tuple[int, ...]]] = {}
        bounds = [segment.y_low_mm, *(mark.place for mark in marks), segment.y_high_mm]
        below = list(accumulate((mark.load for mark in marks), self._basket.merge, initial=0))
        above = list(accumulate((mark.load for mark in reversed(marks)), self._basket.merge, initial=0))[::-1]
        for first_odd in (True, False):
            odd = list(accumulate((mark.turns for mark in marks), lambda before, turns: before != turns, initial=first_odd))
            whole_mm = sum((high - low) * (1 if is_odd else 2) for (low, high), is_odd in zip(pairwise(bounds), odd, strict=True))
            low_degree, high_degree = 1 if odd[0] else 2, 1 if odd[-1] else 2
            found = [((low_degree, high_degree, True, below[-1]), (whole_mm, tuple(bounds[1:-1])))]
            for first, last in self._gaps(marks, odd, below, above):
                load = self._basket.merge(below[first], above[last])
                kind = (low_degree if first else 0, high_degree if last < len(marks) else 0, False, load)
                reached = (*bounds[1 : first + 1], *bounds[last + 1 : -1])
                found.append((kind, (whole_mm - 2 * (bounds[last + 1] - bounds[first]), reached)))
            for kind, way in found:
                if kind not in best or way < best[kind]:
                    best[kind] = way
        for (low, high, joined, load), (length_mm, reached) in best.items():
            yield Way(self._frontier.link(row, low, high, joined), length_mm, load, reached)

    def _gaps(self, marks: list[_Mark], odd: list[bool], below: list[int], above: list[int]) -> Iterator[tuple[int, int]]:
        """Which marks may be left out: those from the first index up to, not including, the last; none that is needed.

        A gap that could be wider without losing anything is not worth a look.
        """
        for first in range(len(marks) + 1):
            if odd[first]:
                continue
            for last in range(first, len(marks) + 1):
                if last > first and marks[last - 1].needed:
                    break
                lower = first > 0 and self._is_idle(marks[first - 1], below[first - 1], above[last])
                higher = last < len(marks) and self._is_idle(marks[last], below[first], above[last + 1])
                if not lower and not higher:
                    yield first, last

    def _is_idle(self, mark: _Mark, below: int, above: int) -> bool:
        """Whether a mark may be left out and gives nothing that is not passed anyway."""
        others = self._basket.merge(below, above)
        return not mark.needed and self._basket.merge(others, mark.load) == others

    def _dead_end_ways(self, segment: Segment, marks: list[_Mark]) -> Iterator[Way]:
        """Every depth that adds something, from the deepest place that is needed on."""
        hangs_low = segment.low_row is not None
        row, base = (segment.low_row, segment.y_low_mm) if hangs_low else (segment.high_row, segment.y_high_mm)
        assert row is not None
        ordered = marks if hangs_low else marks[::-1]
        least = max((depth for depth, mark in enumerate(ordered, start=1) if mark.needed), default=0)
        if not least:
            yield Way(None, 0, 0, ())
        passed = 0
        for depth, mark in enumerate(ordered, start=1):
            before, passed = passed, self._basket.merge(passed, mark.load)
            if depth == least or (depth > least and passed != before):
                end = dead_end(tuple((abs(each.place - base), each.turns) for each in ordered[:depth]))
                yield Way(self._frontier.stub(row, end.degree), end.length_mm, passed, tuple(each.place for each in ordered[:depth]))
