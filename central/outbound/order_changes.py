# SPDX-License-Identifier: Apache-2.0
"""Use cases that change an order before it is released: other lines or terms, held, let go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from central.catalog import service as catalog
from central.catalog.rules import SiteRow
from central.errors import BusyError, ConflictError, DomainError
from central.ledger import service as ledger
from central.outbound import backorders, intake, order_rows, parting_rules, promise, service, sourcing, waves
from central.outbound.documents import OrderChange
from central.outbound.intake import SiteShelf
from central.outbound.parting_rules import Want
from central.outbound.promise import Goods
from central.outbound.sourcing_rules import Position
from central.outbound.tables import customer_order, order_line, pick_task


def change_order(
    connection: Connection, fact: ledger.Fact, order_id: str, change: OrderChange, now: datetime, check: Callable[[Connection], None] | None = None
) -> None:
    """Change an order, with its shares and backorders, of which nothing is released yet. Other lines, terms, site or (where the sites were chosen by
    distance) address: all of it is sourced and promised anew, in shares and backorders of their own; those that it had are cancelled.

    `check` is called with the fences held, before anything is written. Raises: NotFoundError. ConflictError: it, or a part of it, is released or closed
    already; or a part is to be promised anew by itself. UnknownItemError.
    """
    order = order_rows.order_of(connection, order_id)
    asked = _asked(connection, order, change) if _promises_anew(order, change) else None
    order_rows.lock_orders(connection, order_rows.family_of(connection, order_id), *(asked.goods if asked else ()))
    order = order_rows.order_of(connection, order_id)
    if ledger.recorded_before(connection, [fact]):
        ledger.record(connection, fact, now)
        return
    if check is not None:
        check(connection)
    family = [each for each in order_rows.orders_of(connection, order_rows.family_of(connection, order_id)) if each.state != "cancelled" or each.id == order_id]
    _must_be_open(order, family)
    if asked is not None and asked != _asked(connection, order, change):
        # What it was made of changed before the fences were held.
        raise BusyError
    ledger.record(connection, fact, now)
    due_stays = {each.id for each in family if not _is_derived(connection, each)}
    columns = change.columns()
    if columns:
        connection.execute(update(customer_order).where(customer_order.c.id.in_([each.id for each in family])).values(**columns))
    if asked is not None:
        due_at = change.due_at if "due_at" in change.model_fields_set else order.due_at if order.id in due_stays else None
        _source_anew(connection, fact.id, order_rows.order_of(connection, order_id), family, asked, due_at, now)
    elif "due_at" in change.model_fields_set:
        for each in family:
            backorders.put_off(connection, [each], change.due_at or _derived_due(connection, each), now)
    for number in sorted({each.wave_id for each in family if each.wave_id is not None}):
        waves.recount(connection, number)


@dataclass(frozen=True)
class _Asked:
    """What is to be promised anew: the lines, what may stand in, from which sites; `site` is the one that is named."""

    wants: list[Want]
    terms: parting_rules.Terms
    site: str | None
    sites: list[SiteRow]
    position: Position | None

    @property
    def goods(self) -> list[tuple[str, str]]:
        """The (site, item) that it may take from."""
        items = {*(want.item for want in self.wants), *intake.standing_in(self.terms)}
        return [(site.code, item) for site in self.sites for item in sorted(items)]


def _chooses_sites(order: Row[Any]) -> bool:
    """Whether the sites of an order were chosen for it, and not named by it."""
    return bool(order.sourcing and "candidates" in order.sourcing)


def _promises_anew(order: Row[Any], change: OrderChange) -> bool:
    return change.promises_anew or ("address" in change.model_fields_set and _chooses_sites(order))


def _asked(connection: Connection, order: Row[Any], change: OrderChange) -> _Asked:
    if order.parent_id is not None:
        parent = order_rows.order_of(connection, order.parent_id)
        raise ConflictError("order_parted", f"order {order.number} is a part of order {parent.number}; change that one, or cancel this part")
    wants = _wants(connection, order, change)
    substitutes = order.substitutes if change.substitutes is None else change.substitutes
    terms = intake.terms_of(connection, wants, change.backorders or order.backorders, substitutes=substitutes)
    site = change.site if "site" in change.model_fields_set else None if _chooses_sites(order) or order.state == "split" else order.site
    items = {*(want.item for want in wants), *intake.standing_in(terms)}
    sites = [sourcing.named(connection, site)] if site is not None else sourcing.candidates(connection, items)
    address = change.columns().get("address", order.address)
    return _Asked(wants, terms, site, sites, intake.customer_of(connection, order.partner, address).position)


def _must_be_open(order: Row[Any], family: Sequence[Row[Any]] = ()) -> None:
    if order.state not in ("open", "split"):
        raise ConflictError("order_not_open", f"order {order.number} is {order.state}; only an order that is not released can be changed")
    if at_work := sorted(f"{each.number} is {each.state}" for each in family if each.state not in ("open", "split")):
        text = f"a part of order {order.number} is at work already ({', '.join(at_work)}); change the parts that are open one by one, or cancel them"
        raise ConflictError("order_not_open", text)


def _wants(connection: Connection, order: Row[Any], change: OrderChange) -> list[Want]:
    """The new lines, or the present ones with what was ordered at first."""
    keep_days = change.min_remaining_days if "min_remaining_days" in change.model_fields_set else order.min_remaining_days
    if change.lines is not None:
        return intake.wants_of(connection, change.lines, order.partner, keep_days)
    lines = [line for line in order_rows.lines_of(connection, [order.id])[order.id] if not line.ordered_item and line.quantity + line.moved]
    kept = catalog.min_remaining_days(connection, order.partner, [line.item for line in lines])
    return [Want(line.n, line.item, line.quantity + line.moved, kept[line.item] if keep_days is None else keep_days) for line in lines]


def _derived_due(connection: Connection, order: Row[Any]) -> datetime:
    """When an order must leave by what it is promised: at the cut-off of its last day."""
    site = catalog.site_of(connection, order.site)
    days = [line.promised_on for line in order_rows.lines_of(connection, [order.id])[order.id] if line.promised_on is not None]
    return promise.due_of(site, max(days, default=promise.first_day(site, order.created_at)))


def _is_derived(connection: Connection, order: Row[Any]) -> bool:
    """Whether nobody said when an order must leave: then it follows from its promise, also from a new one."""
    return order.due_at is None or order.state == "split" or order.due_at == _derived_due(connection, order)


_SHARED = ("channel", "partner", "ship_when", "tote", "tare_g", "owner", "backorders", "substitutes", "min_remaining_days", "held")


def _source_anew(
    connection: Connection, fact_id: str, order: Row[Any], family: Sequence[Row[Any]], asked: _Asked, due_at: datetime | None, now: datetime
) -> None:
    """Give the order other sites, lines and promises, as if it came now. The fences are held."""
    for each in family:
        if each.id != order.id:
            service.cancel_released(connection, fact_id, each.id, now)
    promise.forget(connection, [order.id])
    book = promise.book_of(connection, {Goods(site, item, order.owner) for site, item in asked.goods}, now)
    shelves = {site.code: SiteShelf(book, site.code, order.owner, promise.first_day(site, now)) for site in asked.sites}
    plan = sourcing.plan(connection, asked.wants, asked.sites, shelves, asked.terms, asked.position, order.priority, asked=asked.site)
    had = backorders.parts_of(connection, order, "share"), backorders.parts_of(connection, order, "backorder")
    made = intake.orders_of(order.id, order.number, asked.wants, plan.shares, shelves, asked.terms, had)
    values = {name: getattr(order, name) for name in (*_SHARED, "service", "priority", "carrier", "address")} | {"created_at": now}
    written = intake.Written()
    intake.add_rows(written, made, values, {site.code: site for site in asked.sites}, due_at, first_is_there=True)
    written.lines = _over_old_lines(connection, order.id, written.lines)
    written.write(connection)
    main = made[0]
    stays = order.wave_id if (main.state, main.site, main.waits) == ("open", order.site, False) else None
    head = {"state": main.state, "site": main.site, "waits": main.waits, "sourcing": plan.why, "wave_id": stays}
    connection.execute(update(customer_order).where(customer_order.c.id == order.id).values(**head))
    backorders.put_off(connection, [order], main.due_at, now)


def _over_old_lines(connection: Connection, order_id: str, lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make room for new lines; returns those that are to be inserted. A line that was on the floor before and came back stays, as its tasks name it."""
    named = select(pick_task.c.line_id).where(pick_task.c.order_id == order_id)
    connection.execute(delete(order_line).where(order_line.c.order_id == order_id, order_line.c.id.not_in(named)))
    fresh = {row["id"]: row for row in lines}
    for old in order_rows.lines_of(connection, [order_id])[order_id]:
        gone = {"quantity": 0, "promised": 0, "promised_on": None, "moved": 0, "dropped": old.quantity + old.moved + old.dropped}
        values = fresh.pop(old.id, None)
        connection.execute(update(order_line).where(order_line.c.id == old.id).values(gone if values is None else values | {"dropped": 0}))
    return list(fresh.values())


def hold_order(connection: Connection, fact: ledger.Fact, order_id: str, reason: str, now: datetime) -> None:
    """Keep an order and its parts that are not released from being released; its promises stand. Held already: the last reason counts.

    Raises: NotFoundError. ConflictError: released or closed already.
    """
    _set_held(connection, fact, order_id, reason, now)


def let_go(connection: Connection, fact: ledger.Fact, order_id: str, now: datetime) -> None:
    """A held order may be released again. Not held changes nothing. Raises: NotFoundError. ConflictError: released or closed already."""
    _set_held(connection, fact, order_id, "", now)


def _set_held(connection: Connection, fact: ledger.Fact, order_id: str, reason: str, now: datetime) -> None:
    order_rows.lock_orders(connection, order_rows.family_of(connection, order_id))
    order = order_rows.order_of(connection, order_id)
    if order.held == reason:
        return
    _must_be_open(order)
    ledger.record(connection, fact, now)
    mine = customer_order.c.id.in_(order_rows.family_of(connection, order_id)) & customer_order.c.state.in_(("open", "split"))
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
