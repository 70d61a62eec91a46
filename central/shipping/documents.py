# SPDX-License-Identifier: Apache-2.0
"""Documents that shipping takes in: sites' settings, cartons, scans at the pack station, loads, carriers' accounts, returns."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from central.catalog.rules import Code, Gtin, Site
from central.outbound.documents import ShipWhen
from central.stock.bodies import Serial
from contracts.identifiers import IdentifierError, check_sscc

Disposition = Literal["available", "hold", "damaged", "scrap", "supplier"]
PackageKind = Literal["carton", "tote", "pallet"]
QUANTITY_MAX = 10**12
"""More pieces than any warehouse holds, and far below what 64 bits hold when they are summed."""
GRAMS_MAX = 10**8
Millimetres = Annotated[int, Field(gt=0, le=20_000)]


def _sscc(text: str) -> str:
    try:
        return check_sscc(text)
    except IdentifierError as error:
        raise ValueError(str(error)) from error


UUID_PATTERN = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
Id = Annotated[str, StringConstraints(pattern=UUID_PATTERN)]
"""The id of an order, load, carrier's order or return: a UUID in small letters."""
SsccText = Annotated[str, StringConstraints(pattern=r"^[0-9]{18}$"), AfterValidator(_sscc)]
"""An SSCC of 18 digits with its right check digit."""


class Body(BaseModel):
    """What every body of a request shares: nothing unknown is taken."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DeliveryAddress(Body):
    """Where goods go to or come from. In China province, city and district are three words; elsewhere what there is."""

    name: str = Field("", max_length=100, description="person or company")
    phone: str = Field("", max_length=40)
    province: str = Field("", max_length=60)
    city: str = Field("", max_length=60)
    district: str = Field("", max_length=60)
    street: str = Field("", max_length=200, description="street, house, floor")
    postcode: str = Field("", max_length=20)
    country: str = Field("CN", max_length=2, description="ISO 3166 alpha-2")


class SiteSettings(Body):
    """How a site ships."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"site": "s1", "company_prefix": "0614141", "sender": {"name": "Dock", "city": "上海市", "street": "港路 1"}}]}
    )

    site: Site
    company_prefix: str = Field(pattern=r"^[0-9]{6,12}$", description="GS1 company prefix of whoever gives out the SSCCs")
    extension: str = Field("0", pattern=r"^[0-9]$", description="first digit of the SSCC; give each site of one company prefix its own")
    sender: DeliveryAddress | None = Field(None, description="printed on labels and told to carriers")
    carrier: str = Field("", max_length=64, description="who carries when neither the order nor the customer say; empty: own vehicles")
    place_when: Literal["packed", "shipped"] = Field("shipped", description="when the carrier's order is placed")
    ship_when: ShipWhen = Field(
        "asked",
        description="what sends an order that does not say it itself: `asked`, the scan of its last package at the dock, or a person; `weighed`, a right "
        "weight; `picked`, its last pick, for a site that packs nothing or only some orders",
    )
    printer: str = Field("", max_length=200, description="the label printer: host:port, e.g. printer-1.site.lan:9100, or gateway/station behind a gateway")
    dpi: Literal[203, 300, 600] = Field(203, description="dots per inch of the label printer")


class CartonType(Body):
    """A kind of carton, tote or pallet that goods are packed into."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"code": "M", "inner_length_mm": 300, "inner_width_mm": 200, "inner_height_mm": 150, "tare_g": 180, "max_weight_g": 10000, "cost_minor": 90}
            ]
        }
    )

    code: Code
    name: str = Field("", max_length=200)
    kind: PackageKind = "carton"
    inner_length_mm: Millimetres = Field(description="usable inside")
    inner_width_mm: Millimetres
    inner_height_mm: Millimetres
    outer_length_mm: Millimetres | None = Field(None, description="outside; empty: 6 mm more than the inside")
    outer_width_mm: Millimetres | None = None
    outer_height_mm: Millimetres | None = None
    tare_g: int = Field(ge=0, le=GRAMS_MAX, description="the empty carton")
    max_weight_g: int = Field(gt=0, le=GRAMS_MAX, description="that its contents may weigh")
    cost_minor: int = Field(0, ge=0, le=GRAMS_MAX, description="of one, in minor units of money")
    insulated: bool = Field(False, description="keeps cold")
    available: bool = Field(True, description="in stock at the pack stations")

    @model_validator(mode="after")
    def _outside_holds_inside(self) -> Self:
        for side in ("length", "width", "height"):
            outer = getattr(self, f"outer_{side}_mm")
            if outer is not None and outer < getattr(self, f"inner_{side}_mm"):
                raise ValueError(f"outer_{side}_mm is less than inner_{side}_mm")
        return self


class OpenPackage(Body):
    """Begin a package for an order, named by its id or by the tote that its goods stand in."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"site": "s1", "tote": "T-17", "carton_type": "M", "actor": "li"}]})

    site: Site
    order_id: Id | None = Field(None, description="id of the order")
    tote: str | None = Field(None, max_length=64, description="code of the tote, or number of the order, as scanned")
    kind: PackageKind = "carton"
    carton_type: Code | None = None
    tare_g: int | None = Field(None, ge=0, le=GRAMS_MAX, description="the empty package, where it is not a carton type's")
    station: str = Field("", max_length=100)
    actor: str = Field("api", min_length=1, max_length=100, description="who does it")

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if (self.order_id is None) == (self.tote is None):
            raise ValueError("give either order_id or tote")
        return self


class PackItem(Body):
    """Goods put into a package: what the scanner read, or item or GTIN with lot and quantity."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "01006141410000121726120110L1", "quantity": 4}, {"item": "milk", "lot": "L1"}]})

    text: str | None = Field(None, max_length=200, description="as scanned: GS1 element string, GTIN, or item code")
    item: Code | None = None
    gtin: Gtin | None = None
    lot: str | None = Field(None, max_length=20, description="empty: the only lot picked of it")
    quantity: int | None = Field(None, gt=0, le=QUANTITY_MAX, description="smallest units; empty: what the scan says, else 1")
    serials: list[Serial] = Field(default_factory=list, max_length=1000)
    actor: str = Field("api", min_length=1, max_length=100, description="who does it")

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if sum(each is not None for each in (self.text, self.item, self.gtin)) != 1:
            raise ValueError("give one of text, item and gtin")
        return self


class TakeOut(Body):
    """Goods taken out of an open package again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"item": "milk", "lot": "L1", "quantity": 1}]})

    item: Code
    lot: str = Field("", max_length=20)
    quantity: int = Field(gt=0, le=QUANTITY_MAX)
    actor: str = Field("api", min_length=1, max_length=100, description="who does it")


class Weighed(Body):
    """What a scale without a gateway shows."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"value": "1.252", "unit": "kg"}]})

    value: str = Field(pattern=r"^[0-9]{1,7}(\.[0-9]{1,6})?$", description="as shown, all decimals")
    unit: Literal["g", "kg", "lb", "oz"]
    net: bool = Field(False, description="the empty package was tared")
    station: str = Field("", max_length=100)
    actor: str = Field("api", min_length=1, max_length=100, description="who does it")


class ShipScan(Body):
    """The label of a package, scanned where it leaves."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"site": "s1", "text": "00006141410000000018", "station": "door-5"}]})

    site: Site
    text: str = Field(min_length=1, max_length=200, description="as scanned: an SSCC with or without its (00)")
    station: str = Field("", max_length=100)
    actor: str = Field("api", min_length=1, max_length=100, description="who does it")


class LoadPlan(Body):
    """What must go onto one vehicle."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"site": "s1", "number": "L-88", "door": "door-5", "vehicle": "沪A12345", "orders": []}]})

    site: Site
    number: Code
    door: str = Field("", max_length=100, description="station where it is loaded; empty: any")
    vehicle: str = Field("", max_length=100)
    route: str = Field("", max_length=100)
    carrier: str = Field("", max_length=64)
    packages: list[SsccText] = Field(default_factory=list, max_length=5000)
    orders: list[Id] = Field(default_factory=list, max_length=1000, description="ids of orders, all packages of which go")
    actor: str = Field("api", min_length=1, max_length=100, description="who does it")


class CarrierAccount(Body):
    """How we speak with a carrier. The secret is taken, kept and never shown."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"code": "sf", "adapter": "sf", "base_url": "https://sfapi-sbox.sf-express.com", "client": "DOCKTEST", "secret": "...", "account": "7551234567"}
            ]
        }
    )

    code: Code
    adapter: Literal["sf", "jd"]
    base_url: str = Field(pattern=r"^https?://", max_length=200)
    client: str = Field(min_length=1, max_length=100, description="partner id, app key")
    secret: str = Field(min_length=1, max_length=200, description="check word, app secret")
    token: str = Field("", max_length=200, description="access token, where the carrier has one")
    account: str = Field("", max_length=64, description="monthly card, customer code")
    service: str = Field("", max_length=64, description="product when the order names none")
    push_token: str = Field("", max_length=200, description="what the carrier's pushes carry in their address")
    active: bool = True


class ReturnLineAnnounced(Body):
    """So many of an item come back."""

    item: Code | None = None
    gtin: Gtin | None = None
    lot: str = Field("", max_length=20)
    quantity: int = Field(gt=0, le=QUANTITY_MAX)
    refund_minor: int | None = Field(None, ge=0, le=QUANTITY_MAX, description="to be paid back for one unit")

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if (self.item is None) == (self.gtin is None):
            raise ValueError("give either item or gtin")
        return self


class ReturnAnnounced(Body):
    """A customer sends goods back (RMA). Channel and number name it; the same return sent twice is one return."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"number": "RMA-7", "site": "s1", "partner": "shop", "reason": "not_wanted", "lines": [{"item": "milk", "quantity": 1}]}]
        }
    )

    channel: Code = "api"
    number: Code
    site: Site
    order_id: Id | None = Field(None, description="the shipped order; empty: blind")
    partner: str = Field("", max_length=64)
    reason: Code = Field(description="code of a reason of kind return")
    note: str = Field("", max_length=1000)
    lines: list[ReturnLineAnnounced] = Field(min_length=1, max_length=500)
    actor: str = Field("api", min_length=1, max_length=100, description="who does it")


class ReturnArrived(Body):
    """What of a return stands at the dock."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"n": 1, "quantity": 1, "lot": "L1"}]})

    n: int = Field(ge=1, le=10_000, description="line of the return")
    quantity: int = Field(gt=0, le=QUANTITY_MAX)
    lot: str | None = Field(None, max_length=20, description="as the label says; empty: as announced")
    serials: list[Serial] = Field(default_factory=list, max_length=1000, description="of the pieces, as far as they were scanned; the rest at the inspection")
    actor: str = Field("api", min_length=1, max_length=100, description="who does it")


class ReturnInspected(Body):
    """What is done with returned goods after somebody looked at them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"n": 1, "quantity": 1, "disposition": "available", "actor": "li"}]})

    n: int = Field(ge=1, le=10_000)
    quantity: int = Field(gt=0, le=QUANTITY_MAX)
    disposition: Disposition = Field(description="available: sold again; hold; damaged; scrap: destroyed; supplier: sent back to whoever delivered it")
    reason: str = Field("", max_length=200)
    place: str | None = Field(None, max_length=130, description="site/code to put it to; empty: it stays at the stage")
    serials: list[Serial] = Field(default_factory=list, max_length=1000, description="of each piece, for an item tracked by serial")
    actor: str = Field("api", min_length=1, max_length=100, description="who does it")
