# SPDX-License-Identifier: Apache-2.0
"""Webhooks over real HTTP: signed, tried again, dead letters, one sender at a time; and their routes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, Engine, select, update
from standardwebhooks.webhooks import Webhook

from central.app import create_app
from central.changes import Changes
from central.database import in_transaction, reading, transaction
from central.errors import ConflictError
from central.exceptions.tables import work_order
from central.requests import utc_now
from central.settings import Settings
from central.webhooks import endpoints, outbox
from central.webhooks.endpoints import Wish
from central.webhooks.rules import RETRY_DELAYS_S
from central.webhooks.sender import WebhookSender
from central.webhooks.service import Happening, emit, write
from central.webhooks.tables import webhook_attempt, webhook_delivery, webhook_endpoint, webhook_message
from tests.integration.receiver import Receiver, receiver

pytestmark = [pytest.mark.slow, pytest.mark.requirement("X9")]


@dataclass
class Post:
    """An outbox with one endpoint `erp`, and senders with a clock of their own (near the real one: receivers compare)."""

    engine: Engine
    now: datetime = field(default_factory=utc_now)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def ask(self, _connection: Connection, endpoint: str, reason: str, _now: datetime) -> None:
        self.asked.append((endpoint, reason))

    def endpoint(self, url: str, *types: str) -> str:
        wish = Wish(url, frozenset(types or ("order.shipped",)))
        in_transaction(self.engine, lambda c: endpoints.keep(c, "erp", wish, self.now))
        with reading(self.engine) as connection:
            return str(connection.execute(select(webhook_endpoint.c.secret)).scalar_one())

    def emit(self, *subjects: str) -> None:
        with transaction(self.engine) as connection:
            for subject in subjects:
                emit(connection, "order.shipped", subject, {"number": subject}, self.now, "s1")

    async def send(self, **options: Any) -> int:
        sender = WebhookSender(self.engine, Changes(), lambda: self.now, self.ask, luck=lambda: 0.5, **options)
        async with httpx.AsyncClient(trust_env=False) as client:
            return await sender.send_due(client)

    def rows(self, table: Any) -> list[Any]:
        with reading(self.engine) as connection:
            return list(connection.execute(select(table).order_by(*table.primary_key.columns)))


@pytest.fixture
def post(engine: Engine) -> Post:
    return Post(engine)


@pytest.fixture
def erp() -> Iterator[Receiver]:
    with receiver() as told:
        yield told


@pytest.mark.requirement("R106")
async def test_message_arrives_signed_as_the_standard_says(post: Post, erp: Receiver) -> None:
    secret = post.endpoint(erp.url)
    post.emit("SO-1")

    assert await post.send() == 1
    (came,) = erp.came
    assert Webhook(secret).verify(came.body, came.headers)["data"] == {"subject": "SO-1", "site": "s1", "number": "SO-1"}
    assert came.headers["content-type"] == "application/json; charset=utf-8"
    ((delivery,), (attempt,), (message,)) = post.rows(webhook_delivery), post.rows(webhook_attempt), post.rows(webhook_message)
    assert (delivery.state, delivery.status, attempt.status, message.id) == ("delivered", 204, 204, came.headers["webhook-id"])
    assert await post.send() == 0


async def test_message_that_is_refused_is_tried_for_three_days_and_becomes_a_dead_letter(post: Post, erp: Receiver) -> None:
    erp.answers = [(500, {})]
    post.endpoint(erp.url)
    post.emit("SO-1")
    assert await post.send() == 1
    for delay_s in RETRY_DELAYS_S:
        post.now += timedelta(seconds=delay_s - 1)
        assert await post.send() == 0
        post.now += timedelta(seconds=1)
        assert await post.send() == 1
    post.now += timedelta(days=30)
    assert await post.send() == 0

    (delivery,) = post.rows(webhook_delivery)
    assert (delivery.state, delivery.attempts, delivery.error, post.asked) == ("dead", 10, "status 500", [("erp", "status 500")])
    assert len({came.headers["webhook-id"] for came in erp.came}) == 1
    assert len(erp.came) == 10

    erp.answers = [(200, {})]
    in_transaction(post.engine, lambda c: outbox.send_again(c, delivery.message, "erp", post.now))
    assert await post.send() == 1
    assert post.rows(webhook_delivery)[0].state == "delivered"
    assert post.rows(webhook_attempt)[-1].answer == "ok"


async def test_receiver_that_is_gone_gets_nothing_more(post: Post, erp: Receiver) -> None:
    erp.answers = [(410, {})]
    post.endpoint(erp.url)
    post.emit("SO-1")
    await post.send()
    post.emit("SO-2")
    post.now += timedelta(days=1)

    assert await post.send() == 0
    (endpoint,) = post.rows(webhook_endpoint)
    assert (endpoint.enabled, "410" in endpoint.disabled_reason, len(erp.came)) == (False, True, 1)
    assert [row.state for row in post.rows(webhook_delivery)] == ["dead"]
    with pytest.raises(ConflictError):
        in_transaction(post.engine, lambda c: outbox.send_all_again(c, "erp", post.now - timedelta(days=2), post.now))

    erp.answers = [(200, {})]
    post.endpoint(erp.url)
    assert in_transaction(post.engine, lambda c: outbox.send_all_again(c, "erp", post.now - timedelta(days=2), post.now)) == 1
    assert await post.send() == 1


async def test_redirect_is_a_failure_and_not_followed(post: Post, erp: Receiver) -> None:
    erp.answers = [(302, {"location": "/other"}), (204, {})]
    post.endpoint(erp.url)
    post.emit("SO-1")
    await post.send()

    assert [came.path for came in erp.came] == ["/hook"]
    assert post.rows(webhook_delivery)[0].error == "status 302"


async def test_receiver_that_asks_for_time_gets_it(post: Post, erp: Receiver) -> None:
    erp.answers = [(429, {"retry-after": "3600"}), (204, {})]
    post.endpoint(erp.url)
    post.emit("SO-1")
    await post.send()
    post.now += timedelta(seconds=3599)
    assert await post.send() == 0
    post.now += timedelta(seconds=1)
    assert await post.send() == 1


@pytest.mark.parametrize(
    ("url", "private_networks", "error"),
    [
        ("http://127.0.0.1:9/", True, "ConnectError"),
        ("http://does-not-exist.invalid/", True, "the name is not known"),
        ("http://127.0.0.1:9/", False, "private network"),
        ("http://localhost:9/", False, "private network"),
    ],
)
async def test_address_that_cannot_or_may_not_be_reached_is_told_in_words(post: Post, url: str, private_networks: bool, error: str) -> None:
    post.endpoint(url)
    post.emit("SO-1")
    await post.send(private_networks=private_networks)

    (attempt,) = post.rows(webhook_attempt)
    assert attempt.status is None
    assert error in attempt.error


async def test_name_that_leads_to_the_cloud_s_metadata_is_not_called(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(*_: Any, **__: Any) -> list[Any]:
        return [(2, 1, 6, "", ("169.254.169.254", 80))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    post.endpoint("http://innocent.example/")
    post.emit("SO-1")
    await post.send()

    assert "metadata" in post.rows(webhook_attempt)[0].error


async def test_two_centrals_send_each_message_once(post: Post, erp: Receiver) -> None:
    erp.slow_s = 0.05
    post.endpoint(erp.url)
    post.emit(*map(str, range(40)))
    while any(await asyncio.gather(post.send(), post.send(), post.send())):
        pass

    assert {row.error for row in post.rows(webhook_attempt)} == {""}
    assert sorted(json.loads(came.body)["data"]["subject"] for came in erp.came) == sorted(map(str, range(40)))
    assert {row.state for row in post.rows(webhook_delivery)} == {"delivered"}


async def test_slow_endpoint_does_not_hold_up_the_others(engine: Engine, erp: Receiver) -> None:
    with receiver() as slow:
        slow.slow_s = 50  # it answers nothing before the test has ended
        app = create_app(Settings(str(engine.url)), engine=engine)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost/api/v1/webhooks/") as http,
        ):
            await http.put("endpoints/slow", json={"url": slow.url, **ENDPOINT})
            await http.put("endpoints/erp", json={"url": erp.url, **ENDPOINT})
            with transaction(engine) as connection:
                for number in range(30):
                    write(connection, [(Happening("order.shipped", str(number)), ["slow"])], utc_now())
            await http.post("endpoints/erp/test")

            await asyncio.to_thread(erp.wait, 1)
            assert len(slow.came) <= outbox.AT_ONCE_TO_ONE_MAX


async def test_message_of_a_central_that_died_is_sent_by_another_after_the_lease(post: Post, erp: Receiver) -> None:
    post.endpoint(erp.url)
    post.emit("SO-1")
    in_transaction(post.engine, lambda c: outbox.claim(c, post.now, 10))

    assert await post.send() == 0
    post.now += outbox.LEASE
    assert await post.send() == 1


async def test_late_word_of_a_sender_whose_lease_was_over_changes_nothing(post: Post, erp: Receiver) -> None:
    post.endpoint(erp.url)
    post.emit("SO-1")
    (late,) = in_transaction(post.engine, lambda c: outbox.claim(c, post.now, 10))
    post.now += outbox.LEASE
    await post.send()
    outcome = outbox.Outcome(post.now, 1, 500)
    in_transaction(post.engine, lambda c: outbox.note(c, late, outcome, post.now, 0.5, post.ask))

    assert post.rows(webhook_delivery)[0].state == "delivered"
    assert len(post.rows(webhook_attempt)) == 2


async def test_old_and_new_secret_sign_for_a_day_after_a_change(post: Post, erp: Receiver) -> None:
    old = post.endpoint(erp.url)
    for _ in range(2):
        in_transaction(post.engine, lambda c: endpoints.change_secret(c, "erp", None, "key-1", post.now))
    new = post.rows(webhook_endpoint)[0].secret
    post.emit("SO-1")
    await post.send()
    Webhook(old).verify(erp.came[0].body, erp.came[0].headers)
    Webhook(new).verify(erp.came[0].body, erp.came[0].headers)

    post.now += timedelta(days=1)
    post.emit("SO-2")
    await post.send()
    assert " " not in erp.came[1].headers["webhook-signature"]
    assert old != new


async def test_old_messages_are_forgotten_unless_somebody_waits_for_them(post: Post, erp: Receiver) -> None:
    post.endpoint(erp.url)
    post.emit("SO-1")
    await post.send()
    post.emit("SO-2")
    in_transaction(
        post.engine, lambda c: c.execute(update(webhook_delivery).where(webhook_delivery.c.state == "pending").values(next_at=post.now + timedelta(days=90)))
    )

    assert in_transaction(post.engine, lambda c: outbox.forget(c, post.now + timedelta(days=31))) == 1
    assert [row.subject for row in post.rows(webhook_message)] == ["SO-2"]


ENDPOINT = {"types": ["order.shipped"], "site": "", "description": "shop", "enabled": True}


@pytest.mark.requirement("R106")
async def test_endpoint_is_kept_tried_changed_and_removed_over_the_api(engine: Engine, erp: Receiver) -> None:
    app = create_app(Settings(str(engine.url)), engine=engine)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost/api/v1/webhooks/") as http:
        made = await http.put("endpoints/erp", json={"url": erp.url, **ENDPOINT}, headers={"if-none-match": "*"})
        assert (made.status_code, made.json()["types"], "secret" in made.json()) == (200, ["order.shipped"], False)
        assert (await http.put("endpoints/erp", json={"url": erp.url, **ENDPOINT}, headers={"if-none-match": "*"})).status_code == 412

        got = await http.get("endpoints/erp")
        assert (await http.get("endpoints/erp", headers={"if-none-match": got.headers["etag"]})).status_code == 304
        changed = await http.put("endpoints/erp", json={"url": erp.url, **ENDPOINT, "description": "other"}, headers={"if-match": got.headers["etag"]})
        assert changed.json()["description"] == "other"
        stale = await http.put("endpoints/erp", json={"url": erp.url, **ENDPOINT}, headers={"if-match": got.headers["etag"]})
        assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")

        secret = (await http.get("endpoints/erp/secret")).json()["secret"]
        message = (await http.post("endpoints/erp/test")).json()["message"]
        (came,) = await asyncio.to_thread(erp.wait, 1)
        assert Webhook(secret).verify(came.body, came.headers)["type"] == "webhook.test"
        assert came.headers["webhook-id"] == message
        states = {"pending"}
        while states == {"pending"}:
            whole = (await http.get(f"messages/{message}")).json()
            states = {each["state"] for each in whole["deliveries"]}
        assert (states, len(whole["attempts"]), whole["payload"]["data"]["hello"]) == ({"delivered"}, 1, "dockline")
        assert [each["id"] for each in (await http.get("messages?type=webhook.test")).json()["items"]] == [message]

        assert (await http.post(f"messages/{message}/redeliver", json={"endpoint": "erp"})).status_code == 202
        await asyncio.to_thread(erp.wait, 2)
        assert (await http.get("dead-letters")).json() == {"items": [], "next": None}
        assert (await http.post("endpoints/erp/recover", json={"since": "2026-01-01T00:00:00Z"})).json() == {"messages": 0}

        assert (await http.delete("endpoints/erp")).status_code == 204
        assert (await http.get("endpoints/erp")).json()["code"] == "unknown_webhook_endpoint"
        assert (await http.post("endpoints/erp/test")).status_code == 404


@pytest.mark.parametrize("url", ["ftp://a.example/x", "http://169.254.169.254/latest", "http://user:pass@a.example/"])
async def test_endpoint_with_a_forbidden_address_is_refused(engine: Engine, url: str) -> None:
    app = create_app(Settings(str(engine.url)), engine=engine)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost/api/v1/webhooks/") as http:
        answer = await http.put("endpoints/erp", json={"url": url, **ENDPOINT})

    assert (answer.status_code, answer.json()["code"]) == (422, "bad_webhook_url")


async def test_dead_letter_becomes_a_work_order(engine: Engine, erp: Receiver) -> None:
    erp.answers = [(410, {})]
    app = create_app(Settings(str(engine.url)), engine=engine)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost/api/v1/webhooks/") as http:
        await http.put("endpoints/erp", json={"url": erp.url, **ENDPOINT})
        await http.post("endpoints/erp/test")
        letters: list[Any] = []
        while not letters:
            letters = (await http.get("dead-letters?endpoint=erp")).json()["items"]

        assert (letters[0]["status"], letters[0]["type"]) == (410, "webhook.test")
        with reading(engine) as connection:
            assert connection.execute(select(work_order.c.kind, work_order.c.subject)).all() == [("webhook_dead", "erp")]
