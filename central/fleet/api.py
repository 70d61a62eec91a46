# SPDX-License-Identifier: Apache-2.0
"""Routes of the fleet."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from central.database import reading
from central.fleet import queries
from central.requests import Database

router = APIRouter(prefix="/api/v1", tags=["fleet"])


class GatewayOut(BaseModel):
    """A gateway and its last word."""

    model_config = ConfigDict(from_attributes=True)

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

    model_config = ConfigDict(from_attributes=True)

    gateway: str
    device: str
    state: str
    reason: str
    changed_at: datetime


class CommandOut(BaseModel):
    """A command down and what became of it."""

    model_config = ConfigDict(from_attributes=True)

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
def list_gateways(engine: Database) -> list[GatewayOut]:
    """All gateways."""
    with reading(engine) as connection:
        return [GatewayOut.model_validate(row) for row in queries.gateways(connection)]


@router.get("/devices")
def list_devices(engine: Database) -> list[DeviceOut]:
    """All devices that ever said that they came or went."""
    with reading(engine) as connection:
        return [DeviceOut.model_validate(row) for row in queries.devices(connection)]


@router.get("/commands")
def list_commands(engine: Database) -> list[CommandOut]:
    """The newest hundred commands."""
    with reading(engine) as connection:
        return [CommandOut.model_validate(row) for row in queries.commands(connection)]
