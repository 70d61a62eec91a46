# SPDX-License-Identifier: Apache-2.0
"""Routes of doors: what stands there now, what is expected, what passed, and what their gateways are told."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from central.database import in_transaction, reading
from central.facts import RequestKey, fact_of
from central.paging import After, Limit, Page
from central.requests import Database, Filter, Moment, News, Now
from central.shipping import door_queries, doors
from central.shipping.door_answers import AppointmentOut, DoorListOut, DoorOut, DoorPassOut
from central.shipping.door_documents import Appointment, DoorSet
from central.shipping.requests import Said, do

router = APIRouter(prefix="/api/v1", tags=["doors"])

_CODE = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
Site = Annotated[str, Path(pattern=_CODE, description="the site's code", examples=["s1"])]
Station = Annotated[str, Path(pattern=_CODE, description="id of the station in its gateway's file", examples=["door-5"])]
Number = Annotated[str, Path(min_length=1, max_length=64, description="the appointment's number", examples=["SLOT-17"])]
Since = Annotated[Moment | None, Query(description="not before this", examples=["2026-11-21T08:00:00Z"])]
Until = Annotated[Moment | None, Query(description="before this", examples=["2026-11-22T08:00:00Z"])]


@router.get("/doors")
def list_doors(database: Database, site: Filter = None, after: After = None, limit: Limit = 100) -> Page[DoorOut]:
    """Doors with what stands there, how far it is, and whether their lamps know the newest list."""
    with reading(database) as connection:
        return door_queries.door_page(connection, site, after, limit)


@router.put("/doors/{site}/{station}")
def put_door(site: Site, station: Station, body: DoorSet, database: Database, now: Now, news: News, key: RequestKey) -> DoorOut:
    """Say what stands at a door now; all of it is replaced, and its gateway is told."""
    fact = fact_of("DoorSet", (site, station, key), body, body.actor, now, site)
    do(database, news, lambda connection: doors.set_door(connection, fact, site, station, body, now))
    return get_door(site, station, database)


@router.get("/door-appointments")
def list_appointments(
    database: Database, site: Filter = None, station: Filter = None, since: Since = None, until: Until = None, after: After = None, limit: Limit = 100
) -> Page[AppointmentOut]:
    """Vehicles expected at doors, by their beginning."""
    with reading(database) as connection:
        return door_queries.appointments(connection, site, station, since, until, after, limit)


@router.get("/door-passes")
def list_passes(
    database: Database, site: Filter = None, station: Filter = None, since: Since = None, after: After = None, limit: Limit = 100
) -> Page[DoorPassOut]:
    """Passes through doors where vehicles are loaded, newest first, with what came of each."""
    with reading(database) as connection:
        return door_queries.passes(connection, site, station, since, after, limit)


@router.get("/doors/{site}/{station}")
def get_door(site: Site, station: Station, database: Database) -> DoorOut:
    """One door."""
    with reading(database) as connection:
        return door_queries.door_shown(connection, site, station)


@router.get("/doors/{site}/{station}/list")
def get_door_list(site: Site, station: Station, database: Database) -> DoorListOut:
    """What may pass a door now, as its gateway is told."""
    with reading(database) as connection:
        return door_queries.list_now(connection, site, station)


@router.post("/doors/{site}/{station}/appointments")
def post_appointment(site: Site, station: Station, body: Appointment, database: Database, now: Now, news: News) -> AppointmentOut:
    """Expect a vehicle at a door. One that overlaps another is refused (409) unless it says that it may; the same sent twice is one."""
    fact = fact_of("DoorBooked", (site, body.number), body, body.actor, now, site)
    in_transaction(database, lambda connection: doors.book(connection, fact, site, station, body, now))
    news.tell()
    return _appointment(database, site, body.number)


def _appointment(engine: Database, site: str, number: str) -> AppointmentOut:
    with reading(engine) as connection:
        return door_queries.appointment(connection, site, number)


@router.post("/door-appointments/{site}/{number}/arrive")
def post_arrive(site: Site, number: Number, body: Said, database: Database, now: Now, news: News, key: RequestKey) -> AppointmentOut:
    """The vehicle is there: the door is set as the appointment says."""
    fact = fact_of("DoorArrived", (site, number, key), body, body.actor, now, site)
    do(database, news, lambda connection: doors.arrive(connection, fact, site, number, now))
    return _appointment(database, site, number)


@router.post("/door-appointments/{site}/{number}/leave")
def post_leave(site: Site, number: Number, body: Said, database: Database, now: Now, news: News, key: RequestKey) -> AppointmentOut:
    """The vehicle is gone, and its door closed; or, when it was not there yet, it does not come."""
    fact = fact_of("DoorLeft", (site, number, key), body, body.actor, now, site)
    do(database, news, lambda connection: doors.leave(connection, fact, site, number, now))
    return _appointment(database, site, number)
