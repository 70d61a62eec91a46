# SPDX-License-Identifier: Apache-2.0
"""How often tags of an item are read at a door, and how often a supplier's cases do not come: counted from what turned out to be true.

A case that was seen was there. One that was not seen counts when a person says whether it was there: found counts against the tag, accepted
against the supplier. Each function runs inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, select, tuple_

from central.database import insert_or_leave
from central.inbound.tables import short_ship_statistic, tag_statistic
from central.inbound.tag_rules import READ_PRIOR, SHORT_PRIOR, Count, rate, verdict, weak_tag_probability
from central.paging import Page, page, up

Key = tuple[str, ...]
_READ = (("item", "site", "station"), "there", "seen")
_SHORT = (("supplier",), "announced", "short")


@dataclass(frozen=True, slots=True)
class Counted:
    """`there` tagged cases of an item were certainly there, of which the door saw `seen`."""

    item: str
    there: int
    seen: int


def count_reads(connection: Connection, site: str, station: str, counted: Iterable[Counted], now: datetime) -> None:
    """Keep what a door read of cases that were there."""
    added: dict[Key, tuple[float, float]] = {}
    for each in counted:
        there, seen = added.get((each.item, site, station), (0.0, 0.0))
        added[each.item, site, station] = (there + each.there, seen + each.seen)
    _add(connection, tag_statistic, _READ, added, now)


def count_shipped(connection: Connection, supplier: str, announced: int, short: int, now: datetime) -> None:
    """Keep how many announced cases of a supplier turned out not to have come."""
    _add(connection, short_ship_statistic, _SHORT, {(supplier,): (float(announced), float(short))}, now)


def _add(connection: Connection, table: Table, words: tuple[tuple[str, ...], str, str], added: Mapping[Key, tuple[float, float]], now: datetime) -> None:
    names, trials, hits = words
    wanted = sorted(key for key, (count, _) in added.items() if count)
    if not wanted:
        return
    empty = [dict(zip(names, key, strict=True)) | {trials: 0.0, hits: 0.0, "changed_at": now} for key in wanted]
    connection.execute(insert_or_leave(connection, table).on_conflict_do_nothing(), empty)
    columns = [table.c[name] for name in names]
    rows = connection.execute(select(table).where(tuple_(*columns).in_(wanted)).order_by(*columns).with_for_update()).all()
    values = []
    for row in rows:
        key = tuple(getattr(row, name) for name in names)
        count = _faded(row, trials, hits, now).plus(*added[key])
        values.append(dict(zip(names, key, strict=True)) | {trials: count.trials, hits: count.hits, "changed_at": max(now, row.changed_at)})
    statement = insert_or_leave(connection, table)
    kept = {name: statement.excluded[name] for name in (trials, hits, "changed_at")}
    connection.execute(statement.on_conflict_do_update(index_elements=list(names), set_=kept), values)


def _faded(row: Row[Any], trials: str, hits: str, now: datetime) -> Count:
    return Count(getattr(row, trials), getattr(row, hits)).later((now - row.changed_at).total_seconds())


def reads_of(connection: Connection, site: str, station: str, items: Collection[str], now: datetime) -> dict[str, Count]:
    """How often the tags of items were read at a door; items that never came there are left out."""
    mine = (tag_statistic.c.site == site) & (tag_statistic.c.station == station) & tag_statistic.c.item.in_(sorted(items))
    return {row.item: _faded(row, "there", "seen", now) for row in connection.execute(select(tag_statistic).where(mine))}


def shipped_by(connection: Connection, supplier: str, now: datetime) -> Count:
    """How often cases of a supplier did not come."""
    row = connection.execute(select(short_ship_statistic).where(short_ship_statistic.c.supplier == supplier)).one_or_none()
    return Count() if row is None else _faded(row, "announced", "short", now)


def evidence(read: Count, short: Count) -> dict[str, Any]:
    """What is known of a tag that was not read, for people and pages."""
    return {
        "read_rate": round(rate(read, READ_PRIOR), 4),
        "cases_counted": round(read.trials, 1),
        "short_rate": round(rate(short, SHORT_PRIOR), 4),
        "weak_tag_probability": round(weak_tag_probability(read, short), 4),
        "verdict": verdict(read, short),
    }


def statistics(connection: Connection, item: str | None, site: str | None, now: datetime, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Read rates by item and door, by item. Raises: BadCursorError."""
    query = select(tag_statistic)
    for column, value in ((tag_statistic.c.item, item), (tag_statistic.c.site, site)):
        if value is not None:
            query = query.where(column == value)
    order = [up(tag_statistic.c.item), up(tag_statistic.c.site), up(tag_statistic.c.station)]
    return page(connection, query, order, after, limit, lambda row: _shown(row, now))


def _shown(row: Any, now: datetime) -> dict[str, Any]:
    count = Count(row["there"], row["seen"]).later((now - row["changed_at"]).total_seconds())
    return {
        "item": row["item"],
        "site": row["site"],
        "station": row["station"],
        "cases_there": round(count.trials, 3),
        "cases_seen": round(count.hits, 3),
        "read_rate": round(rate(count, READ_PRIOR), 4),
        "changed_at": row["changed_at"],
    }
