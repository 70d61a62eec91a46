# SPDX-License-Identifier: Apache-2.0
"""Documents about doors: what stands at one now, and what is expected there."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, model_validator

from central.catalog.rules import Code
from central.shipping.documents import Body
from central.shipping.door_rules import DoorState

Station = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
NoticeNumber = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class _Window(Body):
    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        begins, ends = getattr(self, "from_at", None), getattr(self, "until_at", None)
        if begins is not None and ends is not None and begins >= ends:
            raise ValueError("until_at is not after from_at")
        return self


class DoorSet(_Window):
    """What stands at a door now. All of it is replaced: what is left out is empty."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"state": "loading", "load": "L-88", "vehicle": "沪A12345", "until_at": "2026-11-21T09:30:00Z", "actor": "li"}]}
    )

    gateway: str = Field("", max_length=64, description="id of the gateway that hosts the station; empty: as known, or as soon as it speaks")
    state: DoorState = Field(description="closed, receiving, loading, or both at a vehicle that brings and takes")
    load: Code | None = Field(None, description="number of the open load that is loaded here; empty: the oldest one that is planned for the door")
    notices: list[NoticeNumber] = Field(default_factory=list, max_length=1000, description="numbers of ship notices whose goods come; empty: all for the door")
    vehicle: str = Field("", max_length=100, description="plate or trailer number; empty: the load's")
    check_coming: bool = Field(False, description="the door's lamp judges what comes in, too; what leaves with a load is always judged")
    from_at: AwareDatetime | None = None
    until_at: AwareDatetime | None = Field(None, description="when the vehicle shall be gone: what is wrong then is urgent")
    actor: str = Field("api", min_length=1, max_length=100, description="who does it")


class Appointment(_Window):
    """A vehicle that is expected at a door. Its number names it within the site; the same sent twice is one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"number": "SLOT-17", "load": "L-88", "vehicle": "沪A12345", "from_at": "2026-11-21T08:30:00Z", "until_at": "2026-11-21T09:30:00Z"}]
        }
    )

    number: Code
    load: str = Field("", max_length=64, description="number of the load that it takes")
    notices: list[NoticeNumber] = Field(default_factory=list, max_length=1000, description="numbers of the ship notices that it brings")
    vehicle: str = Field("", max_length=100)
    from_at: AwareDatetime
    until_at: AwareDatetime
    overlap: bool = Field(False, description="may overlap another appointment at the door; without it that is refused")
    actor: str = Field("api", min_length=1, max_length=100, description="who does it")
