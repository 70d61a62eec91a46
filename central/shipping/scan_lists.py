# SPDX-License-Identifier: Apache-2.0
"""The lists by which gateways judge scans: worked out of what is planned, and sent again whenever that comes out differently, exactly as those of doors.

Nobody who changes a plan has to think of scan points. All reading is set-based, for all scan points at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, case, func, or_, select, update

from central.bulk import among
from central.catalog.tables import barcode, lot
from central.catalog.tables import item as catalog_item
from central.database import in_transaction, reading
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.fleet import service as fleet
from central.fleet.tables import command, gateway
from central.inbound.tables import receipt, ship_notice, ship_notice_line, ship_notice_pallet
from central.ledger.tables import serial
from central.outbound.rules import OPEN_STATES
from central.outbound.tables import customer_order, pick_task
from central.shipping import door_lists, door_rules, readiness, scan_rules
from central.shipping.scan_rules import Line, ScanList
from central.shipping.tables import load, load_package, package, scan_check, scan_point
from contracts.commands import ScanLine, ScanWork

PREFIX = "scans:"
_SERIALS_MAX = 200
"""A line names no more serials: with more, any is taken."""
Point = tuple[str, str]


def wanted(connection: Connection, points: Sequence[Row[Any]]) -> dict[Point, ScanList]:
    """What the list of each scan point (rows of `scan_point`) should say now, by site and station."""
    lists: dict[Point, ScanList] = {}
    for purpose, lines_of in _LINES_OF.items():
        mine = [point for point in points if point.purpose == purpose]
        if mine:
            lists |= {key: ScanList(tuple(lines)) for key, lines in lines_of(connection, mine).items()}
    return {(point.site, point.station): lists.get((point.site, point.station), ScanList(None)) for point in points}


# ---- goods of pick tasks


def _picked(connection: Connection, points: Sequence[Row[Any]]) -> dict[Point, list[Line]]:
    """Goods that are asked for or taken for orders on their way, but for lots that are held."""
    owed = case((pick_task.c.state.in_(OPEN_STATES), pick_task.c.requested), else_=pick_task.c.taken)
    columns = (pick_task.c.id, pick_task.c.site, pick_task.c.zone, pick_task.c.place, pick_task.c.item, pick_task.c.lot, owed.label("owed"))
    query = select(*columns, customer_order.c.number).join(customer_order, customer_order.c.id == pick_task.c.order_id)
    query = query.outerjoin(lot, (lot.c.item == pick_task.c.item) & (lot.c.lot == pick_task.c.lot))
    query = query.where(among(connection, pick_task.c.site, _sites(points)), customer_order.c.state.in_(scan_rules.GOING))
    query = query.where(pick_task.c.state != "cancelled", owed > 0, or_(lot.c.held.is_(None), lot.c.held.is_(False)))
    tasks = connection.execute(query.order_by(pick_task.c.created_at, pick_task.c.place, pick_task.c.id)).all()
    codes, pieces = codes_of_items(connection, {row.item for row in tasks}), _serials_at(connection, tasks)
    counted = scanned(connection, [row.id for row in tasks])
    found: dict[Point, list[Line]] = {}
    for point in points:
        mine = [row for row in tasks if row.site == point.site and point.zone in ("", row.zone)]
        found[point.site, point.station] = [
            Line(row.id, codes[row.item], row.owed, row.lot, pieces.get((row.place, row.item), ()), *_apart(counted, row.id, point), row.id, row.number)
            for row in mine
        ]
    return found


def codes_of_items(connection: Connection, items: Collection[str]) -> dict[str, dict[str, int]]:
    """What may stand on labels of items, with the pieces that one label stands for."""
    found: dict[str, dict[str, int]] = {item: {} for item in items}
    for row in connection.execute(select(barcode).where(among(connection, barcode.c.item, sorted(items))).order_by(barcode.c.code)):
        found[row.item][row.code] = row.quantity
    return found


def _serials_at(connection: Connection, tasks: Sequence[Any]) -> dict[tuple[str, str], tuple[str, ...]]:
    """The pieces that stand in the places of tasks of items that are tracked by serial, where they are not too many to be named."""
    tracked = select(serial.c.place, serial.c.item, serial.c.serial).join(catalog_item, catalog_item.c.code == serial.c.item)
    tracked = tracked.where(catalog_item.c.tracking == "serial", among(connection, serial.c.place, sorted({row.place for row in tasks})))
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in connection.execute(tracked.order_by(serial.c.serial)):
        found[row.place, row.item].append(row.serial)
    return {key: tuple(serials) for key, serials in found.items() if len(serials) <= _SERIALS_MAX}


def scanned(connection: Connection, lines: Collection[str]) -> dict[str, dict[Point, int]]:
    """Pieces that were scanned rightly of lines, by where."""
    which = among(connection, scan_check.c.line, sorted(lines)) & (scan_check.c.verdict == "right")
    query = select(scan_check.c.line, scan_check.c.site, scan_check.c.station, func.sum(scan_check.c.quantity).label("pieces"))
    found: dict[str, dict[Point, int]] = defaultdict(dict)
    for row in connection.execute(query.where(which).group_by(scan_check.c.line, scan_check.c.site, scan_check.c.station)) if lines else ():
        found[row.line][row.site, row.station] = int(row.pieces)
    return found


def _apart(counted: Mapping[str, Mapping[Point, int]], line: str, point: Row[Any]) -> tuple[int, int]:
    """What was scanned of a line at this point, and elsewhere."""
    mine = counted.get(line, {})
    here = mine.get((point.site, point.station), 0)
    return here, sum(mine.values()) - here


# ---- what notices announce


def _announced(connection: Connection, points: Sequence[Row[Any]]) -> dict[Point, list[Line]]:
    """Pallets and loose goods of the open notices of a site. What was received stays on the list as received: scanned again it is known."""
    pallets = select(ship_notice_pallet.c.sscc, ship_notice.c.number, ship_notice.c.site, receipt.c.station.label("came_at"))
    pallets = pallets.join(ship_notice, ship_notice.c.number == ship_notice_pallet.c.notice)
    pallets = pallets.outerjoin(receipt, (receipt.c.sscc == ship_notice_pallet.c.sscc) & (receipt.c.notice == ship_notice_pallet.c.notice))
    is_open = among(connection, ship_notice.c.site, _sites(points)) & (ship_notice.c.state == "open")
    announced = connection.execute(pallets.where(is_open).order_by(ship_notice_pallet.c.sscc, ship_notice.c.number)).all()
    loose = select(ship_notice_line, ship_notice.c.number, ship_notice.c.site).join(ship_notice, ship_notice.c.number == ship_notice_line.c.notice)
    goods = connection.execute(loose.where(is_open, ship_notice_line.c.sscc.is_(None)).order_by(ship_notice_line.c.id)).all()
    codes = codes_of_items(connection, {row.item for row in goods})
    counted = scanned(connection, [loose_line(row) for row in goods])
    found: dict[Point, list[Line]] = {}
    for point in points:
        lines = {row.sscc: _pallet(row, point) for row in announced if row.site == point.site}
        mine = [row for row in goods if row.site == point.site and codes[row.item]]
        found[point.site, point.station] = [*lines.values(), *(_loose(row, codes[row.item], counted, point) for row in mine)]
    return found


def _pallet(row: Any, point: Row[Any]) -> Line:
    here = int(row.came_at == point.station)
    return Line(row.sscc, {row.sscc: 1}, 1, here=here, elsewhere=int(row.came_at is not None) - here, order=row.number)


def loose_line(row: Row[Any]) -> str:
    """The name of a line of loose goods."""
    return f"{row.number}/{row.id}"


def _loose(row: Row[Any], codes: Mapping[str, int], counted: Mapping[str, Mapping[Point, int]], point: Row[Any]) -> Line:
    here, _ = _apart(counted, loose_line(row), point)
    return Line(loose_line(row), codes, row.quantity, row.lot, (), here, max(0, row.received - here), order=row.number)


# ---- what may leave


def _leaving(connection: Connection, points: Sequence[Row[Any]]) -> dict[Point, list[Line]]:
    """Packages that may leave by a station: on its load, or on none that stands elsewhere. What is on the vehicle stays on the list as loaded."""
    plan = select(load_package.c.sscc, load.c.door).join(load, load.c.id == load_package.c.load_id).where(load.c.state == "open").subquery()
    query = select(*readiness.COLUMNS, customer_order.c.number, plan.c.door).join(customer_order, customer_order.c.id == package.c.order_id)
    query = query.outerjoin(plan, plan.c.sscc == package.c.sscc)
    query = query.where(among(connection, package.c.site, _sites(points)), package.c.state.in_(("closed", "loaded"))).order_by(package.c.sscc)
    rows: Sequence[Any] = connection.execute(query).all()
    bad: set[str] = set()
    for site in _sites(points):
        bad |= set(readiness.blocked(connection, [row for row in rows if row.site == site]))
    counted = scanned(connection, [row.sscc for row in rows])
    found: dict[Point, list[Line]] = {}
    for point in points:
        mine = [row for row in rows if row.site == point.site and row.sscc not in bad and row.door in (None, "", point.station)]
        found[point.site, point.station] = list({row.sscc: _package(row, counted, point) for row in mine}.values())
    return found


def _package(row: Any, counted: Mapping[str, Mapping[Point, int]], point: Row[Any]) -> Line:
    here = min(1, _apart(counted, row.sscc, point)[0]) if row.state == "loaded" else 0
    return Line(row.sscc, {row.sscc: 1}, 1, here=here, elsewhere=int(row.state == "loaded") - here, order=row.number)


_LINES_OF = {"picking": _picked, "receiving": _announced, "shipping": _leaving}


def _sites(points: Iterable[Row[Any]]) -> list[str]:
    return sorted({point.site for point in points})


# ---- telling


def as_they_are(connection: Connection, keys: Collection[Point] | None = None) -> Sequence[Row[Any]]:
    """Rows of scan points (None: of all), with how their gateway is now and what became of their last list, as `door_lists.as_they_are`."""
    of_gateway = (gateway.c.epoch, gateway.c.boot_id, gateway.c.version, gateway.c.config_hash, gateway.c.online, gateway.c.last_seen_at)
    query = (
        select(scan_point, *of_gateway, gateway.c.last_seen_at.label("gateway_seen_at"), gateway.c.id.label("enrolled"), command.c.state.label("answer"))
        .outerjoin(gateway, (gateway.c.id == scan_point.c.gateway) & (gateway.c.site == scan_point.c.site))
        .outerjoin(command, command.c.id == scan_point.c.list_command)
        .order_by(scan_point.c.site, scan_point.c.station)
    )
    if keys is None:
        return connection.execute(query).all()
    rows = connection.execute(query.where(among(connection, scan_point.c.station, sorted({station for _, station in keys}))))
    return [row for row in rows if (row.site, row.station) in set(keys)]


def due(connection: Connection, now: datetime) -> list[Point]:
    """Scan points whose gateway has to be told something."""
    points = as_they_are(connection)
    lists = wanted(connection, points) if points else {}
    return [(point.site, point.station) for point in points if _is_due(point, lists[point.site, point.station], now)]


def _is_due(point: Row[Any], said: ScanList, now: datetime) -> bool:
    return door_lists.is_due(point, scan_rules.fitting(said).digest, now)


def tell(connection: Connection, keys: Sequence[Point], now: datetime) -> int:
    """Send these scan points their lists, as they must be now; returns how many were sent. What changed meanwhile is looked at again."""
    for site, station in sorted(keys):
        connection.execute(select(scan_point.c.station).where(scan_point.c.site == site, scan_point.c.station == station).with_for_update())
    points = as_they_are(connection, keys)
    lists = wanted(connection, points)
    return sum(_send(connection, each, lists[each.site, each.station], now) for each in points if _is_due(each, lists[each.site, each.station], now))


def _send(connection: Connection, point: Row[Any], said: ScanList, now: datetime) -> bool:
    mine = (scan_point.c.site == point.site) & (scan_point.c.station == point.station)
    if not point.enrolled:
        connection.execute(update(scan_point).where(mine).values(list_fault="no_gateway"))
        return False
    fitting, too_long = scan_rules.fitting(said), said.size > scan_rules.LINES_MAX
    _tell_length(connection, point, said.size, now, too_long=too_long)
    version = door_rules.next_version(point.list_version, now)
    work = ScanWork(
        command_id=f"{PREFIX}{point.site}:{point.station}:{version}",
        station=point.station,
        deadline_at=now + door_lists.ANSWER_WITHIN,
        version=version,
        expected=None if fitting.lines is None else [_on_the_wire(line) for line in fitting.lines],
    )
    fleet.supersede(connection, point.gateway, point.station, ScanWork, f"list {version} took its place")
    fleet.send(connection, point.gateway, work, now)
    values = {"list_version": version, "list_digest": fitting.digest, "list_command": work.command_id, "list_heard": door_lists.heard(point)}
    connection.execute(update(scan_point).where(mine).values(**values, list_sent_at=now, list_fault="too_long" if too_long else ""))
    return True


def _on_the_wire(line: Line) -> ScanLine:
    return ScanLine(
        line=line.line,
        codes=dict(line.codes),
        quantity=line.quantity,
        lot=line.lot,
        serials=list(line.serials),
        here=line.here,
        elsewhere=line.elsewhere,
        task=line.task,
        order=line.order,
    )


def _tell_length(connection: Connection, point: Row[Any], size: int, now: datetime, *, too_long: bool) -> None:
    if too_long:
        told = message("scan_list_long", station=point.station, count=size, most=scan_rules.LINES_MAX)
        exceptions.ask_person(connection, told, point.station, None, now, site=point.site, station=point.station, priority=2)
    elif point.list_fault == "too_long":
        exceptions.settle(connection, ("scan_list_long",), point.station, point.site, "the list fits again", now)


def work_once(engine: Engine, now: datetime) -> int:
    """One round: look, and tell the scan points that have to be told. Returns how many lists were sent."""
    with reading(engine) as connection:
        keys = due(connection, now)
    return in_transaction(engine, lambda connection: tell(connection, keys, now)) if keys else 0
