# SPDX-License-Identifier: Apache-2.0
"""EPCIS and the house, the same on SQLite and on PostgreSQL: what happens to stock is told as events, what suppliers ship is announced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from central.catalog import rules as catalog
from central.catalog import service as catalog_service
from central.database import reading
from central.inbound import service as inbound
from central.inbound.queries import notice_of
from central.inbound.tables import discrepancy
from central.ledger.tables import entry
from central.stock import moves
from central.trace import asking, forms, own_events, queries, service
from central.trace.tables import epcis_event
from contracts.events import AlarmChanged, PalletPassed
from contracts.identifiers import sgtin_uri
from tests.integration.test_areas_api import Http, sent
from tests.integration.test_shipping_packages import picked_order
from tests.integration.warehouse import MILK_GTIN, NOW, PALLET, PALLET_URI, SITE, Warehouse

pytestmark = pytest.mark.requirement("X10", "R7")

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
SITE_GLN, DAIRY_GLN = "0614141000012", "4012345000016"
SITE_URI, DAIRY_URI = "urn:epc:id:sgln:0614141.00001.0", "https://id.gs1.org/417/4012345000016"
PALLET_LINK = f"https://id.gs1.org/00/{PALLET}"
DESADV = f"urn:epcglobal:cbv:bt:{DAIRY_GLN}:ASN-7"


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    house = Warehouse(engine)
    house.keep(catalog.SiteRow(code=SITE, time_zone="Asia/Shanghai", gln=SITE_GLN))
    house.keep(catalog.Partner(code="dairy", name="Dairy", kind="supplier", gln=DAIRY_GLN))
    yield house
    house.assert_sound()


def told(house: Warehouse, **parameters: str) -> list[dict[str, Any]]:
    """Events that match, in the order in which they were recorded; each has the form of one."""
    own_events.catch_up(house.engine, house.now)
    with reading(house.engine) as connection:
        found = queries.events(connection, asking.understand({name: [value] for name, value in parameters.items()}, {}), "Never_Translates")
    for each in found.events:
        assert forms.document_faults({"@context": found.contexts, **each}) == []
    return found.events


def capture(house: Warehouse, *events: dict[str, Any]) -> list[str]:
    common = {"eventTimeZoneOffset": "+00:00", "action": "OBSERVE"}
    made = [{"eventTime": f"2026-11-20T08:{n:02}:00Z", **common, **each} for n, each in enumerate(events)]
    body = {"@context": [CONTEXT], "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-11-20T09:00:00Z", "epcisBody": {"eventList": made}}
    done = house.do(lambda c: service.capture(c, body, "rollback", "dairy", house.now))
    assert done.faults == ()
    return list(done.events)


def shipped(**changes: Any) -> dict[str, Any]:
    made = {
        "type": "ObjectEvent",
        "bizStep": "shipping",
        "epcList": [PALLET_URI],
        "bizTransactionList": [{"type": "desadv", "bizTransaction": DESADV}],
        "sourceList": [{"type": "owning_party", "source": DAIRY_URI}],
        "destinationList": [{"type": "location", "destination": SITE_URI}],
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def packed(**changes: Any) -> dict[str, Any]:
    milk = [sgtin_uri(MILK_GTIN, serial, 7) for serial in ("1", "2")]
    return {"type": "AggregationEvent", "parentID": PALLET_URI, "childEPCs": milk, "action": "ADD", "bizStep": "packing", **changes}


def made() -> dict[str, Any]:
    milk = [sgtin_uri(MILK_GTIN, serial, 7) for serial in ("1", "2")]
    ilmd = {"cbvmda:lotNumber": "L1", "cbvmda:itemExpirationDate": "2026-12-24"}
    return {"type": "ObjectEvent", "epcList": milk, "action": "ADD", "bizStep": "commissioning", "ilmd": ilmd}


def passed(**changes: Any) -> PalletPassed:
    fields: dict[str, Any] = {"event_time": NOW, "station": "door-3", "read_point": f"{SITE_URI[:-1]}3", "direction": "in", "confidence": 0.99}
    return PalletPassed(**fields | {"parent_id": PALLET_URI, "child_epcs": [sgtin_uri(MILK_GTIN, serial, 7) for serial in ("1", "2")]} | changes)


@pytest.mark.requirement("E4")
def test_shipping_events_announce_the_pallet_which_the_door_then_receives_and_tells_of(house: Warehouse) -> None:
    capture(house, made(), packed(), shipped())

    with reading(house.engine) as connection:
        notice = notice_of(connection, "ASN-7")
    assert notice is not None
    assert (notice["supplier"], notice["site"]) == ("dairy", SITE)
    assert [(line["sscc"], line["item"], line["lot"], line["expiry"], line["quantity"]) for line in notice["lines"]] == [
        (PALLET, "milk", "L1", date(2026, 12, 24), 2)
    ]
    house.happen(passed())
    assert house.stock() == {"cool-1 milk L1": (2, 0)}
    (received,) = told(house, EQ_bizStep="receiving")
    assert (received["type"], received["parentID"], received["bizTransactionList"]) == (
        "AggregationEvent",
        PALLET_LINK,
        [{"type": "desadv", "bizTransaction": DESADV}],
    )
    assert received["childEPCs"] == [sgtin_uri(MILK_GTIN, serial, 7) for serial in ("1", "2")]
    assert received["childQuantityList"] == [{"epcClass": f"https://id.gs1.org/01/{MILK_GTIN}/10/L1", "quantity": 2}]
    assert received["bizLocation"] == {"id": f"https://id.gs1.org/414/{SITE_GLN}/254/cool-1"}
    assert received["eventTimeZoneOffset"] == "+08:00"
    assert [each["bizStep"] for each in told(house, MATCH_anyEPC=PALLET_URI)] == ["packing", "shipping", "receiving"]


def test_shipment_that_makes_no_notice_is_asked_about_once(house: Warehouse) -> None:
    capture(house, shipped())
    capture(house, shipped())

    assert house.asked() == ["epcis_notice_refused"]
    capture(house, packed(childEPCs=["urn:epc:id:sgtin:4012345.099999.1"]), shipped(bizTransactionList=None))
    capture(house, shipped(sourceList=None, bizTransactionList=[{"type": "desadv", "bizTransaction": "http://x.example/ASN-9"}]))
    assert house.asked() == ["epcis_notice_refused"] * 3
    capture(house, shipped(destinationList=[{"type": "location", "destination": "urn:epc:id:sgln:4012345.00225.0"}]))
    assert house.asked() == ["epcis_notice_refused"] * 3


def test_cases_with_their_own_numbers_and_goods_by_class_stand_in_the_notice(house: Warehouse) -> None:
    case = "urn:epc:id:sscc:0614141.0123456790"
    inside = {"childEPCs": None, "childQuantityList": [{"epcClass": "urn:epc:class:lgtin:0614141.000002.P1", "quantity": 12}]}
    events = [
        packed(parentID=case) | inside,
        packed(childEPCs=[case]),
        shipped(quantityList=[{"epcClass": "urn:epc:idpat:sgtin:0614141.000002.*", "quantity": 5}]),
    ]
    capture(house, *({name: value for name, value in each.items() if value is not None} for each in events))

    with reading(house.engine) as connection:
        notice = notice_of(connection, "ASN-7")
    assert notice is not None
    assert sorted((line["item"], line["lot"], line["quantity"], line["sscc"] or "") for line in notice["lines"]) == [
        ("peas", "", 5, ""),
        ("peas", "P1", 12, PALLET),
    ]


def test_every_kind_of_stock_event_is_told(house: Warehouse) -> None:
    house.fill()
    house.keep(catalog.Location(site=SITE, code="dock-1", kind="dock"))
    milk = moves.Correction(f"{SITE}/A-01", "milk", -3, "L1")
    house.do(lambda c: moves.correct_stock(c, house.fact(), [milk], house.now))
    raised = {"alarm_id": "cold-1/temperature_c/high", "state": "unacknowledged", "condition": "high", "quantity": "temperature_c", "value": 9.4, "limit": 8.0}
    house.happen(AlarmChanged(event_time=NOW, station="cold-2", **raised))
    house.do(lambda c: catalog_service.keep(c, [catalog.Item(code="salt", name="Salt")]))
    house.put("B-01", "salt", 7)

    steps = [(each["bizStep"], each.get("action"), each.get("disposition")) for each in told(house)]
    assert steps.count(("stock_taking", "ADD", "in_progress")) == 4
    assert ("stock_taking", "DELETE", "unknown") in steps
    (alarm,) = told(house, EXISTS_sensorElementList="")
    assert alarm["sensorElementList"][0]["sensorReport"] == [{"type": "Temperature", "exception": "ALARM_CONDITION", "value": 9.4, "uom": "CEL"}]
    held = told(house, EQ_disposition="non_sellable_other")
    assert {each["bizStep"] for each in held} == {"holding"}
    (salt,) = told(house, MATCH_epcClass="urn:x-dockline:item:salt")
    assert salt["quantityList"] == [{"epcClass": "urn:x-dockline:item:salt", "quantity": 7}]


def test_same_events_from_many_at_once_are_stored_once(house: Warehouse) -> None:
    with ThreadPoolExecutor(4) as people:
        ids = list(people.map(lambda _: capture(house, made(), packed(), shipped()), range(4)))

    assert all(each == ids[0] for each in ids)
    assert [each["eventID"] for each in told(house)] == ids[0]
    assert house.asked() == []


def test_facts_are_told_once_in_their_order_and_each_that_moved_goods_is(house: Warehouse) -> None:
    house.fill()
    first = told(house)
    house.now += timedelta(seconds=1)
    house.put("B-01", "peas", 2)
    again = told(house)

    assert again[: len(first)] == first
    assert len(again) == len(first) + 1
    with reading(house.engine) as connection:
        moved = set(connection.execute(select(entry.c.event_id)).scalars())
        assert set(connection.execute(select(epcis_event.c.fact)).scalars()) == moved
    house.do(lambda c: own_events.tell_some(c, house.now))
    assert told(house) == again


def test_receipt_that_was_wrong_is_declared_so_when_the_goods_are_found(house: Warehouse) -> None:
    capture(house, made(), packed(), shipped())
    house.happen(passed(child_epcs=[sgtin_uri(MILK_GTIN, "1", 7)]))
    (missing,) = [row for row in house.rows(discrepancy) if row.kind == "missing"]
    told(house)
    fact = house.fact("DiscrepancySettled")
    house.do(lambda c: inbound.settle_discrepancy(c, fact, missing.id, found=True, actor="li", now=house.now))

    (declared,) = told(house, EXISTS_errorDeclaration="")
    (wrong, right) = [each for each in told(house, EQ_bizStep="receiving") if "errorDeclaration" not in each]
    assert declared["eventID"] == wrong["eventID"]
    assert declared["errorDeclaration"]["reason"] == "incorrect_data"
    assert declared["errorDeclaration"]["correctiveEventIDs"] == [right["eventID"]]
    assert json.loads(json.dumps(declared)) == declared


@pytest.mark.requirement("X1")
def test_package_that_is_opened_again_is_told_with_what_was_in_it_each_time(house: Warehouse) -> None:
    house.fill()
    http = Http.of(house)
    assert http.put("shipping/sites", json={"site": SITE, "company_prefix": "0614141"}).status_code == 200
    order_id = picked_order(http, house, ("milk", 4))
    parcel, waste = (sent(http, "packages", {"site": SITE, "order_id": order_id, "kind": "carton"})["sscc"] for _ in range(2))
    sent(http, f"packages/{parcel}/items", {"item": "milk", "lot": "L1", "quantity": 1})
    sent(http, f"packages/{waste}/items", {"item": "milk", "lot": "L1", "quantity": 3})
    for step in (f"{parcel}/close", f"{parcel}/reopen", f"{waste}/close", f"{waste}/void"):
        sent(http, f"packages/{step}")
    sent(http, f"packages/{parcel}/items", {"item": "milk", "lot": "L1", "quantity": 3})
    sent(http, f"packages/{parcel}/close")
    sent(http, "ship-scans", {"site": SITE, "text": f"00{parcel}", "station": "door-5"})

    def steps(sscc: str) -> list[tuple[str, str, int]]:
        found = told(house, MATCH_anyEPC=f"https://id.gs1.org/00/{sscc}")
        return [(each["bizStep"], each["action"], sum(part["quantity"] for part in each.get("childQuantityList", ()))) for each in found]

    assert steps(parcel) == [("packing", "ADD", 1), ("unpacking", "DELETE", 1), ("packing", "ADD", 4), ("loading", "OBSERVE", 0), ("shipping", "OBSERVE", 0)]
    assert steps(waste) == [("packing", "ADD", 3), ("unpacking", "DELETE", 3)]
