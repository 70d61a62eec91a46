# SPDX-License-Identifier: Apache-2.0
"""Orders, promises, waves and one-touch resolutions over HTTP, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from tests.integration.test_areas_api import Http, got, sent
from tests.integration.test_areas_api import http as http  # noqa: PLC0414  # a fixture
from tests.integration.warehouse import MILK_GTIN, SITE, Warehouse

pytestmark = pytest.mark.requirement("R41", "R106")


@pytest.fixture
def house(engine: Engine) -> Warehouse:
    """Ten milk and five peas."""
    house = Warehouse(engine)
    house.put("A-01", "milk", 10)
    house.put("B-01", "peas", 5)
    return house


def order(number: str, *lines: tuple[str, int], **more: Any) -> dict[str, Any]:
    return {"number": number, "site": SITE, "partner": "shop", "lines": [{"item": item, "quantity": quantity} for item, quantity in lines], **more}


@pytest.mark.requirement("R42", "R43")
def test_shops_see_what_an_order_leaves(http: Http) -> None:
    assert [(each["item"], each["now"]) for each in got(http, "stock/promisable?item=milk&item=peas&site=s1")["items"]] == [("milk", 10), ("peas", 5)]

    sent(http, "orders", order("1", ("milk", 4)))

    (milk,) = got(http, "stock/promisable?item=milk&site=s1")["items"]
    assert (milk["now"], milk["gtin"]) == (6, MILK_GTIN)
    shown = got(http, "atp?item=milk&site=s1&until=2026-12-31")
    assert shown["buckets"] == [{"day": "2026-11-21", "supply": 10, "promised": 4, "available": 6}]
    assert http.get("atp?item=ghosts&site=s1").status_code == 404
    assert http.get("atp?item=milk&site=no such site").status_code == 422


@pytest.mark.requirement("R45")
def test_site_that_nobody_knows_is_refused_when_an_order_names_it(http: Http) -> None:
    refused = http.post("orders", json=order("1", ("milk", 4)) | {"site": "s11"})
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_site")
    order_id = sent(http, "orders", order("1", ("milk", 4)))["id"]

    changed = http.request("PATCH", f"orders/{order_id}", json={"site": "s11"}, headers={"Idempotency-Key": "k"})

    assert (changed.status_code, changed.json()["code"]) == (404, "unknown_site")
    assert got(http, f"orders/{order_id}")["site"] == SITE
    for _ in range(2):
        whole = http.request("PATCH", f"orders/{order_id}", json={"site": None}, headers={"Idempotency-Key": "again"}).json()
        assert [(line["item"], line["promised"]) for line in whole["lines"]] == [("milk", 4)]


@pytest.mark.requirement("X9")
def test_order_is_changed_only_as_it_was_read(http: Http) -> None:
    order_id = sent(http, "orders", order("1", ("milk", 4)))["id"]
    read = http.get(f"orders/{order_id}")
    tag = read.headers["etag"]
    assert http.get(f"orders/{order_id}", headers={"If-None-Match": tag}).status_code == 304

    changed = http.request("PATCH", f"orders/{order_id}", json={"priority": 1, "address": {"city": "Hangzhou"}}, headers={"If-Match": tag})

    assert (changed.status_code, changed.json()["priority"], changed.json()["address"]) == (200, 1, {"city": "Hangzhou"})
    late = http.request("PATCH", f"orders/{order_id}", json={"priority": 9}, headers={"If-Match": tag})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert http.request("PATCH", f"orders/{order_id}", json={"priority": None}).status_code == 422
    more = http.request("PATCH", f"orders/{order_id}", json={"lines": [{"item": "peas", "quantity": 9}]}).json()
    assert [(line["item"], line["promised"], line["ordered"]) for line in more["lines"]] == [("peas", 5, 9)]


def test_order_is_held_and_let_go(http: Http) -> None:
    order_id = sent(http, "orders", order("1", ("milk", 4)))["id"]

    assert sent(http, f"orders/{order_id}/hold", {"reason": "address in doubt"})["held"] == "address in doubt"

    assert sent(http, f"orders/{order_id}/release", status=409)["code"] == "order_held"
    assert sent(http, f"orders/{order_id}/unhold", {})["held"] == ""
    assert sent(http, f"orders/{order_id}/release")["state"] == "released"


def test_many_orders_are_each_answered_for_themselves(http: Http) -> None:
    body = {"orders": [order("1", ("milk", 6)), order("2", ("ghosts", 1)), order("3", ("milk", 6)), order("1", ("milk", 7))]}

    for _ in range(2):
        answer = sent(http, "order-batches", body)
        assert [[line["promised"] for line in each["lines"]] for each in answer["taken"]] == [[6], [4]]
        assert [(each["number"], each["status"], each["code"]) for each in answer["refused"]] == [("2", 404, "unknown_item"), ("1", 409, "identity_reused")]

    listed = got(http, "orders?limit=1")
    assert len(listed["items"]) == 1
    rest = got(http, f"orders?limit=1&after={listed['next']}")
    assert {listed["items"][0]["number"], rest["items"][0]["number"]} == {"1", "3"}
    assert rest["next"] is None


@pytest.mark.requirement("R45")
def test_choice_of_sites_is_explained(http: Http) -> None:
    order_id = sent(http, "orders", {name: value for name, value in order("1", ("milk", 4)).items() if name != "site"})["id"]

    why = got(http, f"orders/{order_id}/sourcing")

    assert (why["chosen"], why["exact"], why["candidates"][0]["can_send"]) == (["s1"], True, 4)


@pytest.mark.requirement("R48")
def test_wave_is_previewed_planned_released_and_cancelled(http: Http) -> None:
    ids = [sent(http, "orders", order(str(n), ("milk", 1), ("peas", 1), priority=n + 1))["id"] for n in range(3)]
    criteria = {"site": SITE, "mode": "cluster", "orders_max": 2}

    preview = sent(http, "waves?dry_run=true", criteria)["preview"]
    assert ([each["number"] for each in preview["order_list"]], preview["zones"]) == (["0", "1"], {"A": 2, "B": 2})
    assert got(http, "waves")["items"] == []
    planned = [sent(http, "waves", criteria, idempotency_key="wave-1")["wave"] for _ in range(2)]
    assert (planned[0]["id"], planned[0]["orders"]) == (planned[1]["id"], 2)
    path = f"waves/{planned[0]['id']}"
    assert http.put(f"{path}/orders/{ids[2]}").json()["orders"] == 3
    assert http.request("DELETE", f"{path}/orders/{ids[0]}").json()["orders"] == 2

    released = sent(http, f"{path}/release")

    assert (released["state"], released["refused"], released["progress"]["orders"]) == ("released", [], {"released": 2})
    assert released["progress"]["tasks_open"] == 4
    assert sent(http, f"{path}/cancel")["state"] == "cancelled"
    assert sent(http, "wave-plans", criteria)["waves"][0]["orders"] == 2
    assert http.get("waves/99").status_code == 404


@pytest.mark.requirement("R56")
def test_short_order_is_settled_at_one_touch(http: Http) -> None:
    order_id = sent(http, "orders", order("1", ("peas", 9), ship_when="asked"))["id"]
    sent(http, f"orders/{order_id}/release")
    (asked,) = [each for each in got(http, "work-orders")["items"] if each["kind"] == "order_short"]
    assert [each["code"] for each in asked["actions"]] == ["try_again", "backorder_rest", "drop_rest"]

    for _ in range(2):
        done = sent(http, f"work-orders/{asked['id']}/actions/backorder_rest", {"actor": "li"})
        assert (done["state"], done["resolution"], done["resolved_by"]) == ("resolved", "follows with 1/b1", "li")

    assert sent(http, f"work-orders/{asked['id']}/actions/drop_rest", {"actor": "li"}, 409)["code"] == "work_order_resolved"
    shown = got(http, f"orders/{order_id}")
    assert [(each["number"], each["role"], each["state"]) for each in shown["orders"]] == [("1/b1", "backorder", "open")]
    assert (shown["progress"]["state"], shown["progress"]["wanted"]) == ("in_work", 9)
