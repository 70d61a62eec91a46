# SPDX-License-Identifier: Apache-2.0
"""Orders released together, and reservations that nobody picks in time. The same on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, Engine

from central.catalog.tables import item
from central.errors import ConflictError, DomainError, NotFoundError
from central.ledger import service as ledger
from central.ledger.tables import reservation
from central.outbound import service
from central.outbound.confirmations import Confirmation, confirm_together
from central.outbound.documents import Order
from central.outbound.release import Released, release_orders
from central.outbound.tables import customer_order, order_line, pick_task
from central.outbound.timeouts import time_out
from central.outbound.warming import warm_up
from tests.integration.warehouse import SITE, Warehouse

pytestmark = pytest.mark.requirement("R44", "R46")


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    """Ten milk of an early lot in A-01, ten of a later one in A-02."""
    house = Warehouse(engine)
    house.put("A-01", "milk", 10, "L1", date(2026, 12, 1))
    house.put("A-02", "milk", 10, "L2", date(2026, 12, 9))
    yield house
    house.assert_sound()


def ordered(house: Warehouse, number: str, quantity: int) -> str:
    document = {"number": number, "site": SITE, "partner": "shop", "lines": [{"item": "milk", "quantity": quantity}], "ship_when": "asked"}
    order = Order.model_validate(document)
    fact = house.fact("OrderTaken", order, number)
    house.do(lambda c: service.take_order(c, fact, order, house.now))
    return fact.id


def release(house: Warehouse, *asked: tuple[ledger.Fact, str], hold_for_s: float = 0) -> list[Released | DomainError]:
    deadlines = {fact.id: house.now + timedelta(seconds=hold_for_s) for fact, _ in asked} if hold_for_s else {}
    return house.do(lambda c: release_orders(c, asked, house.now, deadlines))


def tasks(result: Released | DomainError) -> list[tuple[str, int]]:
    assert isinstance(result, Released)
    return [(each.bin, each.requested) for each in result.tasks]


def test_orders_are_released_in_turn_and_errors_stay_with_their_own(house: Warehouse) -> None:
    first, second = ordered(house, "1", 7), ordered(house, "2", 6)
    gone = ordered(house, "3", 1)
    house.do(lambda c: service.cancel_order(c, house.fact(), gone, house.now))
    nobody = "00000000-0000-0000-0000-000000000000"

    results = release(house, *((house.fact(), order_id) for order_id in (nobody, first, gone, second)))

    assert isinstance(results[0], NotFoundError)
    assert tasks(results[1]) == [("A-01", 7)]
    assert isinstance(results[2], ConflictError)
    assert tasks(results[3]) == [("A-01", 3), ("A-02", 3)]
    assert house.stock() == {"A-01 milk L1": (10, 10), "A-02 milk L2": (10, 3)}
    assert len(house.commands("LightTasks")) == 2


@pytest.mark.requirement("R31")
def test_same_release_twice_in_one_batch_and_again_later_is_done_once(house: Warehouse) -> None:
    order_id, fact = ordered(house, "1", 4), house.fact()

    first, second = release(house, (fact, order_id), (fact, order_id))
    (third,) = release(house, (fact, order_id))

    assert [each.already for each in (first, second, third) if isinstance(each, Released)] == [False, True, True]
    assert len(house.rows(pick_task)) == 1


def test_line_says_what_was_reserved_and_what_is_short(house: Warehouse) -> None:
    order_id = ordered(house, "1", 25)

    (result,) = release(house, (house.fact(), order_id))

    assert isinstance(result, Released)
    (line,) = result.lines
    assert (line.quantity, line.reserved, line.short) == (25, 20, 5)
    assert "order_short" in house.asked()


def test_what_is_not_picked_in_time_is_free_again_and_a_person_is_asked(house: Warehouse) -> None:
    order_id = ordered(house, "1", 12)
    release(house, (house.fact(), order_id), hold_for_s=60)

    def overdue(connection: Connection) -> int:
        return time_out(connection, house.now)

    house.later(59)
    assert house.do(overdue) == 0
    house.later(1)
    assert house.do(overdue) == 2
    assert house.do(overdue) == 0

    assert {row.state for row in house.rows(reservation)} == {"timed_out"}
    assert {row.state for row in house.rows(pick_task)} == {"cancelled"}
    assert house.stock() == {"A-01 milk L1": (10, 0), "A-02 milk L2": (10, 0)}
    assert [row.short for row in house.rows(order_line)] == [12]
    assert [row.state for row in house.rows(customer_order)] == ["unfilled"]
    assert "order_short" in house.asked()
    assert len(house.commands("CancelTasks")) == 1
    assert tasks(release(house, (house.fact(), order_id))[0]) == [("A-01", 10), ("A-02", 2)]


def test_rehearsal_at_the_start_leaves_nothing_behind(house: Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    before = house.stock()

    warm_up(house.engine, house.now)

    assert caplog.records == []
    assert house.stock() == before
    assert house.rows(customer_order) == house.rows(pick_task) == house.rows(reservation) == []
    assert {row.code for row in house.rows(item)} == {"milk", "peas"}


@pytest.mark.requirement("R51")
def test_answers_of_many_tasks_are_taken_in_turn_and_errors_stay_with_their_own(house: Warehouse) -> None:
    first, second = ordered(house, "1", 12), ordered(house, "2", 5)
    made = [result.tasks for result in release(house, (house.fact(), first), (house.fact(), second)) if isinstance(result, Released)]
    (early, late), (other,) = made
    nobody = "00000000-0000-0000-0000-000000000000"
    said = [(early.id, 10), (nobody, 1), (other.id, 5), (early.id, 10), (late.id, 1)]

    asked = [Confirmation(house.fact("PickConfirmed"), task_id, quantity) for task_id, quantity in said]
    results = house.do(lambda c: confirm_together(c, asked))

    assert [each for each in results if isinstance(each, str)] == ["full", "full", "repeated", "short"]
    assert isinstance(results[1], NotFoundError)
    picked = {row.order_id: row.picked for row in house.rows(order_line)}
    assert picked == {first: 11, second: 5}


@pytest.mark.requirement("R20")
def test_rest_of_a_short_pick_keeps_to_the_terms_of_its_order(house: Warehouse) -> None:
    """A-01 keeps ten days only, so that it may not help out when the picker finds A-02 short."""
    document = {"number": "1", "site": SITE, "partner": "shop", "lines": [{"item": "milk", "quantity": 4}], "ship_when": "asked", "min_remaining_days": 14}
    order = Order.model_validate(document)
    taken = house.fact("OrderTaken", order, "1")
    house.do(lambda c: service.take_order(c, taken, order, house.now))
    (result,) = release(house, (house.fact(), taken.id))
    assert tasks(result) == [("A-02", 4)]
    assert isinstance(result, Released)

    house.do(lambda c: confirm_together(c, [Confirmation(house.fact("PickConfirmed"), result.tasks[0].id, 1)]))

    assert [(row.bin, row.state) for row in house.rows(pick_task)] == [("A-02", "short")]
    assert [row.short for row in house.rows(order_line)] == [3]
