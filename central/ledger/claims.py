# SPDX-License-Identifier: Apache-2.0
"""Claims: what pending reservations still want of an account, and how they go along when goods are moved. Functions run in the caller's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, tuple_, update

from central.errors import ConflictError, InsufficientStockError
from central.ledger import service as ledger
from central.ledger.rules import Account, Leg
from central.ledger.tables import balance, reservation


@dataclass(frozen=True, slots=True)
class Claim:
    """A pending reservation: what of `account` it has not taken yet."""

    id: str
    line_id: str
    account: Account
    left: int


class StockReservedError(ConflictError):
    """Goods are there, but reserved. `claims` are the reservations that hold them."""

    def __init__(self, account: Account, wanted: int, free: int, claims: Sequence[Claim]) -> None:
        super().__init__("stock_reserved", f"{account}: {wanted} wanted, {free} free, {sum(each.left for each in claims)} reserved")
        self.account, self.wanted, self.free, self.claims = account, wanted, free, tuple(claims)


def on_accounts(connection: Connection, accounts: Iterable[Account]) -> list[Claim]:
    """Pending reservations on these accounts, oldest first."""
    keys = sorted({(each.place, each.item, each.lot, each.owner, each.unit) for each in accounts if each.status == "available"})
    columns = tuple_(reservation.c.place, reservation.c.item, reservation.c.lot, reservation.c.owner, reservation.c.unit)
    found: list[Claim] = []
    for start in range(0, len(keys), 500):
        query = select(reservation).where(reservation.c.state == "pending", columns.in_(keys[start : start + 500]))
        found += [_claim(row) for row in connection.execute(query.order_by(reservation.c.made_at, reservation.c.id))]
    return found


def on_lot(connection: Connection, item: str, lot: str) -> list[Claim]:
    """Pending reservations of a lot at all sites, oldest first."""
    query = select(reservation).where(reservation.c.state == "pending", reservation.c.item == item, reservation.c.lot == lot)
    return [_claim(row) for row in connection.execute(query.order_by(reservation.c.made_at, reservation.c.id))]


def of_line(connection: Connection, line_ids: Sequence[str]) -> list[Claim]:
    """Pending reservations of these lines, in the order in which they were made."""
    query = select(reservation).where(reservation.c.state == "pending", reservation.c.line_id.in_(line_ids))
    return [_claim(row) for row in connection.execute(query.order_by(reservation.c.line_id, reservation.c.expiry, reservation.c.in_date, reservation.c.id))]


def _claim(row: Any) -> Claim:
    return Claim(row.id, row.line_id, Account(row.place, row.item, row.lot, row.owner, "available", row.unit), row.quantity - row.taken)


def move(connection: Connection, fact_id: str, moved: Sequence[tuple[Account, Account, int]], *, along: bool) -> list[Claim]:
    """Post goods from one account to another, each (from, to, quantity); fences are held. With `along` claims go with the goods where too little is free.

    A claim goes whole or not at all, the oldest first. Returns the claims that moved, at their new accounts.
    Raises: InsufficientStockError: not there. StockReservedError: there and reserved, or no whole claims fit into what is moved.
    """
    if not moved:
        return []
    chosen = _chosen(connection, moved, along=along)
    taken: dict[Account, int] = defaultdict(int)
    for each, _ in chosen:
        taken[each.account] += each.left
    for account, quantity in taken.items():
        _change_reserved(connection, account, -quantity)
    ledger.post(connection, fact_id, [leg for source, target, quantity in moved for leg in (Leg(source, -quantity), Leg(target, quantity))])
    return [_follow(connection, each, target) for each, target in chosen]


def _chosen(connection: Connection, moved: Sequence[tuple[Account, Account, int]], *, along: bool) -> list[tuple[Claim, Account]]:
    held = _held(connection, [source for source, _, _ in moved])
    waiting: dict[Account, list[Claim]] = defaultdict(list)
    for claim in on_accounts(connection, held):
        waiting[claim.account].append(claim)
    chosen: list[tuple[Claim, Account]] = []
    for source, target, quantity in moved:
        on_hand, reserved = held.get(source, (0, 0))
        if quantity > on_hand:
            raise InsufficientStockError(str(source), quantity, on_hand - reserved)
        need = quantity - (on_hand - reserved)
        if need <= 0:
            continue
        part = _whole(waiting[source], need, quantity) if along and target.status == "available" and not target.virtual else []
        if sum(each.left for each in part) < need:
            raise StockReservedError(source, quantity, on_hand - reserved, waiting[source])
        chosen += [(each, target) for each in part]
    return chosen


def _whole(claims: Sequence[Claim], need: int, most: int) -> list[Claim]:
    part: list[Claim] = []
    total = 0
    for each in claims:
        if total < need and total + each.left <= most:
            part.append(each)
            total += each.left
    return part


def _held(connection: Connection, accounts: Sequence[Account]) -> Mapping[Account, tuple[int, int]]:
    columns = tuple_(balance.c.place, balance.c.item, balance.c.lot, balance.c.owner, balance.c.status, balance.c.unit)
    keys = [(each.place, each.item, each.lot, each.owner, each.status, each.unit) for each in accounts]
    found: dict[Account, tuple[int, int]] = {}
    for start in range(0, len(keys), 500):
        rows = connection.execute(select(balance).where(columns.in_(keys[start : start + 500])))
        found |= {ledger.account_of(row): (row.on_hand, row.reserved) for row in rows}
    return found


def _change_reserved(connection: Connection, account: Account, change: int) -> None:
    mine = [getattr(balance.c, name) == getattr(account, name) for name in ("place", "item", "lot", "owner", "status", "unit")]
    connection.execute(update(balance).where(*mine).values(reserved=balance.c.reserved + change))


def _follow(connection: Connection, claim: Claim, target: Account) -> Claim:
    row = connection.execute(select(reservation).where(reservation.c.id == claim.id)).one()
    same_line = (reservation.c.event_id == row.event_id) & (reservation.c.line_id == row.line_id) & (reservation.c.id != row.id)
    same_account = (
        (reservation.c.place == target.place) & (reservation.c.lot == target.lot) & (reservation.c.owner == target.owner) & (reservation.c.unit == target.unit)
    )
    if connection.execute(select(reservation.c.id).where(same_line, same_account)).scalar() is not None:
        raise ConflictError("claims_meet", f"{target}: another reservation of the same order line lies there; pick one of them first")
    values = {"place": target.place, "lot": target.lot, "owner": target.owner, "unit": target.unit}
    connection.execute(update(reservation).where(reservation.c.id == claim.id).values(**values))
    _change_reserved(connection, target, claim.left)
    return Claim(claim.id, claim.line_id, target, claim.left)
