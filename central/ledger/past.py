# SPDX-License-Identifier: Apache-2.0
"""Stock and its value at any past moment, from the entries; monthly snapshots keep the way short.

Two questions have two answers. `recorded`: what did the books say then; what is recorded later changes nothing, so the answer to a moment that is more
than `SETTLED_AFTER` ago is the same for ever, bit for bit. `occurred`: what do we know today about what stood there then; entries that were recorded late
count at the time at which they occurred.

An answer begins at the nearest snapshot, before or after the moment, and adds or takes away the entries between. A snapshot by `occurred` holds what had
occurred by its moment and was recorded within a day; later recordings of earlier events are few, have an index of their own and are added each time.
Moments are UTC; a moment includes what carries exactly its time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, and_, cast, func, insert, literal, literal_column, select, union_all
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.operators import custom_op

from central.database import Instant, insert_or_leave
from central.ledger.tables import LATE, LATE_US, entry, event, snapshot_taken, stock_snapshot

Basis = Literal["recorded", "occurred"]
BASES: tuple[Basis, ...] = ("recorded", "occurred")
ACCOUNT = ("place", "item", "lot", "owner", "status", "unit")
GROUPS = ("site", *ACCOUNT)
"""By what an answer may be grouped."""
SETTLED_AFTER = timedelta(minutes=2)
"""A transaction may commit this long after the moment under which it recorded its facts (`idle_in_transaction_session_timeout` and retries)."""
_LATE_AFTER = timedelta(microseconds=LATE_US)
_TICK = timedelta(microseconds=1)
_SNAPSHOT_DUE = _LATE_AFTER + SETTLED_AFTER


@dataclass(frozen=True, slots=True)
class Where:
    """Which accounts: equal to what is given; empty: all."""

    site: str = ""
    place: str = ""
    item: str = ""
    lot: str | None = None
    owner: str | None = None
    status: str = ""
    unit: str | None = None


def as_of(connection: Connection, at: datetime, by: Basis = "recorded", where: Where | None = None, group: Sequence[str] = ("item",)) -> Select[Any]:
    """A query of what stood at real places at a moment: the columns of `group` (of GROUPS), `quantity`, `value_minor`; groups without either are left out."""
    where = where or Where()
    near = _nearest(connection, at, by)
    parts = [_sum(connection, group, where, sign, conditions) for sign, conditions in _changes(near, at, by)]
    if near is not None:
        parts.insert(0, _sum_snapshot(connection, group, where, near, by))
    every = union_all(*parts).subquery()
    quantity, value = func.sum(every.c.quantity), func.sum(every.c.value_minor)
    columns = [every.c[name] for name in group]
    query = select(*columns, _integer(quantity).label("quantity"), _integer(value).label("value_minor"))
    return query.group_by(*columns).having((quantity != 0) | (value != 0))


def _integer(total: ColumnElement[Any]) -> ColumnElement[Any]:
    # PostgreSQL sums bigint to numeric.
    return cast(total, BigInteger)


def _nearest(connection: Connection, at: datetime, by: Basis) -> datetime | None:
    """The snapshot from which fewest days lead to the moment; None: none, or the beginning is nearer (the first snapshot is that of the first month)."""
    taken = connection.execute(select(snapshot_taken.c.at).where(snapshot_taken.c.basis == by)).scalars().all()
    near = min(taken, key=lambda each: (abs(each - at), each), default=None)
    if near is not None and near == min(taken) and at - _month_start(near) < near - at:
        return None
    return near


_Change = tuple[int, list[ColumnElement[bool]]]


def _changes(near: datetime | None, at: datetime, by: Basis) -> list[_Change]:
    """Which entries lead from a snapshot to a moment, with their sign."""
    recorded, occurred = entry.c.recorded_at, entry.c.occurred_at
    when = recorded if by == "recorded" else occurred
    if near is None:
        return [(1, [when <= at])]
    if by == "recorded":
        return [(1, [when > near, when <= at])] if near <= at else [(-1, [when > at, when <= near])]
    late = [_is_late(), recorded > near + _LATE_AFTER]
    if near <= at:
        return [(1, [when > near, when <= at]), (1, [*late, when <= near])]
    return [(-1, [when > at, when <= near, recorded <= near + _LATE_AFTER]), (1, [*late, when <= at])]


def _is_late() -> ColumnElement[bool]:
    return literal_column(f"({LATE})")


def _columns(connection: Connection, table: Any, group: Sequence[str]) -> list[ColumnElement[Any]]:
    return [(_site(connection, table) if name == "site" else _plain(connection, table.c[name])).label(name) for name in group]


def _plain(connection: Connection, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """SQLite reads all entries in the order of an index rather than group those of a few days; a plus sign before a column says that no index will help
    (sqlite.org/optoverview.html, section 2)."""
    return column if connection.dialect.name == "postgresql" else UnaryExpression(column, operator=custom_op("+"), type_=column.type)


def _site(connection: Connection, table: Any) -> ColumnElement[Any]:
    if connection.dialect.name == "postgresql":
        return func.split_part(table.c.place, "/", 1)
    return func.substr(table.c.place, 1, func.instr(table.c.place, "/") - 1)


def _matching(table: Any, where: Where) -> Iterable[ColumnElement[bool]]:
    if where.site:
        yield table.c.place.startswith(f"{where.site}/", autoescape=True)
    for name in ACCOUNT:
        value = getattr(where, name)
        if value is not None and (value or name in ("lot", "owner", "unit")):
            yield table.c[name] == value


def _sum(connection: Connection, group: Sequence[str], where: Where, sign: int, conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    columns = _columns(connection, entry, group)
    query = select(*columns, (sign * func.sum(entry.c.quantity)).label("quantity"), (sign * func.sum(entry.c.value_minor)).label("value_minor"))
    return query.where(~entry.c.place.startswith("@"), *conditions, *_matching(entry, where)).group_by(*columns)


def _sum_snapshot(connection: Connection, group: Sequence[str], where: Where, near: datetime, by: Basis) -> Select[Any]:
    columns = _columns(connection, stock_snapshot, group)
    query = select(*columns, func.sum(stock_snapshot.c.quantity).label("quantity"), func.sum(stock_snapshot.c.value_minor).label("value_minor"))
    mine = and_(stock_snapshot.c.basis == by, stock_snapshot.c.at == near)
    return query.where(mine, *_matching(stock_snapshot, where)).group_by(*columns)


def _month_start(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def month_end(at: datetime) -> datetime:
    """The last microsecond of the month in which a moment lies, UTC."""
    at = at.astimezone(UTC)
    following = datetime(at.year + at.month // 12, at.month % 12 + 1, 1, tzinfo=UTC)
    return following - _TICK


def due_snapshot(connection: Connection, by: Basis, now: datetime) -> datetime | None:
    """The end of the month of which the next snapshot can be taken, beginning with the month in which the first fact was recorded; None: none yet."""
    last = connection.execute(select(func.max(snapshot_taken.c.at)).where(snapshot_taken.c.basis == by)).scalar()
    first = connection.execute(select(event.c.recorded_at).order_by(event.c.position).limit(1)).scalar() if last is None else last + _TICK
    if first is None:
        return None
    due = month_end(first)
    return due if due + _SNAPSHOT_DUE <= now else None


def take_snapshot(connection: Connection, by: Basis, at: datetime, now: datetime) -> None:
    """Sum the stock at the end of a month from the snapshot before it and the entries since; the one before, if there is any, must be the month's before."""
    before = connection.execute(select(func.max(snapshot_taken.c.at)).where(snapshot_taken.c.basis == by)).scalar()
    expected = snapshot_query(connection, by, at, before).add_columns(literal(by), literal(at, Instant))
    made = insert_or_leave(connection, snapshot_taken).values(basis=by, at=at, taken_at=now).on_conflict_do_nothing().returning(snapshot_taken.c.at)
    if connection.execute(made).scalar() is None:
        # Another service took it meanwhile.
        return
    connection.execute(insert(stock_snapshot).from_select([*ACCOUNT, "quantity", "value_minor", "basis", "at"], expected))


def snapshot_query(connection: Connection, by: Basis, at: datetime, before: datetime | None) -> Select[Any]:
    """What the snapshot of a moment must hold, from an earlier one (None: from all entries): the columns of ACCOUNT, `quantity`, `value_minor`."""
    until = entry.c.recorded_at <= at + _LATE_AFTER
    changes = _changes(before, at, by)
    parts = [_sum(connection, ACCOUNT, Where(), sign, [*conditions, *([until] if by == "occurred" else [])]) for sign, conditions in changes]
    if before is not None:
        parts.append(_sum_snapshot(connection, ACCOUNT, Where(), before, by))
    every = union_all(*parts).subquery()
    quantity, value = func.sum(every.c.quantity), func.sum(every.c.value_minor)
    columns = [every.c[name] for name in ACCOUNT]
    query = select(*columns, _integer(quantity).label("quantity"), _integer(value).label("value_minor"))
    return query.group_by(*columns).having((quantity != 0) | (value != 0))


def drifted(connection: Connection) -> Iterable[tuple[Basis, datetime, Mapping[str, Any]]]:
    """Accounts of snapshots that do not hold what the entries say: each from the snapshot before it, the first from all entries before it."""
    for by in BASES:
        before: datetime | None = None
        for at in connection.execute(select(snapshot_taken.c.at).where(snapshot_taken.c.basis == by).order_by(snapshot_taken.c.at)).scalars().all():
            expected = snapshot_query(connection, by, at, before).subquery()
            kept = _sum_snapshot(connection, ACCOUNT, Where(), at, by).subquery()
            signed = union_all(
                select(*(expected.c[name] for name in ACCOUNT), expected.c.quantity, expected.c.value_minor),
                select(*(kept.c[name] for name in ACCOUNT), -kept.c.quantity, -kept.c.value_minor),
            ).subquery()
            columns = [signed.c[name] for name in ACCOUNT]
            quantity, value = func.sum(signed.c.quantity), func.sum(signed.c.value_minor)
            query = select(*columns, quantity.label("quantity"), value.label("value_minor")).group_by(*columns).having((quantity != 0) | (value != 0))
            for row in connection.execute(query).mappings():
                yield by, at, dict(row)
            before = at
