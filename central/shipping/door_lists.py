# SPDX-License-Identifier: Apache-2.0
"""The lists by which gateways judge what passes their doors: worked out of what is planned, and sent again whenever that comes out differently.

Nobody who changes a plan has to think of doors: a round compares what each list should say with what was sent last. A round is due after every commit; a
hundred commits in a moment share one, and 500 packages in one transaction make one list. All reading is set-based, for all doors at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, update

from central.bulk import among
from central.database import in_transaction, reading
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.fleet import service as fleet
from central.fleet.tables import command, gateway
from central.inbound.tables import receipt, ship_notice, ship_notice_pallet
from central.ledger import units
from central.ledger.tables import handling_unit
from central.shipping import door_rules, readiness
from central.shipping.door_rules import DoorList
from central.shipping.tables import dock_door, door_notice, load, load_package, package
from contracts.commands import DoorWork

PREFIX = "door:"
ANSWER_WITHIN = timedelta(hours=1)
"""A gateway that was away longer gets a newer list instead."""
AGAIN_AFTER = timedelta(minutes=1)
"""A list that came too late, or got no answer, is made again after this."""

_SITE_STATION = (dock_door.c.site, dock_door.c.station)
Door = tuple[str, str]


def wanted(connection: Connection, doors: Sequence[Row[Any]]) -> dict[Door, DoorList]:
    """What the list of each door (rows of `dock_door`) should say now, by site and station."""
    loads = loads_at(connection, doors)
    boxes = _packages(connection, [each.id for each in loads.values()])
    announced = _announced(connection, [door for door in doors if door.check_coming])
    return {(door.site, door.station): _list_of(door, loads.get((door.site, door.station)), boxes, announced) for door in doors}


class _Boxes:
    """Packages of a load: those that may leave, with the units that carry them, and those on the vehicle."""

    def __init__(self, ready: set[str], loaded: set[str]) -> None:
        self.ready = ready
        self.loaded = loaded


def _list_of(door: Row[Any], plan: Row[Any] | None, boxes: Mapping[str, _Boxes], announced: Mapping[Door, set[str]]) -> DoorList:
    mine = boxes.get(plan.id, _Boxes(set(), set())) if plan is not None else _Boxes(set(), set())
    loads = door.state in door_rules.LOADS
    return DoorList(
        door_rules.leaving(door.state, load_named=door.load_id is not None, load_open=plan is not None, ready=mine.ready),
        door_rules.coming(door.state, checked=door.check_coming, announced=announced.get((door.site, door.station), ()), loaded=mine.loaded),
        plan.number if plan is not None and loads else "",
        door.vehicle or (plan.vehicle if plan is not None and loads else ""),
    )


def loads_at(connection: Connection, doors: Sequence[Row[Any]]) -> dict[Door, Row[Any]]:
    """The open load at each door, as `doors.load_at` finds it for one."""
    if not doors:
        return {}
    query = select(load).where(load.c.state == "open", among(connection, load.c.door, sorted({door.station for door in doors})))
    by_door: dict[Door, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(query.order_by(load.c.created_at, load.c.id)):
        by_door[row.site, row.door].append(row)
    found = {}
    for door in doors:
        fits = [row for row in by_door[door.site, door.station] if door.load_id in (None, row.id)]
        if fits:
            found[door.site, door.station] = fits[0]
    return found


def _packages(connection: Connection, load_ids: Sequence[str]) -> dict[str, _Boxes]:
    if not load_ids:
        return {}
    aboard = load_package.c.loaded_at.is_not(None).label("aboard")
    query = select(load_package.c.load_id, aboard, *readiness.COLUMNS).join(package, package.c.sscc == load_package.c.sscc)
    rows = connection.execute(query.where(among(connection, load_package.c.load_id, load_ids))).all()
    bad: set[str] = set()
    for site in sorted({row.site for row in rows}):
        bad |= set(readiness.blocked(connection, [row for row in rows if row.site == site]))
    ready: dict[str, set[str]] = defaultdict(set)
    loaded: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.sscc not in bad:
            ready[row.load_id].add(row.sscc)
        if row.aboard:
            loaded[row.load_id].add(row.sscc)
    parents, packages = _standing(connection, [row.sscc for row in rows])
    return {
        load_id: _Boxes(
            ready[load_id] | door_rules.carriers(parents, packages, ready[load_id]), loaded[load_id] | door_rules.carriers(parents, packages, loaded[load_id])
        )
        for load_id in load_ids
    }


def _standing(connection: Connection, ssccs: Sequence[str]) -> tuple[dict[str, str], set[str]]:
    """What packages and everything that stands with them on the same units stand in, and which of all these are packages that exist."""
    parents: dict[str, str] = {}
    wave = set(ssccs)
    for _ in range(units.MAX_DEPTH):
        query = select(handling_unit.c.sscc, handling_unit.c.parent).where(among(connection, handling_unit.c.sscc, sorted(wave)))
        query = query.where(handling_unit.c.parent.is_not(None))
        found = {row.sscc: row.parent for row in connection.execute(query)} if wave else {}
        parents |= found
        wave = set(found.values())
    wave = set(parents.values())
    for _ in range(units.MAX_DEPTH):
        query = select(handling_unit.c.sscc, handling_unit.c.parent).where(among(connection, handling_unit.c.parent, sorted(wave)))
        found = {row.sscc: row.parent for row in connection.execute(query)} if wave else {}
        parents |= found
        wave = set(found)
    if not parents:
        return {}, set()
    exist = select(package.c.sscc).where(among(connection, package.c.sscc, sorted(parents)), package.c.state != "void")
    return parents, set(connection.execute(exist).scalars())


def notices_at(connection: Connection, doors: Sequence[Row[Any]]) -> dict[Door, list[str]]:
    """The notices that stand at each of the doors where goods are received: those it names, else all open ones that announce it.

    A notice that a door names and whose import was undone since is none.
    """
    receiving = [door for door in doors if door.state in door_rules.RECEIVES]
    stations = sorted({door.station for door in receiving})
    if not stations:
        return {}
    named: dict[Door, list[str]] = defaultdict(list)
    query = select(door_notice).join(ship_notice, ship_notice.c.number == door_notice.c.notice)
    for row in connection.execute(query.where(among(connection, door_notice.c.station, stations)).order_by(door_notice.c.notice)):
        named[row.site, row.station].append(row.notice)
    planned: dict[Door, list[str]] = defaultdict(list)
    query = select(ship_notice.c.number, ship_notice.c.site, ship_notice.c.door).where(ship_notice.c.state == "open")
    for row in connection.execute(query.where(among(connection, ship_notice.c.door, stations)).order_by(ship_notice.c.number)):
        planned[row.site, row.door].append(row.number)
    return {(door.site, door.station): named.get((door.site, door.station)) or planned[door.site, door.station] for door in receiving}


def _announced(connection: Connection, doors: Sequence[Row[Any]]) -> dict[Door, set[str]]:
    """Pallets not yet received of the notices that stand at doors."""
    of_door = notices_at(connection, doors)
    numbers = sorted(set().union(*of_door.values()))
    if not numbers:
        return {}
    received = select(receipt.c.sscc).where(receipt.c.sscc == ship_notice_pallet.c.sscc, receipt.c.notice == ship_notice_pallet.c.notice).exists()
    pallets: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(select(ship_notice_pallet).where(among(connection, ship_notice_pallet.c.notice, numbers), ~received)):
        pallets[row.notice].add(row.sscc)
    return {door: set().union(*(pallets[number] for number in its)) for door, its in of_door.items()}


def as_they_are(connection: Connection, keys: Collection[Door] | None = None) -> Sequence[Row[Any]]:
    """Rows of doors (None: of all) by site and station, with how their gateway is now and what became of their last list.

    `enrolled`, `epoch`, `boot_id`, `version`, `config_hash` and `online` are None where there is no gateway, `answer` where there is no list.
    """
    query = (
        select(
            dock_door,
            gateway.c.epoch,
            gateway.c.boot_id,
            gateway.c.version,
            gateway.c.config_hash,
            gateway.c.online,
            gateway.c.id.label("enrolled"),
            command.c.state.label("answer"),
        )
        .outerjoin(gateway, (gateway.c.id == dock_door.c.gateway) & (gateway.c.site == dock_door.c.site))
        .outerjoin(command, command.c.id == dock_door.c.list_command)
        .order_by(*_SITE_STATION)
    )
    if keys is None:
        return connection.execute(query).all()
    rows = connection.execute(query.where(among(connection, dock_door.c.station, sorted({station for _, station in keys}))))
    return [row for row in rows if (row.site, row.station) in keys]


def heard(row: Row[Any]) -> str:
    """A gateway that is another one now: a swapped card, a reboot, a new program or configuration. It may have forgotten its list."""
    return f"{row.epoch}/{row.boot_id}/{row.version}/{row.config_hash}" if row.enrolled else ""


def _is_due(door: Row[Any], said: DoorList, now: datetime) -> bool:
    return is_due(door, (_unchecked(said) if said.size > door_rules.SSCCS_MAX else said).digest, now)


def is_due(row: Row[Any], digest: str, now: datetime) -> bool:
    """Whether the gateway of a door or scan point (a row of `as_they_are`) has to be told a list of this digest."""
    if not row.enrolled:
        return bool(row.list_fault != "no_gateway")
    if digest != row.list_digest or heard(row) != row.list_heard:
        return True
    stuck = row.answer in ("unanswered", "expired") or row.answer is None
    return bool(stuck and (row.list_sent_at is None or now - row.list_sent_at >= AGAIN_AFTER))


def _unchecked(said: DoorList) -> DoorList:
    """A list that is too long for a message is not cut short: that would show red for right pallets. The door does not check until it is shorter."""
    return DoorList(None, None, said.load, said.vehicle)


def due(connection: Connection, now: datetime) -> list[Door]:
    """Doors whose gateway has to be told something."""
    doors = as_they_are(connection)
    lists = wanted(connection, doors)
    return [(door.site, door.station) for door in doors if _is_due(door, lists[door.site, door.station], now)]


def tell(connection: Connection, keys: Sequence[Door], now: datetime) -> int:
    """Send these doors their lists, as they must be now; returns how many were sent. What changed meanwhile is looked at again."""
    for site, station in sorted(keys):
        connection.execute(select(dock_door.c.station).where(dock_door.c.site == site, dock_door.c.station == station).with_for_update())
    doors = as_they_are(connection, set(keys))
    lists = wanted(connection, doors)
    return sum(_send(connection, door, lists[door.site, door.station], now) for door in doors if _is_due(door, lists[door.site, door.station], now))


def _send(connection: Connection, door: Row[Any], said: DoorList, now: datetime) -> bool:
    mine = (dock_door.c.site == door.site) & (dock_door.c.station == door.station)
    if not door.enrolled:
        connection.execute(update(dock_door).where(mine).values(list_fault="no_gateway"))
        return False
    too_long = said.size > door_rules.SSCCS_MAX
    _tell_length(connection, door, said.size, now, too_long=too_long)
    said = _unchecked(said) if too_long else said
    version = door_rules.next_version(door.list_version, now)
    work = DoorWork(
        command_id=f"{PREFIX}{door.site}:{door.station}:{version}",
        station=door.station,
        deadline_at=now + ANSWER_WITHIN,
        version=version,
        may_leave=None if said.may_leave is None else list(said.may_leave),
        may_come=None if said.may_come is None else list(said.may_come),
        load=said.load,
        vehicle=said.vehicle,
    )
    fleet.supersede(connection, door.gateway, door.station, DoorWork, f"list {version} took its place")
    fleet.send(connection, door.gateway, work, now)
    values = {"list_version": version, "list_digest": said.digest, "list_command": work.command_id, "list_heard": heard(door), "list_sent_at": now}
    connection.execute(update(dock_door).where(mine).values(**values, list_fault="too_long" if too_long else ""))
    return True


def _tell_length(connection: Connection, door: Row[Any], size: int, now: datetime, *, too_long: bool) -> None:
    if too_long:
        told = message("door_list_long", station=door.station, count=size, most=door_rules.SSCCS_MAX)
        exceptions.ask_person(connection, told, door.station, None, now, site=door.site, station=door.station, priority=2)
    elif door.list_fault == "too_long":
        exceptions.settle(connection, ("door_list_long",), door.station, door.site, "the list fits again", now)


def forgotten(connection: Connection, site: str, station: str) -> None:
    """A gateway showed that it lost its list: it gets the list again."""
    mine = (dock_door.c.site == site) & (dock_door.c.station == station)
    connection.execute(update(dock_door).where(mine).values(list_heard=""))


def work_once(engine: Engine, now: datetime) -> int:
    """One round: look, and tell the doors that have to be told. Returns how many lists were sent."""
    with reading(engine) as connection:
        keys = due(connection, now)
    return in_transaction(engine, lambda connection: tell(connection, keys, now)) if keys else 0
