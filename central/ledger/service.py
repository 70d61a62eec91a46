# SPDX-License-Identifier: Apache-2.0
"""Use cases of the ledger. Each runs inside the caller's transaction (`central.database.transaction`).

The order in one use case is: `record` the fact, `lock` all fences that it will touch in one call, then `post`, `reserve`, `take`, `release`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import astuple, fields
from datetime import date
from typing import Any

from sqlalchemy import Connection, func, select

from central.bulk import among, update_rows
from central.ledger.fences import FenceNotHeldError, lock, turn_of
from central.ledger.postings import PICKABLE_KINDS, PlaceFacts, holdings, lot_facts, place_facts, post, post_many
from central.ledger.recording import Recorded, keep_answer, keep_answers, record, record_many, record_new, recorded_before
from central.ledger.reservations import Taking, overdue, release, release_many, reserve, reserve_many, take, take_many
from central.ledger.rules import NO_EXPIRY, TRANSIT, Account, Demand, Fact, Leg, Reservation
from central.ledger.tables import balance

__all__ = [
    "PICKABLE_KINDS",
    "Account",
    "Demand",
    "Fact",
    "FenceNotHeldError",
    "Leg",
    "Recorded",
    "Reservation",
    "Taking",
    "account_of",
    "available",
    "holdings",
    "keep_answer",
    "keep_answers",
    "lock",
    "lots_changed",
    "overdue",
    "places_changed",
    "post",
    "post_many",
    "record",
    "record_many",
    "record_new",
    "recorded_before",
    "release",
    "release_many",
    "reserve",
    "reserve_many",
    "take",
    "take_many",
]


def account_of(row: Any) -> Account:
    """The account of a row of `balance` or `entry`."""
    return Account(row.place, row.item, row.lot, row.owner, row.status, row.unit)


def lots_changed(connection: Connection, lots: Collection[tuple[str, str]]) -> None:
    """Copy the expiry of (item, lot), and whether it is recalled, from the catalog to its balances, after the catalog changed it. Takes the fences itself."""
    of_lots = among(connection, balance.c.item, {item for item, _ in lots}) & among(connection, balance.c.lot, {lot for _, lot in lots})
    copied = select(*(balance.c[name] for name in ("id", "site", "item", "lot", "expiry", "held"))).where(of_lots)
    rows = [row for row in connection.execute(copied) if (row.item, row.lot) in lots]
    lock(connection, {(row.site, row.item) for row in rows})
    facts = lot_facts(connection, lots)
    known = [(row, facts.get((row.item, row.lot), (NO_EXPIRY, False))) for row in rows]
    changed = [(row.id, *fact, turn_of(connection, row.site, row.item)) for row, fact in known if fact != (row.expiry, row.held)]
    update_rows(connection, balance, "id", ("expiry", "held", "turn"), changed)


def places_changed(connection: Connection, places: Collection[str]) -> None:
    """Copy pick rank, kind and lock of places from the catalog to the balances there, after the catalog changed them. Takes the fences itself."""
    copied = select(*(balance.c[name] for name in ("id", "site", "item", "place", *_OF_PLACE))).where(among(connection, balance.c.place, places))
    rows = connection.execute(copied).all()
    lock(connection, {(row.site, row.item) for row in rows})
    facts = place_facts(connection, {row.place for row in rows})
    known = [(row, astuple(facts[row.place])) for row in rows if row.place in facts]
    changed = [(row.id, *fact, turn_of(connection, row.site, row.item)) for row, fact in known if fact != tuple(getattr(row, name) for name in _OF_PLACE)]
    update_rows(connection, balance, "id", (*_OF_PLACE, "turn"), changed)


_OF_PLACE = tuple(each.name for each in fields(PlaceFacts))


def available(connection: Connection, site: str, item: str, on: date | None = None) -> int:
    """Stock of an item that has arrived at a site, wherever it stands, is available, not reserved and (with `on`) not expired on that day."""
    mine = (balance.c.site == site) & (balance.c.item == item) & (balance.c.place != f"{site}/{TRANSIT}")
    query = select(func.sum(balance.c.on_hand - balance.c.reserved)).where(mine, balance.c.status == "available")
    if on is not None:
        query = query.where(balance.c.expiry >= on)
    return int(connection.execute(query).scalar() or 0)
