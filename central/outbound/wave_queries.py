# SPDX-License-Identifier: Apache-2.0
"""Reading waves: lists, one with its orders and how far it is, and what a wave would be."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from central.outbound.rules import OPEN_STATES
from central.outbound.tables import customer_order, order_line, pick_task, tour, wave
from central.outbound.waves import Preview
from central.outbound.waves import wave_of as _row
from central.paging import Page, down, page


def waves(connection: Connection, site: str | None, state: str | None, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Waves, newest first. Raises: BadCursorError."""
    query = select(wave)
    query = query if site is None else query.where(wave.c.site == site)
    query = query if state is None else query.where(wave.c.state == state)
    return page(connection, query, [down(wave.c.id)], after, limit)


def row_of(connection: Connection, number: int) -> dict[str, Any]:
    """A wave's row. Raises: NotFoundError."""
    return dict(_row(connection, number)._mapping)  # noqa: SLF001  # SQLAlchemy's documented name


def wave_of(connection: Connection, number: int) -> dict[str, Any]:
    """A wave with its orders, most urgent first, and its progress. Raises: NotFoundError."""
    row = row_of(connection, number)
    names = ("id", "channel", "number", "partner", "state", "priority", "due_at", "carrier")
    mine = select(*(customer_order.c[name] for name in names)).where(customer_order.c.wave_id == number)
    orders = connection.execute(mine.order_by(customer_order.c.priority, customer_order.c.due_at, customer_order.c.number)).mappings()
    return {**row, "progress": progress_of(connection, number), "order_list": [dict(order) for order in orders]}


def progress_of(connection: Connection, number: int) -> dict[str, Any]:
    """How far a wave is: orders and walks by state, tasks open and answered, pieces wanted, picked and short."""
    mine = customer_order.c.wave_id == number
    states = connection.execute(select(customer_order.c.state, func.count().label("n")).where(mine).group_by(customer_order.c.state))
    walks = connection.execute(select(tour.c.state, func.count().label("n")).where(tour.c.wave_id == number).group_by(tour.c.state))
    tasks = select(pick_task.c.state, func.count().label("n")).join(customer_order, customer_order.c.id == pick_task.c.order_id).where(mine)
    by_state = {row.state: row.n for row in connection.execute(tasks.group_by(pick_task.c.state))}
    sums = (func.coalesce(func.sum(order_line.c[name]), 0) for name in ("quantity", "picked", "short"))
    pieces = connection.execute(select(*sums).join(customer_order, customer_order.c.id == order_line.c.order_id).where(mine)).one()
    return {
        "orders": {row.state: row.n for row in states},
        "tours": {row.state: row.n for row in walks},
        "tasks_open": sum(by_state.get(state, 0) for state in OPEN_STATES),
        "tasks_done": by_state.get("done", 0) + by_state.get("short", 0),
        "pieces": {"wanted": int(pieces[0]), "picked": int(pieces[1]), "short": int(pieces[2])},
    }


def preview_of(planned: Preview) -> dict[str, Any]:
    """What a wave would be, for people: totals, load of the zones, the orders, and who is left out by which limit."""
    chosen = planned.chosen
    return {
        "orders": len(chosen.orders),
        "lines": chosen.lines,
        "volume_cm3": chosen.volume_cm3,
        "zones": chosen.zones,
        "order_list": [{"id": row.id, "number": row.number, "priority": row.priority, "due_at": row.due_at} for row in planned.orders],
        "left_out": [{"id": order_id, "number": planned.numbers[order_id], "limit": limit} for order_id, limit in chosen.left_out],
    }
