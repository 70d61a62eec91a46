# SPDX-License-Identifier: Apache-2.0
"""Scattered storage: an article lies in several places; choose where to pick so that the whole tour is shortest.

Exact where the search can be finished within its effort (it is for orders of 30 articles in thousands of places), else the best walk it met
with the gap to a proven lower bound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, gcd, inf

from central.tours.baskets import Basket
from central.tours.frontier import frontier_of
from central.tours.layout import Layout, LayoutError, Point, Spot, Stop
from central.tours.scattered_bound import Found, Prices, Relaxation, raise_bound, search
from central.tours.scattered_ways import Offer, Ways
from central.tours.tour import Tour, plan_tour

QUICK_ROUNDS, MORE_ROUNDS = 60, 150
LEAST_BEAM = 20
QUICK_EFFORT = 100_000
DEFAULT_EFFORT = 4_000_000


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
    articles = [article for article, quantity in wanted.items() if quantity > 0]
    _check_supply(wanted, articles, faces)
    offered = [face for face in faces if wanted.get(face.article, 0) > 0 and face.quantity > 0]
    reached = _Question(layout, {article: wanted[article] for article in articles}, offered, start, end).solve(effort)
    picks = _picks(layout, {article: wanted[article] for article in articles}, offered, reached.spots)
    tour = plan_tour(layout, list({face.stop: None for face, _ in picks}), start, end)
    return ScatteredTour(tour, picks, min(reached.lower_bound_mm, tour.walk_mm))


@dataclass(frozen=True, slots=True)
class _Reached:
    spots: frozenset[tuple[int, int]]
    lower_bound_mm: int


class _Question:
    """One search. A tour that never leaves the stretch between two crossings in which it starts and ends is not seen by it: then nothing is proven."""

    def __init__(self, layout: Layout, wanted: Mapping[str, int], faces: Sequence[Face], start: Point, end: Point) -> None:
        self._number = {article: number for number, article in enumerate(wanted)}
        self._basket = Basket(list(wanted.values()))
        spots = [layout.spot_of_stop(face.stop) for face in faces]
        ends = layout.spot_of_point(start), layout.spot_of_point(end)
        forced = _forced(wanted, faces)
        needed = [spot for face, spot in zip(faces, spots, strict=True) if face.article in forced]
        offers = [Offer(spot, self._basket.load({self._number[face.article]: face.quantity})) for face, spot in zip(faces, spots, strict=True)]
        self._steps = Ways(layout, self._basket).steps(needed, offers, *ends)
        self._relaxation = Relaxation(frontier_of(len(layout.rows)), self._steps, self._basket)
        self._grain_mm = _grain(layout, spots, ends)
        self._may_stay = ends[0].segment is not None and (ends[0].x_mm, ends[0].segment) == (ends[1].x_mm, ends[1].segment)

    def solve(self, effort: int) -> _Reached:
        prices = raise_bound(self._relaxation, Prices([0.0] * len(self._number), -inf), inf, QUICK_ROUNDS, self._grain_mm)
        quick = search(self._relaxation, prices, inf, self._beam(QUICK_EFFORT))
        if not quick.proven and not self._is_closed(quick, prices):
            prices = raise_bound(self._relaxation, prices, quick.length_mm, MORE_ROUNDS, self._grain_mm)
        thorough = quick
        if not quick.proven and not self._is_closed(quick, prices):
            thorough = search(self._relaxation, prices, quick.length_mm - self._grain_mm + 1, self._beam(effort))
        best = thorough if thorough.ways is not None else quick
        assert best.ways is not None, "a beam never loses the last full walk"
        bound = best.length_mm if quick.proven or thorough.proven else ceil(prices.bound / self._grain_mm - 1e-9) * self._grain_mm
        reached = frozenset((step.x_mm, y_mm) for step, way in best.ways for y_mm in way.reached)
        return _Reached(reached, 0 if self._may_stay else int(bound))

    def _beam(self, effort: int) -> int:
        """How many labels a step may keep, so that no more than `effort` are tried in all."""
        return max(LEAST_BEAM, effort // sum(len(step.ways) + 1 for step in self._steps))

    def _is_closed(self, found: Found, prices: Prices) -> bool:
        return found.ways is not None and prices.bound > found.length_mm - self._grain_mm + 1e-6


def _check_supply(wanted: Mapping[str, int], articles: Iterable[str], faces: Sequence[Face]) -> None:
    for article in articles:
        there = sum(face.quantity for face in faces if face.article == article)
        if there < wanted[article]:
            raise LayoutError(f"article {article}: {wanted[article]} wanted, {there} offered; offer more places or want less")


def _forced(wanted: Mapping[str, int], faces: Sequence[Face]) -> set[str]:
    """Articles whose places must all be visited."""
    there, least = Counter[str](), dict[str, int]()
    for face in faces:
        there[face.article] += face.quantity
        least[face.article] = min(least.get(face.article, face.quantity), face.quantity)
    return {article for article, quantity in wanted.items() if there[article] - least[article] < quantity}


def _grain(layout: Layout, spots: Iterable[Spot], ends: tuple[Spot, Spot]) -> int:
    """The least by which the lengths of two walks differ: everything lies on a grid, and a closed walk crosses each of its lines an even number of times."""
    xs = {column.x_mm for column in layout.columns} | {spot.x_mm for spot in (*spots, *ends)}
    ys = set(layout.rows) | {spot.y_mm for spot in (*spots, *ends)}
    grid = gcd(*(x_mm - ends[0].x_mm for x_mm in xs), *(y_mm - ends[0].y_mm for y_mm in ys))
    return max(1, grid) * (2 if ends[0] == ends[1] else 1)


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
