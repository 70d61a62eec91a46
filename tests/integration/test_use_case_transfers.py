# SPDX-License-Identifier: Apache-2.0
"""Transfers between sites: both books are right at every step, and the other site's own dock door receives them from transit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine

from central.catalog import rules as catalog
from central.database import reading
from central.errors import ConflictError
from central.inbound import service as inbound
from central.inbound.documents import ShipNotice
from central.inbound.tables import discrepancy
from central.ledger import serials, units
from central.ledger import service as ledger
from central.ledger.rules import Account, Demand
from central.ledger.tables import balance, handling_unit
from central.stock import handling, moves, queries, states, trace, transfers
from central.stock.transfers import Load, Request, Wanted
from contracts.events import ItemScanned, PalletPassed, PassEvidence
from contracts.readings import Identifiers
from tests.integration.warehouse import NOW, PALLET, PALLET_URI, SITE, Warehouse

pytestmark = pytest.mark.requirement("R25", "R22", "R61")
TRANSIT = "s2/TRANSIT"


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    """Site s1 with milk of two lots and peas; site s2 with a store and a bin."""
    house = Warehouse(engine)
    house.keep(
        catalog.Location(site="s2", code="store", kind="storage"),
        catalog.Location(site="s2", code="cool", kind="storage", condition="chilled"),
        catalog.Location(site="s2", code="out", kind="stage"),
    )
    house.put("A-01", "milk", 10, "L2", date(2026, 12, 9))
    house.put("cool-1", "milk", 6, "L1", date(2026, 12, 1))
    house.put("rack-1", "peas", 20)
    yield house
    house.assert_sound()
    with reading(engine) as connection:
        assert [*units.check(connection), *serials.check(connection)] == []


def asked(house: Warehouse, *lines: tuple[str, int], number: str = "T-1", needs_approval: bool = False) -> str:
    request = Request(number, SITE, "s2", tuple(Wanted(item, quantity) for item, quantity in lines), needs_approval=needs_approval)
    house.do(lambda c: transfers.request_transfer(c, house.fact(), request, house.now))
    return number


def shipped(house: Warehouse, number: str, sscc: str = PALLET) -> str:
    house.do(lambda c: transfers.reserve(c, house.fact(), number, house.now))
    return house.do(lambda c: transfers.ship(c, house.fact(), number, Load(sscc), house.now))


def arrive(house: Warehouse, sscc: str = PALLET) -> None:
    house.happen(ItemScanned(event_time=NOW, station="dock-2", text=sscc, identifiers=Identifiers(sscc=sscc)), site="s2")


def where(house: Warehouse) -> dict[tuple[str, ...], int]:
    return {tuple(part for part in (row.place, row.item, row.lot, row.unit) if part): row.on_hand for row in house.rows(balance)}


def shown(house: Warehouse, number: str = "T-1") -> dict[str, Any]:
    with reading(house.engine) as connection:
        return queries.transfer_of(connection, number)


def test_transfer_goes_from_request_to_receipt_first_expiry_first(house: Warehouse) -> None:
    asked(house, ("milk", 8), ("peas", 5))

    notice = shipped(house, "T-1")

    assert where(house) == {
        (f"{SITE}/A-01", "milk", "L2"): 8,
        (f"{SITE}/rack-1", "peas"): 15,
        (TRANSIT, "milk", "L1", PALLET): 6,
        (TRANSIT, "milk", "L2", PALLET): 2,
        (TRANSIT, "peas", PALLET): 5,
    }
    assert (notice, shown(house)["state"]) == ("T-1-1", "in_transit")
    arrive(house)
    assert {key: quantity for key, quantity in where(house).items() if key[0].startswith("s2")} == {
        ("s2/cool", "milk", "L1", PALLET): 6,
        ("s2/cool", "milk", "L2", PALLET): 2,
        ("s2/store", "peas"): 5,
    }
    transfer = shown(house)
    assert (transfer["state"], transfer["in_transit"], transfer["differences"]) == ("received", [], [])
    assert [step["step"] for step in transfer["timeline"]] == ["requested", "reserved", "shipped"]
    assert {row.sscc: (row.place, row.state) for row in house.rows(handling_unit)} == {PALLET: ("s2/cool", "open")}


def test_goods_in_transit_are_neither_promised_nor_reserved(house: Warehouse) -> None:
    asked(house, ("milk", 8))
    shipped(house, "T-1")

    with reading(house.engine) as connection:
        assert ledger.available(connection, "s2", "milk") == 0
        figures = {row["site"]: row for row in states.states(connection, item="milk").items}
    demand = [Demand("l1", "s2", "milk", 1)]
    assert house.do(lambda c: ledger.reserve(c, ledger.record(c, house.fact(), house.now).fact_id, demand, house.now, pickable_only=False)) == []
    assert (figures["s2"]["in_transit"], figures["s2"]["on_hand"], figures["s2"]["incoming"], figures["s1"]["on_hand"]) == (8, 0, 0, 8)


def test_whole_pallet_keeps_its_number_and_can_travel_on(house: Warehouse) -> None:
    house.do(lambda c: handling.make_unit(c, house.fact(), "pallet", f"{SITE}/rack-1", house.now, sscc=PALLET))
    case = house.do(lambda c: handling.make_unit(c, house.fact(), "case", f"{SITE}/rack-1", house.now, sscc="case-1", parent=PALLET))
    house.do(lambda c: handling.put_in(c, house.fact(), case, [handling.Goods("peas", 20)], house.now))
    asked(house, ("peas", 20))

    shipped(house, "T-1", sscc="")
    assert {row.sscc: (row.place, row.state, row.parent) for row in house.rows(handling_unit)} == {
        PALLET: (TRANSIT, "in_transit", None),
        case: (TRANSIT, "in_transit", PALLET),
    }
    arrive(house)
    assert where(house)["s2/store", "peas", case] == 20

    back = Request("T-2", "s2", SITE, (Wanted("peas", 20),))
    house.do(lambda c: transfers.request_transfer(c, house.fact(), back, house.now))
    house.later(60)
    house.do(lambda c: transfers.reserve(c, house.fact(), "T-2", house.now))
    house.do(lambda c: transfers.ship(c, house.fact(), "T-2", Load(), house.now))
    house.happen(ItemScanned(event_time=NOW, station="dock-1", text=PALLET, identifiers=Identifiers(sscc=PALLET)), site=SITE)
    assert where(house)[f"{SITE}/rack-1", "peas", case] == 20
    assert (shown(house)["state"], shown(house, "T-2")["state"]) == ("received", "received")


def test_goods_that_do_not_arrive_stay_in_transit_until_they_are_found(house: Warehouse) -> None:
    house.keep(catalog.Item(code="drill", gtin="00614141000036", name="Drill", tracking="serial"))
    lines = [moves.Correction(f"{SITE}/rack-1", "drill", 2, serials=("S1", "S2"))]
    house.do(lambda c: moves.correct_stock(c, house.fact(), lines, house.now))
    asked(house, ("drill", 2))
    house.do(lambda c: transfers.reserve(c, house.fact(), "T-1", house.now))
    house.do(lambda c: transfers.ship(c, house.fact(), "T-1", Load(PALLET, {"drill": ["S1", "S2"]}), house.now))
    with reading(house.engine) as connection:
        assert serials.at_account(connection, Account(TRANSIT, "drill", unit=PALLET)) == ["S1", "S2"]

    arrive(house)

    with reading(house.engine) as connection:
        assert serials.at_account(connection, Account("s2/store", "drill", unit=PALLET)) == ["S1", "S2"]


def _missing_one_case(house: Warehouse) -> None:
    """Of 48 peas in two tagged cases one case does not come out of the truck."""
    asked(house, ("peas", 20))
    shipped(house, "T-1")
    from sqlalchemy import insert, select

    from central.inbound.tables import ship_notice_case, ship_notice_line

    def tag(connection: Any) -> None:
        line = connection.execute(select(ship_notice_line.c.id)).scalar_one()
        connection.execute(insert(ship_notice_case), [{"gtin": "00614141000029", "serial": serial, "line": line} for serial in ("p1", "p2")])

    house.do(tag)
    seen = ["urn:epc:id:sgtin:0614141.000002.p1"]
    event = PalletPassed(
        event_time=NOW, station="dock-2", read_point="dock-2", direction="in", confidence=0.99, parent_id=PALLET_URI, child_epcs=seen, evidence=PassEvidence()
    )
    house.happen(event, site="s2")


def test_missing_case_is_found_later_and_booked_from_transit(house: Warehouse) -> None:
    _missing_one_case(house)
    assert (where(house)["s2/store", "peas", PALLET], where(house)[TRANSIT, "peas"]) == (10, 10)
    assert [row["kind"] for row in shown(house)["differences"]] == ["missing"]

    number = house.rows(discrepancy)[0].id
    house.do(lambda c: inbound.settle_discrepancy(c, house.fact(), number, found=True, actor="li", now=house.now))

    assert where(house)["s2/store", "peas", PALLET] == 20
    assert (shown(house)["state"], shown(house)["in_transit"]) == ("received", [])


def test_missing_case_is_written_off_with_a_reason(house: Warehouse) -> None:
    _missing_one_case(house)

    fact = house.fact()
    for _ in range(2):
        house.do(lambda c: transfers.lose(c, fact, "T-1", Account(TRANSIT, "peas"), "lost_in_transit", house.now))

    assert (shown(house)["state"], shown(house)["in_transit"], shown(house)["differences"]) == ("received", [], [])
    assert shown(house)["timeline"][-1]["params"] == {"item": "peas", "lot": "", "quantity": 10, "reason": "lost_in_transit"}
    assert house.asked() == []


@pytest.mark.requirement("R18", "X6")
def test_trace_shows_each_notice_of_a_pallet_that_travels_on_with_its_own_receipt(house: Warehouse) -> None:
    line = {"item": "peas", "lot": "P1", "expiry": "2026-11-25", "quantity": 5}
    document = {"number": "ASN-1", "site": SITE, "supplier": "dairy", "pallets": [{"sscc": PALLET, "lines": [line]}]}
    notice = ShipNotice.model_validate(document)
    house.do(lambda c: inbound.announce(c, house.fact("ShipNotice", notice, "ASN-1"), notice, house.now))
    house.happen(ItemScanned(event_time=NOW, station="dock-1", text=PALLET, identifiers=Identifiers(sscc=PALLET)))
    house.later(3600)
    asked(house, ("peas", 5))
    shipped(house, "T-1", "")
    arrive(house)

    with reading(house.engine) as connection:
        up = trace.trace_up(connection, "peas", "P1")

    assert [(row["number"], row["sscc"], row["place"]) for row in up["ship_notices"]] == [("ASN-1", PALLET, f"{SITE}/rack-1"), ("T-1-1", PALLET, "s2/store")]


def test_transfer_that_needs_approval_waits_for_a_second_person(house: Warehouse) -> None:
    asked(house, ("peas", 5), needs_approval=True)

    with pytest.raises(ConflictError) as early:
        house.do(lambda c: transfers.reserve(c, house.fact(), "T-1", house.now))
    with pytest.raises(ConflictError) as same:
        house.do(lambda c: transfers.approve(c, house.fact(), "T-1", house.now))
    from dataclasses import replace

    assert (early.value.code, same.value.code) == ("transfer_state", "same_person")
    assert house.do(lambda c: transfers.approve(c, replace(house.fact(), actor="chief"), "T-1", house.now))
    assert house.do(lambda c: transfers.reserve(c, house.fact(), "T-1", house.now)) == {}


def test_transfer_is_shipped_in_parts_and_the_rest_cancelled(house: Warehouse) -> None:
    asked(house, ("peas", 30))
    assert house.do(lambda c: transfers.reserve(c, house.fact(), "T-1", house.now)) == {"peas": 10}
    house.do(lambda c: transfers.ship(c, house.fact(), "T-1", Load(PALLET), house.now))
    arrive(house)
    assert shown(house)["state"] == "in_transit"

    with pytest.raises(ConflictError) as nothing:
        house.do(lambda c: transfers.ship(c, house.fact(), "T-1", Load(), house.now))
    assert nothing.value.code == "nothing_reserved"
    assert house.do(lambda c: transfers.cancel(c, house.fact(), "T-1", house.now))
    assert not house.do(lambda c: transfers.cancel(c, house.fact(), "T-1", house.now))
    assert shown(house)["state"] == "received"


def test_cancelled_transfer_gives_its_goods_back(house: Warehouse) -> None:
    asked(house, ("peas", 5))
    house.do(lambda c: transfers.reserve(c, house.fact(), "T-1", house.now))
    assert house.stock()["rack-1 peas"] == (20, 5)

    house.do(lambda c: transfers.cancel(c, house.fact(), "T-1", house.now))

    assert (house.stock()["rack-1 peas"], shown(house)["state"]) == ((20, 0), "cancelled")


def test_shipping_that_is_asked_twice_ships_once(house: Warehouse) -> None:
    asked(house, ("peas", 5))
    house.do(lambda c: transfers.reserve(c, house.fact(), "T-1", house.now))
    fact = house.fact()

    answers = [house.do(lambda c: transfers.ship(c, fact, "T-1", Load(PALLET), house.now)) for _ in range(2)]

    assert answers == ["T-1-1", "T-1-1"]
    assert where(house)[TRANSIT, "peas", PALLET] == 5
