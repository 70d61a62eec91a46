# SPDX-License-Identifier: Apache-2.0
"""Use case: opening stock by count (R29). What a sheet counts becomes the stock, one fact for each site, all rows or none.

What is posted is the difference between the count and the books at the moment of posting, so a place that holds something already is not counted double.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, delete, select, tuple_, update

from central.catalog import listeners
from central.catalog import service as catalog
from central.catalog.tables import item as catalog_item
from central.catalog.tables import location, partner
from central.catalog.tables import lot as catalog_lot
from central.database import insert_or_leave
from central.errors import ConflictError
from central.facts import document_id
from central.ledger import serials, units
from central.ledger import service as ledger
from central.ledger.rules import COUNT_DIFFERENCE, Account, Fact
from central.ledger.tables import balance, handling_unit, serial
from central.sheets.registry import Outcome, Sender, Trace
from central.sheets.rules import RowFault, Sheet
from central.stock.opening_rules import OpeningRow, units_counted
from central.stock.tables import stock_opening

_CHUNK = 300


@dataclass(frozen=True, slots=True)
class Counted:
    """A row with what its codes mean: so many smallest units in an account."""

    number: int
    row: OpeningRow
    account: Account
    quantity: int


def _chunks(keys: Iterable[Any]) -> Iterator[list[Any]]:
    ordered = sorted(set(keys))
    for start in range(0, len(ordered), _CHUNK):
        yield ordered[start : start + _CHUNK]


def plan_opening(connection: Connection, sheet: Sheet, sender: Sender) -> Outcome:
    """What a count sheet would change, and everything that is wrong with it."""
    rows: list[tuple[int, OpeningRow]] = list(sheet.rows)
    counted, faults = _understood(connection, rows)
    faults += [*_places(connection, counted, sender), *_owners(connection, counted), *_lots(connection, counted), *_units(connection, counted)]
    faults += [*_serials(connection, counted), *_counted_twice(counted)]
    held = _on_hand(connection, counted)
    differing = [each for each in counted if held.get(each.account, 0) != each.quantity]
    new = sum(each.account not in held for each in differing)

    def write() -> Sequence[Trace]:
        return _open(connection, counted, sender)

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
    for part in _chunks(each.account.place for each in counted):
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
    known = {code for part in _chunks(wanted) for code in connection.execute(select(partner.c.code).where(partner.c.code.in_(part))).scalars()}
    for each in counted:
        if each.account.owner and each.account.owner not in known:
            text = f"partner {each.account.owner} is not in the catalog; import the partners first"
            yield RowFault(each.number, "owner", "unknown_partner", text, {"code": each.account.owner})


def _lots(connection: Connection, counted: Sequence[Counted]) -> Iterator[RowFault]:
    """Two dates for one lot, in the file or against the catalog; goods of a recalled lot that are not on hold."""
    said: dict[tuple[str, str], date] = {}
    known: dict[tuple[str, str], Any] = {}
    for part in _chunks((each.account.item, each.account.lot) for each in counted if each.account.lot):
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
    for part in _chunks(each.account.unit for each in counted if each.account.unit):
        query = select(handling_unit.c.sscc, handling_unit.c.place).where(handling_unit.c.sscc.in_(part))
        at |= {row.sscc: row.place for row in connection.execute(query)}
    for each in counted:
        unit, place = each.account.unit, each.account.place
        if unit and at.setdefault(unit, place) != place:
            text = f"handling unit {unit} stands at {at[unit] or 'no place'}; one unit stands in one place"
            yield RowFault(each.number, "unit", "unit_elsewhere", text, {"unit": unit, "place": at[unit]})


def _serials(connection: Connection, counted: Sequence[Counted]) -> Iterator[RowFault]:
    tracked = _tracked(connection, counted)
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
    for part in _chunks(at):
        query = select(serial).where(tuple_(serial.c.item, serial.c.serial).in_(part), serial.c.state == "in_stock")
        for row in connection.execute(query):
            each = at[row.item, row.serial]
            if Account(row.place, row.item, row.lot, row.owner, row.status, row.unit) != each.account:
                text = f"serial {row.serial} of item {row.item} is at {row.place} already; one serial is one piece"
                yield RowFault(each.number, "serials", "serial_known", text, {"serial": row.serial})


def _tracked(connection: Connection, counted: Sequence[Counted]) -> set[str]:
    query = select(catalog_item.c.code).where(catalog_item.c.tracking == "serial")
    return {
        code for part in _chunks(each.account.item for each in counted) for code in connection.execute(query.where(catalog_item.c.code.in_(part))).scalars()
    }


def _counted_twice(counted: Sequence[Counted]) -> Iterator[RowFault]:
    """The same goods under two of their codes; the same code twice is told before."""
    first: dict[Account, Counted] = {}
    for each in counted:
        earlier = first.setdefault(each.account, each)
        if earlier is not each and earlier.row.key != each.row.key:
            text = f"row {earlier.number} counts item {each.account.item} at {each.account.place} too, under code {earlier.row.item}; keep one row of it"
            yield RowFault(each.number, "", "repeated", text)


def _on_hand(connection: Connection, counted: Sequence[Counted]) -> dict[Account, int]:
    wanted = {each.account for each in counted}
    found: dict[Account, int] = {}
    for part in _chunks((each.account.place, each.account.item) for each in counted):
        for row in connection.execute(select(balance).where(tuple_(balance.c.place, balance.c.item).in_(part))):
            account = ledger.account_of(row)
            if account in wanted:
                found[account] = row.on_hand
    return found


def _open(connection: Connection, counted: Sequence[Counted], sender: Sender) -> list[Trace]:
    by_site: dict[str, list[Counted]] = defaultdict(list)
    for each in counted:
        by_site[each.account.site].append(each)
    facts = {site: _fact("StockOpened", site, sender, [_said(each) for each in rows]) for site, rows in by_site.items()}
    for fact in facts.values():
        ledger.record(connection, fact, sender.now)
    units.lock(connection, by_site.keys(), {(each.account.site, each.account.item) for each in counted})
    _mark_opened(connection, {each.account.place for each in counted}, sender)
    _learn_lots(connection, counted)
    return [trace for site, rows in by_site.items() for trace in _post(connection, facts[site], rows, sender)]


def _fact(kind: str, site: str, sender: Sender, said: Any) -> Fact:
    return Fact(document_id(kind, sender.batch, site), "api", None, kind, json.dumps(said, ensure_ascii=False).encode(), sender.actor, sender.now, site)


def _said(each: Counted) -> dict[str, Any]:
    return {"row": each.number, **asdict(each.account), "counted": each.quantity, "expiry": each.row.expiry and each.row.expiry.isoformat()}


def _mark_opened(connection: Connection, places: set[str], sender: Sender) -> None:
    values = [{"place": place, "batch": sender.batch, "opened_at": sender.now} for place in sorted(places)]
    statement = insert_or_leave(connection, stock_opening)
    if sender.again:
        changed = {"batch": statement.excluded.batch, "opened_at": statement.excluded.opened_at}
        connection.execute(statement.on_conflict_do_update(index_elements=[stock_opening.c.place], set_=changed), values)
        return
    connection.execute(statement.on_conflict_do_nothing(), values)
    for part in _chunks(places):
        query = select(stock_opening.c.place).where(stock_opening.c.place.in_(part), stock_opening.c.batch != sender.batch).limit(1)
        if (place := connection.execute(query).scalar()) is not None:
            raise ConflictError("place_opened", f"{place} was opened by somebody else in the meantime; look at it before you count it anew")


def _learn_lots(connection: Connection, counted: Sequence[Counted]) -> None:
    said: dict[tuple[str, str], date | None] = {}
    for each in counted:
        if each.account.lot:
            key = (each.account.item, each.account.lot)
            said[key] = said.get(key) or each.row.expiry
    if not said:
        return
    values = [{"item": item, "lot": lot, "expiry": expiry} for (item, lot), expiry in said.items()]
    connection.execute(insert_or_leave(connection, catalog_lot).on_conflict_do_nothing(), values)
    learned: list[tuple[str, str]] = []
    for part in _chunks(key for key, expiry in said.items() if expiry is not None):
        query = select(catalog_lot.c.item, catalog_lot.c.lot).where(tuple_(catalog_lot.c.item, catalog_lot.c.lot).in_(part), catalog_lot.c.expiry.is_(None))
        learned += [(row.item, row.lot) for row in connection.execute(query)]
    for item, lot in learned:
        connection.execute(update(catalog_lot).where(catalog_lot.c.item == item, catalog_lot.c.lot == lot).values(expiry=said[item, lot]))
    if learned:
        listeners.lots_changed(connection, learned)


def _post(connection: Connection, fact: Fact, counted: Sequence[Counted], sender: Sender) -> Iterator[Trace]:
    for unit, place in {each.account.unit: each.account.place for each in counted if each.account.unit}.items():
        known = connection.execute(select(handling_unit.c.sscc).where(handling_unit.c.sscc == unit)).scalar()
        if known is None:
            units.make(connection, fact.id, unit, "pallet", place, sender.now)
        else:
            units.require_here(connection, unit, place)
    held, tracked = _on_hand(connection, counted), _tracked(connection, counted)
    legs: list[ledger.Leg] = []
    changes = []
    for each in counted:
        delta = each.quantity - held.get(each.account, 0)
        before = set(serials.at_account(connection, each.account)) if each.account.item in tracked else set()
        came, went = sorted(set(each.row.serials) - before), sorted(before - set(each.row.serials))
        if delta:
            legs += _legs(each.account, delta)
        if delta or came or went:
            changes.append({**asdict(each.account), "delta": delta, "came": came, "went": went, "fact": fact.id})
    if legs:
        ledger.post(connection, fact.id, legs)
    for change in changes:
        _move_pieces(connection, fact.id, change, sender, 1)
        yield Trace(_key_of(change), None, change)


def _key_of(change: Mapping[str, Any]) -> list[str]:
    return [str(change[name]) for name in ("place", "item", "lot", "owner", "status", "unit")]


def _legs(account: Account, delta: int) -> tuple[ledger.Leg, ledger.Leg]:
    return ledger.Leg(_nowhere(account), -delta), ledger.Leg(account, delta)


def _nowhere(account: Account) -> Account:
    return replace(account, place=COUNT_DIFFERENCE, unit="")


def _account(change: Mapping[str, Any]) -> Account:
    return Account(change["place"], change["item"], change["lot"], change["owner"], change["status"], change["unit"])


def _move_pieces(connection: Connection, fact_id: str, change: Mapping[str, Any], sender: Sender, sign: int) -> None:
    account = _account(change)
    there, gone = (change["came"], change["went"]) if sign > 0 else (change["went"], change["came"])
    if there:
        serials.move(connection, fact_id, account.item, there, account, sender.now, source=_nowhere(account))
    if gone:
        serials.move(connection, fact_id, account.item, gone, _nowhere(account), sender.now, source=account)


def undo_opening(connection: Connection, traces: Sequence[Trace], sender: Sender) -> None:
    """Take opening stock back by the opposite posting. Raises: InsufficientStockError: some of it was taken or reserved since."""
    by_site: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for trace in traces:
        by_site[_account(trace.after).site].append(trace.after)
    for site, changes in by_site.items():
        ledger.record(connection, _fact("StockOpeningUndone", site, sender, [{"batch": sender.batch, "rows": len(changes)}]), sender.now)
    units.lock(connection, by_site.keys(), {(site, change["item"]) for site, changes in by_site.items() for change in changes})
    for site, changes in by_site.items():
        fact_id = document_id("StockOpeningUndone", sender.batch, site)
        legs = [leg for change in changes if change["delta"] for leg in _legs(_account(change), -change["delta"])]
        if legs:
            ledger.post(connection, fact_id, legs)
        for change in changes:
            _move_pieces(connection, fact_id, change, sender, -1)
    connection.execute(delete(stock_opening).where(stock_opening.c.batch == sender.batch))
