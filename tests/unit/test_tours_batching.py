# SPDX-License-Identifier: Apache-2.0
"""Batches: the same question has the same answer, annealing never loses what savings won, time is an argument."""

from __future__ import annotations

import random

import pytest

from central.tours import Aisle, BatchError, Layout, LayoutError, Order, Point, Stop, TourLengths, batch_orders

pytestmark = pytest.mark.requirement("R49")
DEPOT = Point(0, 0)


def floor() -> Layout:
    return Layout([Aisle(f"A{number}", 5000 * number, 0, 46_000) for number in range(10)], [0, 46_000])


def wave(count: int, seed: int) -> list[Order]:
    rng = random.Random(seed)
    orders = []
    for number in range(count):
        lines = rng.randint(3, 15)
        stops = tuple(Stop(f"{number}-{line}", f"A{rng.randrange(10)}", 1000 * rng.randint(1, 45)) for line in range(lines))
        orders.append(Order(f"order {number:02}", stops, (lines,)))
    return orders


def total_mm(orders: list[Order], iterations: int) -> int:
    return sum(batch.walk_mm for batch in batch_orders(floor(), orders, (30,), DEPOT, DEPOT, iterations=iterations))


def test_same_orders_and_seed_give_the_same_batches() -> None:
    orders = wave(15, seed=4)

    first, second = (batch_orders(floor(), orders, (30,), DEPOT, DEPOT, iterations=500, seed=7) for _ in range(2))

    assert first == second


def test_annealing_improves_on_savings_and_savings_on_one_tour_an_order() -> None:
    orders = wave(20, seed=2)
    lengths = TourLengths(floor(), DEPOT, DEPOT)
    alone_mm = sum(lengths.walk_mm(lengths.spots(order.stops)) for order in orders)

    assert total_mm(orders, 3000) < total_mm(orders, 0) < 0.8 * alone_mm


def test_annealing_ends_when_its_time_is_over() -> None:
    ticks = iter(range(1000))

    batches = batch_orders(floor(), wave(10, seed=1), (30,), DEPOT, DEPOT, iterations=10**9, seconds=5, clock=lambda: next(ticks))

    assert sum(len(batch.orders) for batch in batches) == 10
    assert next(ticks) < 10


def test_order_above_the_capacity_is_refused_by_name() -> None:
    orders = [Order("W-1", (), (1, 500)), Order("W-2", (), (1, 20_001))]

    with pytest.raises(BatchError, match="order W-2: its load") as caught:
        batch_orders(floor(), orders, (8, 20_000), DEPOT, DEPOT)

    assert caught.value.code == "order_exceeds_batch"


def test_order_with_a_bin_outside_the_floor_is_refused_by_name() -> None:
    with pytest.raises(LayoutError, match="bin Z-1"):
        batch_orders(floor(), [Order("W-1", (Stop("Z-1", "Z", 0),), (1,))], (8,), DEPOT, DEPOT)


def test_no_orders_make_no_batches() -> None:
    assert batch_orders(floor(), [], (8,), DEPOT, DEPOT) == []
