# SPDX-License-Identifier: Apache-2.0
"""Reservations: pending claims on stock, made by rule, then taken, given back or timed out. Each function runs in the caller's transaction."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, select

from central.bulk import insert_rows, keys_of, listed, update_rows
from central.catalog.service.places import days_at
from central.database import micros
from central.errors import ConflictError, DomainError, NotFoundError
from central.ledger import leaving, postings
from central.ledger.fences import holds, lock, turn_of
from central.ledger.recording import times_of
from central.ledger.rules import NO_EXPIRY, Account, Allocation, Demand, Leg, Reservation
from central.ledger.supplies import allocated
from central.ledger.tables import balance, reservation

_MADE = (
    "id",
    "event_id",
    "n",
    "line_id",
    "site",
    "place",
    "item",
    "lot",
    "owner",
    "unit",
    "quantity",
    "taken",
    "state",
    "rule",
    "expiry",
    "in_date",
    "pick_rank",
    "free",
    "min_expiry",
    "made_at",
    "deadline_at",
    "turn",
)


@dataclass(frozen=True, slots=True)
class Taking:
    """`quantity` of a reservation goes to `to_place` (a place or a virtual one) by a fact; the rest is given back, or stays with `keep_rest`."""

    reservation_id: str
    quantity: int
    to_place: str
    fact_id: str
    keep_rest: bool = False


def reserve(
    connection: Connection, fact_id: str, demand: Sequence[Demand], now: datetime, deadline_at: datetime | None = None, pickable_only: bool = True
) -> list[Reservation]:
    """Reserve available, unexpired stock for each line by its rule (`central.ledger.removal`); a line short of stock gets what there is.

    Taken from pickable places, and whole handling units from storage; without `pickable_only` pieces from storage too (never from stages, docks or
    transit). Locked places and recalled lots are left alone.
    With `deadline_at` a reservation that is still pending then may be timed out. Takes the fences itself.
    """
    deadlines = {} if deadline_at is None else {fact_id: deadline_at}
    return reserve_many(connection, [(fact_id, demand)], now, deadlines, pickable_only)[0]


def reserve_many(
    connection: Connection,
    demands: Sequence[tuple[str, Sequence[Demand]]],
    now: datetime,
    deadlines: Mapping[str, datetime] | None = None,
    pickable_only: bool = True,
) -> list[list[Reservation]]:
    """As `reserve`, for (fact id, lines) in turn, each before the next; deadlines by fact id. A line id belongs to one of the facts only."""
    demand = [line for _, lines in demands for line in lines]
    facts = {line.line_id: fact_id for fact_id, lines in demands for line in lines}
    assert sum(len({line.line_id for line in lines}) for _, lines in demands) == len(facts), "a line of two facts"
    lock(connection, {(line.site, line.item) for line in demand})
    today = days_at(connection, {line.site for line in demand}, now)
    allocations = allocated(connection, demand, today, pickable_only)
    _claim(connection, allocations)
    made: dict[str, list[Reservation]] = defaultdict(list)
    order = connection.info["dockline_reserved"]
    rows = []
    for each in allocations:
        fact_id = facts[each.line_id]
        n = len(made[fact_id])
        expiry = each.supply.expiry
        mine = Reservation(_id(fact_id, n, each), each.line_id, each.supply.account, each.quantity, None if expiry == NO_EXPIRY else expiry)
        made[fact_id].append(mine)
        rows.append(_row(connection, fact_id, next(order), mine.id, each, now, (deadlines or {}).get(fact_id)))
    insert_rows(connection, reservation, _MADE, rows)
    return [made[fact_id] for fact_id, _ in demands]


def _id(fact_id: str, n: int, each: Allocation) -> str:
    """The name-based UUID (RFC 9562, section 5.5) of the reservation in its fact; the same as `uuid.uuid5`, without three objects on the way."""
    digest = hashlib.sha1(bytes.fromhex(fact_id.replace("-", "")) + f"{each.line_id}/{n}".encode(), usedforsecurity=False).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{_VARIANT[digest[16]]}{digest[17:20]}-{digest[20:32]}"


_VARIANT = {f"{digit:x}": f"{8 | digit & 3:x}" for digit in range(16)}


def _claim(connection: Connection, allocations: Sequence[Allocation]) -> None:
    claimed: Counter[int] = Counter()
    turns: dict[int, int] = {}
    for each in allocations:
        claimed[each.supply.balance_id] += each.quantity
        turns[each.supply.balance_id] = turn_of(connection, each.supply.account.site, each.supply.account.item)
    rows = [(number, quantity, turns[number]) for number, quantity in sorted(claimed.items())]
    update_rows(connection, balance, "id", ("reserved", "turn"), rows, add=frozenset({"reserved"}))


def _row(connection: Connection, fact_id: str, n: int, number: str, each: Allocation, now: datetime, deadline_at: datetime | None) -> tuple[Any, ...]:
    supply, account = each.supply, each.supply.account
    return (
        number,
        fact_id,
        n,
        each.line_id,
        account.site,
        account.place,
        account.item,
        account.lot,
        account.owner,
        account.unit,
        each.quantity,
        0,
        "pending",
        each.rule,
        supply.expiry,
        micros(supply.in_date),
        supply.pick_rank,
        supply.free,
        each.min_expiry,
        micros(now),
        None if deadline_at is None else micros(deadline_at),
        turn_of(connection, account.site, account.item),
    )


def take(connection: Connection, reservation_id: str, quantity: int, to_place: str, fact_id: str, keep_rest: bool = False) -> None:
    """Post a pick: move `quantity` of a reservation's goods to `to_place` (a place or a virtual one), off their handling unit or whole with it.

    The rest is given back, or stays pending with `keep_rest`. Taking 0 without `keep_rest` voids. Takes the fence itself.
    Raises: NotFoundError. ConflictError: not pending any more. DomainError: more than is reserved.
    """
    take_many(connection, [Taking(reservation_id, quantity, to_place, fact_id, keep_rest)])


def take_many(connection: Connection, takings: Sequence[Taking]) -> None:
    """As `take`, for many in turn, of different reservations. Raises what the first `take` that fails would raise; nothing is written then."""
    rows = _pending(connection, [each.reservation_id for each in takings])
    posted: list[postings.Posting] = []
    settled: list[tuple[Any, int, str, str]] = []
    for each in takings:
        left = rows[each.reservation_id].quantity - rows[each.reservation_id].taken
        if not 0 <= each.quantity <= left:
            raise DomainError("over_reserved", f"reservation {each.reservation_id}: {each.quantity} taken, {left} reserved; reserve the difference first")
    going: dict[str, list[leaving.Taken]] = defaultdict(list)
    for each in takings:
        going[each.fact_id].append((_account(rows[each.reservation_id]), each.quantity, each.to_place))
    targets = {fact_id: iter(leaving.targets(connection, fact_id, taken)) for fact_id, taken in going.items()}
    for each in takings:
        row = rows[each.reservation_id]
        target = next(targets[each.fact_id])
        left = row.quantity - row.taken
        account = _account(row)
        given_back = 0 if each.keep_rest else left - each.quantity
        if each.quantity or given_back:
            legs = [Leg(account, -each.quantity), Leg(target, each.quantity)] if each.quantity else []
            posted.append(postings.Posting(each.fact_id, legs, {account: each.quantity + given_back}))
        done = not each.keep_rest or each.quantity == left
        settled.append((row, each.quantity, ("posted" if row.taken + each.quantity else "void") if done else "pending", each.fact_id))
    postings.apply(connection, posted)
    _settle(connection, settled)


def release(connection: Connection, reservation_id: str, fact_id: str, state: str = "void") -> None:
    """Give back what of a reservation is not taken yet; `state` is `void` or `timed_out`. Takes the fence itself.

    Raises: NotFoundError. ConflictError: not pending any more.
    """
    release_many(connection, [reservation_id], fact_id, state)


def release_many(connection: Connection, reservation_ids: Sequence[str], fact_id: str, state: str = "void") -> None:
    """As `release`, for many reservations by one fact."""
    rows = _pending(connection, reservation_ids)
    given = [postings.Posting(fact_id, (), {_account(row): row.quantity - row.taken}) for row in rows.values()]
    postings.apply(connection, given)
    _settle(connection, [(row, 0, "posted" if row.taken and state == "void" else state, fact_id) for row in rows.values()])


def _pending(connection: Connection, ids: Sequence[str]) -> Mapping[str, Any]:
    """The reservations by id, as they are with their fences held."""
    seen = _rows(connection, ids)
    for each in ids:
        if each not in seen:
            raise NotFoundError("unknown_reservation", f"reservation {each} is not known")
    pairs = {(row.site, row.item) for row in seen.values()}
    if holds(connection, pairs):
        rows = seen
    else:
        lock(connection, pairs)
        rows = _rows(connection, ids)
    for each in ids:
        if rows[each].state != "pending":
            raise ConflictError("reservation_closed", f"reservation {each} is {rows[each].state} already")
    return rows


def _rows(connection: Connection, ids: Sequence[str]) -> dict[str, Any]:
    return {row.id: row for row in connection.execute(_by_id(connection.dialect.name), {"ids": keys_of(connection, reservation.c.id, ids)})}


_SHOWN = ("id", "site", "place", "item", "lot", "owner", "unit", "quantity", "taken", "state", "deadline_at", "line_id")


@cache
def _by_id(dialect: str) -> Select[Any]:
    return select(*(reservation.c[name] for name in _SHOWN)).where(listed(dialect, reservation.c.id, "ids"))


def _account(row: Any) -> Account:
    return Account(row.place, row.item, row.lot, row.owner, "available", row.unit)


def _settle(connection: Connection, settled: Sequence[tuple[Any, int, str, str]]) -> None:
    """Write what became of (row, taken now, state, fact)."""
    times = times_of(connection, [fact_id for _, _, _, fact_id in settled])
    rows = []
    for row, quantity, state, fact_id in settled:
        closed = (None, None, None) if state == "pending" else (times[fact_id].recorded, fact_id, turn_of(connection, row.site, row.item))
        rows.append((row.id, row.taken + quantity, state, *closed))
    update_rows(connection, reservation, "id", ("taken", "state", "closed_at", "closed_by", "closed_turn"), rows)


def overdue(connection: Connection, now: datetime, limit: int = 500) -> list[str]:
    """Pending reservations whose deadline has passed, the oldest first."""
    query = select(reservation.c.id).where(reservation.c.state == "pending", reservation.c.deadline_at <= now)
    return list(connection.execute(query.order_by(reservation.c.deadline_at, reservation.c.id).limit(limit)).scalars())


def expiry_shown(expiry: date) -> date | None:
    """An expiry as people see it: none for goods that do not expire."""
    return None if expiry == NO_EXPIRY else expiry
