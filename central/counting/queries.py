# SPDX-License-Identifier: Apache-2.0
"""Reading counts: lists, what a counter has to do next, the audit of differences, and the figures."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, case, cast, func, select

from central.catalog.tables import item, location
from central.counting.rules import Accuracy
from central.counting.tables import count_job, count_line, count_place, count_sheet
from central.ledger.tables import balance
from central.paging import Page, down, page, up


def jobs(state: str | None = None, site: str | None = None) -> Select[Any]:
    """Counts, to be paged newest first."""
    query = select(count_job)
    query = query.where(count_job.c.state == state) if state is not None else query
    return query.where(count_job.c.site == site) if site is not None else query


def open_jobs(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """The newest open counts, with how many of their places wait for a counter (`left`), for a decision (`review`), and how many there are."""
    waits = case((count_place.c.state.in_(("open", "recount")), 1), else_=0)
    review = case((count_place.c.state == "review", 1), else_=0)
    query = (
        select(count_job, func.count().label("places"), func.sum(waits).label("left"), func.sum(review).label("review"))
        .join(count_place, count_place.c.count_id == count_job.c.id)
        .where(count_job.c.state == "open")
        .group_by(count_job.c.id)
        .order_by(count_job.c.created_at.desc(), count_job.c.id)
        .limit(limit)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def job(connection: Connection, count_id: str) -> dict[str, Any] | None:
    """One count with how far it is; None when it is not known."""
    row = connection.execute(select(count_job).where(count_job.c.id == count_id)).mappings().one_or_none()
    if row is None:
        return None
    states = select(count_place.c.state, func.count().label("number")).where(count_place.c.count_id == count_id).group_by(count_place.c.state)
    return {**row, "places": {each.state: each.number for each in connection.execute(states)}}


def places(count_id: str, state: str | None = None) -> Select[Any]:
    """Places of a count in the order of the walk, with their location's name."""
    query = select(count_place, location.c.code, location.c.zone, location.c.aisle).outerjoin(location, location.c.place == count_place.c.place)
    query = query.where(count_place.c.count_id == count_id)
    return query.where(count_place.c.state == state) if state is not None else query


def next_place(connection: Connection, count_id: str, counter: str) -> dict[str, Any] | None:
    """The next place that this person may count, in the order of the walk; None when nothing is left for him.

    `lines` are the goods that the books have there; their quantity is left out of a blind count.
    """
    mine = select(count_sheet.c.place).where(count_sheet.c.count_id == count_id, count_sheet.c.counter == counter)
    query = places(count_id).where(count_place.c.state.in_(("open", "recount")), count_place.c.place.not_in(mine)).order_by(count_place.c.sequence).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    blind = bool(connection.execute(select(count_job.c.blind).where(count_job.c.id == count_id)).scalar())
    return {**row, "blind": blind, "lines": expected(connection, row["place"], blind=blind)}


def expected(connection: Connection, place: str, *, blind: bool) -> list[dict[str, Any]]:
    """What the books have at a place, for a counter's eyes. Of items whose `tracking` is `serial` each piece is scanned."""
    goods = (balance.c.item, balance.c.lot, balance.c.owner)
    about = (item.c.name, item.c.name_zh, item.c.uom, item.c.tracking)
    query = select(*goods, *about, func.sum(balance.c.on_hand).label("quantity")).join(item, item.c.code == balance.c.item)
    rows = connection.execute(query.where(balance.c.place == place).group_by(*goods, *about).order_by(*goods))
    return [{**row, "quantity": None if blind else int(row["quantity"])} for row in rows.mappings()]


def lines(count_id: str | None = None, state: str | None = None, site: str | None = None) -> Select[Any]:
    """Lines of counts: the differences and what became of them."""
    query = select(count_line, count_job.c.site, count_job.c.kind).join(count_job, count_job.c.id == count_line.c.count_id)
    for column, value in ((count_line.c.count_id, count_id), (count_line.c.state, state), (count_job.c.site, site)):
        query = query.where(column == value) if value is not None else query
    return query


def audit(connection: Connection, site: str, since: datetime, until: datetime, after: str | None = None, limit: int = 100) -> Page[dict[str, Any]]:
    """Differences decided in a time, by cause and item: how many, pieces too many, pieces missing, and what was refused. Largest first.

    Raises: BadCursorError.
    """
    adjusted = count_line.c.adjusted
    sums = {
        "found": case((adjusted > 0, adjusted), else_=0),
        "missing": case((adjusted < 0, -adjusted), else_=0),
        "pieces": func.abs(adjusted),
        "rejected": case((count_line.c.state == "rejected", 1), else_=0),
    }
    summed = [cast(func.sum(value), BigInteger).label(name) for name, value in sums.items()]
    lines = select(count_line.c.cause, count_line.c.item, func.count().label("lines"), *summed).join(count_job, count_job.c.id == count_line.c.count_id)
    decided = lines.where(count_job.c.site == site, count_line.c.decided_at >= since, count_line.c.decided_at < until)
    found = decided.group_by(count_line.c.cause, count_line.c.item).subquery()
    return page(connection, select(found), [down(found.c.pieces), up(found.c.cause), up(found.c.item)], after, limit)


def accuracy(connection: Connection, site: str, since: datetime, until: datetime) -> Accuracy:
    """Figures of the places that were settled in a time; see `rules.Accuracy` for the formulas. The first count of a place counts, not the recounts."""
    settled = (count_job.c.site == site, count_place.c.state == "settled", count_place.c.settled_at >= since, count_place.c.settled_at < until)
    joined = count_place.join(count_job, count_job.c.id == count_place.c.count_id)
    query = select(func.count().label("places"), func.sum(case((count_place.c.right, 1), else_=0)).label("right")).select_from(joined).where(*settled)
    totals = connection.execute(query).one()
    of_place = (count_line.c.count_id == count_place.c.count_id) & (count_line.c.place == count_place.c.place)
    pieces = select(func.sum(count_line.c.book).label("book"), func.sum(func.abs(count_line.c.adjusted)).label("off"))
    sums = connection.execute(pieces.select_from(joined.join(count_line, of_place)).where(*settled)).one()
    return Accuracy(int(totals.places), int(totals.right or 0), int(sums.book or 0), int(sums.off or 0))


def counters(connection: Connection, site: str, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """How many places each person counted in a time."""
    query = select(count_sheet.c.counter, count_sheet.c.by, func.count().label("places")).join(count_job, count_job.c.id == count_sheet.c.count_id)
    query = query.where(count_job.c.site == site, count_sheet.c.counted_at >= since, count_sheet.c.counted_at < until)
    return [dict(row) for row in connection.execute(query.group_by(count_sheet.c.counter, count_sheet.c.by).order_by(count_sheet.c.counter)).mappings()]
