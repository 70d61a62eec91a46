# SPDX-License-Identifier: Apache-2.0
"""Use cases: opening stock and corrections, moves from place to place (R24), changes of status and of owner. Each runs inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import Connection

from central.catalog import service as catalog
from central.errors import ConflictError, DomainError
from central.ledger import claims, serials, units
from central.ledger import service as ledger
from central.ledger.rules import COUNT_DIFFERENCE, Status
from central.stock import places
from central.stock.listeners import Told, listeners, name_of_line


@dataclass(frozen=True)
class Correction:
    """Stock that is there (positive) or not there (negative) against the books; `expiry` is taken over for a lot that is not known yet."""

    place: str
    item: str
    quantity: int
    lot: str = ""
    expiry: date | None = None
    status: Status = "available"
    owner: str = ""
    unit: str = ""
    serials: tuple[str, ...] = ()

    @property
    def account(self) -> ledger.Account:
        """Where it is corrected."""
        return ledger.Account(self.place, self.item, self.lot, self.owner, self.status, self.unit)


def correct_stock(connection: Connection, fact: ledger.Fact, corrections: Sequence[Correction], now: datetime) -> bool:
    """Post opening stock and corrections against the virtual place of count differences; returns False when the fact was posted before.

    Raises: NotFoundError: item, location or unit unknown. ConflictError: a lot's expiry differs from the catalog. InsufficientStockError.
    """
    if ledger.record(connection, fact, now).already:
        return False
    for each in corrections:
        catalog.item_by_code(connection, each.item)
        catalog.location_by_place(connection, each.place)
        _same_expiry(connection, each)
    ledger.lock(connection, {(each.place.partition("/")[0], each.item) for each in corrections})
    for each in corrections:
        if each.unit:
            units.require_here(connection, each.unit, each.place)
    ledger.post(connection, fact.id, [leg for each in corrections for leg in _legs(each)])
    for each in corrections:
        source, target = _accounts(each)
        serials.follow(connection, fact.id, source, target, abs(each.quantity), each.serials, now)
    return True


def _same_expiry(connection: Connection, each: Correction) -> None:
    known = catalog.learn_lot(connection, each.item, each.lot, each.expiry)
    if known is not None:
        text = f"lot {each.lot} of item {each.item} is known with expiry {known}, not {each.expiry}; correct one of them"
        raise ConflictError("lot_expiry_differs", text)


def _legs(each: Correction) -> tuple[ledger.Leg, ledger.Leg]:
    account = each.account
    return ledger.Leg(replace(account, place=COUNT_DIFFERENCE, unit=""), -each.quantity), ledger.Leg(account, each.quantity)


def _accounts(each: Correction) -> tuple[ledger.Account, ledger.Account]:
    there, nowhere = each.account, replace(each.account, place=COUNT_DIFFERENCE, unit="")
    return (nowhere, there) if each.quantity > 0 else (there, nowhere)


def move_stock(
    connection: Connection,
    fact: ledger.Fact,
    source: ledger.Account,
    target: ledger.Account,
    quantity: int,
    now: datetime,
    *,
    with_reservations: bool = False,
    serial_numbers: Sequence[str] = (),
) -> bool:
    """Move stock of one account to another place, status or unit (put back, released from inspection, found damaged); returns False when done before.

    Reserved goods stay unless `with_reservations`: then whole claims go along, and the orders' tasks ask for them at the new place.
    Raises: NotFoundError: place or unit unknown. ConflictError: places of two sites, reserved, or the place does not take them. InsufficientStockError.
    """
    if ledger.record(connection, fact, now).already:
        return False
    places.check_possible(connection, source, target)
    pairs = {(source.site, source.item), *(places.fences(connection, target.place) if source.place != target.place else ())}
    units.lock(connection, [source.site] if source.unit or target.unit else [], pairs)
    if source.place != target.place:
        places.check_takes(connection, [(source, target, quantity)], target.place)
    if target.unit and target.unit != source.unit:
        units.require_here(connection, target.unit, target.place)
    along = move_goods(connection, fact.id, [(source, target, quantity)], with_reservations=with_reservations)
    serials.follow(connection, fact.id, source, target, quantity, serial_numbers, now)
    tell_moved(connection, Told(fact.id, now), along)
    return True


def move_goods(
    connection: Connection, fact_id: str, moved: Sequence[tuple[ledger.Account, ledger.Account, int]], *, with_reservations: bool
) -> list[claims.Claim]:
    """Post goods elsewhere; says by name for whom reserved ones are kept. Fences are held. Raises: ConflictError. InsufficientStockError."""
    try:
        return claims.move(connection, fact_id, moved, along=with_reservations)
    except claims.StockReservedError as error:
        raise named(connection, error) from error


def named(connection: Connection, error: claims.StockReservedError) -> ConflictError:
    """The error as a person needs it: for whom the goods are kept, and what to do."""
    names = sorted({name_of_line(connection, each.line_id) for each in error.claims})
    text = f"{error.account}: {error.wanted} wanted, {error.free} free; reserved for {', '.join(names[:5])}{' and others' if len(names) > 5 else ''}"
    return ConflictError("stock_reserved", f"{text}; pick or cancel that first, move fewer, or move whole reservations along with them")


def tell_moved(connection: Connection, told: Told, along: Sequence[claims.Claim]) -> None:
    """Tell the areas that keep tasks for these claims where the goods are now."""
    for listener in listeners() if along else ():
        listener.claims_moved(connection, told, along)


def change_owner(
    connection: Connection, fact: ledger.Fact, account: ledger.Account, owner: str, quantity: int, now: datetime, serial_numbers: Sequence[str] = ()
) -> bool:
    """Goods change hands where they lie (consigned goods are bought, or goods are sold and kept); returns False when done before.

    Raises: NotFoundError: no partner has the new owner's code. DomainError: it is the owner already. ConflictError: reserved. InsufficientStockError.
    """
    if ledger.record(connection, fact, now).already:
        return False
    if owner == account.owner:
        raise DomainError("nothing_moves", f"{account}: {owner or 'the house'} owns the goods already")
    if owner:
        catalog.check_partner(connection, owner)
    target = replace(account, owner=owner)
    ledger.lock(connection, [(account.site, account.item)])
    move_goods(connection, fact.id, [(account, target, quantity)], with_reservations=False)
    serials.follow(connection, fact.id, account, target, quantity, serial_numbers, now)
    return True
