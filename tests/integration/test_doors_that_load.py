# SPDX-License-Identifier: Apache-2.0
"""Vehicles at doors: what stands there, what gateways are told, what a pass does to a load; the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, update

from central.catalog.tables import lot
from central.database import reading
from central.fleet import service as fleet
from central.fleet.tables import command
from central.shipping import catching_up, door_lists, door_rules
from central.shipping.tables import dock_door, package
from central.web.docks import tiles
from contracts.commands import DoorWork
from contracts.events import CommandAnswered, PalletPassed, PassEvidence
from contracts.identifiers import sscc_uri
from contracts.topics import GatewayAddress
from contracts.wire import GatewayState
from tests.integration.test_areas_api import Http, got, sent
from tests.integration.test_shipping_packages import order_state, picked_order
from tests.integration.warehouse import MILK_GTIN, NOW, ON_SQLITE, SITE, Warehouse

pytestmark = [pytest.mark.slow, pytest.mark.requirement("E2", "E3")]

DOOR = f"doors/{SITE}/door-5"
PALLETS = ("006141411234567890", "006141411234567906")


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    house = Warehouse(engine)
    house.fill()
    yield house
    house.assert_sound()


@pytest.fixture
def http(house: Warehouse) -> Http:
    http = Http.of(house)
    assert http.put("shipping/sites", json={"site": SITE, "company_prefix": "0614141"}).status_code == 200
    return http


def boxes(http: Http, house: Warehouse, count: int) -> list[str]:
    """Packages of one order each, with one milk."""
    return [package_of_order(http, picked_order(http, house, ("milk", 1), number=f"10{n}")) for n in range(count)]


def package_of_order(http: Http, order_id: str) -> str:
    sscc = sent(http, "packages", {"site": SITE, "order_id": order_id})["sscc"]
    sent(http, f"packages/{sscc}/items", {"item": "milk"})
    sent(http, f"packages/{sscc}/close")
    return str(sscc)


def plan(http: Http, number: str, *ssccs: str, door: str = "") -> str:
    return str(sent(http, "loads", {"site": SITE, "number": number, "door": door, "vehicle": f"truck {number}", "packages": list(ssccs)})["id"])


def stand(http: Http, door: str = "door-5", **body: Any) -> Any:
    answer = http.put(f"doors/{SITE}/{door}", json={"gateway": "gate-1", "state": "loading"} | body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def go(house: Warehouse, sscc: str, direction: Any = "out", door: str = "door-5", **more: Any) -> str:
    said = {"pass_id": str(uuid.uuid4())} | more
    house.later(1)
    where: dict[str, Any] = {"event_time": house.now, "station": door, "read_point": door, "biz_step": "loading", "confidence": 0.99}
    passed = PalletPassed(direction=direction, parent_id=sscc_uri(sscc, 7), **(where | said))
    return house.happen(passed)


def newest_list(house: Warehouse, door: str = "door-5") -> DoorWork:
    works: list[DoorWork] = [work for work in house.commands("DoorWork") if work.station == door]
    return max(works, key=lambda work: work.version)


def answer(house: Warehouse, work: DoorWork, outcome: Any = "done", reason: str = "") -> None:
    house.happen(CommandAnswered(event_time=house.now, station=work.station, command_id=work.command_id, outcome=outcome, reason=reason))


def test_pallets_are_loaded_through_the_door_and_leave_with_the_vehicle(http: Http, house: Warehouse) -> None:
    first, second = boxes(http, house, 2)
    load = plan(http, "L-1", first, second)
    shown = stand(http, load="L-1", until_at="2026-11-21T09:00:00Z")
    assert (shown["state"], shown["load"], shown["vehicle"], shown["planned"], shown["loaded"]) == ("loading", "L-1", "truck L-1", 2, 0)

    said = {"pass_id": "p-1"}
    go(house, first, **said)
    go(house, first, **said)
    go(house, first)
    assert got(http, f"loads/{load}")["loaded"] == [first]
    assert [row["outcome"] for row in got(http, "door-passes")["items"]].count("loaded") == 1
    assert len(got(http, f"door-passes?site={SITE}&station=door-5")["items"]) == 2
    sent(http, "ship-scans", {"site": SITE, "text": second, "station": "door-5"})
    go(house, second)

    assert (got(http, DOOR)["loaded"], got(http, DOOR)["last_pass"]["outcome"]) == (2, "already")
    orders = {row.order_id for row in house.rows(package)}
    assert {order_state(house, order_id) for order_id in orders} == {"picked"}
    assert house.do(lambda c: list(catching_up.loaded(c, 10))) == []
    assert sent(http, f"loads/{load}/close")["state"] == "closed"
    assert {order_state(house, order_id) for order_id in orders} == {"shipped"}
    assert {row["state"] for row in got(http, "packages")["items"]} == {"shipped"}
    assert house.asked() == []


@ON_SQLITE
def test_pallet_that_comes_in_again_is_unloaded_until_its_vehicle_left(http: Http, house: Warehouse) -> None:
    (sscc,) = boxes(http, house, 1)
    load = plan(http, "L-1", sscc, door="door-5")
    stand(http)
    go(house, sscc)
    go(house, sscc, "in")

    assert (got(http, f"loads/{load}")["missing"], got(http, f"packages/{sscc}")["state"]) == ([sscc], "closed")
    assert got(http, DOOR)["last_pass"]["outcome"] == "unloaded"
    go(house, sscc, "in")
    assert got(http, DOOR)["last_pass"]["outcome"] == "seen"
    go(house, sscc)
    sent(http, f"loads/{load}/close")
    go(house, sscc, "in")

    assert house.asked() == ["pallet_back"]
    assert got(http, f"packages/{sscc}")["state"] == "shipped"


@ON_SQLITE
@pytest.mark.requirement("E4")
def test_pass_told_after_the_pallet_went_through_another_door_changes_nothing(http: Http, house: Warehouse) -> None:
    (sscc,) = boxes(http, house, 1)
    load = plan(http, "L-1", sscc, door="door-5")
    stand(http)
    stand(http, "door-6", state="both", load=None)
    house.later(3600)
    early = house.now - timedelta(minutes=30)
    go(house, sscc)

    go(house, sscc, "in", door="door-6", event_time=early)

    assert got(http, f"loads/{load}")["loaded"] == [sscc]
    assert got(http, "doors/s1/door-6")["last_pass"]["outcome"] == "late"
    assert house.asked() == []


@ON_SQLITE
def test_doubtful_pass_loads_nothing_and_one_touch_answers_it(http: Http, house: Warehouse) -> None:
    first, second = boxes(http, house, 2)
    load = plan(http, "L-1", first, second)
    stand(http, load="L-1")

    go(house, first, "unknown", evidence=PassEvidence(reason="the photo-eyes saw it turn round"))
    assert house.asked() == ["pallet_loading_unclear"]
    go(house, second, doubtful_epcs=[sscc_uri(first, 7)])

    assert got(http, f"loads/{load}")["loaded"] == [second]
    asked = [row for row in got(http, "work-orders")["items"] if row["kind"] == "pallet_loading_unclear"]
    assert [action["code"] for action in asked[0]["actions"]] == ["load_it", "stayed"]
    sent(http, f"work-orders/{asked[0]['id']}/actions/load_it")
    assert got(http, f"loads/{load}")["missing"] == []


@ON_SQLITE
def test_goods_without_a_readable_label_are_asked_about(http: Http, house: Warehouse) -> None:
    plan(http, "L-1", *boxes(http, house, 1))
    stand(http, load="L-1")
    tag = "urn:epc:id:sgtin:0614141.812345.6789"

    house.happen(
        PalletPassed(event_time=NOW, station="door-5", read_point="x", biz_step="loading", direction="out", confidence=0.9, child_epcs=[tag], pass_id="u")
    )

    assert (house.asked(), got(http, DOOR)["last_pass"]["outcome"]) == (["load_label_missing"], "unclear")


def wrong_of(http: Http) -> list[tuple[str, str]]:
    return [(row["sscc"], row["reason"]) for row in got(http, DOOR)["wrong"]]


@pytest.mark.requirement("R54")
def test_wrong_pallet_is_told_with_where_it_belongs_and_keeps_the_load_open(http: Http, house: Warehouse) -> None:
    mine, theirs, unplanned = boxes(http, house, 3)
    load = plan(http, "L-1", mine)
    plan(http, "L-2", theirs, door="door-6")
    stand(http, load="L-1", until_at=str(NOW + timedelta(minutes=20)))
    stand(http, "door-6")
    foreign = "006141410000999996"
    go(house, mine)

    for sscc in (theirs, unplanned, foreign):
        go(house, sscc)

    told = {row["subject"]: row for row in got(http, "work-orders")["items"]}
    assert told[theirs]["message"] == (
        f"door-5: wrong pallet {theirs} on the vehicle of load L-1: it belongs to load L-2 at door door-6; take it out before it leaves"
    )
    assert {row["priority"] for row in told.values()} == {1}
    assert dict(wrong_of(http)) == {theirs: "wrong_pallet_load", unplanned: "wrong_pallet_unplanned", foreign: "wrong_pallet_unknown"}
    assert got(http, f"packages/{theirs}")["state"] == "closed"
    assert sent(http, f"loads/{load}/close", {"incomplete": True}, 409)["code"] == "load_wrong_pallet"
    assert sent(http, f"loads/{load}/cancel", status=409)["code"] == "load_wrong_pallet"
    go(house, theirs, "in")
    go(house, theirs, door="door-6")
    assert [action["code"] for action in told[foreign]["actions"]] == ["taken_out"]
    sent(http, f"work-orders/{told[foreign]['id']}/actions/taken_out")
    sent(http, f"work-orders/{told[unplanned]['id']}/actions/load_it")

    assert (wrong_of(http), house.asked()) == ([], [])
    assert sent(http, f"loads/{load}/close")["loaded"] == sorted([mine, unplanned])
    assert got(http, f"packages/{theirs}")["state"] == "loaded"


@ON_SQLITE
def test_pallet_that_may_not_leave_is_not_loaded_and_not_on_the_list(http: Http, house: Warehouse) -> None:
    good, light, recalled = boxes(http, house, 3)
    still_open = sent(http, "packages", {"site": SITE, "order_id": picked_order(http, house, ("peas", 1), number="2000")})["sscc"]
    plan(http, "L-1", good, light, recalled, still_open)
    stand(http, load="L-1")
    house.do(lambda c: c.execute(update(package).where(package.c.sscc == light).values(verdict="wrong")))
    sent(http, f"packages/{recalled}/reopen")
    sent(http, f"packages/{recalled}/take-out", {"item": "milk", "lot": "L1", "quantity": 1})
    assert got(http, f"{DOOR}/list")["may_leave"] == [good]

    for sscc in (light, still_open, recalled):
        go(house, sscc)

    reasons = {row["sscc"]: row["message"].partition("(")[2].partition(")")[0] for row in got(http, DOOR)["wrong"]}
    assert reasons[light] == "its weight is wrong"
    assert reasons[still_open] == "it is still open at the pack station"
    house.do(lambda c: c.execute(update(lot).where(lot.c.item == "milk", lot.c.lot == "L1").values(held=True)))
    assert got(http, f"{DOOR}/list")["may_leave"] == []
    go(house, good)
    assert {row["sscc"]: row["message"] for row in got(http, DOOR)["wrong"]}[good].partition("(")[2].startswith("lot L1 of item milk is recalled")


def test_units_that_carry_packages_pass_for_them(http: Http, house: Warehouse) -> None:
    first, second, third = boxes(http, house, 3)
    load = plan(http, "L-1", first, second)
    stand(http, load="L-1")
    full, mixed = [sent(http, "stock/units", {"kind": "pallet", "place": f"{SITE}/out", "sscc": sscc})["sscc"] for sscc in PALLETS]
    for sscc, unit in ((first, full), (second, mixed), (third, mixed)):
        sent(http, "stock/units", {"kind": "carton", "place": f"{SITE}/out", "sscc": sscc, "parent": unit})

    assert got(http, f"{DOOR}/list")["may_leave"] == sorted([first, second, full])
    go(house, full)
    go(house, mixed)

    assert got(http, f"loads/{load}")["loaded"] == sorted([first, second])
    assert wrong_of(http) == [(third, "wrong_pallet_unplanned")]
    go(house, full, "in")
    assert got(http, f"loads/{load}")["loaded"] == [second]


def test_gateway_is_told_the_newest_list_once_whatever_happens(http: Http, house: Warehouse) -> None:
    first, second, third = boxes(http, house, 3)
    load = plan(http, "L-1", first, second)
    stand(http, load="L-1")

    assert (door_lists.work_once(house.engine, house.now), door_lists.work_once(house.engine, house.now)) == (1, 0)
    told = newest_list(house)
    assert (told.may_leave, told.may_come, told.load, told.vehicle) == (sorted([first, second]), None, "L-1", "truck L-1")
    assert got(http, DOOR)["list_state"] == "on_its_way"
    sent(http, f"loads/{load}/packages", {"sscc": third})
    sent(http, f"loads/{load}/packages/{first}/take-off")
    assert door_lists.work_once(house.engine, house.now) == 1
    again = newest_list(house)
    assert (again.may_leave, again.version > told.version) == (sorted([second, third]), True)
    assert {row.id: row.state for row in house.rows(command)}[told.command_id] == "unanswered"
    answer(house, again)
    assert got(http, DOOR)["list_state"] == "newest"
    go(house, second)
    assert door_lists.work_once(house.engine, house.now) == 0
    sent(http, f"loads/{load}/close", {"incomplete": True})
    assert door_lists.work_once(house.engine, house.now) == 1

    assert newest_list(house).may_leave == []
    stand(http, state="receiving")
    assert door_lists.work_once(house.engine, house.now) == 1
    assert newest_list(house).may_leave is None


def unchecked(house: Warehouse) -> set[str]:
    """Doors of which the board says that their lamp does not know its list."""
    with reading(house.engine) as connection:
        return {tile.station for tile in tiles(connection, SITE, house.now) if tile.unchecked}


def birth(house: Warehouse, epoch: str, gate: str = "gate-1") -> None:
    state = GatewayState(online=True, boot_id="boot", session_id=str(uuid.uuid4()), epoch=epoch, version="1", config_hash="x")
    house.do(lambda c: fleet.gateway_state_changed(c, GatewayAddress(1, SITE, gate), state, house.now))


@ON_SQLITE
def test_gateway_that_forgot_gets_its_list_again(http: Http, house: Warehouse) -> None:
    (sscc,) = boxes(http, house, 1)
    plan(http, "L-1", sscc)
    birth(house, "first")
    stand(http, load="L-1")
    assert door_lists.work_once(house.engine, house.now) == 1
    answer(house, newest_list(house))
    birth(house, "first")
    assert door_lists.work_once(house.engine, house.now) == 0

    birth(house, "swapped card")
    assert door_lists.work_once(house.engine, house.now) == 1
    answer(house, newest_list(house))
    old = newest_list(house)
    house.later(5)
    go(house, sscc, checked="unexpected", work_version=7)

    assert house.asked() == ["door_lamp_red"]
    assert door_lists.work_once(house.engine, house.now) == 1
    assert (newest_list(house).may_leave, newest_list(house).version > old.version) == ([sscc], True)


@ON_SQLITE
def test_list_without_answer_is_made_again_and_a_refused_one_is_told(http: Http, house: Warehouse) -> None:
    (sscc,) = boxes(http, house, 1)
    plan(http, "L-1", sscc)
    stand(http, load="L-1")
    assert door_lists.work_once(house.engine, house.now) == 1
    house.do(lambda c: c.execute(update(command).where(command.c.kind == "DoorWork").values(state="unanswered")))
    assert door_lists.work_once(house.engine, house.now) == 0
    house.later(61)
    assert door_lists.work_once(house.engine, house.now) == 1

    answer(house, newest_list(house), "refused", "station door-5 takes no DoorWork")

    assert house.asked() == ["door_not_checked"]
    house.later(3600)
    assert (got(http, DOOR)["list_state"], door_lists.work_once(house.engine, house.now)) == ("refused", 0)
    assert unchecked(house) == {"door-5"}
    birth(house, "newer program")
    assert door_lists.work_once(house.engine, house.now) == 1
    answer(house, newest_list(house))
    assert (house.asked(), unchecked(house)) == ([], set())


@ON_SQLITE
def test_door_whose_gateway_nobody_knows_is_told_when_it_speaks(http: Http, house: Warehouse) -> None:
    (sscc,) = boxes(http, house, 1)
    plan(http, "L-1", sscc)
    stand(http, load="L-1", gateway="")
    assert (door_lists.work_once(house.engine, house.now), got(http, DOOR)["list_state"]) == (0, "no_gateway")
    answer_ = http.put(DOOR, json={"state": "loading", "gateway": "nobody"})
    assert (answer_.status_code, answer_.json()["code"]) == (404, "unknown_gateway")

    go(house, sscc, "in")

    assert door_lists.work_once(house.engine, house.now) == 1
    assert (got(http, DOOR)["gateway"], newest_list(house).may_leave) == ("gate-1", [sscc])


@ON_SQLITE
def test_lamp_that_was_wrong_is_told_at_once(http: Http, house: Warehouse) -> None:
    mine, theirs = boxes(http, house, 2)
    plan(http, "L-1", mine)
    stand(http, load="L-1")
    door_lists.work_once(house.engine, house.now)

    go(house, mine, checked="expected", work_version=3)
    go(house, theirs, checked="unexpected", work_version=3)
    assert house.asked() == ["wrong_pallet_unplanned"]
    go(house, theirs, "in")
    go(house, theirs, checked="expected", work_version=3)

    assert sorted(house.asked()) == ["door_lamp_green", "wrong_pallet_unplanned"]
    (lamp,) = [row for row in got(http, "work-orders")["items"] if row["kind"] == "door_lamp_green"]
    assert (lamp["priority"], lamp["message"].startswith(f"door-5: the lamp let pallet {theirs} pass by list 3 although it may not leave")) == (1, True)


@ON_SQLITE
def test_label_read_much_stronger_at_the_next_door_is_no_wrong_pallet(http: Http, house: Warehouse) -> None:
    first, second = boxes(http, house, 2)
    plan(http, "L-5")
    plan(http, "L-6", first, second)
    stand(http, load="L-5")
    stand(http, "door-6", load="L-6")

    go(house, first, door="door-6", strengths_dbm={sscc_uri(first, 7): -42.0})
    go(house, first, strengths_dbm={sscc_uri(first, 7): -61.0})
    assert (got(http, DOOR)["last_pass"]["outcome"], house.asked()) == ("neighbour", [])
    go(house, second, strengths_dbm={sscc_uri(second, 7): -61.0})
    assert house.asked() == ["wrong_pallet_load"]
    go(house, second, door="door-6", strengths_dbm={sscc_uri(second, 7): -42.0})

    assert (house.asked(), got(http, DOOR)["wrong"]) == ([], [])


NOTICE = {
    "number": "ASN-1",
    "site": SITE,
    "supplier": "dairy",
    "pallets": [{"sscc": sscc, "lines": [{"gtin": MILK_GTIN, "lot": "L1", "expiry": "2026-12-01", "quantity": 4}]} for sscc in PALLETS],
}


def test_door_that_checks_what_comes_expects_what_is_announced_and_not_received(http: Http, house: Warehouse) -> None:
    sent(http, "ship-notices", NOTICE)
    shown = stand(http, state="receiving", notices=["ASN-1"], check_coming=True)
    first, second = [pallet["sscc"] for pallet in NOTICE["pallets"]]  # type: ignore[index]  # a list of dicts
    assert (shown["announced"], shown["received"], got(http, f"{DOOR}/list")["may_come"]) == (2, 0, [first, second])

    house.happen(
        PalletPassed(event_time=NOW, station="door-5", read_point="door-5", direction="in", confidence=0.99, parent_id=sscc_uri(first, 7), pass_id="in-1")
    )

    assert (got(http, DOOR)["received"], got(http, f"{DOOR}/list")["may_come"]) == (1, [second])
    refused = http.put(DOOR, json={"state": "receiving", "notices": ["ASN-9"]})
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_ship_notice")


@ON_SQLITE
def test_door_waits_for_no_notice_whose_import_was_undone(http: Http, house: Warehouse) -> None:
    rows = f"number,site,supplier,pallet,item,lot,expiry,quantity\nASN-2,{SITE},dairy,{PALLETS[0]},milk,L1,2026-12-01,4\n"
    entered = http.post("imports/ship-notices", content=rows, headers={"Content-Type": "text/csv"})
    assert entered.status_code == 200, entered.text
    shown = stand(http, state="receiving", notices=["ASN-2"], check_coming=True)
    assert (shown["notices"], shown["announced"], got(http, f"{DOOR}/list")["may_come"]) == (["ASN-2"], 1, [PALLETS[0]])

    sent(http, f"imports/batches/{entered.json()['batch']}/undo", {"actor": "li"})
    sent(http, "ship-notices", NOTICE | {"door": "door-5"})

    shown = got(http, DOOR)
    assert (shown["notices"], shown["announced"], got(http, f"{DOOR}/list")["may_come"]) == (["ASN-1"], 2, sorted(PALLETS))


def test_appointments_at_a_door_do_not_meet_unless_they_say_so(http: Http, house: Warehouse) -> None:
    (sscc,) = boxes(http, house, 1)
    load = plan(http, "L-1", sscc)
    stand(http, state="closed")
    slot = {"number": "A-1", "load": "L-1", "vehicle": "truck", "from_at": "2026-11-21T08:00:00Z", "until_at": "2026-11-21T09:00:00Z"}
    later = slot | {"number": "A-2", "load": "", "from_at": "2026-11-21T08:59:00Z", "until_at": "2026-11-21T10:00:00Z"}
    booked = sent(http, f"{DOOR}/appointments", slot)
    assert sent(http, f"{DOOR}/appointments", slot) == booked
    assert sent(http, f"{DOOR}/appointments", later, 409)["code"] == "door_taken"
    assert sent(http, f"{DOOR}/appointments", later | {"until_at": slot["from_at"]}, 422)["code"] == "invalid_request"
    assert sent(http, f"{DOOR}/appointments", later | {"overlap": True})["overlaps"] == ["A-1"]
    assert [row["overlaps"] for row in got(http, f"door-appointments?site={SITE}")["items"]] == [["A-2"], ["A-1"]]

    assert sent(http, f"door-appointments/{SITE}/A-1/arrive")["state"] == "here"
    shown = got(http, DOOR)
    assert (shown["state"], shown["load"], shown["vehicle"], shown["until_at"]) == ("loading", "L-1", "truck", "2026-11-21T09:00:00Z")
    assert sent(http, f"door-appointments/{SITE}/A-2/arrive", status=409)["code"] == "door_taken"
    assert sent(http, f"door-appointments/{SITE}/A-2/leave")["state"] == "cancelled"
    assert sent(http, f"door-appointments/{SITE}/A-1/leave")["state"] == "over"
    assert got(http, DOOR)["state"] == "closed"
    assert sent(http, f"door-appointments/{SITE}/A-1/arrive", status=409)["code"] == "appointment_over"
    sent(http, f"loads/{load}/cancel")
    for number in ("A-3", "A-4"):
        sent(http, f"{DOOR}/appointments", later | {"number": number, "overlap": True})
    assert sent(http, f"door-appointments/{SITE}/A-3/arrive")["state"] == "here"
    assert sent(http, f"door-appointments/{SITE}/A-4/arrive", status=409)["code"] == "door_taken"
    assert sent(http, f"door-appointments/{SITE}/A-3/leave")["state"] == "over"
    assert sent(http, f"door-appointments/{SITE}/A-4/arrive")["state"] == "here"


@ON_SQLITE
def test_list_that_is_too_long_is_not_cut_and_the_door_says_that_it_does_not_check(http: Http, house: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = boxes(http, house, 2)
    load = plan(http, "L-1", first, second)
    stand(http, load="L-1")
    monkeypatch.setattr(door_rules, "SSCCS_MAX", 1)

    assert (door_lists.work_once(house.engine, house.now), door_lists.work_once(house.engine, house.now)) == (1, 0)
    assert (newest_list(house).may_leave, house.asked(), got(http, DOOR)["list_state"]) == (None, ["door_list_long"], "too_long")
    sent(http, f"loads/{load}/packages/{first}/take-off")
    door_lists.work_once(house.engine, house.now)

    assert (newest_list(house).may_leave, house.asked()) == ([second], [])


def test_lists_of_many_doors_take_as_many_statements_as_of_one(http: Http, house: Warehouse) -> None:
    ssccs = boxes(http, house, 4)
    for n, sscc in enumerate(ssccs):
        plan(http, f"L-{n}", sscc)
        stand(http, f"door-{n}", load=f"L-{n}")

    def statements(doors: int) -> int:
        rows = house.rows(dock_door)[:doors]
        seen: list[str] = []
        listen = lambda _c, _cursor, statement, *_: seen.append(statement)  # noqa: E731  # SQLAlchemy's signature
        event.listen(house.engine, "before_cursor_execute", listen)
        house.do(lambda c: door_lists.wanted(c, rows))
        event.remove(house.engine, "before_cursor_execute", listen)
        return len(seen)

    assert statements(4) == statements(1)


@pytest.mark.postgres
def test_package_assigned_while_its_pallet_passes_is_loaded_whoever_is_first(postgres_url: str) -> None:
    from central.database import open_engine

    engine = open_engine(postgres_url)
    house = Warehouse(engine)
    house.fill()
    http = Http.of(house)
    assert http.put("shipping/sites", json={"site": SITE, "company_prefix": "0614141"}).status_code == 200
    ssccs = boxes(http, house, 6)
    load = plan(http, "L-1")
    stand(http, load="L-1")
    with ThreadPoolExecutor(2) as threads:
        for sscc in ssccs:
            assigned = threads.submit(sent, http, f"loads/{load}/packages", {"sscc": sscc})
            passing = threads.submit(go, house, sscc)
            assigned.result(), passing.result()

    shown = got(http, f"loads/{load}")
    assert (shown["loaded"], shown["missing"], house.asked(), got(http, DOOR)["wrong"]) == (sorted(ssccs), [], [], [])
    engine.dispose()
