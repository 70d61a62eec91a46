# SPDX-License-Identifier: Apache-2.0
"""What routes of pick tasks, weights and pickers answer, with the examples that the documentation shows."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from central.examples import answer
from central.outbound.weighing import Verdict

_AT = "2026-11-21T08:00:00Z"
_ID = "0f6e5a0b-30a4-5a0b-9f0e-6f1d0c7a4b52"
_TASK_ID = "8d7c1f6e-30a4-5a0b-9f0e-6f1d0c7a4b52"
_TOUR_ID = "5b1e9c3a-30a4-5a0b-9f0e-6f1d0c7a4b52"
_PICKER = {"picker": "wang.fang", "site": "shanghai-1", "zone": "A", "colour": "blue"}
_TASK: dict[str, Any] = {
    "id": _TASK_ID,
    "order_id": _ID,
    "line_id": f"{_ID}/1",
    "reservation_id": "2c9d7e10-30a4-5a0b-9f0e-6f1d0c7a4b52",
    "site": "shanghai-1",
    "zone": "A",
    "gateway": "dock-1",
    "station": "zone-a",
    "place": "shanghai-1/A-01",
    "bin": "A-01",
    "item": "milk",
    "lot": "L1",
    "owner": "",
    "unit": "",
    "requested": 4,
    "taken": 0,
    "state": "lit",
    "second_try": False,
    "colour": "blue",
    "tour_id": _TOUR_ID,
    "sequence": 1,
    "tote": "T-0815",
    "slot": "A",
    "answered_by": "",
    "lamp_dead": False,
    "aside_tour_id": None,
    "created_at": _AT,
    "answered_at": None,
    "order": "SO-1001",
}
_WEIGHT: dict[str, Any] = {
    "event_id": _ID,
    "site": "shanghai-1",
    "gateway": "dock-1",
    "station": "scale-1",
    "weighed_at": _AT,
    "subject": "T-0815",
    "order_id": _ID,
    "value": "12.345",
    "unit": "kg",
    "text": "S S     12.345 kg",
    "net": False,
    "weight_mg": 12345000,
    "expected_mg": 12300000,
    "tolerance_mg": 123000,
    "verdict": "right",
    "reason": "",
}
_LIST_ORDER: dict[str, Any] = {
    "id": _ID,
    "number": "SO-1001",
    "channel": "shop-1",
    "site": "shanghai-1",
    "partner": "corner-shop",
    "state": "released",
    "tote": "T-0815",
    "priority": 3,
    "due_at": _AT,
}
_LIST_LINE: dict[str, Any] = {
    "n": 1,
    "id": _TASK_ID,
    "zone": "A",
    "place": "shanghai-1/A-01",
    "bin": "A-01",
    "item": "milk",
    "lot": "L1",
    "requested": 4,
    "taken": 0,
    "state": "lit",
    "slot": "A",
    "tote": "T-0815",
    "tour_id": _TOUR_ID,
    "name": "Milk 250 g",
    "name_zh": "牛奶",
    "uom": "C62",
    "expiry": "2026-12-01",
    "pick_rank": 1,
}
TaskState = Literal["lit", "listed", "done", "short", "cancelled"]


class PickTaskOut(BaseModel):
    """Goods to take from one bin for one line of an order."""

    model_config = answer(_TASK)

    id: str
    order_id: str
    line_id: str
    reservation_id: str
    site: str
    zone: str = Field(description="empty: picked from the list")
    gateway: str
    station: str = Field(description="of its light; empty: none")
    place: str
    bin: str
    item: str
    lot: str
    owner: str
    unit: str = Field(description="handling unit that the goods lie on; empty: none")
    requested: int = Field(description="smallest units")
    taken: int
    state: TaskState
    second_try: bool = Field(description="made after a short pick elsewhere")
    colour: str
    tour_id: str | None
    sequence: int = Field(description="place in the walk, from 1")
    tote: str
    slot: str = Field(description="where the tote stands on the cart or in the wall")
    answered_by: str
    lamp_dead: bool = Field(description="its light failed: a screen shows it")
    aside_tour_id: str | None = Field(description="its order was cancelled: to be taken out of the cart of this walk")
    created_at: datetime
    answered_at: datetime | None
    order: str = Field(description="the order's number")


class WeighedOut(BaseModel):
    """A weight as the scale sent it, and what it said about a load."""

    model_config = answer(_WEIGHT)

    event_id: str
    site: str
    gateway: str
    station: str
    weighed_at: datetime
    subject: str = Field(description="what stood on the scale: a tote or an order; empty: not known")
    order_id: str | None
    value: str = Field(description="as the scale sent it")
    unit: str
    text: str = Field(description="the raw line")
    net: bool
    weight_mg: int
    expected_mg: int | None
    tolerance_mg: int | None
    verdict: Verdict | Literal[""] = Field(description="empty without a known subject")
    reason: str = Field(description="why it cannot be decided, a word")


class PickerOut(BaseModel):
    """Who picks where, and in which colour the lights burn for them."""

    model_config = answer(_PICKER)

    picker: str
    site: str
    zone: str = Field(description="empty: the whole site")
    colour: str


class PickerAccuracyOut(BaseModel):
    """How right a picker is. Presses of dark lights stand under no name."""

    model_config = answer({"picker": "wang.fang", "lines": 800, "mispicks": 2, "right_share": 0.9975})

    picker: str
    lines: int = Field(description="lines answered")
    mispicks: int = Field(description="that a check stopped")
    right_share: float | None = Field(description="1 - mispicks / lines; null: no line yet")


class PickerLeft(BaseModel):
    """The picker went home."""

    model_config = answer({"picker": "wang.fang", "ready": [_TOUR_ID]})

    picker: str
    ready: list[str] = Field(description="ids of the walks that were made of what was left")


class ListOrderOut(BaseModel):
    """The order that a pick list is of."""

    model_config = answer(_LIST_ORDER)

    id: str
    number: str
    channel: str
    site: str
    partner: str
    state: str
    tote: str
    priority: int
    due_at: datetime | None


class ListLineOut(BaseModel):
    """A pick on the list."""

    model_config = answer(_LIST_LINE)

    n: int = Field(description="from 1, in the order of the walk; answered ones come last")
    id: str = Field(description="of the pick task")
    zone: str
    place: str
    bin: str
    item: str
    lot: str
    requested: int
    taken: int
    state: TaskState
    slot: str
    tote: str
    tour_id: str | None
    name: str | None
    name_zh: str | None
    uom: str | None
    expiry: date | None
    pick_rank: int | None


class PickListOut(BaseModel):
    """The pick list of an order."""

    model_config = answer({"order": _LIST_ORDER, "length_mm": 84000, "exact": True, "lines": [_LIST_LINE]})

    order: ListOrderOut
    length_mm: int | None = Field(description="of the walk; null where places have no coordinates")
    exact: bool = Field(description="no shorter walk exists")
    lines: list[ListLineOut]
