# SPDX-License-Identifier: Apache-2.0
"""Routes of waves: preview, plan, release, change, cancel, progress."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import ConfigDict, Field
from sqlalchemy import Connection, Engine

from central.database import in_transaction, reading
from central.facts import RequestKey, fact_of
from central.outbound import wave_queries, waves
from central.outbound.orders_api import OrderId, Said
from central.outbound.wave_answers import WaveOut, WavePlanned, WaveReleased, WavesPlanned, WaveWhole
from central.outbound.wave_documents import Criteria
from central.paging import After, Limit, Page
from central.requests import Database, Filter, News, Now

router = APIRouter(prefix="/api/v1", tags=["waves"])

Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="the wave's number", examples=[7])]


class PlanMany(Criteria):
    """Criteria by which waves are planned until no order is left."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"site": "shanghai-1", "mode": "cluster", "orders_max": 60, "waves_max": 10}]})

    waves_max: int = Field(20, ge=1, le=200, description="so many waves at most")


@router.post("/waves", response_model=WavePlanned)
def plan_wave(
    body: Criteria,
    database: Database,
    now: Now,
    news: News,
    key: RequestKey,
    dry_run: Annotated[bool, Query(description="only say which orders would go in, and which not and why")] = False,
) -> dict[str, Any]:
    """Plan a wave: the most urgent orders that fit the criteria and the limits. `wave` is null when none does."""
    if dry_run:
        with reading(database) as connection:
            return {"wave": None, "preview": wave_queries.preview_of(waves.preview(connection, body, now))}
    fact = fact_of("WavePlanned", (key,), body, "api", now, body.site)
    number = in_transaction(database, lambda connection: waves.plan_wave(connection, fact, body, now))
    news.tell()
    return {"wave": None if number is None else _wave(database, number), "preview": None}


@router.post("/wave-plans", response_model=WavesPlanned)
def plan_waves(body: PlanMany, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Plan wave after wave, most urgent orders first, each within the limits, until no order fits another one."""
    fact = fact_of("WavesPlanned", (key,), body, "api", now, body.site)
    criteria = Criteria.model_validate(body.model_dump(exclude={"waves_max"}))
    numbers = in_transaction(database, lambda connection: waves.plan_waves(connection, fact, criteria, body.waves_max, now))
    news.tell()
    with reading(database) as connection:
        return {"waves": [wave_queries.row_of(connection, number) for number in numbers]}


@router.get("/waves", response_model=Page[WaveOut])
def list_waves(
    database: Database,
    site: Filter = None,
    state: Literal["planned", "released", "done", "cancelled"] | None = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[dict[str, Any]]:
    """Waves, newest first."""
    with reading(database) as connection:
        return wave_queries.waves(connection, site, state, after, limit)


def _wave(engine: Engine, number: int) -> dict[str, Any]:
    with reading(engine) as connection:
        return wave_queries.wave_of(connection, number)


@router.get("/waves/{number}", response_model=WaveWhole)
def get_wave(number: Number, database: Database) -> dict[str, Any]:
    """One wave: its orders, and how far it is."""
    return _wave(database, number)


@router.post("/waves/{number}/release", response_model=WaveReleased)
def release_wave(number: Number, body: Said, database: Database, now: Now, news: News) -> dict[str, Any]:
    """Send a wave to the floor. Orders that cannot be released leave it; `refused` says why."""
    fact = fact_of("WaveReleased", (str(number),), body, body.actor, now)
    refused = in_transaction(database, lambda connection: waves.release_wave(connection, fact, number, now))
    news.tell()
    return {**_wave(database, number), "refused": [{"order": order_id, "reason": reason} for order_id, reason in sorted(refused.items())]}


@router.post("/waves/{number}/cancel", response_model=WaveWhole)
def cancel_wave(number: Number, body: Said, database: Database, now: Now, news: News) -> dict[str, Any]:
    """Cancel a wave: orders of which nothing is picked are free again."""
    fact = fact_of("WaveCancelled", (str(number),), body, body.actor, now)
    in_transaction(database, lambda connection: waves.cancel_wave(connection, fact, number, now))
    news.tell()
    return _wave(database, number)


@router.put("/waves/{number}/orders/{order_id}", response_model=WaveWhole)
def add_order(number: Number, order_id: OrderId, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Put an order into a wave; there already changes nothing."""
    body = Said(actor="api")
    fact = fact_of("WaveOrderAdded", (str(number), order_id, key), body, body.actor, now)

    def work(connection: Connection) -> None:
        waves.add_order(connection, fact, number, order_id, now)

    in_transaction(database, work)
    news.tell()
    return _wave(database, number)


@router.delete("/waves/{number}/orders/{order_id}", response_model=WaveWhole)
def remove_order(number: Number, order_id: OrderId, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Take an order out of a wave that is not released; not in it changes nothing."""
    body = Said(actor="api")
    fact = fact_of("WaveOrderRemoved", (str(number), order_id, key), body, body.actor, now)
    in_transaction(database, lambda connection: waves.remove_order(connection, fact, number, order_id, now))
    news.tell()
    return _wave(database, number)
