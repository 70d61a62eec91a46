# SPDX-License-Identifier: Apache-2.0
"""Reading outbound: orders, pick tasks, weights, figures."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from central.outbound.rules import OPEN_STATES
from central.outbound.tables import customer_order, order_line, pick_task, weight_record


def orders(connection: Connection, state: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
    """Orders, newest first."""
    query = select(customer_order).order_by(customer_order.c.created_at.desc(), customer_order.c.id).limit(limit)
    if state is not None:
        query = query.where(customer_order.c.state == state)
    return [dict(row) for row in connection.execute(query).mappings()]


def order_of(connection: Connection, order_id: str) -> dict[str, Any] | None:
    """One order with its lines and tasks; None when it is not known."""
    row = connection.execute(select(customer_order).where(customer_order.c.id == order_id)).mappings().one_or_none()
    if row is None:
        return None
    lines = connection.execute(select(order_line).where(order_line.c.order_id == order_id).order_by(order_line.c.n)).mappings()
    tasks = connection.execute(select(pick_task).where(pick_task.c.order_id == order_id).order_by(pick_task.c.bin, pick_task.c.id)).mappings()
    return {**row, "lines": [dict(line) for line in lines], "tasks": [dict(task) for task in tasks]}


def pick_tasks(connection: Connection, *, open_only: bool = True, station: str | None = None, limit: int = 200) -> list[dict[str, Any]]:
    """Pick tasks with their order's number, oldest first when open, else newest first: the pick list."""
    query = select(pick_task, customer_order.c.number.label("order")).join(customer_order, customer_order.c.id == pick_task.c.order_id)
    query = query.where(pick_task.c.state.in_(OPEN_STATES)) if open_only else query
    query = query.where(pick_task.c.station == station) if station is not None else query
    order = pick_task.c.created_at if open_only else pick_task.c.created_at.desc()
    return [dict(row) for row in connection.execute(query.order_by(order, pick_task.c.bin).limit(limit)).mappings()]


def weights(connection: Connection, station: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
    """Weights, newest first."""
    query = select(weight_record).order_by(weight_record.c.weighed_at.desc()).limit(limit)
    query = query.where(weight_record.c.station == station) if station is not None else query
    return [dict(row) for row in connection.execute(query).mappings()]


def figures(connection: Connection) -> dict[str, int]:
    """Counts of what outbound did. A line is picked when all of it was, short when a picker found less than asked, even if the rest came from elsewhere."""

    def lines(*where: Any) -> int:
        query = select(func.count()).select_from(order_line.join(customer_order, customer_order.c.id == order_line.c.order_id))
        return int(connection.execute(query.where(*where)).scalar_one())

    return {
        "lines_ordered": lines(),
        "lines_picked": lines(order_line.c.picked == order_line.c.quantity),
        "lines_short": lines(order_line.c.id.in_(select(pick_task.c.line_id).where(pick_task.c.state == "short"))),
        "weights_recorded": int(connection.execute(select(func.count()).select_from(weight_record)).scalar_one()),
    }
