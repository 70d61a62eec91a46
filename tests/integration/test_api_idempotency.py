# SPDX-License-Identifier: Apache-2.0
"""Idempotency-Key on writes: done once, answered alike, whatever breaks between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Body, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import Engine, select

from central import problems
from central.app import create_app
from central.database import reading, transaction
from central.errors import ConflictError
from central.forms import addresses_of
from central.idempotency import LEASE, Idempotency, forget, keeps_own_answer
from central.identity.service import make_key
from central.identity.tables import request_answer
from central.ledger.tables import entry
from central.settings import Settings
from tests.integration.warehouse import NOW, SITE, Warehouse

pytestmark = pytest.mark.requirement("X9")

BODY_BYTES_MAX = 100_000


@dataclass
class Desk:
    """An application whose routes count how often they ran."""

    engine: Engine
    now: datetime = NOW
    ran: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)

    def app(self) -> FastAPI:
        router = APIRouter(prefix="/api/v1")

        @router.post("/count")
        def count(body: dict[str, Any]) -> Response:
            self.ran += 1
            return JSONResponse({"ran": self.ran, **body}, 201, {"Location": f"/api/v1/count/{self.ran}", "ETag": '"é"'.encode().decode("latin-1")})

        @router.put("/count")
        def refuse() -> None:
            self.ran += 1
            raise ConflictError("moved_on", f"refused {self.ran} times")

        @router.delete("/count", status_code=204)
        def remove() -> None:
            self.ran += 1

        @router.post("/weak")
        def weak(body: dict[str, Any]) -> Response:
            self.ran += 1
            if self.ran == 1:
                return JSONResponse({"ran": self.ran}, 503)
            if self.ran == 2:
                raise RuntimeError("broken")
            return JSONResponse({"ran": self.ran})

        @router.post("/slow")
        async def slow() -> dict[str, int]:
            self.ran += 1
            self.begun.set()
            await self.hurry.wait()
            return {"ran": self.ran}

        @router.post("/own/{number}")
        @keeps_own_answer
        def own(number: int, request: Request) -> dict[str, Any]:
            self.ran += 1
            return {"ran": self.ran, "key": request.headers["idempotency-key"]}

        @router.post("/text")
        def text(data: str = Body(media_type="application/json")) -> dict[str, int]:
            return {"letters": len(data)}

        app = FastAPI()
        problems.install(app)
        app.include_router(router)
        addresses = list(addresses_of([router]))
        app.add_middleware(Idempotency, engine=self.engine, clock=lambda: self.now, addresses=addresses, body_bytes_max=BODY_BYTES_MAX)
        return app


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine)


@pytest.fixture
async def http(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(desk.app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1") as client:
        yield client


def key(text: str = "k1") -> dict[str, str]:
    return {"Idempotency-Key": text}


@pytest.mark.parametrize(("method", "content"), [("POST", {"json": {"n": 1}}), ("PUT", {}), ("DELETE", {})])
async def test_same_request_with_its_key_is_done_once_and_answered_alike(http: httpx.AsyncClient, desk: Desk, method: str, content: dict[str, Any]) -> None:
    first = await http.request(method, "/count", headers=key(), **content)
    again = await http.request(method, "/count", headers=key(), **content)

    assert desk.ran == 1
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers.multi_items() == [*first.headers.multi_items(), ("idempotent-replayed", "true")]


async def test_request_without_a_key_is_done_each_time(http: httpx.AsyncClient, desk: Desk) -> None:
    for _ in range(2):
        assert (await http.post("/count", json={})).status_code == 201

    assert desk.ran == 2


@pytest.mark.parametrize(
    ("method", "path", "body"), [("POST", "/count", {"n": 2}), ("POST", "/count?x=1", {"n": 1}), ("POST", "/weak", {"n": 1}), ("PUT", "/count", {"n": 1})]
)
async def test_key_of_another_request_is_refused(http: httpx.AsyncClient, desk: Desk, method: str, path: str, body: dict[str, Any]) -> None:
    await http.post("/count", json={"n": 1}, headers=key())
    other = await http.request(method, path, json=body, headers=key())

    assert (other.status_code, other.json()["code"], desk.ran) == (409, "idempotency_key_reused", 1)


async def test_failure_of_the_service_is_not_kept(http: httpx.AsyncClient, desk: Desk) -> None:
    statuses = [(await http.post("/weak", json={}, headers=key())).status_code for _ in range(4)]

    assert statuses == [503, 500, 200, 200]
    assert desk.ran == 3


async def test_second_request_while_the_first_runs_is_asked_to_wait(http: httpx.AsyncClient, desk: Desk) -> None:
    first = asyncio.create_task(http.post("/slow", headers=key()))
    await desk.begun.wait()
    meanwhile = await http.post("/slow", headers=key())
    desk.now += 2 * LEASE
    much_later = await http.post("/slow", headers=key())
    desk.hurry.set()

    assert (meanwhile.status_code, meanwhile.json()["code"], meanwhile.headers["retry-after"]) == (409, "idempotency_key_in_use", "1")
    assert much_later.status_code == 409
    assert (await first).json() == (await http.post("/slow", headers=key())).json() == {"ran": 1}


async def test_second_request_at_another_central_waits_until_the_lease_of_a_dead_one_is_over(http: httpx.AsyncClient, desk: Desk, engine: Engine) -> None:
    first = asyncio.create_task(http.post("/slow", headers=key()))
    await desk.begun.wait()
    other = Desk(engine)
    other.hurry.set()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(other.app()), base_url="http://localhost/api/v1") as elsewhere:
        assert (await elsewhere.post("/slow", headers=key())).status_code == 409
        other.now += LEASE
        assert (await elsewhere.post("/slow", headers=key())).status_code == 200
        desk.hurry.set()
        await first

        assert (await elsewhere.post("/slow", headers=key())).headers["idempotent-replayed"] == "true"
    assert (desk.ran, other.ran) == (1, 1)


async def test_route_that_keeps_its_own_answers_is_left_alone(http: httpx.AsyncClient, desk: Desk, engine: Engine) -> None:
    answers = [(await http.post("/own/7", headers=key())).json() for _ in range(2)]

    assert answers == [{"ran": 1, "key": "k1"}, {"ran": 2, "key": "k1"}]
    with reading(engine) as connection:
        assert connection.execute(select(request_answer.c.key)).all() == []


@pytest.mark.parametrize("text", ["", "with blank", "é", "x" * 201])
async def test_key_of_another_form_is_refused(http: httpx.AsyncClient, desk: Desk, text: str) -> None:
    answer = await http.post("/count", json={}, headers={b"Idempotency-Key": text.encode()})

    assert (answer.status_code, answer.json()["code"], desk.ran) == (422, "bad_idempotency_key", 0)


@pytest.mark.parametrize(
    "request_of",
    [
        {"url": "/text?x=%00", "content": '"a"'},
        {"url": "/text", "content": r'"a\u0000"'},
        {"url": "/text", "content": r'"\\\u0000"'},
        {"url": "/te%00xt", "content": '"a"'},
    ],
)
async def test_nul_is_refused_before_any_database_sees_it(http: httpx.AsyncClient, request_of: dict[str, Any]) -> None:
    answer = await http.post(**request_of, headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (422, "nul_character")


async def test_text_that_only_looks_like_nul_is_taken(http: httpx.AsyncClient) -> None:
    answer = await http.post("/text", content=r'"\\u0000"', headers={"content-type": "application/json"})

    assert answer.json() == {"letters": 6}


async def test_body_beyond_the_limit_is_refused_unread(http: httpx.AsyncClient) -> None:
    answer = await http.post("/text", content=b'"' + b"a" * BODY_BYTES_MAX + b'"', headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_old_keys_are_forgotten_and_young_ones_kept(http: httpx.AsyncClient, desk: Desk, engine: Engine) -> None:
    await http.post("/count", json={}, headers=key("old"))
    desk.now += timedelta(days=31)
    await http.post("/count", json={}, headers=key("young"))
    with transaction(engine) as connection:
        assert forget(connection, desk.now - timedelta(days=30)) == 1

    with reading(engine) as connection:
        assert connection.execute(select(request_answer.c.key)).scalars().all() == ["young"]


CORRECTION = {"reason": "opening", "lines": [{"place": f"{SITE}/B-01", "item": "peas", "quantity": 5}]}


@pytest.mark.requirement("R106")
async def test_key_belongs_to_its_caller_and_survives_a_crash_before_the_answer_was_kept(engine: Engine) -> None:
    Warehouse(engine)
    with transaction(engine) as connection:
        keys = [make_key(connection, name, NOW) for name in ("erp", "shop")]
    app = create_app(Settings(str(engine.url), keys_required=True), engine=engine)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://w/api/v1") as client:

        async def correct(number: int) -> httpx.Response:
            return await client.post("/stock/corrections", json=CORRECTION, headers={**key(), "Authorization": f"Bearer {keys[number]}"})

        first, other, again = await correct(0), await correct(1), await correct(0)
        # As after a crash between the commit and the kept answer.
        with transaction(engine) as connection:
            connection.execute(request_answer.delete())
        after_crash = await correct(0)

    assert [each.status_code for each in (first, other, again, after_crash)] == [200] * 4
    assert again.content == first.content
    with reading(engine) as connection:
        assert sorted(connection.execute(select(entry.c.quantity)).scalars()) == [-5, -5, 5, 5]
