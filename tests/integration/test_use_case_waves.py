# SPDX-License-Identifier: Apache-2.0
"""Waves from plan to floor, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from central.catalog import rules as catalog
from central.database import reading
from central.errors import ConflictError
from central.outbound import backorders, intake, order_changes, wave_queries, waves
from central.outbound.documents import Order
from central.outbound.tables import customer_order, pick_task, tour
from central.outbound.tables import promise as promise_table
from central.outbound.tables import wave as wave_table
from central.outbound.wave_documents import Criteria
from central.stock import moves
from tests.integration.test_use_case_orders import states
from tests.integration.test_use_case_promises import answer, assert_promises_can_be_kept, buy, orders, take
from tests.integration.warehouse import NOW, SITE, Warehouse

pytestmark = pytest.mark.requirement("R48", "X7")


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    """Plenty of milk in zone A and of peas in zone B."""
    house = Warehouse(engine)
    house.put("A-01", "milk", 5000)
    house.put("B-01", "peas", 5000)
    yield house
    house.assert_sound()
    assert_promises_can_be_kept(house)


def plan(house: Warehouse, **criteria: Any) -> int | None:
    return house.do(lambda c: waves.plan_wave(c, house.fact(), Criteria(site=SITE, **criteria), house.now))


def in_wave(house: Warehouse, number: int | None) -> list[str]:
    return sorted(row.number for row in house.rows(customer_order) if row.wave_id is not None and row.wave_id == number)


def release(house: Warehouse, number: int | None) -> dict[str, str]:
    assert number is not None
    return house.do(lambda c: waves.release_wave(c, house.fact(), number, house.now))


def test_wave_takes_the_orders_that_fit_its_criteria(house: Warehouse) -> None:
    house.keep(catalog.Partner(code="north", name="North", kind="customer", grp="stores"))
    soon, late = (NOW + timedelta(hours=2)).isoformat(), (NOW + timedelta(hours=20)).isoformat()
    take(house, ("milk", 1), number="sf", carrier="sf", due_at=soon)
    take(house, ("milk", 1), number="jd", carrier="jd", due_at=soon)
    take(house, ("milk", 1), number="tomorrow", carrier="sf", due_at=late)
    take(house, ("milk", 1), number="store", carrier="sf", due_at=late, partner="north")
    held = take(house, ("milk", 1), number="held", carrier="sf", due_at=soon)
    house.do(lambda c: order_changes.hold_order(c, house.fact(), held.id, "call first", house.now))

    first = plan(house, carriers=["sf"], due_until=NOW + timedelta(hours=4))
    second = plan(house, groups=["stores"])

    assert (in_wave(house, first), in_wave(house, second)) == (["sf"], ["store"])
    assert plan(house, channels=["nobody"]) is None
    assert [(row.orders, row.lines, row.state) for row in house.rows(wave_table)] == [(1, 1, "planned"), (1, 1, "planned")]


def test_wave_respects_what_zones_can_take_and_serves_the_urgent_first(house: Warehouse) -> None:
    for n, (item, priority) in enumerate([("milk", 5), ("milk", 1), ("peas", 9), ("milk", 3)]):
        take(house, (item, 2), number=str(n), priority=priority)
    criteria = Criteria(site=SITE, zone_lines_per_hour={"A": 2}, hours=1)

    with reading(house.engine) as connection:
        shown = wave_queries.preview_of(waves.preview(connection, criteria, house.now))

    assert [each["number"] for each in shown["order_list"]] == ["1", "3", "2"]
    assert (shown["zones"], shown["lines"]) == ({"A": 2, "B": 1}, 3)
    assert [(each["number"], each["limit"]) for each in shown["left_out"]] == [("0", "zone A")]
    assert house.rows(wave_table) == []


def test_released_wave_is_walked_and_its_orders_ship(house: Warehouse) -> None:
    for n in range(4):
        take(house, ("milk", 1), ("peas", 1), number=str(n))
    number = plan(house, mode="cluster")

    assert release(house, number) == {}
    assert release(house, number) == {}

    assert set(states(house)) == {"released"}
    assert all(task.tour_id is not None for task in house.rows(pick_task))
    assert {row.wave_id for row in house.rows(tour)} == {number}
    for task in house.rows(pick_task):
        answer(house, task)
    with reading(house.engine) as connection:
        shown = wave_queries.wave_of(connection, int(number or 0))
    assert shown["state"] == "done"
    assert shown["progress"]["orders"] == {"shipped": 4}
    assert shown["progress"]["pieces"] == {"wanted": 8, "picked": 8, "short": 0}


def test_cancelled_wave_gives_untouched_orders_back(house: Warehouse) -> None:
    for n in range(3):
        take(house, ("milk", 1), ("peas", 1), number=str(n), ship_when="asked")
    number = plan(house) or 0
    release(house, number)
    touched = next(row for row in house.rows(pick_task) if row.order_id == orders(house)["0"].id)
    answer(house, touched)

    for _ in range(2):
        house.do(lambda c: waves.cancel_wave(c, house.fact(), number, house.now))

    assert [orders(house)[name].state for name in "012"] == ["released", "open", "open"]
    assert in_wave(house, number) == ["0"]
    assert len(house.rows(promise_table)) == 4
    assert sum(row.state in ("lit", "listed") for row in house.rows(pick_task)) == 1


def test_orders_come_and_go_while_a_wave_is_planned(house: Warehouse) -> None:
    first, second = take(house, ("milk", 1), number="1").id, take(house, ("milk", 1), number="2").id
    number = plan(house, orders_max=1) or 0

    house.do(lambda c: waves.add_order(c, house.fact(), number, second, house.now))
    house.do(lambda c: waves.remove_order(c, house.fact(), number, first, house.now))

    assert in_wave(house, number) == ["2"]
    release(house, number)
    house.do(lambda c: waves.add_order(c, house.fact(), number, first, house.now))
    assert set(states(house)) == {"released"}
    assert all(task.tour_id is not None for task in house.rows(pick_task))
    with pytest.raises(ConflictError, match="this needs it to be planned"):
        house.do(lambda c: waves.remove_order(c, house.fact(), number, first, house.now))


def test_order_that_waits_for_goods_goes_into_no_wave(house: Warehouse) -> None:
    buy(house, "milk", 10, NOW.date() + timedelta(days=3))
    take(house, ("milk", 5008), number="waits", backorders="wait")
    take(house, ("peas", 1), number="now", backorders="wait")

    assert in_wave(house, plan(house)) == ["now"]
    assert house.do(lambda c: backorders.serve(c, SITE, house.now)) == []
    assert states(house) == ["open", "open"]


def test_plan_makes_waves_until_no_order_is_left(house: Warehouse) -> None:
    for n in range(7):
        take(house, ("milk", 1), number=str(n))
    fact = house.fact()

    made = [house.do(lambda c: waves.plan_waves(c, fact, Criteria(site=SITE, orders_max=3), 9, house.now)) for _ in range(2)]

    assert made[0] == made[1]
    assert [len(in_wave(house, number)) for number in made[0]] == [3, 3, 1]


@pytest.mark.slow
def test_planners_at_once_do_not_take_an_order_twice(house: Warehouse) -> None:
    for n in range(12):
        take(house, ("milk", 1), number=str(n))

    with ThreadPoolExecutor(4) as planners:
        made = list(planners.map(lambda _: plan(house, orders_max=6), range(4)))

    counted = [len(in_wave(house, number)) for number in made if number is not None]
    assert sum(counted) == len([row for row in house.rows(customer_order) if row.wave_id is not None])
    assert [row.orders for row in house.rows(wave_table) if row.state == "planned"] == counted or sorted(counted) == sorted(
        row.orders for row in house.rows(wave_table) if row.state == "planned"
    )


def aisles(house: Warehouse, number: int, bins: int) -> list[str]:
    """Aisles three metres apart between three cross aisles, an item in each bin; the items."""
    places = [(aisle, n) for aisle in range(number) for n in range(bins)]
    house.keep(*(catalog.Aisle(site=SITE, code=f"X{aisle}", x_m=3.0 * aisle, y_from_m=0.0, y_to_m=float(bins)) for aisle in range(number)))
    house.keep(*(catalog.CrossAisle(site=SITE, code=code, y_m=bins * part) for code, part in (("front", 0.0), ("middle", 0.5), ("back", 1.0))))
    house.keep(catalog.Location(site=SITE, code="out", kind="stage", aisle="X0", x_m=0.0, y_m=0.0))
    house.keep(*(catalog.Location(site=SITE, code=f"X{a}-{n}", kind="bin", zone=f"Z{a // 5}", aisle=f"X{a}", x_m=3.0 * a + 1, y_m=n + 0.5) for a, n in places))
    house.keep(*(catalog.Item(code=f"i{a}-{n}", name="Item", unit_weight_g=100) for a, n in places))
    stock = [moves.Correction(f"{SITE}/X{a}-{n}", f"i{a}-{n}", 1000) for a, n in places]
    house.do(lambda c: moves.correct_stock(c, house.fact(), stock, house.now))
    return [f"i{a}-{n}" for a, n in places]


@pytest.mark.slow
def test_wave_of_500_orders_on_twenty_aisles_is_planned_and_walked_within_five_seconds_of_cpu(house: Warehouse) -> None:
    items, chance = aisles(house, 20, 40), random.Random(1)
    asked = []
    for n in range(500):
        lines = [{"item": item, "quantity": chance.randint(1, 3)} for item in chance.sample(items, chance.randint(1, 5))]
        order = Order.model_validate({"number": str(n), "site": SITE, "partner": "shop", "lines": lines})
        asked.append((house.fact("OrderTaken", order, str(n)), order))
    house.do(lambda c: intake.take_orders(c, asked, house.now))

    begun = time.process_time()
    number = plan(house, mode="batch")
    planned_s = time.process_time() - begun
    release(house, number)
    released_s = time.process_time() - begun - planned_s

    assert len(in_wave(house, number)) == 500
    assert len(house.rows(pick_task)) == sum(len(order.lines) for _, order in asked)
    assert all(row.length_mm for row in house.rows(tour))
    assert planned_s + released_s < 5.0, f"planned in {planned_s:.2f} s, released and batched in {released_s:.2f} s of CPU"
