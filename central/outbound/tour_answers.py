# SPDX-License-Identifier: Apache-2.0
"""What routes of walks answer, with the examples that the documentation shows.

The stop is answered on every press of a picker: its models are for the documentation, and what is sent is not checked against them (tests do).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from central.examples import answer
from central.outbound.mispicks import Match
from central.outbound.pick_answers import TaskState
from central.outbound.rules import PickVerdict
from central.outbound.tour_rules import Mode

_AT = "2026-11-21T08:00:00Z"
_ORDER_ID = "0f6e5a0b-30a4-5a0b-9f0e-6f1d0c7a4b52"
_TASK_ID = "8d7c1f6e-30a4-5a0b-9f0e-6f1d0c7a4b52"
_ID = "5b1e9c3a-30a4-5a0b-9f0e-6f1d0c7a4b52"
_LISTED: dict[str, Any] = {
    "id": _ID,
    "site": "shanghai-1",
    "wave_id": 7,
    "zone": "A",
    "mode": "cluster",
    "picker": "wang.fang",
    "colour": "blue",
    "state": "picking",
    "length_mm": 84000,
    "exact": True,
    "after_tour": None,
    "start_place": "shanghai-1/depot",
    "end_place": "shanghai-1/depot",
    "turn": 0,
    "priority": 3,
    "due_at": _AT,
    "created_at": _AT,
    "started_at": _AT,
    "done_at": None,
}
_STOP_OF_TOUR: dict[str, Any] = {
    "id": _TASK_ID,
    "sequence": 1,
    "state": "lit",
    "zone": "A",
    "place": "shanghai-1/A-01",
    "bin": "A-01",
    "item": "milk",
    "lot": "L1",
    "requested": 4,
    "taken": 0,
    "slot": "A",
    "tote": "T-0815",
    "lamp_dead": False,
    "order_id": _ORDER_ID,
    "order": "SO-1001",
    "name": "Milk 250 g",
    "name_zh": "牛奶",
    "uom": "C62",
    "expiry": "2026-12-01",
}
_TOTE = {"tour_id": _ID, "slot": "A", "order_id": _ORDER_ID, "tote": "T-0815", "state": "open", "done_at": None}
_ZONE = {"zone": "A", "station": "zone-a", "of": 1, "left": 1, "done_at": None}
_ASIDE = {"order_id": _ORDER_ID, "slot": "B", "tote": "T-0816", "item": "peas", "lot": "", "taken": 2, "tour_id": _ID, "order": "SO-0998"}
_TOUR = {
    **_LISTED,
    "walk": [[0, 0], [0, 12000], [6000, 12000]],
    "stops": [_STOP_OF_TOUR],
    "totes": [_TOTE],
    "left": 1,
    "zones": [_ZONE],
    "lay_aside": [_ASIDE],
}
_PACK = {"code": "case", "count": 1, "each": 4}
_WAY: dict[str, Any] = {"from": "A-00", "same_bin": False, "same_aisle": True, "along_mm": 2400}
_NEXT = {"bin": "A-07", "item": "peas", "quantity": 2, "slot": "B"}
_STOP: dict[str, Any] = {
    "tour": _ID,
    "task": _TASK_ID,
    "done": 0,
    "of": 2,
    "place": "shanghai-1/A-01",
    "bin": "A-01",
    "zone": "A",
    "item": "milk",
    "name": "Milk 250 g",
    "name_zh": "牛奶",
    "uom": "C62",
    "lot": "L1",
    "expiry": "2026-12-01",
    "slot": "A",
    "tote": "T-0815",
    "order": "SO-1001",
    "aisle": "A",
    "level": 2,
    "quantity": 4,
    "packs": [_PACK],
    "words": ["fragile", "chilled"],
    "lamp": "lit",
    "way": _WAY,
    "next": [_NEXT],
}
_POINT = {"code": "depot", "x_m": 0.0, "y_m": 0.0}
_AISLE: dict[str, Any] = {"code": "A", "x_m": 3.0, "y_from_m": 0.0, "y_to_m": 24.0, "direction": "both"}
_CROSS_AISLE = {"code": "front", "y_m": 0.0}
_AT_MAP = {"n": 1, "bin": "A-01", "x_m": 3.0, "y_m": 1.2, "state": "open"}


class TourListed(BaseModel):
    """A walk."""

    model_config = answer(_LISTED)

    id: str
    site: str
    wave_id: int | None
    zone: str = Field(description="empty: all zones")
    mode: Mode
    picker: str = Field(description="empty: nobody yet")
    colour: str
    state: Literal["ready", "picking", "done", "cancelled"]
    length_mm: int | None = Field(description="planned; null where places have no coordinates")
    exact: bool = Field(description="no shorter walk exists")
    after_tour: str | None = Field(description="pick-and-pass: the walk in the zone before this one")
    start_place: str
    end_place: str
    turn: int = Field(description="its place among those planned together")
    priority: int = Field(description="of its most urgent order")
    due_at: datetime | None = Field(description="of its earliest order")
    created_at: datetime
    started_at: datetime | None
    done_at: datetime | None


class TourStopOut(BaseModel):
    """A pick task on a walk."""

    model_config = answer(_STOP_OF_TOUR)

    id: str = Field(description="of the pick task")
    sequence: int = Field(description="place in the walk, from 1")
    state: TaskState
    zone: str
    place: str
    bin: str
    item: str
    lot: str
    requested: int
    taken: int
    slot: str
    tote: str
    lamp_dead: bool
    order_id: str
    order: str = Field(description="the order's number")
    name: str | None
    name_zh: str | None
    uom: str | None
    expiry: date | None


class TourToteOut(BaseModel):
    """What a walk picks into."""

    model_config = answer(_TOTE)

    tour_id: str
    slot: str = Field(description="where it stands on the cart; empty: the only one")
    order_id: str | None = Field(description="null: goods of several orders")
    tote: str = Field(description="its code, once it was scanned")
    state: Literal["open", "done"]
    done_at: datetime | None


class TourZoneOut(BaseModel):
    """A walk's part in one zone."""

    model_config = answer(_ZONE)

    zone: str
    station: str
    of: int = Field(description="picks there")
    left: int
    done_at: datetime | None = Field(description="when its lights there were done; null: not yet, or no lights")


class LayAsideOut(BaseModel):
    """Goods of a cancelled order that are to be taken out of the cart."""

    model_config = answer(_ASIDE)

    order_id: str
    slot: str
    tote: str
    item: str
    lot: str
    taken: int = Field(description="smallest units")
    tour_id: str
    order: str = Field(description="the order's number")


class TourOut(TourListed):
    """A walk with its stops in order (the pick list) and its totes."""

    model_config = answer(_TOUR)

    walk: list[tuple[int, int]] | None = Field(description="its corners as [x, y] in millimetres; null where places have no coordinates")
    stops: list[TourStopOut]
    totes: list[TourToteOut]
    left: int = Field(description="stops that are not answered")
    zones: list[TourZoneOut]
    lay_aside: list[LayAsideOut]


class ToursPlanned(BaseModel):
    """Walks that were planned."""

    model_config = answer({"tours": [_ID]})

    tours: list[str] = Field(description="their ids")


class TourTaken(BaseModel):
    """The walk to go now."""

    model_config = answer({"tour": _TOUR}, {"tour": None})

    tour: TourOut | None = Field(description="null: nothing is to be picked")


class PackOut(BaseModel):
    """So many packagings of one kind to take."""

    model_config = answer(_PACK)

    code: str
    count: int
    each: int = Field(description="smallest units in one")


class WayOut(BaseModel):
    """The way from where the last pick was."""

    model_config = answer(_WAY)

    from_: str = Field(alias="from", description="code of the place; empty: not known")
    same_bin: bool
    same_aisle: bool
    along_mm: int | None = Field(description="along the same aisle; null: another one, or not measured")


class NextStopOut(BaseModel):
    """A stop after this one."""

    model_config = answer(_NEXT)

    bin: str
    item: str
    quantity: int
    slot: str


class StopOut(BaseModel):
    """Where to go now, what to take, into which slot, and what comes next."""

    model_config = answer(_STOP)

    tour: str
    task: str = Field(description="id of the pick task")
    done: int = Field(description="stops answered")
    of: int = Field(description="stops in all")
    place: str
    bin: str
    zone: str
    item: str
    name: str | None
    name_zh: str | None
    uom: str | None
    lot: str
    expiry: date | None
    slot: str
    tote: str
    order: str = Field(description="the order's number")
    aisle: str
    level: int | None = Field(description="from 1 at the floor; null: not known")
    quantity: int = Field(description="smallest units")
    packs: list[PackOut] = Field(description="the quantity in whole packagings, the largest first")
    words: list[str] = Field(description="how the goods are handled, and their dangers")
    lamp: Literal["lit", "dead", ""]
    way: WayOut
    next: list[NextStopOut]


class StopAnswer(BaseModel):
    """The stop at hand."""

    model_config = answer({"stop": _STOP}, {"stop": None})

    stop: StopOut | None = Field(description="null: nothing is left")


class StopConfirmed(BaseModel):
    """What the answer was (see `verdict` of a pick task's answer), and the next stop."""

    model_config = answer({"task": _TASK_ID, "verdict": "full", "stop": _STOP})

    task: str
    verdict: PickVerdict
    stop: StopOut | None = Field(description="null: nothing is left")


class MapPointOut(BaseModel):
    """A place on the floor."""

    model_config = answer(_POINT)

    code: str
    x_m: float | None
    y_m: float | None


class MapAisleOut(BaseModel):
    """An aisle, along y."""

    model_config = answer(_AISLE)

    code: str
    x_m: float
    y_from_m: float
    y_to_m: float
    direction: str = Field(description="which way it may be walked")


class MapCrossAisleOut(BaseModel):
    """A cross aisle, along x."""

    model_config = answer(_CROSS_AISLE)

    code: str
    y_m: float


class MapStopOut(BaseModel):
    """A stop on the map."""

    model_config = answer(_AT_MAP)

    n: int = Field(description="place in the walk, from 1")
    bin: str
    x_m: float
    y_m: float
    state: Literal["open", "done"]


class TourMapOut(BaseModel):
    """The floor's coordinates and the walk, in metres."""

    model_config = answer(
        {
            "tour": _ID,
            "known": True,
            "length_mm": 84000,
            "exact": True,
            "aisles": [_AISLE],
            "cross_aisles": [_CROSS_AISLE],
            "walk": [[0.0, 0.0], [0.0, 12.0], [6.0, 12.0]],
            "stops": [_AT_MAP],
            "start": _POINT,
            "end": _POINT,
        }
    )

    tour: str
    known: bool = Field(description="false where places have no coordinates")
    length_mm: int | None
    exact: bool = Field(description="no shorter walk exists")
    aisles: list[MapAisleOut]
    cross_aisles: list[MapCrossAisleOut]
    walk: list[tuple[float, float]] = Field(description="its corners as [x, y]")
    stops: list[MapStopOut]
    start: MapPointOut | None
    end: MapPointOut | None


class ScanRight(BaseModel):
    """What was scanned is right."""

    model_config = answer({"task": _TASK_ID, "matches": "item", "quantity": 1})

    task: str
    matches: Match
    quantity: int = Field(description="smallest units that the code of goods stands for; 0: it is no code of goods")


class TourGivenBack(BaseModel):
    """The walk was given back."""

    model_config = answer({"tour": _ID, "ready": "7e2f4d5b-30a4-5a0b-9f0e-6f1d0c7a4b52"})

    tour: str
    ready: str | None = Field(description="id of the walk that what is left became; null: nothing is left")


class ToteFull(BaseModel):
    """What is left goes into another tote."""

    model_config = answer({"slot": "A2", "tour": _TOUR})

    slot: str = Field(description="of the other tote")
    tour: TourOut
