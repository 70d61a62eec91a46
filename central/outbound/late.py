# SPDX-License-Identifier: Apache-2.0
"""Background work of orders: goods that came serve who waits; a person hears once of an order that is or will be late, and of a promise that broke."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from math import inf
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, update
from sqlalchemy.exc import SQLAlchemyError

from central.changes import Changes
from central.database import in_transaction, reading
from central.errors import BusyError, DomainError
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.outbound import backorders, broken_promises
from central.outbound.tables import customer_order

log = logging.getLogger(__name__)

AT_RISK = timedelta(hours=2)
"""So long before it must leave a person hears of an order that is not on its way to the stage (guessed: two waves)."""
AT_ONCE_MAX = 200
EVERY_S = 5.0
AT_LEAST_S = 1.0
_UNFINISHED = ("open", "released", "picked", "unfilled")


def tell_late(connection: Connection, now: datetime) -> int:
    """Raise a work order for each order that became late, or will unless somebody acts; once for each. Returns how many."""
    late = customer_order.c.state.in_(_UNFINISHED) & (customer_order.c.lateness != "late") & (customer_order.c.due_at <= now)
    soon = customer_order.c.due_at <= now + AT_RISK
    # An order that came less than that before its time is not at risk for that alone.
    at_risk = customer_order.c.state.in_(("open", "unfilled")) & (customer_order.c.lateness == "") & soon & (customer_order.c.created_at <= now - AT_RISK)
    rows = connection.execute(select(customer_order).where(late | at_risk).order_by(customer_order.c.due_at, customer_order.c.id).limit(AT_ONCE_MAX)).all()
    for row in rows:
        _tell(connection, row, now)
    return len(rows)


def _tell(connection: Connection, order: Row[Any], now: datetime) -> None:
    late = order.due_at <= now
    marked = update(customer_order).where(customer_order.c.id == order.id, customer_order.c.lateness == order.lateness)
    if connection.execute(marked.values(lateness="late" if late else "at_risk").returning(customer_order.c.id)).scalar() is None:
        return
    due = order.due_at.isoformat(timespec="minutes")
    about = {"order": order.number, "site": order.site, "due": due, "state": order.state, "partner": order.partner}
    told = message("order_late", **about) if late else message("order_at_risk", **about)
    subject = f"{order.channel}/{order.number}"
    if late:
        exceptions.settle(connection, ("order_at_risk",), subject, order.site, "it is late now", now)
    exceptions.ask_person(connection, told, subject, None, now, site=order.site, priority=1 if order.priority <= 2 else 2, about={"order": order.id})


def watch_once(engine: Engine, now: datetime) -> bool:
    """Serve who waits, site by site, then tell who is late; each in a transaction of its own. Returns whether anything changed."""
    with reading(engine) as connection:
        sites = backorders.waiting_sites(connection)
    released = [_at(engine, site, now, backorders.serve) for site in sites]
    return bool(in_transaction(engine, lambda connection: tell_late(connection, now))) or any(released)


def look_at_promises(engine: Engine, now: datetime) -> bool:
    """Ask about promises that cannot be kept any more, site by site; each in a transaction of its own. Returns whether anything changed."""
    with reading(engine) as connection:
        sites = broken_promises.sites_in_doubt(connection, now)
    changed = [_at(engine, site, now, broken_promises.look) for site in sites]
    return any(changed)


def _at(engine: Engine, site: str, now: datetime, work: Callable[[Connection, str, datetime], object]) -> bool:
    try:
        return bool(in_transaction(engine, lambda connection: work(connection, site, now)))
    except DomainError as error:
        # One site in trouble must not keep the goods of the others.
        log.warning("looking after the orders of a site failed, trying again", extra={"site": site, "code": error.code, "reason": error.message})
        return False


async def watch(engine: Engine, clock: Callable[[], datetime], changes: Changes) -> None:
    """Look after orders for as long as the service lives: soon after something changed, and every few seconds."""
    looked_at = -inf
    while True:
        seen = changes.count
        try:
            changed = await asyncio.to_thread(watch_once, engine, clock())
            if time.monotonic() - looked_at >= EVERY_S:
                changed |= await asyncio.to_thread(look_at_promises, engine, clock())
                looked_at = time.monotonic()
            if changed:
                changes.tell()
        except (BusyError, SQLAlchemyError) as error:
            log.warning("looking after orders failed, trying again", extra={"reason": str(error)})
        await asyncio.sleep(AT_LEAST_S)
        await changes.wait(seen, EVERY_S)
