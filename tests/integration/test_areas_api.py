# SPDX-License-Identifier: Apache-2.0
"""The business areas over HTTP, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from functools import partialmethod
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from contracts.events import AlarmChanged, PalletPassed, SensorMeasured, WeightRecorded
from tests.integration.applications import app_over
from tests.integration.warehouse import MILK_GTIN, NOW, PALLET, PALLET_URI, SITE, Warehouse

pytestmark = [pytest.mark.slow, pytest.mark.requirement("R106")]

ORDER = {"number": "1001", "site": SITE, "partner": "shop", "lines": [{"gtin": MILK_GTIN, "quantity": 4}], "ship_when": "asked"}
OPENING = {"lines": [{"place": f"{SITE}/A-01", "item": "milk", "quantity": 10, "lot": "L1", "expiry": "2026-12-01"}]}
NOTICE = {
    "number": "ASN-1182",
    "site": SITE,
    "supplier": "dairy",
    "pallets": [{"sscc": PALLET, "lines": [{"gtin": MILK_GTIN, "lot": "L1", "expiry": "2026-12-01", "quantity": 48, "serials": ["1", "2"]}]}],
}


@pytest.fixture
def house(engine: Engine) -> Warehouse:
    return Warehouse(engine)


class Http:
    """A client of the application, without a server between; each request has its own loop."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    @classmethod
    def of(cls, house: Warehouse) -> Http:
        """The application over a warehouse's database, by its clock."""
        return cls(app_over(house.engine, lambda: house.now))

    def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        """The answer to one request below /api/v1/."""

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url="http://127.0.0.1/api/v1/") as client:
                return await client.request(method, path, **content)

        return asyncio.run(ask())

    get = partialmethod(request, "GET")
    post = partialmethod(request, "POST")
    put = partialmethod(request, "PUT")


@pytest.fixture
def http(house: Warehouse) -> Http:
    return Http.of(house)


def sent(http: Http, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
    answer = http.post(path, json={} if body is None else body, headers={name.replace("_", "-"): value for name, value in headers.items()})
    assert answer.status_code == status, answer.text
    return answer.json()


def got(http: Http, path: str) -> Any:
    answer = http.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.requirement("R29", "X8")
def test_items_come_from_a_spreadsheet_whole_or_not_at_all(http: Http) -> None:
    good = "编码,名称,储存条件\nhoney,蜂蜜,ambient\n".encode("gb18030")
    bad = f"code,gtin,name\nhoney,,Honey\nother,{MILK_GTIN},Other\nmilk-2,1,Milk\n".encode()

    refused = http.post("imports/items", content=bad).json()
    assert [(each["row"], each["column"], each["code"], each["message"]) for each in refused["errors"]] == [
        (3, "gtin", "gtin_taken", f"GTIN {MILK_GTIN} belongs to item milk; one GTIN is one item"),
        (4, "gtin", "value_error", "GTIN '1' is not 8 or 12 or 13 or 14 digits"),
    ]
    assert (refused["rows"], refused["written"]) == (2, False)
    assert http.post("imports/items?dry_run=true", content=good).json()["written"] is False
    assert [row["code"] for row in got(http, "catalog/items")["items"]] == ["milk", "peas"]
    assert http.post("imports/items", content=good).json()["written"] is True
    first = got(http, "catalog/items?limit=1")
    assert [row["name"] for row in first["items"]] == ["蜂蜜"]
    assert [row["code"] for row in got(http, f"catalog/items?after={first['next']}")["items"]] == ["milk", "peas"]


def test_unreadable_sheet_is_a_problem_with_a_code(http: Http) -> None:
    answer = http.post("imports/items", content=b"nmae\n")

    assert (answer.status_code, answer.json()["code"]) == (422, "sheet_unreadable")


def test_levels_of_unknown_items_are_told_by_row(http: Http) -> None:
    answer = http.post("imports/levels", content=f"site,location,item,minimum,maximum\n{SITE},Z-9,ghost,1,2\n".encode()).json()

    assert [(error["column"], error["code"]) for error in answer["errors"]] == [("item", "unknown_item"), ("location", "unknown_location")]


@pytest.mark.requirement("R28")
def test_master_data_is_kept_by_put(http: Http) -> None:
    item = {"code": "honey", "gtin": MILK_GTIN, "name": "Honey"}

    refused = http.put("catalog/items", json=[item])
    kept = http.put("catalog/items", json=[item | {"gtin": None}])
    bodies = {
        "locations": {"site": SITE, "code": "C-01", "kind": "bin"},
        "zones": {"site": SITE, "id": "C"},
        "levels": {"site": SITE, "location": "A-01", "item": "honey", "minimum": 1, "maximum": 2},
        "partners": {"code": "bee", "name": "Bees", "kind": "supplier"},
    }

    assert (refused.status_code, refused.json()["code"]) == (409, "gtin_taken")
    assert kept.json() == {"kept": 1, "new": 1, "changed": 0, "unchanged": 0}
    for kind, body in bodies.items():
        assert http.put(f"catalog/{kind}", json=[body]).json()["kept"] == 1
        assert http.put(f"catalog/{kind}", json=[body | {"colour": "red"}]).status_code == 422


@pytest.mark.requirement("R31")
def test_opening_stock_is_posted_once_for_its_key(http: Http) -> None:
    first = sent(http, "stock/corrections", OPENING, idempotency_key="open-1")
    again = sent(http, "stock/corrections", OPENING, idempotency_key="open-1")
    other = sent(http, "stock/corrections", OPENING | {"reason": "another"}, 409, idempotency_key="open-1")

    assert (first, again, other["code"]) == ({"posted": True}, {"posted": True}, "idempotency_key_reused")
    (row,) = got(http, f"ledger/balances?place={SITE}/A-01")["items"]
    assert (row["on_hand"], row["reserved"], row["lot"], row["expiry"]) == (10, 0, "L1", "2026-12-01")


@pytest.mark.requirement("R9", "R32")
def test_inspected_stock_is_made_available_by_a_person(http: Http) -> None:
    line = OPENING["lines"][0] | {"status": "inspect"}
    sent(http, "stock/corrections", {"lines": [line]})
    change = {"place": f"{SITE}/A-01", "item": "milk", "lot": "L1", "status": "inspect", "to_status": "available", "quantity": 7}

    sent(http, "stock/moves", change)

    assert {row["status"]: row["on_hand"] for row in got(http, "ledger/balances?item=milk")["items"]} == {"available": 7, "inspect": 3}
    assert sent(http, "stock/moves", change, 409)["code"] == "insufficient_stock"


@pytest.mark.requirement("R24")
def test_goods_are_moved_from_bin_to_bin_once_for_their_key(http: Http) -> None:
    sent(http, "stock/corrections", OPENING)
    move = {"place": f"{SITE}/A-01", "item": "milk", "lot": "L1", "quantity": 4, "to_place": f"{SITE}/A-02"}

    answers = [sent(http, "stock/moves", move, idempotency_key="move-1") for _ in range(2)]

    assert answers == [{"moved": True}, {"moved": True}]
    assert {row["place"]: row["on_hand"] for row in got(http, "ledger/balances?item=milk")["items"]} == {f"{SITE}/A-01": 6, f"{SITE}/A-02": 4}
    assert sent(http, "stock/moves", move | {"to_place": "s2/A-02"}, 404)["code"] == "unknown_location"
    http.put("catalog/locations", json=[{"site": "s2", "code": "A-02", "kind": "bin"}])
    assert sent(http, "stock/moves", move | {"to_place": "s2/A-02"}, 409)["code"] == "two_sites"


@pytest.mark.requirement("R18", "R20")
def test_corrected_expiry_changes_what_is_picked_first(http: Http) -> None:
    lines = [OPENING["lines"][0], OPENING["lines"][0] | {"lot": "L2", "expiry": "2026-12-09"}]
    sent(http, "stock/corrections", {"lines": lines})

    assert http.put("catalog/lots/milk/L2", json={"expiry": "2026-11-25"}).json()["expiry"] == "2026-11-25"

    assert http.put("catalog/lots/cheese/L9", json={"expiry": "2026-11-25"}).status_code == 404
    order = sent(http, "orders", ORDER)
    assert [task["lot"] for task in sent(http, f"orders/{order['id']}/release")["tasks"]] == ["L2"]


@pytest.mark.requirement("R44", "R46")
def test_order_goes_from_promise_to_shipment(http: Http) -> None:
    sent(http, "stock/corrections", OPENING)

    order = sent(http, "orders", ORDER)
    line = {"n": 1, "item": "milk", "quantity": 4, "promised": 4, "short": 0, "state": "promised", "promised_on": "2026-11-21", "parts": []}
    assert (order["lines"], order["orders"]) == ([line], [])
    assert sent(http, "orders", ORDER) == order
    assert sent(http, "orders", ORDER | {"partner": "other"}, 409)["code"] == "identity_reused"
    path = f"orders/{order['id']}"
    assert sent(http, f"{path}/ship", status=409)["code"] == "order_not_picked"
    (task,) = sent(http, f"{path}/release")["tasks"]
    assert [each["id"] for each in got(http, "pick-tasks?station=zone-a")["items"]] == [task["id"]]
    assert sent(http, f"pick-tasks/{task['id']}/confirm", {"quantity": 4}) == {"task": task["id"], "verdict": "full"}
    assert sent(http, f"pick-tasks/{task['id']}/confirm", {"quantity": 4}) == {"task": task["id"], "verdict": "repeated"}
    assert sent(http, f"{path}/ship")["state"] == "shipped"
    assert sent(http, f"{path}/cancel", status=409)["code"] == "order_closed"
    assert [each["number"] for each in got(http, "orders?state=shipped")["items"]] == ["1001"]
    assert got(http, "pick-tasks") == {"items": [], "next": None}


def test_unknown_things_are_not_found(http: Http) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    for path in (f"orders/{nobody}", "ship-notices/ASN-0", "work-orders/99"):
        assert http.get(path).status_code == 404
    for path, body in ((f"orders/{nobody}/release", {}), (f"pick-tasks/{nobody}/confirm", {"quantity": 1}), (f"alarms/{nobody}/acknowledge", {})):
        assert http.post(path, json=body).status_code == 404


@pytest.mark.requirement("E4", "R10")
def test_pallet_is_announced_received_and_its_difference_settled(http: Http, house: Warehouse) -> None:
    assert sent(http, "ship-notices", NOTICE) == {"number": "ASN-1182", "new": True}
    assert sent(http, "ship-notices", NOTICE) == {"number": "ASN-1182", "new": False}
    passed = {"event_time": NOW, "station": "door-3", "read_point": "door-3", "direction": "in", "confidence": 0.99, "parent_id": PALLET_URI}
    house.happen(PalletPassed(**passed, child_epcs=["urn:epc:id:sgtin:0614141.000001.1"]))

    (found,) = got(http, "discrepancies?state=open")["items"]
    (order,) = got(http, "work-orders")["items"]
    assert (found["quantity"], found["work_order"]) == (24, order["id"])
    assert sent(http, f"work-orders/{order['id']}/take", {"owner": "li"})["owner"] == "li"
    sent(http, f"discrepancies/{found['id']}/settle", {"resolution": "found", "actor": "li"})

    assert got(http, f"work-orders/{order['id']}")["state"] == "resolved"
    assert [(row["pallets"], row["pallets_received"], row["state"]) for row in got(http, "ship-notices")["items"]] == [(1, 1, "received")]
    assert [line["received"] for line in got(http, "ship-notices/ASN-1182")["lines"]] == [48]
    assert [row["outcome"] for row in got(http, "passages?station=door-3")["items"]] == ["differences"]


def test_work_order_is_resolved_in_one_way(http: Http, house: Warehouse) -> None:
    house.happen(PalletPassed(event_time=NOW, station="door-3", read_point="r", direction="in", confidence=0.9, parent_id=PALLET_URI))
    (order,) = got(http, "work-orders")["items"]
    path = f"work-orders/{order['id']}/resolve"

    assert sent(http, path, {"resolution": "sent back", "actor": "li"})["resolved_by"] == "li"
    assert sent(http, path, {"resolution": "sent back"})["resolved_by"] == "li"
    assert sent(http, path, {"resolution": "kept"}, 409)["code"] == "work_order_resolved"
    assert [each["id"] for each in got(http, "work-orders?state=all")["items"]] == [order["id"]]


@pytest.mark.requirement("R62")
def test_proposals_are_run_accepted_and_rejected(http: Http) -> None:
    http.put("catalog/levels", json=[{"site": SITE, "item": "milk", "minimum": 5, "maximum": 20}])

    assert sent(http, "proposals/run", {"site": SITE}) == {"open": 1}
    (proposal,) = got(http, "proposals")["items"]
    assert (proposal["why"]["on_hand"], proposal["quantity"]) == (0, 20)
    sent(http, f"proposals/{proposal['id']}/reject")
    sent(http, "proposals/run", {"site": SITE})
    (proposal,) = got(http, "proposals")["items"]
    assert sent(http, f"proposals/{proposal['id']}/accept")["done"] == "purchase line 1: 20 from dairy"
    assert got(http, "proposals")["items"] == []


@pytest.mark.requirement("R93")
def test_alarm_is_shown_acknowledged_and_its_goods_released(http: Http, house: Warehouse) -> None:
    sent(http, "stock/corrections", OPENING)
    alarm = {"station": "cold-2", "alarm_id": "cold-2.high", "condition": "high", "quantity": "temperature_c", "limit": 8.0}
    occurrence = house.happen(AlarmChanged(event_time=NOW, state="unacknowledged", value=9.0, **alarm))
    house.happen(SensorMeasured(event_time=NOW, station="cold-2", device="sensor-2", quantity="temperature_c", value=9.0))

    assert sent(http, f"alarms/{occurrence}/acknowledge", {"actor": "li"}) == {"alarm": occurrence, "asked": True}
    (hold,) = got(http, "holds")["items"]
    assert sent(http, "holds/release", {"holds": [hold["id"]]}, 409)["code"] == "room_out_of_limits"
    house.happen(AlarmChanged(event_time=NOW, state="acknowledged", value=9.0, actor="li", **alarm))
    house.happen(AlarmChanged(event_time=NOW, state="normal", value=7.0, **alarm))
    assert sent(http, "holds/release", {"holds": [hold["id"]]}) == {"released": 1}

    assert (got(http, "alarms")["items"], got(http, "holds")["items"]) == ([], [])
    assert [row["acknowledged_by"] for row in got(http, "alarms?standing=false")["items"]] == ["li"]
    assert [row["value"] for row in got(http, "sensors")["items"]] == [9.0]
    assert [point["high"] for point in got(http, f"rooms/{SITE}/cold-2/samples")] == [9.0]


def test_figures_are_counted_and_the_ledger_verified(http: Http, house: Warehouse) -> None:
    sent(http, "stock/corrections", OPENING)
    house.happen(WeightRecorded(event_time=NOW, station="weigh-1", value="1.5", unit="kg", weight_mg=1_500_000, text="S S 1.5 kg"))

    figures = got(http, "figures")

    assert set(figures) == {
        *("pallets_passed", "pallets_received", "discrepancies", "strays_rejected", "lines_ordered", "lines_picked", "lines_short"),
        *("weights_recorded", "alarms_raised", "alarms_cleared", "lots_held", "replenishment_proposals"),
        *("events_accepted", "events_applied", "duplicates_refused", "exceptions", "ledger_verified", "latency_ms"),
    }
    assert (figures["weights_recorded"], figures["ledger_verified"]) == (1, True)
    assert got(http, "figures?verify=false")["ledger_verified"] is None
    assert [row["subject"] for row in got(http, "weights")["items"]] == [""]
