# SPDX-License-Identifier: Apache-2.0
"""Documents of waves: by which criteria orders go to the floor together."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from central.catalog.rules import Code, Site

Mode = Literal["order", "batch", "cluster", "zone", "wall"]
CANDIDATES_MAX = 5000
"""Orders that are looked at for one wave."""
_LIMIT = 2**31 - 1


class CartLimits(BaseModel):
    """What one walk carries; what is left out is as usual for the mode."""

    model_config = ConfigDict(extra="forbid")

    totes: int | None = Field(None, ge=1, le=200, description="orders on one walk")
    weight_g: int | None = Field(None, ge=1, le=_LIMIT)
    volume_cm3: int | None = Field(None, ge=1, le=_LIMIT)
    picks: int | None = Field(None, ge=1, le=1000, description="stops on one walk")


class Criteria(BaseModel):
    """Which orders of a site go into a wave, how many, and how they are picked. What is left out does not matter."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "site": "shanghai-1",
                    "name": "SF at noon",
                    "mode": "cluster",
                    "due_until": "2026-11-21T12:00:00+08:00",
                    "carriers": ["sf"],
                    "lines_max": 400,
                    "zone_lines_per_hour": {"A": 180},
                    "hours": 2,
                }
            ]
        },
    )

    site: Site
    name: str = Field("", max_length=100)
    mode: Mode = Field("batch", description="how its orders are picked: one by one, goods for all, into totes on a cart, zone after zone, sorted into a wall")
    due_from: AwareDatetime | None = Field(None, description="orders that must leave at this time or later")
    due_until: AwareDatetime | None = Field(None, description="orders that must leave by this time")
    carriers: list[Code] = Field(default_factory=list, max_length=100)
    groups: list[Code] = Field(default_factory=list, max_length=100, description="groups of customers")
    channels: list[Code] = Field(default_factory=list, max_length=100)
    zones: list[Code] = Field(default_factory=list, max_length=100, description="orders that are likely to be picked in these zones alone")
    owner: str | None = Field(None, max_length=64)
    priority_until: int = Field(9, ge=1, le=9, description="orders of this priority and before")
    orders_max: int | None = Field(None, ge=1, le=CANDIDATES_MAX)
    lines_max: int | None = Field(None, ge=1, le=_LIMIT)
    volume_cm3_max: int | None = Field(None, ge=1, le=10**12, description="as far as sizes of items are known")
    zone_lines_per_hour: dict[str, Annotated[int, Field(ge=0, le=_LIMIT)]] = Field(
        default_factory=dict, max_length=200, description="what zones can pick; what waits there already counts"
    )
    hours: float = Field(1.0, gt=0, le=24, description="the time that the wave has")
    cart: CartLimits | None = None
