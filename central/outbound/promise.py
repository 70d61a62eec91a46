# SPDX-License-Identifier: Apache-2.0
"""What can be promised: supplies and claims of items at sites, read from stock, from what is expected, and from the promises that stand.

A promise names item, site, owner and day; which lot and bin serve it is decided when the order is released. Whoever promises holds the fences of its
items, so that two orders cannot be promised the same goods.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, func, insert, select, tuple_

from central.catalog import service as catalog
from central.catalog.rules import SiteRow
from central.catalog.tables import item as catalog_item
from central.catalog.tables import location
from central.inbound.queries import Expected, expected
from central.ledger.rules import NO_EXPIRY
from central.ledger.tables import balance
from central.outbound.atp_rules import Claim, Supply, broken, claim, promisable
from central.outbound.tables import customer_order
from central.outbound.tables import promise as promise_table

PROMISED_FROM = ("bin", "storage", "dock")
"""Kinds of location whose stock can be promised; what stands at a stage or beyond is on its way to a customer, what is in transit is expected."""
CHUNK = 400


@dataclass(frozen=True, slots=True, order=True)
class Goods:
    """What promises are about: an item at a site, of one owner."""

    site: str
    item: str
    owner: str = ""


@dataclass
class Book:
    """Supplies and claims of goods, as they stand while the fences are held; a promise that is given is written into it at once. `today` by site."""

    today: Mapping[str, date] = field(default_factory=dict)
    supplies: dict[Goods, list[Supply]] = field(default_factory=lambda: defaultdict(list))
    claims: dict[Goods, list[Claim]] = field(default_factory=lambda: defaultdict(list))

    def claim(self, goods: Goods, quantity: int, on_day: date, keep_days: int) -> None:
        """Write a promise down, so that the next line of the same item sees it."""
        self.claims[goods].append(claim(quantity, on_day, keep_days))

    def withdraw(self, goods: Goods, quantity: int, on_day: date, keep_days: int) -> None:
        """Take a promise out again, to give another one instead; a day that is past counts as today, as the book has it."""
        claims = self.claims[goods]
        wanted = claim(quantity, max(on_day, self.today[goods.site]), keep_days)
        for n in reversed([n for n, each in enumerate(claims) if (each.on_day, each.keeps_until) == (wanted.on_day, wanted.keeps_until)]):
            part = min(quantity, claims[n].quantity)
            quantity -= part
            rest = claims[n].quantity - part
            claims[n : n + 1] = [claim(rest, wanted.on_day, keep_days)] if rest else []


def today_of(site: SiteRow, now: datetime) -> date:
    """The day at a site, by its own clock."""
    return now.astimezone(ZoneInfo(site.time_zone)).date()


def first_day(site: SiteRow, now: datetime) -> date:
    """The first day on which an order that comes now can leave a site: today, or tomorrow once the cut-off is past."""
    local = now.astimezone(ZoneInfo(site.time_zone))
    return local.date() + timedelta(days=1) if site.cutoff and local.time() > time.fromisoformat(site.cutoff) else local.date()


def due_of(site: SiteRow, day: date) -> datetime:
    """When an order promised for a day must leave: at the cut-off of the site, or before the day ends where there is none."""
    zone = ZoneInfo(site.time_zone)
    if site.cutoff:
        return datetime.combine(day, time.fromisoformat(site.cutoff), zone)
    return datetime.combine(day + timedelta(days=1), time(), zone)


def book_of(
    connection: Connection, goods: Collection[Goods], now: datetime, without: Collection[str] = (), enough: Mapping[Goods, tuple[int, int]] | None = None
) -> Book:
    """Supplies and claims of goods. `without` are orders whose own promises do not count, because they are made anew.

    What is expected is left out for goods of which the stock serves all claims and `enough` more (pieces, days to keep): then it changes no answer.
    """
    pairs = sorted({(each.site, each.item) for each in goods})
    sites = {site: catalog.site_of(connection, site) for site in sorted({each.site for each in goods})}
    today = {code: today_of(site, now) for code, site in sites.items()}
    book = Book(today)
    for start in range(0, len(pairs), CHUNK):
        part = pairs[start : start + CHUNK]
        _on_hand(connection, book, part, today)
        _promised(connection, book, part, today, without)
    plenty = {each for each, (quantity, keep_days) in (enough or {}).items() if _serves(book, each, first_day(sites[each.site], now), quantity, keep_days)}
    scarce = sorted({(each.site, each.item) for each in goods if each not in plenty})
    for start in range(0, len(scarce), CHUNK):
        _expected(connection, book, scarce[start : start + CHUNK], today)
    return book


def _serves(book: Book, goods: Goods, day: date, quantity: int, keep_days: int) -> bool:
    supplies, claims = book.supplies[goods], book.claims[goods]
    return broken(supplies, claims) == 0 and promisable(supplies, claims, day, keep_days) >= quantity


def _on_hand(connection: Connection, book: Book, pairs: Sequence[tuple[str, str]], today: Mapping[str, date]) -> None:
    free = func.sum(balance.c.on_hand - balance.c.reserved).label("free")
    keys = (balance.c.site, balance.c.item, balance.c.owner, balance.c.expiry)
    query = (
        select(*keys, free)
        .join(location, location.c.place == balance.c.place)
        .where(tuple_(balance.c.site, balance.c.item).in_(pairs), balance.c.status == "available", balance.c.on_hand > balance.c.reserved)
        .where(location.c.kind.in_(PROMISED_FROM), location.c.locked.not_in(("out", "both")))
        .group_by(*keys)
    )
    for row in connection.execute(query):
        book.supplies[Goods(row.site, row.item, row.owner)].append(Supply(int(row.free), today[row.site], row.expiry))


def _expected(connection: Connection, book: Book, pairs: Sequence[tuple[str, str]], today: Mapping[str, date]) -> None:
    coming = expected(connection, pairs)
    lives = _shelf_lives(connection, {each.item for each in coming if each.expiry is None})
    for each in coming:
        # What should have come by today and is not there is expected tomorrow, and tomorrow again: nobody is promised it for a day that is here.
        day = max(each.expected, today[each.site] + timedelta(days=1))
        book.supplies[Goods(each.site, each.item)].append(Supply(each.quantity, day, _expiry(each, day, lives)))


def _shelf_lives(connection: Connection, items: Collection[str]) -> dict[str, int | None]:
    query = select(catalog_item.c.code, catalog_item.c.shelf_life_days).where(catalog_item.c.code.in_(sorted(items)))
    return {row.code: row.shelf_life_days for row in connection.execute(query)} if items else {}


def _expiry(each: Expected, day: date, lives: Mapping[str, int | None]) -> date:
    """The last day of goods that are expected: as announced, else fresh on the day they come."""
    if each.expiry is not None:
        return each.expiry
    life = lives.get(each.item)
    return day + timedelta(days=life) if life else NO_EXPIRY


def _promised(connection: Connection, book: Book, pairs: Sequence[tuple[str, str]], today: Mapping[str, date], without: Collection[str]) -> None:
    columns = (promise_table.c.site, promise_table.c.item, promise_table.c.owner, promise_table.c.on_day, promise_table.c.keep_days)
    query = select(*columns, func.sum(promise_table.c.quantity).label("quantity")).join(customer_order, customer_order.c.id == promise_table.c.order_id)
    query = query.where(tuple_(promise_table.c.site, promise_table.c.item).in_(pairs), customer_order.c.state == "open")
    if without:
        query = query.where(promise_table.c.order_id.not_in(sorted(without)))
    for row in connection.execute(query.group_by(*columns)):
        # A promise for a day that is past still stands: the goods must leave now.
        day = max(row.on_day, today[row.site])
        book.claim(Goods(row.site, row.item, row.owner), int(row.quantity), day, row.keep_days)


def row_of(site: str, owner: str, line: Mapping[str, Any]) -> dict[str, Any]:
    """The promise of an order line, by the line's row."""
    return {
        "line_id": line["id"],
        "order_id": line["order_id"],
        "site": site,
        "item": line["item"],
        "owner": owner,
        "quantity": line["promised"],
        "on_day": line["promised_on"],
        "keep_days": line["min_expiry_days"],
    }


def write(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Keep promises, each as of `row_of`. The fences are held."""
    if rows:
        connection.execute(insert(promise_table), rows)


def forget(connection: Connection, order_ids: Collection[str]) -> None:
    """The promises of orders end: they are released (reservations hold the goods now), cancelled or parted. The fences are held."""
    ids = sorted(order_ids)
    for start in range(0, len(ids), CHUNK):
        connection.execute(delete(promise_table).where(promise_table.c.order_id.in_(ids[start : start + CHUNK])))


@dataclass(frozen=True, slots=True)
class Beyond:
    """A line that wants more than it was promised for now: `due` of `wanted`; rows of its order and of itself. `later` was promised for a later day."""

    line_id: str
    order: Any
    line: Any
    wanted: int
    due: int
    later: int


def most_for(connection: Connection, beyond: Sequence[Beyond], now: datetime) -> dict[str, int]:
    """How many each line may have now without taking what is promised to others, by line, served in turn. The fences are held."""
    goods = {each.line_id: Goods(each.order.site, each.line.item, each.order.owner) for each in beyond}
    book = book_of(connection, set(goods.values()), now)
    most = {}
    for each in beyond:
        mine, day, keep_days = goods[each.line_id], book.today[each.order.site], each.line.min_expiry_days
        if each.later:
            book.withdraw(mine, each.later, each.line.promised_on, keep_days)
        extra = min(each.wanted - each.due, promisable(book.supplies[mine], book.claims[mine], day, keep_days))
        book.claim(mine, extra, day, keep_days)
        most[each.line_id] = each.due + extra
    return most
