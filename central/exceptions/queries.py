# SPDX-License-Identifier: Apache-2.0
"""Reading work orders."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from central.exceptions.resolutions import Case, collect_actions, offers
from central.exceptions.tables import work_order
from central.paging import Page, down, page, up


def work_orders(
    connection: Connection,
    now: datetime,
    *,
    state: str | None = "open",
    kind: str | None = None,
    site: str | None = None,
    owner: str | None = None,
    urgent_first: bool = False,
    after: str | None = None,
    limit: int = 100,
) -> Page[dict[str, Any]]:
    """Work orders, newest first, or the most urgent and oldest; `state` None for all, `owner` empty for those that nobody has. Raises: BadCursorError."""
    query = select(work_order)
    for column, value in ((work_order.c.state, state), (work_order.c.kind, kind), (work_order.c.site, site), (work_order.c.owner, owner)):
        if value is not None:
            query = query.where(column == value)
    order = [up(work_order.c.priority), up(work_order.c.id)] if urgent_first else [down(work_order.c.id)]
    return page(connection, query, order, after, limit, lambda row: _shown(connection, row, now))


def work_order_of(connection: Connection, number: int, now: datetime) -> dict[str, Any] | None:
    """One work order; None when it is not known."""
    row = connection.execute(select(work_order).where(work_order.c.id == number)).mappings().one_or_none()
    return None if row is None else _shown(connection, row, now)


def _shown(connection: Connection, row: RowMapping, now: datetime) -> dict[str, Any]:
    """A work order with its age, whether it is late, and what can be done about it at one touch."""
    open_ = row["state"] == "open"
    case = Case(row["id"], row["kind"], row["subject"], row["site"], row["about"], row["params"], row["event_id"])
    actions = offers(connection, collect_actions(), case, now) if open_ else []
    age = (row["resolved_at"] or now) - row["created_at"]
    return {
        **row,
        "age_s": int(age.total_seconds()),
        "late": bool(open_ and row["due_at"] and now > row["due_at"]),
        "actions": [{"code": each.code, "label": each.label} for each in actions],
    }


def counts(connection: Connection) -> dict[str, int]:
    """How many work orders are in each state."""
    rows = connection.execute(select(work_order.c.state, func.count().label("number")).group_by(work_order.c.state))
    return {"open": 0, "resolved": 0} | {row.state: row.number for row in rows}
