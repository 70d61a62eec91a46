# SPDX-License-Identifier: Apache-2.0
"""Use cases of subscriptions: a named query that stands, its results sent to an address of the subscriber. Each runs inside the caller's transaction.

Which subscription an event is for is decided in the transaction that stores it, so that none is forgotten or told twice by us; what is sent goes through
the outbox of webhooks, which signs it, tries again for three days and keeps every attempt. A subscription has an endpoint of its own there.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, func, insert, literal, select, update
from sqlalchemy.exc import SQLAlchemyError

from central.bulk import among
from central.changes import Changes
from central.database import in_transaction, reading
from central.errors import BusyError, DomainError
from central.trace import asking, queries
from central.trace.faults import DuplicateSubscriptionError, SubscriptionError, ValidationError
from central.trace.schedule import next_after, schedule_of
from central.trace.shapes import instant_of
from central.trace.tables import epcis_event, epcis_subscription, epcis_waiting
from central.webhooks import endpoints
from central.webhooks import service as webhooks

log = logging.getLogger(__name__)
MESSAGE = "epcis.query"
"""Type of the messages, as the list of webhooks' messages shows it."""
EVENTS_MAX = 100
"""Events of one message; more go into several."""
_TOKEN_MAX = 500
_LOOK_EVERY_S = 1.0
_FIELDS = frozenset({"dest", "signatureToken", "secret", "schedule", "stream", "reportIfEmpty", "initialRecordTime", "@context"})
_NAMES = uuid.UUID("5c1a6b0e-6a0e-5a63-9f0c-0d1f7a1f7f55")
"""Under this the ids of subscriptions are named by what they say, so that the same request again is the same subscription."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a subscriber asks for. `schedule` empty: at once (stream)."""

    dest: str
    token: str
    schedule: Mapping[str, Any]
    report_if_empty: bool
    since: datetime | None


def wish_of(said: Any) -> Wish:
    """What a request asks for. Raises: ValidationError, SubscriptionError."""
    if not isinstance(said, dict) or (unknown := sorted(set(said) - _FIELDS)):
        raise ValidationError(f"a subscription has {', '.join(sorted(_FIELDS - {'@context'}))}" + (f", not {unknown[0]}" if isinstance(said, dict) else ""))
    dest, token = said.get("dest"), said.get("signatureToken", said.get("secret", ""))
    if not isinstance(dest, str):
        raise ValidationError("dest: give the address to which results are sent, as https://client.example.com/callback")
    if not isinstance(token, str) or len(token) > _TOKEN_MAX or not token.isascii() or not (token.isprintable() or not token):
        raise ValidationError(f"signatureToken: a text of at most {_TOKEN_MAX} ASCII characters, which you and we alone know")
    for name in ("stream", "reportIfEmpty"):
        if not isinstance(said.get(name, False), bool):
            raise ValidationError(f"{name}: is neither true nor false")
    if bool(said.get("stream")) == ("schedule" in said):
        raise SubscriptionError("give either stream: true (at once) or a schedule")
    return Wish(dest, token, _schedule(said), bool(said.get("reportIfEmpty")), _since(said))


def _schedule(said: Mapping[str, Any]) -> Mapping[str, Any]:
    if "schedule" not in said:
        return {}
    try:
        schedule_of(said["schedule"])
    except ValueError as error:
        raise SubscriptionError(f"schedule: {error}") from error
    return dict(said["schedule"])


def _since(said: Mapping[str, Any]) -> datetime | None:
    text = said.get("initialRecordTime")
    if text is None:
        return None
    at = instant_of(text) if isinstance(text, str) else None
    if at is None:
        raise ValidationError("initialRecordTime: is no date and time with a time zone, as 2026-11-21T08:00:00Z")
    return at


def subscribe(connection: Connection, name: str, said: Any, now: datetime) -> str:
    """Subscribe to a named query; returns the id. The same request again changes nothing.

    Events that are recorded from now on are told, and those recorded from `initialRecordTime` to now.
    Raises: ValidationError, SubscriptionError. NoSuchNameError: the query. DuplicateSubscriptionError: the same subscription with another token.
    """
    wish = wish_of(said)
    conditions = _conditions(queries.named_query(connection, name)["query"])
    _hold_events(connection)
    schedule = json.dumps(wish.schedule, sort_keys=True) if wish.schedule else ""
    since = "" if wish.since is None else wish.since.isoformat()
    subscription = str(uuid.uuid5(_NAMES, json.dumps([name, wish.dest, schedule, wish.report_if_empty, since])))
    known = connection.execute(select(epcis_subscription).where(epcis_subscription.c.id == subscription)).one_or_none()
    if known is not None:
        if known.token != wish.token:
            raise DuplicateSubscriptionError(f"query {name!r} has this subscription with another signatureToken; delete {subscription} first")
        return subscription
    _keep_endpoint(connection, subscription, wish, name, now)
    row = {"id": subscription, "query": name, "dest": wish.dest, "token": wish.token, "schedule": schedule, "report_if_empty": wish.report_if_empty}
    next_at = next_after(schedule_of(wish.schedule), now) if wish.schedule else None
    connection.execute(insert(epcis_subscription).values(**row, since=wish.since, next_at=next_at, created_at=now))
    if wish.since is not None:
        _wait(connection, subscription, [epcis_event.c.recorded_at >= wish.since, *conditions])
        if not wish.schedule:
            _send_waiting(connection, subscription, name, now, empty=False)
    return subscription


def _conditions(query: Mapping[str, Any]) -> list[Any]:
    asked = asking.understand(asking.from_body(query), {})
    if asked.most is not None or asked.limit is not None:
        raise SubscriptionError("a query with eventCountLimit or maxEventCount cannot be subscribed to: it would leave out events")
    return asked.conditions


def _hold_events(connection: Connection) -> None:
    """Wait for captures that are under way: they do not know of this subscription yet, and what they store is not there yet. SQLite has one writer."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE epcis_event IN SHARE ROW EXCLUSIVE MODE")


def _keep_endpoint(connection: Connection, subscription: str, wish: Wish, name: str, now: datetime) -> None:
    try:
        described = endpoints.Wish(wish.dest, frozenset(), description=f"subscription of the EPCIS query {name}")
        endpoints.keep(connection, endpoint_of(subscription), described, now, token=wish.token)
    except DomainError as error:
        raise ValidationError(f"dest: {error.message}") from error


def endpoint_of(subscription: str) -> str:
    """The endpoint of webhooks by which a subscription is served."""
    return f"epcis-{subscription}"


def unsubscribe(connection: Connection, name: str, subscription: str, now: datetime) -> None:
    """End a subscription; what is not sent yet is dropped. Raises: NoSuchNameError."""
    queries.subscription(connection, name, subscription)
    _end(connection, subscription, now)


def unsubscribe_all(connection: Connection, name: str, now: datetime) -> None:
    """End all subscriptions of a query."""
    for subscription in connection.execute(select(epcis_subscription.c.id).where(epcis_subscription.c.query == name)).scalars().all():
        _end(connection, subscription, now)


def _end(connection: Connection, subscription: str, now: datetime) -> None:
    connection.execute(delete(epcis_waiting).where(epcis_waiting.c.subscription == subscription))
    connection.execute(delete(epcis_subscription).where(epcis_subscription.c.id == subscription))
    code = endpoint_of(subscription)
    if endpoints.lock(connection, code) is not None:
        endpoints.remove(connection, code, now)


def tell(connection: Connection, events: Sequence[int], now: datetime) -> None:
    """Events were stored: those who asked for them at once get them, for the others they wait."""
    for row in _standing(connection) if events else ():
        number = _wait(connection, row.id, [among(connection, epcis_event.c.n, list(events)), *_conditions(json.loads(row.asked))])
        if number and not row.schedule:
            _send_waiting(connection, row.id, row.query, now, empty=False)


def _standing(connection: Connection) -> Sequence[Row[Any]]:
    return connection.execute(queries.subscriptions_with_queries().order_by(epcis_subscription.c.id)).all()


def _wait(connection: Connection, subscription: str, conditions: Sequence[Any]) -> int:
    found = select(literal(subscription, epcis_waiting.c.subscription.type), epcis_event.c.n).where(*conditions)
    return int(connection.execute(insert(epcis_waiting).from_select(["subscription", "event"], found)).rowcount)


def _send_waiting(connection: Connection, subscription: str, name: str, now: datetime, *, empty: bool) -> None:
    """Put what waits for a subscription into the outbox, some events a message; `empty`: a message even when nothing waits."""
    mine = epcis_waiting.c.subscription == subscription
    waiting = connection.execute(select(epcis_waiting.c.event).where(mine).order_by(epcis_waiting.c.event)).scalars().all()
    parts = [waiting[start : start + EVENTS_MAX] for start in range(0, len(waiting), EVENTS_MAX)] or ([[]] if empty else [])
    for part in parts:
        document = queries.document(queries.events_by_number(connection, part), now, name, subscription)
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        webhooks.send(connection, endpoint_of(subscription), MESSAGE, subscription, body, now)
    connection.execute(delete(epcis_waiting).where(mine))


def run_due(connection: Connection, now: datetime) -> int:
    """Send the results of the schedules that are due; returns how many. A moment that was missed is made up for once."""
    due = queries.subscriptions_with_queries().where(epcis_subscription.c.next_at <= now).order_by(epcis_subscription.c.next_at)
    rows = connection.execute(due.with_for_update(of=epcis_subscription, skip_locked=True)).all()
    for row in rows:
        _send_waiting(connection, row.id, row.query, now, empty=row.report_if_empty)
        following = next_after(schedule_of(json.loads(row.schedule)), now)
        connection.execute(update(epcis_subscription).where(epcis_subscription.c.id == row.id).values(next_at=following))
    return len(rows)


def next_due_at(connection: Connection) -> datetime | None:
    """When the next schedule is due; None: there is none."""
    due: datetime | None = connection.execute(select(func.min(epcis_subscription.c.next_at))).scalar()
    return due


async def watch(engine: Engine, clock: Callable[[], datetime], changes: Changes) -> None:
    """Run schedules for ever."""
    while True:
        try:
            if await asyncio.to_thread(_is_due, engine, clock()):
                await asyncio.to_thread(in_transaction, engine, partial(run_due, now=clock()))
                changes.tell()
        except (BusyError, SQLAlchemyError) as error:
            log.warning("schedules of queries cannot be run, trying again", extra={"reason": str(error)})
        await asyncio.sleep(_LOOK_EVERY_S)


def _is_due(engine: Engine, now: datetime) -> bool:
    with reading(engine) as connection:
        due = next_due_at(connection)
    return due is not None and due <= now
