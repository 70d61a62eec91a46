# SPDX-License-Identifier: Apache-2.0
"""Use cases of inbound: announce goods, receive a pallet that passed a door, receive by scan, settle a discrepancy.

Each runs inside the caller's transaction. What is posted when cases are missing is decided in `rules`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, insert, select, update

from central.bulk import among, keys_of, listed
from central.catalog import service as catalog
from central.catalog.tables import barcode
from central.catalog.tables import item as catalog_item
from central.errors import BusyError, ConflictError, NotFoundError
from central.exceptions import service as exceptions
from central.exceptions.messages import Message, message
from central.inbound import announcing, arrival, differences, habits, notices, putting, rules, tag_rates
from central.inbound.arrival import Spot
from central.inbound.documents import Progress, ShipNotice
from central.inbound.seen import Seen, event_of, labels_of, seen_of
from central.inbound.tables import (
    discrepancy,
    passage,
    purchase_line,
    receipt,
    ship_notice,
    ship_notice_case,
    ship_notice_line,
    ship_notice_nest,
    ship_notice_pallet,
)
from central.ledger import serials, units
from central.ledger import service as ledger
from central.ledger.tables import handling_unit


@dataclass(frozen=True)
class Announced:
    """A pallet's notice and lines as stored. `door` is where it is expected; empty: anywhere."""

    sscc: str
    notice: str
    site: str
    lines: tuple[rules.NoticeLine, ...]
    door: str = ""
    supplier: str = ""


@dataclass(frozen=True)
class Received:
    """What receiving a pallet did: `outcome` received, differences, already_received, moved or not_received; the message when a person is asked."""

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
    if connection.execute(select(ship_notice.c.number).where(ship_notice.c.number == notice.number)).scalar() is not None:
        text = f"ship notice {notice.number} is stored already, from a list; a notice is never changed, give the new one another number"
        raise ConflictError("identity_reused", text)
    catalog.check_partner(connection, notice.supplier)
    values = {"number": notice.number, "site": notice.site, "supplier": notice.supplier, "expected_at": notice.expected_at, "created_at": now}
    values |= {"door": notice.door, "expected_from": notice.expected_from, "expected_until": notice.expected_until, "announced_as": notice.progress}
    connection.execute(insert(ship_notice).values(**values))
    announcing.keep_contents(connection, notice)
    _match_earlier(connection, fact, notice, now)
    return True


def _match_earlier(connection: Connection, fact: ledger.Fact, notice: ShipNotice, now: datetime) -> None:
    """Pallets that came before their notice: received now, or asked about with one touch, as is the habit of the site."""
    if not notice.pallets:
        return
    asked = (discrepancy.c.kind == "pallet_unknown") & (discrepancy.c.state == "open") & (discrepancy.c.site == notice.site)
    wanted = among(connection, discrepancy.c.sscc, [pallet.sscc for pallet in notice.pallets])
    rows = connection.execute(select(discrepancy).where(asked, wanted).order_by(discrepancy.c.id)).all()
    for row in {row.sscc: row for row in rows}.values():
        spot = Spot(fact.id, notice.site, row.station, now)
        if habits.habits_of(connection, notice.site).late_notice == "receive":
            receive_as_seen(connection, spot, row.sscc, row.event_id)
            continue
        differences.answer_open(connection, spot, row.sscc, ("pallet_unknown",), f"ship notice {notice.number} names it")
        told = message("pallet_notice_late", station=row.station, sscc=row.sscc, notice=notice.number)
        late = rules.Discrepancy(told.code, 0)
        differences.keep(connection, spot, late, told, notice.number, row.sscc, "", 2, row.evidence, {"event": row.event_id})


def receive_as_seen(connection: Connection, spot: Spot, sscc: str, event_id: str) -> Received:
    """Receive a pallet because a person says so, with what a door saw in an earlier pass; what was a scan of its label is vouched for as a whole.

    Cases of other pallets in the same pass are theirs.
    """
    event = event_of(connection, event_id)
    seen = None
    if event is not None:
        pallets, insides = notices.pallets_of(connection, spot.site, labels_of(event))
        theirs = {case for other in pallets if other != sscc for case in _cases_listed(connection, other)}
        seen = seen_of(event, event_id).with_units(pallets, insides)
        seen = replace(seen, cases=seen.cases - theirs)
    result = receive_pallet(connection, spot, sscc, seen, decided=True)
    values = {"outcome": result.outcome, "notice": result.notice, "cases_expected": result.expected}
    if result.outcome != "not_received":
        connection.execute(update(passage).where(passage.c.event_id == event_id).values(**values))
    return result


def _cases_listed(connection: Connection, sscc: str) -> set[rules.Case]:
    announced = announced_of(connection, sscc)
    return {case for line in announced.lines for case in line.cases} if announced else set()


def say_progress(connection: Connection, fact: ledger.Fact, number: str, progress: Progress, now: datetime) -> bool:
    """Keep how far goods are that have not come; the last word counts. Returns False when it was said before.

    Raises: NotFoundError. ConflictError: everything has come.
    """
    row = connection.execute(select(ship_notice.c.state).where(ship_notice.c.number == number).with_for_update()).one_or_none()
    if row is None:
        raise NotFoundError("unknown_ship_notice", f"ship notice {number} is not known")
    if row.state != "open":
        raise ConflictError("notice_received", f"ship notice {number} is {row.state}; its goods have come, nothing is on its way any more")
    if ledger.record(connection, fact, now).already:
        return False
    connection.execute(update(ship_notice).where(ship_notice.c.number == number).values(announced_as=progress))
    return True


def is_received(connection: Connection, sscc: str) -> bool:
    """Whether a pallet was received before, on the newest notice that names it."""
    notice = notices.newest_of(connection, sscc)
    return bool(connection.execute(select(exists().where(receipt.c.sscc == sscc, receipt.c.notice == notice))).scalar())


def receive_pallet(connection: Connection, spot: Spot, sscc: str, seen: Seen | None, *, decided: bool = False) -> Received:
    """Receive a pallet against its ship notice. `seen` is what a door read; None: a person scanned the label and vouches for all.

    A pallet that was received before is not received again; one that comes by another door stands there. What differs becomes discrepancies and work
    orders. `decided`: a person has said that it is received here. Raises: DomainError: the site has no place for the goods.
    """
    announced = announced_of(connection, sscc)
    if announced is None:
        told = message("pallet_unknown", station=spot.station, sscc=sscc)
        return _refused(connection, spot, sscc, told, seen)
    if is_received(connection, sscc):
        return _again(connection, spot, announced, seen)
    if announced.site != spot.site:
        told = message("pallet_wrong_site", station=spot.station, sscc=sscc, site=spot.site, notice=announced.notice, expected_site=announced.site)
        return _refused(connection, spot, sscc, told, seen)
    other_door = seen is not None and announced.door not in ("", spot.station)
    if other_door and not decided and habits.habits_of(connection, spot.site).wrong_door == "ask":
        told = message("pallet_other_door", station=spot.station, sscc=sscc, notice=announced.notice, door=announced.door)
        return _refused(connection, spot, sscc, told, seen)
    return _receive(connection, spot, announced, seen, other_door=other_door)


def _refused(connection: Connection, spot: Spot, sscc: str, told: Message, seen: Seen | None) -> Received:
    differences.refuse(connection, spot, sscc, told, seen.evidence if seen else None)
    return Received("not_received", str(told.params.get("notice", "")), told=told)


def _receive(connection: Connection, spot: Spot, announced: Announced, seen: Seen | None, *, other_door: bool) -> Received:
    read_before = _told_of_others(connection, spot, announced)
    missed: dict[str, frozenset[rules.Case]] = {}
    if seen is not None:
        if any(line.unit for line in announced.lines):
            seen = replace(seen, cases=seen.cases - _around(connection, announced))
        missed = _missed_on_others(connection, spot, announced, seen)
        seen = replace(seen, cases=(seen.cases | read_before).difference(*missed.values()))
    result = compared(connection, announced.lines, seen)
    cases = None if seen is None else seen.cases
    expired = _expired_lines(connection, spot, result.received)
    places = _book(connection, spot, announced.notice, result.received, announced.sscc, cases, expired)
    _keep_receipt(connection, spot, announced, places, by_hand=seen is None)
    _mark_cases(connection, announced.lines, cases)
    if cases is not None:
        count_seen(connection, spot, announced.supplier, announced.lines, cases)
    waits = _places_of_rest(connection, spot, result, places) | places
    told_all = differences.tell(connection, spot, announced.sscc, announced.notice, result, waits, seen)
    told_all += _tell_expired(connection, spot, announced, expired, places, seen)
    if other_door:
        told_all.append(_tell_door(connection, spot, announced, next(iter(places.values()), ""), seen))
    settle_earlier(connection, spot, announced)
    for sscc, cases_there in missed.items():
        see_more(connection, spot, sscc, cases_there)
    close_notices(connection, [announced.notice])
    return Received("differences" if told_all else "received", announced.notice, result.seen, result.expected or None, told_all[0] if told_all else None)


def _around(connection: Connection, announced: Announced) -> set[rules.Case]:
    """Tags of announced units that only hold other tagged units: no line is received by them, and they are not unexpected."""
    mine = (ship_notice_nest.c.notice == announced.notice) & (ship_notice_nest.c.sscc == announced.sscc)
    codes = connection.execute(select(ship_notice_nest.c.code).where(mine)).scalars()
    named = {rules.Case("", code) if code.isdigit() else rules.Case(*code.split(".", 1)) for code in codes}
    return named - {case for line in announced.lines for case in line.cases}


def _told_of_others(connection: Connection, spot: Spot, announced: Announced) -> frozenset[rules.Case]:
    """Cases of this pallet that were read with another one of its notice and told unexpected there: they came, and nobody is asked any more."""
    listed = {case for line in announced.lines for case in line.cases}
    found: set[rules.Case] = set()
    for row in _open_on_others(connection, spot, announced, ("unexpected",)) if listed else ():
        gone = {rules.Case(*case) for case in row.cases} & listed
        locked = locked_discrepancy(connection, row.id, book=True) if gone else row
        if gone and locked.state == "open":
            leave_out(connection, spot, locked, gone)
            found |= gone
    return frozenset(found)


def _missed_on_others(connection: Connection, spot: Spot, announced: Announced, seen: Seen) -> dict[str, frozenset[rules.Case]]:
    """Cases of this pass that other pallets of the notice came without, by the SSCCs of those pallets: each is booked where it is announced."""
    strange = seen.cases - {case for line in announced.lines for case in line.cases}
    found: dict[str, frozenset[rules.Case]] = {}
    for row in _open_on_others(connection, spot, announced, ("missing", "doubtful")) if strange else ():
        cases = frozenset(rules.Case(*case) for case in row.cases) & strange
        if cases:
            found[row.sscc] = found.get(row.sscc, frozenset()) | cases
    return found


def _open_on_others(connection: Connection, spot: Spot, announced: Announced, kinds: Sequence[str]) -> Sequence[Row[Any]]:
    mine = (discrepancy.c.notice == announced.notice) & (discrepancy.c.site == spot.site) & (discrepancy.c.sscc != announced.sscc)
    query = select(discrepancy).where(mine, discrepancy.c.kind.in_(kinds), discrepancy.c.state == "open")
    return connection.execute(query.order_by(discrepancy.c.id)).all()


def _tell_door(connection: Connection, spot: Spot, announced: Announced, place: str, seen: Seen | None) -> Message:
    told = message("pallet_wrong_door", station=spot.station, sscc=announced.sscc, notice=announced.notice, door=announced.door)
    at_door = rules.Discrepancy("wrong_door", 0)
    differences.keep(connection, spot, at_door, told, announced.notice, announced.sscc, place, evidence=seen.evidence if seen else None)
    return told


def won_by(connection: Connection, spot: Spot, announced: Announced, seen: Seen) -> None:
    """A received pallet turned out to have come by this door: it stands here, and what was said of the other door is said of this one."""
    bring(connection, spot, announced.sscc, announced.notice)
    differences.answer_open(connection, spot, announced.sscc, ("pallet_wrong_door", "wrong_door"), f"came by {spot.station}")
    if announced.door not in ("", spot.station):
        _tell_door(connection, spot, announced, habits.staging_of(connection, spot.site, spot.station), seen)
    see_more(connection, spot, announced.sscc, seen.cases)


def _places_of_rest(connection: Connection, spot: Spot, result: rules.Receipt, places: dict[str, str]) -> dict[str, str]:
    """Where what is missing or in doubt of other items than came would be put."""
    rest = [each for each in result.discrepancies if each.line is not None and each.line.item not in places]
    goods = [catalog.Goods(each.line.item, each.quantity, each.line.lot) for each in rest if each.line is not None]
    staging = habits.staging_of(connection, spot.site, spot.station) if goods else ""
    if staging or not goods:
        return dict.fromkeys((each.item for each in goods), staging)
    return putting.places_for(connection, spot.site, goods)


def compared(connection: Connection, lines: Sequence[rules.NoticeLine], seen: Seen | None) -> rules.Receipt:
    """What a pallet comes to against the lines of its notice."""
    if seen is None:
        return rules.receive_by_hand(lines)
    listed = {case for line in lines for case in line.cases}
    return rules.match_to_ship_notice(lines, seen.cases, seen.doubtful, sizes_of(connection, {case.gtin for case in seen.cases - listed}))


def sizes_of(connection: Connection, gtins: Collection[str]) -> dict[str, rules.Size]:
    """What one tag of each GTIN stands for, by the catalog; a GTIN that it does not know is left out."""
    wanted = sorted(set(gtins) - {""})
    if not wanted:
        return {}
    rows = connection.execute(select(barcode.c.code, barcode.c.item, barcode.c.quantity).where(among(connection, barcode.c.code, wanted)))
    return {row.code: rules.Size(row.item, row.quantity) for row in rows}


def count_seen(connection: Connection, spot: Spot, supplier: str, lines: Sequence[rules.NoticeLine], cases: frozenset[rules.Case]) -> None:
    """Cases that a door saw were there: that counts for their tags and for the supplier."""
    counted = [tag_rates.Counted(line.item, seen, seen) for line in lines if (seen := sum(case in cases for case in line.cases))]
    if counted:
        tag_rates.count_reads(connection, spot.site, spot.station, counted, spot.now)
        tag_rates.count_shipped(connection, supplier, sum(each.there for each in counted), 0, spot.now)


def _expired_lines(connection: Connection, spot: Spot, received: Sequence[rules.Received]) -> list[rules.Received]:
    dated = [each for each in received if each.line.expiry is not None]
    if not dated:
        return []
    today = catalog.days_at(connection, [spot.site], spot.now)[spot.site]
    return [each for each in dated if each.line.expiry is not None and each.line.expiry < today]


def _tell_expired(
    connection: Connection, spot: Spot, announced: Announced, expired: Sequence[rules.Received], places: dict[str, str], seen: Seen | None
) -> list[Message]:
    told_all = []
    for each in expired:
        line = each.line
        named = {"station": spot.station, "sscc": announced.sscc, "notice": announced.notice, "item": line.item, "lot": line.lot or "-"}
        told = message("pallet_goods_expired", **named, quantity=each.quantity, expiry=str(line.expiry))
        past = rules.Discrepancy("expired", each.quantity, line=line)
        evidence = seen.evidence if seen else None
        differences.keep(connection, spot, past, told, announced.notice, announced.sscc, places[line.item], evidence=evidence)
        told_all.append(told)
    return told_all


def _again(connection: Connection, spot: Spot, announced: Announced, seen: Seen | None) -> Received:
    """A received pallet passes in again. It stands where it was seen last, as long as nobody has put it away."""
    if announced.site == spot.site:
        differences.answer_open(connection, spot, announced.sscc, ("pallet_left",), f"came in again at {spot.station}")
    if seen is None or announced.site != spot.site or not bring(connection, spot, announced.sscc, announced.notice):
        return Received("already_received", announced.notice)
    return Received("moved", announced.notice)


def bring(connection: Connection, spot: Spot, sscc: str, notice: str) -> bool:
    """A received pallet that waits at another door of the site stands at this one from now on, with all in it; returns False when nothing moved.

    The transfer is posted under this fact. Raises: ConflictError: goods on it are reserved.
    """
    target = habits.staging_of(connection, spot.site, spot.station)
    stands = connection.execute(select(handling_unit.c.place, handling_unit.c.state).where(handling_unit.c.sscc == sscc)).one_or_none()
    if not target or stands is None or stands.place in ("", target) or not habits.is_dock(connection, stands.place):
        return False
    tree = units.lock_tree(connection, sscc)
    source = tree[0].place
    accounts = [(ledger.account_of(row), ledger.account_of(row).at(target)) for row in units.goods_in(connection, [sscc])]
    units.move(connection, spot.fact_id, sscc, target)
    for old, new in accounts:
        if serials.is_tracked(connection, old.item):
            serials.follow_all(connection, spot.fact_id, old, new, spot.now)
    mine = (receipt.c.sscc == sscc) & (receipt.c.notice == notice)
    connection.execute(update(receipt).where(mine).values(place=target, station=spot.station))
    waiting = (discrepancy.c.sscc == sscc) & (discrepancy.c.place == source) & (discrepancy.c.state == "open")
    connection.execute(update(discrepancy).where(waiting).values(place=target))
    return True


def see_more(connection: Connection, spot: Spot, sscc: str, more: frozenset[rules.Case]) -> int:
    """Cases of a received pallet that were missing or in doubt were seen after all; returns how many. They are booked where the pallet was put."""
    waiting = (discrepancy.c.sscc == sscc) & discrepancy.c.kind.in_(("missing", "doubtful")) & (discrepancy.c.state == "open")
    found = 0
    for number in connection.execute(select(discrepancy.c.id).where(waiting, discrepancy.c.site == spot.site).order_by(discrepancy.c.id)).scalars().all():
        row = locked_discrepancy(connection, number, book=True)
        cases = [case for case in map(tuple, row.cases) if rules.Case(*case) in more]
        if not cases or row.state != "open":
            continue
        part = row.quantity // len(row.cases) * len(cases)
        _book_cases(connection, Spot(spot.fact_id, row.site, row.station, spot.now), row, [list(case) for case in cases], part)
        rest = [case for case in row.cases if tuple(case) not in set(cases)]
        values: dict[str, Any] = {"cases": rest, "quantity": row.quantity - part} if rest else {"state": "found"}
        connection.execute(update(discrepancy).where(discrepancy.c.id == row.id).values(**values))
        differences.close_when_answered(connection, row.work_order, f"seen at {spot.station}", "dockline", spot.now)
        found += len(cases)
    return found


def announced_of(connection: Connection, sscc: str) -> Announced | None:
    """A pallet on the newest notice that names it; None when none does."""
    number = notices.newest_of(connection, sscc)
    row = connection.execute(select(ship_notice).where(ship_notice.c.number == number)).one_or_none()
    if row is None:
        return None
    mine = (ship_notice_line.c.sscc == sscc) & (ship_notice_line.c.notice == number)
    lines = connection.execute(_LINES.where(mine).order_by(ship_notice_line.c.id)).all()
    return Announced(sscc, row.number, row.site, _with_cases(connection, lines), row.door, row.supplier)


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
    return rules.NoticeLine(row.id, row.item, row.gtin or "", row.lot, row.quantity, row.received, tuple(cases), row.unit, row.expiry)


def _with_cases(connection: Connection, rows: Sequence[Row[Any]]) -> tuple[rules.NoticeLine, ...]:
    cases = cases_of(connection, [row.id for row in rows])
    return tuple(notice_line(row, cases.get(row.id, ())) for row in rows)


def _book(
    connection: Connection,
    spot: Spot,
    notice: str,
    received: Sequence[rules.Received],
    sscc: str,
    seen: frozenset[rules.Case] | None = None,
    expired: Sequence[rules.Received] = (),
) -> dict[str, str]:
    """Post what was received to its place; returns the place of each item. `seen` are the cases that a door read (None: a person vouches for all)."""
    goods = [catalog.Goods(each.line.item, each.quantity, each.line.lot) for each in received]
    staging = habits.staging_of(connection, spot.site, spot.station) if sscc else ""
    places = dict.fromkeys((each.item for each in goods), staging) if staging else putting.places_for(connection, spot.site, goods)
    rooms = putting.fences_of(connection, places.values())
    arrival.lock(connection, spot.site, sscc, [each.line.item for each in received], rooms)
    if not staging:
        putting.check_still(connection, spot.site, goods, places, rooms)
    _check_still_open(connection, received, sscc)
    for each in received:
        line = each.line
        connection.execute(update(ship_notice_line).where(ship_notice_line.c.id == line.line_id).values(received=ship_notice_line.c.received + each.quantity))
    arrived = [arrival.Arrived(each.line, each.quantity, places[each.line.item], seen, "expired" if each in expired else "available") for each in received]
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
    answered = f"received against {announced.notice} at {spot.station}"
    differences.answer_open(connection, spot, announced.sscc, differences.SETTLED_BY_RECEIPT, answered)


def _keep_receipt(connection: Connection, spot: Spot, announced: Announced, places: dict[str, str], *, by_hand: bool) -> None:
    place = next(iter(places.values()), "")
    values = {"sscc": announced.sscc, "notice": announced.notice, "event_id": spot.fact_id, "place": place, "by_hand": by_hand, "received_at": spot.now}
    values["station"] = spot.station
    connection.execute(insert(receipt).values(**values))


def _mark_cases(connection: Connection, lines: Sequence[rules.NoticeLine], seen: frozenset[rules.Case] | None) -> None:
    for line in lines:
        serials = [case.serial for case in line.cases if seen is None or case in seen]
        which = (ship_notice_case.c.line == line.line_id) & ship_notice_case.c.serial.in_(serials)
        if serials:
            connection.execute(update(ship_notice_case).where(which).values(seen=True))


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
    if not lines and _tell_wrong_lot(connection, spot, item.code, goods):
        return False
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
        differences.keep(connection, spot, over, told, lines[-1].notice, "", places.get(item.code, ""))
    close_notices(connection, {notice_of[each.line.line_id] for each in result.received})
    return True


def _tell_wrong_lot(connection: Connection, spot: Spot, item: str, goods: ScannedGoods) -> bool:
    """Goods of an item that open notices announce in other lots: not booked before a person says so. Returns False when no notice announces the item."""
    query = (
        select(ship_notice.c.number, ship_notice_line.c.lot)
        .join(ship_notice_line, ship_notice_line.c.notice == ship_notice.c.number)
        .where(ship_notice.c.site == spot.site, ship_notice.c.state == "open", ship_notice_line.c.item == item)
        .where(ship_notice_line.c.sscc.is_(None), ship_notice_line.c.received < ship_notice_line.c.quantity)
    )
    rows = connection.execute(query.order_by(ship_notice_line.c.id)).all()
    if not rows:
        return False
    _check_expiry(connection, spot, item, goods)
    lots = ", ".join(dict.fromkeys(row.lot or "-" for row in rows))
    named = {"station": spot.station, "item": item, "lot": goods.lot or "-", "notice": rows[0].number, "lots": lots}
    told = message("scan_wrong_lot", **named, quantity=goods.quantity)
    wrong = rules.Discrepancy("wrong_lot", goods.quantity, item=item, lot=goods.lot)
    place = putting.places_for(connection, spot.site, [catalog.Goods(item, goods.quantity, goods.lot)])[item]
    differences.keep(connection, spot, wrong, told, rows[0].number, "", place, evidence={"scan": goods.text})
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
    row = locked_discrepancy(connection, number, book=found)
    state = "found" if found else "accepted"
    if row.state == state:
        return
    if row.state != "open":
        raise ConflictError("discrepancy_settled", f"discrepancy {number} is {row.state} already")
    ledger.record(connection, fact, now)
    settle(connection, Spot(fact.id, row.site, row.station, fact.occurred_at), row, found=found, actor=actor, now=now)


def settle(connection: Connection, spot: Spot, row: Row[Any], *, found: bool, actor: str, now: datetime) -> None:
    """Close an open discrepancy whose fences are held, and its work order when nothing else of it is open. Raises: ConflictError: nothing to book."""
    if found:
        _book_found(connection, spot, row)
    if row.kind == "missing" and row.cases and row.line is not None:
        _learn(connection, row, found=found, now=now)
    state = "found" if found else "accepted"
    connection.execute(update(discrepancy).where(discrepancy.c.id == row.id).values(state=state))
    differences.close_when_answered(connection, row.work_order, state, actor, now)


def _learn(connection: Connection, row: Row[Any], *, found: bool, now: datetime) -> None:
    """A case that was not seen was there, which counts against its tag, or was not, which counts against the supplier."""
    count = len(row.cases)
    if found and row.station:
        tag_rates.count_reads(connection, row.site, row.station, [tag_rates.Counted(row.item, count, 0)], now)
    supplier = connection.execute(select(ship_notice.c.supplier).where(ship_notice.c.number == row.notice)).scalar()
    if supplier:
        tag_rates.count_shipped(connection, supplier, count, 0 if found else count, now)


def locked_discrepancy(connection: Connection, number: int, *, book: bool) -> Row[Any]:
    """A discrepancy that nobody else settles before the transaction ends, with the fences of its goods if they are to be booked. Raises: NotFoundError."""
    query = select(discrepancy).where(discrepancy.c.id == number)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFoundError("unknown_discrepancy", f"discrepancy {number} is not known")
    if book and row.item:
        arrival.lock(connection, row.site, row.sscc, [row.item])
    return connection.execute(query.with_for_update()).one()


def _book_found(connection: Connection, spot: Spot, row: Row[Any]) -> None:
    if not row.item or not row.place or not row.quantity or row.kind in ("expired", "damaged"):
        raise ConflictError("nothing_to_book", f"discrepancy {row.id} names no goods that wait to be booked; enter a ship notice for them, or accept it")
    _book_cases(connection, spot, row, row.cases, row.quantity)


def _book_cases(connection: Connection, spot: Spot, row: Row[Any], cases: Sequence[Sequence[str]], quantity: int) -> None:
    arrival.book_found(connection, spot, row, cases, quantity)
    if row.kind in ("missing", "doubtful"):
        mine = ship_notice_line.c.id == row.line
        connection.execute(update(ship_notice_line).where(mine).values(received=ship_notice_line.c.received + quantity))
        which = (ship_notice_case.c.line == row.line) & ship_notice_case.c.serial.in_([serial for _, serial in cases])
        connection.execute(update(ship_notice_case).where(which).values(seen=True))


def leave_out(connection: Connection, spot: Spot, row: Row[Any], gone: Collection[rules.Case]) -> None:
    """Cases of an open discrepancy are none after all; without any left it is accepted, and what was asked is answered."""
    rest = [case for case in row.cases if rules.Case(*case) not in gone]
    part = row.quantity // len(row.cases)
    values: dict[str, Any] = {"cases": rest, "quantity": part * len(rest)} if rest else {"state": "accepted"}
    connection.execute(update(discrepancy).where(discrepancy.c.id == row.id).values(**values))
    differences.close_when_answered(connection, row.work_order, f"went through {spot.station}", "dockline", spot.now)
