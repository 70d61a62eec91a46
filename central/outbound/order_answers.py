# SPDX-License-Identifier: Apache-2.0
"""What routes of orders and of what can be promised answer, with the examples that the documentation shows."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from central.examples import answer

_AT = "2026-11-21T08:00:00Z"
_ID = "0f6e5a0b-30a4-5a0b-9f0e-6f1d0c7a4b52"
_ROW: dict[str, Any] = {
    "id": _ID,
    "channel": "shop-1",
    "number": "SO-1001",
    "site": "shanghai-1",
    "partner": "corner-shop",
    "state": "open",
    "ship_when": "picked",
    "tote": "",
    "tare_g": None,
    "colour": "",
    "parent_id": None,
    "role": "order",
    "owner": "",
    "priority": 3,
    "due_at": _AT,
    "backorders": "backorder",
    "substitutes": False,
    "min_remaining_days": None,
    "carrier": "sf",
    "service": "",
    "address": {"city": "Hangzhou"},
    "wave_id": None,
    "held": "",
    "waits": False,
    "lateness": "",
    "created_at": _AT,
    "released_at": None,
    "picked_at": None,
    "shipped_at": None,
}
_LINE: dict[str, Any] = {
    "id": f"{_ID}/1",
    "order_id": _ID,
    "n": 1,
    "item": "milk",
    "ordered": 6,
    "quantity": 4,
    "moved": 2,
    "dropped": 0,
    "promised": 4,
    "promised_on": "2026-11-21",
    "picked": 0,
    "short": 0,
    "ordered_item": "",
    "min_expiry_days": 0,
    "parent_line": None,
}
_TASK: dict[str, Any] = {
    "id": "8d7c1f6e-30a4-5a0b-9f0e-6f1d0c7a4b52",
    "line_id": f"{_ID}/1",
    "state": "lit",
    "zone": "A",
    "place": "shanghai-1/A-01",
    "bin": "A-01",
    "item": "milk",
    "lot": "L1",
    "requested": 4,
    "taken": 0,
}
_PART = {"id": _ID, "number": "SO-1001/b1", "site": "shanghai-1", "role": "backorder", "state": "open", "due_at": _AT}
_PROGRESS = {"state": "waiting", "wanted": 6, "picked": 0, "shipped": 0, "dropped": 0}

State = Literal["open", "released", "picked", "shipped", "unfilled", "cancelled", "split"]
Role = Literal["order", "share", "backorder"]


class OrderOut(BaseModel):
    """An order, a site's share of one, or a backorder."""

    model_config = answer(_ROW)

    id: str
    channel: str
    number: str = Field(description="parts of an order carry a slash: 1001/1, 1001/b1")
    site: str = Field(description="empty: it is split between sites")
    partner: str
    state: State
    ship_when: str
    tote: str
    tare_g: int | None
    colour: str
    parent_id: str | None
    role: Role
    owner: str
    priority: int
    due_at: datetime | None = Field(description="when it must leave")
    backorders: str
    substitutes: bool
    min_remaining_days: int | None
    carrier: str
    service: str
    address: dict[str, Any] | None
    wave_id: int | None
    held: str = Field(description="why it is not released; empty: it is not held")
    waits: bool = Field(description="for goods that are not there yet: it is released by itself when they are")
    lateness: str = Field(description="what a person was told: at_risk or late; empty: nothing")
    created_at: datetime
    released_at: datetime | None
    picked_at: datetime | None
    shipped_at: datetime | None


class OrderLineOut(BaseModel):
    """A line of an order. `quantity`, `moved` and `dropped` sum to what was ordered."""

    model_config = answer(_LINE)

    id: str
    order_id: str
    n: int
    item: str
    ordered: int
    quantity: int = Field(description="what this order is to deliver")
    moved: int = Field(description="goes with a backorder, another site's share or a stand-in")
    dropped: int = Field(description="will not be delivered")
    promised: int
    promised_on: date | None
    picked: int
    short: int = Field(description="after the release: neither picked nor asked for by a task")
    ordered_item: str = Field(description="what was ordered, where this is a substitute or a component of a kit")
    min_expiry_days: int
    parent_line: str | None


class OrderTaskOut(BaseModel):
    """A pick task of an order."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_TASK]})

    id: str
    line_id: str
    state: str
    zone: str
    place: str
    bin: str
    item: str
    lot: str
    requested: int
    taken: int


class OrderPartOut(BaseModel):
    """A share or backorder of an order."""

    model_config = answer(_PART)

    id: str
    number: str
    site: str
    role: Role
    state: State
    due_at: datetime | None = None


class ProgressOut(BaseModel):
    """How far an order is with all its parts, in pieces."""

    model_config = answer(_PROGRESS)

    state: Literal["waiting", "in_work", "partly_shipped", "shipped", "cancelled"]
    wanted: int
    picked: int
    shipped: int
    dropped: int


class OrderWhole(OrderOut):
    """An order with its lines, pick tasks and parts."""

    model_config = answer(_ROW | {"sourcing": None, "lines": [_LINE], "tasks": [_TASK], "orders": [_PART], "progress": _PROGRESS})

    sourcing: dict[str, Any] | None = Field(description="why these sites; see its own address")
    lines: list[OrderLineOut]
    tasks: list[OrderTaskOut]
    orders: list[OrderPartOut]
    progress: ProgressOut


_CANDIDATE = {"site": "shanghai-1", "can_send": 8, "distance_km": 12.5, "load": 0.4, "full": False, "chosen": True}


class CandidateOut(BaseModel):
    """A site that could send."""

    model_config = answer(_CANDIDATE)

    site: str
    can_send: int = Field(description="pieces of the order that it could send first")
    distance_km: float | None = Field(description="great circle; null where a position is not known")
    load: float = Field(description="lines that wait there against what it picks in a day")
    full: bool
    chosen: bool


class SourcingOut(BaseModel):
    """Why these sites send an order."""

    model_config = answer(
        {
            "order": _ID,
            "number": "SO-1001",
            "reason": "the fewest shipments",
            "chosen": ["shanghai-1"],
            "wanted": 8,
            "uncovered": 0,
            "exact": True,
            "priority": 3,
            "candidates": [_CANDIDATE],
            "orders": [],
        }
    )

    order: str
    number: str
    reason: str
    chosen: list[str]
    wanted: int | None = None
    uncovered: int | None = Field(None, description="pieces that no candidate has")
    exact: bool | None = Field(None, description="no choice of fewer sites sends as much")
    priority: int | None = None
    candidates: list[CandidateOut] = Field(default_factory=list)
    orders: list[OrderPartOut]


_BUCKET = {"day": "2026-11-21", "supply": 10, "promised": 4, "available": 6}


class BucketOut(BaseModel):
    """A day on which something comes or leaves."""

    model_config = answer(_BUCKET)

    day: date
    supply: int
    promised: int
    available: int = Field(description="what can be promised up to this day, all days before included")


class AtpOut(BaseModel):
    """What of an item can be promised at a site, day by day."""

    model_config = answer({"site": "shanghai-1", "item": "milk", "owner": "", "first_day": "2026-11-21", "on_hand_free": 10, "broken": 0, "buckets": [_BUCKET]})

    site: str
    item: str
    owner: str
    first_day: date = Field(description="the first day on which an order that comes now can leave")
    on_hand_free: int = Field(description="there and not reserved")
    broken: int = Field(description="promised pieces that cannot be served any more")
    buckets: list[BucketOut]


_LATER = {"day": "2026-11-25", "available": 14}
_OFFER_AT = {"site": "shanghai-1", "first_day": "2026-11-21", "now": 6, "by_day": [_LATER]}


class LaterOut(BaseModel):
    """A day on which more can be promised."""

    model_config = answer(_LATER)

    day: date
    available: int


class OfferAtOut(BaseModel):
    """What a site offers of an item."""

    model_config = answer(_OFFER_AT)

    site: str
    first_day: date
    now: int = Field(description="what an order that comes now would be promised for the first day")
    by_day: list[LaterOut]


class OfferOut(BaseModel):
    """What shops may offer of an item."""

    model_config = answer({"item": "milk", "gtin": "00614141000012", "now": 6, "sites": [_OFFER_AT]})

    item: str
    gtin: str | None
    now: int = Field(description="over all sites")
    sites: list[OfferAtOut]
