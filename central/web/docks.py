# SPDX-License-Identifier: Apache-2.0
"""The dock board's view model and how it is read: one tile a door, with what it does, what came of what was expected, and what waits for a person.

Frozen and without relative times, so that two boards can be compared; instants are aware UTC.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

from sqlalchemy import Connection, Row, and_, func, or_, select

from central.catalog.tables import location, partner
from central.exceptions.tables import work_order
from central.fleet.tables import device, gateway
from central.inbound.tables import passage, receipt, ship_notice, ship_notice_pallet
from central.shipping import door_queries
from central.shipping.tables import dock_door, door_appointment, door_notice, door_pass, load
from central.web.board import Message, Region
from central.web.queries import english, stations_with_passages

DoorState = Literal["waits", "away", "receiving", "loading", "free", "closed", "silent"]
"""`waits`: for a person; `away`: its gateway is, so nobody knows; `closed`: no vehicle stands there; `silent`: it is known and never said anything."""
TROUBLED: frozenset[str] = frozenset({"waits", "away"})
REGION = "docks"

BUSY_FOR = timedelta(minutes=15)
"""A door at which a pallet of its work passed within this time is receiving or loading."""
_NEAR = timedelta(hours=12)
"""A window so near belongs to today's work; a pallet of a notice that came so recently, too."""
_CASES_SHOWN = 2
_DOOR_CODE = re.compile(r"(door|dock)-([0-9]+|[a-z])")

Place = tuple[str, str]
"""Site and station."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a door has to do: `done` of `planned` pallets received or packages loaded. `who` brings or takes them; `number` is the notice's or load's."""

    number: str
    who: str
    done: int
    planned: int
    window_from: datetime | None = None
    window_until: datetime | None = None
    more: int = 0


@dataclass(frozen=True, slots=True)
class Glimpse:
    """The last pass of a door. `pass_id` names its page."""

    pass_id: str
    passed_at: datetime
    direction: Literal["in", "out", "unknown"]
    confidence: float
    outcome: str
    pallet: str
    notice: str
    cases_seen: int
    cases_expected: int | None


@dataclass(frozen=True, slots=True)
class Case:
    """A work order at a door."""

    number: int
    message: Message
    priority: int
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class DockTile:
    """One door. `cases` are the most urgent of `waiting`; `coming` is the next vehicle by the timetable; `unchecked`: its lamp does not know its list."""

    site: str
    station: str
    gateway: str
    state: DoorState
    receiving: Work | None = None
    loading: Work | None = None
    last: Glimpse | None = None
    cases: tuple[Case, ...] = ()
    waiting: int = 0
    devices_down: tuple[str, ...] = ()
    coming_at: datetime | None = None
    coming: str = ""
    unchecked: bool = False

    @property
    def troubled(self) -> bool:
        """Whether somebody should look."""
        return self.state in TROUBLED


@dataclass(frozen=True, slots=True)
class Docks:
    """Everything on the page; with no arguments the one before the first data."""

    docks: Region[tuple[DockTile, ...]] = field(default_factory=lambda: Region("loading"))

    def region(self, name: str) -> Region[Any]:
        """The one region there is."""
        assert name == REGION
        return self.docks


def tiles(connection: Connection, site: str, now: datetime) -> tuple[DockTile, ...]:
    """The doors of a site (empty: of all), those without a number by name, then by number."""
    told = {(row.site, row.station): row for row in connection.execute(select(dock_door).where(_of_site(dock_door.c.site, site)))}
    last = _last_passages(connection, site)
    seen = _Seen(
        told,
        last,
        _receiving(connection, site, last, told, now),
        _loading(connection, site, told),
        _cases(connection, site),
        _outcomes(connection, last),
        _docks_of_the_catalog(connection, site),
        _coming(connection, site, now),
        _links(connection),
        door_queries.unchecked(connection, site or None),
    )
    known = {*told, *last, *seen.receiving, *seen.loading, *seen.locked}
    return tuple(sorted((_tile(seen, place, now) for place in known), key=lambda tile: (tile.site, _by_number(tile.station))))


def _by_number(station: str) -> tuple[str, int, str]:
    """`door-10` after `door-9`."""
    name, _, number = station.rpartition("-")
    return (name, int(number), "") if number.isascii() and number.isdigit() else (station, 0, "")


@dataclass(frozen=True, slots=True)
class _Links:
    online: Mapping[str, bool]
    down: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was read, by door. `told` are the doors with a timetable, `locked` those that the catalog has as places."""

    told: Mapping[Place, Row[Any]]
    last: Mapping[Place, Row[Any]]
    receiving: Mapping[Place, Work]
    loading: Mapping[Place, Work]
    cases: Mapping[Place, Sequence[Case]]
    outcomes: Mapping[str, str]
    locked: Mapping[Place, bool]
    coming: Mapping[Place, tuple[datetime, str]]
    links: _Links
    unchecked: Collection[Place]


def _tile(seen: _Seen, place: Place, now: datetime) -> DockTile:
    told, last, cases = seen.told.get(place), seen.last.get(place), seen.cases.get(place, ())
    gateway_id = last.gateway if last is not None else told.gateway if told is not None else ""
    coming_at, coming = seen.coming.get(place, (None, ""))
    return DockTile(
        *place,
        gateway_id,
        _state(seen, place, gateway_id, now),
        seen.receiving.get(place),
        seen.loading.get(place),
        None if last is None else _glimpse(last, seen.outcomes.get(last.event_id, last.outcome)),
        tuple(cases[:_CASES_SHOWN]),
        len(cases),
        seen.links.down.get(gateway_id, ()),
        coming_at,
        coming,
        unchecked=place in seen.unchecked,
    )


def _state(seen: _Seen, place: Place, gateway_id: str, now: datetime) -> DoorState:
    told, work = seen.told.get(place), _at_work(seen, place, now)
    if gateway_id and not seen.links.online.get(gateway_id, False):
        return "away"
    if seen.cases.get(place):
        return "waits"
    if told is not None and told.state in ("receiving", "loading"):
        return "receiving" if told.state == "receiving" else "loading"
    if told is not None and told.state == "both":
        return work if work in ("receiving", "loading") else "loading"
    return "closed" if told is not None or seen.locked.get(place) else work


def _at_work(seen: _Seen, place: Place, now: datetime) -> DoorState:
    """What a door without a timetable does, by what passed it of late."""
    last, receiving, loading = seen.last.get(place), seen.receiving.get(place), seen.loading.get(place)
    if loading is not None and loading.done < loading.planned and (loading.done or loading.who):
        return "loading"
    if last is None:
        return "free" if receiving or loading else "silent"
    if receiving is not None and 0 < receiving.done < receiving.planned and now - last.passed_at < _NEAR:
        return "receiving"
    return "receiving" if now - last.passed_at < BUSY_FOR and last.outcome in ("received", "differences", "not_received") else "free"


def _glimpse(row: Row[Any], outcome: str) -> Glimpse:
    return Glimpse(pass_key(row), row.passed_at, row.direction, row.confidence, outcome, row.sscc, row.notice, row.cases_seen, row.cases_expected)


def _outcomes(connection: Connection, last: Mapping[Place, Row[Any]]) -> dict[str, str]:
    """What came of passes at doors where loads stand, by event."""
    asked = [row.event_id for row in last.values()]
    query = select(door_pass.c.event_id, door_pass.c.outcome).where(door_pass.c.event_id.in_(asked), door_pass.c.outcome != "seen")
    return {row.event_id: row.outcome for row in connection.execute(query)}


def _coming(connection: Connection, site: str, now: datetime) -> dict[Place, tuple[datetime, str]]:
    """The next vehicle of each door by the timetable."""
    query = select(door_appointment).where(
        _of_site(door_appointment.c.site, site),
        door_appointment.c.state == "planned",
        door_appointment.c.until_at > now,
        door_appointment.c.from_at < now + _NEAR,
    )
    found: dict[Place, tuple[datetime, str]] = {}
    for row in connection.execute(query.order_by(door_appointment.c.from_at, door_appointment.c.number)):
        found.setdefault((row.site, row.station), (row.from_at, row.vehicle or row.load or ", ".join(row.notices[:2]) or row.number))
    return found


def pass_key(row: Any) -> str:
    """What names the page of a passage: its pass, or the event of a gateway that names none."""
    return str(row.pass_id or row.event_id)


def _last_passages(connection: Connection, site: str) -> dict[Place, Row[Any]]:
    found = {}
    for place in stations_with_passages(connection):
        if site in ("", place[0]):
            here = and_(passage.c.site == place[0], passage.c.station == place[1])
            row = connection.execute(select(passage).where(here).order_by(passage.c.passed_at.desc(), passage.c.event_id).limit(1)).first()
            if row is not None:
                found[place] = row
    return found


def _of_site(column: Any, site: str) -> Any:
    return column == site if site else column != ""


def _receiving(connection: Connection, site: str, last: Mapping[Place, Row[Any]], told: Mapping[Place, Row[Any]], now: datetime) -> dict[Place, Work]:
    """The notice that each door works on: whose vehicle stands there, begun and not whole first, then by window.

    What is expected at no door in particular belongs where its last pallet came.
    """
    came = select(func.count()).select_from(receipt).where(receipt.c.notice == ship_notice.c.number).scalar_subquery()
    pallets = select(func.count()).select_from(ship_notice_pallet).where(ship_notice_pallet.c.notice == ship_notice.c.number).scalar_subquery()
    begun = {row.notice: place for place, row in last.items() if row.notice and now - row.passed_at < _NEAR}
    begun |= {row.notice: (row.site, row.station) for row in connection.execute(select(door_notice).where(_of_site(door_notice.c.site, site)))}
    near = and_(ship_notice.c.door != "", or_(ship_notice.c.expected_from.is_(None), ship_notice.c.expected_from < now + _NEAR))
    query = (
        select(ship_notice, partner.c.name, pallets.label("pallets"), came.label("came"))
        .outerjoin(partner, partner.c.code == ship_notice.c.supplier)
        .where(_of_site(ship_notice.c.site, site), or_(and_(ship_notice.c.state == "open", near), ship_notice.c.number.in_(sorted(begun))))
    )
    at: dict[Place, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(query):
        place = begun.get(row.number) or (row.site, row.door)
        if place[1] and row.pallets:
            at[place].append(row)
    return {place: _notice_work(sorted(rows, key=partial(_urgency, place=place, begun=begun)), told.get(place)) for place, rows in at.items()}


def _urgency(row: Row[Any], place: Place, begun: Mapping[str, Place]) -> tuple[Any, ...]:
    window = row.expected_from or row.expected_at
    return (row.came >= row.pallets, begun.get(row.number) != place, not row.came, window is None, window, row.number)


def _notice_work(rows: Sequence[Row[Any]], told: Row[Any] | None) -> Work:
    row, others = rows[0], sum(each.came < each.pallets for each in rows[1:])
    here = told is not None and told.state in ("receiving", "both")
    who = " · ".join(part for part in (row.name or row.supplier, told.vehicle if here and told is not None else "") if part)
    return Work(row.number, who, row.came, row.pallets, row.expected_from or row.expected_at, row.expected_until, others)


def _loading(connection: Connection, site: str, told: Mapping[Place, Row[Any]]) -> dict[Place, Work]:
    """The load that stands at each door, else the oldest open one planned for it."""
    rows = connection.execute(select(load).where(_of_site(load.c.site, site), load.c.state == "open").order_by(load.c.created_at, load.c.number)).all()
    progress = door_queries.load_progress(connection, [row.id for row in rows])
    standing = {row.load_id: place for place, row in told.items() if row.load_id}
    at: dict[Place, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        place = standing.get(row.id) or (row.site, row.door)
        if place[1]:
            at[place].append(row)
    return {place: _load_work(sorted(mine, key=lambda row: row.id not in standing), told.get(place), progress) for place, mine in at.items()}


def _load_work(rows: Sequence[Row[Any]], told: Row[Any] | None, progress: Mapping[str, tuple[int, int]]) -> Work:
    row = rows[0]
    planned, loaded = progress.get(row.id, (0, 0))
    here = told if told is not None and told.state in ("loading", "both") else None
    who = " · ".join(part for part in ((here.vehicle if here is not None else "") or row.vehicle, row.carrier or row.route) if part)
    window_from, window_until = (here.from_at, here.until_at) if here is not None else (None, None)
    return Work(row.number, who, loaded, planned, window_from, window_until, len(rows) - 1)


def _cases(connection: Connection, site: str) -> dict[Place, list[Case]]:
    """Open work orders by door, the most urgent and then the oldest first."""
    query = select(work_order).where(_of_site(work_order.c.site, site), work_order.c.station != "", work_order.c.state == "open")
    found: dict[Place, list[Case]] = defaultdict(list)
    for row in connection.execute(query.order_by(work_order.c.priority, work_order.c.id)):
        found[row.site, row.station].append(Case(row.id, Message.of(row.kind, row.message, row.params), row.priority, row.created_at))
    return found


def _links(connection: Connection) -> _Links:
    down: dict[str, list[str]] = defaultdict(list)
    for row in connection.execute(select(device.c.gateway, device.c.device).where(device.c.state == "lost").order_by(device.c.device)):
        down[row.gateway].append(row.device)
    online = {row.id: bool(row.online) for row in connection.execute(select(gateway.c.id, gateway.c.online))}
    return _Links(online, {name: tuple(devices) for name, devices in down.items()})


def _docks_of_the_catalog(connection: Connection, site: str) -> dict[Place, bool]:
    """Doors that the catalog has as places of kind dock, and whether each is locked both ways."""
    query = select(location.c.site, location.c.code, location.c.locked).where(_of_site(location.c.site, site), location.c.kind == "dock")
    return {(row.site, row.code): row.locked == "both" for row in connection.execute(query) if _DOOR_CODE.fullmatch(row.code)}


def message_of(row: Row[Any]) -> Message | None:
    """Why a passage was not simply received."""
    return Message.of(row.reason, english(row.reason, row.params), row.params) if row.reason else None
