# SPDX-License-Identifier: Apache-2.0
"""Use cases of endpoints: keep one, change its secret, remove it, try it. Each runs inside the caller's transaction."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from central.errors import DomainError, NotFoundError
from central.webhooks.event_types import TEST_TYPE
from central.webhooks.rules import OLD_SECRET_HOLDS, check_url, key_of, secret_of
from central.webhooks.service import Happening, write
from central.webhooks.tables import webhook_delivery, webhook_endpoint, webhook_subscription

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Wish:
    """How an endpoint shall be. `types` of `central.webhooks.event_types`; `site` empty for all sites."""

    url: str
    types: frozenset[str]
    site: str = ""
    description: str = ""
    enabled: bool = True


def keep(connection: Connection, code: str, wish: Wish, now: datetime, token: str = "") -> None:
    """Make an endpoint with a new secret, or change the one with this code; its secret stays.

    `token` of a subscriber of EPCIS signs in its own header besides (`rules.gs1_signature`); given once, for a new endpoint.

    Raises: DomainError bad_webhook_url.
    """
    try:
        check_url(wish.url)
    except ValueError as error:
        raise DomainError("bad_webhook_url", f"{wish.url}: {error}") from error
    values: dict[str, Any] = {"url": wish.url, "description": wish.description, "site": wish.site, "enabled": wish.enabled, "disabled_reason": ""}
    known = update(webhook_endpoint).where(webhook_endpoint.c.code == code).values(**values).returning(webhook_endpoint.c.code)
    if connection.execute(known).scalar() is None:
        secret = secret_of(secrets.token_bytes(_KEY_BYTES))
        connection.execute(insert(webhook_endpoint).values(code=code, secret=secret, token=token, made_at=now, **values))
    _subscribe(connection, code, wish.types)


def _subscribe(connection: Connection, code: str, types: Collection[str]) -> None:
    connection.execute(delete(webhook_subscription).where(webhook_subscription.c.endpoint == code))
    if types:
        connection.execute(insert(webhook_subscription), [{"endpoint": code, "type": each} for each in sorted(types)])


def lock(connection: Connection, code: str) -> Row[Any] | None:
    """The endpoint's row, held until the transaction ends; None when it is not known."""
    return connection.execute(select(webhook_endpoint).where(webhook_endpoint.c.code == code).with_for_update()).one_or_none()


def by_code(connection: Connection, code: str) -> Row[Any]:
    """The endpoint's row, held until the transaction ends. Raises: NotFoundError."""
    row = lock(connection, code)
    if row is None:
        raise NotFoundError("unknown_webhook_endpoint", f"there is no webhook endpoint {code}; GET /api/v1/webhooks/endpoints lists all")
    return row


def remove(connection: Connection, code: str, now: datetime) -> None:
    """Remove an endpoint; what waits for it is dropped, what was sent stays known. Raises: NotFoundError."""
    by_code(connection, code)
    waiting = (webhook_delivery.c.endpoint == code) & (webhook_delivery.c.state == "pending")
    connection.execute(update(webhook_delivery).where(waiting).values(state="dropped", error="the endpoint was removed", ended_at=now))
    connection.execute(delete(webhook_subscription).where(webhook_subscription.c.endpoint == code))
    connection.execute(delete(webhook_endpoint).where(webhook_endpoint.c.code == code))


def change_secret(connection: Connection, code: str, secret: str | None, request_key: str, now: datetime) -> datetime:
    """Give an endpoint a new secret (its own, or one made here); the old one signs too for a day. Returns until when.

    The same request again changes nothing. Raises: NotFoundError. DomainError bad_webhook_secret.
    """
    row = by_code(connection, code)
    if row.rotation_key == request_key and row.old_secret_until is not None:
        return row.old_secret_until  # type: ignore[no-any-return]
    if secret is not None:
        try:
            key_of(secret)
        except ValueError as error:
            raise DomainError("bad_webhook_secret", str(error)) from error
    until = now + OLD_SECRET_HOLDS
    values = {"secret": secret or secret_of(secrets.token_bytes(_KEY_BYTES)), "old_secret": row.secret, "old_secret_until": until, "rotation_key": request_key}
    connection.execute(update(webhook_endpoint).where(webhook_endpoint.c.code == code).values(**values))
    return until


def try_out(connection: Connection, code: str, now: datetime) -> str:
    """Send a test message to one endpoint; returns the message's id. Raises: NotFoundError."""
    row = by_code(connection, code)
    (message,) = write(connection, [(Happening(TEST_TYPE.name, code, TEST_TYPE.example, row.site), [code])], now)
    return message
