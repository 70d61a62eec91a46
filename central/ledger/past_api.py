# SPDX-License-Identifier: Apache-2.0
"""Routes that look back: stock and value at any past moment, and why a reservation took what it took."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import select

from central.database import reading
from central.errors import DomainError
from central.examples import answer
from central.ledger import explain, past
from central.ledger.rules import Account
from central.paging import After, Limit, rows_after, up
from central.requests import Database, Filter, Moment, Now

router = APIRouter()

_Id = Annotated[str, Path(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", description="the reservation's id, which its pick task shares")]
_STOOD = {"site": "shanghai-1", "place": "", "item": "milk", "lot": "", "owner": "", "status": "", "unit": "", "quantity": 140, "value_minor": 42000}
_ACCOUNT = {"place": "shanghai-1/A-01", "item": "milk", "lot": "L1", "owner": "", "status": "available", "unit": ""}
_TAKEN = {"expiry": "2026-12-01", "in_date": "2026-11-20T08:00:00Z", "pick_rank": 3}
_PASSED = {
    **_ACCOUNT,
    "place": "shanghai-1/A-02",
    "lot": "L0",
    "status": "hold",
    "on_hand": 12,
    "free": 12,
    **_TAKEN,
    "code": "not_available",
    "params": {"place": "shanghai-1/A-02", "lot": "L0", "quantity": 12, "status": "hold"},
    "text": "shanghai-1/A-02: 12 of lot L0 stand here as hold, and only available goods leave",
}


class StoodOut(BaseModel):
    """Stock of a group at a moment, in the item's smallest unit. What the answer is not grouped by is empty."""

    model_config = answer(_STOOD)

    site: str = ""
    place: str = ""
    item: str = ""
    lot: str = ""
    owner: str = ""
    status: str = ""
    unit: str = ""
    quantity: int
    value_minor: int = Field(description="in the smallest unit of the currency")


class AsOfOut(BaseModel):
    """A part of what stood at a moment. `next` is null on the last page."""

    model_config = answer({"at": "2026-10-31T23:59:59Z", "by": "recorded", "settled": True, "items": [_STOOD], "next": None})

    at: datetime
    by: past.Basis
    settled: bool = Field(description="by `recorded`: nothing that is recorded from now on can change this answer")
    items: list[StoodOut]
    next: str | None = Field(description="give it as `after` for the next page; null when this is the last page")


class AccountOut(BaseModel):
    """Where goods stand and what they are."""

    model_config = answer(_ACCOUNT)

    place: str
    item: str
    lot: str
    owner: str
    status: str
    unit: str


class PassedOverOut(AccountOut):
    """Stock that stood before by the rule, and why it was passed over: in English, and as code and parameters for other languages."""

    model_config = answer(_PASSED)

    on_hand: int
    free: int
    expiry: date | None
    in_date: datetime
    pick_rank: int
    code: str
    params: dict[str, str | int]
    text: str


class WhyOut(AccountOut):
    """What a reservation took, by which rule, and what it passed over."""

    model_config = answer(
        {
            "id": "0f8b2c6d-4e1a-4f0b-9c3d-5e7f1a2b3c4d",
            "line_id": "7e7f1a2b-4e1a-4f0b-9c3d-5e7f1a2b3c4d/1",
            "rule": "fefo",
            **_ACCOUNT,
            "quantity": 4,
            **_TAKEN,
            "min_expiry": None,
            "made_at": "2026-11-21T08:00:00Z",
            "passed_over": [_PASSED],
        }
    )

    id: str
    line_id: str
    rule: str
    quantity: int
    expiry: date | None
    in_date: datetime
    pick_rank: int
    min_expiry: date | None
    made_at: datetime
    passed_over: list[PassedOverOut]


_Group = Annotated[str, Query(max_length=100, description="what to sum by, comma between: site, place, item, lot, owner, status, unit", examples=["site,item"])]


@router.get("/ledger/as-of", response_model=AsOfOut, responses={200: {"content": {"text/csv": {}}}})
def stock_as_of(
    engine: Database,
    now: Now,
    at: Annotated[Moment, Query(description="the moment, included", examples=["2026-10-31T23:59:59Z"])],
    by: Annotated[past.Basis, Query(description="recorded: what the books said then; occurred: what is known today to have happened by then")] = "recorded",
    group: _Group = "item",
    site: Filter = None,
    place: Filter = None,
    item: Filter = None,
    lot: Filter = None,
    owner: Filter = None,
    status: Filter = None,
    unit: Filter = None,
    after: After = None,
    limit: Limit = 100,
    form: Annotated[Literal["json", "csv"], Query(description="csv: the page as a table; the header Dockline-Next carries `next`")] = "json",
) -> Any:
    """Stock and its value at any past moment."""
    groups = _groups(group)
    where = past.Where(site or "", place or "", item or "", lot, owner, status or "", unit)
    with reading(engine) as connection:
        query = past.as_of(connection, at, by, where, groups).subquery()
        rows, following = rows_after(connection, select(query), [up(query.c[name]) for name in groups], after, limit)
    items = [StoodOut.model_validate(dict(row)) for row in rows]
    if form == "csv":
        return Response(_csv(items, groups), media_type="text/csv", headers={"Dockline-Next": following or ""})
    settled = by == "recorded" and at < now - past.SETTLED_AFTER
    return AsOfOut(at=at, by=by, settled=settled, items=items, next=following)


def _groups(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    unknown = [name for name in names if name not in past.GROUPS]
    if unknown or not names:
        raise DomainError("unknown_group", f"group {', '.join(unknown) or text!r} is none of {', '.join(past.GROUPS)}")
    return names


def _csv(items: Sequence[StoodOut], groups: Sequence[str]) -> str:
    names = [*groups, "quantity", "value_minor"]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([getattr(each, name) for name in names] for each in items)
    return text.getvalue()


@router.get("/reservations/{reservation_id}/why")
def why_this_lot(reservation_id: _Id, engine: Database) -> WhyOut:
    """Which stock stood before a reservation's by its rule, and why it was passed over."""
    with reading(engine) as connection:
        found = explain.why(connection, reservation_id)
    passed = [
        PassedOverOut(
            **_account(each.account),
            on_hand=each.on_hand,
            free=each.free,
            expiry=each.expiry,
            in_date=each.in_date,
            pick_rank=each.pick_rank,
            code=each.code,
            params=dict(each.params),
            text=each.text,
        )
        for each in found.passed_over
    ]
    return WhyOut(
        id=found.reservation_id,
        line_id=found.line_id,
        rule=found.rule,
        **_account(found.account),
        quantity=found.quantity,
        expiry=found.expiry,
        in_date=found.in_date,
        pick_rank=found.pick_rank,
        min_expiry=found.min_expiry,
        made_at=found.made_at,
        passed_over=passed,
    )


def _account(account: Account) -> dict[str, Any]:
    return {name: getattr(account, name) for name in past.ACCOUNT}
