# SPDX-License-Identifier: Apache-2.0
"""The view model of the board: what a control room sees, frozen, without relative times, so that two boards can be compared region by region.

Instants are aware UTC; a page works out ages when it is drawn. Temperatures are in degrees Celsius, humidities in per cent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from itertools import groupby
from typing import Any, Generic, Literal, TypeVar

from central.web.device_conditions import DeviceCondition

T = TypeVar("T")

AlarmState = Literal["unacknowledged", "acknowledged", "rtn_unacknowledged"]
PassageOutcome = Literal["received", "differences", "already_received", "not_received", "left", "seen"]
BinState = Literal["idle", "lit", "confirmed", "short"]
RoomState = Literal["normal", "unlimited", "high", "low", "stale", "silent"]
"""`unlimited`: a fresh value for which no limit is in force; `silent`: never a value."""
REGIONS = ("headline", "alarms", "doors", "zones", "rooms", "exceptions", "gateways", "figures")


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence for people as a business area stored it: a code with parameters, and the English text for readers without that code."""

    code: str
    english: str
    params: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, code: str, english: str, params: Mapping[str, Any] | None = None) -> Message:
        """A message with its parameters as text, in the order of their names."""
        return cls(code, english, tuple(sorted((key, str(value)) for key, value in (params or {}).items())))


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """One alarm that is not normal. Priority 1 is the most urgent of 4; `value` and `limit` in the unit that `quantity` ends in.

    `occurrence` is the id of this time that it was raised. `asked_by` has pressed the button and its gateway has not answered yet.
    """

    occurrence: str
    gateway: str
    alarm_id: str
    station: str
    condition: str
    quantity: str
    state: AlarmState
    priority: int
    raised_at: datetime
    value: float | None = None
    limit: float | None = None
    acknowledged_by: str = ""
    asked_by: str = ""
    lots_held: int = 0

    @property
    def needs_a_person(self) -> bool:
        """Whether nobody has acknowledged it yet."""
        return self.state != "acknowledged"


@dataclass(frozen=True, slots=True)
class Passage:
    """Goods that went through a door. `pallet` is the SSCC's 18 digits; `cases_expected` is None without a ship notice."""

    passed_at: datetime
    direction: Literal["in", "out", "unknown"]
    outcome: PassageOutcome
    pallet: str = ""
    cases_seen: int = 0
    cases_expected: int | None = None
    ship_notice: str = ""
    reason: Message | None = None


@dataclass(frozen=True, slots=True)
class Door:
    """A dock door and what passed it last, newest first."""

    station: str
    gateway: str
    online: bool
    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class BinCell:
    """One bin of a pick zone. `quantity` is what to take while lit, what was taken afterwards; `colour` is the picker's light."""

    bin: str
    state: BinState = "idle"
    item: str = ""
    item_zh: str = ""
    quantity: int = 0
    requested: int = 0
    colour: str = ""
    order: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class RackRow:
    """The bins beside each other on one level of a rack."""

    name: str
    bins: tuple[BinCell, ...]


@dataclass(frozen=True, slots=True)
class Zone:
    """A pick zone as its rack stands in the hall."""

    station: str
    online: bool
    rows: tuple[RackRow, ...]

    @property
    def lit(self) -> tuple[BinCell, ...]:
        """The bins whose light waits for a hand."""
        return tuple(cell for row in self.rows for cell in row.bins if cell.state == "lit")


@dataclass(frozen=True, slots=True)
class Room:
    """A cold room: its last value, its limits, the samples of the window (oldest first), other quantities measured `beside`.

    `priority` is that of the alarm that stands for it, 0 without one.
    """

    station: str
    quantity: str
    state: RoomState
    window_from: datetime
    window_to: datetime
    value: float | None = None
    measured_at: datetime | None = None
    low: float | None = None
    high: float | None = None
    samples: tuple[tuple[datetime, float], ...] = ()
    beside: tuple[tuple[str, float], ...] = ()
    priority: int = 0
    lots_held: int = 0


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """Something the floor did that could not be applied by itself; a person decides."""

    work_order_id: str
    message: Message
    opened_at: datetime
    station: str = ""


@dataclass(frozen=True, slots=True)
class WorkOrders:
    """The first of the open work orders, most urgent and oldest first, and how many are open in all."""

    first: tuple[WorkOrder, ...] = ()
    open: int = 0

    def __len__(self) -> int:
        return self.open


@dataclass(frozen=True, slots=True)
class GatewayRow:
    """Health of a gateway as it last said. `pending_events` wait on it for central."""

    gateway: str
    online: bool
    last_seen_at: datetime | None = None
    pending_events: int = 0
    devices_up: int = 0
    devices_down: tuple[str, ...] = ()
    devices_down_count: int = 0
    conditions: tuple[DeviceCondition, ...] = ()
    """Of devices that are there: what somebody must see to."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One small number. `name` is a key of `words.FIGURES`; `abnormal` when it deserves a look."""

    name: str
    value: int
    abnormal: bool = False


@dataclass(frozen=True, slots=True)
class Headline:
    """Is anything wrong: `priority` of the worst (0: nothing), and how many of what. `unknown`: something is not known, and so not normal either."""

    priority: int = 0
    to_acknowledge: int = 0
    acknowledged: int = 0
    exceptions: int = 0
    gateways_offline: int = 0
    devices_down: int = 0
    unknown: bool = False
    devices_wanting: int = 0

    @property
    def normal(self) -> bool:
        """Whether nothing asks for a person."""
        return not (self.priority or self.exceptions or self.gateways_offline or self.devices_down or self.devices_wanting or self.unknown)


@dataclass(frozen=True, slots=True)
class Region(Generic[T]):
    """What a region shows: its content, or that it is still loading, or that reading it failed (`content` is then None)."""

    state: Literal["ready", "loading", "failed"]
    content: T | None = None


def ready(content: T) -> Region[T]:
    """A region with something to show, be it an empty list."""
    return Region("ready", content)


def _loading() -> Region[Any]:
    return Region("loading")


@dataclass(frozen=True, slots=True)
class Board:
    """Everything on the page. A board with no arguments is the one before the first data."""

    alarms: Region[tuple[AlarmRow, ...]] = field(default_factory=_loading)
    doors: Region[tuple[Door, ...]] = field(default_factory=_loading)
    zones: Region[tuple[Zone, ...]] = field(default_factory=_loading)
    rooms: Region[tuple[Room, ...]] = field(default_factory=_loading)
    exceptions: Region[WorkOrders] = field(default_factory=_loading)
    gateways: Region[tuple[GatewayRow, ...]] = field(default_factory=_loading)
    figures: Region[tuple[Figure, ...]] = field(default_factory=_loading)
    headline: Region[Headline] = field(default_factory=_loading)

    def region(self, name: str) -> Region[Any]:
        """The region of that name, one of REGIONS."""
        region: Region[Any] = getattr(self, name)
        return region


def with_headline(board: Board) -> Board:
    """The same board with its headline worked out from the other regions."""
    others = {f.name: getattr(board, f.name) for f in fields(board) if f.name != "headline"}
    return Board(**others, headline=_headline(board))


def _headline(board: Board) -> Region[Headline]:
    regions = (board.alarms, board.doors, board.zones, board.rooms, board.exceptions, board.gateways)
    if all(region.state == "loading" for region in regions):
        return _loading()
    alarms, gateways, rooms = board.alarms.content or (), board.gateways.content or (), board.rooms.content or ()
    waiting = [alarm for alarm in alarms if alarm.needs_a_person]
    return ready(
        Headline(
            priority=min((alarm.priority for alarm in alarms), default=0),
            to_acknowledge=len(waiting),
            acknowledged=len(alarms) - len(waiting),
            exceptions=board.exceptions.content.open if board.exceptions.content else 0,
            gateways_offline=sum(not gateway.online for gateway in gateways),
            devices_down=sum(gateway.devices_down_count for gateway in gateways if gateway.online),
            devices_wanting=len({(gateway.gateway, each.device) for gateway in gateways if gateway.online for each in gateway.conditions}),
            unknown=any(region.state != "ready" for region in regions) or any(room.state in ("stale", "silent") for room in rooms),
        )
    )


def by_urgency(alarms: tuple[AlarmRow, ...]) -> tuple[AlarmRow, ...]:
    """Those that nobody has taken first, then by priority, then the oldest."""
    return tuple(sorted(alarms, key=lambda alarm: (not alarm.needs_a_person, alarm.priority, alarm.raised_at, alarm.alarm_id)))


def as_rack(cells: tuple[BinCell, ...]) -> tuple[RackRow, ...]:
    """The bins as they stand: one row per part of the code before its last dash (`A` of `A-01`), in the order of their codes."""
    ordered = sorted(cells, key=lambda cell: (_row_of(cell.bin), cell.bin))
    return tuple(RackRow(name, tuple(row)) for name, row in groupby(ordered, key=lambda cell: _row_of(cell.bin)))


def _row_of(bin_code: str) -> str:
    return bin_code.rpartition("-")[0]
