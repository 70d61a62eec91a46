# SPDX-License-Identifier: Apache-2.0
"""Orders that are short or late and what a person can do about them at one touch, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from central.catalog import rules as catalog
from central.database import reading
from central.exceptions import queries, service
from central.exceptions.tables import work_order
from central.outbound import backorders, late
from central.outbound.release import release_orders
from central.outbound.tables import customer_order, order_line, pick_task
from central.outbound.timeouts import time_out
from central.stock.tables import transfer, transfer_line
from tests.integration.test_use_case_orders import confirm, states, tasks
from tests.integration.test_use_case_promises import orders, other_site, release, take
from tests.integration.warehouse import NOW, Warehouse

pytestmark = pytest.mark.requirement("R56", "X3")


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    """Four milk in A-01, nine peas in B-01 that may stand in for milk."""
    house = Warehouse(engine)
    house.put("A-01", "milk", 4)
    house.put("B-01", "peas", 9)
    house.keep(catalog.Substitute(item="milk", substitute="peas"))
    yield house
    house.assert_sound()


def short(house: Warehouse, quantity: int = 6, **changes: Any) -> int:
    """An order of milk that is released and short; the number of its work order."""
    document = {"ship_when": "asked"} | changes
    release(house, take(house, ("milk", quantity), **document).id)
    return next(int(row.id) for row in house.rows(work_order) if row.kind == "order_short" and row.state == "open")


def offered(house: Warehouse, number: int) -> list[str]:
    with reading(house.engine) as connection:
        row = queries.work_order_of(connection, number, house.now)
    assert row is not None
    return [each["code"] for each in row["actions"]]


def act(house: Warehouse, number: int, code: str) -> str:
    for _ in range(2):
        house.do(lambda c: service.act(c, house.fact(), number, code, house.now))
    return next(str(row.resolution) for row in house.rows(work_order) if row.id == number)


def lines(house: Warehouse) -> list[tuple[str, int, int, int, int]]:
    """(item, quantity, short, moved, dropped) of the lines, by order number."""
    numbers = {row.id: row.number for row in house.rows(customer_order)}
    rows = sorted(house.rows(order_line), key=lambda row: (numbers[row.order_id], row.n))
    return [(row.item, row.quantity, row.short, row.moved, row.dropped) for row in rows]


def test_rest_of_a_short_order_is_sent_later(house: Warehouse) -> None:
    number = short(house)
    assert offered(house, number) == ["try_again", "backorder_rest", "drop_rest"]

    assert act(house, number, "backorder_rest") == "follows with 1001/b1"

    assert lines(house) == [("milk", 4, 0, 2, 0), ("milk", 2, 0, 0, 0)]
    assert {name: row.state for name, row in orders(house).items()} == {"1001": "released", "1001/b1": "open"}


def test_rest_of_a_short_order_is_left_out(house: Warehouse) -> None:
    assert act(house, short(house), "drop_rest") == "2 of item milk dropped"

    assert lines(house) == [("milk", 4, 0, 0, 2)]


def test_order_of_which_everything_is_left_out_is_cancelled(house: Warehouse) -> None:
    take_all = take(house, ("milk", 4), number="first").id
    release(house, take_all)

    act(house, short(house, 3), "drop_rest")

    assert orders(house)["1001"].state == "cancelled"


def test_unfilled_order_waits_and_is_released_when_goods_come(house: Warehouse) -> None:
    release(house, take(house, ("milk", 4), number="first").id)
    number = short(house, 3)
    assert orders(house)["1001"].state == "unfilled"

    assert act(house, number, "backorder_rest") == "the order waits for goods"

    assert orders(house)["1001"].state == "open"
    house.put("A-02", "milk", 3)
    assert house.do(lambda c: backorders.serve(c, "s1", house.now)) == [orders(house)["1001"].id]


def test_two_channels_with_the_same_number_are_two_work_orders(house: Warehouse) -> None:
    first = short(house, channel="shop-1")
    short(house, 1, channel="shop-2")

    assert house.asked().count("order_short") == 2
    assert "substitute" not in offered(house, first)


def test_short_line_is_filled_by_a_substitute(house: Warehouse) -> None:
    order_id = take(house, ("milk", 4), substitutes=True, ship_when="asked").id
    release(house, order_id)
    confirm(house, tasks(house)["A-01"], 1)
    number = next(int(row.id) for row in house.rows(work_order) if row.kind == "order_short")
    assert "substitute" in offered(house, number)

    assert act(house, number, "substitute") == "3 of item peas instead"

    assert lines(house) == [("milk", 1, 0, 3, 0), ("peas", 3, 0, 0, 0)]
    assert [(row.item, row.requested) for row in house.rows(pick_task) if row.state == "listed"] == [("peas", 3)]


def test_goods_of_another_site_are_asked_for(house: Warehouse) -> None:
    other_site(house, "s2", ("milk", 20), latitude=31.0)
    number = short(house)
    assert "transfer_from_site" in offered(house, number)

    assert act(house, number, "transfer_from_site") == f"transfer 1001-1-{number}: 2 from s2"

    assert [(row.from_site, row.to_site, row.state) for row in house.rows(transfer)] == [("s2", "s1", "approved")]
    assert [(row.item, row.quantity) for row in house.rows(transfer_line)] == [("milk", 2)]


def test_short_order_is_filled_by_itself_when_goods_come(house: Warehouse) -> None:
    number = short(house)
    house.put("A-02", "milk", 2)

    assert late.watch_once(house.engine, house.now)

    assert sorted(tasks(house)) == ["A-01", "A-02"]
    assert [row.state for row in house.rows(work_order) if row.id == number] == ["resolved"]
    assert not late.watch_once(house.engine, house.now)


def test_late_order_is_told_once_and_released_at_a_touch(house: Warehouse) -> None:
    take(house, ("milk", 4), due_at=(NOW + timedelta(hours=6)).isoformat(), priority=5)
    assert not late.watch_once(house.engine, house.later(3 * 3600))
    assert late.watch_once(house.engine, house.later(2 * 3600))
    assert house.asked() == ["order_at_risk"]

    assert late.watch_once(house.engine, house.later(2 * 3600))
    assert not late.watch_once(house.engine, house.later(60))

    assert house.asked() == ["order_late"]
    (number,) = (int(row.id) for row in house.rows(work_order) if row.state == "open")
    assert offered(house, number) == ["release_now", "serve_first", "cancel_order"]
    assert act(house, number, "release_now") == "released, and served first"
    assert (states(house), orders(house)["1001"].priority) == (["released"], 1)
    assert not late.watch_once(house.engine, house.later(60))


def test_late_order_is_cancelled_at_a_touch(house: Warehouse) -> None:
    take(house, ("milk", 4), due_at=NOW.isoformat())
    late.watch_once(house.engine, house.now)

    assert act(house, 1, "cancel_order") == "cancelled"

    assert states(house) == ["cancelled"]
    assert house.asked() == []


def test_order_whose_reservation_timed_out_is_not_served_again_by_itself(house: Warehouse) -> None:
    order_id = take(house, ("milk", 4)).id
    fact = house.fact()
    house.do(lambda c: release_orders(c, [(fact, order_id)], house.now, {fact.id: house.now + timedelta(minutes=5)}))
    house.later(600)

    assert house.do(lambda c: time_out(c, house.now)) == 1
    late.watch_once(house.engine, house.now)

    assert tasks(house) == {}
    assert house.asked() == ["order_short"]
    assert act(house, 1, "try_again") == "4 of 4 reserved"
    assert list(tasks(house)) == ["A-01"]
