# SPDX-License-Identifier: Apache-2.0
"""From a package to a tracked waybill, over HTTP, the same on SQLite and on PostgreSQL, against the carriers' simulators."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, update

from central.app import create_app
from central.outbound.tables import customer_order, pick_task
from central.settings import Settings
from central.shipping import courier
from contracts.events import ItemScanned, PalletPassed, WeightRecorded
from contracts.identifiers import sscc_uri
from contracts.readings import Identifiers
from firmware_sims.carriers.server import serving
from firmware_sims.carriers.sf import SfDesk
from tests.integration.test_areas_api import Http, got, sent
from tests.integration.warehouse import MILK_GTIN, NOW, SITE, Warehouse

ADDRESS = {"name": "王芳", "phone": "13800000000", "province": "上海市", "city": "上海市", "district": "浦东新区", "street": "世纪大道 1 号"}
SENDER = {"name": "Dock", "phone": "02155550000", "province": "上海市", "city": "上海市", "district": "宝山区", "street": "港路 1"}


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    house = Warehouse(engine)
    house.put("A-01", "milk", 10, "L1", date(2026, 12, 1))
    house.put("A-02", "milk", 10, "L2", date(2026, 12, 9))
    house.put("B-01", "peas", 5)
    yield house
    house.assert_sound()


@pytest.fixture
def http(engine: Engine, house: Warehouse) -> Http:
    def clock() -> datetime:
        return house.now

    http = Http(create_app(Settings(database=engine.url.render_as_string(hide_password=False)), clock, engine))
    assert http.put("shipping/sites", json={"site": SITE, "company_prefix": "0614141", "sender": SENDER, "carrier": "sf"}).status_code == 200
    carton = {"inner_length_mm": 300, "inner_width_mm": 200, "inner_height_mm": 200, "tare_g": 200, "max_weight_g": 5000}
    assert http.put("shipping/cartons", json=[{"code": "M", **carton}]).json() == {"kept": 1}
    return http


@pytest.fixture
def desk(http: Http) -> Iterator[SfDesk]:
    with serving(SfDesk()) as desk:
        account = {"code": "sf", "adapter": "sf", "base_url": desk.base_url, "client": "DOCKTEST", "secret": desk.check_word, "account": "7551234567"}
        assert http.put("shipping/carriers", json=account | {"push_token": "word-1"}).status_code == 200
        assert isinstance(desk, SfDesk)
        yield desk


def picked_order(http: Http, house: Warehouse, *lines: tuple[str, int], number: str = "1001", **more: Any) -> str:
    """An order of which everything is picked."""
    order = {"number": number, "site": SITE, "partner": "shop", "ship_when": "asked", "address": ADDRESS} | more
    order_id = sent(http, "orders", order | {"lines": [{"item": item, "quantity": quantity} for item, quantity in lines]})["id"]
    house.do(lambda c: c.execute(update(customer_order).where(customer_order.c.id == order_id).values(address=(order | more)["address"])))
    sent(http, f"orders/{order_id}/release")
    for task in [row for row in house.rows(pick_task) if row.order_id == order_id]:
        sent(http, f"pick-tasks/{task.id}/confirm", {"quantity": task.requested})
    return str(order_id)


def package_with(http: Http, order_id: str, *items: dict[str, Any]) -> str:
    """A closed package of these items."""
    sscc = sent(http, "packages", {"site": SITE, "order_id": order_id, "carton_type": "M"})["sscc"]
    for item in items:
        sent(http, f"packages/{sscc}/items", item)
    sent(http, f"packages/{sscc}/close")
    return str(sscc)


def carry(house: Warehouse) -> int:
    """Let the courier work once."""
    with httpx.Client(timeout=0.5) as client:
        return courier.work_once(house.engine, client, lambda: house.now)


def order_state(house: Warehouse, order_id: str) -> str:
    return next(str(row.state) for row in house.rows(customer_order) if row.id == order_id)


@pytest.mark.requirement("R54", "R108", "R55", "X7")
def test_order_goes_from_package_to_tracked_waybill(http: Http, house: Warehouse, desk: SfDesk) -> None:
    order_id = picked_order(http, house, ("milk", 4), ("peas", 2))
    sscc = package_with(http, order_id, {"text": f"01{MILK_GTIN}10L1", "quantity": 4}, {"item": "peas", "quantity": 2})
    assert sscc == "006141410000000005"
    assert sent(http, f"packages/{sscc}/weigh", {"value": "2.000", "unit": "kg"})["verdict"] == "right"

    outcome = sent(http, "ship-scans", {"site": SITE, "text": f"]C100{sscc}", "station": "door-5"})

    assert (outcome["shipped"], outcome["left"], outcome["unpacked"]) == (True, 0, 0)
    assert order_state(house, order_id) == "shipped"
    assert carry(house) == 1
    (waybill,) = desk.waybills_of(sscc)
    assert carry(house) == 1
    (order,) = got(http, "carrier-orders")["items"]
    assert (order["state"], order["waybill"]) == ("labelled", waybill)
    assert http.get(f"carrier-orders/{order['id']}/label").content.endswith(waybill.encode())
    desk.step(waybill, acceptTime="2026-11-21 17:00:00", acceptAddress="上海市", remark="顺丰速运 已收取快件", opCode="50")
    house.later(3600)
    assert carry(house) == 1
    desk.step(waybill, acceptTime="2026-11-22 11:30:00", acceptAddress="上海市", remark="已签收", opCode="80")
    assert http.post("carriers/sf/push?token=wrong", content=desk.push_body(waybill)).status_code == 403
    assert http.post("carriers/sf/push?token=word-1", content=desk.push_body(waybill)).json() == {"return_code": "0000", "return_msg": "成功"}
    progress = got(http, f"orders/{order_id}/progress")
    assert progress["state"] == "delivered"
    assert [step["what"] for step in progress["timeline"]][-3:] == ["carrier_ordered", "in_transit", "delivered"]
    assert [package["waybill"] for package in progress["packages"]] == [waybill]
    assert [row["text"] for row in got(http, f"carrier-orders/{order['id']}")["steps"]] == ["顺丰速运 已收取快件", "已签收"]
    house.later(86_400)
    assert carry(house) == 0
