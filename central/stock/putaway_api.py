# SPDX-License-Identifier: Apache-2.0
"""Routes of putting away: what waits at the dock doors, and that it was taken to its place."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from central.database import in_transaction, reading
from central.examples import answer
from central.facts import RequestKey, fact_of
from central.paging import After, Limit, Page
from central.requests import Database, Filter, News, Now
from central.stock import putaway
from central.stock.bodies import Actor, Body, Place

router = APIRouter(prefix="/api/v1", tags=["stock"])

Sscc = Annotated[str, Path(min_length=1, max_length=40, description="SSCC, or the unit's name of the house", examples=["006141411234567890"])]
_LINE: dict[str, Any] = {"item": "milk", "lot": "L1", "quantity": 48, "place": "shanghai-1/cool-1"}


class PutawayLine(BaseModel):
    """Goods on a unit that waits, and where they belong."""

    model_config = answer(_LINE)

    item: str
    lot: str
    quantity: int
    place: str = Field(description="the first storage place that takes them now; empty: none does, a person chooses")


class PutawayTask(BaseModel):
    """A unit that waits at a dock door to be put away."""

    model_config = answer(
        {
            "sscc": "006141411234567890",
            "kind": "pallet",
            "site": "shanghai-1",
            "place": "shanghai-1/dock-1",
            "made_at": "2026-11-21T08:00:00Z",
            "received_at": "2026-11-21T08:00:00Z",
            "lines": [_LINE],
            "to_place": "shanghai-1/cool-1",
        }
    )

    sscc: str
    kind: str
    site: str
    place: str = Field(description="where it waits")
    made_at: datetime = Field(description="since when it is known")
    received_at: datetime | None = Field(description="when it was received; null: it came here otherwise")
    lines: list[PutawayLine]
    to_place: str = Field(description="where all of it belongs; empty: its goods belong to several places, or to none")


class PuttingAway(Body):
    """Where the unit was taken."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"to_place": "shanghai-1/cool-1", "actor": "li"}]})

    to_place: Place | None = Field(None, description="left out: where the task says")
    actor: Actor = "api"


class PutAway(BaseModel):
    """Where a unit stands now."""

    model_config = answer({"sscc": "006141411234567890", "place": "shanghai-1/cool-1"})

    sscc: str
    place: str


@router.get("/putaway-tasks", response_model=Page[PutawayTask])
def list_putaway_tasks(database: Database, site: Filter = None, after: After = None, limit: Limit = 50) -> Page[dict[str, Any]]:
    """Units that wait at dock doors, the oldest first, each with what is on it and where it belongs."""
    with reading(database) as connection:
        return putaway.tasks(connection, site, after, limit)


@router.post("/putaway-tasks/{sscc}/confirm")
def confirm_putaway(sscc: Sscc, body: PuttingAway, database: Database, now: Now, news: News, key: RequestKey) -> PutAway:
    """Say that a unit was put away: it moves there with everything in it."""
    fact = fact_of("PutAway", (sscc, key), body, body.actor, now)
    place = in_transaction(database, lambda connection: putaway.put_away(connection, fact, sscc, body.to_place or "", now))
    news.tell()
    return PutAway(sscc=sscc, place=place)
