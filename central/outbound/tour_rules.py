# SPDX-License-Identifier: Apache-2.0
"""How tours are made of pick tasks, pure: which orders go together on one walk, into which slots, and what a cart carries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Literal

Mode = Literal["order", "batch", "cluster", "zone", "wall"]
MODES: tuple[Mode, ...] = ("order", "batch", "cluster", "zone", "wall")
MIXED: tuple[Mode, ...] = ("batch", "wall")
"""Modes whose goods of many orders lie in one tote, sorted afterwards."""
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Cart:
    """What one walk carries: orders at most (each in a tote of its own, or mixed in a batch), and weight, volume and picks at most; None: not limited."""

    totes: int = 1
    weight_g: int | None = None
    volume_cm3: int | None = None
    picks: int | None = None


CARTS: dict[Mode, Cart] = {"order": Cart(1), "batch": Cart(12, picks=60), "cluster": Cart(8), "zone": Cart(1), "wall": Cart(40, picks=120)}
"""What is taken for each mode when nobody says otherwise (guessed: eight totes are a common cart, sixty stops a long walk)."""


@dataclass(frozen=True, slots=True)
class Job:
    """A pick task to be planned. `weight_g` and `volume_cm3` of its whole quantity, 0 where the item's are not known; `rank` is its place's pick rank."""

    task_id: str
    order_id: str
    zone: str
    place: str
    rank: int = 0
    weight_g: int = 0
    volume_cm3: int = 0
    priority: int = 5
    due_at: datetime | None = None
    number: str = ""
    tote: str = ""
    condition: str = "ambient"
    owner: str = ""


@dataclass(frozen=True, slots=True)
class TourPlan:
    """One walk to be: its jobs in the order of `walk`, the slot of each order, and the plan (by its index) that must be done before it."""

    zone: str
    jobs: tuple[Job, ...]
    slots: dict[str, str] = field(default_factory=dict)
    after: int | None = None


Order = Callable[[Sequence[Job]], Sequence[Job]]
"""Brings jobs into the order in which they are walked."""

Together = Callable[[Sequence[Job], Cart], list[list[Job]]]
"""Groups jobs by orders that share a cart, whole orders in each."""


def slot_name(n: int) -> str:
    """The name of the n-th place on a cart, from 0: A to Z, then A2 to Z2 and so on."""
    turn, letter = divmod(n, len(_LETTERS))
    return _LETTERS[letter] + (str(turn + 1) if turn else "")


def by_name(name: str) -> list[tuple[int, str]]:
    """A key that brings names into the order in which people read them: S2 before S10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name) if part]


def urgency(job: Job) -> tuple[int, bool, float, str]:
    """The most urgent first: by priority, then by when it must leave (never comes last), then by the order's number."""
    return job.priority, job.due_at is None, job.due_at.timestamp() if job.due_at else 0.0, job.number or job.order_id


def by_rank(jobs: Sequence[Job]) -> Sequence[Job]:
    """In the order of the places' pick ranks: what is left where a site has no coordinates."""
    return sorted(jobs, key=lambda job: (job.rank, job.place, urgency(job), job.task_id))


def apart(job: Job, mode: Mode) -> tuple[str, str]:
    """What of a job others must share to ride with it: cold goods do not wait on a cart of ambient ones, nor do owners' goods lie in one tote.

    By order and by zone the goods of an order stay together in its tote.
    """
    return job.condition if mode in (*MIXED, "cluster") else "", job.owner if mode in MIXED else ""


def plan_tours(jobs: Iterable[Job], mode: Mode, cart: Cart, walk: Order = by_rank, together: Together | None = None) -> list[TourPlan]:
    """Tours for all jobs. `order`: one order a walk. `batch` and `wall`: mixed, sorted afterwards. `cluster`: a tote for each order on one cart.
    `zone`: a walk per zone, one after the other, with the same totes. What one cart cannot carry becomes several walks, and so does what is kept `apart`.
    `together` groups what shares a cart; without it nearness is told by pick ranks."""
    sorts: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        sorts.setdefault(apart(job, mode), []).append(job)
    carries = Cart(1, cart.weight_g, cart.volume_cm3, cart.picks) if mode == "order" else cart
    groups = [group for _, sort in sorted(sorts.items()) for group in (together or orders_together)(sort, carries)]
    plans: list[TourPlan] = []
    for group in sorted(groups, key=lambda group: min(urgency(job) for job in group)):
        order_ids = list(dict.fromkeys(job.order_id for job in sorted(group, key=urgency)))
        mixed = mode in MIXED or len(order_ids) == 1
        slots = dict.fromkeys(order_ids, "") if mixed else {order_id: slot_name(n) for n, order_id in enumerate(order_ids)}
        if mode == "zone":
            plans += _zones_in_turn(group, slots, cart, walk, len(plans))
        else:
            plans += [_plan(loads, slots) for loads in _loads(walk(group), cart)]
    return plans


def _plan(jobs: Sequence[Job], slots: dict[str, str], after: int | None = None) -> TourPlan:
    zones = {job.zone for job in jobs}
    mine = {job.order_id for job in jobs}
    return TourPlan(zones.pop() if len(zones) == 1 else "", tuple(jobs), {order: slot for order, slot in slots.items() if order in mine}, after)


def _zones_in_turn(group: Sequence[Job], slots: dict[str, str], cart: Cart, walk: Order, start: int) -> list[TourPlan]:
    """The zones in the order of their first place; each walk waits for the one before."""
    first: dict[str, int] = {}
    for job in group:
        first[job.zone] = min(job.rank, first.get(job.zone, job.rank))
    plans: list[TourPlan] = []
    for zone in sorted(first, key=lambda zone: (first[zone], zone)):
        for load in _loads(walk([job for job in group if job.zone == zone]), cart):
            plans.append(_plan(load, slots, start + len(plans) - 1 if plans else None))
    return plans


def _loads(jobs: Sequence[Job], cart: Cart) -> list[list[Job]]:
    """The jobs in walking order, cut where the cart is full. A job too big for any cart goes alone: somebody has to fetch it."""
    loads: list[list[Job]] = []
    for job in jobs:
        if loads and fits([*loads[-1], job], cart):
            loads[-1].append(job)
        else:
            loads.append([job])
    return loads


def fits(jobs: Sequence[Job], cart: Cart) -> bool:
    """Whether a cart carries all these jobs at once."""
    sums = ((cart.weight_g, sum(job.weight_g for job in jobs)), (cart.volume_cm3, sum(job.volume_cm3 for job in jobs)), (cart.picks, len(jobs)))
    return len({job.order_id for job in jobs}) <= cart.totes and all(limit is None or total <= limit for limit, total in sums)


def jobs_by_order(jobs: Iterable[Job]) -> list[list[Job]]:
    """The jobs of each order by their ranks; the most urgent order first."""
    orders = [list(each) for _, each in groupby(sorted(jobs, key=lambda job: (job.order_id, job.rank)), key=lambda job: job.order_id)]
    return sorted(orders, key=lambda order: min(urgency(job) for job in order))


def orders_together(jobs: Sequence[Job], cart: Cart) -> list[list[Job]]:
    """The jobs grouped by orders that share a cart: the most urgent order first, then always the one that adds the fewest new places and lies nearest."""
    waiting = jobs_by_order(jobs)
    groups: list[list[Job]] = []
    while waiting:
        group = waiting.pop(0)
        while cart.totes > 1 and (best := _best_addition(group, waiting, cart)) is not None:
            group = group + waiting.pop(best)
        groups.append(group)
    return groups


def _best_addition(group: Sequence[Job], waiting: Sequence[Sequence[Job]], cart: Cart) -> int | None:
    """Which waiting order to add; None: no other fits. Urgent ones are not passed over for far less urgent ones: only the same priority is compared."""
    places, middle = {job.place for job in group}, sum(job.rank for job in group) / len(group)
    best: tuple[int, int, float] | None = None
    chosen: int | None = None
    for n, order in enumerate(waiting):
        cost = (
            min(job.priority for job in order),
            len({job.place for job in order} - places),
            abs(sum(job.rank for job in order) / len(order) - middle),
        )
        if (best is None or cost < best) and fits([*group, *order], cart):
            best, chosen = cost, n
    return chosen


@dataclass(frozen=True, slots=True)
class Pack:
    """So many packagings of one kind to take; `each` is how many smallest units are in one."""

    code: str
    count: int
    each: int


def packs(quantity: int, sizes: Iterable[tuple[str, int]], unit: str = "each") -> list[Pack]:
    """A quantity as a picker takes it: whole packagings, the largest first, then single units."""
    found: list[Pack] = []
    for code, each in sorted(sizes, key=lambda size: -size[1]):
        if each > 1 and (count := quantity // each):
            found.append(Pack(code, count, each))
            quantity -= count * each
    return [*found, Pack(unit, quantity, 1)] if quantity else found
