# SPDX-License-Identifier: Apache-2.0
"""Goods without a pallet that are scanned one after the other, received together in few statements: a shift's scans that come at once after an outage.

Only what is plain: goods of a known GTIN, harmless and without numbered pieces, that open lines of suppliers' notices announce in this lot and with this day of
use, for a place without limits. From the first scan of an item on that is not plain, the item's are received alone (`service.receive_loose`), in turn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from central.bulk import among, update_rows
from central.catalog import service as catalog
from central.inbound import putting, rules, service
from central.inbound.arrival import Spot
from central.inbound.pallets import held_lots
from central.inbound.service import ScannedGoods
from central.inbound.tables import ship_notice, ship_notice_line
from central.ledger import service as ledger
from central.ledger import units
from central.ledger.rules import VENDOR, Account


@dataclass(frozen=True, slots=True)
class Scan:
    """Goods that somebody scanned somewhere."""

    spot: Spot
    goods: ScannedGoods


class _Goods(NamedTuple):
    """What scans are about: an item at a site."""

    site: str
    item: str


class _Booked(NamedTuple):
    """A scan, and what it takes of which lines."""

    scan: Scan
    place: str
    parts: tuple[rules.Received, ...]


_Open = dict[str, list[rules.NoticeLine]]
"""Open lines by lot, oldest first."""


def receive_plain(connection: Connection, scans: Sequence[Scan]) -> frozenset[str]:
    """Receive what is plain of these scans; returns the ids of the facts that are done."""
    items = catalog.items_by_gtin(connection, {each.goods.gtin for each in scans})
    groups: dict[_Goods, list[Scan]] = defaultdict(list)
    for each in scans:
        row = items.get(each.goods.gtin)
        if row is not None and row.tracking != "serial" and not row.hazard_class:
            groups[_Goods(each.spot.site, row.code)].append(each)
    if not groups:
        return frozenset()
    units.lock(connection, [], set(groups))
    rows = _open_lines(connection, groups)
    conditions = {row.code: row.condition for row in items.values()}
    places = {key: putting.plain_place(connection, *key) for key in {(goods.site, conditions[goods.item]) for goods in rows}}
    booked: list[_Booked] = []
    for goods, mine in rows.items():
        place = places[goods.site, conditions[goods.item]]
        if place is not None:
            booked += _with_known_days(connection, goods.item, _spread(groups[goods], _by_lot(mine), place))
    if booked:
        _book(connection, booked, {row.id: row.notice for mine in rows.values() for row in mine})
    return frozenset(each.scan.spot.fact_id for each in booked)


def _open_lines(connection: Connection, groups: Collection[_Goods]) -> dict[_Goods, list[Row[Any]]]:
    """Open loose lines by goods, oldest first; goods of which a line lists cases, or comes from another site, are left out."""
    query = select(ship_notice_line, ship_notice.c.site, ship_notice.c.source_place).join(ship_notice, ship_notice.c.number == ship_notice_line.c.notice)
    query = query.where(ship_notice.c.state == "open", ship_notice_line.c.sscc.is_(None), ship_notice_line.c.received < ship_notice_line.c.quantity)
    query = query.where(among(connection, ship_notice_line.c.item, sorted({goods.item for goods in groups})))
    found: dict[_Goods, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(query.order_by(ship_notice_line.c.id)):
        found[_Goods(row.site, row.item)].append(row)
    mine = {goods: rows for goods, rows in found.items() if goods in groups}
    with_cases = service.cases_of(connection, [row.id for rows in mine.values() for row in rows])
    return {goods: rows for goods, rows in mine.items() if not any(row.id in with_cases or row.source_place for row in rows)}


def _by_lot(rows: Sequence[Row[Any]]) -> _Open:
    lines: _Open = defaultdict(list)
    for row in rows:
        lines[row.lot].append(rules.NoticeLine(row.id, row.item, "", row.lot, row.quantity, row.received, (), row.unit, row.expiry))
    return lines


def _spread(scans: Sequence[Scan], lines: _Open, place: str) -> list[_Booked]:
    """Each scan's quantity over the lines of its lot that are open by then, up to the first that brings what is not announced."""
    booked = []
    for each in scans:
        lot = each.goods.lot
        result = rules.receive_loose(lines[lot], lot, each.goods.quantity)
        if result.discrepancies:
            break
        booked.append(_Booked(each, place, result.received))
        taken = {part.line.line_id: part.quantity for part in result.received}
        after = [replace(line, received=line.received + taken.get(line.line_id, 0)) for line in lines[lot]]
        lines[lot] = [line for line in after if line.open]
    return booked


def _with_known_days(connection: Connection, item: str, booked: Sequence[_Booked]) -> Sequence[_Booked]:
    """Those up to the first whose day of use is another one than the catalog knows."""
    others = catalog.learn_lots(connection, [(item, each.scan.goods.lot, each.scan.goods.expiry) for each in booked])
    return booked[: next((n for n, other in enumerate(others) if other is not None), len(booked))]


def _book(connection: Connection, booked: Sequence[_Booked], notices: Mapping[int, str]) -> None:
    held = held_lots(connection, {part.line.lot for each in booked for part in each.parts if part.line.lot})
    ledger.post_many(connection, [(each.scan.spot.fact_id, _legs(each, held)) for each in booked])
    received: dict[int, int] = defaultdict(int)
    for each in booked:
        for part in each.parts:
            received[part.line.line_id] += part.quantity
    update_rows(connection, ship_notice_line, "id", ("received",), sorted(received.items()), frozenset({"received"}))
    service.close_notices(connection, {notices[line] for line in received})


def _legs(booked: _Booked, held: Collection[tuple[str, str]]) -> list[ledger.Leg]:
    legs = []
    for part in booked.parts:
        line = part.line
        target = Account(booked.place, line.item, line.lot, status="hold" if (line.item, line.lot) in held else "available")
        legs += [ledger.Leg(Account(VENDOR, line.item, line.lot), -part.quantity), ledger.Leg(target, part.quantity)]
    return legs
