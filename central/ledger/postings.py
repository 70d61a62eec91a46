# SPDX-License-Identifier: Apache-2.0
"""Postings: entries of facts, and the balances that follow from them in the same transaction. Set-based: few statements however many postings there are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, func, select

from central.bulk import delete_rows, insert_rows, keys_of, listed, update_rows
from central.catalog.tables import location as catalog_location
from central.catalog.tables import lot as catalog_lot
from central.ledger import rules
from central.ledger.fences import turn_of
from central.ledger.recording import times_of
from central.ledger.rules import NO_EXPIRY, Account, Holding, Leg
from central.ledger.tables import balance, entry

PICKABLE_KINDS = frozenset({"bin"})
"""Kinds of location from which orders are picked; storage feeds bins by replenishment."""
STORAGE_KINDS = frozenset({"storage"})
"""Kinds of location from which a handling unit may leave whole."""
LOCKED_OUT = frozenset({"out", "both"})

_ENTRY = ("event_id", "n", "place", "item", "lot", "owner", "status", "unit", "quantity", "value_minor", "occurred_at", "recorded_at", "turn")
_ACCOUNT = ("place", "item", "lot", "owner", "status", "unit")
_BALANCE = ("site", *_ACCOUNT, "on_hand", "reserved", "expiry", "in_date", "pick_rank", "pickable", "storage", "locked", "held", "turn")
_FOUND = "SELECT b.id, b.on_hand, b.reserved, b.in_date, b.place, b.item, b.lot, b.owner, b.status, b.unit FROM {values} JOIN balance b ON {same}"
_FOUND_POSTGRESQL = _FOUND.format(
    values=f"unnest({', '.join(['%s::text[]'] * len(_ACCOUNT))}) AS v({', '.join(_ACCOUNT)})", same=" AND ".join(f"b.{name} = v.{name}" for name in _ACCOUNT)
)
_FOUND_SQLITE = _FOUND.format(values="json_each(?) v", same=" AND ".join(f"b.{name} = v.value ->> {n}" for n, name in enumerate(_ACCOUNT)))


@dataclass(frozen=True, slots=True)
class Posting:
    """Legs of one fact; `claims` are reserved quantities that the posting itself uses up or gives back."""

    fact_id: str
    legs: Sequence[Leg]
    claims: Mapping[Account, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Held:
    """A balance row as it was read: its id, and when its goods came in (microseconds)."""

    id: int
    holding: Holding
    in_date: int


@dataclass(frozen=True, slots=True)
class PlaceFacts:
    """What balances copy of their place."""

    pick_rank: int = 0
    pickable: bool = False
    storage: bool = False
    locked: bool = False


def post(connection: Connection, fact_id: str, legs: Sequence[Leg]) -> None:
    """Write the legs as entries of the fact and move the balances.

    Raises: UnbalancedError, UnknownPlaceError. InsufficientStockError: an account has not that much that is not reserved.
    """
    apply(connection, [Posting(fact_id, legs)])


def post_many(connection: Connection, postings: Sequence[tuple[str, Sequence[Leg]]]) -> None:
    """As `post`, for (fact id, legs) in turn. Raises what the first `post` that fails would raise; nothing is written then."""
    apply(connection, [Posting(fact_id, legs) for fact_id, legs in postings])


def apply(connection: Connection, postings: Sequence[Posting]) -> None:
    """Write postings in turn, each as if it were alone: none may take what a later one brings."""
    changes: list[dict[Account, int]] = []
    for each in postings:
        if each.legs or not each.claims:
            rules.check_legs(each.legs)
        changes.append(rules.net_changes(each.legs))
    turns = {account: 0 for each, change in zip(postings, changes, strict=True) for account in (*change, *each.claims)}
    for account in turns:
        turns[account] = turn_of(connection, account.site, account.item)
    before = _held_by(connection, sorted(turns))
    holdings = {account: row.holding for account, row in before.items()}
    in_dates = {account: row.in_date for account, row in before.items()}
    for each, change in zip(postings, changes, strict=True):
        after = rules.changed_holdings(change, holdings, each.claims)
        _keep_ages(connection, each.fact_id, after, holdings, in_dates)
        holdings |= after
    _write_entries(connection, [each for each in postings if each.legs], turns)
    _write_balances(connection, before, holdings, in_dates, turns)


def _keep_ages(connection: Connection, fact_id: str, after: Mapping[Account, Holding], before: Mapping[Account, Holding], in_dates: dict[Account, int]) -> None:
    """Goods that only move keep their age: first in first out must not be reset by a bin-to-bin move. Others came in when the fact happened."""
    opened = [account for account, holding in after.items() if holding.on_hand and account not in in_dates]
    if opened:
        ages: dict[tuple[str, str, str], int] = {}
        for account in after:
            if account in in_dates:
                key = (account.item, account.lot, account.owner)
                ages[key] = min(in_dates[account], ages.get(key, in_dates[account]))
        occurred = times_of(connection, [fact_id])[fact_id].occurred
        for account in opened:
            in_dates[account] = ages.get((account.item, account.lot, account.owner), occurred)
    for account, holding in after.items():
        if not holding.on_hand:
            in_dates.pop(account, None)


def holdings(connection: Connection, accounts: Iterable[Account]) -> dict[Account, Holding]:
    """What these accounts hold, those that hold nothing left out."""
    return {account: row.holding for account, row in _held_by(connection, sorted(set(accounts))).items()}


def _held_by(connection: Connection, accounts: Sequence[Account]) -> dict[Account, _Held]:
    if not accounts:
        return {}
    keys = [(each.place, each.item, each.lot, each.owner, each.status, each.unit) for each in accounts]
    if connection.dialect.name == "postgresql":
        rows = connection.exec_driver_sql(_FOUND_POSTGRESQL, tuple(list(column) for column in zip(*keys, strict=True)))
    else:
        rows = connection.exec_driver_sql(_FOUND_SQLITE, (json.dumps(keys),))
    return {Account(*key): _Held(number, Holding(on_hand, reserved), in_date) for number, on_hand, reserved, in_date, *key in rows}


def _write_entries(connection: Connection, postings: Sequence[Posting], turns: Mapping[Account, int]) -> None:
    if not postings:
        return
    numbers, times = _next_numbers(connection, [each.fact_id for each in postings]), times_of(connection, [each.fact_id for each in postings])
    rows: list[tuple[Any, ...]] = []
    for each in postings:
        fact_id, at = each.fact_id, times[each.fact_id]
        for leg in each.legs:
            if leg.quantity or leg.value_minor:
                account = leg.account
                key = (account.place, account.item, account.lot, account.owner, account.status, account.unit)
                rows.append((fact_id, numbers[fact_id], *key, leg.quantity, leg.value_minor, at.occurred, at.recorded, turns.get(account, 0)))
                numbers[fact_id] += 1
    insert_rows(connection, entry, _ENTRY, rows)


def _next_numbers(connection: Connection, fact_ids: Sequence[str]) -> dict[str, int]:
    """The number of the next entry of each fact; the caller counts on in it."""
    numbers: dict[str, int] = connection.info["dockline_entries"]
    unknown = sorted(set(fact_ids) - numbers.keys())
    if unknown:
        query = select(entry.c.event_id, func.max(entry.c.n)).where(entry.c.event_id.in_(unknown)).group_by(entry.c.event_id)
        numbers |= dict.fromkeys(unknown, 0) | {fact_id: last + 1 for fact_id, last in connection.execute(query)}
    return numbers


def _write_balances(
    connection: Connection, before: Mapping[Account, _Held], after: Mapping[Account, Holding], in_dates: Mapping[Account, int], turns: Mapping[Account, int]
) -> None:
    updated: list[tuple[Any, ...]] = []
    emptied: list[int] = []
    opened: list[tuple[Account, Holding]] = []
    for account, holding in after.items():
        row = before.get(account)
        if row is None:
            if holding.on_hand:
                opened.append((account, holding))
        elif holding.on_hand:
            updated.append((row.id, holding.on_hand, holding.reserved, in_dates[account], turns[account]))
        else:
            emptied.append(row.id)
    update_rows(connection, balance, "id", ("on_hand", "reserved", "in_date", "turn"), updated)
    delete_rows(connection, balance, "id", emptied)
    if opened:
        _open_balances(connection, opened, in_dates, turns)


def _open_balances(connection: Connection, opened: Sequence[tuple[Account, Holding]], in_dates: Mapping[Account, int], turns: Mapping[Account, int]) -> None:
    lots = lot_facts(connection, {(account.item, account.lot) for account, _ in opened if account.lot}, kept=True)
    places = place_facts(connection, {account.place for account, _ in opened}, kept=True)
    rows = []
    for account, holding in opened:
        place, (expiry, held) = places.get(account.place, PlaceFacts()), lots.get((account.item, account.lot), (NO_EXPIRY, False))
        key = (account.site, account.place, account.item, account.lot, account.owner, account.status, account.unit)
        about = (place.pick_rank, place.pickable, place.storage, place.locked, held, turns[account])
        rows.append((*key, holding.on_hand, holding.reserved, expiry, in_dates[account], *about))
    insert_rows(connection, balance, _BALANCE, rows)


def lot_facts(connection: Connection, lots: Iterable[tuple[str, str]], *, kept: bool = False) -> dict[tuple[str, str], tuple[date, bool]]:
    """Expiry of (item, lot), and whether the lot is recalled, as the catalog knows it; `kept`: and as it stays until the transaction ends.

    Who opens a balance keeps them: a change of the catalogue that is not committed yet would not be seen here, nor the balance by that change.
    """
    wanted = set(lots)
    if not wanted:
        return {}
    named = {
        "items": keys_of(connection, catalog_lot.c.item, sorted({item for item, _ in wanted})),
        "lots": keys_of(connection, catalog_lot.c.lot, sorted({lot for _, lot in wanted})),
    }
    rows = connection.execute(_lots_named(connection.dialect.name, kept), named)
    return {(row.item, row.lot): (row.expiry or NO_EXPIRY, row.held) for row in rows if (row.item, row.lot) in wanted}


@cache
def _lots_named(dialect: str, kept: bool) -> Select[Any]:
    shown = (catalog_lot.c.item, catalog_lot.c.lot, catalog_lot.c.expiry, catalog_lot.c.held)
    query = select(*shown).where(listed(dialect, catalog_lot.c.item, "items"), listed(dialect, catalog_lot.c.lot, "lots"))
    return query.with_for_update(read=True) if kept else query


def place_facts(connection: Connection, places: Iterable[str], *, kept: bool = False) -> dict[str, PlaceFacts]:
    """What balances copy of places, as the catalog knows them; `kept` as with `lot_facts`."""
    wanted = {"places": keys_of(connection, catalog_location.c.place, sorted(set(places)))}
    return {
        row.place: PlaceFacts(row.pick_rank, row.kind in PICKABLE_KINDS, row.kind in STORAGE_KINDS, row.locked in LOCKED_OUT)
        for row in connection.execute(_places(connection.dialect.name, kept), wanted)
    }


@cache
def _places(dialect: str, kept: bool) -> Select[Any]:
    query = select(*(catalog_location.c[name] for name in ("place", "pick_rank", "kind", "locked"))).where(listed(dialect, catalog_location.c.place, "places"))
    return query.with_for_update(read=True) if kept else query
