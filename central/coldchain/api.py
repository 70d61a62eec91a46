# SPDX-License-Identifier: Apache-2.0
"""Routes of the cold chain."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from central.coldchain import arrays, queries, service
from central.coldchain.answers import AlarmAsked, AlarmOut, HoldOut, PointOut, Released, SensorArrayOut, SensorOut
from central.database import in_transaction, reading
from central.examples import body as body_config
from central.facts import RequestKey, fact_of
from central.paging import After, Limit, Page
from central.requests import NUMBER_MAX, Database, Filter, Moment, News, Now

router = APIRouter(prefix="/api/v1", tags=["coldchain"])

Word = Annotated[str, Path(max_length=64)]
Occurrence = Annotated[str, Path(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", description="id of the alarm, of GET /api/v1/alarms")]
_CHART_SPAN = timedelta(hours=1)


class Said(BaseModel):
    """Who does it."""

    model_config = body_config({"actor": "li"})

    actor: str = Field("api", min_length=1, max_length=100, description="who does it")


class Release(Said):
    """Which holds to release."""

    model_config = body_config({"holds": [3, 4], "actor": "li"})

    holds: list[Annotated[int, Field(ge=1, le=NUMBER_MAX)]] = Field(min_length=1, max_length=1000, description="ids of holds")


@router.get("/alarms")
def list_alarms(database: Database, standing: bool = True, after: After = None, limit: Limit = 100) -> Page[AlarmOut]:
    """Alarms that stand, most urgent first; or all of them, newest first."""
    with reading(database) as connection:
        return queries.alarms(connection, standing=standing, after=after, limit=limit).of(AlarmOut)


@router.post("/alarms/{occurrence}/acknowledge")
def acknowledge_alarm(occurrence: Occurrence, body: Said, database: Database, now: Now, news: News) -> AlarmAsked:
    """Ask the gateway to acknowledge an alarm: the siren stops and the state changes when the gateway has done it."""
    asked = in_transaction(database, lambda connection: service.acknowledge(connection, occurrence, body.actor, now))
    news.tell()
    return AlarmAsked(alarm=occurrence, asked=asked)


@router.get("/holds")
def list_holds(database: Database, all_states: bool = False, after: After = None, limit: Limit = 200) -> Page[HoldOut]:
    """Goods on hold, newest first."""
    with reading(database) as connection:
        return queries.holds(connection, None if all_states else "held", after, limit).of(HoldOut)


@router.post("/holds/release")
def release_holds(body: Release, database: Database, now: Now, news: News, key: RequestKey) -> Released:
    """Make held goods available again, all of them or none; those released before stay so."""
    fact = fact_of("HoldReleased", (key,), body, body.actor, now)
    released = in_transaction(database, lambda connection: service.release_holds(connection, fact, body.holds, body.actor, now))
    news.tell()
    return Released(released=released)


@router.get("/sensors")
def list_sensors(database: Database, site: Filter = None, after: After = None, limit: Limit = 1000) -> Page[SensorOut]:
    """The last live value of every sensor, and since when it fails if it does."""
    with reading(database) as connection:
        return queries.sensor_values(connection, site, after, limit).of(SensorOut)


@router.get("/sensors/arrays")
def list_sensor_arrays(database: Database, site: Filter = None, after: After = None, limit: Limit = 100) -> Page[SensorArrayOut]:
    """What devices that give many values at once (station kind data_logger) said last."""
    with reading(database) as connection:
        return arrays.sensor_arrays(connection, site, after, limit).of(SensorArrayOut)


@router.get("/rooms/{site}/{station}/samples")
def list_samples(
    site: Word,
    station: Word,
    database: Database,
    now: Now,
    quantity: Annotated[str, Query(max_length=64)] = "temperature_c",
    start_at: Moment | None = None,
    end_at: Moment | None = None,
    points_max: Annotated[int, Query(ge=2, le=2000)] = 400,
) -> list[PointOut]:
    """Samples of a room for a chart: lowest, mean and highest value of each point, the last hour by default."""
    until: datetime = end_at or now
    with reading(database) as connection:
        return [
            PointOut.model_validate(point) for point in queries.chart(connection, site, station, quantity, start_at or until - _CHART_SPAN, until, points_max)
        ]
