# SPDX-License-Identifier: Apache-2.0
"""Use case: opening stock by count (R29). What a sheet counts becomes the stock, one fact for each site, all rows or none.

What is posted is the difference between the count and the books at the moment of posting, so a place that holds something already is not counted double.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, select, tuple_

from central.catalog import service as catalog
from central.catalog.tables import location, partner
from central.catalog.tables import lot as catalog_lot
from central.ledger.rules import Account
from central.ledger.tables import handling_unit, serial
from central.sheets.registry import Outcome, Sender, Trace
from central.sheets.rules import RowFault, Sheet
from central.stock.opening_posting import Counted, chunks, on_hand, open_counted, tracked_items
from central.stock.opening_rules import OpeningRow, units_counted
from central.stock.tables import stock_opening


def plan_opening(connection: Connection, sheet: Sheet, sender: Sender) -> Outcome:
    """What a count sheet would change, and everything that is wrong with it."""
    rows: list[tuple[int, OpeningRow]] = list(sheet.rows)
    counted, faults = _understood(connection, rows)
    faults += [*_places(connection, counted, sender), *_owners(connection, counted), *_lots(connection, counted), *_units(connection, counted)]
    faults += [*_serials(connection, counted), *_counted_twice(counted)]
    held = on_hand(connection, counted)
    differing = [each for each in counted if held.get(each.account, 0) != each.quantity]
    new = sum(each.account not in held for each in differing)

    def write() -> Sequence[Trace]:
        return open_counted(connection, counted, sender)

    return Outcome(new, len(differing) - new, len(counted) - len(differing), write, faults)


def _understood(connection: Connection, rows: Sequence[tuple[int, OpeningRow]]) -> tuple[list[Counted], list[RowFault]]:
    named = catalog.all_named(connection, {row.item for _, row in rows})
    packed = catalog.packagings_of(connection, {each.item for each in named.values()})
    counted: list[Counted] = []
    faults: list[RowFault] = []
    for number, row in rows:
        meant = named.get(row.item)
        if meant is None:
            faults.append(RowFault(number, "item", "unknown_item", f"item {row.item} is not in the catalog; import the items first", {"code": row.item}))
            continue
        quantity = units_counted(row, meant.quantity, {each.code: each.quantity for each in packed[meant.item]})
        if quantity is None:
            text = f"item {meant.item} has no packaging {row.packaging}; import the packagings first"
            faults.append(RowFault(number, "packaging", "unknown_packaging", text, {"item": meant.item, "code": row.packaging}))
        else:
            counted.append(Counted(number, row, row.account(meant.item), quantity))
    return counted, faults


def _places(connection: Connection, counted: Sequence[Counted], sender: Sender) -> Iterator[RowFault]:
    known: set[str] = set()
    opened: set[str] = set()
    for part in chunks(each.account.place for each in counted):
        known |= set(connection.execute(select(location.c.place).where(location.c.place.in_(part))).scalars())
        opened |= set(connection.execute(select(stock_opening.c.place).where(stock_opening.c.place.in_(part))).scalars())
    for each in counted:
        place = each.account.place
        if place not in known:
            text = f"location {place} is not in the catalog; import the locations first"
            yield RowFault(each.number, "location", "unknown_location", text, {"code": place})
        elif place in opened and not sender.again:
            text = f"{place} was opened before; count it by a stock count, or import with again=true to count it anew"
            yield RowFault(each.number, "location", "place_opened", text, {"place": place})


def _owners(connection: Connection, counted: Sequence[Counted]) -> Iterator[RowFault]:
    wanted = {each.account.owner for each in counted if each.account.owner}
    known = {code for part in chunks(wanted) for code in connection.execute(select(partner.c.code).where(partner.c.code.in_(part))).scalars()}
    for each in counted:
        if each.account.owner and each.account.owner not in known:
            text = f"partner {each.account.owner} is not in the catalog; import the partners first"
            yield RowFault(each.number, "owner", "unknown_partner", text, {"code": each.account.owner})


def _lots(connection: Connection, counted: Sequence[Counted]) -> Iterator[RowFault]:
    """Two dates for one lot, in the file or against the catalog; goods of a recalled lot that are not on hold."""
    said: dict[tuple[str, str], date] = {}
    known: dict[tuple[str, str], Any] = {}
    for part in chunks((each.account.item, each.account.lot) for each in counted if each.account.lot):
        query = select(catalog_lot).where(tuple_(catalog_lot.c.item, catalog_lot.c.lot).in_(part))
        known |= {(row.item, row.lot): row for row in connection.execute(query)}
    for each in counted:
        key, expiry = (each.account.item, each.account.lot), each.row.expiry
        there = known.get(key)
        before = (there.expiry if there is not None else None) or said.get(key)
        if expiry is not None and before is not None and before != expiry:
            text = f"lot {key[1]} of item {key[0]} is known with expiry {before}, not {expiry}; correct one of them"
            yield RowFault(each.number, "expiry", "lot_expiry_differs", text, {"lot": key[1], "known": str(before), "said": str(expiry)})
        if there is not None and there.held and each.account.status == "available":
            text = f"lot {key[1]} of item {key[0]} is recalled; count it with status hold"
            yield RowFault(each.number, "status", "lot_held", text, {"lot": key[1]})
        if expiry is not None:
            said.setdefault(key, expiry)


def _units(connection: Connection, counted: Sequence[Counted]) -> Iterator[RowFault]:
    at: dict[str, str] = {}
    for part in chunks(each.account.unit for each in counted if each.account.unit):
        query = select(handling_unit.c.sscc, handling_unit.c.place).where(handling_unit.c.sscc.in_(part))
        at |= {row.sscc: row.place for row in connection.execute(query)}
    for each in counted:
        unit, place = each.account.unit, each.account.place
        if unit and at.setdefault(unit, place) != place:
            text = f"handling unit {unit} stands at {at[unit] or 'no place'}; one unit stands in one place"
            yield RowFault(each.number, "unit", "unit_elsewhere", text, {"unit": unit, "place": at[unit]})


def _serials(connection: Connection, counted: Sequence[Counted]) -> Iterator[RowFault]:
    tracked = tracked_items(connection, counted)
    seen: dict[tuple[str, str], int] = {}
    for each in counted:
        item, numbers = each.account.item, each.row.serials
        if item not in tracked:
            if numbers:
                yield RowFault(each.number, "serials", "serials_unwanted", f"item {item} is not tracked by serial; leave the serials out", {"item": item})
            continue
        if len(numbers) != each.quantity:
            text = f"{each.quantity} of item {item} are counted and {len(numbers)} serials are given; each unit has its own"
            yield RowFault(each.number, "serials", "serials_differ", text, {"serials": len(numbers), "quantity": each.quantity})
        for number in numbers:
            if (first := seen.setdefault((item, number), each.number)) != each.number:
                yield RowFault(each.number, "serials", "serial_twice", f"serial {number} stands in row {first} too", {"serial": number})
    yield from _serials_elsewhere(connection, [each for each in counted if each.account.item in tracked])


def _serials_elsewhere(connection: Connection, counted: Sequence[Counted]) -> Iterator[RowFault]:
    at = {(each.account.item, number): each for each in counted for number in each.row.serials}
    for part in chunks(at):
        query = select(serial).where(tuple_(serial.c.item, serial.c.serial).in_(part), serial.c.state == "in_stock")
        for row in connection.execute(query):
            each = at[row.item, row.serial]
            if Account(row.place, row.item, row.lot, row.owner, row.status, row.unit) != each.account:
                text = f"serial {row.serial} of item {row.item} is at {row.place} already; one serial is one piece"
                yield RowFault(each.number, "serials", "serial_known", text, {"serial": row.serial})


def _counted_twice(counted: Sequence[Counted]) -> Iterator[RowFault]:
    """The same goods under two of their codes; the same code twice is told before."""
    first: dict[Account, Counted] = {}
    for each in counted:
        earlier = first.setdefault(each.account, each)
        if earlier is not each and earlier.row.key != each.row.key:
            text = f"row {earlier.number} counts item {each.account.item} at {each.account.place} too, under code {earlier.row.item}; keep one row of it"
            yield RowFault(each.number, "", "repeated", text)
