# SPDX-License-Identifier: Apache-2.0
"""Use cases of work orders: raise one, take one in hand, resolve one. Each runs inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from central.errors import ConflictError, NotFoundError
from central.exceptions.messages import Message
from central.exceptions.tables import work_order


def raise_work_order(
    connection: Connection,
    kind: str,
    subject: str,
    message: Message | str,
    event_id: str | None,
    now: datetime,
    *,
    site: str = "",
    station: str = "",
    priority: int = 3,
) -> int:
    """Ask a person to look at something; returns the number of the work order.

    The same kind about the same subject is the same work order while it is open, however often it is raised.
    """
    values = {
        "kind": kind,
        "subject": subject,
        "message": message.text if isinstance(message, Message) else message,
        "params": message.params if isinstance(message, Message) else {},
        "site": site,
        "station": station,
        "priority": priority,
        "event_id": event_id,
        "created_at": now,
    }
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    made = connection.execute(dialect.insert(work_order).values(**values).on_conflict_do_nothing().returning(work_order.c.id)).scalar()
    same = select(work_order.c.id).where(work_order.c.state == "open", work_order.c.kind == kind, work_order.c.subject == subject, work_order.c.site == site)
    return int(made if made is not None else connection.execute(same).scalar_one())


def ask_person(
    connection: Connection, message: Message, subject: str, event_id: str | None, now: datetime, *, site: str = "", station: str = "", priority: int = 3
) -> int:
    """Raise a work order whose kind is the message's code; returns its number."""
    return raise_work_order(connection, message.code, subject, message, event_id, now, site=site, station=station, priority=priority)


def take_in_hand(connection: Connection, number: int, owner: str) -> None:
    """Somebody looks after it; the last who says so owns it.

    Raises: NotFoundError. ConflictError: resolved already.
    """
    _open(connection, number)
    connection.execute(update(work_order).where(work_order.c.id == number).values(owner=owner))


def resolve(connection: Connection, number: int, resolution: str, actor: str, now: datetime) -> None:
    """Close a work order with what was done; the same words again change nothing.

    Raises: NotFoundError. ConflictError: resolved already in other words.
    """
    row = _any(connection, number)
    if row.state == "resolved" and row.resolution == resolution:
        return
    _open(connection, number)
    values = {"state": "resolved", "resolution": resolution, "resolved_by": actor, "resolved_at": now}
    connection.execute(update(work_order).where(work_order.c.id == number).values(**values))


def close(connection: Connection, number: int, resolution: str, actor: str, now: datetime) -> None:
    """Resolve a work order if it is still open, because what it asked was answered elsewhere."""
    values = {"state": "resolved", "resolution": resolution, "resolved_by": actor, "resolved_at": now}
    connection.execute(update(work_order).where(work_order.c.id == number, work_order.c.state == "open").values(**values))


def settle(connection: Connection, kinds: Collection[str], subject: str, site: str, resolution: str, now: datetime) -> None:
    """Close what is open of these kinds about a subject because the floor settled it by itself; nothing open is fine."""
    which = (work_order.c.state == "open") & work_order.c.kind.in_(kinds) & (work_order.c.subject == subject) & (work_order.c.site == site)
    values = {"state": "resolved", "resolution": resolution, "resolved_by": "dockline", "resolved_at": now}
    connection.execute(update(work_order).where(which).values(**values))


def _any(connection: Connection, number: int) -> Row[Any]:
    row = connection.execute(select(work_order).where(work_order.c.id == number)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_work_order", f"work order {number} is not known")
    return row


def _open(connection: Connection, number: int) -> None:
    row = _any(connection, number)
    if row.state != "open":
        raise ConflictError("work_order_resolved", f"work order {number} was resolved by {row.resolved_by}: {row.resolution}")
