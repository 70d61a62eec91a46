# SPDX-License-Identifier: Apache-2.0
"""Promises that cannot be kept any more, because goods were lost, counted away, held or recalled, or a delivery is late: a person is asked, once for each.

What is broken of a promise stands with it; it is given anew, or the goods are there again, and nothing of it is broken any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from central.bulk import among, update_rows
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.ledger import service as ledger
from central.outbound import atp_rules, order_rows, promise, rules
from central.outbound.promise import Goods
from central.outbound.tables import customer_order, order_line
from central.outbound.tables import promise as promise_table

KIND = "promise_broken"
_URGENT_ORDER = 2
"""Orders of this priority or a lower number cannot wait until their promised day is near."""


def sites_in_doubt(connection: Connection, now: datetime) -> list[str]:
    """Sites at which a promise looks broken, or a person was asked about one; read without fences."""
    promising = connection.execute(select(promise_table.c.site).distinct()).scalars()
    return sorted({site for site in promising if _suspects(connection, site, now)} | exceptions.open_sites(connection, KIND))


def look(connection: Connection, site: str, now: datetime) -> bool:
    """Ask a person about each promise of a site that broke since, and close what is settled; returns whether anything changed. Takes fences."""
    suspects = _suspects(connection, site, now)
    ledger.lock(connection, {(site, each.item) for each in suspects})
    found = _broken(connection, suspects, now)
    changed = [each for each in found if each.missing != each.row.broken]
    for each in changed:
        _tell(connection, each, now)
    update_rows(connection, promise_table, "line_id", ("broken",), [(each.row.line_id, each.missing) for each in changed])
    still = {rules.line_subject(each.row, each.row) for each in found if each.missing}
    settled = exceptions.open_subjects(connection, KIND, site) - still
    exceptions.settle_many(connection, (KIND,), {(subject, site) for subject in settled}, "the promise can be kept, or is not there any more", now)
    return bool(changed or settled)


@dataclass(frozen=True, slots=True)
class _Promised:
    """A promise with what names its order and line, how much of it nothing serves, and the day that it is at its site."""

    row: Row[Any]
    missing: int
    today: date


def missing_of(connection: Connection, order: Row[Any], line: Row[Any], now: datetime) -> int:
    """How much of what a line is promised nothing serves. The fences of its item are held."""
    found = _broken(connection, {Goods(order.site, line.item, order.owner)}, now)
    return sum(each.missing for each in found if each.row.line_id == line.id)


def _suspects(connection: Connection, site: str, now: datetime) -> set[Goods]:
    """Goods of which promises look broken, or were; read without fences, so it is to be looked at again with them held."""
    rows = connection.execute(_GOODS.where(promise_table.c.site == site)).all()
    goods = {Goods(site, row.item, row.owner) for row in rows}
    book = promise.book_of(connection, goods, now, enough=dict.fromkeys(goods, (0, 0)))
    known = {Goods(site, row.item, row.owner) for row in rows if row.broken}
    return known | {each for each in goods if atp_rules.broken(book.supplies[each], book.claims[each])}


_GOODS = select(promise_table.c.item, promise_table.c.owner, (promise_table.c.broken > 0).label("broken")).distinct()
_NAMES = ("id", "channel", "number", "partner", "priority", "due_at", "created_at")
_PROMISED = (
    select(promise_table, order_line.c.n, *(customer_order.c[name] for name in _NAMES))
    .join(order_line, order_line.c.id == promise_table.c.line_id)
    .join(customer_order, customer_order.c.id == promise_table.c.order_id)
    .where(customer_order.c.state == "open")
)


def _broken(connection: Connection, goods: Collection[Goods], now: datetime) -> list[_Promised]:
    """All promises of goods, with what of each nothing serves when the most urgent orders are served first."""
    book = promise.book_of(connection, goods, now)
    found: list[_Promised] = []
    for each, rows in sorted(_promises_of(connection, goods).items()):
        today = book.today[each.site]
        claims = [atp_rules.claim(row.quantity, max(row.on_day, today), row.keep_days) for row in rows]
        found += [_Promised(row, missing, today) for row, missing in zip(rows, atp_rules.unserved(book.supplies[each], claims), strict=True)]
    return found


def _promises_of(connection: Connection, goods: Collection[Goods]) -> Mapping[Goods, Sequence[Row[Any]]]:
    """Promises by goods, the most urgent order first."""
    found: dict[Goods, list[Row[Any]]] = defaultdict(list)
    mine = among(connection, promise_table.c.item, sorted({each.item for each in goods}))
    for row in connection.execute(_PROMISED.where(mine, promise_table.c.site.in_(sorted({each.site for each in goods})))):
        if (promised := Goods(row.site, row.item, row.owner)) in goods:
            found[promised].append(row)
    return {each: sorted(rows, key=lambda row: (*order_rows.urgency(row), row.n)) for each, rows in found.items()}


def _tell(connection: Connection, each: _Promised, now: datetime) -> None:
    row, subject = each.row, rules.line_subject(each.row, each.row)
    if each.missing <= row.broken:
        if not each.missing:
            exceptions.settle(connection, (KIND,), subject, row.site, "the goods are there again", now)
        return
    exceptions.settle(connection, (KIND,), subject, row.site, "more of it is missing now", now)
    told = message(
        "promise_broken",
        order=row.number,
        missing=each.missing,
        promised=row.quantity,
        item=row.item,
        site=row.site,
        day=row.on_day.isoformat(),
        partner=row.partner,
    )
    urgent = row.priority <= _URGENT_ORDER or row.on_day <= each.today
    about = {"order": row.order_id, "line": row.line_id}
    exceptions.ask_person(connection, told, subject, None, now, site=row.site, priority=2 if urgent else 3, about=about)
