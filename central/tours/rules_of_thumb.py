# SPDX-License-Identifier: Apache-2.0
"""What pickers do without a plan: the routes that exact tours are compared with, on floors of one block (two cross aisles).

Hall, "Distance approximations for routing manual pickers in a warehouse", IIE Transactions 25(4) 1993. Lengths only, from a start on a cross
aisle back to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from central.tours.layout import Layout, LayoutError, Point, Stop


def s_shape_mm(layout: Layout, stops: Sequence[Stop], start: Point) -> int:
    """Every aisle with a stop is walked through, from left to right; out of a last odd one, the way one came."""
    aisles, far_mm = _aisles(layout, stops, start)
    if not aisles:
        return 0
    last = aisles[max(aisles)]
    whole = len(aisles) // 2 * 2
    return _sideways(aisles, start) + whole * far_mm + (2 * last[-1] if len(aisles) % 2 else 0)


def largest_gap_mm(layout: Layout, stops: Sequence[Stop], start: Point) -> int:
    """The first and last aisle are walked through; the others entered from both ends up to the largest gap."""
    aisles, far_mm = _aisles(layout, stops, start)
    if not aisles:
        return 0
    if len(aisles) == 1:
        return _sideways(aisles, start) + 2 * next(iter(aisles.values()))[-1]
    inner = sorted(aisles)[1:-1]
    gaps = [max(high - low for low, high in pairwise((0, *aisles[x_mm], far_mm))) for x_mm in inner]
    return _sideways(aisles, start) + 2 * far_mm + sum(2 * (far_mm - gap) for gap in gaps)


def _aisles(layout: Layout, stops: Sequence[Stop], start: Point) -> tuple[dict[int, list[int]], int]:
    """By x, how far its stops are from the start's cross aisle; and how far the other cross aisle is."""
    if len(layout.rows) != 2 or start.y_mm not in layout.row_of:
        raise LayoutError("rules of thumb are for one block, two cross aisles, and a start on one of them")
    found: dict[int, set[int]] = {}
    for stop in stops:
        spot = layout.spot_of_stop(stop)
        found.setdefault(spot.x_mm, set()).add(abs(spot.y_mm - start.y_mm))
    return {x_mm: sorted(depths) for x_mm, depths in found.items()}, layout.rows[1] - layout.rows[0]


def _sideways(aisles: dict[int, list[int]], start: Point) -> int:
    left, right = min(aisles), max(aisles)
    return abs(start.x_mm - left) + (right - left) + abs(right - start.x_mm)
