# SPDX-License-Identifier: Apache-2.0
"""Routes of picking: the pick list, its answers, weights."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from central.database import reading
from central.outbound import queries
from central.outbound.pick_answers import PickTaskOut, WeighedOut
from central.paging import After, Limit, Page
from central.requests import Database

router = APIRouter(prefix="/api/v1", tags=["outbound"])


@router.get("/pick-tasks", response_model=Page[PickTaskOut])
def list_pick_tasks(database: Database, open_only: bool = True, station: str | None = None, after: After = None, limit: Limit = 200) -> Page[dict[str, Any]]:
    """The pick list: open tasks, oldest first; with `open_only=false` all, newest first."""
    with reading(database) as connection:
        return queries.pick_tasks(connection, open_only=open_only, station=station, after=after, limit=limit)


@router.get("/weights", response_model=Page[WeighedOut])
def list_weights(database: Database, station: str | None = None, after: After = None, limit: Limit = 50) -> Page[dict[str, Any]]:
    """Weights with their verdicts, newest first."""
    with reading(database) as connection:
        return queries.weights(connection, station, after, limit)
