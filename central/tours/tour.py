# SPDX-License-Identifier: Apache-2.0
"""Plan one tour: the order of the stops, the walk and its length, by the method that fits the layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from central.tours.exact import shortest_edges
from central.tours.layout import Layout, Point, Stop
from central.tours.walks import trail


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


def plan_tour(layout: Layout, stops: Sequence[Stop], start: Point, end: Point) -> Tour:
    """The shortest tour from `start` over all `stops` to `end`. Raises LayoutError for a place that is not in the layout."""
    spots = [layout.spot_of_stop(stop) for stop in stops]
    first, last = layout.spot_of_point(start), layout.spot_of_point(end)
    walk_mm, edges = shortest_edges(layout, spots, first, last)
    walk = tuple(Point(*xy) for xy in trail(edges, (start.x_mm, start.y_mm), (end.x_mm, end.y_mm)))
    reached = {point: number for number, point in reversed(list(enumerate(walk)))}
    order = tuple(stop for _, stop in sorted(zip(spots, stops, strict=True), key=lambda pair: reached[Point(pair[0].x_mm, pair[0].y_mm)]))
    return Tour(walk_mm + layout.standing_cost_mm(stops), walk_mm, order, walk, "exact", True)
