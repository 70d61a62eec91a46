# SPDX-License-Identifier: Apache-2.0
"""Routes of the cold chain."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from central.coldchain import queries, service
from central.database import in_transaction, reading
from central.facts import RequestKey, fact_of
from central.requests import Database, News, Now

router = APIRouter(prefix="/api/v1", tags=["coldchain"])

Limit = Annotated[int, Query(ge=1, le=1000)]
_CHART_SPAN = timedelta(hours=1)


class Said(BaseModel):
    """Who does it."""

    model_config = ConfigDict(extra="forbid")

    actor: str = Field("api", min_length=1, max_length=100)


class Release(Said):
    """Which holds to release."""

    holds: list[int] = Field(min_length=1, max_length=1000)


@router.get("/alarms")
def list_alarms(database: Database, standing: bool = True, limit: Limit = 100) -> list[dict[str, Any]]:
    """Alarms that stand, most urgent first; or all of them, newest first."""
    with reading(database) as connection:
        return queries.alarms(connection, standing=standing, limit=limit)


@router.post("/alarms/{occurrence}/acknowledge")
def acknowledge_alarm(occurrence: str, body: Said, database: Database, now: Now, news: News) -> dict[str, Any]:
    """Ask the gateway to acknowledge an alarm: the siren stops and the state changes when the gateway has done it."""
    asked = in_transaction(database, lambda connection: service.acknowledge(connection, occurrence, body.actor, now))
    news.tell()
    return {"alarm": occurrence, "asked": asked}


@router.get("/holds")
def list_holds(database: Database, all_states: bool = False, limit: Limit = 200) -> list[dict[str, Any]]:
    """Goods on hold, newest first."""
    with reading(database) as connection:
        return queries.holds(connection, None if all_states else "held", limit)


@router.post("/holds/release")
def release_holds(body: Release, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, int]:
    """Make held goods available again, all of them or none; those released before stay so."""
    fact = fact_of("HoldReleased", (key,), body, body.actor, now)
    released = in_transaction(database, lambda connection: service.release_holds(connection, fact, body.holds, body.actor, now))
    news.tell()
    return {"released": released}


@router.get("/sensors")
def list_sensors(database: Database, site: str | None = None) -> list[dict[str, Any]]:
    """The last live value of every sensor, and since when it fails if it does."""
    with reading(database) as connection:
        return queries.sensor_values(connection, site)


@router.get("/rooms/{site}/{station}/samples")
def list_samples(
    site: str,
    station: str,
    database: Database,
    now: Now,
    quantity: str = "temperature_c",
    start_at: AwareDatetime | None = None,
    end_at: AwareDatetime | None = None,
    points_max: Annotated[int, Query(ge=2, le=2000)] = 400,
) -> list[dict[str, float]]:
    """Samples of a room for a chart: lowest, mean and highest value of each point, the last hour by default."""
    until: datetime = end_at or now
    with reading(database) as connection:
        return [asdict(point) for point in queries.chart(connection, site, station, quantity, start_at or until - _CHART_SPAN, until, points_max)]
