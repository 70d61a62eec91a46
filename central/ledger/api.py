# SPDX-License-Identifier: Apache-2.0
"""Routes of the ledger: balances, history, and the verifier."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from central.database import reading
from central.examples import answer
from central.ledger import past_api, queries
from central.ledger.verify import verify
from central.paging import After, Limit, Page
from central.requests import Database, Filter

router = APIRouter(prefix="/api/v1", tags=["ledger"])
router.include_router(past_api.router)

_ACCOUNT = {"place": "shanghai-1/A-01", "item": "milk", "lot": "L1", "owner": "", "status": "available", "unit": ""}


class BalanceOut(BaseModel):
    """What an account holds, in the item's smallest unit."""

    model_config = answer({**_ACCOUNT, "on_hand": 10, "reserved": 4, "free": 6, "expiry": "2026-12-01", "in_date": "2026-11-21T08:00:00Z"})

    place: str
    item: str
    lot: str
    owner: str
    status: str
    unit: str
    on_hand: int
    reserved: int
    free: int
    expiry: date | None
    in_date: datetime


class EntryOut(BaseModel):
    """One leg of a posting."""

    model_config = answer(
        {
            "event_id": "0f8b2c6d-4e1a-4f0b-9c3d-5e7f1a2b3c4d",
            "kind": "StockCorrected",
            "actor": "li",
            "occurred_at": "2026-11-21T08:00:00Z",
            "recorded_at": "2026-11-21T08:00:00Z",
            "n": 0,
            **_ACCOUNT,
            "quantity": 10,
            "value_minor": 0,
        }
    )

    event_id: str
    kind: str
    actor: str
    occurred_at: datetime
    recorded_at: datetime
    n: int
    place: str
    item: str
    lot: str
    owner: str
    status: str
    unit: str
    quantity: int = Field(description="what the account got; negative: what it gave")
    value_minor: int = Field(description="in the smallest unit of the currency")


class FindingsOut(BaseModel):
    """What the verifier says; `ledger_verified` is true when nothing was found."""

    model_config = answer({"ledger_verified": True, "findings": [], "events": 120, "events_sealed": 120, "entries": 480, "balances": 60, "reservations": 12})

    ledger_verified: bool
    findings: list[str]
    events: int
    events_sealed: int
    entries: int
    balances: int
    reservations: int


@router.get("/ledger/balances")
def list_balances(
    engine: Database,
    site: Filter = None,
    place: Filter = None,
    item: Filter = None,
    lot: Filter = None,
    status: Filter = None,
    unit: Filter = None,
    after: After = None,
    limit: Limit = 1000,
) -> Page[BalanceOut]:
    """Balances that fit all filters, by item and FEFO."""
    filters = {"site": site, "place": place, "item": item, "lot": lot, "status": status, "unit": unit}
    with reading(engine) as connection:
        return queries.balance_page(connection, filters, after, limit).of(BalanceOut)


@router.get("/ledger/entries")
def list_entries(
    engine: Database,
    item: Annotated[str, Query(max_length=64, description="code of the item")],
    lot: Filter = None,
    place: Filter = None,
    after: After = None,
    limit: Limit = 200,
) -> Page[EntryOut]:
    """The history of an item, newest first."""
    with reading(engine) as connection:
        return queries.history(connection, item=item, lot=lot, place=place, after=after, limit=limit).of(EntryOut)


@router.get("/ledger/verify")
def verify_ledger(engine: Database) -> FindingsOut:
    """Rebuild and compare everything; takes as long as the ledger is large."""
    with reading(engine) as connection:
        findings = verify(connection)
    return FindingsOut(
        ledger_verified=findings.sound,
        findings=findings.texts(),
        events=findings.events,
        events_sealed=findings.sealed,
        entries=findings.entries,
        balances=findings.balances,
        reservations=findings.reservations,
    )
