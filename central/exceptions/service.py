# SPDX-License-Identifier: Apache-2.0
"""Use cases of work orders: raise one, take one in hand, resolve one, in words or by an action. Each runs inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from central.bulk import among
from central.errors import ConflictError, NotFoundError
from central.exceptions import resolutions
from central.exceptions.messages import Message
from central.exceptions.resolutions import Case
from central.exceptions.rules import due_at
from central.exceptions.tables import work_order
from central.ledger import service as ledger
from central.webhooks.service import emit


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
    about: Mapping[str, str] | None = None,
) -> int:
    """Ask a person to look at something; returns the number of the work order. `about` gives its actions the ids that they need (order, line, task).

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
        "about": dict(about or {}),
        "created_at": now,
        "due_at": due_at(priority, now),
    }
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    made = connection.execute(dialect.insert(work_order).values(**values).on_conflict_do_nothing().returning(work_order.c.id)).scalar()
    if made is not None:
        told = {"kind": kind, "about": subject, "message": values["message"], "station": station, "priority": priority}
        emit(connection, "work_order.opened", str(made), told, now, site)
        return int(made)
    same = select(work_order.c.id).where(work_order.c.state == "open", work_order.c.kind == kind, work_order.c.subject == subject, work_order.c.site == site)
    number = connection.execute(same).scalar()
    if number is None:  # somebody closed the one that stood in the way, between the two statements: it is asked anew
        return raise_work_order(connection, kind, subject, message, event_id, now, site=site, station=station, priority=priority, about=about)
    return int(number)


def ask_person(
    connection: Connection,
    message: Message,
    subject: str,
    event_id: str | None,
    now: datetime,
    *,
    site: str = "",
    station: str = "",
    priority: int = 3,
    about: Mapping[str, str] | None = None,
) -> int:
    """Raise a work order whose kind is the message's code; returns its number."""
    return raise_work_order(connection, message.code, subject, message, event_id, now, site=site, station=station, priority=priority, about=about)


def take_in_hand(connection: Connection, number: int, owner: str) -> None:
    """Somebody looks after it; the last who says so owns it.

    Raises: NotFoundError. ConflictError: resolved already.
    """
    mine = (work_order.c.id == number) & (work_order.c.state == "open")
    if connection.execute(update(work_order).where(mine).values(owner=owner).returning(work_order.c.id)).scalar() is None:
        _refuse_resolved(_any(connection, number))


def resolve(connection: Connection, number: int, resolution: str, actor: str, now: datetime) -> None:
    """Close a work order with what was done; the same words again change nothing.

    Raises: NotFoundError. ConflictError: resolved already in other words.
    """
    if _close(connection, work_order.c.id == number, resolution, actor, now):
        return
    row = _any(connection, number)
    if row.resolution != resolution:
        _refuse_resolved(row)


def close(connection: Connection, number: int, resolution: str, actor: str, now: datetime) -> None:
    """Resolve a work order if it is still open, because what it asked was answered elsewhere."""
    _close(connection, work_order.c.id == number, resolution, actor, now)


def settle(connection: Connection, kinds: Collection[str], subject: str, site: str, resolution: str, now: datetime) -> None:
    """Close what is open of these kinds about a subject because the floor settled it by itself; nothing open is fine."""
    which = work_order.c.kind.in_(kinds) & (work_order.c.subject == subject) & (work_order.c.site == site)
    _close(connection, which, resolution, "dockline", now)


def settle_many(connection: Connection, kinds: Collection[str], subjects: Collection[tuple[str, str]], resolution: str, now: datetime) -> None:
    """As `settle`, for many (subject, site): one look when nothing of them is open."""
    wanted = set(subjects)
    which = work_order.c.kind.in_(kinds) & among(connection, work_order.c.subject, sorted({subject for subject, _ in wanted}))
    rows = connection.execute(select(work_order.c.id, work_order.c.subject, work_order.c.site).where(which, work_order.c.state == "open")).all()
    numbers = [row.id for row in rows if (row.subject, row.site) in wanted]
    if numbers:
        _close(connection, work_order.c.id.in_(numbers), resolution, "dockline", now)


def open_about(connection: Connection, kinds: Collection[str], subjects: Collection[str], site: str) -> set[str]:
    """About which of these subjects something of these kinds is open."""
    which = work_order.c.kind.in_(kinds) & among(connection, work_order.c.subject, subjects) & (work_order.c.site == site) & (work_order.c.state == "open")
    return set(connection.execute(select(work_order.c.subject).where(which)).scalars())


def open_subjects(connection: Connection, kind: str, site: str) -> set[str]:
    """All that is open of a kind at a site, by what it is about."""
    which = (work_order.c.kind == kind) & (work_order.c.site == site) & (work_order.c.state == "open")
    return set(connection.execute(select(work_order.c.subject).where(which)).scalars())


def open_sites(connection: Connection, kind: str) -> set[str]:
    """Sites where something of a kind is open."""
    which = (work_order.c.kind == kind) & (work_order.c.state == "open")
    return set(connection.execute(select(work_order.c.site).distinct().where(which)).scalars())


def _close(connection: Connection, which: ColumnElement[bool], resolution: str, actor: str, now: datetime) -> bool:
    """Resolve those of them that are open, and tell so; returns whether any was. Of two who close the same one, one does."""
    values = {"state": "resolved", "resolution": resolution, "resolved_by": actor, "resolved_at": now}
    closing = update(work_order).where(which, work_order.c.state == "open").values(**values)
    rows = connection.execute(closing.returning(work_order.c.id, work_order.c.kind, work_order.c.subject, work_order.c.site)).all()
    for row in rows:
        _tell_resolved(connection, row, resolution, actor, now)
    return bool(rows)


def _tell_resolved(connection: Connection, row: Row[Any], resolution: str, actor: str, now: datetime) -> None:
    told = {"kind": row.kind, "about": row.subject, "resolution": resolution, "resolved_by": actor}
    emit(connection, "work_order.resolved", str(row.id), told, now, row.site)


def act(connection: Connection, fact: ledger.Fact, number: int, code: str, now: datetime) -> None:
    """Resolve a work order by one of its actions. The same action again changes nothing.

    Raises: NotFoundError: no such work order, or it has no such action. ConflictError: resolved already, or the action does not fit any more.
    Whatever the action's use case raises leaves the work order open.
    """
    row = _any(connection, number)
    if _done_by(row, code):
        return
    _refuse_resolved(row)
    case = case_of(row)
    action = _action(connection, case, code, now)
    # Closed before the work, not after: of two people who press at once the second waits here, and finds it closed.
    mine = (work_order.c.id == number) & (work_order.c.state == "open")
    values = {"state": "resolved", "resolved_with": code, "resolved_by": fact.actor, "resolved_at": now}
    if connection.execute(update(work_order).where(mine).values(**values).returning(work_order.c.id)).scalar() is None:
        row = _any(connection, number)
        if not _done_by(row, code):
            _refuse_resolved(row)
        return
    ledger.record(connection, fact, now)
    done = action.work(connection, case, fact.id, now)
    connection.execute(update(work_order).where(work_order.c.id == number).values(resolution=done))
    _tell_resolved(connection, row, done, fact.actor, now)


def _done_by(row: Row[Any], code: str) -> bool:
    return bool(row.state == "resolved" and row.resolved_with == code)


def case_of(row: Any) -> Case:
    """A work order's row as its actions see it."""
    return Case(row.id, row.kind, row.subject, row.site, row.about, row.params, row.event_id)


def _action(connection: Connection, case: Case, code: str, now: datetime) -> resolutions.Action:
    known = {each.code: each for each in resolutions.collect_actions().get(case.kind, ())}
    if code not in known:
        raise NotFoundError("unknown_action", f"work order {case.number} ({case.kind}) has no action {code}; its actions: {', '.join(known) or '-'}")
    if not known[code].offered(connection, case, now):
        raise ConflictError("action_not_possible", f"work order {case.number}: {known[code].label} is not possible now; read it again, choose another")
    return known[code]


def is_open(connection: Connection, kind: str, subject: str, site: str) -> bool:
    """Whether a work order of this kind about a subject waits for somebody."""
    which = (work_order.c.state == "open") & (work_order.c.kind == kind) & (work_order.c.subject == subject) & (work_order.c.site == site)
    return connection.execute(select(work_order.c.id).where(which)).first() is not None


def _any(connection: Connection, number: int) -> Row[Any]:
    row = connection.execute(select(work_order).where(work_order.c.id == number)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_work_order", f"work order {number} is not known")
    return row


def _refuse_resolved(row: Row[Any]) -> None:
    if row.state != "open":
        raise ConflictError("work_order_resolved", f"work order {row.id} was resolved by {row.resolved_by}: {row.resolution}")
