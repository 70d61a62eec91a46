# SPDX-License-Identifier: Apache-2.0
"""Use cases of handling units: make, fill, nest, move, split, merge, unpack. Each runs inside the caller's transaction and is done once per fact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from central.catalog import service as catalog
from central.catalog.tables import item as catalog_item
from central.errors import BusyError, ConflictError, DomainError
from central.ledger import claims, serials, units
from central.ledger import service as ledger
from central.ledger.rules import Account
from central.stock import places
from central.stock.listeners import Told
from central.stock.moves import move_goods, named, tell_moved
from central.stock.numbers import next_sscc
from contracts.identifiers import IdentifierError, check_sscc


@dataclass(frozen=True)
class Goods:
    """So much of what lies in a unit."""

    item: str
    quantity: int
    lot: str = ""
    owner: str = ""
    status: str = "available"
    serial_numbers: tuple[str, ...] = ()


def check_code(code: str) -> str:
    """An SSCC with its right check digit, or a name of the house that is not all digits. Raises: DomainError."""
    if not code.isdigit():
        return code
    try:
        return check_sscc(code)
    except IdentifierError as error:
        raise DomainError("bad_sscc", str(error)) from error


def make_unit(connection: Connection, fact: ledger.Fact, kind: str, place: str, now: datetime, sscc: str = "", parent: str | None = None) -> str:
    """Know a new, empty unit at a place, standing in another one if `parent` is given; returns its SSCC, made when none is given.

    Raises: NotFoundError: place or parent unknown. ConflictError: the unit is known already, or the parent stands elsewhere.
    """
    recorded = ledger.record(connection, fact, now)
    if recorded.already:
        return (recorded.answer or b"").decode()
    catalog.location_by_place(connection, place)
    site = place.partition("/")[0]
    units.lock(connection, [site])
    code = check_code(sscc) if sscc else next_sscc(connection, site)
    units.make(connection, fact.id, code, kind, place, now)
    if parent is not None:
        units.nest(connection, fact.id, code, parent)
    ledger.keep_answer(connection, fact.id, code.encode())
    return code


def put_in(connection: Connection, fact: ledger.Fact, sscc: str, goods: Sequence[Goods], now: datetime, from_unit: str = "") -> bool:
    """Put loose goods at the unit's place, or goods of another unit there, into the unit; returns False when done before.

    Raises: NotFoundError. ConflictError: closed, elsewhere, or the goods are reserved. InsufficientStockError.
    """
    if ledger.record(connection, fact, now).already:
        return False
    unit = _locked(connection, sscc, goods)
    if from_unit:
        units.require_here(connection, from_unit, unit.place)
    _rehouse(connection, Told(fact.id, now), unit.place, goods, from_unit, sscc)
    return True


def _locked(connection: Connection, sscc: str, goods: Sequence[Goods]) -> Row[Any]:
    """An open unit with the fences of its site's units and of goods there held. Raises: NotFoundError. ConflictError: closed. BusyError: it was on its way."""
    site = units.unit_by_code(connection, sscc).site
    units.lock(connection, [site], {(site, each.item) for each in goods})
    unit = units.unit_by_code(connection, sscc)
    if unit.site != site:
        raise BusyError
    units.require_open(unit)
    return unit


def take_out(connection: Connection, fact: ledger.Fact, sscc: str, goods: Sequence[Goods], now: datetime) -> bool:
    """Goods lie loose beside the unit afterwards; returns False when done before. Raises: as `put_in`."""
    if ledger.record(connection, fact, now).already:
        return False
    unit = _locked(connection, sscc, goods)
    _rehouse(connection, Told(fact.id, now), unit.place, goods, sscc, "")
    return True


def _rehouse(connection: Connection, told: Told, place: str, goods: Sequence[Goods], source: str, target: str) -> None:
    for each in goods:
        account = Account(place, each.item, each.lot, each.owner, each.status, source)  # type: ignore[arg-type]  # the ledger checks the status
        inside = units.in_unit(account, target)
        along = move_goods(connection, told.fact_id, [(account, inside, each.quantity)], with_reservations=True)
        serials.follow(connection, told.fact_id, account, inside, each.quantity, each.serial_numbers, told.now)
        tell_moved(connection, told, along)


def nest_unit(connection: Connection, fact: ledger.Fact, sscc: str, parent: str | None, now: datetime) -> bool:
    """Stand a unit in another one at the same place, or (None) beside it; returns False when done before. Raises: as `units.nest`."""
    if ledger.record(connection, fact, now).already:
        return False
    units.lock(connection, [units.unit_by_code(connection, sscc).site])
    units.nest(connection, fact.id, sscc, parent)
    return True


def move_unit(connection: Connection, fact: ledger.Fact, sscc: str, to_place: str, now: datetime, *, with_reservations: bool = False) -> bool:
    """Move a unit with everything in it within its site, in one posting; returns False when done before.

    Raises: NotFoundError. ConflictError: another site, a closed place, or goods in it are reserved and `with_reservations` is false.
    """
    if ledger.record(connection, fact, now).already:
        return False
    catalog.location_by_place(connection, to_place)
    ledger.lock(connection, places.fences(connection, to_place))
    tree = units.lock_tree(connection, sscc)
    _must_stay_here(tree[0], to_place)
    rows = units.goods_in(connection, [sscc])
    accounts = [(ledger.account_of(row), ledger.account_of(row).at(to_place), int(row.on_hand)) for row in rows]
    places.check_takes(connection, accounts, to_place)
    if not with_reservations:
        _check_free(connection, accounts)
    along = units.move(connection, fact.id, sscc, to_place, with_claims=with_reservations)
    follow_serials(connection, fact.id, accounts, now)
    tell_moved(connection, Told(fact.id, now), along)
    return True


def _must_stay_here(unit: Row[Any], to_place: str) -> None:
    if unit.state not in ("open", "closed"):
        raise ConflictError("unit_not_here", f"handling unit {unit.sscc} is {unit.state}; receive it first")
    if unit.site != to_place.partition("/")[0]:
        raise ConflictError("two_sites", f"{unit.place} and {to_place} are at two sites; that is a transfer and not a move")
    if unit.place == to_place:
        raise DomainError("nothing_moves", f"handling unit {unit.sscc} stands at {to_place} already")


def _check_free(connection: Connection, moved: Sequence[tuple[Account, Account, int]]) -> None:
    held = claims.on_accounts(connection, [source for source, _, _ in moved])
    for source, _, quantity in moved:
        mine = [each for each in held if each.account == source]
        if mine:
            raise named(connection, claims.StockReservedError(source, quantity, quantity - sum(each.left for each in mine), mine))


def follow_serials(connection: Connection, fact_id: str, moved: Sequence[tuple[Account, Account, int]], now: datetime) -> None:
    """The pieces of whole accounts that moved go along."""
    items = {source.item for source, _, _ in moved}
    tracked = connection.execute(select(catalog_item.c.code).where(catalog_item.c.tracking == "serial", catalog_item.c.code.in_(items))).scalars().all()
    for source, target, quantity in moved:
        if source.item in tracked:
            _check_named(source, target, quantity, len(serials.at_account(connection, source)))
            serials.follow_all(connection, fact_id, source, target, now)


def _check_named(source: Account, target: Account, quantity: int, named: int) -> None:
    """Picked pieces without their numbers stay at the stage; those in inspection may go anywhere."""
    if named < quantity and source.status != "inspect" and source.place != target.place:
        text = f"{quantity - named} of {quantity} pieces of item {source.item} at {source.place} have no serial yet; name them before they are moved"
        raise ConflictError("serials_needed", text)


def split_unit(connection: Connection, fact: ledger.Fact, sscc: str, goods: Sequence[Goods], now: datetime, new_sscc: str = "") -> str:
    """Put a part of a unit's goods into a new unit of its kind beside it; returns the new unit's SSCC. Raises: as `put_in`."""
    recorded = ledger.record(connection, fact, now)
    if recorded.already:
        return (recorded.answer or b"").decode()
    unit = _locked(connection, sscc, goods)
    code = check_code(new_sscc) if new_sscc else next_sscc(connection, unit.site)
    units.make(connection, fact.id, code, unit.kind, unit.place, now, unit.parent)
    _rehouse(connection, Told(fact.id, now), unit.place, goods, sscc, code)
    ledger.keep_answer(connection, fact.id, code.encode())
    return code


def merge_units(connection: Connection, fact: ledger.Fact, source: str, target: str, now: datetime) -> bool:
    """Put everything of one unit into another at the same place and dissolve it; returns False when done before."""
    if ledger.record(connection, fact, now).already:
        return False
    units.lock_tree(connection, source)
    moved = _own_goods(connection, source, target)
    along = units.merge(connection, fact.id, source, target)
    follow_serials(connection, fact.id, moved, now)
    tell_moved(connection, Told(fact.id, now), along)
    return True


def dissolve_unit(connection: Connection, fact: ledger.Fact, sscc: str, now: datetime) -> bool:
    """Unpack a unit: what is in it stands loose, or in what it stood in; returns False when done before."""
    if ledger.record(connection, fact, now).already:
        return False
    tree = units.lock_tree(connection, sscc)
    moved = _own_goods(connection, sscc, tree[0].parent or "")
    along = units.dissolve(connection, fact.id, sscc)
    follow_serials(connection, fact.id, moved, now)
    tell_moved(connection, Told(fact.id, now), along)
    return True


def _own_goods(connection: Connection, sscc: str, target: str) -> list[tuple[Account, Account, int]]:
    accounts = [(ledger.account_of(row), int(row.on_hand)) for row in units.goods_in(connection, [sscc]) if row.unit == sscc]
    return [(account, units.in_unit(account, target), quantity) for account, quantity in accounts]


def close_unit(connection: Connection, fact: ledger.Fact, sscc: str, now: datetime, *, closed: bool) -> bool:
    """Close a unit (nothing goes in or out), or open it again; returns False when done before. Raises: NotFoundError. ConflictError: it is gone."""
    if ledger.record(connection, fact, now).already:
        return False
    units.lock(connection, [units.unit_by_code(connection, sscc).site])
    units.set_state(connection, fact.id, sscc, "closed" if closed else "open", ("open", "closed"))
    return True
