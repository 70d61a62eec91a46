# SPDX-License-Identifier: Apache-2.0
"""Routes of the catalog: master data as JSON and CSV, stock, opening stock and corrections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from central.catalog import queries, service
from central.catalog.faults import RowFault
from central.catalog.rules import KINDS, Code, Item, Location, Lot, Partner, Row, StockLevel, Zone
from central.catalog.sheets import SheetUnreadableError, read_sheet
from central.database import in_transaction, reading
from central.errors import DomainError
from central.facts import RequestKey, fact_of
from central.ledger.rules import Account, Status
from central.requests import Database, News, Now

router = APIRouter(prefix="/api/v1", tags=["catalog"])

Kind = Literal["items", "locations", "zones", "levels", "partners"]
PLACE = r"^[^/@]+/[^/]+$"
"""A place as the ledger names it: site/location."""
Limit = Annotated[int, Query(ge=1, le=1000)]


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


class LastDay(_Body):
    """The last day of use of a lot."""

    expiry: date


@router.get("/catalog/{kind}")
def list_rows(
    kind: Literal["items", "lots", "locations", "zones", "levels", "partners"], database: Database, after: str = "", limit: Limit = 100
) -> list[dict[str, Any]]:
    """Master data in the order of its key; `after` the last key for the next page."""
    with reading(database) as connection:
        return queries.rows(connection, kind, after, limit)


def _keep(database: Database, news: News, rows: Sequence[Row]) -> dict[str, int]:
    in_transaction(database, lambda connection: service.keep(connection, rows))
    news.tell()
    return {"kept": len(rows)}


@router.put("/catalog/items")
def put_items(rows: list[Item], database: Database, news: News) -> dict[str, int]:
    """Add or change items, all of them or none."""
    return _keep(database, news, rows)


@router.put("/catalog/locations")
def put_locations(rows: list[Location], database: Database, news: News) -> dict[str, int]:
    """Add or change locations, all of them or none."""
    return _keep(database, news, rows)


@router.put("/catalog/zones")
def put_zones(rows: list[Zone], database: Database, news: News) -> dict[str, int]:
    """Add or change pick zones, all of them or none."""
    return _keep(database, news, rows)


@router.put("/catalog/levels")
def put_levels(rows: list[StockLevel], database: Database, news: News) -> dict[str, int]:
    """Add or change minimum and maximum stock, all of them or none."""
    return _keep(database, news, rows)


@router.put("/catalog/partners")
def put_partners(rows: list[Partner], database: Database, news: News) -> dict[str, int]:
    """Add or change partners, all of them or none."""
    return _keep(database, news, rows)


@router.post("/imports/{kind}", openapi_extra={"requestBody": {"content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}}}})
async def import_sheet(kind: Kind, request: Request, database: Database, news: News, dry_run: bool = False) -> dict[str, Any]:
    """Import a CSV file (the body), all rows or none; with `dry_run` only say what is wrong, row by row."""
    from starlette.concurrency import run_in_threadpool

    data = await request.body()
    return await run_in_threadpool(_import, kind, data, database, news, dry_run)


def _import(kind: str, data: bytes, database: Database, news: News, dry_run: bool) -> dict[str, Any]:
    try:
        sheet = read_sheet(data, KINDS[kind])
    except SheetUnreadableError as error:
        raise DomainError("sheet_unreadable", str(error)) from error

    def work(connection: Connection) -> tuple[bool, list[RowFault]]:
        planned = service.plan(connection, sheet.rows)
        errors = sorted((*sheet.errors, *planned.faults))
        written = not errors and not dry_run and bool(sheet.rows)
        if written:
            service.carry_out(connection, planned)
        return written, errors

    written, errors = in_transaction(database, work)
    news.tell()
    return {"rows": len(sheet.rows), "written": written, "errors": [asdict(error) for error in errors]}


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


@router.put("/catalog/lots/{item}/{lot}")
def put_lot(item: str, lot: str, body: LastDay, database: Database, news: News) -> dict[str, str]:
    """Set a lot's last day of use, and with it the order in which its stock leaves."""
    in_transaction(database, lambda connection: service.change_expiry(connection, item, lot, body.expiry))
    news.tell()
    return {"item": item, "lot": lot, "expiry": body.expiry.isoformat()}
