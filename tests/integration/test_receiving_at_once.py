# SPDX-License-Identifier: Apache-2.0
"""Several people and doors that say the same at the same time, on SQLite and PostgreSQL: goods come in once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from sqlalchemy import Engine

from central.errors import ConflictError
from central.inbound import service
from central.inbound.documents import ShipNotice
from central.inbound.tables import discrepancy, passage, purchase_line, receipt, ship_notice
from contracts.events import ItemScanned, PalletPassed
from contracts.identifiers import sgtin_uri
from contracts.readings import Identifiers
from tests.integration.warehouse import MILK_GTIN, NOW, PALLET, PALLET_URI, PEAS_GTIN, SITE, Warehouse

pytestmark = [pytest.mark.requirement("R7", "R10", "E12", "X1"), pytest.mark.slow]
T = TypeVar("T")
MANY = 4


@pytest.fixture
def house(engine: Engine) -> Warehouse:
    return Warehouse(engine)


def announce(house: Warehouse, number: str = "ASN-1", **changes: Any) -> bool:
    line = {"gtin": MILK_GTIN, "lot": "L1", "quantity": 48, "serials": ["1", "2", "3", "4"]}
    document = {"number": number, "site": SITE, "supplier": "dairy", "pallets": [{"sscc": PALLET, "lines": [line]}]}
    notice = ShipNotice.model_validate(document | changes)
    return house.do(lambda c: service.announce(c, house.fact("ShipNotice", notice, number), notice, house.now))


def at_once(work: Callable[[int], T]) -> list[T | ConflictError]:
    """What comes of the same work by several threads that begin together; a conflict is an answer."""
    start = threading.Barrier(MANY)

    def each(number: int) -> T | ConflictError:
        start.wait(20)
        try:
            return work(number)
        except ConflictError as error:
            return error

    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(each, range(MANY)))


def passed(serials: Sequence[str]) -> PalletPassed:
    cases = [sgtin_uri(MILK_GTIN, serial, 7) for serial in serials]
    where = {"station": "door-3", "read_point": "door-3", "direction": "in", "confidence": 0.99}
    return PalletPassed(event_time=NOW, parent_id=PALLET_URI, child_epcs=cases, **where)  # type: ignore[arg-type]  # words and a number


@pytest.mark.parametrize("seen", [["1", "2", "3", "4"], ["1", "2"], []])
def test_pallet_is_received_once_when_several_doors_see_it_at_once(house: Warehouse, seen: list[str]) -> None:
    announce(house)

    at_once(lambda _: house.happen(passed(seen)))

    assert house.stock() == ({"cool-1 milk L1": (12 * len(seen), 0)} if seen else {})
    assert sorted(row.outcome for row in house.rows(passage)) == ["already_received"] * (MANY - 1) + ["received" if len(seen) == 4 else "differences"]
    assert len(house.rows(receipt)) == 1
    house.assert_sound()


def test_loose_goods_scanned_at_once_fill_the_notice_and_no_more(house: Warehouse) -> None:
    announce(house, pallets=[], lines=[{"item": "peas", "quantity": 10}])
    scanned = ItemScanned(event_time=NOW, station="scan-1", text="peas", identifiers=Identifiers(gtin=PEAS_GTIN, count=4))

    at_once(lambda _: house.happen(scanned))

    assert house.stock() == {"rack-1 peas": (10, 0)}
    assert sorted((row.kind, row.quantity) for row in house.rows(discrepancy)) == [("over", 2)]
    assert [row.state for row in house.rows(ship_notice)] == ["received"]
    house.assert_sound()


def test_goods_that_were_missing_are_found_once_when_several_say_so(house: Warehouse) -> None:
    announce(house)
    house.happen(passed(["1", "2", "3"]))
    (row,) = house.rows(discrepancy)

    at_once(lambda _: house.do(lambda c: service.settle_discrepancy(c, house.fact(), row.id, found=True, actor="li", now=house.now)))

    assert house.stock() == {"cool-1 milk L1": (48, 0)}
    house.assert_sound()


def test_missing_goods_end_one_way_when_one_finds_and_another_accepts(house: Warehouse) -> None:
    announce(house)
    house.happen(passed(["1", "2", "3"]))
    (row,) = house.rows(discrepancy)

    answers = at_once(lambda n: house.do(lambda c: service.settle_discrepancy(c, house.fact(), row.id, found=bool(n % 2), actor="li", now=house.now)))

    (settled,) = house.rows(discrepancy)
    assert house.stock() == {"cool-1 milk L1": (48 if settled.state == "found" else 36, 0)}
    assert {each.code for each in answers if isinstance(each, ConflictError)} == {"discrepancy_settled"}
    house.assert_sound()


def test_pallet_stands_on_one_notice_when_several_announce_it_at_once(house: Warehouse) -> None:
    answers = at_once(lambda n: announce(house, f"ASN-{n}"))

    assert sorted(each.code if isinstance(each, ConflictError) else str(each) for each in answers) == ["True"] + ["pallet_announced"] * (MANY - 1)
    assert len(house.rows(ship_notice)) == 1


def test_notices_at_once_take_each_their_part_off_a_purchase(house: Warehouse) -> None:
    house.do(lambda c: service.order_purchase(c, "dairy", "peas", SITE, 100, house.now))

    at_once(lambda n: announce(house, f"ASN-{n}", pallets=[], lines=[{"item": "peas", "quantity": 10}]))

    assert [row.noticed for row in house.rows(purchase_line)] == [10 * MANY]
