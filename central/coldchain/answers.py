# SPDX-License-Identifier: Apache-2.0
"""What routes of the cold chain answer, with the examples that the documentation shows."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from central.examples import answer

_AT = "2026-11-21T08:00:00Z"
_ALARM = "0f8b2c6d-4e1a-4f0b-9c3d-5e7f1a2b3c4d"
_ROOM = {"site": "shanghai-1", "gateway": "gate-1", "station": "cold-1"}


class AlarmOut(BaseModel):
    """An alarm from its raising to its end."""

    model_config = answer(
        {
            "id": _ALARM,
            **_ROOM,
            "alarm_id": "cold-1/temperature_c/high",
            "condition": "high",
            "quantity": "temperature_c",
            "state": "unacknowledged",
            "priority": 1,
            "value": 9.4,
            "limit": 8.0,
            "raised_at": _AT,
            "since": _AT,
            "cleared_at": None,
            "acknowledged_at": None,
            "acknowledged_by": "",
            "asked_at": None,
            "asked_by": "",
            "held": True,
            "lots_held": 2,
        }
    )

    id: str
    site: str
    gateway: str
    station: str
    alarm_id: str
    condition: str
    quantity: str = Field(description="what and its unit")
    state: Literal["normal", "unacknowledged", "acknowledged", "rtn_unacknowledged"]
    priority: int = Field(description="1 is the most urgent")
    value: float | None = Field(description="when the state changed last")
    limit: float | None
    raised_at: datetime
    since: datetime = Field(description="when the state changed last")
    cleared_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str
    asked_at: datetime | None = Field(description="when somebody asked the gateway to acknowledge it")
    asked_by: str
    held: bool = Field(description="goods of the room were put on hold for it")
    lots_held: int = Field(description="how many balances are on hold for it now")


class AlarmAsked(BaseModel):
    """Whether the gateway was asked now."""

    model_config = answer({"alarm": _ALARM, "asked": True})

    alarm: str
    asked: bool = Field(description="false: it was asked before, or the alarm needs no acknowledgement any more")


class HoldOut(BaseModel):
    """Goods that nobody may take until somebody decides."""

    model_config = answer(
        {
            "id": 3,
            "alarm": _ALARM,
            "place": "shanghai-1/cool-1",
            "item": "milk",
            "lot": "L1",
            "owner": "",
            "unit": "",
            "quantity": 48,
            "state": "held",
            "held_at": _AT,
            "released_at": None,
            "released_by": "",
        }
    )

    id: int
    alarm: str
    place: str
    item: str
    lot: str
    owner: str
    unit: str
    quantity: int
    state: Literal["held", "released"]
    held_at: datetime
    released_at: datetime | None
    released_by: str


class Released(BaseModel):
    """How many holds were released."""

    model_config = answer({"released": 2})

    released: int


class SensorOut(BaseModel):
    """The last live value of a sensor."""

    model_config = answer(
        {
            **_ROOM,
            "device": "probe-1",
            "quantity": "temperature_c",
            "value": 4.1,
            "low_limit": 2.0,
            "high_limit": 8.0,
            "measured_at": _AT,
            "failed_at": None,
            "failure": "",
        }
    )

    site: str
    gateway: str
    device: str
    quantity: str
    station: str
    value: float | None = Field(description="null: never had one")
    low_limit: float | None
    high_limit: float | None
    measured_at: datetime | None
    failed_at: datetime | None = Field(description="null: the last answer was good")
    failure: str


class SensorArrayOut(BaseModel):
    """The last live values that a device gave in one answer."""

    model_config = answer(
        {
            **_ROOM,
            "station": "compressors",
            "device": "plc-1",
            "quantity": "pressure_bar",
            "first": 40,
            "values": [7.2, 7.1, None, 6.9],
            "measured_at": _AT,
        }
    )

    site: str
    gateway: str
    station: str
    device: str
    quantity: str = Field(description="what and its unit, of all values")
    first: int = Field(description="number of the first value, as the device counts")
    values: list[float | None] = Field(description="one after the other; null: refused by the gateway as no valid value")
    measured_at: datetime


class PointOut(BaseModel):
    """A sample for a chart."""

    model_config = answer({"at_s": 1795248000.0, "low": 4.0, "mean": 4.1, "high": 4.3})

    at_s: float = Field(description="seconds since 1970, UTC")
    low: float
    mean: float
    high: float
