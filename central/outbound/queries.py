# SPDX-License-Identifier: Apache-2.0
"""Reading outbound: orders, pick tasks, weights, figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from central.outbound import order_rows, rules
from central.outbound.rules import OPEN_STATES
from central.outbound.tables import customer_order, order_line, pick_task, weight_record
from central.paging import Page, down, page, up


def orders(connection: Connection, wanted: Mapping[str, Any], after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Orders, newest first, whose columns are as wanted; None in `wanted` does not matter. Raises: BadCursorError."""
    query = select(customer_order)
    for name, value in wanted.items():
        query = query if value is None else query.where(customer_order.c[name] == value)
    return page(connection, query, [down(customer_order.c.created_at), down(customer_order.c.id)], after, limit)


def order_of(connection: Connection, order_id: str) -> dict[str, Any] | None:
    """One order with its lines, tasks, shares and backorders, and how far all of it is; None when it is not known."""
    row = connection.execute(select(customer_order).where(customer_order.c.id == order_id)).mappings().one_or_none()
    if row is None:
        return None
    lines = connection.execute(select(order_line).where(order_line.c.order_id == order_id).order_by(order_line.c.n)).mappings()
    tasks = connection.execute(select(pick_task).where(pick_task.c.order_id == order_id).order_by(pick_task.c.bin, pick_task.c.id)).mappings()
    family = order_rows.orders_of(connection, order_rows.family_of(connection, order_id))
    parts = [
        {"id": each.id, "number": each.number, "site": each.site, "role": each.role, "state": each.state, "due_at": each.due_at}
        for each in sorted(family, key=lambda each: each.number)
        if each.id != order_id
    ]
    shown = [{**line, "ordered": line["quantity"] + line["moved"] + line["dropped"]} for line in lines]
    return {**row, "lines": shown, "tasks": [dict(task) for task in tasks], "orders": parts, "progress": _progress(connection, family)}


def _progress(connection: Connection, family: Sequence[Any]) -> dict[str, Any]:
    """How far an order with all its parts is, in pieces, and in a word."""
    states = {order.id: order.state for order in family}
    lines = [(states[order_id], line) for order_id, mine in order_rows.lines_of(connection, states).items() for line in mine]
    return {
        "state": rules.progress_of([order.state for order in family]),
        "wanted": sum(line.quantity for state, line in lines if state != "cancelled"),
        "picked": sum(line.picked for state, line in lines if state != "cancelled"),
        "shipped": sum(line.picked for state, line in lines if state == "shipped"),
        "dropped": sum(line.dropped for _, line in lines),
    }


def pick_tasks(connection: Connection, *, open_only: bool, station: str | None, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Pick tasks with their order's number, oldest first when open, else newest first: the pick list. Raises: BadCursorError."""
    query = select(pick_task, customer_order.c.number.label("order")).join(customer_order, customer_order.c.id == pick_task.c.order_id)
    query = query.where(pick_task.c.state.in_(OPEN_STATES)) if open_only else query
    query = query.where(pick_task.c.station == station) if station is not None else query
    way = up if open_only else down
    return page(connection, query, [way(pick_task.c.created_at), way(pick_task.c.bin), way(pick_task.c.id)], after, limit)


def weights(connection: Connection, station: str | None, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Weights, newest first. Raises: BadCursorError."""
    query = select(weight_record)
    query = query.where(weight_record.c.station == station) if station is not None else query
    return page(connection, query, [down(weight_record.c.weighed_at), down(weight_record.c.event_id)], after, limit)


def figures(connection: Connection) -> dict[str, int]:
    """Counts of what outbound did. A line is picked when all of it was, short when a picker found less than asked, even if the rest came from elsewhere."""

    def lines(*where: Any) -> int:
        query = select(func.count()).select_from(order_line.join(customer_order, customer_order.c.id == order_line.c.order_id))
        return int(connection.execute(query.where(*where)).scalar_one())

    return {
        "lines_ordered": lines(),
        "lines_picked": lines(order_line.c.quantity > 0, order_line.c.picked == order_line.c.quantity),
        "lines_short": lines(order_line.c.id.in_(select(pick_task.c.line_id).where(pick_task.c.state == "short"))),
        "weights_recorded": int(connection.execute(select(func.count()).select_from(weight_record)).scalar_one()),
    }
