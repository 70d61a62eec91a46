# SPDX-License-Identifier: Apache-2.0
"""Routes of work orders."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from central.database import in_transaction, reading
from central.errors import NotFoundError
from central.exceptions import queries, service
from central.requests import Database, News, Now

router = APIRouter(prefix="/api/v1", tags=["exceptions"])


class Owner(BaseModel):
    """Who takes it in hand."""

    model_config = ConfigDict(extra="forbid")

    owner: str = Field(min_length=1, max_length=100)


class Resolution(BaseModel):
    """What was done, and by whom."""

    model_config = ConfigDict(extra="forbid")

    resolution: str = Field(min_length=1, max_length=1000)
    actor: str = Field("api", min_length=1, max_length=100)


@router.get("/work-orders")
def list_work_orders(
    database: Database, state: Literal["open", "resolved", "all"] = "open", before: int | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[dict[str, Any]]:
    """Work orders, newest first; `before` the last number for the next page."""
    with reading(database) as connection:
        return queries.work_orders(connection, None if state == "all" else state, before, limit)


@router.get("/work-orders/{number}")
def get_work_order(number: int, database: Database) -> dict[str, Any]:
    """One work order."""
    with reading(database) as connection:
        row = queries.work_order_of(connection, number)
    if row is None:
        raise NotFoundError("unknown_work_order", f"work order {number} is not known")
    return row


@router.post("/work-orders/{number}/take")
def take_work_order(number: int, body: Owner, database: Database, news: News) -> dict[str, Any]:
    """Take a work order in hand."""
    in_transaction(database, lambda connection: service.take_in_hand(connection, number, body.owner))
    news.tell()
    return get_work_order(number, database)


@router.post("/work-orders/{number}/resolve")
def resolve_work_order(number: int, body: Resolution, database: Database, now: Now, news: News) -> dict[str, Any]:
    """Close a work order with what was done."""
    in_transaction(database, lambda connection: service.resolve(connection, number, body.resolution, body.actor, now))
    news.tell()
    return get_work_order(number, database)
