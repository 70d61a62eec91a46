# SPDX-License-Identifier: Apache-2.0
"""Standing EPCIS queries over real HTTP: each event is told once, signed, at once or by a schedule, until the subscription ends."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, Engine, select

from central.app import create_app
from central.changes import Changes
from central.database import in_transaction, open_engine, transaction
from central.settings import Settings
from central.trace import capturing, questions, subscriptions
from central.trace.tables import epcis_waiting
from central.webhooks.sender import WebhookSender
from central.webhooks.tables import webhook_endpoint, webhook_message
from tests.integration.receiver import Receiver, receiver

pytestmark = pytest.mark.requirement("X10")

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
BASE = "/api/v1/epcis"
CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
QUERY = {"name": "arrivals", "query": {"EQ_bizStep": ["receiving"]}}
SUBSCRIPTIONS = f"{BASE}/queries/arrivals/subscriptions"


def event(serial: int, step: str = "receiving") -> dict[str, Any]:
    return {
        "type": "ObjectEvent",
        "eventTime": "2026-11-21T08:00:00Z",
        "eventTimeZoneOffset": "+00:00",
        "epcList": [f"urn:epc:id:sgtin:0614141.107346.{serial}"],
        "action": "OBSERVE",
        "bizStep": step,
    }


def document(*events: dict[str, Any]) -> dict[str, Any]:
    made = {"@context": [CONTEXT], "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-11-21T08:00:00Z"}
    return {**made, "epcisBody": {"eventList": list(events)}}


class Partner:
    """A client of the interface and the machine to which results are sent; the clock is ours."""

    def __init__(self, http: httpx.AsyncClient, engine: Engine, told: Receiver) -> None:
        self.http, self.engine, self.told = http, engine, told
        self.now = NOW

    async def subscribe(self, **said: Any) -> httpx.Response:
        return await self.http.post(SUBSCRIPTIONS, json={"dest": self.told.url, "signatureToken": "9oUr2kRqGq7d", **said})

    async def capture(self, *events: dict[str, Any]) -> None:
        assert (await self.http.post(f"{BASE}/capture", json=document(*events))).status_code == 202

    async def deliver(self) -> list[list[str]]:
        """What came with what is due now: serials, message by message."""
        before = len(self.told.came)
        sender = WebhookSender(self.engine, Changes(), lambda: self.now, _nobody, luck=lambda: 0.5)
        async with httpx.AsyncClient(trust_env=False) as client:
            await sender.send_due(client)
        return sorted([each["epcList"][0].rpartition(".")[2] for each in _results(came.body)["resultsBody"]["eventList"]] for came in self.told.came[before:])


def _nobody(*_: Any) -> None:
    raise AssertionError("nobody is asked")


def _results(body: bytes | str) -> dict[str, Any]:
    results: dict[str, Any] = json.loads(body)["epcisBody"]["queryResults"]
    return results


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return create_app(Settings(f"sqlite:///{tmp_path_factory.mktemp('epcis')}/none.db", allowed_hosts=("test",)), lambda: NOW)


@pytest.fixture
def told() -> Iterator[Receiver]:
    with receiver() as each:
        yield each


@pytest.fixture
async def partner(app: FastAPI, engine: Engine, told: Receiver) -> AsyncIterator[Partner]:
    app.state.engine = engine
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        assert (await http.post(f"{BASE}/queries", json=QUERY)).status_code == 201
        yield Partner(http, engine, told)


async def test_stream_tells_every_event_once_and_signs_it_until_it_ends(partner: Partner) -> None:
    await partner.capture(event(1))
    made = await partner.subscribe(stream=True)
    again = await partner.subscribe(stream=True)
    await partner.capture(event(2), event(3, "shipping"), event(4))
    await partner.capture(event(2))

    assert (made.status_code, again.json(), "signatureToken" in made.json()) == (201, made.json(), False)
    assert await partner.deliver() == [["2", "4"]]
    (came,) = partner.told.came
    signed = hmac.new(b"9oUr2kRqGq7d", came.body, hashlib.sha256).hexdigest()
    assert came.headers["gs1-signature"] == f"sha256={signed}"
    results = _results(came.body)
    assert (results["queryName"], results["subscriptionID"]) == ("arrivals", made.json()["subscriptionID"])
    assert json.loads(came.body)["type"] == "EPCISQueryDocument"

    assert (await partner.http.delete(made.headers["location"])).status_code == 204
    assert (await partner.http.get(made.headers["location"])).json()["type"] == "epcisException:NoSuchNameException"
    await partner.capture(event(5))
    assert await partner.deliver() == []


async def test_results_that_are_refused_are_kept_and_sent_again(partner: Partner) -> None:
    partner.told.answers = [(503, {}), (204, {})]
    await partner.subscribe(stream=True)
    await partner.capture(event(1))
    first = await partner.deliver()
    partner.now += timedelta(seconds=10)

    assert (first, await partner.deliver(), await partner.deliver()) == ([["1"]], [["1"]], [])


async def test_schedule_sends_what_came_since_and_what_was_recorded_before_if_that_is_asked(partner: Partner) -> None:
    await partner.capture(event(1))
    await partner.subscribe(schedule={"minute": "0/10"}, initialRecordTime="2026-11-22T00:00:00Z", reportIfEmpty=True)
    await partner.subscribe(schedule={"hour": "9"})
    await partner.capture(*(event(n) for n in range(2, 103)))
    assert await partner.deliver() == []

    ran = []
    for minutes in (9, 10, 15, 20, 60):
        partner.now = NOW + timedelta(minutes=minutes)
        in_transaction(partner.engine, lambda connection: subscriptions.run_due(connection, partner.now))
        ran.append([len(each) for each in await partner.deliver()])
    assert [sorted(each) for each in ran] == [[], [2, 100], [], [0], [0, 1, 100]]


async def test_subscriptions_are_listed_in_pages_and_end_with_their_query(partner: Partner) -> None:
    made = [(await partner.subscribe(stream=True, dest=f"{partner.told.url}/{n}")).json() for n in range(3)]
    first = await partner.http.get(SUBSCRIPTIONS, params={"perPage": "2"})
    second = await partner.http.get(first.links["next"]["url"])

    listed = first.json() + second.json()
    assert sorted(each["subscriptionID"] for each in listed) == sorted(each["subscriptionID"] for each in made)
    assert (await partner.http.options(SUBSCRIPTIONS)).headers["allow"] == "OPTIONS, GET, POST"
    assert (await partner.http.delete(f"{BASE}/queries/arrivals")).status_code == 204
    with partner.engine.connect() as connection:
        assert connection.execute(select(webhook_endpoint.c.code)).all() == []


_NONE: list[tuple[dict[str, Any], str]] = [
    ({}, "SubscriptionControlsException"),
    ({"stream": True, "schedule": {"hour": "1"}}, "SubscriptionControlsException"),
    ({"schedule": {"hour": "25"}}, "SubscriptionControlsException"),
    ({"stream": True, "dest": "ftp://x"}, "ValidationException"),
    ({"stream": True, "dest": "http://169.254.169.254/"}, "ValidationException"),
    ({"stream": True, "colour": "red"}, "ValidationException"),
    ({"stream": True, "initialRecordTime": "yesterday"}, "ValidationException"),
]


async def test_subscription_that_is_none_is_refused_by_the_standards_name(partner: Partner) -> None:
    for said, kind in _NONE:
        answer = await partner.subscribe(**said)

        assert (answer.status_code, answer.json()["type"]) == (400, f"epcisException:{kind}"), said


async def test_same_subscription_with_another_token_and_one_of_a_limited_query_are_refused(partner: Partner) -> None:
    await partner.subscribe(stream=True)
    other = await partner.subscribe(stream=True, signatureToken="another")
    await partner.http.post(f"{BASE}/queries", json={"name": "few", "query": {"eventCountLimit": 5}})
    limited = await partner.http.post(f"{BASE}/queries/few/subscriptions", json={"dest": partner.told.url, "stream": True})
    nowhere = await partner.http.post(f"{BASE}/queries/none/subscriptions", json={"dest": partner.told.url, "stream": True})
    socket = await partner.http.get(f"{BASE}/queries/arrivals/events", params={"stream": "true"})

    assert [each.status_code for each in (other, limited, nowhere, socket)] == [409, 400, 404, 501]


@pytest.mark.slow
@pytest.mark.postgres
def test_event_that_is_stored_while_somebody_subscribes_is_told_once(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    in_transaction(engine, lambda connection: questions.keep_query(connection, QUERY, NOW))
    said = {"dest": "http://127.0.0.1:9/", "stream": True, "initialRecordTime": "2026-11-22T00:00:00Z"}

    def subscribe(connection: Connection) -> None:
        subscriptions.subscribe(connection, "arrivals", said, NOW)

    with transaction(engine) as connection:
        capturing.capture(connection, document(event(1)), "rollback", "", NOW)
        subscribing = threading.Thread(target=in_transaction, args=(engine, subscribe))
        subscribing.start()
        subscribing.join(0.3)
        assert subscribing.is_alive()
    subscribing.join()

    with engine.connect() as reader:
        (body,) = reader.execute(select(webhook_message.c.body)).scalars()
        assert [each["epcList"] for each in _results(body)["resultsBody"]["eventList"]] == [event(1)["epcList"]]
        assert reader.execute(select(epcis_waiting)).all() == []
    engine.dispose()
