# SPDX-License-Identifier: Apache-2.0
"""Pallets that come one after the other, through a door or under a person's scanner, received together in few statements.

Only what is plain: announced to this site and door by a supplier, not received yet, a unit that nobody knows yet, all its tagged cases and no others
seen, without case labels, units inside, numbered pieces, dangerous or expired goods, for a place without limits.
Whatever is not plain is received alone (`central.inbound.service.receive_pallet`), which also says why when it cannot be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, select, update

from central.bulk import among, insert_rows, keys_of, listed, update_rows
from central.catalog.tables import item as catalog_item
from central.catalog.tables import lot as catalog_lot
from central.database import micros
from central.exceptions import service as exceptions
from central.inbound import habits, putting, rules, service, tag_rates
from central.inbound.arrival import Spot
from central.inbound.differences import SETTLED_BY_RECEIPT
from central.inbound.service import Announced, Received
from central.inbound.tables import discrepancy, receipt, ship_notice, ship_notice_case, ship_notice_line, ship_notice_pallet, ship_notice_unit
from central.ledger import service as ledger
from central.ledger import units
from central.ledger.rules import VENDOR, Account

_COLUMNS = (
    ship_notice_pallet.c.sscc,
    ship_notice.c.number,
    ship_notice.c.site,
    ship_notice.c.source_place,
    ship_notice.c.created_at,
    ship_notice.c.door,
    ship_notice.c.supplier,
    ship_notice_line.c.id,
    ship_notice_line.c.item,
    ship_notice_line.c.lot,
    ship_notice_line.c.quantity,
    ship_notice_line.c.received,
    ship_notice_line.c.unit,
    ship_notice_line.c.expiry,
    catalog_item.c.gtin,
    catalog_item.c.condition,
    catalog_item.c.tracking,
    catalog_item.c.hazard_class,
)
_ON_NOTICES = (
    select(*_COLUMNS)
    .join(ship_notice, ship_notice.c.number == ship_notice_pallet.c.notice)
    .outerjoin(ship_notice_line, (ship_notice_line.c.notice == ship_notice_pallet.c.notice) & (ship_notice_line.c.sscc == ship_notice_pallet.c.sscc))
    .outerjoin(catalog_item, catalog_item.c.code == ship_notice_line.c.item)
    .order_by(ship_notice_line.c.id)
)


@cache
def _on_notices(dialect: str) -> Select[Any]:
    return _ON_NOTICES.where(listed(dialect, ship_notice_pallet.c.sscc, "ssccs"))


@cache
def _received(dialect: str) -> Select[Any]:
    return select(receipt.c.sscc).where(listed(dialect, receipt.c.sscc, "ssccs"))


@cache
def _labelled(dialect: str) -> Select[Any]:
    return select(ship_notice_unit.c.line).distinct().where(listed(dialect, ship_notice_unit.c.line, "lines"))


@cache
def _asked_about(dialect: str) -> Select[Any]:
    mine = discrepancy.c.kind.in_(SETTLED_BY_RECEIPT) & (discrepancy.c.state == "open")
    return select(discrepancy.c.sscc).where(listed(dialect, discrepancy.c.sscc, "ssccs"), mine)


@cache
def _held(dialect: str) -> Select[Any]:
    return select(catalog_lot.c.item, catalog_lot.c.lot).where(catalog_lot.c.held, listed(dialect, catalog_lot.c.lot, "lots"))


_NOTHING = rules.Receipt((), (), 0, 0)


@dataclass(frozen=True, slots=True)
class Came:
    """A pallet came. `seen` are the cases that a door read; None: a person scanned the label and vouches for all."""

    spot: Spot
    sscc: str
    seen: frozenset[rules.Case] | None = None


@dataclass(frozen=True, slots=True)
class _Pallet:
    """A pallet that came, with the newest notice of it, its lines there, and what both compared come to."""

    came: Came
    notice: str
    lines: Sequence[Any]
    result: rules.Receipt = _NOTHING

    @property
    def spot(self) -> Spot:
        """Where it came."""
        return self.came.spot

    @property
    def sscc(self) -> str:
        """Its label."""
        return self.came.sscc

    @property
    def is_plain(self) -> bool:
        """Whether there is something to receive, and nothing to tell anybody."""
        return bool(self.result.received) and not self.result.discrepancies


def receive_plain(connection: Connection, came: Sequence[Came]) -> dict[str, Received]:
    """Receive what is plain of pallets, each SSCC once; returns what receiving did, by the SSCCs of those that were received."""
    pallets = _announced(connection, came)
    if not pallets:
        return {}
    units.lock(connection, {each.spot.site for each in pallets}, {(each.spot.site, line.item) for each in pallets for line in each.lines})
    other = _received_or_known(connection, pallets) | _with_labelled_cases(connection, pallets)
    compared = _compared(connection, [each for each in pallets if each.sscc not in other])
    places = _places(connection, compared)
    doors = habits.plain_stagings(connection, {(each.spot.site, each.spot.station) for each in compared})
    plain = [each for each in compared if each.is_plain and _has_places(each, places, doors)]
    if plain:
        _receive(connection, plain, places, doors)
    return {each.sscc: Received("received", each.notice, each.result.seen, each.result.expected or None) for each in plain}


_Doors = Mapping[tuple[str, str], str | None]
"""The places of doors; None: look closely. A door that is not named has none, and goods go to storage."""


def _has_places(each: _Pallet, places: Mapping[tuple[str, str], str], doors: _Doors) -> bool:
    door = (each.spot.site, each.spot.station)
    if door in doors:
        return doors[door] is not None
    return all((each.spot.site, line.condition) in places for line in each.lines)


def _announced(connection: Connection, came: Sequence[Came]) -> list[_Pallet]:
    named: dict[str, list[Any]] = defaultdict(list)
    ssccs = {"ssccs": keys_of(connection, ship_notice_pallet.c.sscc, [each.sscc for each in came])}
    for row in connection.execute(_on_notices(connection.dialect.name), ssccs):
        named[row.sscc].append(row)
    pallets = []
    for each in came:
        if each.sscc in named:
            newest = max(named[each.sscc], key=lambda row: (row.created_at, row.number))
            lines = [row for row in named[each.sscc] if row.number == newest.number and row.id is not None]
            if newest.site == each.spot.site and not newest.source_place and _at_its_door(each, newest) and all(_is_plain(row, each.spot) for row in lines):
                pallets.append(_Pallet(each, newest.number, lines))
    return pallets


def _at_its_door(came: Came, row: Any) -> bool:
    return came.seen is None or row.door in ("", came.spot.station)


def _is_plain(row: Any, spot: Spot) -> bool:
    # Somewhere the day is a day further than by UTC: what may be expired there is looked at closely.
    expired = row.expiry is not None and row.expiry < spot.now.date() + timedelta(days=1)
    return row.tracking != "serial" and not row.hazard_class and not row.unit and not expired


def _compared(connection: Connection, pallets: Sequence[_Pallet]) -> list[_Pallet]:
    cases = service.cases_of(connection, [line.id for each in pallets for line in each.lines])
    listed = {case for mine in cases.values() for case in mine}
    sizes = service.sizes_of(connection, {case.gtin for each in pallets for case in each.came.seen or () if case not in listed})
    compared = []
    for each in pallets:
        lines = [service.notice_line(row, cases.get(row.id, ())) for row in each.lines]
        seen = each.came.seen
        compared.append(replace(each, result=rules.receive_by_hand(lines) if seen is None else rules.match_to_ship_notice(lines, seen, (), sizes)))
    return compared


def _received_or_known(connection: Connection, pallets: Sequence[_Pallet]) -> set[str]:
    ssccs = [each.sscc for each in pallets]
    received = connection.execute(_received(connection.dialect.name), {"ssccs": keys_of(connection, receipt.c.sscc, ssccs)}).scalars()
    return {*received, *units.known_of(connection, ssccs)}


def _with_labelled_cases(connection: Connection, pallets: Sequence[_Pallet]) -> set[str]:
    sscc_of = {line.id: each.sscc for each in pallets for line in each.lines}
    lines = {"lines": keys_of(connection, ship_notice_unit.c.line, list(sscc_of))}
    return {sscc_of[line] for line in connection.execute(_labelled(connection.dialect.name), lines).scalars()}


def _places(connection: Connection, pallets: Collection[_Pallet]) -> dict[tuple[str, str], str]:
    """Where goods of each condition are put at each site; where that must be looked at closely, it is left out."""
    places: dict[tuple[str, str], str] = {}
    for site, condition in sorted({(each.spot.site, line.condition) for each in pallets for line in each.lines}):
        place = putting.plain_place(connection, site, condition)
        if place is not None:
            places[site, condition] = place
    return places


def _receive(connection: Connection, pallets: Sequence[_Pallet], places: Mapping[tuple[str, str], str], doors: _Doors) -> None:
    now = max(each.spot.now for each in pallets)
    conditions = {line.id: line.condition for each in pallets for line in each.lines}
    place_of = {
        part.line.line_id: doors.get((each.spot.site, each.spot.station)) or places[each.spot.site, conditions[part.line.line_id]]
        for each in pallets
        for part in each.result.received
    }
    homes = {each.sscc: place_of[each.result.received[0].line.line_id] for each in pallets}
    units.make_many(connection, [(each.spot.fact_id, each.sscc, "pallet", homes[each.sscc]) for each in pallets], now)
    held = held_lots(connection, {line.lot for each in pallets for line in each.lines if line.lot})
    ledger.post_many(connection, [(each.spot.fact_id, _legs(each, homes[each.sscc], place_of, held)) for each in pallets])
    received = [(part.line.line_id, part.quantity) for each in pallets for part in each.result.received]
    update_rows(connection, ship_notice_line, "id", ("received",), received, frozenset({"received"}))
    receipts = [
        (each.sscc, each.notice, each.spot.fact_id, homes[each.sscc], each.came.seen is None, micros(each.spot.now), each.spot.station) for each in pallets
    ]
    insert_rows(connection, receipt, ("sscc", "notice", "event_id", "place", "by_hand", "received_at", "station"), receipts)
    tagged = [part.line.line_id for each in pallets for part in each.result.received if part.line.cases]
    if tagged:
        connection.execute(update(ship_notice_case).where(among(connection, ship_notice_case.c.line, tagged)).values(seen=True))
        _count_tags(connection, pallets, now)
    _settle_earlier(connection, pallets)
    service.close_notices(connection, {each.notice for each in pallets})


def _count_tags(connection: Connection, pallets: Sequence[_Pallet], now: datetime) -> None:
    """All tagged cases were seen; what a person vouched for says nothing of tags."""
    shipped: dict[str, int] = defaultdict(int)
    for site, station in sorted({(each.spot.site, each.spot.station) for each in pallets}):
        counted = []
        for each in pallets:
            if (each.spot.site, each.spot.station) == (site, station) and each.came.seen is not None:
                lines = [part.line for part in each.result.received if part.line.cases]
                counted += [tag_rates.Counted(line.item, len(line.cases), len(line.cases)) for line in lines]
                shipped[each.lines[0].supplier] += sum(len(line.cases) for line in lines)
        tag_rates.count_reads(connection, site, station, counted, now)
    for supplier, cases in sorted(shipped.items()):
        tag_rates.count_shipped(connection, supplier, cases, 0, now)


def held_lots(connection: Connection, lots: Collection[str]) -> set[tuple[str, str]]:
    """Which (item, lot) of these lots are on hold."""
    if not lots:
        return set()
    return {(row.item, row.lot) for row in connection.execute(_held(connection.dialect.name), {"lots": keys_of(connection, catalog_lot.c.lot, sorted(lots))})}


def _legs(each: _Pallet, home: str, place_of: Mapping[int, str], held: Collection[tuple[str, str]]) -> list[ledger.Leg]:
    legs = []
    for part in each.result.received:
        line, place = part.line, place_of[part.line.line_id]
        # What belongs elsewhere than the first line's goods leaves the pallet.
        target = Account(place, line.item, line.lot, status="hold" if (line.item, line.lot) in held else "available", unit=each.sscc if place == home else "")
        legs += [ledger.Leg(Account(VENDOR, line.item, line.lot), -part.quantity), ledger.Leg(target, part.quantity)]
    return legs


def _settle_earlier(connection: Connection, pallets: Sequence[_Pallet]) -> None:
    ssccs = [each.sscc for each in pallets]
    asked = {"ssccs": keys_of(connection, discrepancy.c.sscc, ssccs)}
    open_ones = set(connection.execute(_asked_about(connection.dialect.name), asked).scalars())
    for site in sorted({each.spot.site for each in pallets}):
        open_ones |= exceptions.open_about(connection, SETTLED_BY_RECEIPT, ssccs, site)
    for each in pallets:
        if each.sscc in open_ones:
            service.settle_earlier(connection, each.spot, Announced(each.sscc, each.notice, each.spot.site, ()))
