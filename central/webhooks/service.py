# SPDX-License-Identifier: Apache-2.0
"""What other areas say to webhooks: that something happened. Runs inside the caller's transaction, so that a message exists exactly if its cause does."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from central.webhooks.event_types import KNOWN
from central.webhooks.rules import Subscription, payload, targets
from central.webhooks.tables import webhook_delivery, webhook_endpoint, webhook_message, webhook_subscription


@dataclass(frozen=True, slots=True)
class Happening:
    """Something to tell. `data` is JSON; subject and site are put beside it."""

    type: str
    subject: str
    data: Mapping[str, Any] = field(default_factory=dict)
    site: str = ""


def emit(connection: Connection, type: str, subject: str, data: Mapping[str, Any], now: datetime, site: str = "") -> None:  # noqa: A002  # the standard's word
    """Tell every endpoint that subscribes to `type` (of `central.webhooks.event_types`) what happened.

    Without a subscriber it costs one look at a list that is read once in a transaction. Raises: KeyError: `type` is not in the list.
    """
    emit_all(connection, [Happening(type, subject, data, site)], now)


def emit_all(connection: Connection, happenings: Sequence[Happening], now: datetime) -> None:
    """As `emit`, for many at once: two statements however long the list is."""
    for each in happenings:
        if each.type not in KNOWN:
            raise KeyError(each.type)
    subscriptions = _subscriptions(connection)
    if not subscriptions:
        return
    wanted = [(each, endpoints) for each in happenings if (endpoints := targets(subscriptions, each.type, each.site))]
    if wanted:
        write(connection, wanted, now)


def write(connection: Connection, wanted: Sequence[tuple[Happening, Sequence[str]]], now: datetime) -> list[str]:
    """Put messages for endpoints into the outbox; returns the ids of the messages."""
    ids = [f"msg_{uuid.uuid4().hex}" for _ in wanted]
    messages = [
        {
            "id": message_id,
            "type": each.type,
            "subject": each.subject,
            "site": each.site,
            "body": payload(each.type, now, {"subject": each.subject, "site": each.site, **each.data}),
            "made_at": now,
        }
        for message_id, (each, _) in zip(ids, wanted, strict=True)
    ]
    connection.execute(insert(webhook_message), messages)
    deliveries = [
        {"message": message_id, "endpoint": endpoint, "next_at": now, "made_at": now}
        for message_id, (_, endpoints) in zip(ids, wanted, strict=True)
        for endpoint in endpoints
    ]
    connection.execute(insert(webhook_delivery), deliveries)
    return ids


def send(connection: Connection, endpoint: str, type: str, subject: str, body: str, now: datetime) -> None:  # noqa: A002  # the standard's word
    """Put a message for one endpoint into the outbox that has a body of its own form, as results of an EPCIS query have."""
    message = f"msg_{uuid.uuid4().hex}"
    connection.execute(insert(webhook_message).values(id=message, type=type, subject=subject, body=body, made_at=now))
    connection.execute(insert(webhook_delivery).values(message=message, endpoint=endpoint, next_at=now, made_at=now))


_SUBSCRIPTIONS = (
    select(webhook_subscription.c.endpoint, webhook_subscription.c.type, webhook_endpoint.c.site)
    .join(webhook_endpoint, webhook_endpoint.c.code == webhook_subscription.c.endpoint)
    .where(webhook_endpoint.c.enabled)
    .order_by(webhook_subscription.c.endpoint)
)


def _subscriptions(connection: Connection) -> Sequence[Subscription]:
    """Who subscribes to what, read once in a transaction: right in every process at every moment, and cheap in a transaction that tells much."""
    kept: tuple[Any, tuple[Subscription, ...]] | None = connection.info.get("dockline_webhooks")
    transaction = connection.get_transaction()
    if kept is None or kept[0] is not transaction:
        kept = transaction, tuple(Subscription(row.endpoint, row.type, row.site) for row in connection.execute(_SUBSCRIPTIONS))
        connection.info["dockline_webhooks"] = kept
    return kept[1]
