# SPDX-License-Identifier: Apache-2.0
"""Use cases of the ledger. Each runs inside the caller's transaction (`central.database.transaction`).

The order in one use case is: `record` the fact, `lock` all fences that it will touch in one call, then `post`, `reserve`, `take`, `release`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from sqlalchemy import Connection, func, select, update

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
    "lot_changed",
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


def lot_changed(connection: Connection, item: str, lot: str) -> None:
    """Copy the expiry of a lot, and whether it is recalled, from the catalog to its balances, after the catalog changed it. Takes the fences itself."""
    sites = connection.execute(select(balance.c.site).distinct().where(balance.c.item == item, balance.c.lot == lot)).scalars().all()
    lock(connection, [(site, item) for site in sites])
    expiry, held = lot_facts(connection, [(item, lot)]).get((item, lot), (NO_EXPIRY, False))
    mine = (balance.c.item == item) & (balance.c.lot == lot) & ((balance.c.expiry != expiry) | (balance.c.held != held))
    for site in sites:
        connection.execute(update(balance).where(balance.c.site == site, mine).values(expiry=expiry, held=held, turn=turn_of(connection, site, item)))


def places_changed(connection: Connection, places: Sequence[str]) -> None:
    """Copy pick rank, kind and lock of places from the catalog to the balances there, after the catalog changed them. Takes the fences itself."""
    for start in range(0, len(places), 500):
        _places_changed(connection, places[start : start + 500])


def _places_changed(connection: Connection, places: Sequence[str]) -> None:
    there = select(balance.c.id, balance.c.site, balance.c.item, balance.c.place, balance.c.pick_rank, balance.c.pickable, balance.c.storage, balance.c.locked)
    rows = connection.execute(there.where(balance.c.place.in_(places))).all()
    lock(connection, {(row.site, row.item) for row in rows})
    facts = place_facts(connection, {row.place for row in rows})
    for row in rows:
        if row.place in facts and facts[row.place] != PlaceFacts(row.pick_rank, row.pickable, row.storage, row.locked):
            changed = update(balance).where(balance.c.id == row.id)
            connection.execute(changed.values(turn=turn_of(connection, row.site, row.item), **asdict(facts[row.place])))


def available(connection: Connection, site: str, item: str, on: date | None = None) -> int:
    """Stock of an item that has arrived at a site, wherever it stands, is available, not reserved and (with `on`) not expired on that day."""
    mine = (balance.c.site == site) & (balance.c.item == item) & (balance.c.place != f"{site}/{TRANSIT}")
    query = select(func.sum(balance.c.on_hand - balance.c.reserved)).where(mine, balance.c.status == "available")
    if on is not None:
        query = query.where(balance.c.expiry >= on)
    return int(connection.execute(query).scalar() or 0)
