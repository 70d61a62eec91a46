# SPDX-License-Identifier: Apache-2.0
"""Closed by default: keys, hosts, origins, headers; probes; errors without traces."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import Engine

from central.app import create_app
from central.database import open_engine, transaction
from central.identity.service import make_key, revoke_key
from central.settings import Settings

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


@pytest.fixture
async def api(engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    """Central as it runs on loopback."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(Settings(str(engine.url)), engine=engine)), base_url="http://localhost") as client:
        yield client


@pytest.fixture
async def guarded(engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    """Central as it runs on another address than loopback."""
    app = create_app(Settings(str(engine.url), keys_required=True), engine=engine)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://warehouse.example") as client:
        yield client


async def test_loopback_needs_no_key_and_says_nothing_to_the_outside(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/v1/status")

    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_other_address_needs_a_key_that_is_in_use(guarded: httpx.AsyncClient, engine: Engine) -> None:
    with transaction(engine) as connection:
        key, old = make_key(connection, "erp", NOW), make_key(connection, "old", NOW)
        revoke_key(connection, "old", NOW)
    basic = base64.b64encode(f"anybody:{key}".encode()).decode()

    async def status(**headers: str) -> int:
        return (await guarded.get("/api/v1/status", headers=headers)).status_code

    assert await status() == 401
    assert await status(authorization="Bearer wrong") == 401
    assert await status(authorization=f"Bearer {old}") == 401
    assert await status(authorization=f"Bearer {key}") == 200
    assert await status(authorization=f"Basic {basic}") == 200
    assert (await guarded.post("/api/v1/carriers/sf/push")).status_code == 404, "a carrier proves itself to the route, not to the gate"
    assert (await guarded.post("/api/v1/carriers/sf/push/x")).status_code == 401
    assert (await guarded.get("/livez")).status_code == 200


async def test_refusal_of_a_key_says_how_to_send_one(guarded: httpx.AsyncClient) -> None:
    answer = await guarded.get("/api/v1/status")

    assert answer.headers["www-authenticate"].startswith("Basic")
    assert answer.json()["code"] == "key_required"


async def test_page_of_another_host_cannot_call(api: httpx.AsyncClient) -> None:
    rebound = await api.get("/api/v1/status", headers={"host": "evil.example"})
    forged = await api.post("/api/v1/proposals/run", headers={"origin": "http://evil.example"})

    assert (rebound.status_code, rebound.json()["code"]) == (403, "unknown_host")
    assert (forged.status_code, forged.json()["code"]) == (403, "cross_origin")


async def test_wrong_request_is_answered_field_by_field(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/v1/ledger/balances?limit=0")

    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["errors"][0]["at"]) == (422, "query/limit")


async def test_ready_without_a_broker_when_none_was_asked_for(api: httpx.AsyncClient) -> None:
    answer = await api.get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "faults": []})


async def test_not_ready_before_the_database_is_migrated(tmp_path) -> None:  # type: ignore[no-untyped-def]
    engine = open_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    app = create_app(Settings(str(engine.url)), engine=engine)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        answer = await client.get("/readyz")
    engine.dispose()

    assert answer.status_code == 503
    assert "run 'dockline central migrate'" in answer.json()["faults"][0]


async def test_broken_route_shows_no_trace(engine: Engine) -> None:
    app = create_app(Settings(str(engine.url)), engine=engine)

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("secret detail")

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://localhost") as client:
        answer = await client.get("/broken")

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret" not in answer.text


async def test_metrics_are_named_and_counted(api: httpx.AsyncClient) -> None:
    text = (await api.get("/metrics")).text

    assert "dockline_broker_up 0.0" in text
    assert "dockline_gateways_online 0.0" in text
