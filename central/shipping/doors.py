# SPDX-License-Identifier: Apache-2.0
"""Use cases of doors: what stands at a door now, and what is expected there. Each runs inside the caller's transaction.

Which load a door loads is said in one place: the load's own `door`. A door names the load only where several are planned for it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from central.bulk import among
from central.database import insert_or_leave
from central.errors import ConflictError, NotFoundError
from central.fleet.tables import gateway
from central.inbound.tables import passage, ship_notice
from central.ledger import service as ledger
from central.shipping.door_documents import Appointment, DoorSet
from central.shipping.door_rules import TAKING_PLACE, DoorState
from central.shipping.tables import dock_door, door_appointment, door_notice, load


def door_of(connection: Connection, site: str, station: str) -> Row[Any] | None:
    """A door's row; None when nobody set it up."""
    return connection.execute(select(dock_door).where(dock_door.c.site == site, dock_door.c.station == station)).one_or_none()


def doors_of(connection: Connection, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Row[Any]]:
    """The rows of doors (site, station); those that nobody set up are left out."""
    rows = connection.execute(select(dock_door).where(among(connection, dock_door.c.station, sorted({station for _, station in keys}))))
    return {(row.site, row.station): row for row in rows if (row.site, row.station) in keys}


def known_door(connection: Connection, site: str, station: str) -> Row[Any]:
    """A door's row. Raises: NotFoundError."""
    row = door_of(connection, site, station)
    if row is None:
        raise NotFoundError("unknown_door", f"door {station} of {site} is not set up; set it up with PUT /api/v1/doors/{site}/{station}")
    return row


def load_at(connection: Connection, site: str, station: str) -> Row[Any] | None:
    """The open load that stands at a door: the one that the door names, else the oldest that is planned for it."""
    here = (load.c.site == site) & (load.c.door == station) & (load.c.door != "") & (load.c.state == "open")
    row = door_of(connection, site, station)
    if row is not None and row.load_id is not None:
        return connection.execute(select(load).where(here, load.c.id == row.load_id)).one_or_none()
    return connection.execute(select(load).where(here).order_by(load.c.created_at, load.c.id).limit(1)).one_or_none()


def set_door(connection: Connection, fact: ledger.Fact, site: str, station: str, body: DoorSet, now: datetime) -> None:
    """Say what stands at a door now; all of it is replaced. The same fact again changes nothing.

    Raises: NotFoundError: no such gateway, load or notice. ConflictError: the load is closed or being loaded elsewhere, the notice is for another site.
    """
    if ledger.record(connection, fact, now).already:
        return
    _stand(connection, site, station, body, fact.actor, now)


def _stand(connection: Connection, site: str, station: str, body: DoorSet, actor: str, now: datetime) -> None:
    here = _put_load(connection, site, station, body.load) if body.load else None
    _check_notices(connection, site, body.notices)
    values = {
        "gateway": _gateway(connection, site, station, body.gateway),
        "state": body.state,
        "load_id": here.id if here is not None else None,
        "vehicle": body.vehicle or (here.vehicle if here is not None else ""),
        "check_coming": body.check_coming,
        "from_at": body.from_at,
        "until_at": body.until_at,
        "changed_at": now,
        "changed_by": actor,
    }
    made = insert_or_leave(connection, dock_door).values(site=site, station=station, **values)
    connection.execute(made.on_conflict_do_update(index_elements=["site", "station"], set_=values))
    connection.execute(delete(door_notice).where(door_notice.c.site == site, door_notice.c.station == station))
    rows = [{"site": site, "station": station, "notice": number} for number in sorted(set(body.notices))]
    if rows:
        connection.execute(insert(door_notice), rows)


def _gateway(connection: Connection, site: str, station: str, said: str) -> str:
    """The gateway that hosts the station: as said, as known, as it last spoke from there; else empty until it speaks."""
    if said:
        known = select(gateway.c.id).where(gateway.c.id == said, gateway.c.site == site)
        if connection.execute(known).scalar() is None:
            raise NotFoundError("unknown_gateway", f"gateway {said} is not enrolled at {site}; start it once with this broker, then try again")
        return said
    row = door_of(connection, site, station)
    if row is not None and row.gateway:
        return str(row.gateway)
    spoke = select(passage.c.gateway).where(passage.c.site == site, passage.c.station == station).order_by(passage.c.passed_at.desc()).limit(1)
    return str(connection.execute(spoke).scalar() or "")


def learn_gateway(connection: Connection, site: str, station: str, speaker: str) -> None:
    """A station spoke: a door whose gateway nobody knew has one."""
    mine = (dock_door.c.site == site) & (dock_door.c.station == station) & (dock_door.c.gateway == "")
    connection.execute(update(dock_door).where(mine).values(gateway=speaker))


def _put_load(connection: Connection, site: str, station: str, number: str) -> Row[Any]:
    row = connection.execute(select(load).where(load.c.site == site, load.c.number == number).with_for_update()).one_or_none()
    if row is None:
        raise NotFoundError("unknown_load", f"load {number} of {site} is not known; plan it with POST /api/v1/loads")
    if row.state != "open":
        raise ConflictError("load_closed", f"load {number} is {row.state}; plan another load")
    other = connection.execute(select(dock_door.c.station).where(dock_door.c.load_id == row.id, dock_door.c.station != station)).scalar()
    if other is not None:
        raise ConflictError("load_elsewhere", f"load {number} stands at door {other}; free that door first")
    connection.execute(update(load).where(load.c.id == row.id).values(door=station))
    return row


def _check_notices(connection: Connection, site: str, numbers: Sequence[str]) -> None:
    if not numbers:
        return
    known = {row.number: row.site for row in connection.execute(select(ship_notice).where(among(connection, ship_notice.c.number, numbers)))}
    for number in numbers:
        if number not in known:
            raise NotFoundError("unknown_ship_notice", f"ship notice {number} is not known; enter it first")
        if known[number] != site:
            raise ConflictError("notice_elsewhere", f"ship notice {number} goes to {known[number]}, not to {site}; call the other site")


def book(connection: Connection, fact: ledger.Fact, site: str, station: str, body: Appointment, now: datetime) -> list[str]:
    """Expect a vehicle at a door; returns the numbers of appointments that it overlaps. The same one again changes nothing.

    Raises: ConflictError `door_taken`: it overlaps another one and does not say that it may.
    """
    known_door(connection, site, station)
    connection.execute(select(dock_door.c.station).where(dock_door.c.site == site, dock_door.c.station == station).with_for_update())
    others = _overlapping(connection, site, station, body)
    if ledger.record(connection, fact, now).already:
        return others
    if others and not body.overlap:
        text = f"door {station} of {site} is taken by {others[0]} in that time; choose another time or door, or say that they may overlap"
        raise ConflictError("door_taken", text)
    _check_notices(connection, site, body.notices)
    values = body.model_dump(include={"number", "load", "notices", "vehicle", "from_at", "until_at"})
    made = insert_or_leave(connection, door_appointment).values(site=site, station=station, created_at=now, created_by=fact.actor, **values)
    if connection.execute(made.on_conflict_do_nothing().returning(door_appointment.c.number)).scalar() is None:
        text = f"appointment {body.number} of {site} is for another door or time; cancel it, and give the new one another number"
        raise ConflictError("appointment_exists", text)
    return others


def _overlapping(connection: Connection, site: str, station: str, body: Appointment) -> list[str]:
    mine = (door_appointment.c.site == site) & (door_appointment.c.station == station) & (door_appointment.c.number != body.number)
    meets = (door_appointment.c.from_at < body.until_at) & (door_appointment.c.until_at > body.from_at) & door_appointment.c.state.in_(TAKING_PLACE)
    query = select(door_appointment.c.number).where(mine, meets).order_by(door_appointment.c.from_at, door_appointment.c.number)
    return list(connection.execute(query).scalars())


def _appointment(connection: Connection, site: str, number: str) -> Row[Any]:
    query = select(door_appointment).where(door_appointment.c.site == site, door_appointment.c.number == number)
    row = connection.execute(query.with_for_update()).one_or_none()
    if row is None:
        raise NotFoundError("unknown_appointment", f"appointment {number} of {site} is not known; look at GET /api/v1/door-appointments")
    return row


def arrive(connection: Connection, fact: ledger.Fact, site: str, number: str, now: datetime) -> str:
    """The vehicle of an appointment is there: its door is set as the appointment says; returns the station. There already changes nothing.

    Raises: NotFoundError. ConflictError: it is cancelled or over, the door is taken, or as `set_door`.
    """
    row = _appointment(connection, site, number)
    if ledger.record(connection, fact, now).already or row.state == "here":
        return str(row.station)
    if row.state != "planned":
        raise ConflictError("appointment_over", f"appointment {number} is {row.state}; book another one")
    door = known_door(connection, site, row.station)
    standing = load_at(connection, site, row.station)
    if door.state != "closed" and (standing is not None and standing.number != row.load):
        raise ConflictError("door_taken", f"load {standing.number} still stands at door {row.station}; close it, or choose another door")
    other = _standing_at(connection, site, row.station)
    if door.state != "closed" and other is not None:
        text = f"the vehicle of appointment {other} still stands at door {row.station}; say that it left, or choose another door"
        raise ConflictError("door_taken", text)
    state: DoorState = "both" if row.load and row.notices else "loading" if row.load else "receiving"
    body = DoorSet(
        gateway=door.gateway,
        state=state,
        load=row.load or None,
        notices=row.notices,
        vehicle=row.vehicle,
        check_coming=door.check_coming,
        from_at=now,
        until_at=row.until_at,
        actor=fact.actor or "api",
    )
    _stand(connection, site, row.station, body, fact.actor, now)
    _finish(connection, site, row.station)
    connection.execute(update(door_appointment).where(door_appointment.c.site == site, door_appointment.c.number == number).values(state="here"))
    return str(row.station)


def _standing_at(connection: Connection, site: str, station: str) -> str | None:
    """The number of the appointment whose vehicle is at a door."""
    here = (door_appointment.c.site == site) & (door_appointment.c.station == station) & (door_appointment.c.state == "here")
    number: str | None = connection.execute(select(door_appointment.c.number).where(here).limit(1)).scalar()
    return number


def _finish(connection: Connection, site: str, station: str) -> None:
    here = (door_appointment.c.site == site) & (door_appointment.c.station == station) & (door_appointment.c.state == "here")
    connection.execute(update(door_appointment).where(here).values(state="over"))


def leave(connection: Connection, fact: ledger.Fact, site: str, number: str, now: datetime) -> str:
    """The vehicle of an appointment is gone, or (planned) does not come; a door at which it stood is closed. Returns the station. Raises: NotFoundError."""
    row = _appointment(connection, site, number)
    if ledger.record(connection, fact, now).already or row.state in ("over", "cancelled"):
        return str(row.station)
    state = "cancelled" if row.state == "planned" else "over"
    if state == "over":
        door = known_door(connection, site, row.station)
        closed = DoorSet(gateway=door.gateway, state="closed", load=None, vehicle="", until_at=None, check_coming=door.check_coming, actor=fact.actor or "api")
        _stand(connection, site, row.station, closed, fact.actor, now)
    connection.execute(update(door_appointment).where(door_appointment.c.site == site, door_appointment.c.number == number).values(state=state))
    return str(row.station)
