# SPDX-License-Identifier: Apache-2.0
"""Use cases of shelf life (R20): goods past their last day become `expired`, goods near it are told to a person. Each runs in the caller's transaction."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from central.catalog import service as catalog
from central.changes import Changes
from central.database import in_transaction, reading
from central.errors import DomainError
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.ledger import claims, serials
from central.ledger import service as ledger
from central.ledger.rules import NO_EXPIRY, Account, Fact
from central.ledger.tables import balance
from central.stock import reasons, voids
from central.stock.listeners import Told
from central.stock.rules import is_near, limits_for

log = logging.getLogger(__name__)
EVERY_S = 900.0
"""Lots expire by the day; a quarter of an hour after midnight is soon enough."""
_LIVE = ("available", "inspect")


@dataclass(frozen=True, slots=True)
class NearExpiry:
    """Goods of a lot at a site that will expire in `days_left` days, or have (below 0)."""

    site: str
    item: str
    lot: str
    expiry: date
    days_left: int
    quantity: int
    reserved: int


def expired_pairs(connection: Connection, now: datetime) -> list[tuple[str, str]]:
    """(site, item) of which something is past its last day, by the clock of its site, and not marked so."""
    tomorrow = now.date() + timedelta(days=1)  # no place on earth is further than a day ahead of UTC
    first = func.min(balance.c.expiry).label("first")
    query = select(balance.c.site, balance.c.item, first).where(balance.c.status.in_(_LIVE), balance.c.expiry < tomorrow)
    rows = connection.execute(query.group_by(balance.c.site, balance.c.item).order_by(balance.c.site, balance.c.item)).all()
    today = catalog.days_at(connection, {row.site for row in rows}, now)
    return [(row.site, row.item) for row in rows if row.first < today[row.site]]


def expire_goods(connection: Connection, fact: Fact, site: str, item: str, now: datetime) -> int:
    """Turn what of an item at a site is past its last day to `expired`; reservations of it are given back and others found. Returns the quantity.

    Goods on hold or damaged keep their status. Nothing there changes nothing.
    """
    ledger.lock(connection, [(site, item)])
    today = catalog.days_at(connection, [site], now)[site]
    mine = (balance.c.site == site) & (balance.c.item == item) & balance.c.status.in_(_LIVE) & (balance.c.expiry < today)
    rows = connection.execute(select(balance).where(mine).order_by(balance.c.id)).all()
    if not rows or ledger.record(connection, fact, now).already:
        return 0
    accounts = [(ledger.account_of(row), int(row.on_hand)) for row in rows]
    told = Told(fact.id, now, "expired")
    voided = claims.on_accounts(connection, [account for account, _ in accounts])
    voids.give_back(connection, told, voided)
    _turn(connection, fact.id, accounts, now)
    voids.find_others(connection, told, voided)
    return sum(quantity for _, quantity in accounts)


def _turn(connection: Connection, fact_id: str, accounts: list[tuple[Account, int]], now: datetime) -> None:
    moved = [(account, replace(account, status="expired"), quantity) for account, quantity in accounts]
    ledger.post(connection, fact_id, [leg for source, target, quantity in moved for leg in (ledger.Leg(source, -quantity), ledger.Leg(target, quantity))])
    for source, target, _ in moved:
        serials.follow_all(connection, fact_id, source, target, now)


def near_expiry(connection: Connection, now: datetime, site: str | None = None, days: int | None = None) -> list[NearExpiry]:
    """Goods on hand near their last day, the first to expire first. `days` for all; without it as the rules say, and nothing where none speaks."""
    table = reasons.limit_rows(connection)
    spoken = {(its_site, its_item): limits.near_expiry_days for its_site, its_item, limits in table if limits.near_expiry_days is not None}
    if days is None and not spoken:
        return []
    most = days if days is not None else max(each for each in spoken.values() if each is not None)
    # Somewhere the day is a day further than by UTC.
    query = _by_lot(site).where(balance.c.expiry <= date.fromordinal(min(now.date().toordinal() + most + 1, NO_EXPIRY.toordinal() - 1)))
    limits: dict[tuple[str, str], int | None] = {}
    found = []
    rows = connection.execute(query).all()
    today = catalog.days_at(connection, {row.site for row in rows}, now)
    for row in rows:
        key = (row.site, row.item)
        if key not in limits:
            limits[key] = days if days is not None else limits_for(table, *key).near_expiry_days
        limit = limits[key]
        if limit is not None and is_near(row.expiry, today[row.site], limit):
            left = (row.expiry - today[row.site]).days
            found.append(NearExpiry(row.site, row.item, row.lot, row.expiry, left, int(row.on_hand), int(row.reserved)))
    # As Python orders texts, whatever the database's collation: pages begin where the one before ended.
    return sorted(found, key=lambda each: (each.expiry, each.site, each.item, each.lot))


def _by_lot(site: str | None) -> Any:
    columns = (balance.c.site, balance.c.item, balance.c.lot, balance.c.expiry)
    totals = (func.sum(balance.c.on_hand).label("on_hand"), func.sum(balance.c.reserved).label("reserved"))
    query = select(*columns, *totals).where(balance.c.status.in_((*_LIVE, "hold")), balance.c.expiry < NO_EXPIRY)
    if site is not None:
        query = query.where(balance.c.site == site)
    return query.group_by(*columns)


def warn_near_expiry(connection: Connection, now: datetime) -> int:
    """Ask a person about each lot near its last day, once while it is open; returns how many are near."""
    near = near_expiry(connection, now)
    for each in near:
        told = message("near_expiry", site=each.site, quantity=each.quantity, item=each.item, lot=each.lot or "-", expiry=str(each.expiry), days=each.days_left)
        exceptions.ask_person(connection, told, f"{each.item}/{each.lot}", None, now, site=each.site, priority=2 if each.days_left <= 0 else 3)
    return len(near)


def watch_once(engine: Engine, now: datetime) -> int:
    """Expire what is past its day, each item in a transaction of its own, then warn; returns the quantity expired."""
    with reading(engine) as connection:
        pairs = expired_pairs(connection, now)
    expired = sum(in_transaction(engine, partial(_expire, site=site, item=item, now=now)) for site, item in pairs)
    with reading(engine) as connection:
        anything = bool(near_expiry(connection, now))
    if anything:
        in_transaction(engine, lambda connection: warn_near_expiry(connection, now))
    return expired


def _expire(connection: Connection, site: str, item: str, now: datetime) -> int:
    fact = Fact(str(uuid.uuid4()), "dockline", None, "GoodsExpired", json.dumps({"site": site, "item": item}).encode(), "dockline", now, site)
    return expire_goods(connection, fact, site, item, now)


async def watch(engine: Engine, clock: Callable[[], datetime], changes: Changes, every_s: float = EVERY_S) -> None:
    """Look after shelf lives for as long as the service lives."""
    while True:
        try:
            if await asyncio.to_thread(watch_once, engine, clock()):
                changes.tell()
        except (DomainError, SQLAlchemyError) as error:
            log.warning("looking for expired goods failed, trying again", extra={"reason": str(error)})
        await asyncio.sleep(every_s)
