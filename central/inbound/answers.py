# SPDX-License-Identifier: Apache-2.0
"""What routes of inbound answer, with the examples that the documentation shows."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from central.examples import answer

_AT = "2026-11-21T08:00:00Z"
_EVENT = "0f8b2c6d-4e1a-4f0b-9c3d-5e7f1a2b3c4d"
_NOTICE = {"number": "ASN-1182", "site": "shanghai-1", "supplier": "dairy", "state": "open", "expected_at": _AT, "created_at": _AT}
_LINE = {"id": 1, "notice": "ASN-1182", "sscc": "006141411234567890", "item": "milk", "lot": "L1", "expiry": "2026-12-01", "quantity": 48, "received": 0}


class NoticeTaken(BaseModel):
    """A ship notice that was taken."""

    model_config = answer({"number": "ASN-1182", "new": True})

    number: str
    new: bool = Field(description="false: it was known already, with the same content")


class NoticeOut(BaseModel):
    """A ship notice and how far it came."""

    model_config = answer({**_NOTICE, "pallets": 1, "pallets_received": 0})

    number: str
    site: str
    supplier: str
    state: Literal["open", "received", "closed"]
    expected_at: datetime | None
    created_at: datetime
    pallets: int
    pallets_received: int


class NoticeLineOut(BaseModel):
    """A line of a ship notice."""

    model_config = answer(_LINE)

    id: int
    notice: str
    sscc: str | None = Field(description="the pallet; null for loose goods")
    item: str
    lot: str
    expiry: date | None
    quantity: int = Field(description="announced, in the item's unit")
    received: int


class NoticeWhole(BaseModel):
    """A ship notice with its lines."""

    model_config = answer({**_NOTICE, "lines": [_LINE]})

    number: str
    site: str
    supplier: str
    state: Literal["open", "received", "closed"]
    expected_at: datetime | None
    created_at: datetime
    lines: list[NoticeLineOut]


class PassageOut(BaseModel):
    """What passed a dock door once."""

    model_config = answer(
        {
            "event_id": _EVENT,
            "site": "shanghai-1",
            "gateway": "gate-1",
            "station": "dock-1",
            "passed_at": _AT,
            "direction": "in",
            "confidence": 0.98,
            "sscc": "006141411234567890",
            "notice": "ASN-1182",
            "outcome": "received",
            "cases_seen": 48,
            "cases_expected": 48,
            "strays": 0,
            "reason": "",
            "params": {},
        }
    )

    event_id: str
    site: str
    gateway: str
    station: str
    passed_at: datetime
    direction: str
    confidence: float = Field(description="of the direction, 0 to 1")
    sscc: str
    notice: str
    outcome: str = Field(description="received, differences, already_received, not_received, left, seen")
    cases_seen: int
    cases_expected: int | None = Field(description="null without a ship notice")
    strays: int = Field(description="tags that were read and did not pass")
    reason: str = Field(description="code of the message that says why it was not simply received")
    params: dict[str, Any] = Field(description="parameters of that message")


class DiscrepancyOut(BaseModel):
    """Where goods and ship notice differ."""

    model_config = answer(
        {
            "id": 7,
            "event_id": _EVENT,
            "kind": "missing",
            "site": "shanghai-1",
            "notice": "ASN-1182",
            "sscc": "006141411234567890",
            "line": 1,
            "item": "milk",
            "lot": "L1",
            "quantity": 2,
            "cases": [["00614141000012", "17"]],
            "place": "shanghai-1/cool-1",
            "work_order": 12,
            "state": "open",
            "created_at": _AT,
        }
    )

    id: int
    event_id: str
    kind: str
    site: str
    notice: str
    sscc: str
    line: int | None
    item: str
    lot: str
    quantity: int = Field(description="in the item's unit; 0 when the item is not known")
    cases: list[list[str]] = Field(description="GTIN and serial of each case")
    place: str
    work_order: int | None
    state: Literal["open", "accepted", "found"]
    created_at: datetime


class Settled(BaseModel):
    """A discrepancy that is closed."""

    model_config = answer({"number": 7, "state": "found"})

    number: int
    state: Literal["accepted", "found"]


class PurchaseLineOut(BaseModel):
    """Something that was bought and is on its way, or soon will be."""

    model_config = answer(
        {
            "id": 3,
            "supplier": "dairy",
            "item": "milk",
            "site": "shanghai-1",
            "quantity": 480,
            "noticed": 48,
            "expected_on": "2026-11-25",
            "created_at": _AT,
        }
    )

    id: int
    supplier: str
    item: str
    site: str
    quantity: int = Field(description="bought, in the item's unit")
    noticed: int = Field(description="of it, what ship notices announce by now")
    expected_on: date | None = Field(description="null: not said, so nothing is promised from it")
    created_at: datetime


class PurchaseExpected(BaseModel):
    """When a purchase line comes."""

    model_config = answer({"number": 3, "expected_on": "2026-11-25"})

    number: int
    expected_on: date
