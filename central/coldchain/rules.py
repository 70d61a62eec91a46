# SPDX-License-Identifier: Apache-2.0
"""Cold rooms, pure: which alarms hold goods, and what of a balance can be held."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from contracts.events import AlarmCondition, AlarmState

_HOLDING = ("high", "low")


def holds_goods(state: AlarmState, condition: AlarmCondition) -> bool:
    """Whether an alarm stops the room's goods: out of limits and nobody has it in hand. A stale sensor says nothing about the goods yet."""
    return state == "unacknowledged" and condition in _HOLDING


@dataclass(frozen=True)
class Stock:
    """Available stock at one place: `on_hand` and how much of it is `reserved`."""

    place: str
    item: str
    lot: str
    owner: str
    unit: str
    on_hand: int
    reserved: int

    @property
    def free(self) -> int:
        """What no order has."""
        return self.on_hand - self.reserved


def split_for_hold(stock: Iterable[Stock]) -> tuple[tuple[Stock, ...], tuple[Stock, ...]]:
    """Stock to put on hold (its free part), and stock of which a person must decide because orders have it."""
    stock = tuple(stock)
    return tuple(each for each in stock if each.free), tuple(each for each in stock if each.reserved)


@dataclass(frozen=True)
class Point:
    """A sample for a chart: `at_s` UTC seconds, lowest, mean and highest value of what it stands for."""

    at_s: float
    low: float
    mean: float
    high: float


def thin_out(samples: Sequence[tuple[float, float]], points_max: int) -> tuple[Point, ...]:
    """At most `points_max` points for (second, value) samples in time order; a spike stays visible as `low` or `high` of its point."""
    if not samples:
        return ()
    first, last = samples[0][0], samples[-1][0]
    width_s = (last - first) / points_max or 1.0
    buckets: dict[int, list[tuple[float, float]]] = {}
    for sample in samples:
        buckets.setdefault(min(points_max - 1, int((sample[0] - first) / width_s)), []).append(sample)
    return tuple(_point(bucket) for _, bucket in sorted(buckets.items()))


def _point(bucket: Sequence[tuple[float, float]]) -> Point:
    values = [value for _, value in bucket]
    return Point(bucket[len(bucket) // 2][0], min(values), sum(values) / len(values), max(values))
