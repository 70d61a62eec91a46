# SPDX-License-Identifier: Apache-2.0
"""What becomes of what is not there: it follows with a backorder, is dropped, or waits; and how goods that come serve who waits. Fences are held by callers,
except in `serve`, which takes its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, exists, func, insert, select, update

from central.catalog import service as catalog
from central.exceptions import service as exceptions
from central.facts import document_id
from central.ledger.rules import Fact
from central.ledger.tables import balance, reservation
from central.outbound import order_rows, promise, rules, tours
from central.outbound.intake import SiteShelf
from central.outbound.promise import Book, Goods
from central.outbound.release import release_orders
from central.outbound.tables import customer_order, order_line
from central.webhooks.service import emit


def part_rest(connection: Connection, order_id: str, now: datetime) -> None:
    """What of a shipped order was not sent follows with a backorder, or is dropped, as the order says."""
    order = order_rows.order_of(connection, order_id)
    rest = [(line, line.quantity - line.picked) for line in order_rows.lines_of(connection, [order_id])[order_id] if line.quantity > line.picked]
    if rest and order.backorders == "drop":
        drop(connection, order, rest, now)
    elif rest:
        make_backorder(connection, order, rest, now)


def make_backorder(connection: Connection, order: Row[Any], rest: Sequence[tuple[Row[Any], int]], now: datetime) -> str:
    """Move (line, quantity) of an order into a backorder, promised from what is there or expected; returns the backorder's number."""
    k = parts_of(connection, order, "backorder") + 1
    child_id, number = document_id("Backorder", order.id, str(k)), f"{order.number}/b{k}"
    _part_off(connection, order, rest, {"id": child_id, "number": number, "role": "backorder", "waits": True}, now)
    take_off(connection, order, rest, "moved", f"follows with {number}", now)
    _promise_in_turn(connection, [order.id, child_id] if order.state == "open" else [child_id], now)
    lines = [{"n": line.n, "item": line.item, "quantity": quantity} for line, quantity in rest]
    emit(connection, "order.backordered", order.id, {"channel": order.channel, "number": order.number, "backorder": number, "lines": lines}, now, order.site)
    return number


def send_ahead(connection: Connection, order: Row[Any], going: Sequence[tuple[Row[Any], int]], now: datetime) -> str:
    """Move (line, quantity) of an order that waits into a share that leaves now; the rest waits on. Returns the share's id."""
    k = parts_of(connection, order, "share") + 1
    child_id, number = document_id("SentAhead", order.id, str(k)), f"{order.number}/{k}"
    _part_off(connection, order, going, {"id": child_id, "number": number, "role": "share", "waits": False}, now)
    take_off(connection, order, going, "moved", f"leaves with {number}", now)
    _promise_in_turn(connection, [child_id, order.id], now)
    return child_id


def parts_of(connection: Connection, order: Row[Any], role: str) -> int:
    """How many shares, or backorders, an order has, those that were cancelled too: the next one gets the number after."""
    made = select(func.count()).where(customer_order.c.parent_id == order.id, customer_order.c.role == role)
    return connection.execute(made).scalar_one()


def _part_off(connection: Connection, order: Row[Any], moved: Sequence[tuple[Row[Any], int]], named: dict[str, Any], now: datetime) -> None:
    """A new open order with the terms of its parent and the lines that move to it, not promised yet."""
    head = order._asdict() | {"parent_id": order.id, "state": "open", "created_at": now} | named
    fresh = {"colour": "", "tote": "", "held": "", "lateness": "", "wave_id": None, "sourcing": None}
    none_yet = dict.fromkeys(("released_at", "picked_at", "shipped_at"))
    connection.execute(insert(customer_order).values(**head | fresh | none_yet))
    connection.execute(insert(order_line), [_moved_line(named["id"], line, quantity) for line, quantity in moved])


def _promise_in_turn(connection: Connection, order_ids: Sequence[str], now: datetime) -> None:
    """Promise open orders anew, the first of them first: what they were promised before does not count."""
    promise.forget(connection, order_ids)
    for order_id in order_ids:
        promise_anew(connection, order_id, now)


def _moved_line(order_id: str, line: Row[Any], quantity: int) -> dict[str, Any]:
    kept = {name: getattr(line, name) for name in ("n", "item", "ordered_item", "min_expiry_days")}
    return {**kept, "id": f"{order_id}/{line.n}", "order_id": order_id, "quantity": quantity, "promised": 0, "parent_line": line.id}


def drop(connection: Connection, order: Row[Any], rest: Sequence[tuple[Row[Any], int]], now: datetime) -> None:
    """Give up (line, quantity) of an order: it will not be delivered."""
    take_off(connection, order, rest, "dropped", "dropped", now)


def take_off(connection: Connection, order: Row[Any], rest: Sequence[tuple[Row[Any], int]], column: str, word: str, now: datetime) -> None:
    """Take quantities off lines into their column `moved` or `dropped`, and close the work orders that asked about them."""
    for line, quantity in rest:
        left = line.quantity - quantity
        values = {"quantity": left, column: getattr(line, column) + quantity, "promised": min(line.promised, left), "short": max(0, line.short - quantity)}
        connection.execute(update(order_line).where(order_line.c.id == line.id).values(**values))
        exceptions.settle(connection, ("order_short",), rules.line_subject(order, line), order.site, word, now)


def promise_anew(connection: Connection, order_id: str, now: datetime) -> None:
    """Promise an open order from what is there and what is expected, as soon as can be."""
    order = order_rows.order_of(connection, order_id)
    lines = order_rows.lines_of(connection, [order_id])[order_id]
    book = promise.book_of(connection, {Goods(order.site, line.item, order.owner) for line in lines}, now, without=[order_id])
    site = catalog.site_of(connection, order.site)
    shelf = SiteShelf(book, order.site, order.owner, promise.first_day(site, now))
    given = [_promised(line, shelf) for line in lines]
    promise.forget(connection, [order_id])
    _write(connection, order, given)
    due = promise.due_of(site, max((row["promised_on"] for row in given if row["promised_on"]), default=shelf.first_day))
    if order.due_at is None or due > order.due_at:
        put_off(connection, [order], due, now)


def put_off(connection: Connection, orders: Sequence[Row[Any]], due_at: datetime | None, now: datetime) -> None:
    """Orders must leave at another time: who was told that they are late is told anew if they still are."""
    for order in orders:
        connection.execute(update(customer_order).where(customer_order.c.id == order.id).values(due_at=due_at, lateness=""))
        if order.lateness:
            subject = f"{order.channel}/{order.number}"
            exceptions.settle(connection, ("order_at_risk", "order_late"), subject, order.site, "it has another time to leave now", now)


def _promised(line: Row[Any], shelf: SiteShelf) -> dict[str, Any]:
    """A line as it can be promised now; `now`: so many of it on the first day."""
    slices = shelf.slices(line.item, line.quantity, line.min_expiry_days) if line.quantity else []
    for each in slices:
        shelf.give(line.item, each.quantity, each.on_day, line.min_expiry_days)
    promised_on = max((each.on_day for each in slices), default=None)
    at_once = sum(each.quantity for each in slices if each.on_day <= shelf.first_day)
    return line._asdict() | {"promised": sum(each.quantity for each in slices), "promised_on": promised_on, "now": at_once}


def _write(connection: Connection, order: Row[Any], given: Sequence[dict[str, Any]]) -> None:
    for row in given:
        values = {"promised": row["promised"], "promised_on": row["promised_on"]}
        connection.execute(update(order_line).where(order_line.c.id == row["id"]).values(**values))
    promise.write(connection, [promise.row_of(order.site, order.owner, row) for row in given if row["promised"]])


def wait_for_goods(connection: Connection, order: Row[Any], now: datetime) -> None:
    """An open order waits for goods, with new promises; it leaves the wave in which it was planned."""
    connection.execute(update(customer_order).where(customer_order.c.id == order.id).values(waits=True, wave_id=None))
    promise_anew(connection, order.id, now)


def reopen(connection: Connection, order: Row[Any], now: datetime) -> None:
    """An order of which nothing could be reserved waits for goods again, with new promises."""
    connection.execute(update(customer_order).where(customer_order.c.id == order.id).values(state="open", released_at=None, waits=True))
    connection.execute(update(order_line).where(order_line.c.order_id == order.id).values(short=0))
    for line in order_rows.lines_of(connection, [order.id])[order.id]:
        exceptions.settle(connection, ("order_short",), rules.line_subject(order, line), order.site, "waits for goods", now)
    promise_anew(connection, order.id, now)


# --- Goods come ------------------------------------------------------------------------------------------------------------------------------------------

_HAS_SHORT = exists().where(order_line.c.order_id == customer_order.c.id, order_line.c.short > 0)
_HAS_UNPROMISED = exists().where(order_line.c.order_id == customer_order.c.id, order_line.c.promised < order_line.c.quantity)
_OPEN_AND_WAITING = (customer_order.c.state == "open") & (customer_order.c.waits | _HAS_UNPROMISED)
_TIMED_OUT = exists().where(
    order_line.c.order_id == customer_order.c.id, reservation.c.line_id == order_line.c.id, reservation.c.state == "timed_out", order_line.c.short > 0
)
"""Nobody came for the goods of it in time: they are free for others, and a person decides what becomes of it."""
_SHORT = customer_order.c.state.in_(("released", "unfilled")) & (customer_order.c.backorders != "drop") & _HAS_SHORT & ~_TIMED_OUT
WAITING = customer_order.c.state.in_(("open", "released", "unfilled")) & (customer_order.c.held == "") & (_OPEN_AND_WAITING | _SHORT)
"""Orders that goods may serve when they come: those that wait for them, those with lines that are not promised, and those that came up short."""


def waiting_sites(connection: Connection) -> list[str]:
    """Sites with orders that wait for goods."""
    return list(connection.execute(select(customer_order.c.site).distinct().where(WAITING).order_by(customer_order.c.site)).scalars())


@dataclass
class _Stock:
    """What waiting orders may count on at a site: the book of promises, and what lies where it can be picked."""

    book: Book
    pickable: dict[tuple[str, str], int]
    site: str
    today: date


def serve(connection: Connection, site: str, now: datetime, items: Collection[str] | None = None) -> list[str]:
    """Let goods of a site serve who waits for them, most urgent first: promise what was not promised, and release what is complete now.

    Of an order whose rest may follow later (`backorders`) what is there goes ahead as a share, again and again, and the rest waits on.

    An earlier promise to somebody less urgent is not broken. `items` None: whatever is waited for. Takes the fences. Returns the ids of released orders.
    """
    query = select(customer_order.c.id).where(customer_order.c.site == site, WAITING)
    if items is not None:
        query = query.where(exists().where(order_line.c.order_id == customer_order.c.id, order_line.c.item.in_(sorted(items))))
    ids = list(connection.execute(query).scalars())
    if not ids:
        return []
    order_rows.lock_orders(connection, ids)
    # Read again: what waits may have changed before the fences were held.
    orders = [order for order in order_rows.orders_of(connection, connection.execute(query).scalars()) if order.id in set(ids)]
    lines = order_rows.lines_of(connection, [order.id for order in orders])
    stock = _stock(connection, site, orders, lines, now)
    ready = [
        (order, order.id if _is_whole(order, lines[order.id], going) else send_ahead(connection, order, going, now))
        for order in orders
        if (going := _serve_one(connection, order, lines[order.id], stock))
    ]
    asked = [(_own_release(order_id, site, now), order_id) for _, order_id in ready]
    release_orders(connection, asked, now)
    # Orders of a wave are walked with it: what came since is planned into walks of their own.
    walked = {order.wave_id: fact.id for (order, _), (fact, _) in zip(ready, asked, strict=True) if order.wave_id is not None}
    for wave_id, fact_id in sorted(walked.items()):
        tours.make_tours(connection, fact_id, wave_id, now)
    return [order_id for _, order_id in ready]


_Going = list[tuple[Row[Any], int]]
"""(line, quantity) of an order that leave now."""


def _is_whole(order: Row[Any], lines: Sequence[Row[Any]], going: _Going) -> bool:
    """Whether an order is released itself: it was before, or nothing else of it would ever leave."""
    if order.state != "open" or order.backorders != "backorder":
        return True
    return sum(quantity for _, quantity in going) == sum(int(line.quantity) for line in lines)


def _stock(connection: Connection, site: str, orders: Sequence[Row[Any]], lines: dict[str, list[Row[Any]]], now: datetime) -> _Stock:
    goods = {Goods(site, line.item, order.owner) for order in orders for line in lines[order.id]}
    today = promise.today_of(catalog.site_of(connection, site), now)
    free: dict[tuple[str, str], int] = defaultdict(int)
    items = sorted({each.item for each in goods})
    for start in range(0, len(items), promise.CHUNK):
        query = select(balance.c.item, balance.c.owner, func.sum(balance.c.on_hand - balance.c.reserved).label("free")).where(
            balance.c.site == site, balance.c.item.in_(items[start : start + promise.CHUNK]), balance.c.status == "available", balance.c.pickable
        )
        for row in connection.execute(query.where(balance.c.expiry >= today).group_by(balance.c.item, balance.c.owner)):
            free[row.item, row.owner] = int(row.free)
    return _Stock(promise.book_of(connection, goods, now), free, site, today)


def _serve_one(connection: Connection, order: Row[Any], lines: Sequence[Row[Any]], stock: _Stock) -> _Going:
    """What of an order is to be released now; what it is promised is improved on the way."""
    shelf = SiteShelf(stock.book, stock.site, order.owner, stock.today)
    if order.state != "open":
        wanted = {line.id: min(line.short, shelf.can(line.item, line.min_expiry_days)) for line in lines}
        return _claim_pickable(order, [(line, wanted[line.id]) for line in lines if wanted[line.id]], stock, shelf)
    for line in lines:
        if line.promised:
            stock.book.withdraw(Goods(stock.site, line.item, order.owner), line.promised, line.promised_on, line.min_expiry_days)
    given = [_promised(line, shelf) for line in lines]
    if not all(_no_worse(line, row) for line, row in zip(lines, given, strict=True)):
        given = [_as_promised(line, stock) for line in lines]
    elif any((line.promised, line.promised_on) != (row["promised"], row["promised_on"]) for line, row in zip(lines, given, strict=True)):
        promise.forget(connection, [order.id])
        _write(connection, order, given)
    if not order.waits:
        return []
    there = [(line, row["now"]) for line, row in zip(lines, given, strict=True)]
    if all(now == line.quantity for line, now in there):
        return _claim_pickable(order, [(line, now) for line, now in there if now], stock, None)
    if order.backorders == "drop":
        # What is not promised is left out anyway: it waits for the rest alone.
        coming = any(row["promised"] > row["now"] for row in given)
        return [] if coming else _claim_pickable(order, [(line, now) for line, now in there if now], stock, None)
    return _claim_part(order, there, stock) if order.backorders == "backorder" else []


def _as_promised(line: Row[Any], stock: _Stock) -> dict[str, Any]:
    there = line.promised and line.promised_on <= stock.today
    return line._asdict() | {"now": line.promised if there else 0}


def _no_worse(line: Row[Any], row: dict[str, Any]) -> bool:
    """Whether a new promise for a line is at least as good as the one that it has."""
    return bool(row["promised"] > line.promised or (row["promised"] == line.promised and (not line.promised or row["promised_on"] <= line.promised_on)))


def _claim_pickable(order: Row[Any], wanted: _Going, stock: _Stock, shelf: SiteShelf | None) -> _Going:
    """What is wanted, if it lies where it can be picked; a short order takes what there is, an open one all or nothing. It is not given twice."""
    needed: dict[tuple[str, str], int] = defaultdict(int)
    for line, quantity in wanted:
        needed[line.item, order.owner] += quantity
    if shelf is not None:
        needed = {key: part for key, quantity in needed.items() if (part := min(quantity, stock.pickable.get(key, 0)))}
    if not needed or any(stock.pickable.get(key, 0) < quantity for key, quantity in needed.items()):
        return []
    for key, quantity in needed.items():
        stock.pickable[key] -= quantity
    if shelf is not None:
        for line, quantity in wanted:
            shelf.give(line.item, quantity, stock.today, line.min_expiry_days)
    return wanted


def _claim_part(order: Row[Any], there: _Going, stock: _Stock) -> _Going:
    """Of what is there of an order what can be picked. Lines that stand in for one item (the components of a kit) go together, whole, or not at all."""
    groups: dict[str, _Going] = defaultdict(list)
    for line, now in there:
        groups[line.ordered_item or line.id].append((line, now))
    going: _Going = []
    for group in groups.values():
        can = [(line, min(now, stock.pickable.get((line.item, order.owner), 0))) for line, now in group]
        if group[0][0].ordered_item and any(quantity < line.quantity for line, quantity in can):
            continue
        for line, quantity in can:
            if quantity:
                stock.pickable[line.item, order.owner] -= quantity
                going.append((line, quantity))
    return going


def _own_release(order_id: str, site: str, now: datetime) -> Fact:
    return Fact(document_id("OrderReleasedByItself", order_id, now.isoformat()), "dockline", None, "OrderReleased", b"{}", "dockline", now, site)
