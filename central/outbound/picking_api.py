# SPDX-License-Identifier: Apache-2.0
"""Routes of picking: the pick list, its answers, weights."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy import Connection

from central.database import in_transaction, reading
from central.facts import fact_of
from central.ledger.rules import Fact
from central.outbound import queries, service
from central.outbound.orders_api import Said
from central.requests import Database, News, Now

router = APIRouter(prefix="/api/v1", tags=["outbound"])

Limit = Annotated[int, Query(ge=1, le=1000)]


class PickAnswer(Said):
    """What was taken for a pick task; less than requested is a short pick."""

    quantity: int = Field(ge=0)


@router.get("/pick-tasks")
def list_pick_tasks(database: Database, open_only: bool = True, station: str | None = None, limit: Limit = 200) -> list[dict[str, Any]]:
    """The pick list."""
    with reading(database) as connection:
        return queries.pick_tasks(connection, open_only=open_only, station=station, limit=limit)


@router.post("/pick-tasks/{task_id}/confirm")
def confirm_pick(task_id: str, body: PickAnswer, database: Database, now: Now, news: News) -> dict[str, Any]:
    """Answer a pick task from the list; the same answer again changes nothing."""
    fact_body = fact_of("PickConfirmed", (task_id, str(body.quantity)), body, body.actor, now)

    def work(connection: Connection) -> str:
        site = service.site_of_task(connection, task_id)
        fact = Fact(fact_body.id, fact_body.source, None, fact_body.kind, fact_body.body, body.actor, now, site)
        return service.confirm_from_list(connection, fact, task_id, body.quantity, now)

    verdict = in_transaction(database, work)
    news.tell()
    return {"task": task_id, "verdict": verdict}


@router.get("/weights")
def list_weights(database: Database, station: str | None = None, limit: Limit = 50) -> list[dict[str, Any]]:
    """Weights with their verdicts, newest first."""
    with reading(database) as connection:
        return queries.weights(connection, station, limit)
