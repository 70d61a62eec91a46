# SPDX-License-Identifier: Apache-2.0
"""What arrives is posted: from the supplier, or from the place in transit; on its handling units; a recalled lot on hold; pieces with their serials."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from central.catalog import service as catalog
from central.errors import ConflictError, InsufficientStockError
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.inbound import rules
from central.inbound.tables import ship_notice, ship_notice_line, ship_notice_nest, ship_notice_unit
from central.ledger import serials, units
from central.ledger import service as ledger
from central.ledger.rules import VENDOR, Account, Status
from central.ledger.tables import balance, handling_unit


@dataclass(frozen=True)
class Spot:
    """Where and when something happened, and the recorded fact that says so."""

    fact_id: str
    site: str
    station: str
    now: datetime


@dataclass(frozen=True)
class Arrived:
    """So much of a notice's line for a place. `seen` are the tagged cases that a door read; None: a person vouches for all.

    `status` is what the goods come in as when nothing else speaks against them: available, or expired.
    """

    line: rules.NoticeLine
    quantity: int
    place: str
    seen: frozenset[rules.Case] | None = None
    status: Status = "available"


@dataclass(frozen=True)
class _Part:
    source: Account
    target: Account
    quantity: int


def lock(connection: Connection, site: str, sscc: str, items: Sequence[str], also: Collection[tuple[str, str]] = ()) -> None:
    """The fences for goods that arrive, for the site's units when they come on one, and `also` those of limited places."""
    units.lock(connection, [site] if sscc else [], {(site, item) for item in items} | set(also))


def book(connection: Connection, spot: Spot, notice: str, arrived: Sequence[Arrived], sscc: str) -> None:
    """Post goods to their places. The pallet `sscc` stands at the first of them; what belongs elsewhere leaves it."""
    if not arrived:
        return
    source_place = _source_of(connection, notice)
    home = arrived[0].place
    parts = [part for each in arrived for part in (_from_transit if source_place else _from_supplier)(connection, each, source_place, sscc)]
    if sscc:
        _stand(connection, spot, notice, sscc, home, arrived, source_place)
    _post(connection, spot, [replace(part, target=_unit_at(part.target, home)) for part in parts])
    for each in arrived:
        _number_pieces(connection, spot, each, [replace(part, target=_unit_at(part.target, home)) for part in parts if part.target.item == each.line.item])


def _source_of(connection: Connection, notice: str) -> str:
    return str(connection.execute(select(ship_notice.c.source_place).where(ship_notice.c.number == notice)).scalar() or "")


def _unit_at(account: Account, home: str) -> Account:
    return account if account.place == home else replace(account, unit="")


def _from_supplier(connection: Connection, each: Arrived, _source_place: str, sscc: str) -> Iterator[_Part]:
    line = each.line
    held = catalog.held_lot(connection, line.item, line.lot)
    unnumbered = serials.is_tracked(connection, line.item) and not _piece_serials(each)
    status: Status = "hold" if held else "inspect" if unnumbered else each.status
    target = Account(each.place, line.item, line.lot, status=status, unit=(line.unit or sscc) if sscc else "")
    cases = _cases_of(connection, each) if sscc else []
    for case in cases:
        yield _Part(Account(VENDOR, line.item, line.lot), replace(target, unit=case), each.quantity // len(cases))
    if not cases:
        yield _Part(Account(VENDOR, line.item, line.lot), target, each.quantity)


def _cases_of(connection: Connection, each: Arrived) -> list[str]:
    """SSCCs of the cases that came; none when the line does not list them, or when what came is no whole number of them."""
    rows = connection.execute(select(ship_notice_unit).where(ship_notice_unit.c.line == each.line.line_id).order_by(ship_notice_unit.c.n)).all()
    if each.seen is not None and each.line.cases:
        serials_seen = {case.serial for case in each.line.cases if case in each.seen}
        rows = [row for row in rows if row.serial in serials_seen]
    per_case = each.line.quantity // len(each.line.cases or rows) if rows else 0
    return [row.sscc for row in rows] if rows and per_case * len(rows) == each.quantity else []


def _from_transit(connection: Connection, each: Arrived, source_place: str, sscc: str) -> Iterator[_Part]:
    """Goods of the pallet as they stand in transit, with their owners, statuses and units."""
    wanted = each.quantity
    for row in units.goods_in(connection, [sscc]) if sscc else _loose_in_transit(connection, source_place, each.line.item, each.line.lot):
        if (row.place, row.item, row.lot) == (source_place, each.line.item, each.line.lot) and wanted:
            account = ledger.account_of(row)
            quantity = min(wanted, int(row.on_hand))
            wanted -= quantity
            yield _Part(account, account.at(each.place), quantity)
    if wanted:
        raise InsufficientStockError(f"{source_place}: item {each.line.item} lot {each.line.lot or '-'}, in transit", wanted, 0)


def _loose_in_transit(connection: Connection, place: str, item: str, lot: str) -> Sequence[Row[Any]]:
    query = select(balance).where(balance.c.place == place, balance.c.item == item, balance.c.lot == lot)
    return connection.execute(query.order_by(balance.c.unit, balance.c.id)).all()


def _stand(connection: Connection, spot: Spot, notice: str, sscc: str, home: str, arrived: Sequence[Arrived], source_place: str) -> None:
    """The pallet stands here with its cases; what did not come with it stays in transit without a unit."""
    if source_place:
        _leave_behind(connection, spot, sscc, arrived)
    units.arrive(connection, spot.fact_id, sscc, "pallet", home, spot.now)
    if source_place:
        return
    here = [each for each in arrived if each.place == home]
    _stand_nests(connection, spot, notice, sscc, home, {each.line.unit for each in here if each.line.unit})
    for each in here:
        _stand_cases(connection, spot, _cases_of(connection, each), each.line.unit or sscc, home)


def _stand_cases(connection: Connection, spot: Spot, cases: Sequence[str], parent: str, home: str) -> None:
    """Cases with labels of their own stand on the pallet, also those that were here and left. Raises: ConflictError: one is here already."""
    there = units.known_of(connection, cases) if cases else set()
    for case in cases:
        if case in there and not units.unit_by_code(connection, case).place:
            _stand_again(connection, spot, case, parent, home)
        else:
            units.make(connection, spot.fact_id, case, "case", home, spot.now, parent=parent)


def _stand_nests(connection: Connection, spot: Spot, notice: str, sscc: str, home: str, wanted: Collection[str]) -> None:
    """The announced units in which goods came stand on the pallet, each in what it was announced in. Raises: ConflictError: one stands elsewhere."""
    if not wanted:
        return
    mine = (ship_notice_nest.c.notice == notice) & (ship_notice_nest.c.sscc == sscc)
    rows = connection.execute(select(ship_notice_nest).where(mine).order_by(ship_notice_nest.c.depth, ship_notice_nest.c.code)).all()
    parents = {row.code: row.parent for row in rows}
    needed: set[str] = set()
    for code in wanted:
        while code in parents and code not in needed:
            needed.add(code)
            code = parents[code]
    there = units.known_of(connection, sorted(needed))
    for row in rows:
        if row.code in needed - there:
            units.make(connection, spot.fact_id, row.code, "case", home, spot.now, parent=row.parent)
        elif row.code in needed:
            _stand_again(connection, spot, row.code, row.parent, home)


def _stand_again(connection: Connection, spot: Spot, code: str, parent: str, home: str) -> None:
    """A unit that is known already: it came back, or it stands here since other goods in it came."""
    unit = units.unit_by_code(connection, code)
    if unit.place not in ("", home):
        text = f"handling unit {code} is announced in {parent} and stands at {unit.place}; one of both labels is wrong, take it off or move it"
        raise ConflictError("unit_elsewhere", text)
    if not unit.place:
        units.set_place(connection, spot.fact_id, [code], home, "open")
        units.nest(connection, spot.fact_id, code, parent)


def _leave_behind(connection: Connection, spot: Spot, sscc: str, arrived: Sequence[Arrived]) -> None:
    left = {(each.line.item, each.line.lot): each.quantity for each in arrived}
    stay: list[_Part] = []
    for row in units.goods_in(connection, [sscc]):
        taken = min(left.get((row.item, row.lot), 0), int(row.on_hand))
        left[row.item, row.lot] = left.get((row.item, row.lot), 0) - taken
        account = ledger.account_of(row)
        if taken < row.on_hand:
            stay.append(_Part(account, units.in_unit(account, ""), int(row.on_hand) - taken))
    if stay:
        ledger.lock(connection, {(part.source.site, part.source.item) for part in stay})
        _post(connection, spot, stay)


def _post(connection: Connection, spot: Spot, parts: Sequence[_Part]) -> None:
    legs = [leg for part in parts for leg in (ledger.Leg(part.source, -part.quantity), ledger.Leg(part.target, part.quantity))]
    if legs:
        ledger.post(connection, spot.fact_id, legs)


def _piece_serials(each: Arrived) -> list[str]:
    """Serials of the pieces themselves: tagged cases that hold one piece each."""
    if each.line.units_per_case != 1 or not each.line.cases:
        return []
    numbers = [case.serial for case in each.line.cases if each.seen is None or case in each.seen]
    return numbers if len(numbers) == each.quantity else []


def _number_pieces(connection: Connection, spot: Spot, each: Arrived, parts: Sequence[_Part]) -> None:
    if not serials.is_tracked(connection, each.line.item):
        return
    numbers = _piece_serials(each)
    for part in parts:
        known = serials.at_account(connection, part.source)[: part.quantity] if not part.source.virtual else numbers[: part.quantity]
        numbers = numbers[len(known) :] if part.source.virtual else numbers
        if len(known) == part.quantity:
            serials.follow(connection, spot.fact_id, part.source, part.target, part.quantity, known, spot.now)
        else:
            told = message("serials_missing", station=spot.station, quantity=part.quantity - len(known), item=part.target.item, place=part.target.place)
            exceptions.ask_person(connection, told, f"{part.target.place}/{part.target.item}", spot.fact_id, spot.now, site=spot.site)


def book_found(connection: Connection, spot: Spot, row: Row[Any], cases: Sequence[Sequence[str]], quantity: int) -> None:
    """Post so much of a discrepancy, in these cases of it, that is there after all, in the unit in which it was announced; the fences are held."""
    source_place = _source_of(connection, row.notice)
    stands = select(handling_unit.c.sscc).where(handling_unit.c.sscc == row.sscc, handling_unit.c.place == row.place)
    unit = connection.execute(stands).scalar() or ""
    inside = connection.execute(select(ship_notice_line.c.unit).where(ship_notice_line.c.id == row.line)).scalar() or ""
    # Listed cases with labels of their own: which of them came late is not known, so their goods stand on the pallet and not in the cases (line 0 has none).
    named = tuple(rules.Case(gtin, serial) for gtin, serial in cases)
    each = Arrived(rules.NoticeLine(0, row.item, "", row.lot, quantity, cases=named, unit=inside if unit else ""), quantity, row.place)
    if source_place and row.kind in ("missing", "doubtful"):
        parts = [replace(part, target=replace(part.target, unit=unit)) for part in _from_transit(connection, each, source_place, "")]
    else:
        if each.line.unit:
            _stand_nests(connection, spot, row.notice, unit, row.place, {each.line.unit})
        parts = list(_from_supplier(connection, each, "", unit))
    _post(connection, spot, parts)
    _number_pieces(connection, spot, each, parts)
