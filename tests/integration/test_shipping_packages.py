# SPDX-License-Identifier: Apache-2.0
"""From a package to a tracked waybill, over HTTP, the same on SQLite and on PostgreSQL, against the carriers' simulators."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, update

from central.catalog.tables import partner
from central.changes import Changes
from central.database import reading
from central.exceptions.service import raise_work_order
from central.outbound.tables import customer_order, pick_task
from central.shipping import catching_up, courier, packing
from central.shipping.tables import carrier_order, shipping_site
from central.stock.tables import sscc_series
from contracts.events import ItemScanned, PalletPassed, WeightRecorded
from contracts.identifiers import sscc_uri
from contracts.readings import Identifiers
from firmware_sims.carriers.jd import JdDesk
from firmware_sims.carriers.server import serving
from firmware_sims.carriers.sf import SfDesk
from tests.integration.test_areas_api import Http, got, sent
from tests.integration.warehouse import MILK_GTIN, NOW, SITE, Warehouse

pytestmark = pytest.mark.slow

ADDRESS = {"name": "王芳", "phone": "13800000000", "province": "上海市", "city": "上海市", "district": "浦东新区", "street": "世纪大道 1 号"}
SENDER = {"name": "Dock", "phone": "02155550000", "province": "上海市", "city": "上海市", "district": "宝山区", "street": "港路 1"}


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    house = Warehouse(engine)
    house.fill()
    yield house
    house.assert_sound()


@pytest.fixture
def http(house: Warehouse) -> Http:
    http = Http.of(house)
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
    with httpx.Client(timeout=20) as client:
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


@pytest.mark.requirement("X7", "R51")
def test_wrong_goods_are_refused_with_what_belongs_there(http: Http, house: Warehouse) -> None:
    order_id = picked_order(http, house, ("milk", 12), tote="T-17")
    sscc = sent(http, "packages", {"site": SITE, "tote": "T-17", "carton_type": "M"})["sscc"]

    def refused(body: dict[str, Any]) -> tuple[str, str]:
        problem = sent(http, f"packages/{sscc}/items", body, 409)
        return problem["code"], problem["detail"]

    assert refused({"item": "peas"}) == ("wrong_item", "item peas is not of order 1001; put it aside, still to be packed: milk")
    assert refused({"item": "milk"})[0] == "lot_needed"
    assert refused({"item": "milk", "lot": "L9"})[1].startswith("order 1001: item milk lot L9 was not picked for it, picked: L1, L2")
    assert refused({"text": f"01{MILK_GTIN}10L2", "quantity": 3})[1].endswith("3 of item milk lot L2 scanned, 2 are still to be packed; put 1 back")
    assert sent(http, f"packages/{sscc}/items", {"text": "something"}, 404)["code"] == "unknown_item"
    assert sent(http, f"packages/{sscc}/close", status=409)["code"] == "package_empty"
    packed = [sent(http, f"packages/{sscc}/items", {"item": "milk", "lot": "L1", "quantity": 10}, idempotency_key="k1") for _ in range(2)]
    assert packed[0] == packed[1]
    assert packed[0]["left"] == [{"item": "milk", "lot": "L2", "quantity": 2}]
    sent(http, f"packages/{sscc}/items", {"item": "milk"})
    sent(http, f"packages/{sscc}/take-out", {"item": "milk", "lot": "L1", "quantity": 1})
    assert sent(http, f"packages/{sscc}/take-out", {"item": "milk", "lot": "L1", "quantity": 10}, 409)["code"] == "not_packed"
    assert got(http, f"packages?order_id={order_id}")["items"][0]["order"] == "1001"
    sent(http, f"packages/{sscc}/close")
    assert refused({"item": "milk", "lot": "L1"})[0] == "package_closed"


def test_order_leaves_with_its_last_package_and_not_before(http: Http, house: Warehouse) -> None:
    order_id = picked_order(http, house, ("milk", 2), ("peas", 1))
    first = package_with(http, order_id, {"item": "milk", "quantity": 2})
    scan = {"site": SITE, "text": first}
    assert first[-2] == "0"

    outcome = sent(http, "ship-scans", scan)
    assert (outcome["verdict"], outcome["shipped"], outcome["unpacked"]) == ("loaded", False, 1)
    assert sent(http, "ship-scans", scan)["verdict"] == "already"
    second = package_with(http, order_id, {"item": "peas"})
    assert (int(second[:-1]) - int(first[:-1])) == 1
    third = sent(http, "packages", {"site": SITE, "order_id": order_id})["sscc"]
    assert sent(http, "ship-scans", {"site": SITE, "text": third}, 409)["code"] == "package_not_closed"
    assert sent(http, "ship-scans", {"site": SITE, "text": second})["left"] == 1
    sent(http, f"packages/{third}/void")
    assert sent(http, "ship-scans", {"site": SITE, "text": third}, 409)["code"] == "package_gone"
    outcome = sent(http, "ship-scans", {"site": SITE, "text": f"(00){second}"})
    assert (outcome["verdict"], outcome["shipped"], outcome["left"]) == ("already", True, 0)

    assert order_state(house, order_id) == "shipped"
    assert {row["state"] for row in got(http, f"packages?order_id={order_id}")["items"]} == {"shipped", "void"}
    assert sent(http, "ship-scans", {"site": SITE, "text": "hello"}, 422)["code"] == "scan_unreadable"
    assert sent(http, "ship-scans", {"site": SITE, "text": "006141410000999996"}, 404)["code"] == "unknown_package"


def weigh(house: Warehouse, sscc: str, grams: int) -> None:
    value = f"{grams / 1000:.3f}"
    event = WeightRecorded(
        event_time=NOW,
        station="weigh-1",
        value=value,
        unit="kg",
        weight_mg=grams * 1000,
        text=f"S S {value} kg",
        subject=Identifiers(sscc=sscc),
        subject_text=sscc,
    )
    house.happen(event)


@pytest.mark.requirement("R51", "X7")
def test_package_on_the_scale_is_right_wrong_or_undecided(http: Http, house: Warehouse) -> None:
    order_id = picked_order(http, house, ("milk", 4))
    sscc = sent(http, "packages", {"site": SITE, "order_id": order_id, "carton_type": "M"})["sscc"]
    sent(http, f"packages/{sscc}/items", {"item": "milk", "quantity": 4})
    weigh(house, sscc, 1200)
    sent(http, f"packages/{sscc}/close")

    weigh(house, sscc, 950)
    assert got(http, f"packages/{sscc}")["verdict"] == "wrong"
    assert sent(http, "ship-scans", {"site": SITE, "text": sscc}, 409)["code"] == "package_weight_wrong"
    (wrong,) = got(http, "work-orders")["items"]
    assert wrong["message"].startswith(f"weigh-1: package {sscc} of order 1001 weighs 950 g, expected 1200 g within 12 g")
    assert [action["code"] for action in wrong["actions"]] == ["open_again"]
    weigh(house, sscc, 1201)

    assert got(http, f"packages/{sscc}")["verdict"] == "right"
    assert house.asked() == []
    found = [(row["verdict"], row["reason"], row["subject"]) for row in got(http, "weights")["items"]]
    assert sorted(found) == [("cannot_decide", "not_closed_yet", sscc), ("right", "", sscc), ("wrong", "", sscc)]
    assert sent(http, f"packages/{sscc}/weigh", {"value": "0.1", "unit": "kg"})["verdict"] == "wrong"


def pass_door(house: Warehouse, sscc: str, door: str = "door-5", direction: Any = "out") -> None:
    house.happen(
        PalletPassed(
            event_time=NOW, station=door, read_point=door, biz_step="loading", direction=direction, confidence=0.99, parent_id=sscc_uri(sscc, 7), child_epcs=[]
        )
    )


@pytest.mark.requirement("R54")
def test_door_compares_what_leaves_with_the_load(http: Http, house: Warehouse) -> None:
    orders = [picked_order(http, house, ("milk", 1), number=str(n)) for n in (1, 2, 3)]
    mine, also_mine, foreign = [package_with(http, order_id, {"item": "milk"}) for order_id in orders]
    plan = {"site": SITE, "number": "L-88", "door": "door-5", "vehicle": "沪A12345", "packages": [mine], "orders": [orders[1]]}
    load = sent(http, "loads", plan)
    assert sent(http, "loads", plan) == load
    assert load["missing"] == sorted([mine, also_mine])
    assert sent(http, "loads", plan | {"number": "L-89"}, 409)["code"] == "package_planned"

    assert sent(http, "ship-scans", {"site": SITE, "text": mine, "station": "door-6"}, 409)["code"] == "package_wrong_door"
    pass_door(house, mine, direction="in")
    pass_door(house, foreign)
    assert house.asked() == ["wrong_pallet_unplanned"]
    assert sent(http, "ship-scans", {"site": SITE, "text": foreign, "station": "door-5"}, 409)["code"] == "package_foreign"
    pass_door(house, mine)
    house.happen(ItemScanned(event_time=NOW, station="door-5", text="x", identifiers=Identifiers(sscc="006141410000999996"), biz_step="shipping"))

    assert got(http, f"loads/{load['id']}")["loaded"] == [mine]
    assert order_state(house, orders[0]) == "shipped"
    assert sent(http, f"loads/{load['id']}/close", {"incomplete": True}, 409)["code"] == "load_wrong_pallet"
    sent(http, f"loads/{load['id']}/packages", {"sscc": foreign})
    assert sent(http, f"loads/{load['id']}/close", status=409)["code"] == "load_incomplete"
    pass_door(house, foreign)
    assert order_state(house, orders[2]) == "shipped"
    assert sent(http, f"loads/{load['id']}/close", {"incomplete": True})["state"] == "closed"
    assert sorted(house.asked()) == ["load_missing", "package_foreign"]
    assert house.asked("resolved") == ["wrong_pallet_unplanned"]
    assert [(row["packages"], row["loaded"]) for row in got(http, "loads?state=closed")["items"]] == [(3, 2)]


def test_package_is_taken_off_a_load_or_freed_with_it_and_goes_onto_another(http: Http, house: Warehouse) -> None:
    order_id = picked_order(http, house, ("milk", 3))
    first, second, third = [package_with(http, order_id, {"item": "milk"}) for _ in range(3)]
    north, south = [sent(http, "loads", {"site": SITE, "number": number, "packages": []})["id"] for number in ("L-1", "L-2")]
    for sscc in (first, second):
        sent(http, f"loads/{north}/packages", {"sscc": sscc})
    assert sent(http, f"loads/{south}/packages", {"sscc": first}, 409)["code"] == "package_planned"

    assert sent(http, f"loads/{north}/packages/{first}/take-off")["missing"] == [second]
    assert sent(http, f"loads/{south}/packages", {"sscc": first})["missing"] == [first]
    assert sent(http, f"loads/{north}/cancel")["state"] == "cancelled"
    sent(http, f"loads/{south}/packages", {"sscc": second})
    sent(http, "ship-scans", {"site": SITE, "text": second})

    assert sent(http, f"loads/{south}/packages/{second}/take-off", status=409)["code"] == "package_loaded"
    assert sent(http, f"loads/{south}/cancel", status=409)["code"] == "package_loaded"
    for what, body in (("packages", {"sscc": third}), (f"packages/{second}/take-off", None), ("close", None)):
        assert sent(http, f"loads/{north}/{what}", body, 409)["code"] == "load_closed"


def test_package_that_is_loaded_already_is_loaded_in_a_later_plan(http: Http, house: Warehouse) -> None:
    order_id = picked_order(http, house, ("milk", 2))
    first, second = [package_with(http, order_id, {"item": "milk"}) for _ in range(2)]
    sent(http, "ship-scans", {"site": SITE, "text": first})

    load = sent(http, "loads", {"site": SITE, "number": "L-1", "orders": [order_id]})

    assert (load["loaded"], load["missing"]) == ([first], [second])


@pytest.mark.postgres
@pytest.mark.slow
def test_two_plans_at_once_do_not_share_a_package(http: Http, house: Warehouse) -> None:
    order_id = picked_order(http, house, ("milk", 4))
    for n in range(4):
        sscc = package_with(http, order_id, {"item": "milk"})

        def plan(door: int, sscc: str = sscc, n: int = n) -> int:
            return http.post("loads", json={"site": SITE, "number": f"L-{n}-{door}", "packages": [sscc]}).status_code

        with ThreadPoolExecutor(3) as threads:
            assert sorted(threads.map(plan, range(3))) == [200, 409, 409]


def test_step_that_is_told_again_later_does_not_undo_what_came_after(http: Http, house: Warehouse) -> None:
    order_id = picked_order(http, house, ("milk", 1))
    sscc = package_with(http, order_id, {"item": "milk"})
    reopened, closed = house.fact("PackageReopened"), house.fact("PackageClosed")
    house.do(lambda c: packing.reopen_package(c, reopened, sscc, house.now))
    assert house.do(lambda c: packing.close_package(c, closed, sscc, house.now))

    house.do(lambda c: packing.reopen_package(c, reopened, sscc, house.now))
    assert got(http, f"packages/{sscc}")["state"] == "closed"
    sent(http, f"packages/{sscc}/reopen")
    assert not house.do(lambda c: packing.close_package(c, closed, sscc, house.now))

    assert got(http, f"packages/{sscc}")["state"] == "open"


def test_package_that_leaves_open_is_told(http: Http, house: Warehouse) -> None:
    order_id = picked_order(http, house, ("milk", 1))
    sscc = sent(http, "packages", {"site": SITE, "order_id": order_id})["sscc"]

    pass_door(house, sscc)

    assert house.asked() == ["wrong_pallet_blocked"]
    assert got(http, f"packages/{sscc}")["state"] == "open"


def ship_one(http: Http, house: Warehouse, number: str = "1001", **more: Any) -> str:
    """A package that was scanned out."""
    order_id = picked_order(http, house, ("milk", 1), number=number, **more)
    sscc = package_with(http, order_id, {"item": "milk"})
    assert sent(http, "ship-scans", {"site": SITE, "text": sscc})["shipped"]
    return sscc


def carried(http: Http, sscc: str) -> Any:
    return got(http, f"packages/{sscc}")["carrier_order"]


@pytest.mark.requirement("R108")
def test_carrier_that_does_not_answer_is_tried_until_it_does(http: Http, house: Warehouse, desk: SfDesk) -> None:
    sscc = ship_one(http, house)
    for attempt, fault in enumerate(("server_errors", "rate_limits", "lost_answers", "server_errors", "lost_answers"), start=1):
        setattr(desk.faults, fault, 1)
        assert carry(house) == 1
        assert carry(house) == 0
        assert carried(http, sscc)["attempts"] == attempt
        house.later(5 * 2**attempt)
    assert house.asked() == ["carrier_unreachable"]
    assert carry(house) == 1

    (waybill,) = desk.waybills_of(sscc)
    assert (carried(http, sscc)["state"], carried(http, sscc)["waybill"]) == ("placed", waybill)
    assert house.asked() == []


@pytest.mark.requirement("R108")
def test_bad_address_becomes_a_work_order_and_is_corrected_at_one_touch(http: Http, house: Warehouse, desk: SfDesk) -> None:
    sscc = ship_one(http, house, address={**ADDRESS, "phone": ""})
    assert carry(house) == 0
    (asked,) = got(http, "work-orders")["items"]
    assert asked["kind"] == "carrier_address"
    assert "the address has no phone" in asked["message"]
    path = f"carrier-orders/{carried(http, sscc)['id']}"
    assert sent(http, f"{path}/address", {"address": {**ADDRESS, "street": ""}}, 409)["code"] == "address_incomplete"

    desk.undeliverable.add("世纪大道")
    sent(http, f"{path}/address", {"address": ADDRESS})
    assert carry(house) == 1
    assert carried(http, sscc)["fault"] == "SF Express does not deliver to this address"
    theirs = {**ADDRESS, "street": "人民路 8 号"}
    house.do(lambda c: c.execute(update(partner).where(partner.c.code == "shop").values(address=theirs)))
    (asked,) = got(http, "work-orders")["items"]
    assert [action["code"] for action in asked["actions"]] == ["customers_address", "take_back"]
    sent(http, f"work-orders/{asked['id']}/actions/customers_address")

    assert carry(house) == 1
    assert carried(http, sscc)["address"] == theirs
    assert len(desk.waybills_of(sscc)) == 1


def test_refused_order_is_given_up_at_one_touch(http: Http, house: Warehouse, desk: SfDesk) -> None:
    desk.undeliverable.add("世纪大道")
    sscc = ship_one(http, house)
    carry(house)
    (asked,) = got(http, "work-orders")["items"]

    sent(http, f"work-orders/{asked['id']}/actions/take_back")

    assert (carried(http, sscc)["state"], house.asked(), carry(house)) == ("cancelled", [], 0)


def test_refused_order_is_sent_again_once_that_is_settled(http: Http, house: Warehouse, desk: SfDesk) -> None:
    sscc = ship_one(http, house)
    right, desk.check_word = desk.check_word, "changed"
    carry(house)
    assert house.asked() == ["carrier_refused"]
    desk.check_word = right

    assert sent(http, f"carrier-orders/{carried(http, sscc)['id']}/retry")["state"] == "requested"
    carry(house)
    assert (carried(http, sscc)["state"], house.asked()) == ("placed", [])


def test_order_is_taken_back_and_sent_anew_under_another_reference(http: Http, house: Warehouse, desk: SfDesk) -> None:
    sscc = ship_one(http, house)
    path = f"carrier-orders/{carried(http, sscc)['id']}"
    carry(house)
    assert sent(http, f"{path}/retry", status=409)["code"] == "carrier_has_it"
    sent(http, f"{path}/cancel")
    carry(house)
    assert (carried(http, sscc)["state"], desk.parcels[sscc].cancelled) == ("cancelled", True)

    sent(http, f"{path}/retry")
    carry(house)

    assert carried(http, sscc)["reference"] == f"{sscc}-1"
    desk.step(str(carried(http, sscc)["waybill"]), acceptTime="2026-11-21 17:00:00", acceptAddress="x", remark="退回", opCode="70")
    sent(http, f"{path}/cancel")
    carry(house)
    assert house.asked() == ["carrier_cancel_refused"]
    carry(house)
    house.later(3600)
    carry(house)
    assert sorted(house.asked()) == ["carrier_cancel_refused", "carrier_trouble"]


def test_cancel_before_the_carrier_was_asked_never_asks_it(http: Http, house: Warehouse, desk: SfDesk) -> None:
    sscc = ship_one(http, house)
    sent(http, f"carrier-orders/{carried(http, sscc)['id']}/cancel")

    carry(house)

    assert (carried(http, sscc)["state"], desk.asked) == ("cancelled", [])


def test_carrier_is_asked_when_packed_where_the_site_wants_it(http: Http, house: Warehouse, desk: SfDesk) -> None:
    http.put("shipping/sites", json={"site": SITE, "company_prefix": "0614141", "sender": SENDER, "carrier": "sf", "place_when": "packed"})
    order_id = picked_order(http, house, ("milk", 1))
    sscc = package_with(http, order_id, {"item": "milk"})

    carry(house)

    assert carried(http, sscc)["state"] == "placed"
    assert got(http, f"packages/{sscc}/quotes?carrier=sf") == [{"service": "1", "price_minor": 1200, "arrives_at": "2026-11-23T18:00:00+08:00"}]
    desk.faults.server_errors = 1
    answer = http.get(f"packages/{sscc}/quotes?carrier=sf")
    assert (answer.status_code, answer.json()["code"]) == (502, "carrier_fault")


@pytest.mark.requirement("R108")
@pytest.mark.parametrize("ended_by", ["void", "cancel"])
def test_carrier_does_not_come_for_a_package_that_is_thrown_away_or_whose_order_is_cancelled(http: Http, house: Warehouse, desk: SfDesk, ended_by: str) -> None:
    http.put("shipping/sites", json={"site": SITE, "company_prefix": "0614141", "sender": SENDER, "carrier": "sf", "place_when": "packed"})
    order_id = picked_order(http, house, ("milk", 1))
    sscc = package_with(http, order_id, {"item": "milk"})
    carry(house)
    assert carried(http, sscc)["state"] == "placed"

    sent(http, f"packages/{sscc}/void" if ended_by == "void" else f"orders/{order_id}/cancel")
    carry(house)

    assert desk.parcels[sscc].cancelled
    assert carried(http, sscc)["state"] == "cancelled"
    assert carry(house) == 0


def test_courier_claims_an_order_when_it_speaks_about_it_and_not_before(http: Http, house: Warehouse, desk: SfDesk) -> None:
    for number in ("1", "2", "3"):
        ship_one(http, house, number)
    claimed: list[int] = []

    def answer(_: httpx.Request) -> httpx.Response:
        claimed.append(sum(row.claimed_until is not None for row in house.rows(carrier_order)))
        return httpx.Response(503)

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        assert courier.work_once(house.engine, client, lambda: house.now) == 3

    assert claimed == [1, 1, 1]


def test_secrets_of_carriers_are_never_shown(http: Http, desk: SfDesk) -> None:
    answer = http.get("shipping/carriers")

    assert [row["code"] for row in answer.json()["items"]] == ["sf"]
    assert desk.check_word not in answer.text
    assert "word-1" not in answer.text


@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.requirement("R108")
def test_many_couriers_give_each_package_one_waybill(http: Http, house: Warehouse, desk: SfDesk) -> None:
    ssccs = [ship_one(http, house, number=str(n)) for n in range(12)]
    desk.faults.lost_answers = 5

    def work(_: int) -> None:
        carry(house)

    for _ in range(3):
        with ThreadPoolExecutor(6) as threads:
            list(threads.map(work, range(6)))
        house.later(600)

    assert len(set(ssccs)) == 12
    assert all(len(desk.waybills_of(sscc)) == 1 for sscc in ssccs)
    assert {carried(http, sscc)["waybill"] for sscc in ssccs} == {desk.waybills_of(sscc)[0] for sscc in ssccs}


@pytest.mark.postgres
@pytest.mark.slow
def test_last_two_packages_scanned_together_ship_the_order_once(http: Http, house: Warehouse) -> None:
    for n in range(4):
        order_id = picked_order(http, house, ("milk", 2), number=str(n))
        ssccs = [package_with(http, order_id, {"item": "milk"}) for _ in range(2)]
        with ThreadPoolExecutor(2) as threads:
            outcomes = list(threads.map(lambda sscc: sent(http, "ship-scans", {"site": SITE, "text": sscc}), ssccs))
        assert sorted(outcome["shipped"] for outcome in outcomes) == [False, True]
        assert order_state(house, order_id) == "shipped"


@pytest.mark.postgres
@pytest.mark.slow
def test_two_stations_cannot_pack_the_same_piece_twice(http: Http, house: Warehouse) -> None:
    order_id = picked_order(http, house, ("milk", 6))
    boxes = [sent(http, "packages", {"site": SITE, "order_id": order_id})["sscc"] for _ in range(2)]

    def pack(n: int) -> int:
        return http.post(f"packages/{boxes[n % 2]}/items", json={"item": "milk"}).status_code

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(pack, range(10)))

    assert sorted(answers) == [200] * 6 + [409] * 4
    assert got(http, f"packages/{boxes[0]}")["left"] == []


@pytest.mark.requirement("R29", "X8")
def test_cartons_come_from_a_spreadsheet_and_are_taken_back(http: Http) -> None:
    sheet = "编码,内长毫米,内宽毫米,内高毫米,皮重克,最大承重克\nM,300,200,210,200,5000\nXL,600,400,400,700,20000\n"

    answer = http.post("imports/cartons", content=sheet.encode("gb18030")).json()
    assert (answer["new"], answer["changed"], answer["errors"]) == (1, 1, [])
    found = {row["code"]: row for row in got(http, "shipping/cartons")["items"]}
    assert (found["M"]["inner_height_mm"], found["M"]["kind"]) == (210, "carton")
    assert (found["XL"]["outer_length_mm"], found["XL"]["available"]) == (606, True)
    bad = http.post("imports/cartons", content=b"code,inner_length_mm,inner_width_mm,inner_height_mm,tare_g,max_weight_g\nS,0,1,1,1,1\nS,1,1,1,1,1\n").json()
    assert [(error["row"], error["column"]) for error in bad["errors"]] == [(2, "inner_length_mm")]
    sent(http, f"imports/batches/{answer['batch']}/undo", {"actor": "li"})
    assert {row["code"]: row["inner_height_mm"] for row in got(http, "shipping/cartons")["items"]} == {"M": 200}


def test_order_shipped_by_the_office_takes_its_packages_and_carriers_along(http: Http, house: Warehouse, desk: SfDesk) -> None:
    order_id = picked_order(http, house, ("milk", 1))
    sscc = package_with(http, order_id, {"item": "milk"})
    sent(http, f"orders/{order_id}/ship")

    carry(house)

    assert got(http, f"packages/{sscc}")["state"] == "shipped"
    assert carried(http, sscc)["waybill"] == desk.waybills_of(sscc)[0]


def loaded_before_its_last_pick(http: Http, house: Warehouse, number: str) -> tuple[str, str]:
    """An order whose only package was on the vehicle when its last pick was answered short; its id and the package's SSCC."""
    order = {"number": number, "site": SITE, "partner": "shop", "lines": [{"item": "milk", "quantity": 2}, {"item": "peas", "quantity": 1}]}
    order_id = sent(http, "orders", order | {"backorders": "drop"})["id"]
    sent(http, f"orders/{order_id}/release")
    tasks = {row.item: row.id for row in house.rows(pick_task) if row.order_id == order_id}
    sent(http, f"pick-tasks/{tasks['milk']}/confirm", {"quantity": 2})
    sscc = package_with(http, order_id, {"item": "milk", "quantity": 2})
    assert not sent(http, "ship-scans", {"site": SITE, "text": sscc})["shipped"]
    assert order_state(house, order_id) == "released"
    sent(http, f"pick-tasks/{tasks['peas']}/confirm", {"quantity": 0})
    return order_id, sscc


def test_order_whose_packages_were_on_the_vehicle_before_it_was_picked_leaves_all_the_same(http: Http, house: Warehouse) -> None:
    order_id, sscc = loaded_before_its_last_pick(http, house, "1001")

    carry(house)

    assert order_state(house, order_id) == "shipped"
    assert got(http, f"packages/{sscc}")["state"] == "shipped"


def test_order_that_a_person_was_asked_about_does_not_stand_in_the_way_of_others_on_the_vehicle(http: Http, house: Warehouse) -> None:
    orders = {loaded_before_its_last_pick(http, house, "1001")[0]: "1001"}
    house.put("A-02", "peas", 5)
    orders |= {loaded_before_its_last_pick(http, house, "1002")[0]: "1002"}
    first, second = sorted(orders)
    house.do(lambda c: raise_work_order(c, "ship_refused", orders[first], "look", None, house.now, site=SITE))

    with reading(house.engine) as connection:
        assert catching_up.loaded(connection, 1) == [second]


def test_package_of_a_cancelled_order_does_not_leave(http: Http, house: Warehouse) -> None:
    order_id = picked_order(http, house, ("milk", 1))
    sscc = package_with(http, order_id, {"item": "milk"})
    sent(http, f"orders/{order_id}/cancel")

    assert sent(http, "ship-scans", {"site": SITE, "text": sscc}, 409)["code"] == "order_closed"
    assert sent(http, "packages", {"site": SITE, "order_id": order_id}, 409)["code"] == "order_not_packable"


@pytest.mark.requirement("R51")
def test_order_that_waits_for_its_weight_is_shipped_by_its_last_right_package(http: Http, house: Warehouse) -> None:
    order_id = picked_order(http, house, ("milk", 2), ship_when="weighed")
    first, second = [package_with(http, order_id, {"item": "milk"}) for _ in range(2)]

    weigh(house, first, 450)
    assert order_state(house, order_id) == "picked"
    weigh(house, second, 450)

    assert order_state(house, order_id) == "shipped"
    assert got(http, f"packages/{second}")["state"] == "shipped"


@pytest.mark.requirement("R54")
def test_order_of_a_site_that_packs_leaves_with_its_packages_and_not_with_its_last_pick(http: Http, house: Warehouse) -> None:
    order_id = picked_order(http, house, ("milk", 2), ship_when=None)
    assert (order_state(house, order_id), got(http, f"orders/{order_id}")["ship_when"]) == ("picked", "asked")

    first, second = [package_with(http, order_id, {"item": "milk"}) for _ in range(2)]
    assert not sent(http, "ship-scans", {"site": SITE, "text": first})["shipped"]

    assert sent(http, "ship-scans", {"site": SITE, "text": second})["shipped"]
    assert order_state(house, order_id) == "shipped"


@pytest.mark.parametrize("habit", ["picked", None])
def test_order_leaves_with_its_last_pick_where_the_site_says_so_or_packs_nothing(http: Http, house: Warehouse, habit: str | None) -> None:
    if habit is None:
        house.do(lambda c: c.execute(shipping_site.delete()))
    else:
        assert http.put("shipping/sites", json={"site": SITE, "company_prefix": "0614141", "ship_when": habit}).json()["ship_when"] == habit

    order_id = picked_order(http, house, ("milk", 2), ship_when=None)

    assert order_state(house, order_id) == "shipped"


def test_site_without_a_company_prefix_gives_no_numbers(http: Http, house: Warehouse) -> None:
    http.put("shipping/sites", json={"site": SITE, "company_prefix": "061414100000", "extension": "3"})
    order_id = picked_order(http, house, ("milk", 1))
    ssccs = [sent(http, "packages", {"site": SITE, "order_id": order_id})["sscc"] for _ in range(2)]

    assert [sscc[:13] for sscc in ssccs] == ["3061414100000"] * 2
    assert int(ssccs[1][:-1]) == int(ssccs[0][:-1]) + 1
    house.do(lambda c: c.execute(update(sscc_series).values(next=10_000)))
    assert sent(http, "packages", {"site": SITE, "order_id": order_id}, 422)["code"] == "sscc_range_empty"
    house.do(lambda c: c.execute(shipping_site.delete()))
    assert sent(http, "packages", {"site": SITE, "order_id": order_id}, 422)["code"] == "site_not_set_up"


@pytest.mark.requirement("R22")
def test_serial_numbers_are_packed_one_for_each_piece(http: Http, house: Warehouse) -> None:
    order_id = picked_order(http, house, ("peas", 3))
    sscc = sent(http, "packages", {"site": SITE, "order_id": order_id})["sscc"]

    assert sent(http, f"packages/{sscc}/items", {"item": "peas", "quantity": 2, "serials": ["A"]}, 409)["code"] == "serials_needed"
    assert sent(http, f"packages/{sscc}/items", {"item": "peas", "serials": ["A", "A"]}, 409)["code"] == "serial_twice"
    sent(http, f"packages/{sscc}/items", {"text": "010061414100002921A"})
    assert sent(http, f"packages/{sscc}/items", {"item": "peas", "serials": ["A"]}, 409)["code"] == "serial_twice"
    assert sent(http, f"packages/{sscc}/items", {"item": "peas", "serials": ["B"]})["lines"][0]["serials"] == ["A", "B"]
    assert sent(http, f"packages/{sscc}/take-out", {"item": "peas", "quantity": 1}, 409)["code"] == "serials_needed"


@pytest.mark.requirement("R108")
def test_order_goes_with_jd_where_it_says_so(http: Http, house: Warehouse) -> None:
    with serving(JdDesk()) as desk:
        assert isinstance(desk, JdDesk)
        account = {"code": "jd", "adapter": "jd", "base_url": desk.base_url, "client": desk.app_key, "secret": desk.secret}
        assert http.put("shipping/carriers", json=account | {"token": desk.token, "account": desk.customer}).status_code == 200
        sscc = ship_one(http, house, carrier="jd")
        assert [carry(house) for _ in range(3)] == [1, 1, 0]
        (waybill,) = desk.waybills_of(sscc)
        desk.step(waybill, operationTime="2026-11-22 09:30:00", operationPlace="上海市", operationRemark="已签收", category="510")
        query, body = desk.push(waybill)
        assert http.post("carriers/jd/push", params=query | {"sign": "0" * 32}, content=body).status_code == 403
        answer = http.post("carriers/jd/push", params=query, content=body)

    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert (carried(http, sscc)["state"], carried(http, sscc)["delivered_at"]) == ("delivered", "2026-11-22T01:30:00Z")
    assert http.post("carriers/nobody/push", content=b"{}").status_code == 404


@pytest.mark.requirement("R54")
def test_courier_works_by_itself_as_long_as_the_service_lives(http: Http, house: Warehouse, desk: SfDesk) -> None:
    sscc = ship_one(http, house)

    async def live() -> None:
        changes = Changes()
        changes.bind(asyncio.get_running_loop())
        task = asyncio.create_task(courier.work_for_ever(house.engine, changes, lambda: house.now))
        async with asyncio.timeout(30):
            seen = changes.count
            while not house.rows(carrier_order)[0].label:
                seen = await changes.wait(seen, 1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(live())

    assert (carried(http, sscc)["state"], carried(http, sscc)["waybill"]) == ("labelled", desk.waybills_of(sscc)[0])
