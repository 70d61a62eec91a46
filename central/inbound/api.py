# SPDX-License-Identifier: Apache-2.0
"""Routes of inbound."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from central.database import in_transaction, reading
from central.errors import NotFoundError
from central.examples import body as body_config
from central.facts import RequestKey, fact_of
from central.inbound import queries, receiving_api, service
from central.inbound.answers import (
    DiscrepancyOut,
    NoticeOut,
    NoticeTaken,
    NoticeWhole,
    PassageOut,
    ProgressKept,
    PurchaseExpected,
    PurchaseLineOut,
    Settled,
)
from central.inbound.documents import Progress, ShipNotice
from central.paging import After, Limit, Page
from central.requests import Database, Filter, News, Now, Number

router = APIRouter(prefix="/api/v1", tags=["inbound"])

NoticeNumber = Annotated[str, Path(max_length=64, description="number of the ship notice", examples=["ASN-1182"])]


class Settlement(BaseModel):
    """How a discrepancy ends: `found` books its quantity after all, `accepted` leaves the books as they are."""

    model_config = body_config({"resolution": "found", "actor": "li"})

    resolution: Literal["accepted", "found"] = Field(description="how it ends")
    actor: str = Field("api", min_length=1, max_length=100, description="who decides it")


class Progressing(BaseModel):
    """How far goods are that have not come."""

    model_config = body_config({"progress": "in_transit", "actor": "carrier"})

    progress: Progress = Field(description="preparing, announced or in_transit")
    actor: str = Field("api", min_length=1, max_length=100, description="who says it")


class ExpectedOn(BaseModel):
    """A day."""

    model_config = body_config({"expected_on": "2026-11-25"})

    expected_on: date = Field(description="the day on which the supplier delivers")


@router.post("/ship-notices")
def post_ship_notice(notice: ShipNotice, database: Database, now: Now, news: News) -> NoticeTaken:
    """Announce goods; the same notice again changes nothing, another one under the same number is refused (409)."""
    fact = fact_of("ShipNotice", (notice.number,), notice, "api", now, notice.site)
    new = in_transaction(database, lambda connection: service.announce(connection, fact, notice, now))
    news.tell()
    return NoticeTaken(number=notice.number, new=new)


@router.get("/ship-notices")
def list_ship_notices(
    database: Database, state: Literal["open", "received", "closed"] | None = None, after: After = None, limit: Limit = 100
) -> Page[NoticeOut]:
    """Ship notices, newest first."""
    with reading(database) as connection:
        return queries.notices(connection, state, after, limit).of(NoticeOut)


@router.get("/ship-notices/{number}")
def get_ship_notice(number: NoticeNumber, database: Database) -> NoticeWhole:
    """One ship notice with its lines."""
    with reading(database) as connection:
        notice = queries.notice_of(connection, number)
    if notice is None:
        raise NotFoundError("unknown_ship_notice", f"ship notice {number} is not known")
    return NoticeWhole.model_validate(notice)


@router.post("/ship-notices/{number}/progress")
def say_progress(number: NoticeNumber, body: Progressing, database: Database, now: Now, news: News, key: RequestKey) -> ProgressKept:
    """Say how far the goods of a notice are; the last word counts until the first of them arrives."""
    fact = fact_of("NoticeProgress", (number, key), body, body.actor, now)
    in_transaction(database, lambda connection: service.say_progress(connection, fact, number, body.progress, now))
    news.tell()
    return ProgressKept(number=number, progress=body.progress)


@router.get("/purchase-lines")
def list_purchase_lines(database: Database, after: After = None, limit: Limit = 100) -> Page[PurchaseLineOut]:
    """What was bought, newest first."""
    with reading(database) as connection:
        return queries.purchase_lines(connection, after, limit).of(PurchaseLineOut)


@router.put("/purchase-lines/{number}/expected")
def expect_purchase(number: Number, body: ExpectedOn, database: Database, news: News) -> PurchaseExpected:
    """Say when a purchase line comes: orders are promised from it for that day."""
    in_transaction(database, lambda connection: service.expect_purchase(connection, number, body.expected_on))
    news.tell()
    return PurchaseExpected(number=number, expected_on=body.expected_on)


@router.get("/passages")
def list_passages(database: Database, station: Filter = None, after: After = None, limit: Limit = 50) -> Page[PassageOut]:
    """What passed the dock doors, newest first."""
    with reading(database) as connection:
        return queries.passages(connection, station, after, limit).of(PassageOut)


@router.get("/discrepancies")
def list_discrepancies(
    database: Database,
    state: Literal["open", "accepted", "found"] | None = None,
    kind: Filter = None,
    notice: Filter = None,
    sscc: Filter = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[DiscrepancyOut]:
    """Where goods and ship notices differ, newest first, each with its evidence; its work order has the answers of one touch."""
    with reading(database) as connection:
        return queries.discrepancies(connection, state, after, limit, kind=kind, notice=notice, sscc=sscc).of(DiscrepancyOut)


@router.post("/discrepancies/{number}/settle")
def settle_discrepancy(number: Number, body: Settlement, database: Database, now: Now, news: News, key: RequestKey) -> Settled:
    """Close a discrepancy."""
    fact = fact_of("DiscrepancySettled", (str(number), key), body, body.actor, now)
    found = body.resolution == "found"
    in_transaction(database, lambda connection: service.settle_discrepancy(connection, fact, number, found=found, actor=body.actor, now=now))
    news.tell()
    return Settled(number=number, state=body.resolution)


router.include_router(receiving_api.router)
