# SPDX-License-Identifier: Apache-2.0
"""Routes of inbound."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from central.database import in_transaction, reading
from central.errors import NotFoundError
from central.facts import RequestKey, fact_of
from central.inbound import queries, service
from central.inbound.documents import ShipNotice
from central.paging import After, Page
from central.paging import Limit as PageLimit
from central.requests import Database, News, Now

router = APIRouter(prefix="/api/v1", tags=["inbound"])

Limit = Annotated[int, Query(ge=1, le=1000)]


class Settlement(BaseModel):
    """How a discrepancy ends: `found` books its quantity after all, `accepted` leaves the books as they are."""

    model_config = ConfigDict(extra="forbid")

    resolution: Literal["accepted", "found"]
    actor: str = "api"


class ExpectedOn(BaseModel):
    """A day."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"expected_on": "2026-11-25"}]})

    expected_on: date = Field(description="the day on which the supplier delivers")


@router.post("/ship-notices")
def post_ship_notice(notice: ShipNotice, database: Database, now: Now, news: News) -> dict[str, Any]:
    """Announce goods; the same notice again changes nothing, another one under the same number is refused (409)."""
    fact = fact_of("ShipNotice", (notice.number,), notice, "api", now, notice.site)
    new = in_transaction(database, lambda connection: service.announce(connection, fact, notice, now))
    news.tell()
    return {"number": notice.number, "new": new}


@router.get("/ship-notices")
def list_ship_notices(database: Database, state: Literal["open", "received", "closed"] | None = None, limit: Limit = 100) -> list[dict[str, Any]]:
    """Ship notices, newest first."""
    with reading(database) as connection:
        return queries.notices(connection, state, limit)


@router.get("/ship-notices/{number}")
def get_ship_notice(number: str, database: Database) -> dict[str, Any]:
    """One ship notice with its lines."""
    with reading(database) as connection:
        notice = queries.notice_of(connection, number)
    if notice is None:
        raise NotFoundError("unknown_ship_notice", f"ship notice {number} is not known")
    return notice


@router.get("/purchase-lines")
def list_purchase_lines(database: Database, after: After = None, limit: PageLimit = 100) -> Page[dict[str, Any]]:
    """What was bought, newest first."""
    with reading(database) as connection:
        return queries.purchase_lines(connection, after, limit)


@router.put("/purchase-lines/{number}/expected")
def expect_purchase(number: Annotated[int, Path(ge=1, le=2**63 - 1)], body: ExpectedOn, database: Database, news: News) -> dict[str, Any]:
    """Say when a purchase line comes: orders are promised from it for that day."""
    in_transaction(database, lambda connection: service.expect_purchase(connection, number, body.expected_on))
    news.tell()
    return {"number": number, "expected_on": body.expected_on}


@router.get("/passages")
def list_passages(database: Database, station: str | None = None, limit: Limit = 50) -> list[dict[str, Any]]:
    """What passed the dock doors, newest first."""
    with reading(database) as connection:
        return queries.passages(connection, station, limit)


@router.get("/discrepancies")
def list_discrepancies(database: Database, state: Literal["open", "accepted", "found"] | None = None, limit: Limit = 100) -> list[dict[str, Any]]:
    """Where goods and ship notices differ, newest first."""
    with reading(database) as connection:
        return queries.discrepancies(connection, state, limit)


@router.post("/discrepancies/{number}/settle")
def settle_discrepancy(number: int, body: Settlement, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Close a discrepancy."""
    fact = fact_of("DiscrepancySettled", (str(number), key), body, body.actor, now)
    found = body.resolution == "found"
    in_transaction(database, lambda connection: service.settle_discrepancy(connection, fact, number, found=found, actor=body.actor, now=now))
    news.tell()
    return {"number": number, "state": body.resolution}
