# SPDX-License-Identifier: Apache-2.0
"""Pallets whose labels people scan one after the other, received together in few statements.

Only what is plain: announced to this site by a supplier, not received yet, a unit that nobody knows yet, without tagged cases, case labels, numbered pieces
or dangerous goods, for a place without limits.
Whatever is not plain is received alone (`central.inbound.service.receive_pallet`), which also says why when it cannot be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from central.bulk import among, insert_rows, update_rows
from central.catalog.tables import item as catalog_item
from central.catalog.tables import lot as catalog_lot
from central.database import micros
from central.exceptions import service as exceptions
from central.inbound import putting, service
from central.inbound.service import SETTLED_BY_RECEIPT, Announced, Spot
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
    ship_notice_line.c.id,
    ship_notice_line.c.item,
    ship_notice_line.c.lot,
    (ship_notice_line.c.quantity - ship_notice_line.c.received).label("open"),
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


@dataclass(frozen=True, slots=True)
class _Pallet:
    """A scan with the newest notice of its pallet, and the lines that are open on it."""

    spot: Spot
    sscc: str
    notice: str
    lines: Sequence[Any]


def receive_plain(connection: Connection, scanned: Sequence[tuple[Spot, str]]) -> set[str]:
    """Receive what is plain of the pallets scanned, each SSCC once; returns the SSCCs of those that were received."""
    pallets = _announced(connection, scanned)
    if not pallets:
        return set()
    sites = {each.spot.site for each in pallets}
    units.lock(connection, sites, {(each.spot.site, line.item) for each in pallets for line in each.lines})
    other = _received_or_known(connection, pallets) | _with_cases(connection, pallets)
    pallets = [each for each in pallets if each.sscc not in other]
    places = _places(connection, pallets)
    pallets = [each for each in pallets if all((each.spot.site, line.condition) in places for line in each.lines)]
    if pallets:
        _receive(connection, pallets, places)
    return {each.sscc for each in pallets}


def _announced(connection: Connection, scanned: Sequence[tuple[Spot, str]]) -> list[_Pallet]:
    named: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(_ON_NOTICES.where(among(connection, ship_notice_pallet.c.sscc, [sscc for _, sscc in scanned]))):
        named[row.sscc].append(row)
    pallets = []
    for spot, sscc in scanned:
        if sscc in named:
            newest = max(named[sscc], key=lambda row: (row.created_at, row.number))
            lines = [row for row in named[sscc] if row.number == newest.number and row.open]
            plain = newest.site == spot.site and not newest.source_place and all(row.tracking != "serial" and not row.hazard_class for row in lines)
            if plain and lines:
                pallets.append(_Pallet(spot, sscc, newest.number, lines))
    return pallets


def _received_or_known(connection: Connection, pallets: Sequence[_Pallet]) -> set[str]:
    ssccs = [each.sscc for each in pallets]
    received = connection.execute(select(receipt.c.sscc).where(among(connection, receipt.c.sscc, ssccs))).scalars()
    return {*received, *units.known_of(connection, ssccs)}


def _with_cases(connection: Connection, pallets: Sequence[_Pallet]) -> set[str]:
    sscc_of = {line.id: each.sscc for each in pallets for line in each.lines}
    found: set[str] = set()
    for table in (ship_notice_case, ship_notice_unit):
        found |= {sscc_of[line] for line in connection.execute(select(table.c.line).distinct().where(among(connection, table.c.line, list(sscc_of)))).scalars()}
    return found


def _places(connection: Connection, pallets: Collection[_Pallet]) -> dict[tuple[str, str], str]:
    """Where goods of each condition are put at each site; where that must be looked at closely, it is left out."""
    places: dict[tuple[str, str], str] = {}
    for site, condition in sorted({(each.spot.site, line.condition) for each in pallets for line in each.lines}):
        place = putting.plain_place(connection, site, condition)
        if place is not None:
            places[site, condition] = place
    return places


def _receive(connection: Connection, pallets: Sequence[_Pallet], places: Mapping[tuple[str, str], str]) -> None:
    now = max(each.spot.now for each in pallets)
    homes = {each.sscc: places[each.spot.site, each.lines[0].condition] for each in pallets}
    units.make_many(connection, [(each.spot.fact_id, each.sscc, "pallet", homes[each.sscc]) for each in pallets], now)
    held = _held_lots(connection, pallets)
    ledger.post_many(connection, [(each.spot.fact_id, _legs(each, homes[each.sscc], places, held)) for each in pallets])
    update_rows(connection, ship_notice_line, "id", ("received",), [(line.id, line.open) for each in pallets for line in each.lines], frozenset({"received"}))
    receipts = [(each.sscc, each.notice, each.spot.fact_id, homes[each.sscc], True, micros(each.spot.now)) for each in pallets]
    insert_rows(connection, receipt, ("sscc", "notice", "event_id", "place", "by_hand", "received_at"), receipts)
    _settle_earlier(connection, pallets)
    service.close_notices(connection, {each.notice for each in pallets})


def _held_lots(connection: Connection, pallets: Sequence[_Pallet]) -> set[tuple[str, str]]:
    lots = sorted({line.lot for each in pallets for line in each.lines if line.lot})
    query = select(catalog_lot.c.item, catalog_lot.c.lot).where(catalog_lot.c.held, among(connection, catalog_lot.c.lot, lots))
    return {(row.item, row.lot) for row in connection.execute(query)} if lots else set()


def _legs(each: _Pallet, home: str, places: Mapping[tuple[str, str], str], held: Collection[tuple[str, str]]) -> list[ledger.Leg]:
    legs = []
    for line in each.lines:
        place = places[each.spot.site, line.condition]
        # What belongs elsewhere than the first line's goods leaves the pallet.
        target = Account(place, line.item, line.lot, status="hold" if (line.item, line.lot) in held else "available", unit=each.sscc if place == home else "")
        legs += [ledger.Leg(Account(VENDOR, line.item, line.lot), -line.open), ledger.Leg(target, line.open)]
    return legs


def _settle_earlier(connection: Connection, pallets: Sequence[_Pallet]) -> None:
    ssccs = [each.sscc for each in pallets]
    asked = select(discrepancy.c.sscc).where(among(connection, discrepancy.c.sscc, ssccs), discrepancy.c.state == "open")
    open_ones = set(connection.execute(asked.where(discrepancy.c.kind.in_(SETTLED_BY_RECEIPT))).scalars())
    for site in sorted({each.spot.site for each in pallets}):
        open_ones |= exceptions.open_about(connection, SETTLED_BY_RECEIPT, ssccs, site)
    for each in pallets:
        if each.sscc in open_ones:
            service.settle_earlier(connection, each.spot, Announced(each.sscc, each.notice, each.spot.site, ()))
