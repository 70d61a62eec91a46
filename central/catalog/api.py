# SPDX-License-Identifier: Apache-2.0
"""Routes of the catalog: its lists, what can be asked of them, and corrections of stock."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from central.catalog import lists_api, service
from central.catalog.rules import Code, Lot
from central.database import in_transaction
from central.facts import RequestKey, fact_of
from central.ledger.rules import Account, Status
from central.requests import Database, News, Now

router = APIRouter(prefix="/api/v1", tags=["catalog"])

PLACE = r"^[^/@]+/[^/]+$"
"""A place as the ledger names it: site/location."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CorrectionLine(_Body):
    """Opening stock or a correction at one place; `quantity` is what is there more (or, negative, less) than in the books."""

    place: str = Field(pattern=PLACE, examples=["shanghai-1/A-01"])
    item: Code
    quantity: int
    lot: Lot = ""
    expiry: date | None = None
    status: Status = "available"


class Corrections(_Body):
    """Opening stock or corrections, all of them or none."""

    reason: str = Field("opening", max_length=200)
    actor: str = "api"
    lines: list[CorrectionLine] = Field(min_length=1, max_length=5000)


class Move(_Body):
    """Move stock to another place, another status (e.g. from inspection to available after a count), or both; what is left out stays as it is."""

    place: str = Field(pattern=PLACE)
    item: Code
    lot: Lot = ""
    owner: str = ""
    unit: str = ""
    status: Status = "available"
    quantity: int = Field(gt=0)
    to_place: str | None = Field(None, pattern=PLACE)
    to_status: Status | None = None
    to_unit: str = Field("", description="handling unit at the new place; goods moved to another place leave theirs")
    actor: str = "api"


@router.post("/stock/corrections")
def post_corrections(body: Corrections, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, bool]:
    """Post opening stock or corrections against the virtual place of count differences."""
    site = body.lines[0].place.partition("/")[0]
    fact = fact_of("StockCorrected", (key,), body, body.actor, now, site)
    lines = [service.Correction(**line.model_dump()) for line in body.lines if line.quantity]
    posted = in_transaction(database, lambda connection: service.correct_stock(connection, fact, lines, now))
    news.tell()
    return {"posted": posted}


@router.post("/stock/moves")
def post_move(body: Move, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, bool]:
    """Move stock within a site."""
    source = Account(body.place, body.item, body.lot, body.owner, body.status, body.unit)
    stays = body.to_place in (None, body.place)
    target = Account(body.to_place or body.place, body.item, body.lot, body.owner, body.to_status or body.status, body.unit if stays else body.to_unit)
    fact = fact_of("StockMoved", (key,), body, body.actor, now, source.site)
    moved = in_transaction(database, lambda connection: service.move_stock(connection, fact, source, target, body.quantity, now))
    news.tell()
    return {"moved": moved}


router.include_router(lists_api.router)
