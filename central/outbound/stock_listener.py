# SPDX-License-Identifier: Apache-2.0
"""What orders have to say about stock: their names, tasks that follow goods, other goods for what was recalled or expired, who got a lot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, func, select, update

from central.catalog import service as catalog
from central.ledger import service as ledger
from central.ledger.claims import Claim
from central.outbound import picking, rules
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
    """Cancel the tasks of goods that must not be used, and reserve others for their lines; what is short becomes a work order."""
    wanted = {claim.id for claim in claims}
    rows = connection.execute(select(pick_task).where(pick_task.c.reservation_id.in_(wanted), pick_task.c.state.in_(rules.OPEN_STATES))).all()
    if not rows:
        return
    connection.execute(update(pick_task).where(pick_task.c.id.in_([row.id for row in rows])).values(state="cancelled", answered_at=told.now))
    picking.put_out(connection, told.fact_id, [row for row in rows if row.state == "lit"], told.now)
    for order_id in sorted({row.order_id for row in rows}):
        _reserve_others(connection, told, order_id, {row.line_id for row in rows if row.order_id == order_id})


def _reserve_others(connection: Connection, told: Told, order_id: str, line_ids: set[str]) -> None:
    order = connection.execute(select(customer_order).where(customer_order.c.id == order_id)).one()
    lines = connection.execute(select(order_line).where(order_line.c.id.in_(sorted(line_ids))).order_by(order_line.c.n)).all()
    demand = [_demand(connection, order, line, told) for line in lines]
    made = ledger.reserve(connection, told.fact_id, [each for each in demand if each.quantity], told.now)
    picking.make_tasks(connection, told.fact_id, order_id, made, told.now, second_try=False)
    for line in lines:
        picking.note_short(connection, told.fact_id, line.id, told.now)


def _demand(connection: Connection, order: Any, line: Any, told: Told) -> ledger.Demand:
    wanted = picking.outstanding(connection, line)
    return ledger.Demand(line.id, order.site, line.item, wanted, owner=order.owner)


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
