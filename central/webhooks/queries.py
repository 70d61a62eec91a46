# SPDX-License-Identifier: Apache-2.0
"""Reading webhooks: endpoints, messages, what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from central.paging import Page, down, page, up
from central.webhooks.tables import webhook_attempt, webhook_delivery, webhook_endpoint, webhook_message, webhook_subscription

_SHOWN = (
    webhook_endpoint.c.code,
    webhook_endpoint.c.url,
    webhook_endpoint.c.description,
    webhook_endpoint.c.site,
    webhook_endpoint.c.enabled,
    webhook_endpoint.c.disabled_reason,
    webhook_endpoint.c.made_at,
)
"""All of an endpoint but its secrets."""
_MESSAGE = (webhook_message.c.id, webhook_message.c.type, webhook_message.c.subject, webhook_message.c.site, webhook_message.c.made_at)


def endpoints(connection: Connection, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Endpoints with what they subscribe to, by code."""
    part: Page[dict[str, Any]] = page(connection, select(*_SHOWN), [up(webhook_endpoint.c.code)], after, limit)
    types = _types(connection, [row["code"] for row in part.items])
    for row in part.items:
        row["types"] = types.get(row["code"], [])
    return part


def endpoint_of(connection: Connection, code: str) -> dict[str, Any] | None:
    """One endpoint; None when it is not known."""
    row = connection.execute(select(*_SHOWN).where(webhook_endpoint.c.code == code)).mappings().one_or_none()
    return None if row is None else {**row, "types": _types(connection, [code]).get(code, [])}


def secret_of(connection: Connection, code: str) -> RowMapping | None:
    """The secret of an endpoint, and until when the one before signs too; None when it is not known."""
    query = select(webhook_endpoint.c.secret, webhook_endpoint.c.old_secret_until).where(webhook_endpoint.c.code == code)
    return connection.execute(query).mappings().one_or_none()


def _types(connection: Connection, codes: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    query = select(webhook_subscription).where(webhook_subscription.c.endpoint.in_(codes)).order_by(webhook_subscription.c.type)
    for row in connection.execute(query):
        found.setdefault(row.endpoint, []).append(row.type)
    return found


def messages(connection: Connection, event_type: str | None, subject: str | None, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Messages, newest first."""
    query = select(*_MESSAGE)
    if event_type is not None:
        query = query.where(webhook_message.c.type == event_type)
    if subject is not None:
        query = query.where(webhook_message.c.subject == subject)
    return page(connection, query, [down(webhook_message.c.made_at), down(webhook_message.c.id)], after, limit)


def message_of(connection: Connection, message: str) -> dict[str, Any] | None:
    """One message with its body, its deliveries and every attempt; None when it is not known."""
    row = connection.execute(select(webhook_message).where(webhook_message.c.id == message)).mappings().one_or_none()
    if row is None:
        return None
    deliveries = select(webhook_delivery).where(webhook_delivery.c.message == message).order_by(webhook_delivery.c.endpoint)
    attempts = select(webhook_attempt).where(webhook_attempt.c.message == message).order_by(webhook_attempt.c.id)
    return {
        **row,
        "deliveries": [dict(each) for each in connection.execute(deliveries).mappings()],
        "attempts": [dict(each) for each in connection.execute(attempts).mappings()],
    }


def dead_letters(connection: Connection, endpoint: str | None, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """What could not be delivered, newest first."""
    query = (
        select(webhook_delivery, webhook_message.c.type, webhook_message.c.subject, webhook_message.c.site)
        .join(webhook_message, webhook_message.c.id == webhook_delivery.c.message)
        .where(webhook_delivery.c.state == "dead")
    )
    if endpoint is not None:
        query = query.where(webhook_delivery.c.endpoint == endpoint)
    keys = [down(webhook_delivery.c.made_at), down(webhook_delivery.c.message), down(webhook_delivery.c.endpoint)]
    return page(connection, query, keys, after, limit)
