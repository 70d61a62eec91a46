# SPDX-License-Identifier: Apache-2.0
"""What routes of waves answer, with the examples that the documentation shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from central.examples import answer

_AT = "2026-11-21T08:00:00Z"
_ID = "0f6e5a0b-30a4-5a0b-9f0e-6f1d0c7a4b52"
_ROW: dict[str, Any] = {
    "id": 7,
    "event_id": _ID,
    "site": "shanghai-1",
    "name": "SF at noon",
    "criteria": {"site": "shanghai-1", "mode": "cluster"},
    "mode": "cluster",
    "state": "planned",
    "orders": 60,
    "lines": 180,
    "created_at": _AT,
    "released_at": None,
    "done_at": None,
}
_ORDER = {"id": _ID, "channel": "shop-1", "number": "SO-1001", "partner": "corner-shop", "state": "open", "priority": 3, "due_at": _AT, "carrier": "sf"}
_PIECES = {"wanted": 240, "picked": 0, "short": 0}
_PROGRESS: dict[str, Any] = {"orders": {"open": 60}, "tours": {}, "tasks_open": 0, "tasks_done": 0, "pieces": _PIECES}
_WHOLE = {**_ROW, "progress": _PROGRESS, "order_list": [_ORDER]}
_SHORT = {"id": _ID, "number": "SO-1001", "priority": 3, "due_at": _AT}
_LEFT = {"id": _ID, "number": "SO-1002", "limit": "zone A"}
_PREVIEW: dict[str, Any] = {"orders": 1, "lines": 3, "volume_cm3": 4200, "zones": {"A": 3}, "order_list": [_SHORT], "left_out": [_LEFT]}


class WaveOut(BaseModel):
    """A wave: orders that go to the floor together."""

    model_config = answer(_ROW)

    id: int
    event_id: str
    site: str
    name: str
    criteria: dict[str, Any]
    mode: Literal["order", "batch", "cluster", "zone", "wall"]
    state: Literal["planned", "released", "done", "cancelled"]
    orders: int
    lines: int
    created_at: datetime
    released_at: datetime | None
    done_at: datetime | None


class WaveOrderOut(BaseModel):
    """An order of a wave."""

    model_config = answer(_ORDER)

    id: str
    channel: str
    number: str
    partner: str
    state: str
    priority: int
    due_at: datetime | None
    carrier: str


class PiecesOut(BaseModel):
    """Pieces of a wave."""

    model_config = answer(_PIECES)

    wanted: int
    picked: int
    short: int


class WaveProgressOut(BaseModel):
    """How far a wave is."""

    model_config = answer(_PROGRESS)

    orders: dict[str, int] = Field(description="orders by state")
    tours: dict[str, int] = Field(description="walks by state")
    tasks_open: int
    tasks_done: int
    pieces: PiecesOut


class WaveWhole(WaveOut):
    """A wave with its orders, most urgent first, and its progress."""

    model_config = answer(_WHOLE)

    progress: WaveProgressOut
    order_list: list[WaveOrderOut]


class RefusedOut(BaseModel):
    """An order that left a wave because it could not be released."""

    model_config = answer({"order": _ID, "reason": "order SO-1001 is held (address in doubt); let it go, then release it"})

    order: str
    reason: str


class WaveReleased(WaveWhole):
    """A wave after its release."""

    model_config = answer({**_WHOLE, "refused": []})

    refused: list[RefusedOut]


class PreviewOrderOut(BaseModel):
    """An order that would go into a wave."""

    model_config = answer(_SHORT)

    id: str
    number: str
    priority: int
    due_at: datetime | None


class LeftOutOut(BaseModel):
    """An order that would not, and the limit that it met."""

    model_config = answer(_LEFT)

    id: str
    number: str
    limit: str


class PreviewOut(BaseModel):
    """What a wave would be."""

    model_config = answer(_PREVIEW)

    orders: int
    lines: int
    volume_cm3: int
    zones: dict[str, int] = Field(description="lines by the zone in which they are likely to be picked")
    order_list: list[PreviewOrderOut]
    left_out: list[LeftOutOut]


class WavePlanned(BaseModel):
    """A wave that was planned (null when no order fits), or with dry_run what it would be."""

    model_config = answer({"wave": _WHOLE, "preview": None}, {"wave": None, "preview": _PREVIEW})

    wave: WaveWhole | None
    preview: PreviewOut | None


class WavesPlanned(BaseModel):
    """Waves that were planned, most urgent first."""

    model_config = answer({"waves": [_ROW]})

    waves: list[WaveOut]
