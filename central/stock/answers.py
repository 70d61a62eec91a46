# SPDX-License-Identifier: Apache-2.0
"""What routes of stock answer: figures, units, transfers, losses, limits, recalls and traces, kits, pieces, with the examples that the documentation shows."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from central.examples import answer
from central.inbound.answers import DiscrepancyOut

_AT = "2026-11-21T08:00:00Z"
_ID = "0f6e5a0b-30a4-5a0b-9f0e-6f1d0c7a4b52"
_SSCC = "006141410000000012"
_LOT = {"item": "milk", "lot": "L1"}
_HERE: dict[str, Any] = {**_LOT, "owner": "", "status": "available", "unit": ""}
_STATES = {
    "site": "shanghai-1",
    "item": "milk",
    "on_hand": 96,
    "reserved": 24,
    "available": 90,
    "inspect": 4,
    "hold": 0,
    "damaged": 2,
    "expired": 0,
    "in_transit": 48,
    "picked": 6,
    "promised": 12,
    "incoming": 480,
    "free": 60,
    "to_promise": 48,
}
_PACKED = [{"packaging": "case", "count": 2, "of": 12}, {"packaging": "", "count": 1, "of": 1}]
_UNIT: dict[str, Any] = {"sscc": _SSCC, "kind": "pallet", "parent": None, "site": "shanghai-1", "place": "shanghai-1/cool-1", "state": "open"}
_IN_UNIT: dict[str, Any] = {**_LOT, "owner": "", "status": "available", "on_hand": 25, "reserved": 0, "packed": _PACKED}
_NODE: dict[str, Any] = {**_UNIT, "goods": [_IN_UNIT], "units": []}
_TRANSFER: dict[str, Any] = {
    "number": "T-1001",
    "from_site": "shanghai-1",
    "to_site": "hangzhou-1",
    "state": "in_transit",
    "reason": "",
    "expected_at": _AT,
    "requested_by": "li",
    "created_at": _AT,
}
_TRANSFER_LINE: dict[str, Any] = {
    "id": "transfer:T-1001/1",
    "transfer": "T-1001",
    "n": 1,
    "item": "milk",
    "owner": "",
    "min_expiry": None,
    "quantity": 48,
    "shipped": 48,
    "lost": 0,
    "cancelled": 0,
    "reserved": 0,
    "received_of_item": 0,
}
_STEP: dict[str, Any] = {"id": 3, "transfer": "T-1001", "event_id": _ID, "step": "shipped", "actor": "li", "notice": "T-1001/1", "params": {}, "at": _AT}
_RECALL: dict[str, Any] = {
    "number": "R-7",
    **_LOT,
    "reason": "recall",
    "note": "supplier found glass",
    "state": "open",
    "opened_by": "li",
    "opened_at": _AT,
    "closed_by": "",
    "closed_at": None,
}
_CAME: dict[str, Any] = {
    "number": "ASN-1182",
    "supplier": "dairy",
    "site": "shanghai-1",
    "source_place": "",
    "sscc": _SSCC,
    "quantity": 48,
    "received": 48,
    "received_at": _AT,
    "place": "shanghai-1/cool-1",
    "event_id": _ID,
}
_THROUGH: dict[str, Any] = {
    "event_id": _ID,
    "kind": "PalletPassed",
    "site": "shanghai-1",
    "actor": "gate-1",
    "occurred_at": _AT,
    "place": "@vendor",
    "quantity": 48,
}
_UP: dict[str, Any] = {**_LOT, "suppliers": ["dairy"], "ship_notices": [_CAME], "entered": [_THROUGH], "components": []}
_LIES: dict[str, Any] = {"site": "shanghai-1", "place": "shanghai-1/cool-1", **_HERE, "on_hand": 24}
_CUSTOMER: dict[str, Any] = {"order": "SO-1001", "customer": "corner-shop", "site": "shanghai-1", "state": "shipped", "shipped_at": _AT, "quantity": 24}
_DOWN: dict[str, Any] = {**_LOT, "in_stock": [_LIES], "customers": [_CUSTOMER], "transfers": [], "left": [], "kits": []}
_PIECE: dict[str, Any] = {
    "item": "drill",
    "serial": "S1",
    "place": "shanghai-1/A-01",
    "lot": "",
    "owner": "",
    "status": "available",
    "unit": "",
    "state": "in_stock",
    "changed_by": _ID,
}
_MOVED: dict[str, Any] = {
    "item": "drill",
    "serial": "S1",
    "event_id": _ID,
    "n": 0,
    "from_place": "",
    "to_place": "shanghai-1/A-01",
    "status": "available",
    "unit": "",
    "moved_at": _AT,
}


class Posted(BaseModel):
    """Whether corrections were posted now."""

    model_config = answer({"posted": True})

    posted: bool = Field(description="false: they were posted before")


class MovedOut(BaseModel):
    """Whether goods were moved now."""

    model_config = answer({"moved": True})

    moved: bool = Field(description="false: they were moved before")


_MOVE_REFUSED = {"n": 1, "status": 409, "code": "place_full", "detail": "shanghai-1/A-02 is full"}


class MoveRefused(BaseModel):
    """Why one of many moves was not made."""

    model_config = answer(_MOVE_REFUSED)

    n: int = Field(description="which of the moves that were sent; the first is 0")
    status: int
    code: str
    detail: str


class MovesMade(BaseModel):
    """What became of many moves."""

    model_config = answer({"moved": 19, "refused": [_MOVE_REFUSED]})

    moved: int = Field(description="moves that are made, now or before")
    refused: list[MoveRefused]


class Changed(BaseModel):
    """Whether goods were changed now."""

    model_config = answer({"changed": True})

    changed: bool = Field(description="false: they were changed before")


class LossState(BaseModel):
    """How far a loss report is."""

    model_config = answer({"id": _ID, "state": "waiting"})

    id: str
    state: Literal["posted", "waiting", "approved", "refused"]


class LimitsKept(BaseModel):
    """How many limits were written."""

    model_config = answer({"kept": 2})

    kept: int


class RangeKept(BaseModel):
    """Which SSCCs of a site are ours to give."""

    model_config = answer({"site": "", "prefix": "00614141"})

    site: str = Field(description="empty: all sites without their own")
    prefix: str = Field(description="extension digit and GS1 company prefix")


class UnitNamed(BaseModel):
    """The new unit."""

    model_config = answer({"sscc": _SSCC})

    sscc: str


class TransferTaken(BaseModel):
    """A transfer that was asked for."""

    model_config = answer({"number": "T-1001", "new": True})

    number: str
    new: bool = Field(description="false: it was asked for before, with the same content")


class RecallTaken(BaseModel):
    """A recall that was ordered."""

    model_config = answer({"number": "R-7", "new": True})

    number: str
    new: bool = Field(description="false: it was ordered before, with the same content")


class NearExpiryOut(BaseModel):
    """Goods of a lot at a site near their last day of use."""

    model_config = answer(
        {"site": "shanghai-1", **_LOT, "expiry": "2026-11-24", "days_left": 3, "quantity": 24, "reserved": 4},
    )

    site: str
    item: str
    lot: str
    expiry: date = Field(description="last day of use")
    days_left: int = Field(description="below 0: it is past")
    quantity: int
    reserved: int


class Expired(BaseModel):
    """How much was past its last day."""

    model_config = answer({"expired": 12})

    expired: int = Field(description="smallest units of all items that are expired from now on")


class PartOfKit(BaseModel):
    """So much of a component's lot."""

    model_config = answer({**_LOT, "owner": "", "quantity": 20})

    item: str
    lot: str
    owner: str
    quantity: int


class KitsDone(BaseModel):
    """The components that went into kits, or came out of them."""

    model_config = answer({"id": _ID, "parts": [{**_LOT, "owner": "", "quantity": 20}]})

    id: str
    parts: list[PartOfKit]


class PiecesNamed(BaseModel):
    """How many pieces left inspection."""

    model_config = answer({"named": 2})

    named: int


class StatesOut(BaseModel):
    """Stock of an item at a site (empty: at all sites), in smallest units."""

    model_config = answer(_STATES)

    site: str
    item: str
    on_hand: int = Field(description="all that has arrived")
    reserved: int
    available: int = Field(description="what of it has that status")
    inspect: int
    hold: int
    damaged: int
    expired: int
    in_transit: int = Field(description="on its way from other sites")
    picked: int = Field(description="waits to leave")
    promised: int
    incoming: int = Field(description="announced or bought from suppliers")
    free: int = Field(description="available, less reserved, less picked")
    to_promise: int = Field(description="free, less promised")


class PackedOut(BaseModel):
    """So many packagings of a kind; empty `packaging`: single pieces."""

    model_config = answer(_PACKED[0])

    packaging: str
    count: int
    of: int = Field(description="pieces in one")


class UnitListed(BaseModel):
    """A handling unit."""

    model_config = answer({**_UNIT, "made_at": _AT, "changed_by": _ID})

    sscc: str
    kind: Literal["pallet", "case", "tote", "carton"]
    parent: str | None = Field(description="what it stands on or in")
    site: str
    place: str = Field(description="empty: it left")
    state: Literal["open", "closed", "in_transit", "shipped", "dissolved"]
    made_at: datetime
    changed_by: str | None


class GoodsInUnit(BaseModel):
    """Goods in a unit, also in packagings."""

    model_config = answer(_IN_UNIT)

    item: str
    lot: str
    owner: str
    status: str
    on_hand: int
    reserved: int
    packed: list[PackedOut]


class UnitNode(BaseModel):
    """A unit with what is in it."""

    model_config = answer(_NODE)

    sscc: str
    kind: Literal["pallet", "case", "tote", "carton"]
    parent: str | None
    site: str
    place: str
    state: Literal["open", "closed", "in_transit", "shipped", "dissolved"]
    goods: list[GoodsInUnit]
    units: list[UnitNode]


class UnitTotal(BaseModel):
    """An item's total in a unit, however deep."""

    model_config = answer({"item": "milk", "quantity": 25, "packed": _PACKED})

    item: str
    quantity: int
    packed: list[PackedOut]


class UnitOut(UnitNode):
    """A unit with everything in it, what it stands in, and totals."""

    model_config = answer({**_NODE, "parents": [], "totals": [{"item": "milk", "quantity": 25, "packed": _PACKED}]})

    parents: list[str]
    totals: list[UnitTotal]


class TransferListed(BaseModel):
    """A transfer between two sites."""

    model_config = answer(_TRANSFER)

    number: str
    from_site: str
    to_site: str
    state: str
    reason: str
    expected_at: datetime | None
    requested_by: str
    created_at: datetime


class TransferLineOut(BaseModel):
    """A line of a transfer, in smallest units."""

    model_config = answer(_TRANSFER_LINE)

    id: str
    transfer: str
    n: int
    item: str
    owner: str
    min_expiry: date | None
    quantity: int
    shipped: int
    lost: int
    cancelled: int
    reserved: int
    received_of_item: int


class TransferStepOut(BaseModel):
    """A step of a transfer."""

    model_config = answer(_STEP)

    id: int
    transfer: str
    event_id: str
    step: str
    actor: str
    notice: str
    params: dict[str, Any]
    at: datetime


class GoodsInTransit(BaseModel):
    """Goods on their way."""

    model_config = answer({**_HERE, "on_hand": 48})

    item: str
    lot: str
    owner: str
    status: str
    unit: str
    on_hand: int


class TransferOut(TransferListed):
    """A transfer with its lines, what is in transit, what differs, and its time line."""

    model_config = answer(
        {
            **_TRANSFER,
            "lines": [_TRANSFER_LINE],
            "ship_notices": ["T-1001/1"],
            "in_transit": [{**_HERE, "on_hand": 48}],
            "differences": [],
            "timeline": [_STEP],
        }
    )

    lines: list[TransferLineOut]
    ship_notices: list[str]
    in_transit: list[GoodsInTransit]
    differences: list[DiscrepancyOut]
    timeline: list[TransferStepOut]


class LossOut(BaseModel):
    """A loss report."""

    model_config = answer(
        {
            "id": _ID,
            "site": "shanghai-1",
            "place": "shanghai-1/A-01",
            **_HERE,
            "quantity": 3,
            "value_minor": 1500,
            "serials": [],
            "reason": "broken",
            "note": "dropped",
            "state": "waiting",
            "reported_by": "li",
            "reported_at": _AT,
            "decided_by": "",
            "decided_at": None,
        }
    )

    id: str
    site: str
    place: str
    item: str
    lot: str
    owner: str
    status: str
    unit: str
    quantity: int
    value_minor: int
    serials: list[str]
    reason: str
    note: str
    state: Literal["posted", "waiting", "approved", "refused"]
    reported_by: str
    reported_at: datetime
    decided_by: str
    decided_at: datetime | None


class LimitsOut(BaseModel):
    """Limits of an item at a site; empty: of all."""

    model_config = answer({"site": "", "item": "milk", "near_expiry_days": 5, "loss_quantity_max": 20, "loss_value_minor_max": None})

    site: str
    item: str
    near_expiry_days: int | None
    loss_quantity_max: int | None
    loss_value_minor_max: int | None


class RecallListed(BaseModel):
    """A recall of a lot."""

    model_config = answer(_RECALL)

    number: str
    item: str
    lot: str
    reason: str
    note: str
    state: Literal["open", "released"]
    opened_by: str
    opened_at: datetime
    closed_by: str
    closed_at: datetime | None


class RecallFound(BaseModel):
    """What a recall found of a lot at a place."""

    model_config = answer({"id": 1, "recall": "R-7", "place": "shanghai-1/cool-1", **_HERE, "quantity": 24})

    id: int
    recall: str
    item: str
    lot: str
    place: str
    owner: str
    unit: str
    status: str = Field(description="before")
    quantity: int


class NoticeOfLot(BaseModel):
    """A ship notice on which a lot came."""

    model_config = answer(_CAME)

    number: str
    supplier: str
    site: str
    source_place: str = Field(description="empty: from a supplier")
    sscc: str | None
    quantity: int
    received: int
    received_at: datetime | None
    place: str | None
    event_id: str | None


class ThroughVirtual(BaseModel):
    """A fact by which goods of a lot came into stock or left it."""

    model_config = answer(_THROUGH)

    event_id: str
    kind: str
    site: str
    actor: str
    occurred_at: datetime
    place: str = Field(description="@vendor, @customer, @loss ...")
    quantity: int


class ComponentOfKit(BaseModel):
    """A lot that went into a kit, with those that went into it."""

    model_config = answer({**_LOT, "owner": "", "quantity": 24, "components": []})

    item: str
    lot: str
    owner: str
    quantity: int
    components: list[ComponentOfKit]


class TraceUp(BaseModel):
    """Where a lot came from."""

    model_config = answer(_UP)

    item: str
    lot: str
    suppliers: list[str]
    ship_notices: list[NoticeOfLot]
    entered: list[ThroughVirtual]
    components: list[ComponentOfKit]


class LotLies(BaseModel):
    """Goods of a lot at a place."""

    model_config = answer(_LIES)

    site: str
    place: str
    item: str
    lot: str
    owner: str
    status: str
    unit: str
    on_hand: int


class CustomerOfLot(BaseModel):
    """An order that got, or is about to get, goods of a lot."""

    model_config = answer(_CUSTOMER)

    order: str
    customer: str
    site: str
    state: str
    shipped_at: datetime | None
    quantity: int


class TransferOfLot(BaseModel):
    """A transfer on which goods of a lot left."""

    model_config = answer({"transfer": "T-1001", "notice": "T-1001/1", "to_site": "hangzhou-1", "shipped_at": _AT, "quantity": 48, "received": 48})

    transfer: str
    notice: str
    to_site: str
    shipped_at: datetime
    quantity: int
    received: int


class KitOfLot(BaseModel):
    """Where a lot of kits made of a lot is and went."""

    model_config = answer({"item": "breakfast", "lot": "K1", "in_stock": [], "customers": [_CUSTOMER], "transfers": []})

    item: str
    lot: str
    in_stock: list[LotLies]
    customers: list[CustomerOfLot]
    transfers: list[TransferOfLot]


class TraceDown(KitOfLot):
    """Where a lot went."""

    model_config = answer(_DOWN)

    left: list[ThroughVirtual]
    kits: list[KitOfLot]


class TraceOut(BaseModel):
    """The way of a lot."""

    model_config = answer({"up": _UP, "down": _DOWN})

    up: TraceUp
    down: TraceDown


class RecallOut(RecallListed):
    """A recall with what it found, and the lot's way up and down as it is now."""

    model_config = answer({**_RECALL, "found": [], "up": _UP, "down": _DOWN})

    found: list[RecallFound]
    up: TraceUp
    down: TraceDown


class KitsAvailable(BaseModel):
    """How many kits could be assembled, and which components are the first to run out."""

    model_config = answer(
        {"site": "shanghai-1", "kit": "breakfast", "kits": 10, "needed": {"milk": 2, "oats": 1}, "free": {"milk": 20, "oats": 50}, "bottleneck": ["milk"]}
    )

    site: str
    kit: str
    kits: int
    needed: dict[str, int]
    free: dict[str, int]
    bottleneck: list[str]


class KitBuildOut(BaseModel):
    """Kits assembled or broken."""

    model_config = answer(
        {
            "id": _ID,
            "kind": "assembled",
            "site": "shanghai-1",
            "place": "shanghai-1/KITTING",
            "kit": "breakfast",
            "kit_lot": "K1",
            "owner": "",
            "quantity": 10,
            "actor": "li",
            "made_at": _AT,
        }
    )

    id: str
    kind: Literal["assembled", "broken"]
    site: str
    place: str
    kit: str
    kit_lot: str
    owner: str
    quantity: int
    actor: str
    made_at: datetime


class PieceOut(BaseModel):
    """A piece of an item tracked by serial: where it is, or where it went."""

    model_config = answer(_PIECE)

    item: str
    serial: str
    place: str
    lot: str
    owner: str
    status: str
    unit: str
    state: Literal["in_stock", "returned", "shipped", "lost", "built_in"]
    changed_by: str


class PieceMoved(BaseModel):
    """A step on a piece's way."""

    model_config = answer(_MOVED)

    item: str
    serial: str
    event_id: str
    n: int
    from_place: str
    to_place: str
    status: str
    unit: str
    moved_at: datetime


class PiecePath(BaseModel):
    """The way of a piece, oldest first."""

    model_config = answer({"item": "drill", "serial": "S1", "path": [_MOVED]})

    item: str
    serial: str
    path: list[PieceMoved]
