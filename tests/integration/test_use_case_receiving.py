# SPDX-License-Identifier: Apache-2.0
"""Receiving, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine

from central.catalog.tables import lot
from central.errors import ConflictError, NotFoundError
from central.exceptions.tables import work_order
from central.inbound import service
from central.inbound.documents import ShipNotice
from central.inbound.queries import figures, incoming, pallet_contents
from central.inbound.tables import discrepancy, passage, receipt, ship_notice
from contracts.events import ItemScanned, PalletPassed, PassEvidence
from contracts.identifiers import sgtin_uri
from contracts.readings import Identifiers
from tests.integration.warehouse import MILK_GTIN, NOW, PALLET, PALLET_URI, PEAS_GTIN, SITE, Warehouse

pytestmark = pytest.mark.requirement("R7", "R10", "E4")


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    house = Warehouse(engine)
    yield house
    house.assert_sound()


def announce(house: Warehouse, *, serials: Sequence[str] = (), number: str = "ASN-1182", **changes: Any) -> bool:
    """48 milk of lot L1 on one pallet, and 10 loose peas."""
    line = {"gtin": MILK_GTIN, "lot": "L1", "expiry": "2026-12-24", "quantity": 48, "serials": serials}
    document = {"number": number, "site": SITE, "supplier": "dairy", "pallets": [{"sscc": PALLET, "tare_g": 20_000, "lines": [line]}]}
    document["lines"] = [{"item": "peas", "quantity": 10}]
    notice = ShipNotice.model_validate(document | changes)
    return house.do(lambda c: service.announce(c, house.fact("ShipNotice", notice, notice.number), notice, house.now))


def passed(serials: Sequence[str] = (), **changes: Any) -> PalletPassed:
    fields: dict[str, Any] = {"event_time": NOW, "station": "door-3", "read_point": "door-3", "direction": "in", "confidence": 0.99, "parent_id": PALLET_URI}
    return PalletPassed(**(fields | {"child_epcs": [sgtin_uri(MILK_GTIN, serial, 7) for serial in serials]} | changes))


def scanned(text: str, **identifiers: Any) -> ItemScanned:
    return ItemScanned(event_time=NOW, station="scan-1", text=text, identifiers=Identifiers(**identifiers))


@pytest.mark.requirement("R18", "R21")
def test_pallet_is_received_when_it_passes_in(house: Warehouse) -> None:
    announce(house)

    house.happen(passed())

    assert house.stock() == {"cool-1 milk L1": (48, 0)}
    assert [(row.outcome, row.sscc, row.notice) for row in house.rows(passage)] == [("received", PALLET, "ASN-1182")]
    assert [(row.item, row.lot, row.expiry) for row in house.rows(lot)] == [("milk", "L1", date(2026, 12, 24))]
    assert house.asked() == []


@pytest.mark.requirement("E12")
def test_pallet_changes_nothing_when_it_passes_in_again(house: Warehouse) -> None:
    announce(house)
    house.happen(passed())

    house.happen(passed())

    assert house.stock() == {"cool-1 milk L1": (48, 0)}
    assert [row.outcome for row in sorted(house.rows(passage), key=lambda row: row.outcome)] == ["already_received", "received"]
    assert len(house.rows(receipt)) == 1


def test_missing_cases_are_not_booked_but_asked_about(house: Warehouse) -> None:
    announce(house, serials=["1", "2", "3", "4"])

    house.happen(passed(["1", "2", "4"]))

    assert house.stock() == {"cool-1 milk L1": (36, 0)}
    (order,) = house.rows(work_order)
    assert order.message == f"door-3: pallet {PALLET} passed in; 1 of 4 cases not seen; compare with ship notice ASN-1182 or accept"
    assert order.params == {"station": "door-3", "sscc": PALLET, "missing": 1, "expected": 4, "notice": "ASN-1182"}
    (row,) = house.rows(discrepancy)
    assert (row.kind, row.item, row.lot, row.quantity, row.cases) == ("missing", "milk", "L1", 12, [[MILK_GTIN, "3"]])
    (door,) = house.rows(passage)
    assert (door.outcome, door.cases_seen, door.cases_expected, door.reason) == ("differences", 3, 4, "pallet_cases_missing")


@pytest.mark.parametrize(("found", "stock", "state"), [(True, 48, "found"), (False, 36, "accepted")])
def test_discrepancy_ends_as_found_or_accepted(house: Warehouse, found: bool, stock: int, state: str) -> None:
    announce(house, serials=["1", "2", "3", "4"])
    house.happen(passed(["1", "2", "4"]))
    (row,) = house.rows(discrepancy)

    for _ in range(2):
        house.do(lambda c: service.settle_discrepancy(c, house.fact(), row.id, found=found, actor="li", now=house.now))

    assert house.stock() == {"cool-1 milk L1": (stock, 0)}
    assert [each.state for each in house.rows(discrepancy)] == [state]
    assert (house.asked(), house.asked("resolved")) == ([], ["pallet_cases_missing"])


def test_unexpected_cases_are_set_aside(house: Warehouse) -> None:
    announce(house, serials=["1", "2"])

    house.happen(passed(["1", "2", "99"]))

    assert house.stock() == {"cool-1 milk L1": (48, 0)}
    assert [(row.kind, row.cases) for row in house.rows(discrepancy)] == [("unexpected", [[MILK_GTIN, "99"]])]
    assert house.asked() == ["pallet_cases_unexpected"]


@pytest.mark.parametrize(
    ("changes", "kind", "outcome"),
    [
        ({"parent_id": "urn:epc:id:sscc:0614141.0999999999"}, "pallet_unknown", "not_received"),
        ({"direction": "unknown", "evidence": PassEvidence(reason="peaks 0.1 s apart")}, "pallet_direction_unknown", "not_received"),
        ({"parent_id": None, "child_epcs": [sgtin_uri(MILK_GTIN, "1", 7)]}, "pallet_label_missing", "not_received"),
        ({"parent_id": None, "other_parents": [PALLET_URI, "urn:epc:id:sscc:0614141.0999999999"]}, "pallet_labels_many", "not_received"),
        ({"parent_id": None}, "", "seen"),
        ({"direction": "out"}, "", "left"),
        ({"biz_step": "loading", "direction": "out"}, "", "left"),
    ],
)
def test_pallet_is_never_guessed(house: Warehouse, changes: dict[str, Any], kind: str, outcome: str) -> None:
    announce(house)

    house.happen(passed(**changes))

    assert house.stock() == {}
    assert house.asked() == ([kind] if kind else [])
    assert [row.kind for row in house.rows(discrepancy)] == ([kind] if kind else [])
    assert [row.outcome for row in house.rows(passage)] == [outcome]


def test_received_pallet_is_asked_about_when_it_leaves_through_a_receiving_door(house: Warehouse) -> None:
    announce(house)
    house.happen(passed())

    house.happen(passed(direction="out"))

    assert house.asked() == ["pallet_left"]
    assert house.stock() == {"cool-1 milk L1": (48, 0)}


def test_pallet_of_another_site_is_not_received(house: Warehouse) -> None:
    announce(house)

    house.happen(passed(), site="s2")

    assert house.stock() == {}
    assert house.asked() == ["pallet_wrong_site"]


def test_scanned_label_receives_a_pallet_whole_and_settles_the_doubt(house: Warehouse) -> None:
    announce(house, serials=["1", "2"])
    house.happen(passed(direction="unknown"))

    house.happen(scanned(f"00{PALLET}", sscc=PALLET))
    house.happen(scanned(f"00{PALLET}", sscc=PALLET))

    assert house.stock() == {"cool-1 milk L1": (48, 0)}
    assert (house.asked(), house.asked("resolved")) == ([], ["pallet_direction_unknown"])
    assert [row.state for row in house.rows(discrepancy)] == ["accepted"]


def test_scanned_goods_are_received_against_loose_lines_up_to_the_notice(house: Warehouse) -> None:
    announce(house)
    house.happen(passed())

    for count in (4, 9):
        house.happen(scanned("peas", gtin=PEAS_GTIN, count=count))

    assert house.stock()["rack-1 peas"] == (10, 0)
    assert house.asked() == ["receipt_over_notice"]
    assert [(row.kind, row.quantity) for row in house.rows(discrepancy)] == [("over", 3)]
    assert [row.state for row in house.rows(ship_notice)] == ["received"]


@pytest.mark.parametrize(
    ("identifiers", "kind"), [({"gtin": MILK_GTIN, "lot": "L9"}, "scan_unmatched"), ({}, "scan_unreadable"), ({"sscc": PALLET}, "pallet_unknown")]
)
def test_scan_without_a_notice_becomes_a_work_order(house: Warehouse, identifiers: dict[str, str], kind: str) -> None:
    house.happen(scanned("what was scanned", **identifiers))

    assert house.asked() == [kind]


def test_scan_elsewhere_than_receiving_receives_nothing(house: Warehouse) -> None:
    announce(house)

    house.happen(ItemScanned(event_time=NOW, station="scan-2", text="x", identifiers=Identifiers(sscc=PALLET), biz_step="packing"))

    assert (house.stock(), house.asked()) == ({}, [])


def test_label_with_another_expiry_is_received_and_asked_about(house: Warehouse) -> None:
    line = {"item": "milk", "lot": "L1", "expiry": "2026-12-24", "quantity": 5}
    announce(house, pallets=[], lines=[line])

    house.happen(scanned("milk", gtin=MILK_GTIN, lot="L1", expiry="2026-12-20", count=5))

    assert house.stock() == {"cool-1 milk L1": (5, 0)}
    assert house.asked() == ["lot_expiry_differs"]


def test_notice_is_stored_once_and_never_changed(house: Warehouse) -> None:
    assert announce(house) is True
    assert announce(house) is False
    with pytest.raises(ConflictError, match="stored with other content"):
        announce(house, supplier="other")
    with pytest.raises(ConflictError, match=f"pallet {PALLET} stands on ship notice ASN-1182 already"):
        announce(house, number="ASN-2")


def test_notice_of_a_supplier_whom_nobody_knows_is_refused_and_leaves_nothing(house: Warehouse) -> None:
    with pytest.raises(NotFoundError, match="partner ghost is not in the catalog; add it, then send the same again") as refused:
        announce(house, supplier="ghost")

    assert (refused.value.code, refused.value.status) == ("unknown_partner", 404)
    assert house.rows(ship_notice) == []
    assert announce(house) is True


def test_purchased_goods_are_on_their_way_until_they_are_announced_and_received(house: Warehouse) -> None:
    def on_its_way() -> int:
        return house.do(lambda c: incoming(c, SITE, ["milk"]).get("milk", 0))

    house.do(lambda c: service.order_purchase(c, "dairy", "milk", SITE, 60, house.now))
    assert on_its_way() == 60
    announce(house)
    assert on_its_way() == 60
    house.happen(passed())
    assert on_its_way() == 12


def test_contents_of_a_pallet_are_known_for_the_weigh_check(house: Warehouse) -> None:
    announce(house)
    house.happen(passed())

    contents = house.do(lambda c: pallet_contents(c, PALLET))

    assert contents is not None
    assert (contents.packed, contents.tare_g) == ((("milk", 48, 250),), 20_000)


def test_figures_count_what_passed(house: Warehouse) -> None:
    announce(house, serials=["1", "2"])
    house.happen(passed(["1"], stray_epcs=["urn:epc:id:sgtin:0614141.000009.5"]))

    assert house.do(figures) == {"pallets_passed": 1, "pallets_received": 1, "discrepancies": 1, "strays_rejected": 1}
