# SPDX-License-Identifier: Apache-2.0
"""Routes of customers' returns."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from sqlalchemy import Engine

from central.database import reading
from central.errors import NotFoundError
from central.facts import RequestKey, fact_of
from central.paging import After, Limit, Page
from central.requests import Database, News, Now
from central.shipping import queries, returns
from central.shipping.answers import ReturnListed, ReturnOut
from central.shipping.documents import UUID_PATTERN, ReturnAnnounced, ReturnArrived, ReturnInspected
from central.shipping.requests import EXAMPLE_ID, Said, do

router = APIRouter(prefix="/api/v1", tags=["returns"])

ReturnId = Annotated[str, Path(pattern=UUID_PATTERN, description="the return's id", examples=[EXAMPLE_ID])]
ReturnState = Literal["announced", "arrived", "inspected", "cancelled"]


def _return(engine: Engine, return_id: str) -> ReturnOut:
    with reading(engine) as connection:
        found = queries.return_of(connection, return_id)
    if found is None:
        raise NotFoundError("unknown_return", f"return {return_id} is not known")
    return ReturnOut.model_validate(found)


@router.post("/returns")
def post_return(body: ReturnAnnounced, database: Database, now: Now, news: News) -> ReturnOut:
    """Announce a return (RMA), of a shipped order or blind. The same return again is the same, another one under its number is refused (409)."""
    fact = fact_of("ReturnAnnounced", (body.channel, body.number), body, body.actor, now, body.site)
    do(database, news, lambda connection: returns.announce(connection, fact, body, now))
    return _return(database, fact.id)


@router.get("/returns")
def list_returns(database: Database, state: ReturnState | None = None, after: After = None, limit: Limit = 100) -> Page[ReturnListed]:
    """Returns, newest first."""
    with reading(database) as connection:
        return queries.returns(connection, state, after, limit)


@router.get("/returns/{return_id}")
def get_return(return_id: ReturnId, database: Database) -> ReturnOut:
    """One return with its lines and what was decided."""
    return _return(database, return_id)


@router.post("/returns/{return_id}/arrivals")
def post_arrival(return_id: ReturnId, body: ReturnArrived, database: Database, now: Now, news: News, key: RequestKey) -> ReturnOut:
    """Goods of a return stand at the dock; they wait for inspection."""
    fact = fact_of("ReturnArrived", (return_id, key), body, body.actor, now, _return(database, return_id).site)
    do(database, news, lambda connection: returns.arrive(connection, fact, return_id, body, now))
    return _return(database, return_id)


@router.post("/returns/{return_id}/inspections")
def post_inspection(return_id: ReturnId, body: ReturnInspected, database: Database, now: Now, news: News, key: RequestKey) -> ReturnOut:
    """Decide on returned goods: sold again, hold, damaged, scrap, or back to the supplier."""
    fact = fact_of("ReturnInspected", (return_id, key), body, body.actor, now, _return(database, return_id).site)
    do(database, news, lambda connection: returns.inspect(connection, fact, return_id, body, now))
    return _return(database, return_id)


@router.post("/returns/{return_id}/close")
def post_return_close(return_id: ReturnId, body: Said, database: Database, now: Now, news: News, key: RequestKey) -> ReturnOut:
    """End a return of which no more will come."""
    fact = fact_of("ReturnClosed", (return_id, key), body, body.actor, now, _return(database, return_id).site)
    do(database, news, lambda connection: returns.close(connection, fact, return_id, now))
    return _return(database, return_id)
