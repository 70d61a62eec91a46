# SPDX-License-Identifier: Apache-2.0
"""Use cases that change an order before it is released: other lines or terms, held, let go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from central.catalog import service as catalog
from central.errors import ConflictError, DomainError
from central.ledger import service as ledger
from central.outbound import intake, order_rows, parting_rules, promise
from central.outbound.documents import OrderChange
from central.outbound.intake import Made, SiteShelf
from central.outbound.parting_rules import Want
from central.outbound.promise import Goods
from central.outbound.tables import customer_order, order_line


def change_order(
    connection: Connection, fact: ledger.Fact, order_id: str, change: OrderChange, now: datetime, check: Callable[[Connection], None] | None = None
) -> None:
    """Change an order that is not released yet. New lines or other terms are promised anew, from scratch; the rest also holds for its shares and backorders.

    `check` is called with the fences held, before anything is written. Raises: NotFoundError. ConflictError: released or closed already, or new lines for
    an order that is parted. UnknownItemError.
    """
    family = order_rows.family_of(connection, order_id)
    order = order_rows.order_of(connection, order_id)
    wants = _wants(connection, order, change) if change.promises_anew else []
    terms = intake.terms_of(connection, wants, change.backorders or order.backorders, substitutes=_either(change.substitutes, order.substitutes))
    items = {*(want.item for want in wants), *intake.standing_in(terms)}
    order_rows.lock_orders(connection, family, *((order.site, item) for item in items))
    order = order_rows.order_of(connection, order_id)
    if ledger.recorded_before(connection, [fact]):
        ledger.record(connection, fact, now)
        return
    if check is not None:
        check(connection)
    _must_be_open(order)
    ledger.record(connection, fact, now)
    columns = change.columns()
    if columns:
        mine = customer_order.c.id.in_(family) & customer_order.c.state.in_(("open", "split"))
        connection.execute(update(customer_order).where(mine).values(**columns))
    if change.promises_anew:
        if len(family) > 1 or order.parent_id is not None:
            raise ConflictError("order_parted", f"order {order.number} is parted between sites or days; cancel it and send another one with the new lines")
        _rewrite(connection, order_rows.order_of(connection, order_id), wants, terms, items, change.due_at, now)


def _either(new: bool | None, old: bool) -> bool:
    return old if new is None else new


def _must_be_open(order: Row[Any]) -> None:
    if order.state not in ("open", "split"):
        raise ConflictError("order_not_open", f"order {order.number} is {order.state}; only an order that is not released can be changed")


def _wants(connection: Connection, order: Row[Any], change: OrderChange) -> list[Want]:
    """The new lines, or the present ones with what was ordered at first."""
    keep_days = change.min_remaining_days if "min_remaining_days" in change.model_fields_set else order.min_remaining_days
    if change.lines is not None:
        return intake.wants_of(connection, change.lines, order.partner, keep_days)
    lines = [line for line in order_rows.lines_of(connection, [order.id])[order.id] if not line.ordered_item]
    kept = catalog.min_remaining_days(connection, order.partner, [line.item for line in lines])
    return [Want(line.n, line.item, line.quantity + line.moved, kept[line.item] if keep_days is None else keep_days) for line in lines]


def _rewrite(
    connection: Connection, order: Row[Any], wants: list[Want], terms: parting_rules.Terms, items: set[str], due_at: datetime | None, now: datetime
) -> None:
    promise.forget(connection, [order.id])
    connection.execute(delete(order_line).where(order_line.c.order_id == order.id))
    site = catalog.site_of(connection, order.site)
    book = promise.book_of(connection, {Goods(order.site, item, order.owner) for item in items}, now)
    shelf = SiteShelf(book, order.site, order.owner, promise.first_day(site, now))
    main = Made(order.id, order.number, order.site, order.role, {want.n: want for want in wants})
    made = intake.with_backorder(main, parting_rules.part_order(wants, shelf, terms))
    shared = ("channel", "partner", "ship_when", "tote", "tare_g", "owner", "backorders", "substitutes", "min_remaining_days")
    values = {name: getattr(order, name) for name in (*shared, "service", "priority", "carrier", "address")} | {"created_at": now}
    written = intake.Written()
    intake.add_rows(written, made, values, {order.site: site}, due_at, first_is_there=True)
    written.write(connection)
    connection.execute(update(customer_order).where(customer_order.c.id == order.id).values(due_at=made[0].due_at, waits=made[0].waits))


def hold_order(connection: Connection, fact: ledger.Fact, order_id: str, reason: str, now: datetime) -> None:
    """Keep an order and its parts that are not released from being released; its promises stand. Held already: the last reason counts.

    Raises: NotFoundError. ConflictError: released or closed already.
    """
    _set_held(connection, fact, order_id, reason, now)


def let_go(connection: Connection, fact: ledger.Fact, order_id: str, now: datetime) -> None:
    """A held order may be released again. Not held changes nothing. Raises: NotFoundError. ConflictError: released or closed already."""
    _set_held(connection, fact, order_id, "", now)


def _set_held(connection: Connection, fact: ledger.Fact, order_id: str, reason: str, now: datetime) -> None:
    family = order_rows.family_of(connection, order_id)
    order_rows.lock_orders(connection, family)
    order = order_rows.order_of(connection, order_id)
    if order.held == reason:
        return
    _must_be_open(order)
    ledger.record(connection, fact, now)
    mine = customer_order.c.id.in_(family) & customer_order.c.state.in_(("open", "split"))
    connection.execute(update(customer_order).where(mine).values(held=reason))


def sourcing_of(connection: Connection, order_id: str) -> dict[str, Any]:
    """Which sites were looked at for an order, which were chosen, and why; that of the whole order for a share of it.

    Raises: NotFoundError. DomainError `sourcing_unknown`: the order was taken before this was kept.
    """
    order = order_rows.order_of(connection, order_id)
    while order.sourcing is None and order.parent_id is not None:
        order = order_rows.order_of(connection, order.parent_id)
    if order.sourcing is None:
        raise DomainError("sourcing_unknown", f"order {order.number} was taken before it was kept how its site was chosen")
    parts = connection.execute(
        select(customer_order.c.id, customer_order.c.number, customer_order.c.site, customer_order.c.role, customer_order.c.state)
        .where(customer_order.c.parent_id == order.id)
        .order_by(customer_order.c.number)
    ).mappings()
    return {"order": order.id, "number": order.number, **order.sourcing, "orders": [dict(row) for row in parts]}
