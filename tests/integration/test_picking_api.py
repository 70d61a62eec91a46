# SPDX-License-Identifier: Apache-2.0
"""Picking over HTTP: pickers, walks, scans, walls and lamp tests, on the application as it is served."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from central.app import create_app
from central.outbound.tour_answers import StopAnswer, StopConfirmed
from central.settings import Settings
from contracts.events import LampsTested
from tests.integration.picking_floor import PickingFloor, floor_on
from tests.integration.warehouse import NOW, SITE


@pytest.fixture
def floor(engine: Engine) -> PickingFloor:
    return floor_on(engine)


class Http:
    """A client of the application, without a server between; each request has its own loop."""

    def __init__(self, engine: Engine) -> None:
        self._app = create_app(Settings(database=str(engine.url)), clock=lambda: NOW, engine=engine)

    def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url="http://127.0.0.1/api/v1/") as client:
                return await client.request(method, path, **content)

        return asyncio.run(ask())

    def get(self, path: str, **content: Any) -> httpx.Response:
        return self.request("GET", path, **content)


@pytest.fixture
def http(floor: PickingFloor) -> Http:
    return Http(floor.engine)


def sent(http: Http, path: str, body: dict[str, Any], *, key: str = "", status: int = 200, method: str = "POST") -> Any:
    answer = http.request(method, path, json=body, headers={"Idempotency-Key": key} if key else {})
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.mark.requirement("R50", "R51", "X7")
def test_walk_is_taken_picked_and_done_over_http(http: Http, floor: PickingFloor) -> None:
    floor.order("1", ("g11", 2), ("g34", 1))
    joined = sent(http, "pickers", {"picker": "li", "site": SITE})
    assert sent(http, "pickers", {"picker": "li", "site": SITE}) == joined
    assert http.get("pickers", params={"site": SITE}).json() == {"items": [joined], "next": None}

    taken = sent(http, "tours/next", {"picker": "li"})["tour"]
    assert sent(http, "tours/next", {"picker": "li"})["tour"]["id"] == taken["id"]
    assert [stop["bin"] for stop in taken["stops"]] == ["P-1-1", "P-3-4"]
    assert (taken["left"], taken["exact"], taken["colour"]) == (2, True, joined["colour"])
    path = f"tours/{taken['id']}"
    stop = http.get(f"{path}/stop").json()["stop"]
    assert (stop["bin"], stop["quantity"], stop["aisle"], stop["level"], stop["packs"]) == ("P-1-1", 2, "P1", 1, [{"code": "each", "count": 2, "each": 1}])
    refused = sent(http, f"{path}/scan", {"task": stop["task"], "text": "P-1-3"}, status=409)
    assert (refused["code"], "P-1-1 is asked for" in refused["detail"]) == ("wrong_bin", True)
    assert sent(http, f"{path}/scan", {"task": stop["task"], "text": "P-1-1"}) == {"task": stop["task"], "matches": "bin", "quantity": 0}
    answer = {"task": stop["task"], "quantity": 2, "actor": "li"}
    first = sent(http, f"{path}/confirm", answer)
    again = sent(http, f"{path}/confirm", answer)
    assert (first["verdict"], first["stop"]["bin"], again["verdict"], again["stop"]) == ("full", "P-3-4", "repeated", first["stop"])
    last = sent(http, f"{path}/confirm", {"task": first["stop"]["task"], "quantity": 1})

    assert last["stop"] is None
    assert http.get("tours", params={"state": "done"}).json()["items"][0]["id"] == taken["id"]
    assert sent(http, "tours/next", {"picker": "li"}) == {"tour": None}
    assert http.get("pickers/accuracy", params={"site": SITE}).json()["items"] == [{"picker": "li", "lines": 2, "mispicks": 1, "right_share": 0.5}]


@pytest.mark.requirement("R48", "R49")
def test_walks_are_planned_given_back_and_mapped_over_http(http: Http, floor: PickingFloor) -> None:
    orders = [floor.order(str(number), ("g11", 1), ("g2" + str(number), 1)) for number in (1, 2)]
    body = {"site": SITE, "mode": "cluster", "cart": {"totes": 2}}
    (tour_id,) = sent(http, "tours/plan", body, key="plan-1")["tours"]
    assert sent(http, "tours/plan", body)["tours"] == []
    sent(http, "pickers", {"picker": "li", "site": SITE, "zone": ""})
    sent(http, "tours/next", {"picker": "li"})

    assert sent(http, f"tours/{tour_id}/totes/A", {"tote": "T-55"}, method="PUT")["totes"][0]["tote"] == "T-55"
    assert http.get(f"tours/{tour_id}/map").json()["known"] is True
    left = sent(http, "pickers/li/leave", {})
    assert left == {"picker": "li", "ready": [tour_id]}
    assert http.get("pickers", params={"site": SITE}).json()["items"] == []
    listed = http.get(f"orders/{orders[0]}/pick-list").json()
    assert [line["bin"] for line in listed["lines"]] == ["P-1-1", "P-2-1"]


@pytest.mark.requirement("X9")
def test_stops_are_answered_as_the_documentation_says_though_they_are_not_checked_on_the_way_out(http: Http, floor: PickingFloor) -> None:
    floor.order("1", ("g11", 2), ("g34", 1))
    sent(http, "pickers", {"picker": "li", "site": SITE})
    path = f"tours/{sent(http, 'tours/next', {'picker': 'li'})['tour']['id']}"
    shown = http.get(f"{path}/stop").json()
    answered = sent(http, f"{path}/confirm", {"task": shown["stop"]["task"], "quantity": 2})

    assert StopAnswer.model_validate(shown).model_dump(mode="json", by_alias=True) == shown
    assert StopConfirmed.model_validate(answered).model_dump(mode="json", by_alias=True) == answered


def test_who_has_not_joined_gets_no_walk_and_unknown_things_are_named(http: Http) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    assert sent(http, "tours/next", {"picker": "ghost"}, status=409)["code"] == "not_joined"
    assert sent(http, "pickers/ghost/leave", {}, status=404)["code"] == "unknown_picker"
    for path in (f"tours/{nobody}", f"tours/{nobody}/stop", f"tours/{nobody}/map", f"orders/{nobody}/pick-list", f"walls/{SITE}/w9", "lamp-tests/x"):
        assert http.get(path).status_code == 404, path


@pytest.mark.requirement("X7")
def test_wall_is_scanned_filled_and_closed_over_http(http: Http, floor: PickingFloor) -> None:
    wall = f"walls/{SITE}/w1"
    assert [slot["state"] for slot in sent(http, wall, {"slots": ["S1", "S2"]}, method="PUT")["slots"]] == ["free", "free"]
    for number in (1, 2):
        floor.order(str(number), ("g11", number))
    (tour_id,) = sent(http, "tours/plan", {"site": SITE, "mode": "wall"})["tours"]
    sent(http, "pickers", {"picker": "li", "site": SITE})
    sent(http, "tours/next", {"picker": "li"})
    while (stop := http.get(f"tours/{tour_id}/stop").json()["stop"]) is not None:
        sent(http, f"tours/{tour_id}/confirm", {"task": stop["task"], "quantity": stop["quantity"]})

    puts = sent(http, f"{wall}/scan", {"text": "g11", "colour": "blue"})["puts"]
    assert [(put["slot"], put["quantity"]) for put in puts] == [("S1", 1), ("S2", 2)]
    for put in puts:
        seen = sent(http, f"{wall}/puts/{put['id']}/confirm", {"quantity": put["quantity"]})
    assert [slot["state"] for slot in seen["slots"]] == ["complete", "complete"]
    assert sent(http, f"{wall}/slots/S1/close", {"tote": "T-1"})["order"]
    assert sent(http, f"{wall}/slots/S1/close", {"tote": "T-1"})["order"] == ""


@pytest.mark.requirement("E8")
def test_lamp_test_is_asked_for_and_its_result_read_over_http(http: Http, floor: PickingFloor) -> None:
    asked = sent(http, f"zones/{SITE}/P1/lamp-test", {"actor": "li"}, key="k1", status=202)["lamp_test"]
    assert sent(http, f"zones/{SITE}/P1/lamp-test", {"actor": "li"}, key="k1", status=202)["lamp_test"] == asked
    assert http.get(f"lamp-tests/{asked}").json()["state"] == "asked"

    floor.happen(LampsTested(event_time=NOW, station="zone-p1", command_id=asked, device="l", tested=4, dead_bins=["P-1-2"], dead_nodes=[2]))

    found = http.get(f"lamp-tests/{asked}").json()
    assert (found["state"], found["dead"], found["asked_by"]) == ("done", ["P-1-2"], "li")
