# SPDX-License-Identifier: Apache-2.0
"""Reading work orders."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from central.exceptions.tables import work_order


def work_orders(connection: Connection, state: str | None = "open", before: int | None = None, limit: int = 100) -> list[dict[str, Any]]:
    """Work orders, newest first; `state` None for all, `before` an id for the next page."""
    query = select(work_order).order_by(work_order.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(work_order.c.state == state)
    if before is not None:
        query = query.where(work_order.c.id < before)
    return [dict(row) for row in connection.execute(query).mappings()]


def work_order_of(connection: Connection, number: int) -> dict[str, Any] | None:
    """One work order; None when it is not known."""
    row = connection.execute(select(work_order).where(work_order.c.id == number)).mappings().one_or_none()
    return None if row is None else dict(row)


def counts(connection: Connection) -> dict[str, int]:
    """How many work orders are in each state."""
    rows = connection.execute(select(work_order.c.state, func.count().label("number")).group_by(work_order.c.state))
    return {"open": 0, "resolved": 0} | {row.state: row.number for row in rows}
