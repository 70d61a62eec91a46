# SPDX-License-Identifier: Apache-2.0
"""Use cases of inbound: announce goods, receive a pallet that passed a door, receive by scan, settle a discrepancy.

Each runs inside the caller's transaction. What is posted when cases are missing is decided in `rules`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, insert, select, update

from central.bulk import among, keys_of, listed
from central.catalog import service as catalog
from central.catalog.tables import item as catalog_item
from central.errors import BusyError, ConflictError, NotFoundError
from central.exceptions import service as exceptions
from central.exceptions.messages import Message, message
from central.inbound import announcing, arrival, notices, putting, rules
from central.inbound.arrival import Spot
from central.inbound.documents import ShipNotice
from central.inbound.tables import discrepancy, purchase_line, receipt, ship_notice, ship_notice_case, ship_notice_line, ship_notice_pallet
from central.ledger import service as ledger

SETTLED_BY_RECEIPT = ("pallet_unknown", "pallet_direction_unknown", "pallet_wrong_site")


@dataclass(frozen=True)
class Announced:
    """A pallet's notice and lines as stored."""

    sscc: str
    notice: str
    site: str
    lines: tuple[rules.NoticeLine, ...]


@dataclass(frozen=True)
class Received:
    """What receiving a pallet did: `outcome` received, differences, already_received or not_received; the message when a person is asked."""

    outcome: str
    notice: str = ""
    seen: int = 0
    expected: int | None = None
    told: Message | None = None


def order_purchase(connection: Connection, supplier: str, item: str, site: str, quantity: int, now: datetime, expected_on: date | None = None) -> int:
    """Buy goods; until a ship notice announces them they count as on their way. Returns the number of the purchase line."""
    values = {"supplier": supplier, "item": item, "site": site, "quantity": quantity, "expected_on": expected_on, "created_at": now}
    return int(connection.execute(insert(purchase_line).values(**values).returning(purchase_line.c.id)).scalar_one())


def expect_purchase(connection: Connection, number: int, expected_on: date) -> None:
    """Keep the day on which a supplier says that a purchase line comes; the last word counts. Raises: NotFoundError."""
    changed = update(purchase_line).where(purchase_line.c.id == number).values(expected_on=expected_on).returning(purchase_line.c.id)
    if connection.execute(changed).scalar() is None:
        raise NotFoundError("unknown_purchase_line", f"purchase line {number} is not known")


def announce(connection: Connection, fact: ledger.Fact, notice: ShipNotice, now: datetime) -> bool:
    """Store a ship notice; the same again changes nothing and returns False.

    Raises: ConflictError: the number is known with other content, a pallet is announced elsewhere, or a lot's expiry differs.
    NotFoundError: the supplier is no partner. UnknownItemError.
    """
    if ledger.record(connection, fact, now).already:
        return False
    catalog.check_partner(connection, notice.supplier)
    values = {"number": notice.number, "site": notice.site, "supplier": notice.supplier, "expected_at": notice.expected_at, "created_at": now}
    connection.execute(insert(ship_notice).values(**values))
    announcing.keep_contents(connection, notice)
    return True


def is_received(connection: Connection, sscc: str) -> bool:
    """Whether a pallet was received before, on the newest notice that names it."""
    notice = notices.newest_of(connection, sscc)
    return bool(connection.execute(select(exists().where(receipt.c.sscc == sscc, receipt.c.notice == notice))).scalar())


def receive_pallet(connection: Connection, spot: Spot, sscc: str, seen: Sequence[rules.Case] | None) -> Received:
    """Receive a pallet against its ship notice. `seen` are the cases that a door read; None: a person scanned the label and vouches for all.

    A pallet that was received before is not received again. What differs becomes discrepancies and a work order.
    Raises: DomainError: the site has no place for the goods.
    """
    announced = _announced(connection, sscc)
    if announced is None:
        told = message("pallet_unknown", station=spot.station, sscc=sscc)
        refuse(connection, spot, sscc, told)
        return Received("not_received", told=told)
    if is_received(connection, sscc):
        return Received("already_received", announced.notice)
    if announced.site != spot.site:
        told = message("pallet_wrong_site", station=spot.station, sscc=sscc, site=spot.site, notice=announced.notice, expected_site=announced.site)
        refuse(connection, spot, sscc, told)
        return Received("not_received", announced.notice, told=told)
    result = rules.receive_by_hand(announced.lines) if seen is None else rules.match_to_ship_notice(announced.lines, seen)
    places = _book(connection, spot, announced.notice, result.received, sscc, None if seen is None else frozenset(seen))
    _keep_receipt(connection, spot, announced, places, by_hand=seen is None)
    _mark_cases(connection, announced.lines, None if seen is None else frozenset(seen))
    told_all = [_tell_difference(connection, spot, announced, result, each, places) for each in result.discrepancies]
    settle_earlier(connection, spot, announced)
    close_notices(connection, [announced.notice])
    return Received("differences" if told_all else "received", announced.notice, result.seen, result.expected or None, told_all[0] if told_all else None)


def refuse(connection: Connection, spot: Spot, subject: str, told: Message) -> None:
    """Keep that goods were not received, and ask a person; `subject` is the pallet's SSCC, or a tag when no label was read."""
    _keep_discrepancy(connection, spot, rules.Discrepancy(told.code, 0), told, str(told.params.get("notice", "")), subject, "", priority=2)


def _announced(connection: Connection, sscc: str) -> Announced | None:
    number = notices.newest_of(connection, sscc)
    row = connection.execute(select(ship_notice.c.number, ship_notice.c.site).where(ship_notice.c.number == number)).one_or_none()
    if row is None:
        return None
    mine = (ship_notice_line.c.sscc == sscc) & (ship_notice_line.c.notice == number)
    lines = connection.execute(_LINES.where(mine).order_by(ship_notice_line.c.id)).all()
    return Announced(sscc, row.number, row.site, _with_cases(connection, lines))


_LINES = select(ship_notice_line, catalog_item.c.gtin, catalog_item.c.condition).join(catalog_item, catalog_item.c.code == ship_notice_line.c.item)


def cases_of(connection: Connection, lines: Collection[int]) -> dict[int, list[rules.Case]]:
    """The tagged cases of lines, by the lines' numbers; lines without any are left out."""
    cases: dict[int, list[rules.Case]] = defaultdict(list)
    for row in connection.execute(_cases(connection.dialect.name), {"lines": keys_of(connection, ship_notice_case.c.line, lines)}):
        cases[row.line].append(rules.Case(row.gtin, row.serial))
    return cases


@cache
def _cases(dialect: str) -> Select[Any]:
    query = select(ship_notice_case.c.line, ship_notice_case.c.gtin, ship_notice_case.c.serial)
    return query.where(listed(dialect, ship_notice_case.c.line, "lines")).order_by(ship_notice_case.c.gtin, ship_notice_case.c.serial)


def notice_line(row: Row[Any], cases: Sequence[rules.Case]) -> rules.NoticeLine:
    """A line as `rules` take it, of its row with the GTIN of its item."""
    return rules.NoticeLine(row.id, row.item, row.gtin or "", row.lot, row.quantity, row.received, tuple(cases))


def _with_cases(connection: Connection, rows: Sequence[Row[Any]]) -> tuple[rules.NoticeLine, ...]:
    cases = cases_of(connection, [row.id for row in rows])
    return tuple(notice_line(row, cases.get(row.id, ())) for row in rows)


def _book(
    connection: Connection, spot: Spot, notice: str, received: Sequence[rules.Received], sscc: str, seen: frozenset[rules.Case] | None = None
) -> dict[str, str]:
    """Post what was received to its place; returns the place of each item. `seen` as in `receive_pallet`."""
    goods = [catalog.Goods(each.line.item, each.quantity, each.line.lot) for each in received]
    places = putting.places_for(connection, spot.site, goods)
    rooms = putting.fences_of(connection, places.values())
    arrival.lock(connection, spot.site, sscc, [each.line.item for each in received], rooms)
    putting.check_still(connection, spot.site, goods, places, rooms)
    _check_still_open(connection, received, sscc)
    for each in received:
        line = each.line
        connection.execute(update(ship_notice_line).where(ship_notice_line.c.id == line.line_id).values(received=ship_notice_line.c.received + each.quantity))
    arrived = [arrival.Arrived(each.line, each.quantity, places[each.line.item], seen) for each in received]
    arrival.book(connection, spot, notice, arrived, sscc)
    return places


def _check_still_open(connection: Connection, received: Sequence[rules.Received], sscc: str) -> None:
    """With the fences held nobody else has received it. Raises: BusyError: somebody has; the transaction is done anew and finds that."""
    before = {each.line.line_id: each.line.received for each in received}
    query = select(ship_notice_line.c.id, ship_notice_line.c.received).where(among(connection, ship_notice_line.c.id, list(before)))
    if (sscc and is_received(connection, sscc)) or any(row.received != before[row.id] for row in connection.execute(query)):
        raise BusyError


def settle_earlier(connection: Connection, spot: Spot, announced: Announced) -> None:
    """What was asked of a person about this pallet before it could be received is answered now."""
    exceptions.settle(connection, SETTLED_BY_RECEIPT, announced.sscc, spot.site, f"received against {announced.notice} at {spot.station}", spot.now)
    mine = (discrepancy.c.sscc == announced.sscc) & discrepancy.c.kind.in_(SETTLED_BY_RECEIPT) & (discrepancy.c.state == "open")
    connection.execute(update(discrepancy).where(mine).values(state="accepted"))


def _keep_receipt(connection: Connection, spot: Spot, announced: Announced, places: dict[str, str], *, by_hand: bool) -> None:
    place = next(iter(places.values()), "")
    values = {"sscc": announced.sscc, "notice": announced.notice, "event_id": spot.fact_id, "place": place, "by_hand": by_hand, "received_at": spot.now}
    connection.execute(insert(receipt).values(**values))


def _mark_cases(connection: Connection, lines: Sequence[rules.NoticeLine], seen: frozenset[rules.Case] | None) -> None:
    for line in lines:
        serials = [case.serial for case in line.cases if seen is None or case in seen]
        which = (ship_notice_case.c.line == line.line_id) & ship_notice_case.c.serial.in_(serials)
        if serials:
            connection.execute(update(ship_notice_case).where(which).values(seen=True))


def _tell_difference(
    connection: Connection, spot: Spot, announced: Announced, result: rules.Receipt, each: rules.Discrepancy, places: dict[str, str]
) -> Message:
    if each.kind == "missing":
        params: dict[str, str | int | float] = {"missing": len(each.cases), "expected": result.expected}
        told = message("pallet_cases_missing", station=spot.station, sscc=announced.sscc, notice=announced.notice, **params)
    else:
        first = f"(01){each.cases[0].gtin}(21){each.cases[0].serial}" if each.cases[0].gtin else each.cases[0].serial
        params = {"count": len(each.cases), "first": first}
        told = message("pallet_cases_unexpected", station=spot.station, sscc=announced.sscc, notice=announced.notice, **params)
    place = places.get(each.line.item, next(iter(places.values()), "")) if each.line else ""
    _keep_discrepancy(connection, spot, each, told, announced.notice, announced.sscc, place)
    return told


def _keep_discrepancy(
    connection: Connection, spot: Spot, each: rules.Discrepancy, told: Message, notice: str, sscc: str, place: str, priority: int = 3
) -> None:
    number = exceptions.ask_person(connection, told, sscc or notice, spot.fact_id, spot.now, site=spot.site, station=spot.station, priority=priority)
    values = {
        "event_id": spot.fact_id,
        "kind": each.kind,
        "site": spot.site,
        "notice": notice,
        "sscc": sscc,
        "line": each.line.line_id if each.line else None,
        "item": each.line.item if each.line else "",
        "lot": each.line.lot if each.line else "",
        "quantity": each.quantity,
        "cases": [[case.gtin, case.serial] for case in each.cases],
        "place": place,
        "work_order": number,
        "created_at": spot.now,
    }
    connection.execute(insert(discrepancy).values(**values))


def close_notices(connection: Connection, notices: Collection[str]) -> None:
    """Notices are received when every pallet has come and no loose line is open."""
    number = ship_notice.c.number
    waiting = ~exists().where(receipt.c.sscc == ship_notice_pallet.c.sscc, receipt.c.notice == ship_notice_pallet.c.notice)
    pallets = exists().where(ship_notice_pallet.c.notice == number, waiting)
    loose = exists().where(ship_notice_line.c.notice == number, ship_notice_line.c.sscc.is_(None), ship_notice_line.c.received < ship_notice_line.c.quantity)
    connection.execute(update(ship_notice).where(among(connection, number, sorted(notices)), ~pallets, ~loose).values(state="received"))


@dataclass(frozen=True)
class ScannedGoods:
    """Goods read from a label: GTIN (14 digits), lot, last day of use, how many, and the text as scanned."""

    gtin: str
    lot: str
    expiry: date | None
    quantity: int
    text: str


def receive_loose(connection: Connection, spot: Spot, goods: ScannedGoods) -> bool:
    """Receive scanned goods against open loose lines of ship notices of the site; returns False when no notice announces them.

    More than is announced is not booked: it becomes a discrepancy and a work order. Raises: UnknownItemError.
    """
    item = catalog.item_by_gtin(connection, goods.gtin)
    lot, quantity = goods.lot, goods.quantity
    lines = _open_loose_lines(connection, spot.site, item.code, lot)
    if not lines:
        told = message("scan_unmatched", station=spot.station, text=goods.text, site=spot.site)
        exceptions.ask_person(connection, told, goods.text, spot.fact_id, spot.now, site=spot.site, station=spot.station)
        return False
    _check_expiry(connection, spot, item.code, goods)
    notice_of = {line.id: line.notice for line in lines}
    result = rules.receive_loose(_with_cases(connection, lines), lot, quantity)
    places = _book(connection, spot, lines[0].notice, result.received, "")
    for each in result.discrepancies:
        told = message("receipt_over_notice", station=spot.station, over=each.quantity, item=item.code, lot=lot or "-", notice=lines[-1].notice)
        over = rules.Discrepancy("over", each.quantity, line=result.received[-1].line if result.received else None)
        _keep_discrepancy(connection, spot, over, told, lines[-1].notice, "", places.get(item.code, ""))
    close_notices(connection, {notice_of[each.line.line_id] for each in result.received})
    return True


def _check_expiry(connection: Connection, spot: Spot, item: str, goods: ScannedGoods) -> None:
    known = catalog.learn_lot(connection, item, goods.lot, goods.expiry)
    if known is not None:
        told = message("lot_expiry_differs", station=spot.station, lot=goods.lot, item=item, known=str(known), said=str(goods.expiry))
        exceptions.ask_person(connection, told, f"{item}/{goods.lot}", spot.fact_id, spot.now, site=spot.site, station=spot.station)


def _open_loose_lines(connection: Connection, site: str, item: str, lot: str) -> Sequence[Row[Any]]:
    query = _LINES.join(ship_notice, ship_notice.c.number == ship_notice_line.c.notice).where(
        ship_notice.c.site == site,
        ship_notice.c.state == "open",
        ship_notice_line.c.sscc.is_(None),
        ship_notice_line.c.item == item,
        ship_notice_line.c.lot == lot,
        ship_notice_line.c.received < ship_notice_line.c.quantity,
    )
    return connection.execute(query.order_by(ship_notice_line.c.id)).all()


def settle_discrepancy(connection: Connection, fact: ledger.Fact, number: int, *, found: bool, actor: str, now: datetime) -> None:
    """Close a discrepancy: `found` books its quantity after all (cases that were there, surplus that is kept); otherwise it is accepted as it is.

    The same answer again changes nothing. Raises: NotFoundError. ConflictError: settled otherwise before, or nothing that could be booked.
    """
    row = _locked_discrepancy(connection, number, book=found)
    state = "found" if found else "accepted"
    if row.state == state:
        return
    if row.state != "open":
        raise ConflictError("discrepancy_settled", f"discrepancy {number} is {row.state} already")
    ledger.record(connection, fact, now)
    if found:
        _book_found(connection, fact, row)
    connection.execute(update(discrepancy).where(discrepancy.c.id == number).values(state=state))
    others = exists().where(discrepancy.c.work_order == row.work_order, discrepancy.c.state == "open")
    if row.work_order is not None and not connection.execute(select(others)).scalar():
        exceptions.close(connection, row.work_order, state, actor, now)


def _locked_discrepancy(connection: Connection, number: int, *, book: bool) -> Row[Any]:
    """A discrepancy that nobody else settles before the transaction ends, with the fences of its goods if they are to be booked. Raises: NotFoundError."""
    query = select(discrepancy).where(discrepancy.c.id == number)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFoundError("unknown_discrepancy", f"discrepancy {number} is not known")
    if book and row.item:
        arrival.lock(connection, row.site, row.sscc, [row.item])
    return connection.execute(query.with_for_update()).one()


def _book_found(connection: Connection, fact: ledger.Fact, row: Row[Any]) -> None:
    if not row.item or not row.place or not row.quantity:
        raise ConflictError("nothing_to_book", f"discrepancy {row.id} names no item of the catalog; enter a ship notice for the goods, then accept it")
    arrival.book_found(connection, Spot(fact.id, row.site, "", fact.occurred_at), row)
    if row.kind == "missing":
        mine = ship_notice_line.c.id == row.line
        connection.execute(update(ship_notice_line).where(mine).values(received=ship_notice_line.c.received + row.quantity))
        connection.execute(update(ship_notice_case).where(ship_notice_case.c.line == row.line).values(seen=True))
