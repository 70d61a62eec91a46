# SPDX-License-Identifier: Apache-2.0
"""What doors say late, twice, in doubt or while people answer: stock is right and people are asked what they can answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from central.catalog import rules as catalog
from central.database import open_engine, transaction
from central.exceptions import service as exceptions
from central.exceptions.tables import work_order
from central.inbound import service
from central.inbound.arrival import Spot
from central.inbound.tables import discrepancy
from central.ledger.service import record
from central.ledger.tables import balance
from central.stock import handling
from contracts.events import PassEvidence
from tests.integration.test_use_case_receiving_doors import NESTED, announce, both_near, outcomes, passed, press, sscc, standing, uri_of
from tests.integration.warehouse import NOW, PALLET, PALLET_URI, SITE, Warehouse

pytestmark = pytest.mark.requirement("R7", "R10", "R31", "E4")

LABELS = [PALLET_URI, uri_of(sscc(21)), uri_of(sscc(22))]


@pytest.fixture
def house(sqlite_url: str) -> Iterator[Warehouse]:
    """With two receiving doors that have a place of their own. What is decided here is the same on every database."""
    engine = open_engine(sqlite_url)
    house = with_doors(engine)
    yield house
    house.assert_sound()
    engine.dispose()


def with_doors(engine: Engine) -> Warehouse:
    house = Warehouse(engine)
    house.keep(*(catalog.Location(site=SITE, code=f"door-{n}", kind="dock") for n in (1, 2)))
    return house


def test_pass_told_hours_late_does_not_bring_the_pallet_back(house: Warehouse) -> None:
    announce(house)
    house.later(4 * 3600)
    house.happen(passed(door="door-2", event_time=NOW + timedelta(hours=3)))

    house.happen(passed(door="door-1", event_time=NOW))

    assert standing(house) == {"door-2": 48}
    assert outcomes(house) == {"door-1": ["already_received"], "door-2": ["received"]}


@pytest.mark.slow
def test_pallet_that_is_here_again_is_not_asked_about_when_its_leaving_is_told_late(house: Warehouse) -> None:
    announce(house)
    house.happen(passed())
    house.later(4 * 3600)
    house.happen(passed(door="door-2", event_time=NOW + timedelta(hours=2)))

    house.happen(passed(direction="out", event_time=NOW + timedelta(hours=1)))

    assert (house.asked(), standing(house)) == ([], {"door-2": 48})


@pytest.mark.requirement("X1")
def test_tagged_units_of_a_doubtful_pallet_are_received_as_seen(house: Warehouse) -> None:
    announce(house, pallets=NESTED)
    house.happen(passed(["7"], parent_id=None, other_parents=LABELS, direction="unknown", evidence=PassEvidence(reason="turned")))

    press(house, "pallet_direction_unknown", "receive_as_seen")

    assert house.asked() == []
    assert sum(row.on_hand for row in house.rows(balance)) == 30


@pytest.mark.requirement("X1")
def test_pallet_with_tagged_units_that_came_before_its_notice_is_received_at_a_touch(house: Warehouse) -> None:
    house.happen(passed(["7"], parent_id=None, other_parents=LABELS))
    assert house.asked() == ["pallet_labels_many"]
    announce(house, pallets=NESTED)

    press(house, "pallet_labels_many", "receive_as_seen")

    assert house.asked() == []
    assert sum(row.on_hand for row in house.rows(balance)) == 30


@pytest.mark.requirement("X1")
def test_unit_with_two_items_that_was_not_read_is_one_case_missing(house: Warehouse) -> None:
    announce(house, pallets=NESTED)

    house.happen(passed([], parent_id=None, other_parents=LABELS))

    (order,) = house.rows(work_order)
    assert (order.kind, order.params["missing"], order.params["expected"]) == ("pallet_cases_missing", 1, 2)
    press(house, "pallet_cases_missing", "book_found")
    assert sum(row.on_hand for row in house.rows(balance)) == 30


def test_label_that_perhaps_came_with_nothing_else_is_asked_about(house: Warehouse) -> None:
    announce(house)

    house.happen(passed([], parent_id=None, doubtful_epcs=[PALLET_URI]))

    assert (house.stock(), house.asked()) == ({}, ["pallet_direction_unknown"])
    press(house, "pallet_direction_unknown", "receive_as_seen")
    assert house.asked() == ["pallet_cases_missing"]


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.requirement("E11", "E12")
@pytest.mark.parametrize("second", ["person", "door"])
def test_what_is_booked_while_another_answers_is_booked_once(postgres_url: str, second: str) -> None:
    engine = open_engine(postgres_url)
    house = with_doors(engine)
    lines = [{"item": "milk", "lot": "L1", "quantity": 24, "serials": ["1", "2"]}, {"item": "milk", "lot": "L2", "quantity": 12, "serials": ["3"]}]
    announce(house, pallets=[{"sscc": PALLET, "lines": lines}])
    house.happen(passed([]) if second == "door" else passed(["1"]))
    first, *_ = house.rows(discrepancy)
    (order,) = house.rows(work_order)

    def answer() -> None:
        if second == "person":
            house.do(lambda c: exceptions.act(c, house.fact(), order.id, "book_found", house.now))
        else:
            house.do(lambda c: see_all(c, house))

    other = threading.Thread(target=answer)
    with transaction(engine) as connection:
        service.settle_discrepancy(connection, house.fact(), first.id, found=True, actor="li", now=house.now)
        other.start()
        await_blocked(house)
    other.join()

    assert next(row.state for row in house.rows(discrepancy)) == "found"
    assert house.stock()["door-1 milk L1"] == (24, 0)
    house.assert_sound()
    engine.dispose()


def see_all(connection: Connection, house: Warehouse) -> None:
    fact, announced = house.fact(), service.announced_of(connection, PALLET)
    assert announced is not None
    record(connection, fact, house.now)
    service.see_more(connection, Spot(fact.id, SITE, "door-1", house.now), PALLET, frozenset(announced.lines[0].cases))


def await_blocked(house: Warehouse) -> None:
    """Until another connection of this database waits for a lock."""
    waiting: Any = 0
    while not waiting:
        with house.engine.connect() as connection:
            waiting = connection.execute(text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")).scalar()


def test_answer_about_two_doors_says_where_the_pallet_is_when_it_was_put_away_meanwhile(house: Warehouse) -> None:
    announce(house)
    for each in both_near():
        house.happen(each)
    house.do(lambda c: handling.move_unit(c, house.fact(), PALLET, f"{SITE}/cool-1", house.now))

    assert press(house, "pallet_two_doors", "first_door") == "it came by door-1 and stands at s1/cool-1"

    assert standing(house) == {"cool-1": 48}
