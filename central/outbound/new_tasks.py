# SPDX-License-Identifier: Apache-2.0
"""Pick tasks for reservations of many orders at once: where they are picked, which lamps light, and which zones must be told by list.

Each function runs inside the caller's transaction. The number of statements does not grow with the number of orders, but for lamps: a command for each
order and station.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from central.bulk import among, insert_rows
from central.catalog.tables import location, zone
from central.database import micros
from central.errors import NotFoundError
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.fleet.tables import gateway
from central.ledger import service as ledger
from central.outbound import lights
from central.outbound.tables import pick_task
from contracts.commands import PickTask
from contracts.quantities import Quantity

_TASK = (
    "id",
    "order_id",
    "line_id",
    "reservation_id",
    "site",
    "zone",
    "gateway",
    "station",
    "place",
    "bin",
    "item",
    "lot",
    "owner",
    "unit",
    "requested",
    "state",
    "second_try",
    "colour",
    "created_at",
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is to be picked for one order by one fact. `dark`: its lamps are lit when somebody takes the tour; `second_try`: after a short pick elsewhere."""

    fact_id: str
    order_id: str
    number: str
    site: str
    colour: str
    reservations: Sequence[ledger.Reservation]
    dark: bool = False
    second_try: bool = False


@dataclass(frozen=True, slots=True)
class NewTask:
    """A pick task as a release made it. `state`: lit, or listed where no lamp can ask for it."""

    id: str
    line_id: str
    place: str
    bin: str
    zone: str
    gateway: str
    station: str
    item: str
    lot: str
    owner: str
    unit: str
    requested: int
    state: str
    colour: str


@dataclass(frozen=True, slots=True)
class _Spot:
    """A place to pick from, with the lamps of its zone; gateway and station are empty where no gateway ever spoke."""

    code: str
    zone: str
    gateway: str
    station: str


_SPOTS = (
    select(location.c.place, location.c.code, location.c.zone, zone.c.station, gateway.c.id)
    .outerjoin(zone, (zone.c.site == location.c.site) & (zone.c.id == location.c.zone))
    .outerjoin(gateway, gateway.c.id == zone.c.gateway)
)


def make_tasks(connection: Connection, sheets: Sequence[Sheet], now: datetime) -> list[list[NewTask]]:
    """One task for each reservation, lit by the gateway of its zone, of each sheet in turn. Raises: NotFoundError: a place is not in the catalogue."""
    spots = _spots(connection, {each.account.place for sheet in sheets for each in sheet.reservations})
    made = [[_task(sheet, each, spots[each.account.place]) for each in sheet.reservations] for sheet in sheets]
    at = micros(now)
    rows = [_row(sheet, each, at) for sheet, tasks in zip(sheets, made, strict=True) for each in tasks]
    insert_rows(connection, pick_task, _TASK, rows)
    for sheet, tasks in zip(sheets, made, strict=True):
        _light(connection, sheet, tasks, now)
    _tell_unlit(connection, zip(sheets, made, strict=True), now)
    return made


def _spots(connection: Connection, places: set[str]) -> dict[str, _Spot]:
    wanted, found = sorted(places), dict[str, _Spot]()
    for start in range(0, len(wanted), 500):
        for place, code, zone_id, station, speaks in connection.execute(_SPOTS.where(among(connection, location.c.place, wanted[start : start + 500]))):
            found[place] = _Spot(code, zone_id, speaks or "", station if speaks else "")
    for place in wanted:
        if place not in found:
            raise NotFoundError("unknown_location", f"location {place} is not in the catalog; add it first")
    return found


def _task(sheet: Sheet, each: ledger.Reservation, spot: _Spot) -> NewTask:
    goods, state = each.account, "lit" if spot.gateway and not sheet.dark else "listed"
    about = (goods.place, spot.code, spot.zone, spot.gateway, spot.station, goods.item, goods.lot, goods.owner, goods.unit)
    return NewTask(each.id, each.line_id, *about, each.quantity, state, sheet.colour)


def _row(sheet: Sheet, each: NewTask, at: int) -> tuple[Any, ...]:
    where = (sheet.site, each.zone, each.gateway, each.station, each.place, each.bin)
    goods = (each.item, each.lot, each.owner, each.unit, each.requested)
    return (each.id, sheet.order_id, each.line_id, each.id, *where, *goods, each.state, sheet.second_try, each.colour, at)


def _light(connection: Connection, sheet: Sheet, tasks: Iterable[NewTask], now: datetime) -> None:
    lamps = []
    for each in tasks:
        if each.state == "lit":
            lamp = PickTask(
                task_id=each.id, bin=each.bin, item=each.item, quantity=Quantity(each.requested), lot=each.lot, order=sheet.number, colour=each.colour
            )
            lamps.append(lights.Lamp(each.gateway, each.station, lamp))
    lights.light(connection, sheet.fact_id, lamps, now)


def _tell_unlit(connection: Connection, made: Iterable[tuple[Sheet, Sequence[NewTask]]], now: datetime) -> None:
    """A zone that should have lamps and has no gateway is told to a person; a place outside of all zones is picked from the list anyway."""
    for sheet, tasks in made:
        if sheet.dark:
            continue
        for zone_id, count in sorted(Counter(each.zone for each in tasks if each.state == "listed" and each.zone).items()):
            told = message("lights_not_reached", order=sheet.number, zone=zone_id, site=sheet.site, count=count)
            exceptions.ask_person(connection, told, f"{sheet.number}/{zone_id}", sheet.fact_id, now, site=sheet.site, priority=4)
