# SPDX-License-Identifier: Apache-2.0
"""What time brings: reservations whose deadline has passed, walks that found nobody, and lights whose gateway never answered.

The goods of the former are free again, their tasks are taken back, and what the line is short of is asked of a person.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.exc import SQLAlchemyError

from central.bulk import among
from central.changes import Changes
from central.database import in_transaction
from central.errors import DomainError
from central.ledger import service as ledger
from central.ledger.tables import reservation
from central.outbound import confirming, picking, rules, service, tours, unanswered, walking
from central.outbound.tables import pick_task

log = logging.getLogger(__name__)

EVERY_S = 5.0
AT_ONCE_MAX = 100


def time_out(connection: Connection, now: datetime) -> int:
    """Time out what is overdue at one site, the oldest first, at most AT_ONCE_MAX; returns how many reservations."""
    first = ledger.overdue(connection, now, AT_ONCE_MAX)
    if not first:
        return 0
    _take_hold(connection, first)
    rows = _still_overdue(connection, first, now)
    site = rows[0].site if rows else ""
    mine = [row.id for row in rows if row.site == site]
    if mine:
        body = json.dumps({"reservations": mine}).encode()
        fact = ledger.Fact(str(uuid.uuid4()), "central", None, "ReservationsTimedOut", body, "dockline", now, site)
        ledger.record(connection, fact, now)
        ledger.release_many(connection, mine, fact.id, "timed_out")
        _take_back(connection, fact.id, mine, now)
    return len(mine)


def _take_hold(connection: Connection, ids: Sequence[str]) -> None:
    """The fences of the reservations and of all items of their orders (an order may move on in this transaction), then the tours."""
    tasks = connection.execute(select(pick_task.c.id).where(among(connection, pick_task.c.reservation_id, ids))).scalars().all()
    own = connection.execute(select(reservation.c.site, reservation.c.item).where(among(connection, reservation.c.id, ids)))
    confirming.hold(connection, tasks, {(row.site, row.item) for row in own})


def _still_overdue(connection: Connection, ids: Sequence[str], now: datetime) -> Sequence[Any]:
    mine = among(connection, reservation.c.id, ids)
    query = select(reservation.c.id, reservation.c.site).where(mine, reservation.c.state == "pending", reservation.c.deadline_at <= now)
    return connection.execute(query.order_by(reservation.c.deadline_at, reservation.c.id)).all()


def _take_back(connection: Connection, fact_id: str, reservation_ids: Sequence[str], now: datetime) -> None:
    waiting = among(connection, pick_task.c.reservation_id, reservation_ids) & pick_task.c.state.in_(rules.OPEN_STATES)
    rows = connection.execute(select(pick_task).where(waiting).order_by(pick_task.c.id)).all()
    connection.execute(update(pick_task).where(waiting).values(state="cancelled", answered_at=now))
    picking.put_out(connection, fact_id, [row for row in rows if row.state == "lit"], now)
    walking.tasks_cancelled(connection, fact_id, [row.tour_id for row in rows if row.tour_id is not None], now)
    for line_id in sorted({row.line_id for row in rows}):
        picking.note_short(connection, fact_id, line_id, now)
    for order_id in sorted({row.order_id for row in rows}):
        service.settle_order(connection, fact_id, order_id, now)


async def watch(engine: Engine, clock: Callable[[], datetime], changes: Changes, every_s: float = EVERY_S) -> None:
    """Look after deadlines for as long as the service lives."""
    while True:
        timed_out = 0
        try:
            timed_out = await asyncio.to_thread(in_transaction, engine, partial(time_out, now=clock()))
            given = await asyncio.to_thread(in_transaction, engine, partial(tours.dispatch_everywhere, now=clock()))
            told = await asyncio.to_thread(in_transaction, engine, partial(unanswered.look_after, now=clock()))
            if timed_out or given or told:
                changes.tell()
        except (DomainError, SQLAlchemyError) as error:
            log.warning("looking after deadlines and walks failed, trying again", extra={"reason": str(error)})
        await asyncio.sleep(0 if timed_out else every_s)
