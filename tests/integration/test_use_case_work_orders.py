# SPDX-License-Identifier: Apache-2.0
"""Work orders that are settled at one touch, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select

from central.database import reading
from central.errors import ConflictError, InsufficientStockError, NotFoundError
from central.exceptions import queries, service
from central.exceptions.messages import TEMPLATES
from central.exceptions.resolutions import collect_actions
from central.exceptions.tables import work_order
from central.ledger.rules import Account, Fact
from central.stock.moves import move_stock
from tests.integration.test_use_case_orders import confirm, release, states, tasks
from tests.integration.warehouse import NOW, SITE, Warehouse

pytestmark = pytest.mark.requirement("R56")


@pytest.fixture
def house(engine: Engine) -> Warehouse:
    """An order of milk that is picked and cannot be shipped, because what stands at the stage is on hold."""
    house = Warehouse(engine)
    house.put("A-01", "milk", 4)
    house.put("A-02", "milk", 4)
    release(house, ("milk", 8))
    confirm(house, tasks(house)["A-01"], 4)
    held = Account(f"{SITE}/out", "milk")
    house.do(lambda c: move_stock(c, house.fact(), held, replace(held, status="hold"), 4, house.now))
    confirm(house, tasks(house)["A-02"], 4)
    assert house.asked() == ["ship_refused"]
    return house


_TIMES = 200


def unhold(house: Warehouse) -> None:
    held = Account(f"{SITE}/out", "milk", status="hold")
    house.do(lambda c: move_stock(c, house.fact(), held, replace(held, status="available"), 4, house.now))


def shown(house: Warehouse) -> dict[str, Any]:
    with reading(house.engine) as connection:
        row = queries.work_order_of(connection, 1, house.now)
    assert row is not None
    return row


def act(house: Warehouse, code: str, fact: Fact | None = None) -> None:
    house.do(lambda c: service.act(c, fact or house.fact(), 1, code, house.now))


def test_work_order_says_its_age_its_due_time_and_what_can_be_done(house: Warehouse) -> None:
    house.later(3700)

    row = shown(house)

    assert (row["age_s"], row["due_at"], row["late"], row["owner"]) == (3700, NOW + timedelta(hours=1), True, "")
    assert row["actions"] == [{"code": "ship_again", "label": "Try to ship it again"}]


def test_action_does_its_use_case_and_closes_the_work_order(house: Warehouse) -> None:
    unhold(house)

    act(house, "ship_again")
    act(house, "ship_again")

    assert states(house) == ["shipped"]
    row = shown(house)
    assert (row["state"], row["resolution"], row["resolved_with"], row["resolved_by"], row["actions"]) == ("resolved", "shipped", "ship_again", "tester", [])


def test_action_that_fails_leaves_the_work_order_open(house: Warehouse) -> None:
    with pytest.raises(InsufficientStockError, match="there and free"):
        act(house, "ship_again")

    assert states(house) == ["picked"]
    assert house.asked() == ["ship_refused"]


def test_work_order_has_no_actions_of_other_kinds(house: Warehouse) -> None:
    with pytest.raises(NotFoundError, match="has no action drop_rest; its actions: ship_again"):
        act(house, "drop_rest")


def test_action_after_another_resolution_is_refused(house: Warehouse) -> None:
    house.do(lambda c: service.resolve(c, 1, "thrown away", "li", house.now))

    with pytest.raises(ConflictError, match="resolved by li: thrown away"):
        act(house, "ship_again")


@pytest.mark.slow
def test_two_people_who_press_at_once_do_it_once(house: Warehouse) -> None:
    unhold(house)

    with ThreadPoolExecutor(2) as people:
        for outcome in [people.submit(act, house, "ship_again") for _ in range(2)]:
            outcome.result()

    assert states(house) == ["shipped"]
    assert [row.resolved_with for row in house.rows(work_order)] == ["ship_again"]


@pytest.mark.slow
def test_question_that_is_closed_while_it_is_asked_again_is_asked_anew(house: Warehouse) -> None:
    def ask_again() -> None:
        for _ in range(_TIMES):
            house.do(lambda c: service.raise_work_order(c, "mispick", "a", "look", None, house.now))

    def close_again() -> None:
        for _ in range(_TIMES):
            house.do(lambda c: service.settle(c, ["mispick"], "a", "", "looked", house.now))

    with ThreadPoolExecutor(2) as people:
        for outcome in [people.submit(ask_again), people.submit(close_again)]:
            outcome.result()

    assert len([row for row in house.rows(work_order) if row.kind == "mispick" and row.state == "open"]) <= 1


def test_every_action_is_for_kinds_that_have_a_message(engine: Engine) -> None:
    assert set(collect_actions()) <= set(TEMPLATES)


def test_work_orders_are_read_page_by_page_and_by_kind(house: Warehouse) -> None:
    def listed(connection: Connection) -> list[int]:
        found: list[int] = []
        after = None
        while True:
            page = queries.work_orders(connection, house.now, state=None, after=after, limit=1)
            found += [row["id"] for row in page.items]
            after = page.next
            if after is None:
                return found

    house.do(lambda c: [service.raise_work_order(c, "mispick", subject, "look", None, house.now) for subject in "ab"])

    with reading(house.engine) as connection:
        everything = connection.execute(select(work_order.c.id).order_by(work_order.c.id.desc())).scalars().all()
        assert listed(connection) == list(everything)
        assert [row["subject"] for row in queries.work_orders(connection, house.now, kind="mispick").items] == ["b", "a"]
