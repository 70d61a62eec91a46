# SPDX-License-Identifier: Apache-2.0
"""Choosing places: a quick beam, a better bound, a wider beam; what is then not proven is improved piece by piece and searched once more.

A piece: some articles may move to other places while all others stay where they are picked; so small a question is mostly answered exactly.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from math import ceil, gcd, inf
from typing import NamedTuple

from central.tours.baskets import Basket
from central.tours.frontier import frontier_of
from central.tours.layout import Layout, Spot
from central.tours.scattered_bound import Found, Prices, Relaxation, raise_bound, search
from central.tours.scattered_ways import Offer, Ways

QUICK_ROUNDS, MORE_ROUNDS, PIECE_ROUNDS = 60, 150, 8
QUICK_EFFORT, WIDER_EFFORT, PIECE_EFFORT = 100_000, 500_000, 60_000
PIECE_SIZES = (5, 8, 12)
LEAST_BEAM = 20
_SIDEWAYS = 8
"""How much farther apart two places on different aisles are taken to be, by which pieces of neighbours are drawn."""


class Supply(NamedTuple):
    """A place where an article (by number) can be picked, and how much of it."""

    article: int
    spot: Spot
    quantity: int


class Reached(NamedTuple):
    """A walk that passes enough of everything: its length and the places (x, y) that it can pick at. No such walk is shorter than the bound."""

    length_mm: float
    places: frozenset[tuple[int, int]]
    lower_bound_mm: int


class Choosing:
    """One question: so much of each article, in some of these places, on a walk from one end to the other.

    A tour that never leaves the stretch between two crossings in which it starts and ends is not seen by the search: then nothing is proven.
    """

    def __init__(self, layout: Layout, wanted: Sequence[int], supplies: Sequence[Supply], ends: tuple[Spot, Spot]) -> None:
        self._layout, self._wanted, self._supplies, self._ends = layout, wanted, supplies, ends
        self._by_article: list[list[Supply]] = [[] for _ in wanted]
        for supply in supplies:
            self._by_article[supply.article].append(supply)
        self._grain_mm = _grain(layout, [supply.spot for supply in supplies], ends)
        self._may_stay = ends[0].segment is not None and (ends[0].x_mm, ends[0].segment) == (ends[1].x_mm, ends[1].segment)

    def solve(self, effort: int) -> Reached:
        """The best walk that about so many tries find; more are only made where it is not proven to be the shortest."""
        whole = self._relaxation(range(len(self._wanted)), [])
        prices = raise_bound(whole, Prices([0.0] * len(self._wanted), -inf), inf, QUICK_ROUNDS, self._grain_mm)
        found = search(whole, prices, inf, _beam(whole, min(effort, QUICK_EFFORT)))
        best, proven = _places(found), found.proven
        if not proven and not self._closes(prices, found.length_mm):
            prices = raise_bound(whole, prices, found.length_mm, MORE_ROUNDS, self._grain_mm)
        length_mm = found.length_mm
        for share in (min(effort, WIDER_EFFORT), effort):
            if proven or self._closes(prices, length_mm):
                break
            if share > WIDER_EFFORT:
                length_mm, best = self._improved(prices, length_mm, best, share // 2 // PIECE_EFFORT)
            found = search(whole, prices, length_mm - self._grain_mm + 1, _beam(whole, share))
            proven = found.proven
            if found.ways is not None:
                length_mm, best = found.length_mm, _places(found)
        bound = length_mm if proven else min(length_mm, ceil(prices.bound / self._grain_mm - 1e-9) * self._grain_mm)
        return Reached(length_mm, best, 0 if self._may_stay else int(bound))

    def _improved(self, prices: Prices, length_mm: float, best: frozenset[tuple[int, int]], pieces: int) -> tuple[float, frozenset[tuple[int, int]]]:
        """Piece after piece; what is as long is taken too, it leads elsewhere."""
        rng = random.Random(1)  # noqa: S311 - pieces, not secrets
        for _ in range(pieces):
            chosen = self._chosen(best)
            free = self._piece(chosen, rng)
            fixed = [supply.spot for article, supplies in enumerate(chosen) if article not in free for supply in supplies]
            part = self._relaxation(free, fixed)
            started = Prices([prices.prices[article] for article in free], -inf)
            found = search(part, raise_bound(part, started, length_mm, PIECE_ROUNDS, self._grain_mm), length_mm + 1, _beam(part, PIECE_EFFORT))
            if found.ways is not None:
                length_mm, best = found.length_mm, _places(found)
        return length_mm, best

    def _piece(self, chosen: Sequence[Sequence[Supply]], rng: random.Random) -> list[int]:
        """Articles that may move: neighbours of one of them, or any."""
        articles = range(len(chosen))
        size = min(rng.choice(PIECE_SIZES), len(chosen))
        if rng.random() < 0.4:
            return rng.sample(articles, size)
        centre = rng.choice(rng.choice(chosen)).spot
        far = {article: min(_distance(supply.spot, centre) for supply in chosen[article]) + rng.random() for article in articles}
        return sorted(articles, key=lambda article: far[article])[:size]

    def _chosen(self, places: frozenset[tuple[int, int]]) -> list[list[Supply]]:
        """Of what a walk passes, what is picked: of each article the fullest places, until it is enough."""
        found: list[list[Supply]] = []
        for supplies, missing in zip(self._by_article, self._wanted, strict=True):
            found.append([])
            for supply in sorted((each for each in supplies if (each.spot.x_mm, each.spot.y_mm) in places), key=lambda each: -each.quantity):
                if missing > 0:
                    found[-1].append(supply)
                    missing -= supply.quantity
        return found

    def _relaxation(self, articles: Iterable[int], fixed: Sequence[Spot]) -> Relaxation:
        """The question for some articles, with places that are visited anyway; what can only be picked in all of its places is, there."""
        numbers = {article: number for number, article in enumerate(articles)}
        basket = Basket([self._wanted[article] for article in numbers])
        offers: list[Offer] = []
        needed = list(fixed)
        for article, number in numbers.items():
            supplies = self._by_article[article]
            offers += [Offer(supply.spot, basket.load({number: supply.quantity})) for supply in supplies]
            if sum(supply.quantity for supply in supplies) - min(supply.quantity for supply in supplies) < self._wanted[article]:
                needed += [supply.spot for supply in supplies]
        steps = Ways(self._layout, basket).steps(needed, offers, *self._ends)
        return Relaxation(frontier_of(len(self._layout.rows)), steps, basket)

    def _closes(self, prices: Prices, length_mm: float) -> bool:
        """Whether the bound leaves no room for a shorter walk."""
        return prices.bound > length_mm - self._grain_mm + 1e-6


def _beam(relaxation: Relaxation, effort: int) -> int:
    """How many labels a step may keep, so that about `effort` are tried in all."""
    return max(LEAST_BEAM, effort // sum(len(step.ways) + 1 for step in relaxation.steps))


def _places(found: Found) -> frozenset[tuple[int, int]]:
    assert found.ways is not None, "a beam never loses the last full walk"
    return frozenset((step.x_mm, y_mm) for step, way in found.ways for y_mm in way.reached)


def _distance(one: Spot, other: Spot) -> int:
    return _SIDEWAYS * abs(one.x_mm - other.x_mm) + abs(one.y_mm - other.y_mm)


def _grain(layout: Layout, spots: Iterable[Spot], ends: tuple[Spot, Spot]) -> int:
    """The least by which the lengths of two walks differ: all lies on a grid, and a closed walk crosses each of its lines an even number of times."""
    xs = {column.x_mm for column in layout.columns} | {spot.x_mm for spot in (*spots, *ends)}
    ys = set(layout.rows) | {spot.y_mm for spot in (*spots, *ends)}
    grid = gcd(*(x_mm - ends[0].x_mm for x_mm in xs), *(y_mm - ends[0].y_mm for y_mm in ys))
    return max(1, grid) * (2 if ends[0] == ends[1] else 1)
