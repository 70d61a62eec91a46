# SPDX-License-Identifier: Apache-2.0
"""Documents that outbound takes in: orders, and changes of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from central.catalog.rules import Backorders, Code, Gtin, Site
from central.examples import answer

ShipWhen = Literal["picked", "weighed", "asked"]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
QUANTITY_MAX = 10**12
"""More pieces than any warehouse holds, and far below what 64 bits hold when lines are summed."""

_EXAMPLE_ADDRESS: dict[str, Any] = {
    "name": "Li Wei",
    "phone": "13800000000",
    "province": "Zhejiang",
    "city": "Hangzhou",
    "street": "Wensan Rd 90",
    "postcode": "310012",
}
_EXAMPLE_LINES: list[Any] = [{"item": "milk", "quantity": 6}, {"gtin": "00614141000029", "quantity": 2}]
EXAMPLE_ORDER: dict[str, Any] = {
    "channel": "shop-1",
    "number": "SO-1001",
    "partner": "corner-shop",
    "lines": _EXAMPLE_LINES,
    "priority": 3,
    "due_at": "2026-11-23T16:00:00+08:00",
    "backorders": "backorder",
    "carrier": "sf",
    "address": _EXAMPLE_ADDRESS,
}


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Address(_Document):
    """Where goods go. Latitude and longitude, when known, decide which site is near."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE_ADDRESS]})

    name: Words = ""
    phone: Words = ""
    province: Words = ""
    city: Words = ""
    district: Words = ""
    street: Words = ""
    postcode: Words = ""
    country: Words = Field("", description="ISO 3166-1, two letters")
    latitude_deg: float | None = Field(None, ge=-90, le=90)
    longitude_deg: float | None = Field(None, ge=-180, le=180)


class LineOrdered(_Document):
    """So many of an item, named by its code or GTIN."""

    model_config = ConfigDict(json_schema_extra={"examples": _EXAMPLE_LINES})

    item: Code | None = None
    gtin: Gtin | None = None
    quantity: int = Field(gt=0, le=QUANTITY_MAX, description="in the item's unit")

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if (self.item is None) == (self.gtin is None):
            raise ValueError("give either item or gtin")
        return self


class Order(_Document):
    """A customer's order. Channel and number together name it; the same order sent twice is one order."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_ORDER]})

    channel: Code = "api"
    number: Code
    site: Site | None = Field(None, description="who sends it; without it the nearest sites that can deliver in the fewest shipments are chosen")
    partner: Code
    lines: list[LineOrdered] = Field(min_length=1, max_length=1000)
    tote: str = Field("", max_length=64, description="code on the tote, as it is scanned at the weigh point")
    tare_g: int | None = Field(None, ge=0, le=10**9, description="the empty tote")
    ship_when: ShipWhen | None = Field(
        None,
        description="what sends it: `picked`, its last pick; `weighed`, a right weight; `asked`, the scan of its last package at the dock, or a person. "
        "Left out: as its site ships (PUT /api/v1/shipping/sites, there `asked` unless said otherwise); at a site that does not pack, its last pick",
    )
    owner: str = Field("", max_length=64, description="whose goods are sent; empty: our own")
    priority: int | None = Field(None, ge=1, le=9, description="1 is served first, 9 last; left out: the customer's")
    due_at: AwareDatetime | None = Field(None, description="when it must leave; left out: the cut-off of the day for which it is promised")
    backorders: Backorders | None = Field(
        None, description="what becomes of what is not there: sent later (as often as some of it comes), dropped, or all waits for it; left out: the customer's"
    )
    substitutes: bool = Field(False, description="the customer takes substitutes")
    min_remaining_days: int | None = Field(None, ge=0, le=3650, description="how long the goods must keep when they leave; left out: the customer's rule")
    carrier: str = Field("", max_length=64, description="left out: the customer's")
    service: str = Field("", max_length=64, description="the carrier's product")
    address: Address | None = Field(None, description="left out: the customer's")

    def model_dump_stored(self) -> dict[str, Any]:
        """The fields that are columns of the order as they are."""
        names = {"channel", "number", "partner", "ship_when", "tote", "tare_g", "owner", "substitutes", "min_remaining_days", "service"}
        return self.model_dump(include=names)


class OrderChange(_Document):
    """What is to be otherwise in an order that is not released yet; what is left out stays. New lines replace all lines.

    Other lines, terms, another site or address: the order is promised anew, and its sites are chosen anew unless it names one.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"priority": 1, "address": _EXAMPLE_ADDRESS}, {"lines": _EXAMPLE_LINES}]})

    site: Site | None = Field(None, description="who sends it; null: the nearest sites that can deliver in the fewest shipments are chosen")
    lines: list[LineOrdered] | None = Field(None, min_length=1, max_length=1000)
    tote: str | None = Field(None, max_length=64)
    tare_g: int | None = Field(None, ge=0, le=10**9)
    ship_when: ShipWhen | None = None
    priority: int | None = Field(None, ge=1, le=9)
    due_at: AwareDatetime | None = Field(None, description="when it must leave; null: the cut-off of the day for which it is promised")
    backorders: Backorders | None = None
    substitutes: bool | None = None
    min_remaining_days: int | None = Field(None, ge=0, le=3650)
    carrier: str | None = Field(None, max_length=64)
    service: str | None = Field(None, max_length=64)
    address: Address | None = None

    @property
    def promises_anew(self) -> bool:
        """Whether the lines must be promised again, wherever the goods go."""
        return bool({"lines", "site", "backorders", "substitutes", "min_remaining_days"} & self.model_fields_set)

    def columns(self) -> dict[str, Any]:
        """The columns of the order that change as they are said; `null` takes back what may be empty, and is refused for the rest by the check below."""
        changed = {name: getattr(self, name) for name in self.model_fields_set if name not in ("lines", "site", "address", "due_at")}
        if "address" in self.model_fields_set:
            changed["address"] = self.address.model_dump(exclude_defaults=True) if self.address else None
        return changed

    @model_validator(mode="after")
    def _nothing_needed_is_null(self) -> Self:
        needed = self.model_fields_set - {"tare_g", "due_at", "min_remaining_days", "address", "site"}
        if missing := sorted(name for name in needed if getattr(self, name) is None):
            raise ValueError(f"{', '.join(missing)} cannot be null; leave out what stays")
        return self


_ORDER_ID = "0f6e5a0b-30a4-5a0b-9f0e-6f1d0c7a4b52"
_DELIVERED = {"order": _ORDER_ID, "site": "shanghai-1", "item": "milk", "quantity": 6, "promised": 6, "promised_on": "2026-11-21", "instead_of": ""}
_PROMISE = {"n": 1, "item": "milk", "quantity": 6, "promised": 6, "short": 0, "state": "promised", "promised_on": "2026-11-21", "parts": []}
_PART = {"id": _ORDER_ID, "number": "SO-1001/b1", "site": "shanghai-1", "role": "backorder", "due_at": "2026-11-23T08:00:00Z"}
EXAMPLE_TAKEN: dict[str, Any] = {"id": _ORDER_ID, "lines": [_PROMISE], "orders": []}


class Delivered(BaseModel):
    """A part of a line as it was promised: so many of `item` from `site` on `promised_on`; `order` is the id of the order that brings it."""

    model_config = answer(_DELIVERED)

    order: str
    site: str
    item: str
    quantity: int
    promised: int
    promised_on: date | None
    instead_of: str = Field("", description="what was ordered, where this is a substitute or a component of a kit")


class Promise(BaseModel):
    """The answer to a line: so many can be promised, the rest is short."""

    model_config = answer(_PROMISE)

    n: int
    item: str
    quantity: int
    promised: int
    short: int
    state: Literal["promised", "short", "unpromised"]
    promised_on: date | None = Field(None, description="the day on which the last of what is promised can leave")
    parts: list[Delivered] = Field(default_factory=list, description="where it comes from, when it is more than one")


class OrderPart(BaseModel):
    """An order that is a part of this one: another site's share, or a backorder."""

    model_config = answer(_PART)

    id: str
    number: str
    site: str
    role: Literal["order", "share", "backorder"]
    due_at: datetime


class OrderTaken(BaseModel):
    """The answer to an order; the same order again gets the same answer."""

    model_config = answer(EXAMPLE_TAKEN)

    id: str
    lines: list[Promise]
    orders: list[OrderPart] = Field(default_factory=list, description="what it was split into; empty when one site sends it at once")
