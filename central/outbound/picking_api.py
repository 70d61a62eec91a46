# SPDX-License-Identifier: Apache-2.0
"""Routes of picking: the pick list, its answers, weights."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from central.database import reading
from central.outbound import queries
from central.requests import Database

router = APIRouter(prefix="/api/v1", tags=["outbound"])

Limit = Annotated[int, Query(ge=1, le=1000)]


@router.get("/pick-tasks")
def list_pick_tasks(database: Database, open_only: bool = True, station: str | None = None, limit: Limit = 200) -> list[dict[str, Any]]:
    """The pick list."""
    with reading(database) as connection:
        return queries.pick_tasks(connection, open_only=open_only, station=station, limit=limit)


@router.get("/weights")
def list_weights(database: Database, station: str | None = None, limit: Limit = 50) -> list[dict[str, Any]]:
    """Weights with their verdicts, newest first."""
    with reading(database) as connection:
        return queries.weights(connection, station, limit)
