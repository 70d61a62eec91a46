# SPDX-License-Identifier: Apache-2.0
"""Routes of stock: one view over all sites, and those of units, transfers, lots and pieces; those of moves are tried before all others (`central.app`)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from central.database import reading
from central.paging import After, Limit, Page
from central.requests import Database
from central.stock import answers, lots_api, putaway_api, states, transfers_api, units_api

router = APIRouter()
_views = APIRouter(prefix="/api/v1", tags=["stock"])


@_views.get("/stock/states", response_model=Page[answers.StatesOut])
def list_states(
    database: Database,
    site: Annotated[str | None, Query(max_length=64)] = None,
    item: Annotated[str | None, Query(max_length=64)] = None,
    by: Annotated[states.By, Query(description="a row for each site and item, or for each item over all sites")] = "site",
    after: After = None,
    limit: Limit = 100,
) -> Page[dict[str, Any]]:
    """Stock by site and item, or by item over all sites: on hand by state, reserved, promised, picked, in transit, incoming, free."""
    with reading(database) as connection:
        return states.states(connection, site=site, item=item, by=by, after=after, limit=limit)


for _part in (_views, units_api.router, transfers_api.router, lots_api.router, putaway_api.router):
    router.include_router(_part)
