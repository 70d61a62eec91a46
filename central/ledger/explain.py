# SPDX-License-Identifier: Apache-2.0
"""Why this lot: which stock of an item stood before a reservation's by its rule when it was made, and why it was passed over.

What stood where and what was claimed is read from the entries and reservations up to the reservation's turn, so it is as it was, whatever happened since.
What only the catalogue knows (rank, kind and lock of places, expiry and recall of lots) is as the catalogue says now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, func, or_, select

from central.database import instant
from central.errors import NotFoundError
from central.ledger.postings import PlaceFacts, lot_facts, place_facts
from central.ledger.removal import leading_key
from central.ledger.rules import NO_EXPIRY, TRANSIT, Account, Rule, Supply
from central.ledger.supplies import outermost_units
from central.ledger.tables import balance, entry, reservation

REASONS: Final[Mapping[str, str]] = {
    "also_taken": "{place}: the same line takes {quantity} here too",
    "not_available": "{place}: {quantity} of lot {lot} stand here as {status}, and only available goods leave",
    "other_owner": "{place}: {quantity} belong to {owner}, and the line is for {wanted_owner}",
    "in_transit": "{place}: {quantity} are still on their way",
    "expired": "{place}: lot {lot} expired on {expiry}",
    "too_short_life": "{place}: lot {lot} expires on {expiry}, and the line asks for {min_expiry} or later",
    "recalled": "{place}: lot {lot} is recalled",
    "place_locked": "{place} is locked: nothing is taken from it",
    "reserved": "{place}: all {quantity} were reserved for others already",
    "unit_too_large": "{place}: {free} stand on unit {unit}, which leaves storage only whole, and {wanted} were wanted",
    "not_pickable": "{place} is no place to pick from; goods come from there by replenishment",
    "unexplained": "{place}: {free} were free and stood before; have the ledger verified",
}
"""Why stock was passed over, by code, in English; pages translate by code and parameters."""


@dataclass(frozen=True, slots=True)
class PassedOver:
    """An account that stood before the reservation's by its rule. `free` is what nobody had reserved of `on_hand` then."""

    account: Account
    on_hand: int
    free: int
    expiry: date | None
    in_date: datetime
    pick_rank: int
    code: str
    params: Mapping[str, str | int]

    @property
    def text(self) -> str:
        """The reason in English."""
        return REASONS[self.code].format(**self.params)


@dataclass(frozen=True, slots=True)
class Why:
    """A reservation, what it took, by which rule, and what it passed over in the order of that rule."""

    reservation_id: str
    line_id: str
    rule: Rule
    account: Account
    quantity: int
    expiry: date | None
    in_date: datetime
    pick_rank: int
    min_expiry: date | None
    made_at: datetime
    passed_over: Sequence[PassedOver]


@dataclass(frozen=True, slots=True)
class _Then:
    """The item's stock at a site at the reservation's turn, and what the catalogue says of it."""

    row: Any
    on_hand: Mapping[Account, int]
    claimed: Mapping[Account, int]
    line: Mapping[Account, int]
    in_dates: Mapping[Account, datetime]
    places: Mapping[str, PlaceFacts]
    lots: Mapping[tuple[str, str], tuple[date, bool]]
    units: Mapping[str, str]

    def free(self, account: Account) -> int:
        """What nobody else had reserved."""
        return self.on_hand.get(account, 0) - self.claimed.get(account, 0)

    def supply(self, account: Account) -> Supply:
        """The account as the rules of removal see it."""
        place = self.places.get(account.place, PlaceFacts())
        expiry, _ = self.lots.get((account.item, account.lot), (NO_EXPIRY, False))
        return Supply(0, account, self.free(account), expiry, self.in_dates[account], place.pick_rank, place.pickable)


def why(connection: Connection, reservation_id: str) -> Why:
    """Explain a reservation. Raises: NotFoundError."""
    row = connection.execute(select(reservation).where(reservation.c.id == reservation_id)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_reservation", f"reservation {reservation_id} is not known")
    then = _then(connection, row)
    account = Account(row.place, row.item, row.lot, row.owner, "available", row.unit)
    taken = Supply(0, account, row.free, row.expiry, row.in_date, row.pick_rank)
    mine = leading_key(row.rule, taken)
    before = [each for each in then.on_hand if each != account and (leading_key(row.rule, then.supply(each)) < mine or each in then.line)]
    ordered = sorted(before, key=lambda each: (leading_key(row.rule, then.supply(each)), then.supply(each).fefo_key, each))
    about = (account, row.quantity, _shown(row.expiry), row.in_date, row.pick_rank, row.min_expiry, row.made_at)
    return Why(row.id, row.line_id, row.rule, *about, [_passed(then, each) for each in ordered])


def _shown(expiry: date) -> date | None:
    return None if expiry == NO_EXPIRY else expiry


def _then(connection: Connection, row: Any) -> _Then:
    on_hand = _on_hand(connection, row)
    claimed, line = _claimed(connection, row)
    places = place_facts(connection, {each.place for each in on_hand})
    lots = lot_facts(connection, {(each.item, each.lot) for each in on_hand if each.lot})
    units = outermost_units(connection, {each.unit for each in on_hand if each.unit})
    return _Then(row, on_hand, claimed, line, _in_dates(connection, row, on_hand), places, lots, units)


def _on_hand(connection: Connection, row: Any) -> dict[Account, int]:
    """What stood there when the reservation's transaction had the fence."""
    account = [entry.c[name] for name in ("place", "item", "lot", "owner", "status", "unit")]
    total = func.sum(entry.c.quantity)
    mine = (entry.c.item == row.item) & entry.c.place.startswith(f"{row.site}/", autoescape=True) & (entry.c.turn <= row.turn)
    query = select(*account, total).where(mine).group_by(*account).having(total > 0)
    return {Account(*key): int(quantity) for *key, quantity in connection.execute(query)}


def _claimed(connection: Connection, row: Any) -> tuple[dict[Account, int], dict[Account, int]]:
    """What others had reserved before, and what the same line took by the same fact elsewhere."""
    earlier = or_(reservation.c.turn < row.turn, and_(reservation.c.turn == row.turn, reservation.c.n < row.n))
    open_then = or_(reservation.c.closed_turn.is_(None), reservation.c.closed_turn > row.turn)
    same_line = and_(reservation.c.event_id == row.event_id, reservation.c.line_id == row.line_id, reservation.c.id != row.id)
    query = select(reservation).where(reservation.c.site == row.site, reservation.c.item == row.item, or_(and_(earlier, open_then), same_line))
    claimed: dict[Account, int] = defaultdict(int)
    line: dict[Account, int] = {}
    for each in connection.execute(query):
        account = Account(each.place, each.item, each.lot, each.owner, "available", each.unit)
        if each.event_id == row.event_id and each.line_id == row.line_id:
            line[account] = each.quantity
        else:
            # What was taken of it in part has left the entries too.
            claimed[account] += each.quantity - (each.taken if each.state == "pending" else 0)
    return claimed, line


def _in_dates(connection: Connection, row: Any, accounts: Mapping[Account, int]) -> dict[Account, datetime]:
    """When goods came in: as the balance knows it; of those that are gone, when their lot first came to the site."""
    mine = (balance.c.site == row.site) & (balance.c.item == row.item)
    kept = {
        Account(each.place, each.item, each.lot, each.owner, each.status, each.unit): each.in_date for each in connection.execute(select(balance).where(mine))
    }
    came = select(entry.c.lot, entry.c.owner, func.min(entry.c.occurred_at)).where(
        entry.c.item == row.item, entry.c.place.startswith(f"{row.site}/", autoescape=True), entry.c.quantity > 0
    )
    first = {(lot, owner): at for lot, owner, at in connection.execute(came.group_by(entry.c.lot, entry.c.owner))}
    return {each: kept.get(each) or _aware(first[each.lot, each.owner]) for each in accounts}


def _aware(at: datetime | int) -> datetime:
    return instant(at) if isinstance(at, int) else at


def _passed(then: _Then, account: Account) -> PassedOver:
    supply = then.supply(account)
    code = _reason(then, supply)
    row = then.row
    params: dict[str, str | int] = {
        "place": account.place,
        "lot": account.lot or "-",
        "status": account.status,
        "owner": account.owner or "us",
        "wanted_owner": row.owner or "us",
        "unit": then.units.get(account.unit, account.unit),
        "quantity": then.line.get(account, then.on_hand[account]),
        "free": supply.free,
        "wanted": row.quantity,
        "expiry": supply.expiry.isoformat(),
        "min_expiry": row.min_expiry.isoformat() if row.min_expiry else "-",
    }
    return PassedOver(account, then.on_hand[account], supply.free, _shown(supply.expiry), supply.in_date, supply.pick_rank, code, params)


def _reason(then: _Then, supply: Supply) -> str:
    account, row = supply.account, then.row
    place = then.places.get(account.place, PlaceFacts())
    _, recalled = then.lots.get((account.item, account.lot), (NO_EXPIRY, False))
    checks = (
        ("also_taken", account in then.line),
        ("not_available", account.status != "available"),
        ("other_owner", account.owner != row.owner),
        ("in_transit", account.place == f"{account.site}/{TRANSIT}"),
        ("expired", supply.expiry < row.made_at.date()),
        ("too_short_life", row.min_expiry is not None and supply.expiry < row.min_expiry),
        ("recalled", recalled),
        ("reserved", supply.free <= 0),
        ("place_locked", place.locked),
        ("unit_too_large", place.storage and bool(account.unit)),
        ("not_pickable", not place.pickable),
    )
    return next((code for code, applies in checks if applies), "unexplained")
