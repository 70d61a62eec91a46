# SPDX-License-Identifier: Apache-2.0
"""Which orders are picked together: batches within a capacity whose tours are shortest in sum.

Savings by Clarke & Wright in the form that measures every merge anew (ii), then simulated annealing over moves and exchanges of orders; every
batch is measured by its exact tour. The same orders, seed and iterations give the same batches.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush, nsmallest
from math import exp, inf
from operator import add, le, sub

from central.errors import DomainError
from central.tours.exact import shortest_length_mm
from central.tours.layout import Layout, Point, Spot, Stop
from central.tours.tour import is_swept, walk_over
from central.tours.walks import length_mm

MERGES_TRIED, NEIGHBOURS_MIN, NEIGHBOURS_MAX = 4000, 4, 40
"""An order (or batch) is tried with so many others that a wave needs about 4,000 measurements to begin with; those that share most aisles."""
DEFAULT_ITERATIONS = 20_000
_FIRST_TEMPERATURE, _LAST_TEMPERATURE = 0.03, 0.0005
"""Of a batch's mean length: what a move may worsen it by, first and last."""
QUICK_EFFORT = 1000
"""Of the search with one-way aisles, for each of the thousands of batches that are measured."""
_CLOCK_EVERY = 64


class BatchError(DomainError, ValueError):
    """An order that fits into no batch. Code `order_exceeds_batch`."""

    def __init__(self, message: str) -> None:
        super().__init__("order_exceeds_batch", message)


@dataclass(frozen=True, slots=True)
class Order:
    """One order to be batched: its stops and what it takes of each capacity (e.g. totes, grams)."""

    code: str
    stops: tuple[Stop, ...]
    load: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Orders picked on one tour, in the order in which they were given, and the tour's walk."""

    orders: tuple[str, ...]
    walk_mm: int


class TourLengths:
    """Lengths of tours over many sets of places, from one start to one end; each set is worked out once."""

    def __init__(self, layout: Layout, start: Point, end: Point) -> None:
        self._layout = layout
        self._ends = layout.spot_of_point(start), layout.spot_of_point(end)
        self._swept = is_swept(layout)
        self._known: dict[frozenset[Spot], int] = {}

    def spots(self, stops: Iterable[Stop]) -> frozenset[Spot]:
        """The places of stops. Raises LayoutError for one that is not in the layout."""
        return frozenset(self._layout.spot_of_stop(stop) for stop in stops)

    def walk_mm(self, spots: frozenset[Spot]) -> int:
        """The shortest walk over the places; on floors where that takes too long, a short one."""
        known = self._known.get(spots)
        if known is None:
            known = self._known[spots] = shortest_length_mm(self._layout, spots, *self._ends) if self._swept else self._planned_mm(spots)
        return known

    def _planned_mm(self, spots: frozenset[Spot]) -> int:
        ordered = sorted(spots, key=lambda spot: (spot.x_mm, spot.y_mm))
        return length_mm(walk_over(self._layout, ordered, *self._ends, rounds=0, effort=QUICK_EFFORT)[0])


class _Wave:
    """The orders of one wave by number, and the walks of sets of them."""

    def __init__(self, lengths: TourLengths, orders: Sequence[Order], capacity: tuple[int, ...]) -> None:
        self.orders = orders
        self.capacity = capacity
        self._lengths = lengths
        self._spots = [lengths.spots(order.stops) for order in orders]
        aisles = {x_mm: 1 << n for n, x_mm in enumerate(sorted({spot.x_mm for spots in self._spots for spot in spots}))}
        self.columns = [sum({aisles[spot.x_mm] for spot in spots}) for spots in self._spots]
        """The aisles that each order needs, a bit for each: many thousand pairs are compared."""
        self._walks: dict[frozenset[int], int] = {frozenset(): 0}

    def walk_mm(self, members: frozenset[int]) -> int:
        known = self._walks.get(members)
        if known is None:
            known = self._walks[members] = self._lengths.walk_mm(frozenset().union(*(self._spots[number] for number in members)))
        return known

    def load(self, members: Iterable[int]) -> tuple[int, ...]:
        return tuple(sum(column) for column in zip(*(self.orders[number].load for number in members), strict=True))

    def fits(self, load: Iterable[int]) -> bool:
        return all(part <= most for part, most in zip(load, self.capacity, strict=True))


def batch_orders(
    layout: Layout,
    orders: Sequence[Order],
    capacity: tuple[int, ...],
    start: Point,
    end: Point,
    *,
    iterations: int = DEFAULT_ITERATIONS,
    seed: int = 1,
    seconds: float = inf,
    clock: Callable[[], float] | None = None,
) -> list[Batch]:
    """Batches for all orders, none above `capacity` (as many parts as each order's load). Never longer in sum than savings alone.

    `iterations` bounds the annealing; with a `clock` it also ends after `seconds` of it. Raises BatchError for an order that alone exceeds the capacity.
    """
    wave = _Wave(TourLengths(layout, start, end), orders, capacity)
    for order in orders:
        if len(order.load) != len(capacity) or not wave.fits(order.load):
            raise BatchError(f"order {order.code}: its load {order.load} does not fit into a batch of {capacity}; split it or pick it alone")
    batches = _Merger(wave).merged()
    if len(batches) > 1:
        deadline = inf if clock is None else clock() + seconds
        batches = _annealed(wave, batches, iterations, random.Random(seed), lambda: clock is not None and clock() > deadline)  # noqa: S311 - not a secret
    found = [Batch(tuple(orders[number].code for number in sorted(members)), wave.walk_mm(members)) for members in batches]
    return sorted(found, key=lambda batch: batch.orders)


class _Merger:
    """Clarke & Wright's savings: batches by number, and a heap of the merges that were measured."""

    def __init__(self, wave: _Wave) -> None:
        self._wave = wave
        self._members = {number: frozenset([number]) for number in range(len(wave.orders))}
        self._loads = {number: order.load for number, order in enumerate(wave.orders)}
        self._columns = dict(enumerate(wave.columns))
        self._next = len(wave.orders)
        self._heap: list[tuple[int, int, int]] = []
        self._neighbours = min(NEIGHBOURS_MAX, max(NEIGHBOURS_MIN, MERGES_TRIED // max(1, len(wave.orders))))

    def merged(self) -> list[frozenset[int]]:
        """Merge the two batches that save most, again and again, until nothing saves or fits.

        When the measured merges are used up, the batches that are left have other neighbours and are measured again.
        """
        before = 0
        while before != len(self._members):
            before = len(self._members)
            for number in list(self._members):
                self._measure(number)
            while self._heap:
                _, one, other = heappop(self._heap)
                if one in self._members and other in self._members:
                    self._measure(self._merge(one, other))
        return list(self._members.values())

    def _merge(self, one: int, other: int) -> int:
        fresh, self._next = self._next, self._next + 1
        self._loads[fresh] = tuple(map(add, self._loads.pop(one), self._loads.pop(other)))
        self._columns[fresh] = self._columns.pop(one) | self._columns.pop(other)
        self._members[fresh] = self._members.pop(one) | self._members.pop(other)
        return fresh

    def _measure(self, number: int) -> None:
        """What merging one batch with those nearest to it would save."""
        wave, members, columns = self._wave, self._members[number], self._columns[number]
        room = tuple(map(sub, wave.capacity, self._loads[number]))
        fitting = [((columns ^ self._columns[other]).bit_count(), other) for other, load in self._loads.items() if other != number and all(map(le, load, room))]
        for _, other in nsmallest(self._neighbours, fitting):
            others = self._members[other]
            saved = wave.walk_mm(members) + wave.walk_mm(others) - wave.walk_mm(members | others)
            if saved >= 0:
                heappush(self._heap, (-saved, min(number, other), max(number, other)))


def _annealed(wave: _Wave, batches: list[frozenset[int]], iterations: int, rng: random.Random, is_over: Callable[[], bool]) -> list[frozenset[int]]:
    """Simulated annealing from the savings' batches; the best batches met."""
    here = list(batches)
    length = shortest = sum(wave.walk_mm(members) for members in here)
    best = list(here)
    scale = length / len(here)
    cooling = (_LAST_TEMPERATURE / _FIRST_TEMPERATURE) ** (1 / max(1, iterations))
    temperature = _FIRST_TEMPERATURE * scale
    home = {number: index for index, members in enumerate(here) for number in members}
    for iteration in range(iterations):
        temperature *= cooling
        if iteration % _CLOCK_EVERY == 0 and is_over():
            break
        move = _proposed(wave, here, home, rng)
        if move is None:
            continue
        one, other, left, right = move
        change = wave.walk_mm(left) + wave.walk_mm(right) - wave.walk_mm(here[one]) - wave.walk_mm(here[other])
        if change > 0 and rng.random() >= exp(-change / temperature):
            continue
        here[one], here[other] = left, right
        home.update(dict.fromkeys(left, one))
        home.update(dict.fromkeys(right, other))
        length += change
        if length < shortest:
            best, shortest = list(here), length
    return [members for members in best if members]


def _proposed(wave: _Wave, here: list[frozenset[int]], home: dict[int, int], rng: random.Random) -> tuple[int, int, frozenset[int], frozenset[int]] | None:
    """An order to another batch, or two orders in each other's place; None if it does not fit."""
    number = rng.randrange(len(wave.orders))
    one = home[number]
    if rng.random() < 0.5:
        other = rng.randrange(len(here))
        left, right = here[one] - {number}, here[other] | {number}
    else:
        swapped = rng.randrange(len(wave.orders))
        other = home[swapped]
        left, right = (here[one] - {number}) | {swapped}, (here[other] - {swapped}) | {number}
    if one == other or not wave.fits(wave.load(right)) or (left and not wave.fits(wave.load(left))):
        return None
    return one, other, left, right
