# SPDX-License-Identifier: Apache-2.0
"""The routes of stock from outside: units, transfers, recalls, losses, kits, serials and the view of all of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from central.catalog.rules import Item, Location
from central.catalog.tables import kit_component
from tests.integration.test_areas_api import Http, got, sent
from tests.integration.warehouse import PALLET, SITE, Warehouse

pytestmark = [pytest.mark.requirement("R106", "X9"), pytest.mark.slow]


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    house = Warehouse(engine)
    house.keep(Location(site="s2", code="cool", kind="storage", condition="chilled"), Location(site="s2", code="store", kind="storage"))
    house.put("A-01", "milk", 10, "L1", date(2026, 12, 1))
    house.put("rack-1", "peas", 30)
    yield house
    house.assert_sound()


@pytest.fixture
def http(house: Warehouse, engine: Engine) -> Http:
    from central.app import create_app
    from central.settings import Settings

    return Http(create_app(Settings(database=engine.url.render_as_string(hide_password=False)), lambda: house.now, engine))


def put(http: Http, path: str, body: Any) -> Any:
    answer = http.put(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.requirement("X1")
def test_units_are_made_filled_nested_moved_and_shown(http: Http) -> None:
    put(http, "stock/sscc-ranges", {"prefix": "00614141"})
    pallet = sent(http, "stock/units", {"kind": "pallet", "place": f"{SITE}/rack-1"})["sscc"]
    case = sent(http, "stock/units", {"kind": "case", "place": f"{SITE}/rack-1", "parent": pallet})["sscc"]
    sent(http, f"stock/units/{case}/put", {"goods": [{"item": "peas", "quantity": 12}]})
    sent(http, f"stock/units/{pallet}/move", {"to_place": f"{SITE}/B-01"})
    split = sent(http, f"stock/units/{case}/split", {"goods": [{"item": "peas", "quantity": 2}]})["sscc"]

    tree = got(http, f"stock/units/{pallet}")
    assert (tree["place"], [unit["sscc"] for unit in tree["units"]]) == (f"{SITE}/B-01", [case, split])
    assert tree["totals"] == [{"item": "peas", "quantity": 12, "packed": [{"packaging": "", "count": 12, "of": 1}]}]
    page = got(http, "stock/units?limit=2")
    assert (len(page["items"]), len(got(http, f"stock/units?limit=2&after={page['next']}")["items"])) == (2, 1)
    sent(http, f"stock/units/{split}/merge", {"into": case})
    sent(http, f"stock/units/{case}/nest", {"parent": ""})
    assert sent(http, f"stock/units/{pallet}/close")["state"] == "closed"
    assert sent(http, f"stock/units/{pallet}/dissolve", status=409)["code"] == "unit_not_open"
    assert sent(http, f"stock/units/{pallet}/open")["state"] == "open"
    sent(http, f"stock/units/{case}/take-out", {"goods": [{"item": "peas", "quantity": 12}]})
    assert sent(http, f"stock/units/{case}/dissolve")["state"] == "dissolved"
    assert sent(http, "stock/units/nobody/move", {"to_place": f"{SITE}/B-01"}, 404)["code"] == "unknown_unit"


@pytest.mark.requirement("R25", "R22")
def test_transfer_is_asked_for_shipped_and_followed(http: Http) -> None:
    body = {"number": "T-1", "from_site": SITE, "to_site": "s2", "lines": [{"item": "peas", "quantity": 5}], "needs_approval": True}
    assert [sent(http, "stock/transfers", body)["new"] for _ in range(2)] == [True, False]
    assert sent(http, "stock/transfers", body | {"to_site": "s3"}, 409)["code"] == "identity_reused"
    assert sent(http, "stock/transfers/T-1/approve", {"actor": "chief"})["state"] == "approved"
    assert sent(http, "stock/transfers/T-1/reserve")["lines"][0]["reserved"] == 5

    shipped = sent(http, "stock/transfers/T-1/ship", {"sscc": PALLET})

    assert (shipped["state"], shipped["ship_notices"], shipped["in_transit"][0]["on_hand"]) == ("in_transit", ["T-1-1"], 5)
    assert got(http, "stock/states?site=s2&item=peas")["items"][0]["in_transit"] == 5
    lost = sent(http, "stock/transfers/T-1/lost", {"item": "peas", "unit": PALLET, "reason": "lost_in_transit"})
    assert (lost["state"], [row["number"] for row in got(http, "stock/transfers?site=s2")["items"]]) == ("received", ["T-1"])
    assert sent(http, "stock/transfers/T-9/cancel", status=404)["code"] == "unknown_transfer"


@pytest.mark.requirement("X6", "R18")
def test_recall_is_ordered_reported_and_released(http: Http) -> None:
    body = {"number": "R-1", "item": "milk", "lot": "L1", "note": "glass"}
    assert [sent(http, "stock/recalls", body)["new"] for _ in range(2)] == [True, False]

    report = got(http, "stock/recalls/R-1")

    assert (report["state"], report["found"][0]["quantity"], report["down"]["in_stock"][0]["status"]) == ("open", 10, "hold")
    assert got(http, "stock/lots/milk/L1/trace")["up"]["entered"][0]["quantity"] == 10
    assert sent(http, "stock/recalls/R-1/release", {"actor": "lab"})["state"] == "released"
    assert got(http, "stock/recalls?state=open")["items"] == []


@pytest.mark.requirement("R32", "R20", "R23")
def test_losses_statuses_and_limits_go_through_the_routes(http: Http) -> None:
    put(http, "stock/limits", [{"item": "milk", "near_expiry_days": 30, "loss_quantity_max": 2}])
    here = {"place": f"{SITE}/A-01", "item": "milk", "lot": "L1"}
    report = sent(http, "stock/losses", here | {"quantity": 3, "reason": "broken", "actor": "li"})
    assert report["state"] == "waiting"
    assert sent(http, f"stock/losses/{report['id']}/decision", {"approve": True, "actor": "li"}, 409)["code"] == "same_person"
    assert sent(http, f"stock/losses/{report['id']}/decision", {"approve": True, "actor": "wang"})["state"] == "approved"
    sent(http, "stock/status-changes", here | {"quantity": 1, "to_status": "damaged", "reason": "leaking"})
    assert sent(http, "stock/status-changes", here | {"quantity": 1, "to_status": "hold", "reason": "whim"}, 404)["code"] == "unknown_reason"

    assert [row["state"] for row in got(http, "stock/losses")["items"]] == ["approved"]
    assert [row["item"] for row in got(http, "stock/limits")["items"]] == ["milk"]
    assert [(row["lot"], row["quantity"]) for row in got(http, "stock/near-expiry")["items"]] == [("L1", 6)]
    assert sent(http, "stock/expiry-runs") == {"expired": 0}
    row = got(http, "stock/states?by=item&item=milk")["items"][0]
    assert (row["on_hand"], row["available"], row["damaged"]) == (7, 6, 1)
    assert http.get("stock/states?after=nonsense").json()["code"] == "bad_cursor"


@pytest.mark.requirement("R23")
def test_goods_near_their_last_day_come_page_by_page_the_first_to_expire_first(http: Http, house: Warehouse) -> None:
    days = {"L2": 3, "L10": 2, "l3": 2, "L4": 1}
    for lot, day in days.items():
        house.put("A-02", "milk", 5, lot, date(2026, 12, day))

    lots, after = list[str](), ""
    while len(lots) <= len(days):
        page = got(http, f"stock/near-expiry?days=30&limit=2{after}")
        lots += [row["lot"] for row in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"

    assert lots == ["L1", "L4", "L10", "l3", "L2"]
    assert got(http, "stock/near-expiry?days=30&site=s2")["items"] == []
    assert http.get("stock/near-expiry?after=nonsense").json()["code"] == "bad_cursor"


@pytest.mark.requirement("R24", "X1")
def test_many_moves_are_each_answered_for_themselves_and_made_once(http: Http, house: Warehouse) -> None:
    away = {"place": f"{SITE}/rack-1", "item": "peas", "to_place": f"{SITE}/B-01"}
    moves = [away | {"quantity": 10}, away | {"quantity": 99}, away | {"quantity": 5, "to_place": f"{SITE}/gone"}, away | {"quantity": 20}]

    first = http.post("stock/move-batches", json={"moves": moves}, headers={"Idempotency-Key": "truck-1"})
    again = http.post("stock/move-batches", json={"moves": moves}, headers={"Idempotency-Key": "truck-1"})

    assert first.json()["moved"] == 2
    assert [(each["n"], each["status"], each["code"]) for each in first.json()["refused"]] == [(1, 409, "insufficient_stock"), (2, 404, "unknown_location")]
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    other = http.post("stock/move-batches", json={"moves": moves[:1]}, headers={"Idempotency-Key": "truck-1"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert {name: held for name, held in house.stock().items() if "peas" in name} == {"B-01 peas": (30, 0)}


@pytest.mark.requirement("X3", "R19")
def test_kits_and_serials_go_through_the_routes(http: Http, house: Warehouse) -> None:
    house.keep(Item(code="set", name="Set"), Item(code="drill", name="Drill", tracking="serial"))
    house.do(
        lambda c: c.execute(insert(kit_component), [{"kit": "set", "component": "drill", "quantity": 1}, {"kit": "set", "component": "peas", "quantity": 2}])
    )
    lines = [{"place": f"{SITE}/rack-1", "item": "drill", "quantity": 2, "serials": ["S1", "S2"]}]
    sent(http, "stock/corrections", {"lines": lines})
    build = {"kit": "set", "place": f"{SITE}/rack-1", "quantity": 1, "lot": "K1", "component_serials": {"drill": ["S2"]}}
    assert got(http, f"stock/kits/set/available?site={SITE}")["kits"] == 2

    assert [(part["item"], part["quantity"]) for part in sent(http, "stock/kits/assemble", build)["parts"]] == [("drill", 1), ("peas", 2)]

    assert {row["serial"]: row["state"] for row in got(http, "stock/serials?item=drill")["items"]} == {"S1": "in_stock", "S2": "built_in"}
    assert sent(http, "stock/kits/break", build)["parts"][0]["item"] == "drill"
    assert [step["to_place"] for step in got(http, "stock/serials/drill/S2")["path"]] == [f"{SITE}/rack-1", "@production", f"{SITE}/rack-1"]
    assert [row["kind"] for row in got(http, "stock/kit-builds?kit=set")["items"]].count("broken") == 1
    move = {"place": f"{SITE}/rack-1", "item": "drill", "quantity": 1, "to_place": f"{SITE}/B-01"}
    assert sent(http, "stock/moves", move, 422)["code"] == "serials_wanted"
    assert sent(http, "stock/moves", move | {"serials": ["S1"]}) == {"moved": True}


@pytest.mark.requirement("R19")
def test_pieces_without_serials_wait_in_inspection_until_they_are_scanned(http: Http, house: Warehouse) -> None:
    house.keep(Item(code="drill", name="Drill", tracking="serial"))
    notice = {"number": "ASN-1", "site": SITE, "supplier": "dairy", "pallets": [{"sscc": PALLET, "lines": [{"item": "drill", "quantity": 2}]}]}
    sent(http, "ship-notices", notice)
    from contracts.events import ItemScanned
    from contracts.readings import Identifiers

    house.happen(ItemScanned(event_time=house.now, station="dock", text=PALLET, identifiers=Identifiers(sscc=PALLET)))
    assert (house.stock()["rack-1 drill inspect"], house.asked()) == ((2, 0), ["serials_missing"])

    body = {"place": f"{SITE}/rack-1", "item": "drill", "unit": PALLET, "status": "inspect", "serials": ["S1", "S2"]}
    assert sent(http, "stock/serials", body | {"serials": ["S1", "S2", "S3"]}, 409)["code"] == "no_such_pieces"
    assert sent(http, "stock/serials", body) == {"named": 2}

    assert (house.stock()["rack-1 drill"], house.asked()) == ((2, 0), [])


@pytest.mark.requirement("X1", "E4")
def test_pallet_with_announced_cases_becomes_a_tree_of_units(http: Http, house: Warehouse) -> None:
    cases = ["006141410000000005", "006141410000000012"]
    line = {"item": "peas", "quantity": 24, "case_ssccs": cases}
    sent(http, "ship-notices", {"number": "ASN-1", "site": SITE, "supplier": "dairy", "pallets": [{"sscc": PALLET, "lines": [line]}]})
    from contracts.events import ItemScanned
    from contracts.readings import Identifiers

    house.happen(ItemScanned(event_time=house.now, station="dock", text=PALLET, identifiers=Identifiers(sscc=PALLET)))

    tree = got(http, f"stock/units/{PALLET}")
    assert [(unit["sscc"], unit["goods"][0]["on_hand"]) for unit in tree["units"]] == [(cases[0], 12), (cases[1], 12)]
    assert (tree["kind"], tree["place"]) == ("pallet", f"{SITE}/rack-1")
