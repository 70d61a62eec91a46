# SPDX-License-Identifier: Apache-2.0
"""Routes of work orders."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine

from central.database import in_transaction, reading
from central.errors import NotFoundError
from central.exceptions import queries, service
from central.exceptions.answers import WorkOrderOut
from central.facts import fact_of
from central.paging import After, Limit, Page
from central.requests import Database, Filter, News, Now, Number

router = APIRouter(prefix="/api/v1", tags=["exceptions"])


class Owner(BaseModel):
    """Who takes it in hand."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"owner": "li"}]})

    owner: str = Field(min_length=1, max_length=100, description="a person, as the house calls them")


class Resolution(BaseModel):
    """What was done, and by whom."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"resolution": "counted the bin, it is empty", "actor": "li"}]})

    resolution: str = Field(min_length=1, max_length=1000, description="what was done, in words")
    actor: str = Field("api", min_length=1, max_length=100, description="who did it")


class Press(BaseModel):
    """Who presses the button."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"actor": "li"}]})

    actor: str = Field("api", min_length=1, max_length=100, description="who decides it")


@router.get("/work-orders", response_model=Page[WorkOrderOut])
def list_work_orders(
    database: Database,
    now: Now,
    state: Literal["open", "resolved", "all"] = "open",
    kind: Filter = None,
    site: Filter = None,
    owner: Filter = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[dict[str, Any]]:
    """Work orders, newest first, each with its owner, age, due time and the actions that settle it at one touch."""
    with reading(database) as connection:
        chosen = None if state == "all" else state
        return queries.work_orders(connection, now, state=chosen, kind=kind, site=site, owner=owner, after=after, limit=limit)


@router.get("/work-orders/{number}", response_model=WorkOrderOut)
def get_work_order(number: Number, database: Database, now: Now) -> dict[str, Any]:
    """One work order, with the actions that settle it at one touch."""
    return _work_order(database, number, now)


def _work_order(engine: Engine, number: int, now: Now) -> dict[str, Any]:
    with reading(engine) as connection:
        row = queries.work_order_of(connection, number, now)
    if row is None:
        raise NotFoundError("unknown_work_order", f"work order {number} is not known")
    return row


@router.post("/work-orders/{number}/take", response_model=WorkOrderOut)
def take_work_order(number: Number, body: Owner, database: Database, now: Now, news: News) -> dict[str, Any]:
    """Take a work order in hand; the last who says so owns it."""
    in_transaction(database, lambda connection: service.take_in_hand(connection, number, body.owner))
    news.tell()
    return _work_order(database, number, now)


@router.post("/work-orders/{number}/resolve", response_model=WorkOrderOut)
def resolve_work_order(number: Number, body: Resolution, database: Database, now: Now, news: News) -> dict[str, Any]:
    """Close a work order with what was done; the same words again change nothing."""
    in_transaction(database, lambda connection: service.resolve(connection, number, body.resolution, body.actor, now))
    news.tell()
    return _work_order(database, number, now)


@router.post("/work-orders/{number}/actions/{code}", response_model=WorkOrderOut)
def act_on_work_order(
    number: Number, code: Annotated[str, Path(max_length=64, examples=["backorder_rest"])], body: Press, database: Database, now: Now, news: News
) -> dict[str, Any]:
    """Settle a work order by one of its actions, and close it. The same action again changes nothing; another one after it is refused (409)."""
    fact = fact_of("WorkOrderAction", (str(number), code), body, body.actor, now)
    in_transaction(database, lambda connection: service.act(connection, fact, number, code, now))
    news.tell()
    return _work_order(database, number, now)
