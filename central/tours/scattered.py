# SPDX-License-Identifier: Apache-2.0
"""Scattered storage: an article lies in several places; choose where to pick so that the whole tour is shortest.

Exact where the search can be finished within its effort (it is for orders of 30 articles in thousands of places), else the best walk it met
with the gap to a proven lower bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from central.tours.layout import Layout, LayoutError, Point, Stop
from central.tours.scattered_search import Choosing, Supply
from central.tours.tour import Tour, plan_tour

DEFAULT_EFFORT = 3_000_000


@dataclass(frozen=True, slots=True)
class Face:
    """A place where an article can be picked, and how much of it."""

    article: str
    stop: Stop
    quantity: int


@dataclass(frozen=True, slots=True)
class ScatteredTour:
    """Where to pick how much, and the tour over these places. No tour for the same wishes is shorter than `lower_bound_mm`."""

    tour: Tour
    picks: tuple[tuple[Face, int], ...]
    lower_bound_mm: int

    @property
    def exact(self) -> bool:
        """Whether the walk is proven to be the shortest."""
        return self.tour.walk_mm <= self.lower_bound_mm


def plan_scattered(
    layout: Layout, wanted: Mapping[str, int], faces: Sequence[Face], start: Point, end: Point, *, effort: int = DEFAULT_EFFORT
) -> ScatteredTour:
    """Choose faces for all that is wanted and the shortest walk over them, from `start` to `end`.

    `effort` bounds the partial walks that are tried, about a million a second. The walk is what is minimised; on it, as few faces as
    possible, low levels first.
    Raises LayoutError when something wanted is not there, or the layout has one-way aisles.
    """
    if layout.one_way:
        raise LayoutError("choosing places needs aisles that are open both ways; choose the places first, then plan the tour")
    wishes = {article: quantity for article, quantity in wanted.items() if quantity > 0}
    _check_supply(wishes, faces)
    offered = [face for face in faces if face.article in wishes and face.quantity > 0]
    numbers = {article: number for number, article in enumerate(wishes)}
    supplies = [Supply(numbers[face.article], layout.spot_of_stop(face.stop), face.quantity) for face in offered]
    ends = layout.spot_of_point(start), layout.spot_of_point(end)
    reached = Choosing(layout, list(wishes.values()), supplies, ends).solve(effort)
    picks = _picks(layout, wishes, offered, reached.places)
    tour = plan_tour(layout, list(dict.fromkeys(face.stop for face, _ in picks)), start, end)
    return ScatteredTour(tour, picks, min(reached.lower_bound_mm, tour.walk_mm))


def _check_supply(wanted: Mapping[str, int], faces: Sequence[Face]) -> None:
    for article, quantity in wanted.items():
        there = sum(face.quantity for face in faces if face.article == article)
        if there < quantity:
            raise LayoutError(f"article {article}: {quantity} wanted, {there} offered; offer more places or want less")


def _picks(layout: Layout, wanted: Mapping[str, int], faces: Sequence[Face], reached: frozenset[tuple[int, int]]) -> tuple[tuple[Face, int], ...]:
    """What is taken where, of the faces that the walk reaches: the fullest first, then the lowest."""
    by_article: dict[str, list[Face]] = {article: [] for article in wanted}
    for face in faces:
        spot = layout.spot_of_stop(face.stop)
        if (spot.x_mm, spot.y_mm) in reached:
            by_article[face.article].append(face)
    picks: list[tuple[Face, int]] = []
    for article, missing in wanted.items():
        for face in sorted(
            by_article[article], key=lambda face: (-min(face.quantity, wanted[face.article]), layout.standing_cost_mm([face.stop]), face.stop.code)
        ):
            if missing:
                picks.append((face, min(missing, face.quantity)))
                missing -= picks[-1][1]
    return tuple(picks)
