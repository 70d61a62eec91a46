# SPDX-License-Identifier: Apache-2.0
"""What orders have to say about stock: their names, tasks that follow goods, other goods for what was recalled or expired, who got a lot."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, func, select, update

from central.catalog import service as catalog
from central.ledger.claims import Claim
from central.ledger.rules import Fact
from central.outbound import picking, rules, service, tours, walking
from central.outbound.release import release_orders
from central.outbound.tables import customer_order, order_line, pick_task
from central.stock.listeners import Listener, Told


def name_line(connection: Connection, line_id: str) -> str | None:
    """`order 1001` for a line of an order."""
    query = select(customer_order.c.number).join(order_line, order_line.c.order_id == customer_order.c.id).where(order_line.c.id == line_id)
    number = connection.execute(query).scalar()
    return None if number is None else f"order {number}"


def claims_moved(connection: Connection, told: Told, claims: Sequence[Claim]) -> None:
    """Tasks ask for the goods where they are now. A light in the old bin goes out; the picker finds the new bin on the list."""
    moved = {claim.id: claim for claim in claims}
    rows = connection.execute(select(pick_task).where(pick_task.c.reservation_id.in_(moved), pick_task.c.state.in_(rules.OPEN_STATES))).all()
    for row in rows:
        account = moved[row.reservation_id].account
        location = catalog.location_by_place(connection, account.place)
        values = {"place": account.place, "bin": location.code, "zone": location.zone, "lot": account.lot, "unit": account.unit, "state": "listed"}
        connection.execute(update(pick_task).where(pick_task.c.id == row.id).values(**values))
    picking.put_out(connection, told.fact_id, [row for row in rows if row.state == "lit"], told.now)


def claims_voided(connection: Connection, told: Told, claims: Sequence[Claim]) -> None:
    """Cancel the tasks of goods that must not be used, and release their orders again: other goods are reserved, what is short becomes a work order."""
    query = select(pick_task).where(pick_task.c.reservation_id.in_({claim.id for claim in claims}), pick_task.c.state.in_(rules.OPEN_STATES))
    for tour_id in sorted({row.tour_id for row in connection.execute(query) if row.tour_id is not None}):
        tours.locked(connection, tour_id)
    rows = connection.execute(query).all()
    connection.execute(update(pick_task).where(pick_task.c.id.in_([row.id for row in rows])).values(state="cancelled", answered_at=told.now))
    picking.put_out(connection, told.fact_id, [row for row in rows if row.state == "lit"], told.now)
    walking.tasks_cancelled(connection, told.fact_id, [row.tour_id for row in rows if row.tour_id is not None], told.now)
    asked = [(_fact(told, order_id), order_id) for order_id in sorted({row.order_id for row in rows})]
    release_orders(connection, asked, told.now)
    for row in sorted(rows, key=lambda each: each.line_id):
        picking.note_short(connection, told.fact_id, row.line_id, told.now)
    for _, order_id in asked:
        service.settle_order(connection, told.fact_id, order_id, told.now)


def _fact(told: Told, order_id: str) -> Fact:
    """The release follows from the fact that took the goods away, and is the same one however often that is tried."""
    body = json.dumps({"because": told.fact_id, "reason": told.reason}).encode()
    number = str(uuid.uuid5(uuid.UUID(told.fact_id), order_id))
    return Fact(number, "dockline", None, "OrderReleasedAgain", body, "dockline", told.now)


def customers_of(connection: Connection, item: str, lot: str) -> list[dict[str, Any]]:
    """Who got, or is about to get, goods of a lot, by order."""
    columns = (customer_order.c.number, customer_order.c.partner, customer_order.c.site, customer_order.c.state, customer_order.c.shipped_at)
    query = select(*columns, func.sum(pick_task.c.taken).label("quantity")).join(pick_task, pick_task.c.order_id == customer_order.c.id)
    mine = query.where(pick_task.c.item == item, pick_task.c.lot == lot, pick_task.c.taken > 0).group_by(*columns).order_by(customer_order.c.number)
    return [
        {"order": row.number, "customer": row.partner, "site": row.site, "state": row.state, "shipped_at": row.shipped_at, "quantity": int(row.quantity)}
        for row in connection.execute(mine)
    ]


def _of_orders(quantity: Any, *states: str) -> Select[Any]:
    query = select(customer_order.c.site, order_line.c.item, quantity.label("quantity"))
    return query.join(order_line, order_line.c.order_id == customer_order.c.id).where(customer_order.c.state.in_(states))


def promised() -> Select[Any]:
    """SELECT site, item, quantity promised to orders that are not released."""
    return _of_orders(order_line.c.promised, "open")


def picked() -> Select[Any]:
    """SELECT site, item, quantity picked and waiting to leave."""
    return _of_orders(order_line.c.picked, "released", "picked")


LISTENER = Listener(name_line, claims_moved, claims_voided, customers_of, {"promised": promised, "picked": picked})
