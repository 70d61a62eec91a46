# SPDX-License-Identifier: Apache-2.0
"""Documents about scan points: what is scanned at one; and what routes about them answer."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from central.examples import answer
from central.shipping.documents import Body
from central.shipping.door_answers import ListState
from central.shipping.scan_rules import Purpose


class ScanPointSet(Body):
    """What is scanned at a scan point, or at a weigh point with a scanner. All of it is replaced."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"purpose": "picking", "zone": "A", "actor": "li"}]})

    gateway: str = Field("", max_length=64, description="id of the gateway that hosts the station; empty: as known, or as soon as it speaks")
    purpose: Purpose = Field(
        description="picking: goods of pick tasks, at the exit of a zone or at a packing table; receiving: what notices announce; "
        "shipping: packages that may leave; none: scans are not checked"
    )
    zone: str = Field("", max_length=64, description="with picking: only what is picked in this zone; empty: in the whole site")
    actor: str = Field("api", min_length=1, max_length=100, description="who does it")

    @model_validator(mode="after")
    def _zone_is_of_picking(self) -> Self:
        if self.zone and self.purpose != "picking":
            raise ValueError("zone is for purpose picking only")
        return self


class ScanPointOut(BaseModel):
    """A scan point: what is scanned there, and whether its lamps know the newest list."""

    model_config = answer(
        {
            "site": "s1",
            "station": "pack-1",
            "gateway": "gate-1",
            "gateway_online": False,
            "gateway_seen_at": "2026-11-21T08:00:00Z",
            "purpose": "picking",
            "zone": "A",
            "list_version": 1795335000000,
            "list_state": "newest",
            "list_sent_at": "2026-11-21T07:59:00Z",
            "changed_at": "2026-11-21T06:00:00Z",
            "changed_by": "li",
        }
    )

    site: str
    station: str
    gateway: str
    gateway_online: bool = Field(description="while it is false, the station works from the list that it has")
    gateway_seen_at: datetime | None
    purpose: Purpose
    zone: str
    list_version: int = Field(description="version of the newest list; 0: none was made")
    list_state: ListState
    list_sent_at: datetime | None
    changed_at: datetime
    changed_by: str


class ScanLineOut(BaseModel):
    """Goods that are expected: pieces under label codes, each with the pieces that one label stands for."""

    model_config = answer(
        {
            "line": "0f6e5a0b-30a4-5a0b-9f0e-6f1d0c7a4b52",
            "codes": {"00614141000012": 1},
            "quantity": 24,
            "lot": "L1",
            "serials": [],
            "here": 12,
            "elsewhere": 0,
            "order": "SO-4711",
        }
    )

    line: str
    codes: dict[str, int]
    quantity: int
    lot: str
    serials: list[str]
    here: int = Field(description="scanned here, as far as central knows")
    elsewhere: int
    order: str


class ScanListOut(BaseModel):
    """What is expected at a scan point now, as its gateway is told. null: scans are not checked."""

    model_config = answer({"site": "s1", "station": "pack-1", "expected": []})

    site: str
    station: str
    expected: list[ScanLineOut] | None
