# SPDX-License-Identifier: Apache-2.0
"""What routes of put-to-light walls and of lamp tests answer, with the examples that the documentation shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from central.examples import answer

_AT = "2026-11-21T08:00:00Z"
_ORDER_ID = "0f6e5a0b-30a4-5a0b-9f0e-6f1d0c7a4b52"
_PUT_ID = "8d7c1f6e-30a4-5a0b-9f0e-6f1d0c7a4b52"
_PUT: dict[str, Any] = {"id": _PUT_ID, "item": "milk", "lot": "L1", "quantity": 2, "put": 0, "state": "lit", "colour": "blue", "lamp_dead": False}
_SLOT: dict[str, Any] = {"slot": "1-1", "order_id": _ORDER_ID, "order": "SO-1001", "puts": [_PUT], "state": "open"}
_LIT = {"id": _PUT_ID, "order": _ORDER_ID, "slot": "1-1", "item": "milk", "quantity": 2}
_LAMP_TEST_ID = "lamps:0f6e5a0b-30a4-5a0b-9f0e-6f1d0c7a4b52"


class WallPutOut(BaseModel):
    """Goods that a slot waits for or holds."""

    model_config = answer(_PUT)

    id: str
    item: str
    lot: str
    quantity: int = Field(description="smallest units")
    put: int = Field(description="so many are in the slot")
    state: Literal["waiting", "lit", "done", "short", "cancelled"]
    colour: str
    lamp_dead: bool = Field(description="its light does not burn: only the screen asks for it")


class WallSlotOut(BaseModel):
    """A slot of a wall: free, open (its order waits for goods) or complete."""

    model_config = answer(_SLOT)

    slot: str
    order_id: str | None = Field(description="null: free")
    order: str | None = Field(description="the order's number")
    puts: list[WallPutOut]
    state: Literal["free", "open", "complete"]


class WallOut(BaseModel):
    """A wall with its slots."""

    model_config = answer({"site": "shanghai-1", "code": "wall-1", "gateway": "dock-1", "station": "wall-1", "slots": [_SLOT]})

    site: str
    code: str
    gateway: str = Field(description="empty: a wall without lights")
    station: str
    slots: list[WallSlotOut]


class LitPutOut(BaseModel):
    """A slot that wants some of the goods in hand."""

    model_config = answer(_LIT)

    id: str
    order: str = Field(description="id of the order")
    slot: str
    item: str
    quantity: int = Field(description="smallest units")


class WallScanned(BaseModel):
    """Every slot that wants some of what was scanned."""

    model_config = answer({"puts": [_LIT]})

    puts: list[LitPutOut]


class SlotLeft(BaseModel):
    """What left the slot for packing."""

    model_config = answer({"order": _ORDER_ID})

    order: str = Field(description="id of the order; empty: the slot was free already")


class LampTestAsked(BaseModel):
    """The lamps were asked."""

    model_config = answer({"lamp_test": _LAMP_TEST_ID})

    lamp_test: str = Field(description="its id")


class LampTestOut(BaseModel):
    """A lamp test and its result."""

    model_config = answer(
        {
            "command_id": _LAMP_TEST_ID,
            "site": "shanghai-1",
            "zone": "A",
            "gateway": "dock-1",
            "station": "zone-a",
            "asked_by": "li.na",
            "asked_at": _AT,
            "state": "done",
            "tested": 40,
            "dead": ["A-07"],
            "reason": "",
            "answered_at": _AT,
        }
    )

    command_id: str
    site: str
    zone: str
    gateway: str
    station: str
    asked_by: str
    asked_at: datetime
    state: Literal["asked", "done", "failed"]
    tested: int = Field(description="lamps")
    dead: list[str] | None = Field(description="bins whose lamps stayed dark; null: no answer yet")
    reason: str = Field(description="why it failed")
    answered_at: datetime | None
