# SPDX-License-Identifier: Apache-2.0
"""Use cases of the ledger. Each runs inside the caller's transaction (`central.database.transaction`).

The order in one use case is: `record` the fact, `lock` all fences that it will touch in one call, then `post`, `reserve`, `take`, `release`.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from central.catalog.tables import location as catalog_location
from central.catalog.tables import lot as catalog_lot
from central.database import insert_or_leave, micros
from central.errors import ConflictError, DomainError, NotFoundError
from central.ledger import rules
from central.ledger.rules import NO_EXPIRY, TRANSIT, Account, Allocation, Demand, Fact, Holding, Leg, Reservation, Supply
from central.ledger.tables import answer, balance, entry, event, fence, reservation

__all__ = [
    "Account",
    "Demand",
    "Fact",
    "Leg",
    "Recorded",
    "Reservation",
    "available",
    "keep_answer",
    "lock",
    "lot_changed",
    "places_changed",
    "post",
    "record",
    "release",
    "reserve",
    "take",
]

PICKABLE_KINDS = frozenset({"bin"})
"""Kinds of location from which orders are picked; storage feeds bins by replenishment."""

_OUT_OF_ORDER_LOCK_WAIT_MS = 50
"""A fence taken out of order waits only this long, then the transaction starts anew: no deadlock outlives it (PostgreSQL's own detector needs 1 s)."""


class FenceNotHeldError(RuntimeError):
    """A use case changes stock without holding its fence: a mistake in the program."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A stored fact. `already`: it was stored before with the same content; `answer` is then what was answered, if anything was kept."""

    fact_id: str
    already: bool = False
    answer: bytes | None = None


def record(connection: Connection, fact: Fact, now: datetime) -> Recorded:
    """Store a fact once.

    Raises: ConflictError: the id, or the source's sequence number, is stored with other content.
    """
    # The count of inserted rows is not known with every driver; a returned position is.
    insertion = insert_or_leave(connection, event).values(**_event_row(fact, now)).on_conflict_do_nothing().returning(event.c.position)
    if connection.execute(insertion).scalar() is not None:
        return Recorded(fact.id)
    return _recorded_before(connection, fact)


def record_new(connection: Connection, facts: Sequence[Fact], now: datetime) -> None:
    """Store facts that are known to be new, in bulk by the driver's own fast way (SQLAlchemy's costs 2 to 9 times as much per row).

    Raises: sqlalchemy.exc.IntegrityError: one was stored before.
    """
    recorded = micros(now)
    rows = [
        (each.id, each.site, each.source, each.source_seq, each.kind, each.body, each.body_hash, each.actor, micros(each.occurred_at), recorded)
        for each in facts
    ]
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_NEW_FACTS_POSTGRESQL, tuple(list(column) for column in zip(*rows, strict=True)))
    else:
        connection.exec_driver_sql(_NEW_FACTS_SQLITE, [(row[0].replace("-", ""), *row[1:]) for row in rows])
    connection.info["dockline_entries"].update((each.id, 0) for each in facts)


_NEW_FACTS_COLUMNS = "id, site, source, source_seq, kind, body, body_hash, actor, occurred_at, recorded_at"
_NEW_FACTS_SQLITE = f"INSERT INTO event ({_NEW_FACTS_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  # names of our own columns
_NEW_FACTS_POSTGRESQL = (
    f"INSERT INTO event ({_NEW_FACTS_COLUMNS}) SELECT * FROM unnest("  # noqa: S608  # names of our own columns
    "%s::uuid[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::bytea[], %s::bytea[], %s::text[], %s::bigint[], %s::bigint[])"
)


def _event_row(fact: Fact, now: datetime) -> dict[str, Any]:
    return {
        "id": fact.id,
        "site": fact.site,
        "source": fact.source,
        "source_seq": fact.source_seq,
        "kind": fact.kind,
        "body": fact.body,
        "body_hash": fact.body_hash,
        "actor": fact.actor,
        "occurred_at": fact.occurred_at,
        "recorded_at": now,
    }


def _recorded_before(connection: Connection, fact: Fact) -> Recorded:
    query = select(event.c.kind, event.c.body_hash, answer.c.body).outerjoin(answer, answer.c.event_id == event.c.id).where(event.c.id == fact.id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise ConflictError("sequence_reused", f"number {fact.source_seq} of {fact.source} is stored under another id; give every message its own number")
    if row.body_hash != fact.body_hash or row.kind != fact.kind:
        raise ConflictError("identity_reused", f"id {fact.id} is stored with other content ({row.kind}); use a new id for a new request")
    return Recorded(fact.id, already=True, answer=row.body)


def keep_answer(connection: Connection, fact_id: str, body: bytes) -> None:
    """Keep what is answered to a fact, to be answered again when it comes again."""
    connection.execute(insert(answer).values(event_id=fact_id, body=body))


def lock(connection: Connection, site_items: Iterable[tuple[str, str]]) -> None:
    """Take the fences of (site, item) pairs in sorted order and hold them until the transaction ends.

    Take all that a use case needs in one call. A later call is allowed, but one out of order may end in BusyError, after which the transaction is done anew.
    """
    held: dict[tuple[str, str], int] = connection.info["dockline_fences"]
    wanted = sorted(set(site_items) - held.keys())
    if not wanted:
        return
    out_of_order = bool(held) and wanted[0] < max(held) and connection.dialect.name == "postgresql"
    if out_of_order:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_OUT_OF_ORDER_LOCK_WAIT_MS}ms'")
    for start in range(0, len(wanted), 500):
        held |= _next_turns(connection, wanted[start : start + 500])
    if out_of_order:
        connection.exec_driver_sql("RESET lock_timeout")


def _next_turns(connection: Connection, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Take the fences in the order given; rows of one insert are locked one after the other."""
    if len(wanted) == 1:
        (site, item), postgres = wanted[0], connection.dialect.name == "postgresql"
        turn = connection.execute(_NEXT_TURN_POSTGRESQL if postgres else _NEXT_TURN_SQLITE, {"site": site, "item": item, "turn": 1}).scalar_one()
        return {(site, item): turn}
    rows = [{"site": site, "item": item, "turn": 1} for site, item in wanted]
    statement = insert_or_leave(connection, fence).values(rows)
    statement = statement.on_conflict_do_update(index_elements=[fence.c.site, fence.c.item], set_={"turn": fence.c.turn + 1})
    return {(row.site, row.item): row.turn for row in connection.execute(statement.returning(fence.c.site, fence.c.item, fence.c.turn))}


def _next_turn(dialect: Any) -> Any:
    statement = dialect.insert(fence).on_conflict_do_update(index_elements=[fence.c.site, fence.c.item], set_={"turn": fence.c.turn + 1})
    return statement.returning(fence.c.turn)


_NEXT_TURN_POSTGRESQL, _NEXT_TURN_SQLITE = _next_turn(postgresql), _next_turn(sqlite)


def _turn(connection: Connection, site: str, item: str) -> int:
    turn: int | None = connection.info["dockline_fences"].get((site, item))
    if turn is None:
        raise FenceNotHeldError(f"fence ({site}, {item}) is not held; call lock() with it before changing stock")
    return turn


def post(connection: Connection, fact_id: str, legs: Sequence[Leg]) -> None:
    """Write the legs as entries of the fact and move the balances.

    Raises: UnbalancedError, UnknownPlaceError. InsufficientStockError: an account has not that much that is not reserved.
    """
    _post(connection, fact_id, legs, {})


def _post(connection: Connection, fact_id: str, legs: Sequence[Leg], claims: Mapping[Account, int]) -> None:
    rules.check_legs(legs)
    changes = rules.net_changes(legs)
    _write_entries(connection, fact_id, legs)
    _change_balances(connection, changes, claims, fact_id)


def _write_entries(connection: Connection, fact_id: str, legs: Sequence[Leg]) -> None:
    numbers: dict[str, int] = connection.info["dockline_entries"]
    start = numbers[fact_id] if fact_id in numbers else connection.execute(_ENTRIES_BEFORE, {"fact": fact_id}).scalar_one()
    rows = [
        {"event_id": fact_id, "n": start + n, **_account_row(leg.account), "quantity": leg.quantity, "value_minor": leg.value_minor}
        for n, leg in enumerate(leg for leg in legs if leg.quantity or leg.value_minor)
    ]
    numbers[fact_id] = start + len(rows)
    connection.execute(_INSERT_ENTRY, rows)


_INSERT_ENTRY = insert(entry)
_ENTRIES_BEFORE = select(func.coalesce(func.max(entry.c.n), -1) + 1).where(entry.c.event_id == bindparam("fact"))


def _account_row(account: Account) -> dict[str, Any]:
    return {
        "place": account.place,
        "item": account.item,
        "lot": account.lot,
        "owner": account.owner,
        "status": account.status,
        "unit": account.unit,
    }


def account_of(row: Any) -> Account:
    """The account of a row of `balance` or `entry`."""
    return Account(row.place, row.item, row.lot, row.owner, row.status, row.unit)


def _change_balances(connection: Connection, changes: Mapping[Account, int], claims: Mapping[Account, int], fact_id: str) -> None:
    touched = sorted({*changes, *claims})
    turns = {account: _turn(connection, account.site, account.item) for account in touched}
    rows = _balance_rows(connection, touched)
    held = {account: Holding(row.on_hand, row.reserved) for account, row in rows.items()}
    after = rules.changed_holdings(changes, held, claims)
    updated = [
        {"b_id": rows[account].id, "b_on_hand": holding.on_hand, "b_reserved": holding.reserved, "b_turn": turns[account]}
        for account, holding in after.items()
        if account in rows and holding.on_hand
    ]
    emptied = [{"b_id": rows[account].id} for account, holding in after.items() if account in rows and not holding.on_hand]
    opened = {account: holding for account, holding in after.items() if account not in rows and holding.on_hand}
    if updated:
        connection.execute(_UPDATE_BALANCE, updated)
    if emptied:
        connection.execute(delete(balance).where(balance.c.id == bindparam("b_id")), emptied)
    if opened:
        _open_balances(connection, opened, turns, rows, fact_id)


_UPDATE_BALANCE = (
    update(balance).where(balance.c.id == bindparam("b_id")).values(on_hand=bindparam("b_on_hand"), reserved=bindparam("b_reserved"), turn=bindparam("b_turn"))
)


def _balance_rows(connection: Connection, accounts: Sequence[Account]) -> dict[Account, Any]:
    found: dict[Account, Any] = {}
    for start in range(0, len(accounts), 500):
        part = [(each.place, each.item, each.lot, each.owner, each.status, each.unit) for each in accounts[start : start + 500]]
        found |= {account_of(row): row for row in connection.execute(_BALANCES, {"accounts": part})}
    return found


_BALANCES = select(balance).where(
    tuple_(balance.c.place, balance.c.item, balance.c.lot, balance.c.owner, balance.c.status, balance.c.unit).in_(bindparam("accounts", expanding=True))
)


def _open_balances(
    connection: Connection, opened: Mapping[Account, Holding], turns: Mapping[Account, int], sources: Mapping[Account, Any], fact_id: str
) -> None:
    occurred_at = connection.execute(select(event.c.occurred_at).where(event.c.id == fact_id)).scalar()
    if occurred_at is None:
        raise NotFoundError("unknown_fact", f"fact {fact_id} is not recorded; record it before posting")
    expiries, places = _lot_expiries(connection, opened), _place_attributes(connection, opened)
    # Goods that only move keep their age: first in first out must not be reset by a bin-to-bin move.
    ages: dict[tuple[str, str, str], datetime] = {}
    for account, row in sources.items():
        key = (account.item, account.lot, account.owner)
        ages[key] = min(row.in_date, ages.get(key, row.in_date))
    rows = []
    for account, holding in opened.items():
        rank, pickable = places.get(account.place, (0, False))
        rows.append(
            {
                "site": account.site,
                **_account_row(account),
                "on_hand": holding.on_hand,
                "reserved": holding.reserved,
                "expiry": expiries.get((account.item, account.lot), NO_EXPIRY),
                "in_date": ages.get((account.item, account.lot, account.owner), occurred_at),
                "pick_rank": rank,
                "pickable": pickable,
                "turn": turns[account],
            }
        )
    connection.execute(insert(balance), rows)


def _lot_expiries(connection: Connection, accounts: Iterable[Account]) -> dict[tuple[str, str], date]:
    pairs = sorted({(account.item, account.lot) for account in accounts if account.lot})
    if not pairs:
        return {}
    query = select(catalog_lot.c.item, catalog_lot.c.lot, catalog_lot.c.expiry).where(tuple_(catalog_lot.c.item, catalog_lot.c.lot).in_(pairs))
    return {(row.item, row.lot): row.expiry or NO_EXPIRY for row in connection.execute(query)}


def _place_attributes(connection: Connection, accounts: Iterable[Account]) -> dict[str, tuple[int, bool]]:
    places = sorted({account.place for account in accounts})
    query = select(catalog_location.c.place, catalog_location.c.pick_rank, catalog_location.c.kind).where(catalog_location.c.place.in_(places))
    return {row.place: (row.pick_rank, row.kind in PICKABLE_KINDS) for row in connection.execute(query)}


def reserve(
    connection: Connection, fact_id: str, demand: Sequence[Demand], now: datetime, deadline_at: datetime | None = None, pickable_only: bool = True
) -> list[Reservation]:
    """Reserve available, unexpired stock at pickable places for each line, strictly FEFO; a line short of stock gets what there is.

    With `deadline_at` a reservation that is still pending then may be timed out. Takes the fences itself.
    """
    lock(connection, {(line.site, line.item) for line in demand})
    allocations = rules.allocate(demand, _supplies(connection, demand, now.date(), pickable_only))
    if not allocations:
        return []
    _claim(connection, allocations)
    rows = [_reservation_row(connection, fact_id, n, allocation, now, deadline_at) for n, allocation in enumerate(allocations)]
    connection.execute(insert(reservation), rows)
    return [
        Reservation(row["id"], each.line_id, each.supply.account, each.quantity, None if each.supply.expiry == NO_EXPIRY else each.supply.expiry)
        for row, each in zip(rows, allocations, strict=True)
    ]


def _supplies(connection: Connection, demand: Sequence[Demand], today: date, pickable_only: bool) -> list[Supply]:
    pairs = sorted({(line.site, line.item) for line in demand})
    query = select(balance).where(
        tuple_(balance.c.site, balance.c.item).in_(pairs),
        balance.c.status == "available",
        balance.c.expiry >= today,
        balance.c.on_hand > balance.c.reserved,
        balance.c.place.not_in([f"{site}/{TRANSIT}" for site, _ in pairs]),
    )
    if pickable_only:
        query = query.where(balance.c.pickable)
    rows = connection.execute(query)
    return [Supply(row.id, account_of(row), row.on_hand - row.reserved, row.expiry, row.in_date, row.pick_rank) for row in rows]


def _claim(connection: Connection, allocations: Sequence[Allocation]) -> None:
    claimed: dict[int, int] = defaultdict(int)
    turns: dict[int, int] = {}
    for each in allocations:
        claimed[each.supply.balance_id] += each.quantity
        turns[each.supply.balance_id] = _turn(connection, each.supply.account.site, each.supply.account.item)
    statement = update(balance).where(balance.c.id == bindparam("b_id")).values(reserved=balance.c.reserved + bindparam("b_claimed"), turn=bindparam("b_turn"))
    connection.execute(statement, [{"b_id": key, "b_claimed": quantity, "b_turn": turns[key]} for key, quantity in claimed.items()])


def _reservation_row(connection: Connection, fact_id: str, n: int, each: Allocation, now: datetime, deadline_at: datetime | None) -> dict[str, Any]:
    account = each.supply.account
    row = {
        "id": str(uuid.uuid5(uuid.UUID(fact_id), f"{each.line_id}/{n}/{account}")),
        "event_id": fact_id,
        "line_id": each.line_id,
        "site": account.site,
        **_account_row(account),
        "quantity": each.quantity,
        "state": "pending",
        "expiry": each.supply.expiry,
        "in_date": each.supply.in_date,
        "pick_rank": each.supply.pick_rank,
        "min_expiry": each.min_expiry,
        "made_at": now,
        "deadline_at": deadline_at,
        "turn": _turn(connection, account.site, account.item),
    }
    del row["status"]
    return row


def take(connection: Connection, reservation_id: str, quantity: int, to_place: str, fact_id: str, keep_rest: bool = False) -> None:
    """Post a pick: move `quantity` of a reservation's goods to `to_place` (a place or a virtual one).

    The rest is given back, or stays pending with `keep_rest`. Taking 0 without `keep_rest` voids. Takes the fence itself.
    Raises: NotFoundError. ConflictError: not pending any more. DomainError: more than is reserved.
    """
    row = _pending(connection, reservation_id)
    left = row.quantity - row.taken
    if not 0 <= quantity <= left:
        raise DomainError("over_reserved", f"reservation {reservation_id}: {quantity} taken, {left} reserved; reserve the difference first")
    account = _reserved_account(row)
    given_back = 0 if keep_rest else left - quantity
    if quantity:
        legs = [Leg(account, -quantity), Leg(account.at(to_place), quantity)]
        _post(connection, fact_id, legs, {account: quantity + given_back})
    elif given_back:
        _change_balances(connection, {}, {account: given_back}, fact_id)
    done = not keep_rest or quantity == left
    _settle(connection, row, quantity, ("posted" if row.taken + quantity else "void") if done else "pending", fact_id)


def release(connection: Connection, reservation_id: str, fact_id: str, state: str = "void") -> None:
    """Give back what of a reservation is not taken yet; `state` is `void` or `timed_out`. Takes the fence itself.

    Raises: NotFoundError. ConflictError: not pending any more.
    """
    row = _pending(connection, reservation_id)
    _change_balances(connection, {}, {_reserved_account(row): row.quantity - row.taken}, fact_id)
    _settle(connection, row, 0, "posted" if row.taken and state == "void" else state, fact_id)


def _pending(connection: Connection, reservation_id: str) -> Any:
    query = select(reservation).where(reservation.c.id == reservation_id)
    seen = connection.execute(query).one_or_none()
    if seen is None:
        raise NotFoundError("unknown_reservation", f"reservation {reservation_id} is not known")
    lock(connection, [(seen.site, seen.item)])
    row = connection.execute(query).one()
    if row.state != "pending":
        raise ConflictError("reservation_closed", f"reservation {reservation_id} is {row.state} already")
    return row


def _reserved_account(row: Any) -> Account:
    return Account(row.place, row.item, row.lot, row.owner, "available", row.unit)


def _settle(connection: Connection, row: Any, quantity: int, state: str, fact_id: str) -> None:
    values: dict[str, Any] = {"taken": row.taken + quantity, "state": state}
    if state != "pending":
        recorded_at = connection.execute(select(event.c.recorded_at).where(event.c.id == fact_id)).scalar()
        values |= {"closed_at": recorded_at, "closed_by": fact_id}
    connection.execute(update(reservation).where(reservation.c.id == row.id).values(**values))


def available(connection: Connection, site: str, item: str, on: date | None = None) -> int:
    """Stock of an item that has arrived at a site, wherever it stands, is available, not reserved and (with `on`) not expired on that day."""
    mine = (balance.c.site == site) & (balance.c.item == item) & (balance.c.place != f"{site}/{TRANSIT}")
    query = select(func.sum(balance.c.on_hand - balance.c.reserved)).where(mine, balance.c.status == "available")
    if on is not None:
        query = query.where(balance.c.expiry >= on)
    return int(connection.execute(query).scalar() or 0)


def lot_changed(connection: Connection, item: str, lot: str) -> None:
    """Copy the expiry of a lot from the catalog to its balances, after the catalog changed it. Takes the fences itself."""
    sites = connection.execute(select(balance.c.site).distinct().where(balance.c.item == item, balance.c.lot == lot)).scalars().all()
    lock(connection, [(site, item) for site in sites])
    expiry = _lot_expiries(connection, [Account("@vendor", item, lot)]).get((item, lot), NO_EXPIRY)
    connection.execute(update(balance).where(balance.c.item == item, balance.c.lot == lot).values(expiry=expiry))


def places_changed(connection: Connection, places: Sequence[str]) -> None:
    """Copy pick rank and kind of places from the catalog to the balances there, after the catalog changed them. Takes the fences itself."""
    query = select(balance.c.site, balance.c.item).distinct().where(balance.c.place.in_(places))
    pairs = [(row.site, row.item) for row in connection.execute(query)]
    lock(connection, pairs)
    for place, (rank, pickable) in _place_attributes(connection, [Account(place, "") for place in places]).items():
        connection.execute(update(balance).where(balance.c.place == place).values(pick_rank=rank, pickable=pickable))
