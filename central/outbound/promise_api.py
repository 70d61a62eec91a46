# SPDX-License-Identifier: Apache-2.0
"""Routes of what can be promised: by day for one item, and as a feed for shops."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query

from central.catalog import service as catalog
from central.catalog.rules import Code, Site
from central.database import reading
from central.outbound import promise_queries
from central.outbound.order_answers import AtpOut, OfferOut
from central.paging import After, Limit, Page
from central.requests import Database, Day, Now

router = APIRouter(prefix="/api/v1", tags=["outbound"])

Item = Annotated[Code, Query(description="an item's code", examples=["milk"])]
AtSite = Annotated[Site, Query(description="a site", examples=["shanghai-1"])]
Owner = Annotated[str, Query(max_length=64, description="whose goods; empty: our own")]


@router.get("/atp", response_model=AtpOut)
def available_to_promise(
    database: Database,
    now: Now,
    item: Item,
    site: AtSite,
    owner: Owner = "",
    until: Annotated[Day | None, Query(description="the last day; left out: 30 days on")] = None,
    keep_days: Annotated[int, Query(ge=0, le=3650, description="how long goods must keep when they leave")] = 0,
) -> dict[str, Any]:
    """What of an item can be promised at a site, day by day: what comes, what is promised, and what can still be promised up to that day."""
    with reading(database) as connection:
        last = until or catalog.days_at(connection, [site], now)[site] + timedelta(days=30)
        return promise_queries.by_day(connection, site, item, owner, last, keep_days, now)


@router.get("/stock/promisable", response_model=Page[OfferOut])
def promisable(
    database: Database,
    now: Now,
    item: Annotated[list[Code] | None, Query(max_length=500, description="these items; left out: all, page by page")] = None,
    site: Annotated[list[Site] | None, Query(max_length=100, description="at these sites; left out: all that send orders")] = None,
    owner: Owner = "",
    days: Annotated[int, Query(ge=0, le=90, description="look so many days ahead; 0: only what can leave next")] = 14,
    after: After = None,
    limit: Limit = 100,
) -> Page[dict[str, Any]]:
    """What shops may offer: by item, at each site and in sum, for the next day on which goods leave and by the day on which more can.

    It is what an order that comes now would be promised, so shops that show it cannot sell the same goods twice for long; the order itself is the lock.
    """
    with reading(database) as connection:
        return promise_queries.feed(connection, item, site, owner, days, after, limit, now)
