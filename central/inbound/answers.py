# SPDX-License-Identifier: Apache-2.0
"""What routes of inbound answer, with the examples that the documentation shows."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from central.examples import answer

_AT = "2026-11-21T08:00:00Z"
_EVENT = "0f8b2c6d-4e1a-4f0b-9c3d-5e7f1a2b3c4d"
_PALLET = "006141411234567890"
_UNTIL = "2026-11-21T09:00:00Z"
_NOTICE = {
    "number": "ASN-1182",
    "site": "shanghai-1",
    "supplier": "dairy",
    "state": "open",
    "progress": "in_transit",
    "expected_at": _AT,
    "door": "dock-1",
    "expected_from": _AT,
    "expected_until": _UNTIL,
    "arrived_at": None,
    "window": "",
    "created_at": _AT,
}
_LINE = {"id": 1, "notice": "ASN-1182", "sscc": _PALLET, "unit": "", "item": "milk", "lot": "L1", "expiry": "2026-12-01", "quantity": 48, "received": 0}
_UNIT = {"code": "006141411234567906", "sscc": _PALLET, "parent": _PALLET, "depth": 1, "tagged": True}
Progress = Literal["preparing", "announced", "in_transit", "arrived", "received"]
Window = Literal["", "early", "on_time", "late"]


class NoticeTaken(BaseModel):
    """A ship notice that was taken."""

    model_config = answer({"number": "ASN-1182", "new": True})

    number: str
    new: bool = Field(description="false: it was known already, with the same content")


class _NoticeHead(BaseModel):
    number: str
    site: str
    supplier: str
    state: Literal["open", "received", "closed"]
    progress: Progress = Field(description="how far it is; arrived and received are what was seen here")
    expected_at: datetime | None
    door: str = Field(description="where it is expected; empty: any door")
    expected_from: datetime | None
    expected_until: datetime | None
    arrived_at: datetime | None = Field(description="when its first pallet was received")
    window: Window = Field(description="how that was against its time window; empty: no window, or nothing came")
    created_at: datetime


class NoticeOut(_NoticeHead):
    """A ship notice and how far it came."""

    model_config = answer({**_NOTICE, "pallets": 1, "pallets_received": 0})

    pallets: int
    pallets_received: int


class NoticeLineOut(BaseModel):
    """A line of a ship notice."""

    model_config = answer(_LINE)

    id: int
    notice: str
    sscc: str | None = Field(description="the pallet; null for loose goods")
    unit: str = Field(description="the innermost unit on the pallet that holds it; empty: the pallet itself")
    item: str
    lot: str
    expiry: date | None
    quantity: int = Field(description="announced, in the item's unit")
    received: int


class UnitAnnouncedOut(BaseModel):
    """A unit announced inside a pallet."""

    model_config = answer(_UNIT)

    code: str = Field(description="SSCC, or GTIN.serial of a unit with an SGTIN tag")
    sscc: str = Field(description="the pallet")
    parent: str = Field(description="what it stands in: the pallet, or another unit's code")
    depth: int = Field(description="1: directly on the pallet")
    tagged: bool = Field(description="a door should read it")


class UnitContents(BaseModel):
    """What is announced in a pallet or in a unit inside one."""

    model_config = answer({"code": _UNIT["code"], "notice": "ASN-1182", "sscc": _PALLET, "parent": _PALLET, "depth": 1, "units": [], "lines": [_LINE]})

    code: str
    notice: str
    sscc: str = Field(description="the pallet")
    parent: str = Field(description="what it stands in; empty: it is the pallet")
    depth: int = Field(description="0: it is the pallet")
    units: list[UnitAnnouncedOut] = Field(description="the units in it, the outer before the inner")
    lines: list[NoticeLineOut] = Field(description="all goods in it, however deep")


class NoticeWhole(_NoticeHead):
    """A ship notice with its lines."""

    model_config = answer({**_NOTICE, "lines": [_LINE], "units": [_UNIT]})

    lines: list[NoticeLineOut]
    units: list[UnitAnnouncedOut] = Field(description="units inside its pallets, the outer before the inner")


class ProgressKept(BaseModel):
    """How far a ship notice is."""

    model_config = answer({"number": "ASN-1182", "progress": "in_transit"})

    number: str
    progress: Literal["preparing", "announced", "in_transit"]


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
            "pass_id": _EVENT,
            "rival": None,
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
    outcome: str = Field(
        description="received, differences, already_received, not_received, left, seen, moved (came again by another door), "
        "repeated (the same pass told again), other_door (another door read it stronger)"
    )
    cases_seen: int
    cases_expected: int | None = Field(description="null without a ship notice")
    strays: int = Field(description="tags that were read and did not pass")
    reason: str = Field(description="code of the message that says why it was not simply received")
    params: dict[str, Any] = Field(description="parameters of that message")
    pass_id: str = Field(description="names the pass and its capture; the same when it is told again")
    rival: str | None = Field(description="event of the pass at another door with which it was compared")


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
            "station": "dock-1",
            "evidence": {"pass_id": _EVENT, "confidence": 0.98, "tag": {"read_rate": 0.87, "weak_tag_probability": 0.95, "verdict": "weak_tag"}},
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
    station: str = Field(description="the door or scanner")
    evidence: dict[str, Any] = Field(description="what the door saw: pass, tags, strengths, confidence; of missing cases the read rate of such tags")
    state: Literal["open", "accepted", "found"]
    created_at: datetime


class Settled(BaseModel):
    """A discrepancy that is closed."""

    model_config = answer({"number": 7, "state": "found"})

    number: int
    state: Literal["accepted", "found"]


_FAR = {"preparing": 432, "announced": 0, "in_transit": 48, "arrived": 0, "received": 0}


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
            "progress": _FAR,
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
    progress: dict[Progress, int] = Field(description="how much of it is how far; what no notice announces is in preparation")


class PurchaseExpected(BaseModel):
    """When a purchase line comes."""

    model_config = answer({"number": 3, "expected_on": "2026-11-25"})

    number: int
    expected_on: date


_RECEIPT = {
    "sscc": _PALLET,
    "notice": "ASN-1182",
    "event_id": _EVENT,
    "site": "shanghai-1",
    "supplier": "dairy",
    "station": "dock-1",
    "place": "shanghai-1/dock-1",
    "by_hand": False,
    "received_at": _AT,
}


class ReceiptOut(BaseModel):
    """A pallet that was received."""

    model_config = answer(_RECEIPT)

    sscc: str
    notice: str
    event_id: str
    site: str
    supplier: str
    station: str = Field(description="the door or scanner at which it came")
    place: str = Field(description="where it was put first")
    by_hand: bool = Field(description="a person scanned its label and vouched for all of it")
    received_at: datetime


class ReceiptWhole(ReceiptOut):
    """A receipt: what came, where it stands now, and what differed."""

    model_config = answer({**_RECEIPT, "stands_at": "shanghai-1/rack-3", "lines": [{**_LINE, "received": 48}], "discrepancies": [], "passages": []})

    stands_at: str = Field(description="where the pallet stands now; empty: it is gone")
    lines: list[NoticeLineOut]
    discrepancies: list[DiscrepancyOut]
    passages: list[PassageOut]


class Told(BaseModel):
    """Whether something was kept now."""

    model_config = answer({"new": True})

    new: bool = Field(description="false: it was told before")


class HabitsOut(BaseModel):
    """How a site receives."""

    model_config = answer({"site": "shanghai-1", "wrong_door": "receive", "late_notice": "ask"})

    site: str
    wrong_door: Literal["receive", "ask"] = Field(description="a pallet at another door than announced: receive it there, or ask")
    late_notice: Literal["receive", "ask"] = Field(description="a notice that comes after its pallet: receive the pallet as it was seen, or ask")


class TagStatisticOut(BaseModel):
    """How often tags of an item are read at a door; what was counted fades, half of it in 30 days."""

    model_config = answer(
        {
            "item": "milk",
            "site": "shanghai-1",
            "station": "dock-1",
            "cases_there": 412.5,
            "cases_seen": 411.2,
            "read_rate": 0.9947,
            "changed_at": _AT,
        }
    )

    item: str
    site: str
    station: str
    cases_there: float = Field(description="tagged cases that were certainly there")
    cases_seen: float = Field(description="of them, those that the door read")
    read_rate: float = Field(description="expected for the next one; near 0.95 as long as little was counted")
    changed_at: datetime
