# SPDX-License-Identifier: Apache-2.0
"""Rows of orders and lines, many at a time, in the order in which orders are served; and why an order cannot be released."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from central.catalog import service as catalog
from central.errors import ConflictError, NotFoundError
from central.ledger import service as ledger
from central.outbound import promise
from central.outbound.tables import customer_order, order_line


def chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    """Distinct ids in rising order, so many at a time as one statement takes."""
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), promise.CHUNK):
        yield ordered[start : start + promise.CHUNK]


def order_of(connection: Connection, order_id: str) -> Row[Any]:
    """An order's row. Raises: NotFoundError."""
    row = connection.execute(select(customer_order).where(customer_order.c.id == order_id)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_order", f"order {order_id} is not known")
    return row


def orders_of(connection: Connection, order_ids: Iterable[str]) -> list[Row[Any]]:
    """The rows of orders, most urgent first. Unknown ids are left out."""
    rows = [row for part in chunks(order_ids) for row in connection.execute(select(customer_order).where(customer_order.c.id.in_(part)))]
    return sorted(rows, key=urgency)


def urgency(order: Any) -> tuple[int, float, datetime, str]:
    """What sorts rows of orders by who is served first: priority, then when it must leave, then age."""
    return (order.priority, order.due_at.timestamp() if order.due_at else float("inf"), order.created_at, order.id)


def lines_of(connection: Connection, order_ids: Iterable[str]) -> dict[str, list[Row[Any]]]:
    """The lines of orders by order, in their order."""
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    for part in chunks(order_ids):
        query = select(order_line).where(order_line.c.order_id.in_(part)).order_by(order_line.c.order_id, order_line.c.n)
        for row in connection.execute(query):
            found[row.order_id].append(row)
    return found


def family_of(connection: Connection, order_id: str) -> list[str]:
    """The ids of an order and of all its shares and backorders, theirs included; parents first."""
    found, newest = [order_id], [order_id]
    while newest:
        newest = list(connection.execute(select(customer_order.c.id).where(customer_order.c.parent_id.in_(newest)).order_by(customer_order.c.number)).scalars())
        found += newest
    return found


def lock_orders(connection: Connection, order_ids: Iterable[str], *more: tuple[str, str]) -> None:
    """Take the fences of all items of orders, and `more` (site, item), in one go: nobody else picks, releases, changes or cancels them meanwhile."""
    ids = list(order_ids)
    pairs = select(customer_order.c.site, order_line.c.item).distinct().join(order_line, order_line.c.order_id == customer_order.c.id)
    mine = {(row.site, row.item) for part in chunks(ids) for row in connection.execute(pairs.where(customer_order.c.id.in_(part)))}
    ledger.lock(connection, {(site, item) for site, item in (*mine, *more) if site})


def refusals(connection: Connection, orders: Sequence[Row[Any]], now: datetime) -> dict[str, ConflictError]:
    """Why orders cannot be released, by id, for those that cannot: closed, split between sites, held, or waiting until all of it is there."""
    waiting = [order for order in orders if order.state == "open" and order.backorders == "wait"]
    lines = lines_of(connection, [order.id for order in waiting])
    first = {site: promise.first_day(catalog.site_of(connection, site), now) for site in sorted({order.site for order in waiting})}
    incomplete = {order.id for order in waiting if not all(_there(line, first[order.site]) for line in lines[order.id])}
    return {order.id: error for order in orders if (error := _refusal(order, order.id in incomplete))}


def _refusal(order: Row[Any], incomplete: bool) -> ConflictError | None:
    if order.state == "split":
        return ConflictError("order_split", f"order {order.number} is split between sites; release its shares")
    if order.state in ("shipped", "cancelled"):
        return ConflictError("order_closed", f"order {order.number} is {order.state} already")
    if order.held:
        return ConflictError("order_held", f"order {order.number} is held ({order.held}); let it go, then release it")
    if incomplete:
        return ConflictError("order_incomplete", f"order {order.number} waits until all of it is there; it is released by itself then, or let it go in parts")
    return None


def _there(line: Row[Any], first_day: date) -> bool:
    """Whether all of a line is promised for the next day on which goods leave, or before."""
    return bool(line.promised == line.quantity and (not line.quantity or (line.promised_on is not None and line.promised_on <= first_day)))
