# SPDX-License-Identifier: Apache-2.0
"""Pieces of an item tracked by serial, from the supplier to the customer and back, on both databases: each is somewhere, and the verifier agrees all day."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from central.catalog import rules as catalog
from central.ledger.tables import serial
from central.outbound.tables import customer_order, pick_task
from tests.integration.test_areas_api import Http, got, sent
from tests.integration.warehouse import SITE, Warehouse

pytestmark = [pytest.mark.slow, pytest.mark.requirement("R19", "R22")]
BIN = f"{SITE}/B-02"


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    house = Warehouse(engine)
    house.keep(catalog.Item(code="drill", gtin="00614141000036", name="Drill", unit_weight_g=2000, tracking="serial"))
    house.keep(catalog.Location(site=SITE, code="B-02", kind="bin", zone="B", pick_rank=4), catalog.Location(site=SITE, code="B-03", kind="bin", zone="B"))
    house.keep(catalog.Reason(code="not_wanted", kind="return", name="Not wanted"))
    yield house
    house.assert_sound()


@pytest.fixture
def http(house: Warehouse) -> Http:
    http = Http.of(house)
    assert http.put("shipping/sites", json={"site": SITE, "company_prefix": "0614141"}).status_code == 200
    line = {"place": BIN, "item": "drill", "quantity": 4, "serials": ["D1", "D2", "D3", "D4"]}
    sent(http, "stock/corrections", {"reason": "opening", "lines": [line]})
    return http


def where(house: Warehouse) -> dict[str, str]:
    """The place of each piece, or what became of it."""
    return {row.serial: row.place.removeprefix(f"{SITE}/") for row in house.rows(serial)}


def ordered(http: Http, house: Warehouse, quantity: int, number: str = "1", ship_when: str = "asked") -> tuple[str, str]:
    """A released order of drills, and its one pick task."""
    order = {"number": number, "site": SITE, "partner": "shop", "ship_when": ship_when, "lines": [{"item": "drill", "quantity": quantity}]}
    order_id = str(sent(http, "orders", order)["id"])
    sent(http, f"orders/{order_id}/release")
    (task,) = [row.id for row in house.rows(pick_task) if row.order_id == order_id]
    return order_id, str(task)


def state(house: Warehouse, order_id: str) -> str:
    return next(str(row.state) for row in house.rows(customer_order) if row.id == order_id)


def asked(house: Warehouse) -> list[str]:
    """What people are asked about orders; no gateway is there to light anything."""
    return [kind for kind in house.asked() if kind != "lights_not_reached"]


def test_pieces_named_at_the_pick_go_to_the_customer_and_come_back(http: Http, house: Warehouse) -> None:
    order_id, task = ordered(http, house, 2)
    assert sent(http, f"pick-tasks/{task}/confirm", {"quantity": 2, "serials": ["D2"]}, 422)["code"] == "serials_wanted"
    assert sent(http, f"pick-tasks/{task}/confirm", {"quantity": 2, "serials": ["D2", "D9"]}, 409)["code"] == "serial_elsewhere"
    answer = {"quantity": 2, "serials": ["D2", "D4"]}
    assert sent(http, f"pick-tasks/{task}/confirm", answer)["verdict"] == "full"
    assert sent(http, f"pick-tasks/{task}/confirm", answer)["verdict"] == "repeated"
    assert where(house) == {"D1": "B-02", "D2": "out", "D3": "B-02", "D4": "out"}
    house.assert_sound()

    sent(http, f"orders/{order_id}/ship")
    assert where(house) == {"D1": "B-02", "D2": "@customer", "D3": "B-02", "D4": "@customer"}

    rma = sent(http, "returns", {"number": "RMA-1", "site": SITE, "order_id": order_id, "reason": "not_wanted", "lines": [{"item": "drill", "quantity": 2}]})
    path = f"returns/{rma['id']}"
    assert sent(http, f"{path}/arrivals", {"n": 1, "quantity": 1, "serials": ["D1"]}, 409)["code"] == "serial_not_sent"
    sent(http, f"{path}/arrivals", {"n": 1, "quantity": 1, "serials": ["D4"]})
    sent(http, f"{path}/arrivals", {"n": 1, "quantity": 1})
    assert (where(house)["D4"], where(house)["D2"]) == ("out", "@customer")
    house.assert_sound()
    decided = {"n": 1, "quantity": 2, "disposition": "available", "place": BIN}
    assert sent(http, f"{path}/inspections", decided, 422)["code"] == "serials_wanted"
    sent(http, f"{path}/inspections", decided | {"serials": ["D2", "D4"]})
    assert where(house) == dict.fromkeys(("D1", "D2", "D3", "D4"), "B-02")
    house.assert_sound()
    again, task = ordered(http, house, 4, number="2")
    sent(http, f"pick-tasks/{task}/confirm", {"quantity": 4})
    sent(http, f"orders/{again}/ship")
    assert set(where(house).values()) == {"@customer"}, "the bin is empty, so nothing else can be meant"


def test_pieces_of_many_picks_are_named_with_one_request(http: Http, house: Warehouse) -> None:
    _, first = ordered(http, house, 2)
    _, second = ordered(http, house, 1, number="2")
    said = [{"task": first, "quantity": 2, "serials": ["D1", "D4"]}, {"task": second, "quantity": 1, "serials": ["D1"]}]

    answer = sent(http, "pick-confirmations", {"confirmations": said})

    assert answer["answered"] == [{"task": first, "verdict": "full"}]
    assert [(each["task"], each["status"], each["code"]) for each in answer["refused"]] == [(second, 409, "serial_taken")]
    assert sorted(number for number, place in where(house).items() if place == "out") == ["D1", "D4"]
    again = sent(http, "pick-confirmations", {"confirmations": said[:1]})
    assert again == {"answered": [{"task": first, "verdict": "repeated"}], "refused": []}


def test_pieces_that_the_pick_did_not_name_are_named_at_the_pack_station(http: Http, house: Warehouse) -> None:
    order_id, task = ordered(http, house, 2)
    other, other_task = ordered(http, house, 1, number="2")
    sent(http, f"pick-tasks/{task}/confirm", {"quantity": 2})
    sent(http, f"pick-tasks/{other_task}/confirm", {"quantity": 1})
    assert set(where(house).values()) == {"B-02"}
    house.assert_sound()
    assert sent(http, f"orders/{order_id}/ship", status=409)["code"] == "serials_needed"

    sscc = sent(http, "packages", {"site": SITE, "order_id": order_id})["sscc"]
    assert sent(http, f"packages/{sscc}/items", {"item": "drill", "quantity": 1}, 409)["code"] == "serials_needed"
    sent(http, f"packages/{sscc}/items", {"item": "drill", "serials": ["D3"]})
    assert where(house)["D3"] == "out"
    house.assert_sound()
    second = sent(http, "packages", {"site": SITE, "order_id": other})["sscc"]
    assert sent(http, f"packages/{second}/items", {"item": "drill", "serials": ["D3"]}, 409)["code"] == "serial_taken"
    sent(http, f"packages/{sscc}/items", {"item": "drill", "serials": ["D1"]})
    sent(http, f"orders/{order_id}/ship")
    assert where(house) == {"D1": "@customer", "D2": "B-02", "D3": "@customer", "D4": "B-02"}
    house.assert_sound()
    sent(http, f"packages/{second}/items", {"item": "drill", "serials": ["D2"]})
    sent(http, f"orders/{other}/ship")
    assert where(house)["D2"] == "@customer"


def test_piece_scanned_wrongly_is_exchanged_when_it_is_packed_anew(http: Http, house: Warehouse) -> None:
    order_id, task = ordered(http, house, 1)
    sent(http, f"pick-tasks/{task}/confirm", {"quantity": 1, "serials": ["D1"]})
    sscc = sent(http, "packages", {"site": SITE, "order_id": order_id})["sscc"]

    sent(http, f"packages/{sscc}/items", {"item": "drill", "serials": ["D2"]})

    assert where(house) == {"D1": "B-02", "D2": "out", "D3": "B-02", "D4": "B-02"}
    sent(http, f"orders/{order_id}/ship")
    assert where(house)["D2"] == "@customer"


def test_order_that_leaves_with_its_last_pick_waits_for_the_numbers_of_its_pieces(http: Http, house: Warehouse) -> None:
    order_id, task = ordered(http, house, 2, ship_when="picked")

    sent(http, f"pick-tasks/{task}/confirm", {"quantity": 2})

    assert (state(house, order_id), asked(house)) == ("picked", ["ship_refused"])
    assert sent(http, f"pick-tasks/{task}/serials", {"serials": ["D1", "D2", "D3"]}, 409)["code"] == "no_such_pieces"
    sent(http, f"pick-tasks/{task}/serials", {"serials": ["D1"]})
    assert state(house, order_id) == "picked"
    sent(http, f"pick-tasks/{task}/serials", {"serials": ["D2"]})
    assert (state(house, order_id), asked(house)) == ("shipped", [])
    assert sorted(number for number, place in where(house).items() if place == "@customer") == ["D1", "D2"]
    assert sent(http, f"pick-tasks/{task}/serials", {"serials": ["D3"]}, 409)["code"] == "order_closed"


def test_order_whose_pieces_are_named_only_at_the_pack_station_leaves_when_all_is_packed(http: Http, house: Warehouse) -> None:
    order_id, task = ordered(http, house, 2, ship_when="picked")
    sent(http, f"pick-tasks/{task}/confirm", {"quantity": 2})
    assert (state(house, order_id), asked(house)) == ("picked", ["ship_refused"])
    for number in ("D1", "D2"):
        sscc = sent(http, "packages", {"site": SITE, "order_id": order_id})["sscc"]
        sent(http, f"packages/{sscc}/items", {"item": "drill", "serials": [number]})
        assert state(house, order_id) == "picked"
        sent(http, f"packages/{sscc}/close")

    assert (state(house, order_id), asked(house)) == ("shipped", [])
    assert (where(house)["D1"], where(house)["D2"]) == ("@customer", "@customer")
    assert got(http, f"packages/{sscc}")["state"] == "shipped"


def test_order_leaves_with_its_last_pick_when_the_pieces_are_named_with_it(http: Http, house: Warehouse) -> None:
    order_id, task = ordered(http, house, 2, ship_when="picked")

    sent(http, f"pick-tasks/{task}/confirm", {"quantity": 2, "serials": ["D1", "D2"]})

    assert (state(house, order_id), asked(house)) == ("shipped", [])
    assert (where(house)["D1"], where(house)["D2"]) == ("@customer", "@customer")


def test_goods_of_a_cancelled_order_go_back_under_their_numbers(http: Http, house: Warehouse) -> None:
    order_id, task = ordered(http, house, 2)
    sent(http, f"pick-tasks/{task}/confirm", {"quantity": 2})
    sent(http, f"orders/{order_id}/cancel")
    move: dict[str, Any] = {"place": f"{SITE}/out", "item": "drill", "quantity": 1}

    sent(http, "stock/moves", move | {"to_place": f"{SITE}/B-03", "serials": ["D1"]})
    house.assert_sound()
    sent(http, "stock/moves", move | {"to_place": BIN, "serials": ["D2"]})

    assert where(house) == {"D1": "B-03", "D2": "B-02", "D3": "B-02", "D4": "B-02"}


def test_short_pick_leaves_the_doubtful_rest_for_a_count_and_its_numbers_with_it(http: Http, house: Warehouse) -> None:
    _, task = ordered(http, house, 2)

    sent(http, f"pick-tasks/{task}/confirm", {"quantity": 1, "serials": ["D1"]})

    assert house.stock()["B-02 drill inspect"][0] > 0
    house.assert_sound()
    sent(http, "stock/serials", {"place": BIN, "item": "drill", "serials": ["D2"], "status": "inspect"})
    assert got(http, "stock/serials?item=drill&state=in_stock")["items"]
