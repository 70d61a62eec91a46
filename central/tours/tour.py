# SPDX-License-Identifier: Apache-2.0
"""Plan one tour: the order of the stops, the walk and its length, by the method that fits the layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from central.tours.exact import shortest_edges
from central.tours.flows import shortest_arcs
from central.tours.general import DEFAULT_ROUNDS, general_path
from central.tours.layout import Layout, Point, Spot, Stop
from central.tours.walks import XY, directed_trail, trail
from central.tours.walks import length_mm as walked_mm


@dataclass(frozen=True, slots=True)
class Tour:
    """A planned tour.

    `length_mm` is the walk plus what the stops cost besides (levels, access); `walk_mm` the walk alone. `walk` goes from point to point along the
    layout's lines, from start to end. `method` is exact or heuristic; `exact` says that no shorter walk exists.
    """

    length_mm: int
    walk_mm: int
    order: tuple[Stop, ...]
    walk: tuple[Point, ...]
    method: str
    exact: bool


_SWEEP_WORK_MAX = 500_000
"""Columns times 5.2 to the power of the rows (the number of states, measured) that the exact sweep may take: about 0.2 s."""
_SWEEP_GROWTH = 5.2
DEFAULT_EFFORT = 100_000


def plan_tour(layout: Layout, stops: Sequence[Stop], start: Point, end: Point, *, rounds: int = DEFAULT_ROUNDS, effort: int = DEFAULT_EFFORT) -> Tour:
    """The shortest tour from `start` over all `stops` to `end`, or a short one where finding that would take too long.

    `rounds` and `effort` bound the work on floors with one-way aisles or very many cross aisles (see `general_path`, `shortest_arcs`); elsewhere
    the tour is always exact. The same question always gets the same tour. Raises LayoutError for a place that is not in the layout.
    """
    spots = [layout.spot_of_stop(stop) for stop in stops]
    walk, method, exact = walk_over(layout, spots, layout.spot_of_point(start), layout.spot_of_point(end), rounds, effort)
    walk_mm = walked_mm(walk)
    reached = {xy: number for number, xy in reversed(list(enumerate(walk)))}
    order = tuple(stop for _, stop in sorted(zip(spots, stops, strict=True), key=lambda pair: reached[_xy(pair[0])]))
    return Tour(walk_mm + layout.standing_cost_mm(stops), walk_mm, order, tuple(Point(*xy) for xy in walk), method, exact)


def walk_over(layout: Layout, spots: Sequence[Spot], start: Spot, end: Spot, rounds: int, effort: int) -> tuple[list[XY], str, bool]:
    """The points of the walk, by which method, and whether it is proven to be the shortest."""
    if layout.one_way:
        return _one_way_walk(layout, spots, start, end, rounds, effort)
    if is_swept(layout):
        _, edges = shortest_edges(layout, spots, start, end)
        return trail(edges, _xy(start), _xy(end)), "exact", True
    path = general_path(layout, spots, start, end, rounds=rounds)
    return list(path.points), "exact" if path.exact else "heuristic", path.exact


def is_swept(layout: Layout) -> bool:
    """Whether tours on this floor are found by the exact sweep."""
    return not layout.one_way and len(layout.columns) * _SWEEP_GROWTH ** len(layout.rows) <= _SWEEP_WORK_MAX


def _one_way_walk(layout: Layout, spots: Sequence[Spot], start: Spot, end: Spot, rounds: int, effort: int) -> tuple[list[XY], str, bool]:
    """A quick path first: it tells the exact search which partial walks are hopeless. What that cannot finish is improved by rounds."""
    path = general_path(layout, spots, start, end, rounds=0)
    if not path.exact and len({(spot.x_mm, spot.segment) for spot in (*spots, start, end)}) > 1:
        _, arcs, proven = shortest_arcs(layout, spots, start, end, path.walk_mm, effort)
        if arcs is not None:
            return directed_trail(arcs, _xy(start), _xy(end)), "exact", True
        path = path._replace(exact=True) if proven else general_path(layout, spots, start, end, rounds=rounds)
    return list(path.points), "exact" if path.exact else "heuristic", path.exact


def _xy(spot: Spot) -> XY:
    return spot.x_mm, spot.y_mm
