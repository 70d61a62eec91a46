# SPDX-License-Identifier: Apache-2.0
"""Reading what can be promised: by day, and for shops."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from central.catalog import service as catalog
from central.catalog.rules import SiteRow
from central.catalog.tables import item as catalog_item
from central.outbound import atp_rules, promise
from central.outbound.promise import Book, Goods
from central.paging import Page, rows_after, up

SITES_MAX = 100


def by_day(connection: Connection, site: str, item: str, owner: str, until: date, keep_days: int, now: datetime) -> dict[str, Any]:
    """Buckets of an item at a site up to a day. `broken` are promised pieces that cannot be served any more. Raises: UnknownItemError."""
    catalog.item_by_code(connection, item)
    known = catalog.site_of(connection, site)
    goods, today = Goods(site, item, owner), promise.today_of(known, now)
    book = promise.book_of(connection, [goods], now)
    supplies, claims = book.supplies[goods], book.claims[goods]
    shown = atp_rules.buckets(supplies, claims, today, max(until, today), keep_days)
    return {
        "site": site,
        "item": item,
        "owner": owner,
        "first_day": promise.first_day(known, now),
        "on_hand_free": sum(each.quantity for each in supplies if each.on_day <= today),
        "broken": atp_rules.broken(supplies, claims),
        "buckets": [{"day": each.day, "supply": each.supply, "promised": each.promised, "available": each.available} for each in shown],
    }


def feed(
    connection: Connection, items: Sequence[str] | None, sites: Sequence[str] | None, owner: str, days: int, after: str | None, limit: int, now: datetime
) -> Page[dict[str, Any]]:
    """What can be promised of items, in the order of their codes. Raises: BadCursorError."""
    query = select(catalog_item.c.code, catalog_item.c.gtin)
    if items is not None:
        query = query.where(catalog_item.c.code.in_(sorted(set(items))))
    rows, following = rows_after(connection, query, [up(catalog_item.c.code)], after, limit)
    places = [catalog.site_of(connection, code) for code in sorted(set(sites))] if sites is not None else _senders(connection)
    book = promise.book_of(connection, {Goods(place.code, row["code"], owner) for place in places for row in rows}, now)
    return Page[dict[str, Any]](items=[_offer(book, row["code"], row["gtin"], places, owner, days, now) for row in rows], next=following)


def _senders(connection: Connection) -> list[SiteRow]:
    return [site for site in catalog.sites(connection) if site.ships_orders][:SITES_MAX]


def _offer(book: Book, item: str, gtin: str | None, sites: Sequence[SiteRow], owner: str, days: int, now: datetime) -> dict[str, Any]:
    shown = [_at(book, Goods(site.code, item, owner), promise.first_day(site, now), days) for site in sites]
    return {"item": item, "gtin": gtin, "now": sum(each["now"] for each in shown), "sites": shown}


def _at(book: Book, goods: Goods, first: date, days: int) -> dict[str, Any]:
    supplies, claims = book.supplies.get(goods, []), book.claims.get(goods, [])
    later = [each for each in atp_rules.days(supplies, first) if first < each <= first + timedelta(days=days)]
    return {
        "site": goods.site,
        "first_day": first,
        "now": atp_rules.promisable(supplies, claims, first) if supplies else 0,
        "by_day": [{"day": each, "available": atp_rules.promisable(supplies, claims, each)} for each in later],
    }
