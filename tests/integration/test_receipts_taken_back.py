# SPDX-License-Identifier: Apache-2.0
"""Receipts that were wrong are taken back: what they booked leaves the books, the notice waits again, and nothing is undone that has moved on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from central.catalog import rules as catalog
from central.errors import ConflictError, NotFoundError
from central.inbound import taking_back
from central.inbound.tables import discrepancy, passage, receipt, ship_notice
from central.ledger.tables import handling_unit
from central.stock import handling
from tests.integration.test_areas_api import Http, got, sent
from tests.integration.test_use_case_receiving_doors import NESTED, announce, passed, press, sscc, standing, uri_of
from tests.integration.warehouse import ON_SQLITE, PALLET, PALLET_URI, SITE, Warehouse

pytestmark = pytest.mark.requirement("R7", "R10", "R31")


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    """With a receiving door that has a place of its own."""
    house = Warehouse(engine)
    house.keep(catalog.Location(site=SITE, code="door-1", kind="dock"))
    yield house
    house.assert_sound()


def take_back(house: Warehouse) -> bool:
    return house.do(lambda c: taking_back.take_back(c, house.fact(), PALLET, house.now))


def test_receipt_is_taken_back_once_and_the_pallet_is_received_again(house: Warehouse) -> None:
    announce(house)
    house.happen(passed(["1", "2", "3"]))
    http = Http.of(house)
    said: dict[str, Any] = {"reason": "not our pallet", "actor": "li"}

    answers = [http.post(f"receipts/{PALLET}/take-back", json=said, headers={"Idempotency-Key": "k-1"}) for _ in range(2)]

    assert [answer.json() for answer in answers] == [{"new": True}, {"new": True}]
    assert (house.stock(), house.asked(), house.rows(receipt)) == ({}, [], [])
    assert [row.state for row in house.rows(ship_notice)] == ["open"]
    assert [row.state for row in house.rows(discrepancy)] == ["accepted"]
    assert [row.outcome for row in house.rows(passage)] == ["not_received"]
    assert [row.place for row in house.rows(handling_unit)] == [""]
    house.later(60)
    house.happen(passed(event_time=house.now))
    assert (house.stock(), house.asked()) == ({"door-1 milk L1": (48, 0)}, [])
    assert got(http, f"receipts/{PALLET}")["stands_at"] == f"{SITE}/door-1"
    assert sent(http, "receipts/006141410000999996/take-back", said, 404)["code"] == "unknown_receipt"


@ON_SQLITE
@pytest.mark.requirement("X1")
def test_units_on_a_pallet_come_again_after_its_receipt_was_taken_back(house: Warehouse) -> None:
    lines = [{"item": "peas", "quantity": 6, "case_ssccs": [sscc(31), sscc(32)]}]
    announce(house, pallets=[{**NESTED[0], "lines": lines}])
    labels = {"parent_id": None, "other_parents": [PALLET_URI, uri_of(sscc(21)), uri_of(sscc(22))]}
    house.happen(passed(["7"], **labels))
    before = {(row.sscc, row.parent, row.place) for row in house.rows(handling_unit)}
    stock = house.stock()
    assert len(before) == 6

    take_back(house)
    assert house.stock() == {}
    house.later(60)
    house.happen(passed(["7"], event_time=house.now, **labels))

    assert ({(row.sscc, row.parent, row.place) for row in house.rows(handling_unit)}, house.stock()) == (before, stock)
    assert house.asked() == []


@ON_SQLITE
def test_surplus_that_was_kept_goes_back_with_the_receipt(house: Warehouse) -> None:
    announce(house)
    house.happen(passed(["1", "2", "3", "4", "99"]))
    press(house, "pallet_cases_unexpected", "book_surplus")

    take_back(house)

    assert house.stock() == {}


@ON_SQLITE
def test_pallet_that_left_for_good_is_taken_off_the_books_at_a_touch(house: Warehouse) -> None:
    announce(house)
    house.happen(passed())
    house.happen(passed(direction="out"))

    press(house, "pallet_left", "take_back")

    assert (house.stock(), house.asked(), house.rows(receipt)) == ({}, [], [])


@ON_SQLITE
def test_receipt_whose_goods_have_moved_on_stays_and_it_is_said_where_they_are(house: Warehouse) -> None:
    with pytest.raises(NotFoundError):
        take_back(house)
    announce(house)
    house.happen(passed())

    house.do(lambda c: handling.move_unit(c, house.fact(), PALLET, f"{SITE}/cool-1", house.now))
    with pytest.raises(ConflictError, match=r"stands at s1/cool-1 and was received at s1/door-1; bring it back") as moved:
        take_back(house)
    assert moved.value.code == "unit_elsewhere"
    house.do(lambda c: handling.move_unit(c, house.fact(), PALLET, f"{SITE}/door-1", house.now))
    house.do(lambda c: handling.take_out(c, house.fact(), PALLET, [handling.Goods("milk", 12, "L1")], house.now))
    with pytest.raises(ConflictError, match=r"came with 48 of item milk lot L1 and has 36 now; others: s1/door-1 \(12\);") as parted:
        take_back(house)
    assert parted.value.code == "not_so_much"

    assert standing(house) == {"door-1": 48}
    assert len(house.rows(receipt)) == 1
