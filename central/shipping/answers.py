# SPDX-License-Identifier: Apache-2.0
"""What the routes of shipping answer: packages, loads, carriers' orders, returns, the progress of an order."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from central.examples import answer

_AT = "2026-11-21T08:00:00Z"
_SSCC = "006141410000000005"
_ID = "0f6e5a0b-30a4-5a0b-9f0e-6f1d0c7a4b52"


class SiteOut(BaseModel):
    """How a site ships."""

    model_config = answer(
        {
            "site": "s1",
            "company_prefix": "0614141",
            "extension": "0",
            "sender": None,
            "carrier": "sf",
            "place_when": "shipped",
            "ship_when": "asked",
            "printer": "",
            "dpi": 203,
        }
    )

    site: str
    company_prefix: str
    extension: str
    sender: dict[str, Any] | None
    carrier: str
    place_when: str
    ship_when: str
    printer: str
    dpi: int


class KeptOut(BaseModel):
    """How many were written."""

    model_config = answer({"kept": 1})

    kept: int


class PrintedOut(BaseModel):
    """Where a label was sent."""

    model_config = answer({"printer": "gate-1/labels-1", "bytes": 1420, "job": "print:5f0c2a4e"})

    printer: str
    bytes: int = Field(description="how many; of a printer at host:port it is all that is known that it took them")
    job: str = Field("", description="what becomes of it: GET /api/v1/print-jobs/{job}; empty: it was sent straight to host:port")


class PrintJobOut(BaseModel):
    """Labels that a gateway prints, and what became of them."""

    model_config = answer(
        {
            "id": "print:5f0c2a4e",
            "site": "shanghai-1",
            "gateway": "gate-1",
            "station": "labels-1",
            "device": "printer-1",
            "title": "A-01-02",
            "copies": 1,
            "state": "printed",
            "labels": 1,
            "reason": "",
            "actor": "li",
            "again_of": "",
            "made_at": "2026-11-21T08:00:00Z",
            "ended_at": "2026-11-21T08:00:03Z",
        }
    )

    id: str
    site: str
    gateway: str
    station: str
    device: str
    title: str
    copies: int
    state: str = Field(
        description="sent, printed (the printer said so), taken (it says nothing), failed, unknown (nobody knows: look), unanswered (its gateway is away)"
    )
    labels: int | None = Field(description="that left the printer; null: it does not count")
    reason: str
    actor: str
    again_of: str = Field(description="the job that it prints once more; empty: none")
    made_at: datetime
    ended_at: datetime | None


class CartonOut(BaseModel):
    """A kind of carton, tote or pallet."""

    model_config = answer(
        {
            "code": "M",
            "name": "",
            "kind": "carton",
            "inner_length_mm": 300,
            "inner_width_mm": 200,
            "inner_height_mm": 150,
            "outer_length_mm": 306,
            "outer_width_mm": 206,
            "outer_height_mm": 156,
            "tare_g": 180,
            "max_weight_g": 10000,
            "cost_minor": 90,
            "insulated": False,
            "available": True,
        }
    )

    code: str
    name: str
    kind: str
    inner_length_mm: int
    inner_width_mm: int
    inner_height_mm: int
    outer_length_mm: int
    outer_width_mm: int
    outer_height_mm: int
    tare_g: int
    max_weight_g: int
    cost_minor: int
    insulated: bool
    available: bool


class Goods(BaseModel):
    """So many of an item and lot."""

    item: str
    lot: str
    quantity: int


class PackedGoods(Goods):
    """Goods in a package."""

    serials: list[str]


class CarrierOrderOut(BaseModel):
    """What was asked of a carrier for one package, and how far it is."""

    model_config = answer(
        {
            "id": _ID,
            "sscc": _SSCC,
            "order_id": _ID,
            "site": "s1",
            "carrier": "sf",
            "service": "1",
            "revision": 0,
            "reference": _SSCC,
            "address": {"name": "王芳", "phone": "13800000000", "city": "上海市", "street": "世纪大道 1 号"},
            "state": "in_transit",
            "waybill": "SF7000000000001",
            "label_type": "application/pdf",
            "cancel_wanted": False,
            "attempts": 0,
            "next_try_at": _AT,
            "fault": "",
            "requested_at": _AT,
            "placed_at": _AT,
            "delivered_at": None,
        }
    )

    id: str
    sscc: str
    order_id: str
    site: str
    carrier: str
    service: str
    revision: int = Field(description="counts orders for this package after one was cancelled")
    reference: str = Field(description="our order id at the carrier")
    address: dict[str, Any] | None
    state: Literal["requested", "placed", "labelled", "in_transit", "delivered", "cancelled", "refused"]
    waybill: str | None
    label_type: str = Field(description="media type of the carrier's label; empty: there is none")
    cancel_wanted: bool
    attempts: int = Field(description="tries of the present step so far")
    next_try_at: datetime
    fault: str = Field(description="what the last try said; empty: it worked")
    requested_at: datetime
    placed_at: datetime | None
    delivered_at: datetime | None


class CarrierOrderListed(CarrierOrderOut):
    """A carrier's order with the number of ours."""

    order: str


class StepOut(BaseModel):
    """What a carrier told of a package."""

    at: datetime
    code: str
    state: str
    text: str
    place: str


class CarrierOrderShown(CarrierOrderOut):
    """A carrier's order with its steps, oldest first."""

    steps: list[StepOut]


class PackageListed(BaseModel):
    """A package."""

    model_config = answer(
        {
            "sscc": _SSCC,
            "order_id": _ID,
            "order": "SO-1001",
            "site": "s1",
            "kind": "carton",
            "carton_type": "M",
            "tare_g": 180,
            "state": "closed",
            "actor": "li",
            "station": "pack-1",
            "weight_mg": 1252000,
            "verdict": "right",
            "opened_at": _AT,
            "closed_at": _AT,
            "weighed_at": _AT,
            "loaded_at": None,
            "shipped_at": None,
        }
    )

    sscc: str
    order_id: str
    order: str = Field(description="number of the order")
    site: str
    kind: Literal["carton", "tote", "pallet"]
    carton_type: str | None
    tare_g: int | None
    state: Literal["open", "closed", "loaded", "shipped", "void"]
    actor: str
    station: str
    weight_mg: int | None
    verdict: Literal["", "right", "wrong", "cannot_decide"]
    opened_at: datetime
    closed_at: datetime | None
    weighed_at: datetime | None
    loaded_at: datetime | None
    shipped_at: datetime | None


class PackageOut(PackageListed):
    """A package: what is in it, what its order still has to be packed, its carrier's order."""

    lines: list[PackedGoods]
    left: list[Goods] = Field(description="picked for the order and in no package yet")
    carrier_order: CarrierOrderOut | None


class WeighCheckOut(BaseModel):
    """Whether the weight is right; what was expected, within what, and why it cannot be decided."""

    model_config = answer({"sscc": _SSCC, "verdict": "right", "expected_mg": 1250000, "tolerance_mg": 12500, "reason": ""})

    sscc: str
    verdict: Literal["right", "wrong", "cannot_decide"]
    expected_mg: int | None
    tolerance_mg: int | None
    reason: str


class ShipOutcomeOut(BaseModel):
    """What a scan at the dock did."""

    model_config = answer({"sscc": _SSCC, "order_id": _ID, "verdict": "loaded", "shipped": True, "left": 0, "unpacked": 0})

    sscc: str
    order_id: str
    verdict: Literal["loaded", "already"]
    shipped: bool = Field(description="whether the order has left with this package")
    left: int = Field(description="packages of the order that were not scanned yet")
    unpacked: int = Field(description="pieces picked and in no package")


_LOAD = {
    "id": _ID,
    "site": "s1",
    "number": "L-88",
    "door": "door-5",
    "vehicle": "沪A12345",
    "route": "north",
    "carrier": "",
    "state": "open",
    "created_at": _AT,
    "closed_at": None,
}


class _Load(BaseModel):
    """What must go onto one vehicle."""

    id: str
    site: str
    number: str
    door: str
    vehicle: str
    route: str
    carrier: str
    state: Literal["open", "closed", "cancelled"]
    created_at: datetime
    closed_at: datetime | None


class LoadListed(_Load):
    """What must go onto one vehicle, in numbers."""

    model_config = answer({**_LOAD, "packages": 12, "loaded": 7})

    packages: int
    loaded: int


class LoadOut(_Load):
    """A load with its packages by SSCC."""

    model_config = answer({**_LOAD, "loaded": [_SSCC], "missing": []})

    loaded: list[str]
    missing: list[str]


class Place(BaseModel):
    """Where a piece lies: its corner nearest to the origin, and its sides as it lies, in millimetres."""

    item: str
    x_mm: int
    y_mm: int
    z_mm: int
    size: tuple[int, int, int] = Field(description="along x, y and z; z is up")


class MaterialOut(BaseModel):
    """Something that goes in beside the goods."""

    kind: str = Field(description="filler, cushion, liner, insulation, gel_pack or dry_ice")
    quantity: int
    unit: str
    why: str


class PackedCartonOut(BaseModel):
    """One carton of the advice."""

    carton: str
    group: str = Field(description="storage condition, and classes of dangerous goods")
    contents: dict[str, int] = Field(description="pieces by item")
    placed: list[Place]
    weight_g: int
    fill_pct: int
    why: str
    materials: list[MaterialOut]


class AdviceOut(BaseModel):
    """Which cartons to take; or what must be measured first, or fits into no carton."""

    model_config = answer({"possible": False, "cartons": [], "missing": {"milk": ["length_mm", "width_mm", "height_mm"]}, "too_large": []})

    possible: bool
    cartons: list[PackedCartonOut]
    missing: dict[str, list[str]]
    too_large: list[str]


class PicksOut(BaseModel):
    """How many pick tasks there are, and how many are answered."""

    tasks: int
    answered: int


class LineProgress(BaseModel):
    """A line of an order."""

    n: int
    item: str
    name: str
    quantity: int
    promised: int
    picked: int


class PackageProgress(BaseModel):
    """A package on its way."""

    sscc: str
    state: str
    carrier: str | None
    waybill: str | None
    carrier_state: str | None


class TimelineStep(BaseModel):
    """Something that happened to an order."""

    at: datetime
    what: str = Field(description="accepted, released, picking, picked, packed, shipped, carrier_ordered, or the state of a carrier's step")
    package: str
    text: str
    place: str


class ProgressOut(BaseModel):
    """How far an order is, for sales and the customer."""

    model_config = answer(
        {
            "order": _ID,
            "number": "SO-1001",
            "state": "in_transit",
            "picks": {"tasks": 2, "answered": 2},
            "lines": [{"n": 1, "item": "milk", "name": "Milk", "quantity": 4, "promised": 4, "picked": 4}],
            "packages": [{"sscc": _SSCC, "state": "shipped", "carrier": "sf", "waybill": "SF7000000000001", "carrier_state": "in_transit"}],
            "timeline": [{"at": _AT, "what": "accepted", "package": "", "text": "", "place": ""}],
        }
    )

    order: str
    number: str
    state: str = Field(description="accepted, released, picking, picked, packed, shipped, in_transit, delivered; or unfilled, cancelled, split")
    picks: PicksOut
    lines: list[LineProgress]
    packages: list[PackageProgress]
    timeline: list[TimelineStep]


class AccountOut(BaseModel):
    """A carrier's account, without what is secret."""

    model_config = answer(
        {
            "code": "sf",
            "adapter": "sf",
            "base_url": "https://sfapi-sbox.sf-express.com",
            "client": "DOCKTEST",
            "account": "7551234567",
            "service": "",
            "active": True,
        }
    )

    code: str
    adapter: str
    base_url: str
    client: str
    account: str
    service: str
    active: bool


class QuoteOut(BaseModel):
    """What carrying would cost."""

    model_config = answer({"service": "1", "price_minor": 1200, "arrives_at": _AT})

    service: str
    price_minor: int | None = Field(description="minor units of CNY; null: the carrier does not say")
    arrives_at: datetime | None


class ReturnListed(BaseModel):
    """A customer's return."""

    model_config = answer(
        {
            "id": _ID,
            "channel": "api",
            "number": "RMA-7",
            "site": "s1",
            "order_id": _ID,
            "partner": "shop",
            "reason": "not_wanted",
            "note": "",
            "state": "arrived",
            "created_at": _AT,
            "arrived_at": _AT,
            "closed_at": None,
        }
    )

    id: str
    channel: str
    number: str
    site: str
    order_id: str | None
    partner: str
    reason: str
    note: str
    state: Literal["announced", "arrived", "inspected", "cancelled"]
    created_at: datetime
    arrived_at: datetime | None
    closed_at: datetime | None


class ReturnLineOut(BaseModel):
    """A line of a return."""

    n: int
    item: str
    lot: str
    owner: str
    announced: int
    arrived: int
    inspected: int
    refund_minor: int | None


class DecisionOut(BaseModel):
    """What was decided about returned goods."""

    n: int
    quantity: int
    disposition: str
    reason: str
    place: str
    actor: str
    at: datetime


class ReturnOut(ReturnListed):
    """A return with its lines and decisions."""

    lines: list[ReturnLineOut]
    decisions: list[DecisionOut]
