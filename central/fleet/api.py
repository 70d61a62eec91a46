# SPDX-License-Identifier: Apache-2.0
"""Routes of the fleet."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from central.database import in_transaction, reading
from central.examples import answer, body
from central.facts import RequestKey, document_id
from central.fleet import queries, swaps
from central.paging import After, Limit, Page
from central.requests import Database, News, Now

router = APIRouter(prefix="/api/v1", tags=["fleet"])
GatewayId = Annotated[str, Path(min_length=1, max_length=64, description="id of the gateway", examples=["gate-1"])]
DeviceId = Annotated[str, Path(min_length=1, max_length=64, description="id of the device", examples=["dock-1"])]


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
            "devices_given_up": 0,
            "payload_bytes": 5200000,
            "written_bytes": 8900000,
            "card_life_days": 3100.0,
            "safe_mode": False,
            "restarted": "clean",
            "outbox": "",
            "certificate_until": "2027-02-19T08:00:00Z",
            "clock": "synced",
            "revoked_at": None,
            "config_version": 7,
            "wanted_version": 7,
            "wanted_hash": "8f14e45fceea",
            "drift": "",
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
    devices_given_up: int | None = Field(description="tried only now and then, because trying changes nothing")
    payload_bytes: int | None = Field(description="of the events that it accepted since it was started")
    written_bytes: int | None = Field(description="handed to its disk for them; over payload_bytes that is the write amplification")
    card_life_days: float | None = Field(description="how long its card lasts at the present rate of writing")
    safe_mode: bool = Field(description="it leaves its devices alone because it could not stay up otherwise, or was told to")
    restarted: str = Field(description="why its program began")
    outbox: str = Field(description="what had happened to its outbox then, in its own words; empty: nothing")
    certificate_until: datetime | None = Field(description="as it says itself")
    clock: str = Field(description="synced, holdover (no longer) or unsynced (nobody set it), when it last reported; empty: not known")
    revoked_at: datetime | None = Field(description="nothing that it says since then is applied")
    config_version: int = Field(description="configuration in force; 0: its own file")
    wanted_version: int | None = Field(description="configuration that it shall have; null: none was pushed")
    wanted_hash: str = Field(description="as config_hash")
    drift: str = Field(description="how what is in force differs from what is wanted, and why; empty: it does not")


class ConditionOut(BaseModel):
    """Something about a device that a person must or may see to."""

    condition: str = Field(description="paper_out, head_open, battery_low, ...: a small set of each driver")
    reason: str = Field(description="what a person does about it")
    since: datetime


class DeviceOut(BaseModel):
    """The link to a device."""

    model_config = answer(
        {
            "gateway": "gate-1",
            "device": "dock-1",
            "state": "up",
            "reason": "",
            "changed_at": "2026-11-21T06:00:00Z",
            "serial": "37-11-22",
            "serial_before": "37-10-05",
            "swapped_at": "2026-11-20T22:14:00Z",
            "swapped_by": "li",
            "conditions": [{"condition": "paper_out", "reason": "out of labels: put in a roll and close the head", "since": "2026-11-21T07:58:00Z"}],
        }
    )

    gateway: str
    device: str
    state: str
    reason: str
    changed_at: datetime
    serial: str = Field(description="of the hardware at this place since it was swapped; empty: it never was")
    serial_before: str
    swapped_at: datetime | None
    swapped_by: str
    conditions: list[ConditionOut] = Field(description="what holds now, the longest first")


class SwapIn(BaseModel):
    """Other hardware stands at the place of a device."""

    model_config = body({"serial": "37-11-22", "host": "", "actor": "li"})

    serial: str = Field("", max_length=128, description="serial number of the new hardware; left out, the one that answers there now")
    host: str = Field("", max_length=255, description="its new host name or address; left out, the old one")
    actor: str = Field("api", min_length=1, max_length=100, description="who does it")


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


@router.post("/gateways/{gateway}/devices/{device}/swap", status_code=202)
def swap_device(gateway: GatewayId, device: DeviceId, given: SwapIn, engine: Database, now: Now, news: News, key: RequestKey) -> CommandOut:
    """Bind the place of a device to the hardware that stands there now; only this device begins anew. The command tells what becomes of it."""
    command = swaps.swap_of(f"swap:{document_id('SwapDevice', gateway, device, key)}", device, given.serial, given.host, given.actor, now)
    row = in_transaction(engine, lambda connection: swaps.swap_device(connection, gateway, command, now))
    news.tell()
    return CommandOut.model_validate(row, from_attributes=True)


@router.get("/commands")
def list_commands(engine: Database, after: After = None, limit: Limit = 100) -> Page[CommandOut]:
    """Commands down to gateways, newest first."""
    with reading(engine) as connection:
        return queries.commands(connection, after, limit).of(CommandOut)
