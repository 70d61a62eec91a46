# SPDX-License-Identifier: Apache-2.0
"""Routes of the ledger: balances, history, and the verifier."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from central.database import reading
from central.ledger import queries
from central.ledger.verify import verify
from central.requests import Database

router = APIRouter(prefix="/api/v1", tags=["ledger"])

_Filter = Annotated[str | None, Query(max_length=200)]


class BalanceOut(BaseModel):
    """What an account holds, in the item's smallest unit."""

    model_config = ConfigDict(from_attributes=True)

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

    model_config = ConfigDict(from_attributes=True)

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
    quantity: int
    value_minor: int


class FindingsOut(BaseModel):
    """What the verifier says; `ledger_verified` is true when nothing was found."""

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
    site: _Filter = None,
    place: _Filter = None,
    item: _Filter = None,
    lot: _Filter = None,
    status: _Filter = None,
    unit: _Filter = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> list[BalanceOut]:
    """Balances that fit all filters, by item and FEFO."""
    with reading(engine) as connection:
        rows = queries.balances(connection, site=site, place=place, item=item, lot=lot, status=status, unit=unit, limit=limit)
    return [BalanceOut.model_validate(row) for row in rows]


@router.get("/ledger/entries")
def list_entries(
    engine: Database, item: Annotated[str, Query(max_length=64)], lot: _Filter = None, place: _Filter = None, limit: Annotated[int, Query(ge=1, le=1000)] = 200
) -> list[EntryOut]:
    """The history of an item, newest first."""
    with reading(engine) as connection:
        return [EntryOut.model_validate(row) for row in queries.history(connection, item=item, lot=lot, place=place, limit=limit)]


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
