# SPDX-License-Identifier: Apache-2.0
"""Reading doors: what stands there, how far it is, what passed, whether the lamps know. A page of doors takes the same few queries however many they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from central.bulk import among
from central.exceptions.messages import TEMPLATES
from central.exceptions.tables import work_order
from central.inbound.tables import receipt, ship_notice_pallet
from central.paging import Page, down, page, up
from central.shipping import door_lists, door_rules, doors
from central.shipping.door_answers import AppointmentOut, DoorListOut, DoorOut, DoorPassOut, ListState, WrongPallet
from central.shipping.tables import dock_door, door_appointment, door_pass, load, load_intruder, load_package

Door = tuple[str, str]


def door_page(connection: Connection, site: str | None, after: str | None, limit: int) -> Page[DoorOut]:
    """Doors by site and station."""
    query = select(dock_door)
    query = query.where(dock_door.c.site == site) if site is not None else query
    found: Page[dict[str, Any]] = page(connection, query, [up(dock_door.c.site), up(dock_door.c.station)], after, limit)
    shown = {(each.site, each.station): each for each in _shown(connection, [(row["site"], row["station"]) for row in found.items])}
    return Page(items=[shown[row["site"], row["station"]] for row in found.items], next=found.next)


def door_shown(connection: Connection, site: str, station: str) -> DoorOut:
    """One door. Raises: NotFoundError."""
    doors.known_door(connection, site, station)
    return _shown(connection, [(site, station)])[0]


def _shown(connection: Connection, keys: Sequence[Door]) -> list[DoorOut]:
    rows = door_lists.as_they_are(connection, set(keys))
    loads = door_lists.loads_at(connection, rows)
    counts, wrong = load_progress(connection, [each.id for each in loads.values()]), _wrong(connection, [each.id for each in loads.values()])
    notices = door_lists.notices_at(connection, rows)
    pallets = _pallets(connection, sorted(set().union(*notices.values()) if notices else set()))
    last = _last_passes(connection, rows)
    shown = []
    for row in rows:
        key = (row.site, row.station)
        here, mine = loads.get(key), notices.get(key, [])
        planned, loaded = counts.get(here.id, (0, 0)) if here is not None else (0, 0)
        said = {
            "gateway_online": bool(row.online),
            "load": here.number if here is not None else "",
            "load_id": here.id if here is not None else None,
            "planned": planned,
            "loaded": loaded,
            "notices": mine,
            "announced": sum(pallets.get(number, (0, 0))[0] for number in mine),
            "received": sum(pallets.get(number, (0, 0))[1] for number in mine),
            "wrong": wrong.get(here.id, []) if here is not None else [],
            "last_pass": last.get(key),
            "list_state": list_state(row),
        }
        shown.append(DoorOut.model_validate(row._asdict() | said))
    return shown


def unchecked(connection: Connection, site: str | None) -> set[Door]:
    """Doors where something is to be checked and whose lamp does not know the list. One that is on its way is not meant."""
    rows = [row for row in door_lists.as_they_are(connection) if site in (None, row.site)]
    return {(row.site, row.station) for row in rows if _has_list(row) and list_state(row) not in ("newest", "on_its_way", "none")}


def _has_list(row: Row[Any]) -> bool:
    return row.state in door_rules.LOADS or (row.check_coming and row.state in door_rules.RECEIVES)


def list_state(row: Row[Any]) -> ListState:
    """Whether the lamps of a door or scan point (a row of `as_they_are`) know the newest list."""
    if row.list_fault:
        return "no_gateway" if row.list_fault == "no_gateway" else "too_long"
    states: dict[str, ListState] = {"done": "newest", "pending": "on_its_way", "refused": "refused", "expired": "no_answer", "unanswered": "no_answer"}
    return states.get(row.answer, "none")


def load_progress(connection: Connection, load_ids: Collection[str]) -> dict[str, tuple[int, int]]:
    """By load how many packages are planned, and how many of them are on the vehicle."""
    query = select(load_package.c.load_id, func.count().label("planned"), func.count(load_package.c.loaded_at).label("loaded"))
    rows = connection.execute(query.where(among(connection, load_package.c.load_id, load_ids)).group_by(load_package.c.load_id))
    return {row.load_id: (row.planned, row.loaded) for row in rows}


def _wrong(connection: Connection, load_ids: Sequence[str]) -> dict[str, list[WrongPallet]]:
    query = select(load_intruder, work_order.c.message).outerjoin(work_order, work_order.c.id == load_intruder.c.work_order)
    query = query.where(among(connection, load_intruder.c.load_id, load_ids), load_intruder.c.state == "inside").order_by(load_intruder.c.seen_at)
    found: dict[str, list[WrongPallet]] = defaultdict(list)
    for row in connection.execute(query).mappings():
        found[row["load_id"]].append(WrongPallet.model_validate({**row, "message": row["message"] or ""}))
    return found


def _pallets(connection: Connection, numbers: Sequence[str]) -> dict[str, tuple[int, int]]:
    query = select(ship_notice_pallet.c.notice, func.count().label("announced"), func.count(receipt.c.sscc).label("received"))
    query = query.outerjoin(receipt, (receipt.c.sscc == ship_notice_pallet.c.sscc) & (receipt.c.notice == ship_notice_pallet.c.notice))
    rows = connection.execute(query.where(among(connection, ship_notice_pallet.c.notice, numbers)).group_by(ship_notice_pallet.c.notice))
    return {row.notice: (row.announced, row.received) for row in rows}


def _last_passes(connection: Connection, rows: Collection[Row[Any]]) -> dict[Door, DoorPassOut]:
    """One look into the index for each door: its passes are many."""
    found = {}
    for row in rows:
        query = _passes().where(door_pass.c.site == row.site, door_pass.c.station == row.station)
        last = connection.execute(query.order_by(door_pass.c.passed_at.desc(), door_pass.c.event_id.desc()).limit(1)).mappings().one_or_none()
        if last is not None:
            found[row.site, row.station] = _pass(last)
    return found


def _passes() -> Select[Any]:
    return select(door_pass, load.c.number.label("load")).outerjoin(load, load.c.id == door_pass.c.load_id)


def _pass(row: Any) -> DoorPassOut:
    text = TEMPLATES[row["reason"]].format(**row["params"]) if row["reason"] else ""
    return DoorPassOut.model_validate({**row, "load": row["load"] or "", "message": text})


def passes(connection: Connection, site: str | None, station: str | None, since: datetime | None, after: str | None, limit: int) -> Page[DoorPassOut]:
    """Passes through doors where vehicles are loaded, newest first."""
    query = _passes()
    query = query.where(door_pass.c.site == site) if site is not None else query
    query = query.where(door_pass.c.station == station) if station is not None else query
    query = query.where(door_pass.c.passed_at >= since) if since is not None else query
    return page(connection, query, [down(door_pass.c.passed_at), down(door_pass.c.event_id)], after, limit, _pass)


def list_now(connection: Connection, site: str, station: str) -> DoorListOut:
    """What may pass a door now. Raises: NotFoundError."""
    row = doors.known_door(connection, site, station)
    said = door_lists.wanted(connection, [row])[site, station]
    leave = None if said.may_leave is None else list(said.may_leave)
    return DoorListOut(
        site=site, station=station, may_leave=leave, may_come=None if said.may_come is None else list(said.may_come), load=said.load, vehicle=said.vehicle
    )


def appointments(
    connection: Connection, site: str | None, station: str | None, from_at: datetime | None, until_at: datetime | None, after: str | None, limit: int
) -> Page[AppointmentOut]:
    """Appointments by their beginning, each with those it overlaps."""
    query = select(door_appointment)
    query = query.where(door_appointment.c.site == site) if site is not None else query
    query = query.where(door_appointment.c.station == station) if station is not None else query
    query = query.where(door_appointment.c.until_at > from_at) if from_at is not None else query
    query = query.where(door_appointment.c.from_at < until_at) if until_at is not None else query
    found = page(
        connection,
        query,
        [up(door_appointment.c.from_at), up(door_appointment.c.site), up(door_appointment.c.number)],
        after,
        limit,
        AppointmentOut.model_validate,
    )
    others = _taking_place(connection, found.items)
    for each in found.items:
        each.overlaps = [other.number for other in others if _meet(each, other)]
    return found


def _taking_place(connection: Connection, shown: Sequence[AppointmentOut]) -> Sequence[Row[Any]]:
    if not shown:
        return []
    first, last = min(each.from_at for each in shown), max(each.until_at for each in shown)
    mine = among(connection, door_appointment.c.site, sorted({each.site for each in shown})) & door_appointment.c.state.in_(door_rules.TAKING_PLACE)
    query = select(door_appointment).where(mine, door_appointment.c.from_at < last, door_appointment.c.until_at > first)
    return connection.execute(query.order_by(door_appointment.c.from_at, door_appointment.c.number)).all()


def _meet(one: AppointmentOut, other: Row[Any]) -> bool:
    alive = one.state in door_rules.TAKING_PLACE and one.number != other.number
    return bool(alive and (one.site, one.station) == (other.site, other.station) and one.from_at < other.until_at and other.from_at < one.until_at)


def appointment(connection: Connection, site: str, number: str) -> AppointmentOut:
    """One appointment with those it overlaps. It is known."""
    row = connection.execute(select(door_appointment).where(door_appointment.c.site == site, door_appointment.c.number == number)).one()
    shown = AppointmentOut.model_validate(row)
    shown.overlaps = [other.number for other in _taking_place(connection, [shown]) if _meet(shown, other)]
    return shown
