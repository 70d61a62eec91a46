# SPDX-License-Identifier: Apache-2.0
"""Promises whose goods were lost, held or recalled: a person is asked once and can settle it at one touch, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from central.catalog import rules as catalog
from central.exceptions import service as exceptions
from central.exceptions.tables import work_order
from central.outbound import late, order_changes, service
from central.outbound.tables import customer_order
from central.outbound.tables import promise as promise_table
from central.stock import moves, recalls
from central.stock.tables import transfer
from tests.integration.test_use_case_promises import TODAY, assert_promises_can_be_kept, buy, orders, other_site, release, take
from tests.integration.test_use_case_short_and_late import act, lines, offered
from tests.integration.warehouse import SITE, Warehouse

pytestmark = pytest.mark.requirement("R43", "R56")

THURSDAY = TODAY + timedelta(days=5)


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    """Ten milk of lot L1 in A-01, promised to an urgent order (4) and another one (6)."""
    house = Warehouse(engine)
    house.put("A-01", "milk", 10, "L1", TODAY + timedelta(days=30))
    house.put("B-01", "peas", 5)
    take(house, ("milk", 4), number="urgent", priority=1)
    take(house, ("milk", 6), number="usual", substitutes=True)
    yield house
    house.assert_sound()


def lose(house: Warehouse, quantity: int) -> None:
    house.do(lambda c: moves.correct_stock(c, house.fact(), [moves.Correction(f"{SITE}/A-01", "milk", -quantity, "L1")], house.now))


def look(house: Warehouse) -> bool:
    return late.look_at_promises(house.engine, house.now)


def asked(house: Warehouse, state: str = "open") -> list[Any]:
    return [row for row in house.rows(work_order) if row.kind == "promise_broken" and row.state == state]


def broken(house: Warehouse, quantity: int = 3) -> int:
    """So many are lost; the number of the work order about it."""
    lose(house, quantity)
    assert look(house)
    (row,) = asked(house)
    return int(row.id)


def test_lost_goods_break_the_least_urgent_promise_and_a_person_is_asked_once(house: Warehouse) -> None:
    assert not look(house)
    lose(house, 3)

    assert look(house)
    assert not look(house)

    (row,) = asked(house)
    assert (row.subject, row.params["missing"], row.params["promised"], row.priority) == ("api/usual/1", 3, 6, 2)
    assert row.due_at is not None


def test_more_lost_goods_are_told_and_reach_the_urgent_order_last(house: Warehouse) -> None:
    broken(house, 3)
    lose(house, 4)
    assert look(house)

    assert {row.subject: row.params["missing"] for row in asked(house)} == {"api/usual/1": 6, "api/urgent/1": 1}
    assert [row.params["missing"] for row in asked(house, "resolved")] == [3]


def test_promise_for_this_day_of_the_site_is_urgent_although_utc_has_the_day_before(house: Warehouse) -> None:
    house.keep(catalog.SiteRow(code=SITE, time_zone="Asia/Shanghai"))
    house.later(9 * 3600)
    take(house, ("peas", 5), number="today", priority=3)
    house.do(lambda c: moves.correct_stock(c, house.fact(), [moves.Correction(f"{SITE}/B-01", "peas", -2)], house.now))
    assert look(house)

    assert [(row.params["day"], row.priority) for row in asked(house)] == [((TODAY + timedelta(days=1)).isoformat(), 2)]


def test_question_closes_by_itself_when_the_goods_are_there_again(house: Warehouse) -> None:
    broken(house)
    house.put("A-02", "milk", 3, "L1")

    assert look(house)

    assert asked(house) == []
    assert {row.broken for row in house.rows(promise_table)} == {0}
    assert_promises_can_be_kept(house)


def test_question_closes_by_itself_when_the_order_is_cancelled(house: Warehouse) -> None:
    broken(house)
    house.do(lambda c: service.cancel_order(c, house.fact(), orders(house)["usual"].id, house.now))

    assert look(house)

    assert asked(house) == []


def test_case_that_a_person_closed_in_words_is_not_asked_again(house: Warehouse) -> None:
    number = broken(house)
    house.do(lambda c: exceptions.resolve(c, number, "told the customer", "li", house.now))

    assert not look(house)
    lose(house, 1)
    assert look(house)
    assert [row.params["missing"] for row in asked(house)] == [4]


def test_recalled_lot_breaks_promises_until_the_recall_ends(house: Warehouse) -> None:
    recall = recalls.Recall("R-1", "milk", "L1")
    house.do(lambda c: recalls.recall_lot(c, house.fact(), recall, house.now))
    look(house)
    assert [row.subject for row in asked(house)] == ["api/urgent/1", "api/usual/1"]

    house.do(lambda c: recalls.release_recall(c, house.fact(), "R-1", house.now))
    look(house)

    assert asked(house) == []


def test_goods_are_promised_anew_for_when_they_come(house: Warehouse) -> None:
    buy(house, "milk", 10, THURSDAY)
    number = broken(house)
    assert offered(house, number) == ["promise_anew", "backorder_rest", "drop_rest", "cancel_order"]

    assert act(house, number, "promise_anew") == f"promised for {THURSDAY}"

    assert orders(house)["usual"].waits
    assert not look(house)
    assert_promises_can_be_kept(house)


def test_what_is_missing_follows_later_and_the_rest_is_promised_as_before(house: Warehouse) -> None:
    buy(house, "milk", 10, THURSDAY)

    assert act(house, broken(house), "backorder_rest") == "follows with usual/b1"

    promised = {row.order_id: (row.quantity, row.on_day) for row in house.rows(promise_table)}
    assert promised[orders(house)["usual"].id] == (3, TODAY)
    assert promised[orders(house)["usual/b1"].id] == (3, THURSDAY)
    assert_promises_can_be_kept(house)
    release(house, orders(house)["usual"].id)


def test_order_of_which_everything_is_missing_waits_for_goods(house: Warehouse) -> None:
    assert act(house, broken(house, 6), "backorder_rest") == "the order waits for goods"

    assert {name: row.state for name, row in orders(house).items()} == {"urgent": "open", "usual": "open"}
    assert_promises_can_be_kept(house)


def test_substitute_is_promised_for_what_is_missing(house: Warehouse) -> None:
    house.keep(catalog.Substitute(item="milk", substitute="peas"))

    assert act(house, broken(house), "substitute") == "3 of item peas instead"

    assert lines(house) == [("milk", 4, 0, 0, 0), ("milk", 3, 0, 3, 0), ("peas", 3, 0, 0, 0)]
    assert sorted((row.item, row.quantity) for row in house.rows(promise_table)) == [("milk", 3), ("milk", 4), ("peas", 3)]
    assert_promises_can_be_kept(house)


def test_what_is_missing_is_left_out(house: Warehouse) -> None:
    assert act(house, broken(house), "drop_rest") == "3 of item milk dropped"

    assert lines(house) == [("milk", 4, 0, 0, 0), ("milk", 3, 0, 0, 3)]
    assert_promises_can_be_kept(house)


def test_order_of_which_everything_is_left_out_is_cancelled(house: Warehouse) -> None:
    act(house, broken(house, 6), "drop_rest")

    assert orders(house)["usual"].state == "cancelled"
    assert_promises_can_be_kept(house)


def test_missing_goods_are_asked_of_another_site(house: Warehouse) -> None:
    other_site(house, "s2", ("milk", 20), latitude=31.0)
    number = broken(house)

    assert act(house, number, "transfer_from_site") == f"transfer usual-1-{number}: 3 from s2"

    assert [(row.from_site, row.to_site) for row in house.rows(transfer)] == [("s2", "s1")]
    assert not look(house)


def test_promise_that_broke_is_still_that_of_a_held_order(house: Warehouse) -> None:
    house.do(lambda c: order_changes.hold_order(c, house.fact(), orders(house)["usual"].id, "address in doubt", house.now))

    number = broken(house)

    assert act(house, number, "cancel_order") == "cancelled"
    assert [row.state for row in house.rows(customer_order) if row.number == "usual"] == ["cancelled"]
