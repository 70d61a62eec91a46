# SPDX-License-Identifier: Apache-2.0
"""Sends what the outbox holds: the background work of webhooks, and its only asyncio file. Several centrals may run it on one database.

The order in which an endpoint gets its messages is not promised; `timestamp` and `webhook-id` tell. A redirect is not followed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import random
import socket
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from http import HTTPStatus
from importlib.metadata import version

import httpx
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from central.changes import Changes
from central.database import in_transaction, reading
from central.errors import BusyError
from central.webhooks import rules
from central.webhooks.outbox import ANSWER_LENGTH_MAX, Ask, Delivery, Outcome, claim, next_due_at, note

log = logging.getLogger(__name__)

ATTEMPT_S_MAX = 20.0
"""From the name's resolution to the end of the answer; Standard Webhooks names 15 to 30 s."""
AT_ONCE_MAX = 16
_LOOK_AGAIN_S = 1.0
"""Another process may have written a message; within this one `Changes` wakes the sender at once."""


class AddressRefusedError(Exception):
    """The name of an endpoint leads to an address to which nothing is sent."""


class WebhookSender:
    """Sends until it is cancelled. `ask` raises a work order; `private_networks`: whether messages may go to addresses of private networks."""

    def __init__(
        self,
        engine: Engine,
        changes: Changes,
        clock: Callable[[], datetime],
        ask: Ask,
        *,
        private_networks: bool = True,
        luck: Callable[[], float] = random.random,
    ) -> None:
        self._engine = engine
        self._changes = changes
        self._clock = clock
        self._ask = ask
        self._private_networks = private_networks
        self._luck = luck
        self._under_way: dict[asyncio.Task[None], str] = {}

    async def run(self) -> None:
        """Send what is due, then wait for news, for an answer, or for what is due next."""
        limits = httpx.Limits(max_connections=AT_ONCE_MAX)
        async with httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=ATTEMPT_S_MAX, limits=limits) as client:
            try:
                while True:
                    seen = self._changes.count
                    if not await self._start_due(client):
                        await self._wait(seen)
            finally:
                await self._stop()

    async def send_due(self, client: httpx.AsyncClient) -> int:
        """Send what is due now, some at once, and wait for the answers; returns how many attempts that were."""
        started = await self._start_due(client)
        await asyncio.gather(*self._under_way)
        return started

    async def _start_due(self, client: httpx.AsyncClient) -> int:
        free = AT_ONCE_MAX - len(self._under_way)
        try:
            if free <= 0 or await asyncio.to_thread(self._nothing_due):
                return 0
            work = partial(claim, now=self._clock(), limit=free, busy=Counter(self._under_way.values()))
            deliveries = await asyncio.to_thread(in_transaction, self._engine, work)
        except (BusyError, SQLAlchemyError) as error:
            log.warning("webhooks: the outbox cannot be read, trying again", extra={"reason": str(error)})
            return 0
        for delivery in deliveries:
            task = asyncio.create_task(self._send(client, delivery), name=f"webhook {delivery.message}")
            self._under_way[task] = delivery.endpoint
            task.add_done_callback(self._under_way.pop)
        return len(deliveries)

    async def _wait(self, seen: int) -> None:
        news = asyncio.create_task(self._changes.wait(seen, _LOOK_AGAIN_S), name="webhook news")
        try:
            await asyncio.wait([news, *self._under_way], return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
            await asyncio.gather(news, return_exceptions=True)

    async def _stop(self) -> None:
        """End what is under way; another central, or this one when it is back, sends it after the lease."""
        tasks = list(self._under_way)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _nothing_due(self) -> bool:
        # Only a reader looks each time: a claim is a write, and on SQLite there is one writer at a time.
        with reading(self._engine) as connection:
            due_at = next_due_at(connection)
        return due_at is None or due_at > self._clock()

    async def _send(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        outcome = await self._attempt(client, delivery)
        end = partial(self._note, delivery=delivery, outcome=outcome)
        try:
            verdict = await asyncio.to_thread(in_transaction, self._engine, end)
        except (BusyError, SQLAlchemyError) as error:
            log.warning("webhooks: an attempt cannot be noted, it is sent again after the lease", extra={"reason": str(error)})
            return
        if verdict in ("dead", "gone"):
            log.warning("webhook message is a dead letter", extra={"endpoint": delivery.endpoint, "status": outcome.status, "reason": outcome.error})
            self._changes.tell()

    def _note(self, connection: Connection, delivery: Delivery, outcome: Outcome) -> rules.Verdict:
        return note(connection, delivery, outcome, self._clock(), self._luck(), self._ask)

    async def _attempt(self, client: httpx.AsyncClient, delivery: Delivery) -> Outcome:
        began_at, began = self._clock(), time.monotonic()

        def ended(status: int | None, error: str = "", answer: str = "", retry_after_s: int | None = None) -> Outcome:
            return Outcome(began_at, round((time.monotonic() - began) * 1000), status, error, answer, retry_after_s)

        try:
            async with asyncio.timeout(ATTEMPT_S_MAX):
                request = await self._request(client, delivery, began_at)
                response = await client.send(request, stream=True)
                try:
                    return ended(response.status_code, answer=await _beginning(response), retry_after_s=_retry_after(response))
                finally:
                    await response.aclose()
        except TimeoutError:
            return ended(None, f"no answer within {ATTEMPT_S_MAX:.0f} s")
        except socket.gaierror as error:
            return ended(None, f"the name is not known: {error.strerror}")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, AddressRefusedError, ValueError) as error:
            return ended(None, f"{type(error).__name__}: {error}")

    async def _request(self, client: httpx.AsyncClient, delivery: Delivery, at: datetime) -> httpx.Request:
        """The signed request, to an address that was checked: the name is resolved once, here, so that it cannot lead elsewhere a moment later."""
        url = httpx.URL(delivery.url)
        address = await self._address(url)
        timestamp_s = int(at.timestamp())
        headers = {
            "host": url.netloc.decode(),
            "content-type": "application/json; charset=utf-8",
            "user-agent": f"dockline/{version('dockline')}",
            "webhook-id": delivery.message,
            "webhook-timestamp": str(timestamp_s),
            "webhook-signature": rules.signature(delivery.secrets, delivery.message, timestamp_s, delivery.body),
            **({"gs1-signature": rules.gs1_signature(delivery.token, delivery.body)} if delivery.token else {}),
        }
        return client.build_request(
            "POST", url.copy_with(host=address), content=delivery.body.encode(), headers=headers, extensions={"sni_hostname": url.host, "timeout": _TIMEOUTS}
        )

    async def _address(self, url: httpx.URL) -> str:
        port = url.port or (443 if url.scheme == "https" else 80)
        found = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        addresses = [str(each[4][0]) for each in found]
        refused = ""
        for address in addresses:
            reason = rules.forbidden_address(address, private_allowed=self._private_networks)
            if reason is None:
                return str(ipaddress.ip_address(address))
            refused = reason
        raise AddressRefusedError(f"{url.host}: {refused}")


_TIMEOUTS = httpx.Timeout(ATTEMPT_S_MAX).as_dict()


async def _beginning(response: httpx.Response) -> str:
    """The beginning of the answer, for the list of attempts; the rest is not read."""
    data = b""
    async for part in response.aiter_raw():
        data += part
        if len(data) >= ANSWER_LENGTH_MAX:
            break
    return data[:ANSWER_LENGTH_MAX].decode(errors="replace").replace("\x00", "")


def _retry_after(response: httpx.Response) -> int | None:
    text = response.headers.get("retry-after", "")
    asked = response.status_code in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE) and text.isdecimal() and len(text) < 10
    return int(text) if asked else None
