# SPDX-License-Identifier: Apache-2.0
"""Shortest ways from place to place on a floor, one-way aisles respected."""

from __future__ import annotations

from functools import lru_cache
from heapq import heappop, heappush
from typing import NamedTuple

from central.tours.layout import Layout, Segment, Spot

Crossing = tuple[int, int]
"""A point (x, y) where a column meets a row."""
XY = tuple[int, int]


class Access(NamedTuple):
    """How a place hangs on the crossings around it: ways out to them and ways in from them, in millimetres."""

    out: tuple[tuple[Crossing, int], ...]
    into: tuple[tuple[Crossing, int], ...]


class Streets:
    """The crossings of one layout and the shortest ways between them, worked out when first asked for. Use `streets_of`."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._from: dict[Crossing, tuple[dict[Crossing, int], dict[Crossing, Crossing]]] = {}
        self._next: dict[Crossing, list[tuple[Crossing, int]]] = {(column.x_mm, y_mm): [] for column in layout.columns for y_mm in layout.rows}
        for y_mm in layout.rows:
            for left, right in zip(layout.columns, layout.columns[1:], strict=False):
                self._connect((left.x_mm, y_mm), (right.x_mm, y_mm), "both")
        for column in layout.columns:
            for segment in column.segments:
                if segment.is_link:
                    self._connect((column.x_mm, segment.y_low_mm), (column.x_mm, segment.y_high_mm), segment.direction)

    def access(self, spot: Spot) -> Access:
        """The crossings next to a place."""
        column = self._layout.column_of.get(spot.x_mm)
        if spot.row is not None:
            ends = [((spot.x_mm, spot.y_mm), 0)] if column is not None else self._beside(spot)
            return Access(tuple(ends), tuple(ends))
        assert column is not None
        assert spot.segment is not None
        segment = self._layout.columns[column].segments[spot.segment]
        low = _end(spot, segment.low_row, segment.y_low_mm)
        high = _end(spot, segment.high_row, segment.y_high_mm)
        return Access(
            (low if segment.direction != "up" else ()) + (high if segment.direction != "down" else ()),
            (low if segment.direction != "down" else ()) + (high if segment.direction != "up" else ()),
        )

    def straight(self, start: Spot, end: Spot) -> int | None:
        """The way along one line without a crossing between, if there is one."""
        if start.row is not None and start.row == end.row:
            return abs(start.x_mm - end.x_mm)
        if (start.x_mm, start.segment) != (end.x_mm, end.segment) or start.segment is None:
            return None
        direction = self._segment(start).direction
        if start.y_mm != end.y_mm and direction == ("up" if start.y_mm > end.y_mm else "down"):
            return None
        return abs(start.y_mm - end.y_mm)

    def way(self, start: Spot, end: Spot) -> tuple[int, list[XY]]:
        """The shortest way between two places: its length and its points, both ends included."""
        best: tuple[int, list[Crossing]] | None = None
        direct = self.straight(start, end)
        if direct is not None:
            best = direct, []
        for first, out_mm in self.access(start).out:
            for last, into_mm in self.access(end).into:
                between = self.between(first).get(last)
                if between is not None and (best is None or out_mm + between + into_mm < best[0]):
                    best = out_mm + between + into_mm, self._path(first, last)
        assert best is not None, "a layout is connected in every direction"
        points = [(start.x_mm, start.y_mm), *best[1], (end.x_mm, end.y_mm)]
        return best[0], [point for index, point in enumerate(points) if not index or point != points[index - 1]]

    def between(self, crossing: Crossing) -> dict[Crossing, int]:
        """The distances from one crossing to all that can be reached."""
        return self._reach(crossing)[0]

    def _segment(self, spot: Spot) -> Segment:
        assert spot.segment is not None
        return self._layout.columns[self._layout.column_of[spot.x_mm]].segments[spot.segment]

    def _connect(self, one: Crossing, other: Crossing, direction: str) -> None:
        length_mm = abs(one[0] - other[0]) + abs(one[1] - other[1])
        if direction != "down":
            self._next[one].append((other, length_mm))
        if direction != "up":
            self._next[other].append((one, length_mm))

    def _beside(self, spot: Spot) -> list[tuple[Crossing, int]]:
        """The crossings left and right of a place on a row between columns."""
        xs = [column.x_mm for column in self._layout.columns]
        near = [max((x_mm for x_mm in xs if x_mm < spot.x_mm), default=None), min((x_mm for x_mm in xs if x_mm > spot.x_mm), default=None)]
        return [((x_mm, spot.y_mm), abs(x_mm - spot.x_mm)) for x_mm in near if x_mm is not None]

    def _path(self, first: Crossing, last: Crossing) -> list[Crossing]:
        before = self._reach(first)[1]
        found = [last]
        while found[-1] != first:
            found.append(before[found[-1]])
        return found[::-1]

    def _reach(self, crossing: Crossing) -> tuple[dict[Crossing, int], dict[Crossing, Crossing]]:
        """Dijkstra's distances from a crossing and the crossing before each."""
        known = self._from.get(crossing)
        if known is not None:
            return known
        distances, before = {crossing: 0}, dict[Crossing, Crossing]()
        queue = [(0, crossing)]
        while queue:
            distance, here = heappop(queue)
            if distance > distances[here]:
                continue
            for there, length_mm in self._next[here]:
                if distance + length_mm < distances.get(there, distance + length_mm + 1):
                    distances[there], before[there] = distance + length_mm, here
                    heappush(queue, (distance + length_mm, there))
        self._from[crossing] = distances, before
        return distances, before


def _end(spot: Spot, row: int | None, y_mm: int) -> tuple[tuple[Crossing, int], ...]:
    return () if row is None else (((spot.x_mm, y_mm), abs(y_mm - spot.y_mm)),)


@lru_cache(maxsize=16)
def streets_of(layout: Layout) -> Streets:
    """The streets of a layout, made once for it."""
    return Streets(layout)
