# SPDX-License-Identifier: Apache-2.0
"""Routes of planning."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from central.catalog.rules import Site
from central.database import in_transaction, reading
from central.facts import fact_of
from central.planning import queries, service
from central.requests import Database, News, Now

router = APIRouter(prefix="/api/v1", tags=["planning"])


class Decision(BaseModel):
    """Who decides."""

    model_config = ConfigDict(extra="forbid")

    actor: str = "api"


class Run(Decision):
    """Propose for all items of a site."""

    site: Site


@router.get("/proposals")
def list_proposals(
    database: Database, state: Literal["open", "accepted", "rejected", "withdrawn"] | None = "open", limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[dict[str, Any]]:
    """Replenishment proposals with their reasons, newest first."""
    with reading(database) as connection:
        return queries.proposals(connection, state, limit)


@router.post("/proposals/run")
def run_proposals(body: Run, database: Database, now: Now, news: News) -> dict[str, int]:
    """Compare all stock of a site with its minimum and maximum."""
    number = in_transaction(database, lambda connection: service.propose(connection, body.site, None, now))
    news.tell()
    return {"open": number}


@router.post("/proposals/{number}/accept")
def accept_proposal(number: int, body: Decision, database: Database, now: Now, news: News) -> dict[str, Any]:
    """Do what a proposal says."""
    fact = fact_of("ProposalAccepted", (str(number),), body, body.actor, now)
    done = in_transaction(database, lambda connection: service.accept(connection, fact, number, body.actor, now))
    news.tell()
    return {"number": number, "done": done}


@router.post("/proposals/{number}/reject")
def reject_proposal(number: int, body: Decision, database: Database, now: Now, news: News) -> dict[str, Any]:
    """Refuse a proposal."""
    in_transaction(database, lambda connection: service.reject(connection, number, body.actor, now))
    news.tell()
    return {"number": number, "done": "rejected"}
