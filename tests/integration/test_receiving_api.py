# SPDX-License-Identifier: Apache-2.0
"""Receiving over the API: notices by list, contents of announced units, progress, receipts, putting away, damage, settings, read rates."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from central.catalog import rules as catalog
from central.inbound import service
from central.shipping import receipt_paper
from contracts.events import PalletPassed
from contracts.identifiers import sgtin_uri
from tests.integration.applications import app_over
from tests.integration.warehouse import MILK_GTIN, NOW, ON_SQLITE, PALLET, PALLET_URI, SITE, Warehouse

pytestmark = pytest.mark.requirement("R4", "R7", "E4", "X8")

CASE = "006141411234567906"
LIST = f"""number,site,supplier,door,expected_from,expected_until,pallet,case,inner,tagged,item,lot,expiry,quantity,serials
ASN-7,{SITE},dairy,door-1,2026-11-21T07:00:00Z,2026-11-21T09:00:00Z,{PALLET},,,,milk,L1,2026-12-24,24,1 2
ASN-7,,,,,,{PALLET},{CASE},{MILK_GTIN}.77,,milk,L2,2026-12-25,6,
ASN-8,{SITE},dairy,,,,,,,,peas,,,10,
"""


@pytest.fixture
def app(engine: Engine) -> FastAPI:
    return app_over(engine, lambda: NOW)


@pytest.fixture
def house(engine: Engine, app: FastAPI) -> Iterator[Warehouse]:
    house = Warehouse(engine)
    house.keep(catalog.Location(site=SITE, code="door-1", kind="dock"))
    yield house
    house.assert_sound()


@pytest.fixture
async def http(app: FastAPI, house: Warehouse) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        yield client


async def bring_in(http: httpx.AsyncClient, text: str = LIST, **params: Any) -> dict[str, Any]:
    answer = await http.post("/api/v1/imports/ship-notices", params=params, content=text.encode(), headers={"Content-Type": "text/csv"})
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def get(http: httpx.AsyncClient, path: str) -> Any:
    answer = await http.get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def pass_in(house: Warehouse) -> None:
    tags = [sgtin_uri(MILK_GTIN, serial, 7) for serial in ("1", "2", "77")]
    house.happen(PalletPassed(event_time=NOW, station="door-1", read_point="door-1", direction="in", confidence=0.99, parent_id=PALLET_URI, child_epcs=tags))


async def test_list_of_notices_is_tried_brought_in_and_taken_back(http: httpx.AsyncClient, house: Warehouse) -> None:
    tried = await bring_in(http, dry_run=True)
    assert (tried["new"], tried["written"], tried["errors"]) == (2, False, [])

    done = await bring_in(http)
    assert (done["new"], done["written"]) == (2, True)
    whole = await get(http, "/ship-notices/ASN-7")
    assert (whole["door"], whole["expected_from"], whole["progress"]) == ("door-1", "2026-11-21T07:00:00Z", "announced")
    assert [(each["code"], each["parent"], each["depth"]) for each in whole["units"]] == [(CASE, PALLET, 1), (f"{MILK_GTIN}.77", CASE, 2)]
    assert (await bring_in(http))["unchanged"] == 2

    undone = await http.post(f"/api/v1/imports/batches/{done['batch']}/undo", json={"actor": "li"})
    assert undone.status_code == 200, undone.text
    assert (await get(http, "/ship-notices"))["items"] == []
    assert (await bring_in(http))["new"] == 2


@ON_SQLITE
async def test_list_with_a_fault_brings_nothing_in_and_names_row_and_column(http: httpx.AsyncClient, house: Warehouse) -> None:
    text = LIST.replace("ASN-8,s1,dairy", "ASN-8,s1,ghost").replace(f"{CASE},{MILK_GTIN}.77,,milk", f"{CASE},{MILK_GTIN}.77,,fog")

    told = await bring_in(http, text)

    assert told["written"] is False
    assert [(each["row"], each["column"], each["code"]) for each in told["errors"]] == [(3, "item", "unknown_item"), (4, "supplier", "unknown_partner")]
    assert (await get(http, "/ship-notices"))["items"] == []


@ON_SQLITE
async def test_fault_that_only_the_whole_notice_shows_is_told_at_its_row(http: httpx.AsyncClient, house: Warehouse) -> None:
    text = LIST + f"ASN-7,,,,,,{PALLET},,,,peas,,,10,77 {'9' * 21}\nASN-7,,,,,,{PALLET},,,,milk,L9,,7,5 6\n"

    told = await bring_in(http, text)

    assert [(each["row"], each["column"], each["code"]) for each in told["errors"]] == [(5, "serials", "notice_wrong"), (6, "quantity", "notice_wrong")]


async def test_contents_are_told_at_every_level(http: httpx.AsyncClient, house: Warehouse) -> None:
    await bring_in(http)

    contents = {code: await get(http, f"/announced-units/{code}") for code in (PALLET, CASE, f"{MILK_GTIN}.77")}

    assert [sum(line["quantity"] for line in each["lines"]) for each in contents.values()] == [30, 6, 6]
    assert [each["depth"] for each in contents.values()] == [0, 1, 2]


async def test_notice_and_purchase_say_how_far_they_are(http: httpx.AsyncClient, house: Warehouse) -> None:
    house.do(lambda c: service.order_purchase(c, "dairy", "milk", SITE, 40, house.now))

    async def far() -> tuple[str, dict[str, int]]:
        (line,) = (await get(http, "/purchase-lines"))["items"]
        notices = {each["number"]: each for each in (await get(http, "/ship-notices"))["items"]}
        return notices["ASN-7"]["progress"] if notices else "", {step: amount for step, amount in line["progress"].items() if amount}

    assert await far() == ("", {"preparing": 40})
    await bring_in(http)
    assert await far() == ("announced", {"preparing": 10, "announced": 30})
    said = await http.post("/api/v1/ship-notices/ASN-7/progress", json={"progress": "in_transit"})
    assert said.status_code == 200, said.text
    assert await far() == ("in_transit", {"preparing": 10, "in_transit": 30})
    pass_in(house)
    assert await far() == ("received", {"preparing": 10, "received": 30})
    assert (await get(http, "/ship-notices/ASN-7"))["window"] == "on_time"
    refused = await http.post("/api/v1/ship-notices/ASN-7/progress", json={"progress": "preparing"})
    assert (refused.status_code, refused.json()["code"]) == (409, "notice_received")


async def test_pallet_is_put_away_and_a_case_taken_off_it_keeps_its_name(http: httpx.AsyncClient, house: Warehouse) -> None:
    await bring_in(http)
    pass_in(house)
    (task,) = (await get(http, "/putaway-tasks"))["items"]
    assert (task["sscc"], task["place"], task["to_place"]) == (PALLET, f"{SITE}/door-1", f"{SITE}/cool-1")

    for _ in range(2):
        done = await http.post(f"/api/v1/putaway-tasks/{PALLET}/confirm", json={"actor": "li"}, headers={"Idempotency-Key": "1"})
        assert (done.status_code, done.json()) == (200, {"sscc": PALLET, "place": f"{SITE}/cool-1"})
    again = await http.post(f"/api/v1/putaway-tasks/{PALLET}/confirm", json={"actor": "li"})
    assert (again.status_code, again.json()["code"]) == (409, "not_to_put_away")
    taken = await http.post(f"/api/v1/stock/units/{CASE}/nest", json={"parent": ""})

    assert taken.status_code == 200, taken.text
    assert (await get(http, "/putaway-tasks"))["items"] == []
    assert (await get(http, f"/stock/units/{CASE}"))["totals"][0]["quantity"] == 6
    assert (await get(http, f"/receipts/{PALLET}"))["stands_at"] == f"{SITE}/cool-1"


async def test_receipt_shows_what_came_and_what_was_damaged(http: httpx.AsyncClient, house: Warehouse) -> None:
    await bring_in(http)
    pass_in(house)

    told = await http.post(f"/api/v1/receipts/{PALLET}/damages", json={"item": "milk", "lot": "L1", "quantity": 5, "reason": "wet", "actor": "li"})
    much = await http.post(f"/api/v1/receipts/{PALLET}/damages", json={"item": "milk", "lot": "L1", "quantity": 50, "reason": "wet"})

    assert (told.status_code, told.json()) == (200, {"new": True})
    assert (much.status_code, much.json()["code"]) == (409, "not_so_much")
    receipt = await get(http, f"/receipts/{PALLET}")
    assert (receipt["notice"], receipt["station"], receipt["place"]) == ("ASN-7", "door-1", f"{SITE}/door-1")
    assert [(line["lot"], line["received"]) for line in receipt["lines"]] == [("L1", 24), ("L2", 6)]
    assert [(each["kind"], each["quantity"], each["evidence"]["reason"]) for each in receipt["discrepancies"]] == [("damaged", 5, "wet")]
    assert [each["outcome"] for each in receipt["passages"]] == ["received"]
    assert house.stock()["door-1 milk L1 damaged"] == (5, 0)
    assert [each["sscc"] for each in (await get(http, f"/receipts?site={SITE}"))["items"]] == [PALLET]
    (rates,) = (await get(http, "/tag-statistics?item=milk"))["items"]
    assert (rates["cases_there"], rates["cases_seen"]) == (3.0, 3.0)


@ON_SQLITE
@pytest.mark.requirement("R10")
async def test_receipt_is_printed_with_what_came_and_what_differed(http: httpx.AsyncClient, house: Warehouse) -> None:
    await bring_in(http)
    tag = sgtin_uri(MILK_GTIN, "1", 7)
    house.happen(PalletPassed(event_time=NOW, station="door-1", read_point="door-1", direction="in", confidence=0.99, parent_id=PALLET_URI, child_epcs=[tag]))

    for language in ("en", "zh"):
        printed = await http.get(f"/api/v1/receipts/{PALLET}/paper", params={"language": language})
        assert (printed.status_code, printed.content[:5]) == (200, b"%PDF-"), printed.text
    said = house.do(lambda c: receipt_paper.contents(c, PALLET, "en", NOW))

    lines, differences = said["parts"]
    assert lines["rows"] == [["1", "milk", "Milk", "L1", "2026-12-24", "24", "12"], ["2", "milk", "Milk", "L2", "2026-12-25", "6", "0"]]
    assert differences["rows"] == [["1", "missing", "milk", "L1", "12", "open"], ["2", "missing", "milk", "L2", "6", "open"]]
    assert (said["title"], said["number"], said["facts"][2]) == ("Receipt", f"ASN-7 / {PALLET}", ("Place", f"{SITE}/door-1"))
    assert (await http.get("/api/v1/receipts/006141410000999996/paper")).status_code == 404


@ON_SQLITE
async def test_site_says_how_it_receives(http: httpx.AsyncClient, house: Warehouse) -> None:
    assert await get(http, f"/receiving-settings/{SITE}") == {"site": SITE, "wrong_door": "receive", "late_notice": "ask"}

    kept = await http.put(f"/api/v1/receiving-settings/{SITE}", json={"wrong_door": "ask", "late_notice": "receive"})

    assert kept.status_code == 200, kept.text
    assert await get(http, f"/receiving-settings/{SITE}") == {"site": SITE, "wrong_door": "ask", "late_notice": "receive"}
