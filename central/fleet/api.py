# SPDX-License-Identifier: Apache-2.0
"""Routes of the fleet."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from central.database import reading
from central.examples import answer
from central.fleet import queries
from central.paging import After, Limit, Page
from central.requests import Database

router = APIRouter(prefix="/api/v1", tags=["fleet"])


class GatewayOut(BaseModel):
    """A gateway and its last word."""

    model_config = answer(
        {
            "id": "gate-1",
            "site": "shanghai-1",
            "online": True,
            "version": "0.1.0",
            "config_hash": "8f14e45f",
            "enrolled_at": "2026-11-01T08:00:00Z",
            "last_birth_at": "2026-11-21T06:00:00Z",
            "last_death_at": None,
            "last_seen_at": "2026-11-21T08:00:00Z",
            "pending_events": 0,
            "oldest_pending_s": None,
            "rss_bytes": 60000000,
            "disk_free_bytes": 12000000000,
            "devices_up": 4,
            "devices_down": 0,
        }
    )

    id: str
    site: str
    online: bool
    version: str
    config_hash: str
    enrolled_at: datetime
    last_birth_at: datetime | None
    last_death_at: datetime | None
    last_seen_at: datetime | None
    pending_events: int | None
    oldest_pending_s: int | None
    rss_bytes: int | None
    disk_free_bytes: int | None
    devices_up: int | None
    devices_down: int | None


class DeviceOut(BaseModel):
    """The link to a device."""

    model_config = answer({"gateway": "gate-1", "device": "dock-1", "state": "up", "reason": "", "changed_at": "2026-11-21T06:00:00Z"})

    gateway: str
    device: str
    state: str
    reason: str
    changed_at: datetime


class CommandOut(BaseModel):
    """A command down and what became of it."""

    model_config = answer(
        {
            "id": "light:0f8b2c6d:zone-a",
            "gateway": "gate-1",
            "station": "zone-a",
            "kind": "LightTasks",
            "state": "done",
            "reason": "",
            "attempts": 1,
            "made_at": "2026-11-21T08:00:00Z",
            "deadline_at": "2026-11-21T08:10:00Z",
            "published_at": "2026-11-21T08:00:00Z",
            "answered_at": "2026-11-21T08:00:01Z",
        }
    )

    id: str
    gateway: str
    station: str
    kind: str
    state: str
    reason: str
    attempts: int
    made_at: datetime
    deadline_at: datetime
    published_at: datetime | None
    answered_at: datetime | None


@router.get("/gateways")
def list_gateways(engine: Database, after: After = None, limit: Limit = 1000) -> Page[GatewayOut]:
    """Gateways, by site and id."""
    with reading(engine) as connection:
        return queries.gateway_page(connection, after, limit).of(GatewayOut)


@router.get("/devices")
def list_devices(engine: Database, after: After = None, limit: Limit = 1000) -> Page[DeviceOut]:
    """Devices that ever said that they came or went, by gateway."""
    with reading(engine) as connection:
        return queries.devices(connection, after, limit).of(DeviceOut)


@router.get("/commands")
def list_commands(engine: Database, after: After = None, limit: Limit = 100) -> Page[CommandOut]:
    """Commands down to gateways, newest first."""
    with reading(engine) as connection:
        return queries.commands(connection, after, limit).of(CommandOut)
