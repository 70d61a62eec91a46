# SPDX-License-Identifier: Apache-2.0
"""The outbox: take due deliveries under a lease, note what became of them, send dead letters again, forget old ones. Each in the caller's transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, exists, insert, or_, select, update

from central.errors import ConflictError, NotFoundError
from central.webhooks import rules
from central.webhooks.tables import webhook_attempt, webhook_delivery, webhook_endpoint, webhook_message

LEASE = timedelta(seconds=60)
"""Longer than any attempt may take (`sender.ATTEMPT_S_MAX`): a delivery whose lease is over was left by a service that died."""
ANSWER_LENGTH_MAX = 500
ERROR_LENGTH_MAX = 500
AT_ONCE_TO_ONE_MAX = 4
"""So many messages are on their way to one endpoint at most, from one sender."""
_NOBODY: Mapping[str, int] = {}
_FORGET_AT_ONCE_MAX = 500

Ask = Callable[[Connection, str, str, datetime], None]
"""Ask a person to look: (connection, endpoint, what happened, now); central's work orders, put in by `central.app`."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message to send now. `attempt` counts from 1; `secrets` sign, the newest first; `token` signs for EPCIS, empty: not."""

    message: str
    endpoint: str
    url: str
    body: str
    secrets: tuple[str, ...]
    attempt: int
    token: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt. `status` None: no answer, `error` says why."""

    began_at: datetime
    took_ms: int
    status: int | None
    error: str = ""
    answer: str = ""
    retry_after_s: int | None = None


def claim(connection: Connection, now: datetime, limit: int, busy: Mapping[str, int] = _NOBODY) -> list[Delivery]:
    """Take due deliveries of enabled endpoints for this sender; nobody else gets them until the lease is over.

    `busy`: how many messages are on their way to an endpoint; one that is slow does not hold up the others.
    """
    full = [endpoint for endpoint, number in busy.items() if number >= AT_ONCE_TO_ONE_MAX]
    free = or_(webhook_delivery.c.leased_until.is_(None), webhook_delivery.c.leased_until <= now)
    due = (
        select(
            webhook_delivery.c.message,
            webhook_delivery.c.endpoint,
            webhook_delivery.c.attempts,
            webhook_endpoint.c.url,
            webhook_endpoint.c.secret,
            webhook_endpoint.c.old_secret,
            webhook_endpoint.c.old_secret_until,
            webhook_endpoint.c.token,
            webhook_message.c.body,
        )
        .join(webhook_endpoint, webhook_endpoint.c.code == webhook_delivery.c.endpoint)
        .join(webhook_message, webhook_message.c.id == webhook_delivery.c.message)
        .where(webhook_delivery.c.state == "pending", webhook_delivery.c.next_at <= now, free, webhook_endpoint.c.enabled)
        .where(webhook_delivery.c.endpoint.not_in(full))
        .order_by(webhook_delivery.c.next_at, webhook_delivery.c.message, webhook_delivery.c.endpoint)
        .limit(limit)
        .with_for_update(of=webhook_delivery, skip_locked=True)
    )
    taken: list[Delivery] = []
    under_way = Counter(busy)
    for row in connection.execute(due).all():
        if under_way[row.endpoint] >= AT_ONCE_TO_ONE_MAX:
            continue
        under_way[row.endpoint] += 1
        values = {"leased_until": now + LEASE, "attempts": row.attempts + 1}
        connection.execute(update(webhook_delivery).where(_of(row.message, row.endpoint)).values(**values))
        old = (row.old_secret,) if row.old_secret and row.old_secret_until > now else ()
        taken.append(Delivery(row.message, row.endpoint, row.url, row.body, (row.secret, *old), row.attempts + 1, row.token))
    return taken


def _of(message: str, endpoint: str) -> ColumnElement[bool]:
    return (webhook_delivery.c.message == message) & (webhook_delivery.c.endpoint == endpoint)


def next_due_at(connection: Connection) -> datetime | None:
    """When the next delivery is due; None when nothing waits."""
    query = (
        select(webhook_delivery.c.next_at)
        .join(webhook_endpoint, webhook_endpoint.c.code == webhook_delivery.c.endpoint)
        .where(webhook_delivery.c.state == "pending", webhook_endpoint.c.enabled)
        .order_by(webhook_delivery.c.next_at)
        .limit(1)
    )
    due: datetime | None = connection.execute(query).scalar()
    return due


def note(connection: Connection, delivery: Delivery, outcome: Outcome, now: datetime, luck: float, ask: Ask) -> rules.Verdict:
    """Write down an attempt and what follows from it; a dead letter or a refused endpoint becomes somebody's work. `luck` of 0 to 1 spreads the next try."""
    row = {"took_ms": outcome.took_ms, "status": outcome.status, "error": outcome.error[:ERROR_LENGTH_MAX], "answer": outcome.answer[:ANSWER_LENGTH_MAX]}
    connection.execute(insert(webhook_attempt).values(message=delivery.message, endpoint=delivery.endpoint, began_at=outcome.began_at, **row))
    verdict = rules.judge(outcome.status, delivery.attempt)
    values: dict[str, Any] = {"status": outcome.status, "error": _fault(outcome)[:ERROR_LENGTH_MAX], "leased_until": None}
    if verdict == "again":
        values["next_at"] = now + timedelta(seconds=rules.delay_s(delivery.attempt, luck, outcome.retry_after_s))
    else:
        values |= {"state": "delivered" if verdict == "delivered" else "dead", "ended_at": now}
    mine = _of(delivery.message, delivery.endpoint) & (webhook_delivery.c.state == "pending") & (webhook_delivery.c.attempts == delivery.attempt)
    if connection.execute(update(webhook_delivery).where(mine).values(**values).returning(webhook_delivery.c.message)).scalar() is None:
        return verdict
    if verdict == "gone":
        _disable(connection, delivery.endpoint, now)
    if verdict in ("gone", "dead"):
        ask(connection, delivery.endpoint, _fault(outcome), now)
    return verdict


def _fault(outcome: Outcome) -> str:
    if outcome.status is None:
        return outcome.error
    return "" if 200 <= outcome.status < 300 else f"status {outcome.status}"


def _disable(connection: Connection, endpoint: str, now: datetime) -> None:
    reason = "it answered 410 Gone: it wants no messages any more"
    connection.execute(update(webhook_endpoint).where(webhook_endpoint.c.code == endpoint).values(enabled=False, disabled_reason=reason))
    waiting = (webhook_delivery.c.endpoint == endpoint) & (webhook_delivery.c.state == "pending")
    connection.execute(update(webhook_delivery).where(waiting).values(state="dead", error=reason, ended_at=now))


def send_again(connection: Connection, message: str, endpoint: str, now: datetime) -> None:
    """Send a message that was delivered, is dead or was dropped once more, from the first attempt. What waits already stays as it is.

    Raises: NotFoundError: it was never meant for this endpoint, or the endpoint is gone. ConflictError: the endpoint is disabled.
    """
    enabled = connection.execute(select(webhook_endpoint.c.enabled).where(webhook_endpoint.c.code == endpoint)).scalar()
    row = connection.execute(select(webhook_delivery.c.state).where(_of(message, endpoint)).with_for_update()).one_or_none()
    if row is None or enabled is None:
        raise NotFoundError("unknown_webhook_delivery", f"message {message} for endpoint {endpoint} is not known; GET /api/v1/webhooks/messages lists all")
    if not enabled:
        raise ConflictError("webhook_endpoint_disabled", f"endpoint {endpoint} is disabled; enable it, then send again")
    if row.state != "pending":
        connection.execute(update(webhook_delivery).where(_of(message, endpoint)).values(**_anew(now)))


def send_all_again(connection: Connection, endpoint: str, since: datetime, now: datetime) -> int:
    """Send all dead letters of an endpoint made since then once more; returns how many. Raises: NotFoundError, ConflictError as `send_again`."""
    enabled = connection.execute(select(webhook_endpoint.c.enabled).where(webhook_endpoint.c.code == endpoint)).scalar()
    if enabled is None:
        raise NotFoundError("unknown_webhook_endpoint", f"there is no webhook endpoint {endpoint}; GET /api/v1/webhooks/endpoints lists all")
    if not enabled:
        raise ConflictError("webhook_endpoint_disabled", f"endpoint {endpoint} is disabled; enable it, then send again")
    dead = (webhook_delivery.c.endpoint == endpoint) & (webhook_delivery.c.state == "dead") & (webhook_delivery.c.made_at >= since)
    return len(connection.execute(update(webhook_delivery).where(dead).values(**_anew(now)).returning(webhook_delivery.c.message)).all())


def _anew(now: datetime) -> dict[str, object]:
    return {"state": "pending", "attempts": 0, "next_at": now, "leased_until": None, "ended_at": None, "error": "", "status": None}


def forget(connection: Connection, before: datetime) -> int:
    """Forget old messages that nobody waits for, with their attempts; returns how many, some hundreds at once at most."""
    waits = exists().where(webhook_delivery.c.message == webhook_message.c.id, webhook_delivery.c.state == "pending")
    old = select(webhook_message.c.id).where(webhook_message.c.made_at < before, ~waits).limit(_FORGET_AT_ONCE_MAX)
    ids: Sequence[str] = connection.execute(old).scalars().all()
    for table in (webhook_attempt, webhook_delivery):
        connection.execute(delete(table).where(table.c.message.in_(ids)))
    connection.execute(delete(webhook_message).where(webhook_message.c.id.in_(ids)))
    return len(ids)
