# SPDX-License-Identifier: Apache-2.0
"""Routes of planning."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from central.catalog.rules import Site
from central.database import in_transaction, reading
from central.examples import answer
from central.examples import body as body_config
from central.facts import fact_of
from central.paging import After, Limit, Page
from central.planning import queries, service
from central.requests import Database, News, Now, Number

router = APIRouter(prefix="/api/v1", tags=["planning"])


class Decision(BaseModel):
    """Who decides."""

    model_config = body_config({"actor": "li"})

    actor: str = Field("api", min_length=1, max_length=100, description="who decides it")


class Run(Decision):
    """Propose for all items of a site."""

    model_config = body_config({"site": "shanghai-1", "actor": "li"})

    site: Site = Field(description="the site to look at")


class ProposalOut(BaseModel):
    """What planning proposes, and why."""

    model_config = answer(
        {
            "id": 17,
            "kind": "shelf",
            "site": "shanghai-1",
            "item": "milk",
            "place": "shanghai-1/A-01",
            "quantity": 24,
            "why": {"on_hand": 4, "minimum": 6, "maximum": 30},
            "state": "open",
            "created_at": "2026-11-21T08:00:00Z",
            "changed_at": "2026-11-21T08:00:00Z",
            "decided_by": "",
            "decided_at": None,
        }
    )

    id: int
    kind: Literal["shelf", "purchase"]
    site: str
    item: str
    place: str = Field(description="the bin to fill; the site for a purchase")
    quantity: int
    why: dict[str, Any] = Field(description="the figures behind it")
    state: Literal["open", "accepted", "rejected", "withdrawn"]
    created_at: datetime
    changed_at: datetime
    decided_by: str
    decided_at: datetime | None


class RunDone(BaseModel):
    """How many proposals are open now."""

    model_config = answer({"open": 3})

    open: int


class Decided(BaseModel):
    """A decision that was taken."""

    model_config = answer({"number": 17, "done": "moved"})

    number: int
    done: str = Field(description="what followed from it")


@router.get("/proposals")
def list_proposals(
    database: Database, state: Literal["open", "accepted", "rejected", "withdrawn"] | None = "open", after: After = None, limit: Limit = 100
) -> Page[ProposalOut]:
    """Replenishment proposals with their reasons, newest first."""
    with reading(database) as connection:
        return queries.proposals(connection, state, after, limit).of(ProposalOut)


@router.post("/proposals/run")
def run_proposals(body: Run, database: Database, now: Now, news: News) -> RunDone:
    """Compare all stock of a site with its minimum and maximum."""
    number = in_transaction(database, lambda connection: service.propose(connection, body.site, None, now))
    news.tell()
    return RunDone(open=number)


@router.post("/proposals/{number}/accept")
def accept_proposal(number: Number, body: Decision, database: Database, now: Now, news: News) -> Decided:
    """Do what a proposal says."""
    fact = fact_of("ProposalAccepted", (str(number),), body, body.actor, now)
    done = in_transaction(database, lambda connection: service.accept(connection, fact, number, body.actor, now))
    news.tell()
    return Decided(number=number, done=done)


@router.post("/proposals/{number}/reject")
def reject_proposal(number: Number, body: Decision, database: Database, now: Now, news: News) -> Decided:
    """Refuse a proposal."""
    in_transaction(database, lambda connection: service.reject(connection, number, body.actor, now))
    news.tell()
    return Decided(number=number, done="rejected")
