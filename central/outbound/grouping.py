# SPDX-License-Identifier: Apache-2.0
"""Which orders share a cart, by the metres that are walked for them: pure, over the site's own floor.

Orders are batched by savings and simulated annealing on exact walks (`central.tours.batch_orders`); the result is compared with carts that are
filled first come, first served, and the shorter of both is taken. What has no coordinates is grouped by the pick ranks of its places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import inf

from central.outbound.tour_rules import Cart, Job, fits, jobs_by_order, orders_together, urgency
from central.tours import Layout, Order, Point, Stop, TourLengths, batch_orders

ITERATIONS = 2_000
"""Of the annealing: of a wave of 500 orders three times as many save half a metre in a hundred more and take a second more (measured)."""
SECONDS_MAX = 0.3
"""The annealing ends by then, by the caller's clock: other writers wait while tours are planned. Of a wave of 500 orders with 1,500 lines a second more
saves two metres in a thousand (measured); a small wave is done before."""


@dataclass(frozen=True, slots=True)
class Ways:
    """A floor that can be walked: its aisles, where walks begin and end, and where one stands for each place that is known."""

    layout: Layout
    start: Point
    end: Point
    stops: Mapping[str, Stop]


Group = list[Job]


class Grouping:
    """Groups orders for one floor; called like `tour_rules.orders_together`. The same jobs give the same groups unless the clock ends the search."""

    def __init__(self, ways: Ways, *, iterations: int = ITERATIONS, seed: int = 1, clock: Callable[[], float] | None = None) -> None:
        self._ways = ways
        self._iterations, self._seed, self._clock = iterations, seed, clock
        self._lengths = TourLengths(ways.layout, ways.start, ways.end)

    def __call__(self, jobs: Sequence[Job], cart: Cart) -> list[Group]:
        """All jobs grouped by orders that share a cart, the group of the most urgent order first."""
        if cart.totes <= 1:
            return orders_together(jobs, cart)
        orders = jobs_by_order(jobs)
        known = [order for order in orders if fits(order, cart) and all(job.place in self._ways.stops for job in order)]
        placed = {order[0].order_id for order in known}
        others = [job for order in orders if order[0].order_id not in placed for job in order]
        groups = self._shortest(known, cart) + orders_together(others, cart)
        return sorted(groups, key=lambda group: min(urgency(job) for job in group))

    def walk_mm(self, groups: Sequence[Group]) -> int:
        """The walks of all groups together."""
        return sum(self._group_mm(group) for group in groups)

    def _group_mm(self, group: Group) -> int:
        return self._lengths.walk_mm(self._lengths.spots(self._ways.stops[place] for place in {job.place for job in group}))

    def _shortest(self, orders: Sequence[Group], cart: Cart) -> list[Group]:
        batched, first_come = self._batched(orders, cart), first_come_first_served(orders, cart)
        return min(batched, first_come, key=self.walk_mm)

    def _batched(self, orders: Sequence[Group], cart: Cart) -> list[Group]:
        """Orders of one priority are batched among each other: an urgent one is not strewn over carts of others; then what has room goes together."""
        found: list[Group] = []
        for _, alike in groupby(orders, key=_priority):
            found += self._batch(list(alike), cart)
        return self._filled(found, cart) if len({_priority(order) for order in orders}) > 1 else found

    def _batch(self, orders: Sequence[Group], cart: Cart) -> list[Group]:
        by_id = {order[0].order_id: order for order in orders}
        wanted = [Order(code, tuple(self._ways.stops[job.place] for job in order), _load(order, cart)) for code, order in by_id.items()]
        seconds = inf if self._clock is None else SECONDS_MAX
        batches = batch_orders(
            self._ways.layout,
            wanted,
            _capacity(cart),
            self._ways.start,
            self._ways.end,
            iterations=self._iterations,
            seed=self._seed,
            seconds=seconds,
            clock=self._clock,
        )
        return [[job for code in batch.orders for job in by_id[code]] for batch in batches]

    def _filled(self, groups: Sequence[Group], cart: Cart) -> list[Group]:
        """The most urgent groups first, each with those after it that fit and save most walking."""
        waiting = sorted(groups, key=lambda group: min(urgency(job) for job in group))
        filled: list[Group] = []
        while waiting:
            group = waiting.pop(0)
            while (best := self._best_addition(group, waiting, cart)) is not None:
                group = group + waiting.pop(best)
            filled.append(group)
        return filled

    def _best_addition(self, group: Group, waiting: Sequence[Group], cart: Cart) -> int | None:
        mine = self._group_mm(group)
        saved = [(mine + self._group_mm(other) - self._group_mm([*group, *other]), -n) for n, other in enumerate(waiting) if fits([*group, *other], cart)]
        most, n = max(saved, default=(-1, 0))
        return -n if most >= 0 else None


def _priority(order: Group) -> int:
    return min(job.priority for job in order)


def _capacity(cart: Cart) -> tuple[int, ...]:
    return (cart.totes, *(limit for limit in (cart.picks, cart.weight_g, cart.volume_cm3) if limit is not None))


def _load(order: Group, cart: Cart) -> tuple[int, ...]:
    """What an order takes of each part of `_capacity`."""
    parts = (
        (cart.picks, len(order)),
        (cart.weight_g, sum(job.weight_g for job in order)),
        (cart.volume_cm3, sum(job.volume_cm3 for job in order)),
    )
    return (1, *(load for limit, load in parts if limit is not None))


def first_come_first_served(orders: Sequence[Group], cart: Cart) -> list[Group]:
    """Carts filled with the orders as they come; a new cart when the next one does not fit."""
    groups: list[Group] = []
    for order in orders:
        if groups and fits([*groups[-1], *order], cart):
            groups[-1] += order
        else:
            groups.append(list(order))
    return groups
