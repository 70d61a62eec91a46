# SPDX-License-Identifier: Apache-2.0
"""What routes about doors answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from central.examples import answer
from central.shipping.door_rules import DoorState

ListState = Literal["newest", "on_its_way", "refused", "no_answer", "no_gateway", "too_long", "none"]

_WRONG = {
    "sscc": "006141410000000012",
    "reason": "wrong_pallet_load",
    "message": "door-5: wrong pallet 006141410000000012 on the vehicle of load L-88: it belongs to load L-90 at door door-6; take it out before it leaves",
    "work_order": 17,
    "seen_at": "2026-11-21T08:10:00Z",
}
_PASS = {
    "event_id": "0f6e5a0b-30a4-5a0b-9f0e-6f1d0c7a4b52",
    "pass_id": "7c9e6679-7425-5de3-944b-e07fc1f90ae7",
    "station": "door-5",
    "passed_at": "2026-11-21T08:10:00Z",
    "direction": "out",
    "sscc": "006141410000000005",
    "load": "L-88",
    "outcome": "loaded",
    "loaded": 1,
    "reason": "",
    "message": "",
    "params": {},
    "checked": "expected",
    "work_version": 1795335000000,
}
_DOOR = {
    "site": "s1",
    "station": "door-5",
    "gateway": "gate-1",
    "gateway_online": True,
    "state": "loading",
    "load": "L-88",
    "load_id": "0f6e5a0b-30a4-5a0b-9f0e-6f1d0c7a4b52",
    "vehicle": "沪A12345",
    "check_coming": False,
    "from_at": "2026-11-21T08:00:00Z",
    "until_at": "2026-11-21T09:30:00Z",
    "changed_at": "2026-11-21T08:00:00Z",
    "changed_by": "li",
    "planned": 33,
    "loaded": 12,
    "notices": [],
    "announced": 0,
    "received": 0,
    "wrong": [_WRONG],
    "last_pass": _PASS,
    "list_version": 1795335000000,
    "list_state": "newest",
    "list_sent_at": "2026-11-21T08:09:00Z",
}
_APPOINTMENT = {
    "site": "s1",
    "number": "SLOT-17",
    "station": "door-5",
    "load": "L-88",
    "notices": [],
    "vehicle": "沪A12345",
    "from_at": "2026-11-21T08:30:00Z",
    "until_at": "2026-11-21T09:30:00Z",
    "state": "planned",
    "created_at": "2026-11-20T08:00:00Z",
    "created_by": "li",
    "overlaps": [],
}


class WrongPallet(BaseModel):
    """A pallet that is believed to be on the vehicle and does not belong there."""

    model_config = answer(_WRONG)

    sscc: str
    reason: str = Field(description="code of the message")
    message: str
    work_order: int | None
    seen_at: datetime


class DoorPassOut(BaseModel):
    """What came of a pass through a door where vehicles are loaded."""

    model_config = answer(_PASS)

    event_id: str
    pass_id: str
    station: str
    passed_at: datetime
    direction: Literal["in", "out", "unknown"]
    sscc: str
    load: str = Field(description="number of the load that stood there; empty: none")
    outcome: str = Field(
        description="loaded, already, unloaded, wrong, unclear, neighbour (passed at the next door), back (after it was shipped), "
        "late (told after it went through another door), seen"
    )
    loaded: int = Field(description="packages loaded by it")
    reason: str = Field(description="code of the message that says what is wrong; empty: nothing")
    message: str
    params: dict[str, Any]
    checked: str = Field(description="what the lamp showed: expected, unexpected; empty: it did not judge")
    work_version: int = Field(description="the list by which it judged")


class DoorOut(BaseModel):
    """A door, what stands there, how far it is, and whether its lamp knows it."""

    model_config = answer(_DOOR)

    site: str
    station: str
    gateway: str
    gateway_online: bool
    state: DoorState
    load: str
    load_id: str | None
    vehicle: str
    check_coming: bool
    from_at: datetime | None
    until_at: datetime | None
    changed_at: datetime
    changed_by: str
    planned: int = Field(description="packages on the load's plan")
    loaded: int = Field(description="of them, those on the vehicle")
    notices: list[str]
    announced: int = Field(description="pallets of the notices")
    received: int = Field(description="of them, those received")
    wrong: list[WrongPallet]
    last_pass: DoorPassOut | None
    list_version: int
    list_state: ListState = Field(description="whether the gateway has the newest list: newest, on_its_way, or why it does not check")
    list_sent_at: datetime | None


class DoorListOut(BaseModel):
    """What may pass a door now, as its gateway is told. null: this way is not checked."""

    model_config = answer({"site": "s1", "station": "door-5", "may_leave": ["006141410000000005"], "may_come": None, "load": "L-88", "vehicle": "沪A12345"})

    site: str
    station: str
    may_leave: list[str] | None
    may_come: list[str] | None
    load: str
    vehicle: str


class AppointmentOut(BaseModel):
    """A vehicle that is, or was, expected at a door."""

    model_config = answer(_APPOINTMENT)

    site: str
    number: str
    station: str
    load: str
    notices: list[str]
    vehicle: str
    from_at: datetime
    until_at: datetime
    state: Literal["planned", "here", "over", "cancelled"]
    created_at: datetime
    created_by: str
    overlaps: list[str] = Field(default_factory=list, description="numbers of appointments at the same door and time")
