# SPDX-License-Identifier: Apache-2.0
"""Every write once: the header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header) on all writes of the API.

The same key with the same request (caller, method, path, query, body) gets the stored answer byte for byte, with `Idempotent-Replayed: true`; with another
request 409 `idempotency_key_reused`; while the first is still running 409 `idempotency_key_in_use` with `Retry-After`. Answers of 5xx are not kept: the
request may be sent again. Keys are forgotten after `Settings.idempotency_keep_days`.

Two layers make it safe against a crash. Use cases derive the id of their fact from the key (`central.facts.RequestKey`), so that what was committed is not
done again. This layer keeps the answer, in two small transactions of its own around the request, which requests at the same time share. A route that is
called so often that these cost too much, and whose document names itself (an order by channel and number), keeps its answer in its own transaction and says so:

    @router.post("/orders")
    @keeps_own_answer
    def post_orders(...): ...
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic_core import ErrorDetails
from sqlalchemy import Connection, Engine, bindparam, delete, select, update
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from central.database import insert_or_leave
from central.errors import ConflictError, DomainError, MethodError
from central.forms import Address, Forms, methods_at
from central.identity.tables import request_answer
from central.problems import form_problem, problem
from central.train import Train, one_by_one

F = TypeVar("F", bound=Callable[..., Any])

KEY_LENGTH_MAX = 200
LEASE = timedelta(seconds=60)
"""A request that has not answered after this time is taken for dead when its key comes again (never while this very process still works on it)."""
REPLAYED = (b"idempotent-replayed", b"true")
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_PREFIX = "/api/"
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_FORGET_AT_ONCE_MAX = 1000
_ZIP = b"PK\x03\x04"
"""How an Excel workbook begins, which many clients send without a Content-Type."""


class KeyInUseError(ConflictError):
    """The first request with a key is still running."""

    def __init__(self) -> None:
        super().__init__("idempotency_key_in_use", "the first request with this Idempotency-Key is still running; send the same again a little later")


class BodyTooLargeError(DomainError):
    """More than the service is set to read."""

    status = 413


class NulError(DomainError):
    """A character that no text of the trade has, and that not every database can keep."""

    def __init__(self, where: str) -> None:
        super().__init__("nul_character", f"the {where} contains the character NUL (U+0000); leave it out")


def keeps_own_answer(endpoint: F) -> F:
    """Say that a route makes its repeats safe by itself; the layer of this file then leaves its requests alone."""
    endpoint.keeps_own_answer = True  # type: ignore[attr-defined]
    return endpoint


def own_answers(addresses: Iterable[Address]) -> tuple[Address, ...]:
    """Routes that are marked with `keeps_own_answer`."""
    return tuple(each for each in addresses if getattr(each.route.endpoint, "keeps_own_answer", False))


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, as it went over the wire."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Ask:
    """A request with a key. `runner` is this attempt at it."""

    caller: str
    key: str
    fingerprint: bytes
    runner: str


def begin_together(connection: Connection, asked: Sequence[Ask], now: datetime) -> list[Answer | DomainError | None]:
    """Take the keys of requests for these attempts (None), or say what was answered before; requests that come at once share a transaction.

    In the place of one that cannot begin: ConflictError: another request carried the key. KeyInUseError: another attempt is running.
    """
    # In the order of their keys, so that two transactions with the same keys wait for each other in the same order.
    rows = [
        {"caller": ask.caller, "key": ask.key, "fingerprint": ask.fingerprint, "runner": ask.runner, "leased_until": now + LEASE, "made_at": now}
        for ask in sorted(asked, key=lambda ask: (ask.caller, ask.key))
    ]
    made = insert_or_leave(connection, request_answer).on_conflict_do_nothing().returning(request_answer.c.runner)
    taken = set(connection.execute(made, rows).scalars())
    known = [ask for ask in asked if ask.runner not in taken]
    answers = dict(zip(known, one_by_one(partial(_begin_again, now=now))(connection, known), strict=True))
    return [answers.get(ask) for ask in asked]


def _begin_again(connection: Connection, ask: Ask, now: datetime) -> Answer | None:
    """What to do with a key that came before."""
    mine = (request_answer.c.caller == ask.caller) & (request_answer.c.key == ask.key)
    row = connection.execute(select(request_answer).where(mine).with_for_update()).one_or_none()
    if row is None:
        raise KeyInUseError
    if row.fingerprint != ask.fingerprint:
        raise ConflictError("idempotency_key_reused", "this Idempotency-Key came with another request before; make a new key for a new request")
    if row.status is not None:
        return Answer(row.status, [(name.encode("latin-1"), value.encode("latin-1")) for name, value in row.headers], row.body)
    if row.leased_until > now:
        raise KeyInUseError
    connection.execute(update(request_answer).where(mine).values(runner=ask.runner, leased_until=now + LEASE))
    return None


@dataclass(frozen=True, slots=True)
class End:
    """What an attempt answered; None: it came to nothing, and the key may be used again."""

    ask: Ask
    answer: Answer | None


_IS_MINE = (request_answer.c.caller == bindparam("by")) & (request_answer.c.key == bindparam("its_key")) & (request_answer.c.runner == bindparam("attempt"))
_KEEP = update(request_answer).where(_IS_MINE).values(status=bindparam("said"), headers=bindparam("heads"), body=bindparam("text"))
_GIVE_BACK = delete(request_answer).where(_IS_MINE)


def end_together(connection: Connection, ends: Sequence[End]) -> list[None]:
    """Keep what attempts answered, or give their keys back, wherever the key is still the attempt's own."""
    kept, given_back = [], []
    for end in sorted(ends, key=lambda end: (end.ask.caller, end.ask.key)):
        mine = {"by": end.ask.caller, "its_key": end.ask.key, "attempt": end.ask.runner}
        if end.answer is None:
            given_back.append(mine)
        else:
            headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in end.answer.headers]
            kept.append({**mine, "said": end.answer.status, "heads": headers, "text": end.answer.body})
    if kept:
        connection.execute(_KEEP, kept)
    if given_back:
        connection.execute(_GIVE_BACK, given_back)
    return [None] * len(ends)


def forget(connection: Connection, before: datetime) -> int:
    """Forget keys that are older; returns how many, at most a thousand at once."""
    old = select(request_answer.c.caller, request_answer.c.key).where(request_answer.c.made_at < before).limit(_FORGET_AT_ONCE_MAX)
    rows = connection.execute(old).all()
    for row in rows:
        connection.execute(delete(request_answer).where(request_answer.c.caller == row.caller, request_answer.c.key == row.key))
    return len(rows)


class Idempotency:
    """Wraps the application, inside the gate (which knows the caller). It refuses what no route can take: bodies too large, NUL, other types."""

    def __init__(
        self,
        app: ASGIApp,
        engine: Engine,
        clock: Callable[[], datetime],
        addresses: Sequence[Address] = (),
        body_bytes_max: int = 64 * 1024 * 1024,
    ) -> None:
        self._app = app
        self._own_answers = own_answers(addresses)
        self._forms = Forms(addresses)
        self._literal = {each.path: methods_at(addresses, each.path) for each in addresses if "{" not in each.path}
        self._body_bytes_max = body_bytes_max
        self._running: set[tuple[str, str]] = set()
        self._beginnings: Train[Ask, Answer | None] = Train(engine, lambda connection, asked: begin_together(connection, asked, clock()))
        self._ends: Train[End, None] = Train(engine, end_together)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, once."""
        if scope["type"] != "http" or not scope["path"].startswith(_PREFIX):
            await self._app(scope, receive, send)
            return
        try:
            if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
                raise NulError("address")
            if scope["method"] not in self._literal.get(scope["path"], {scope["method"]}):
                raise MethodError(scope["method"], self._literal[scope["path"]])
            if scope["method"] not in _WRITES:
                await self._app(scope, receive, send)
                return
            body = await self._body(scope, receive)
            if body is None:
                return
            if faults := self._faults(scope, body):
                await form_problem(faults, scope["path"])(scope, receive, send)
                return
            await self._write(scope, body, receive, send)
        except DomainError as error:
            await problem(error, scope["path"])(scope, receive, send)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body; None if the caller went away."""
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._body_bytes_max:
                raise BodyTooLargeError("body_too_large", f"the body has more than {self._body_bytes_max} bytes; send it in parts")
            if not message.get("more_body", False):
                break
        body = b"".join(parts)
        _check_text(body, Headers(scope=scope).get("content-type", ""))
        return body

    def _faults(self, scope: Scope, body: bytes) -> list[ErrorDetails]:
        if not Headers(scope=scope).get("content-type", "").startswith("application/json"):
            return []
        return self._forms.faults(scope["method"], scope["path"], body)

    async def _write(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        key = Headers(scope=scope).get("idempotency-key")
        replay = _replayed(body, receive)
        if key is not None and not _KEY.fullmatch(key):
            raise DomainError("bad_idempotency_key", f"an Idempotency-Key has 1 to {KEY_LENGTH_MAX} visible ASCII characters; a UUID is a good one")
        if key is None or any(scope["method"] in each.methods and each.pattern.match(scope["path"]) for each in self._own_answers):
            await self._app(scope, replay, send)
            return
        caller = str(scope.get("state", {}).get("actor", ""))
        if (caller, key) in self._running:
            raise KeyInUseError
        self._running.add((caller, key))
        try:
            await self._once(Ask(caller, key, _fingerprint(scope, body), uuid.uuid4().hex), scope, replay, send)
        finally:
            self._running.discard((caller, key))

    async def _once(self, ask: Ask, scope: Scope, receive: Receive, send: Send) -> None:
        known = await self._beginnings.ride(ask)
        if known is not None:
            await _send(send, known.status, [*known.headers, REPLAYED], known.body)
            return
        held = _Held()
        try:
            await self._app(scope, receive, held)
        except BaseException:
            # Whatever ends it, a key whose request came to nothing must not stay taken; the exception goes on.
            await asyncio.shield(self._ends.ride(End(ask, None)))
            raise
        answer = Answer(held.status, held.headers, b"".join(held.parts))
        final = held.complete and held.status < HTTPStatus.INTERNAL_SERVER_ERROR
        await self._ends.ride(End(ask, answer if final else None))
        await _send(send, answer.status, answer.headers, answer.body)


def _check_text(body: bytes, kind: str) -> None:
    """Refuse JSON that is not UTF-8, and NUL in any text. Spreadsheets may have other encodings, their reader knows."""
    says_nothing = not kind and not body.startswith(_ZIP)
    if (b"\x00" in body or _NUL.search(body)) and (says_nothing or kind.startswith(("application/json", "text/"))):
        raise NulError("body")
    if kind.startswith("application/json"):
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise DomainError("body_not_utf8", f"the body is not UTF-8 at byte {error.start}; JSON is always UTF-8") from error


class _Held:
    """Holds an answer back until it is kept."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.parts: list[bytes] = []
        self.complete = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
        elif message["type"] == "http.response.body":
            self.parts.append(message.get("body", b""))
            self.complete = not message.get("more_body", False)


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body once more for the application, then whatever else comes."""
    given = False

    async def once() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once


def _fingerprint(scope: Scope, body: bytes) -> bytes:
    digest = hashlib.sha256()
    for part in (scope["method"].encode(), scope["path"].encode(), scope["query_string"], body):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()
