# SPDX-License-Identifier: Apache-2.0
"""What keeps a package from leaving: still open, a wrong weight, an order that does not go, a recalled lot, goods on hold. Read for many at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

from central.bulk import among
from central.catalog import service as catalog
from central.catalog.tables import lot
from central.errors import DomainError
from central.ledger.tables import balance
from central.outbound.tables import customer_order
from central.shipping.tables import package, package_line

COLUMNS = (package.c.sscc, package.c.order_id, package.c.site, package.c.state, package.c.verdict)
"""What `blocked` looks at of a package."""
_GOING = ("released", "picked", "shipped")


def blocked(connection: Connection, rows: Sequence[Row[Any]]) -> dict[str, str]:
    """Why packages (rows with `COLUMNS`, of one site) may not leave, in words, by SSCC; those that may are not named."""
    orders = _orders(connection, {row.order_id for row in rows})
    reasons: dict[str, str] = {row.sscc: why for row in rows if (why := _by_itself(row, orders))}
    return _goods_of(connection, [row for row in rows if row.sscc not in reasons]) | reasons


def _orders(connection: Connection, ids: Iterable[str]) -> dict[str, Any]:
    query = select(customer_order.c.id, customer_order.c.number, customer_order.c.state).where(among(connection, customer_order.c.id, sorted(set(ids))))
    return {row.id: row for row in connection.execute(query)}


def _by_itself(row: Row[Any], orders: dict[str, Any]) -> str:
    if row.state == "open":
        return "it is still open at the pack station"
    if row.state == "void":
        return "it was thrown away"
    if row.state == "closed" and row.verdict == "wrong":
        return "its weight is wrong"
    order = orders[row.order_id]
    return "" if order.state in _GOING else f"order {order.number} is {order.state}"


def _goods_of(connection: Connection, rows: Sequence[Row[Any]]) -> dict[str, str]:
    """Packages with a recalled lot, or with goods of which too few at the stage are free to go."""
    inside = [row for row in rows if row.state != "shipped"]
    if not inside:
        return {}
    goods = select(package_line.c.sscc, package_line.c.item, package_line.c.lot, package_line.c.quantity)
    lines = connection.execute(goods.where(among(connection, package_line.c.sscc, [row.sscc for row in inside]))).all()
    recalled, held = _recalled(connection, {line.item for line in lines}), _held(connection, inside[0].site, {line.item for line in lines})
    reasons: dict[str, str] = {}
    if not recalled and not held:
        return {}
    for line in sorted(lines, key=lambda each: (each.sscc, each.item, each.lot)):
        if (line.item, line.lot) in recalled:
            reasons.setdefault(line.sscc, f"lot {line.lot} of item {line.item} is recalled")
        elif held.get((line.item, line.lot), line.quantity) < line.quantity:
            reasons.setdefault(line.sscc, f"item {line.item} lot {line.lot or '-'} is on hold")
    return reasons


def _recalled(connection: Connection, items: Iterable[str]) -> set[tuple[str, str]]:
    query = select(lot.c.item, lot.c.lot).where(among(connection, lot.c.item, sorted(set(items))), lot.c.held)
    return {(row.item, row.lot) for row in connection.execute(query)}


def _held(connection: Connection, site: str, items: Iterable[str]) -> dict[tuple[str, str], int]:
    """What is free at the stage of items and lots some of which are not: nothing is said of those that are all free."""
    try:
        stage = catalog.stage_of(connection, site)
    except DomainError:
        return {}
    query = select(balance.c.item, balance.c.lot, balance.c.status, func.sum(balance.c.on_hand).label("on_hand"))
    query = query.where(balance.c.place == stage, among(connection, balance.c.item, sorted(set(items))), balance.c.on_hand > 0)
    by_status: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for row in connection.execute(query.group_by(balance.c.item, balance.c.lot, balance.c.status)):
        by_status[row.item, row.lot][row.status] = int(row.on_hand)
    return {key: said.get("available", 0) for key, said in by_status.items() if set(said) != {"available"}}
