# SPDX-License-Identifier: Apache-2.0
"""The walkable lines of a warehouse: parallel aisles crossed by cross aisles, in the site's own coordinates.

    y
    ^   |     |     |
    |  -+-----+-----+--   cross aisle (a row)
    |   |     |     |
    |   |     |     |     aisles (columns), at any spacing; aisles of one x make one column
    |  -+-----+-----+--   cross aisle
    |   |           |
    +-------------------> x

All lengths are whole millimetres. Distances are walked along these lines; a cross aisle is open to both sides, an aisle may be one-way.
An aisle need not reach every cross aisle; what hangs over the last one it reaches is a dead end.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from central.errors import DomainError

DIRECTIONS = ("both", "up", "down")


class LayoutError(DomainError, ValueError):
    """Aisles, places or points that do not make a warehouse one can walk in. Code `bad_layout`; the message names the aisle, bin or point."""

    def __init__(self, message: str) -> None:
        super().__init__("bad_layout", message)


@dataclass(frozen=True, slots=True)
class Aisle:
    """One aisle: the middle line x between two values of y; `direction` is both, up (towards higher y) or down."""

    code: str
    x_mm: int
    y_from_mm: int
    y_to_mm: int
    direction: str = "both"


@dataclass(frozen=True, order=True, slots=True)
class Point:
    """A point of the floor."""

    x_mm: int
    y_mm: int


@dataclass(frozen=True, slots=True)
class Stop:
    """A bin to be visited: where on its aisle one stands (`y_mm`, the site's coordinate), on which level it is (0: floor).

    `access_mm` is what it costs besides, in millimetres of walking: the way from the aisle's line to a bin off the line and back.
    """

    code: str
    aisle: str
    y_mm: int
    level: int = 0
    access_mm: int = 0


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a column without a crossing inside: between two neighbouring rows (a link) or a dead end that hangs on one row."""

    y_low_mm: int
    y_high_mm: int
    low_row: int | None
    high_row: int | None
    direction: str

    @property
    def is_link(self) -> bool:
        """Whether both ends lie on a row."""
        return self.low_row is not None and self.high_row is not None


@dataclass(frozen=True, slots=True)
class Column:
    """All aisles of one x, cut at the rows; segments from low y to high."""

    x_mm: int
    segments: tuple[Segment, ...]
    complete: bool
    """Whether one can walk from the first row to the last in it."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a point lies: on a crossing or elsewhere on a row (`row` is set), or inside a segment of a column (`segment` is its index)."""

    x_mm: int
    y_mm: int
    row: int | None
    segment: int | None


class Layout:
    """A checked warehouse floor. Immutable after construction; raises LayoutError for aisles that cannot be walked.

    `level_cost_mm` is what each level above the floor adds to a stop, in millimetres of walking that take the same time.
    """

    def __init__(self, aisles: Iterable[Aisle], cross_aisles_y_mm: Iterable[int], *, level_cost_mm: int = 0) -> None:
        self.aisles: dict[str, Aisle] = {}
        for aisle in aisles:
            if aisle.code in self.aisles:
                raise LayoutError(f"aisle {aisle.code}: stands twice in the layout; give each aisle its own code")
            _check(aisle)
            self.aisles[aisle.code] = aisle
        self.rows = tuple(sorted(set(cross_aisles_y_mm)))
        self.level_cost_mm = level_cost_mm
        if not self.aisles or not self.rows:
            raise LayoutError("a layout needs at least one aisle and one cross aisle; add them to the site")
        by_x: dict[int, list[Aisle]] = {}
        for aisle in self.aisles.values():
            by_x.setdefault(aisle.x_mm, []).append(aisle)
        self.columns = tuple(_column(x_mm, by_x[x_mm], self.rows) for x_mm in sorted(by_x))
        for row in range(len(self.rows) - 1):
            self._check_passage(row)
        self.column_of = {column.x_mm: index for index, column in enumerate(self.columns)}
        self.row_of = {y_mm: index for index, y_mm in enumerate(self.rows)}
        self.one_way = any(aisle.direction != "both" for aisle in self.aisles.values())

    def spot_of_stop(self, stop: Stop) -> Spot:
        """Where a picker stands for the stop; raises LayoutError when its aisle is unknown or does not reach there."""
        aisle = self.aisles.get(stop.aisle)
        if aisle is None:
            raise LayoutError(f"bin {stop.code}: its aisle {stop.aisle or '(none)'} is not in the layout; correct the bin or add the aisle")
        if not aisle.y_from_mm <= stop.y_mm <= aisle.y_to_mm:
            raise LayoutError(
                f"bin {stop.code}: y {stop.y_mm} mm lies outside aisle {aisle.code}, which runs from {aisle.y_from_mm} to {aisle.y_to_mm} mm; "
                "correct the bin's coordinate or the aisle's ends"
            )
        if stop.level < 0 or stop.access_mm < 0:
            raise LayoutError(f"bin {stop.code}: level and access_mm are 0 or more")
        return self._spot(aisle.x_mm, stop.y_mm)

    def spot_of_point(self, point: Point) -> Spot:
        """Where a start or end lies; raises LayoutError when it is neither on an aisle nor on a cross aisle (see `nearest`)."""
        if point.y_mm in self.row_of:
            return Spot(point.x_mm, point.y_mm, self.row_of[point.y_mm], None)
        if point.x_mm in self.column_of and self._segment_at(self.column_of[point.x_mm], point.y_mm) is not None:
            return self._spot(point.x_mm, point.y_mm)
        raise LayoutError(f"point ({point.x_mm}, {point.y_mm}) mm lies neither on an aisle nor on a cross aisle; take the nearest point of the layout")

    def nearest(self, x_mm: int, y_mm: int) -> tuple[Point, int]:
        """The point of the layout nearest to any point of the floor (ties: the smallest), and how far it is, one way, walked at right angles."""
        found = [Point(x_mm, row) for row in self.rows]
        found += [Point(aisle.x_mm, min(max(y_mm, aisle.y_from_mm), aisle.y_to_mm)) for aisle in self.aisles.values()]
        distance_mm, point = min((abs(point.x_mm - x_mm) + abs(point.y_mm - y_mm), point) for point in found)
        return point, distance_mm

    def standing_cost_mm(self, stops: Iterable[Stop]) -> int:
        """What the stops cost besides the walk: levels and access. It does not depend on the order."""
        return sum(stop.level * self.level_cost_mm + stop.access_mm for stop in stops)

    def _check_passage(self, row: int) -> None:
        """Cross aisles are open to both sides, so that one gets everywhere if one can go from each to the next and back."""
        directions = {segment.direction for column in self.columns for segment in column.segments if segment.low_row == row and segment.is_link}
        where = f"cross aisles at y {self.rows[row]} and {self.rows[row + 1]} mm"
        if not directions:
            raise LayoutError(f"{where}: no aisle leads from one to the other; add it, or make them two layouts")
        if directions == {"up"} or directions == {"down"}:
            raise LayoutError(f"{where}: all aisles between them are one-way {directions.pop()}, nobody comes back; turn one of them round")

    def _spot(self, x_mm: int, y_mm: int) -> Spot:
        row = self.row_of.get(y_mm)
        return Spot(x_mm, y_mm, row, None if row is not None else self._segment_at(self.column_of[x_mm], y_mm))

    def _segment_at(self, column: int, y_mm: int) -> int | None:
        segments = self.columns[column].segments
        index = bisect_right(segments, y_mm, key=lambda segment: segment.y_low_mm) - 1
        return index if index >= 0 and y_mm <= segments[index].y_high_mm else None


def _check(aisle: Aisle) -> None:
    if aisle.direction not in DIRECTIONS:
        raise LayoutError(f"aisle {aisle.code}: direction {aisle.direction!r} is not one of {', '.join(DIRECTIONS)}")
    if aisle.y_from_mm >= aisle.y_to_mm:
        raise LayoutError(f"aisle {aisle.code}: runs from {aisle.y_from_mm} to {aisle.y_to_mm} mm; the first end must be the lower one")


def _column(x_mm: int, aisles: Sequence[Aisle], rows: tuple[int, ...]) -> Column:
    aisles = sorted(aisles, key=lambda aisle: aisle.y_from_mm)
    for below, above in pairwise(aisles):
        if above.y_from_mm < below.y_to_mm:
            raise LayoutError(f"aisles {below.code} and {above.code}: lie over each other at x {x_mm} mm; correct their coordinates")
    segments: list[Segment] = []
    for run in _runs(aisles):
        segments += _cut(run, rows)
    links = sum(1 for segment in segments if segment.is_link)
    return Column(x_mm, tuple(segments), links == len(rows) - 1)


def _runs(aisles: Sequence[Aisle]) -> list[list[Aisle]]:
    """Aisles of one x that touch, end to end, are walked as one."""
    runs: list[list[Aisle]] = [[aisles[0]]]
    for below, above in pairwise(aisles):
        if above.y_from_mm == below.y_to_mm:
            runs[-1].append(above)
        else:
            runs.append([above])
    return runs


def _cut(run: Sequence[Aisle], rows: tuple[int, ...]) -> list[Segment]:
    """The run cut at every row that crosses it."""
    low_mm, high_mm = run[0].y_from_mm, run[-1].y_to_mm
    inside = [row for row in rows if low_mm <= row <= high_mm]
    if not inside:
        raise LayoutError(f"aisle {run[0].code}: reaches no cross aisle between y {low_mm} and {high_mm} mm; one cannot walk into it")
    index = {row: number for number, row in enumerate(rows)}
    ends = sorted({low_mm, high_mm, *inside})
    return [Segment(low, high, index.get(low), index.get(high), _direction(run, low, high, index)) for low, high in pairwise(ends)]


def _direction(run: Sequence[Aisle], low_mm: int, high_mm: int, row_of: dict[int, int]) -> str:
    within = [aisle for aisle in run if aisle.y_from_mm < high_mm and aisle.y_to_mm > low_mm]
    directions = {aisle.direction for aisle in within} - {"both"}
    if len(directions) > 1:
        raise LayoutError(f"aisles {' and '.join(aisle.code for aisle in within)}: point against each other between y {low_mm} and {high_mm} mm")
    direction = directions.pop() if directions else "both"
    if direction != "both" and not (low_mm in row_of and high_mm in row_of):
        raise LayoutError(
            f"aisle {within[0].code}: is one-way into a dead end between y {low_mm} and {high_mm} mm; make it `both` or let it reach a cross aisle"
        )
    return direction
