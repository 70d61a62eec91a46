# SPDX-License-Identifier: Apache-2.0
"""What a valid item, location, zone, level and partner is. One declaration serves the API and the CSV import."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from contracts.identifiers import check_gln, normalise_gtin
from contracts.quantities import Uom
from contracts.topics import check_name

Condition = Literal["ambient", "chilled", "frozen"]
LocationKind = Literal["bin", "storage", "stage", "dock", "shipped"]
PartnerKind = Literal["supplier", "customer", "carrier"]

Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=r"^[^\s/@][^/]*$")]
"""A code as on a label: 1 to 64 characters, no slash, not beginning with @ (virtual places) or a blank."""
Site = Annotated[str, AfterValidator(check_name)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Gtin = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(normalise_gtin)]
Gln = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(check_gln)]
Lot = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20)]
"""A lot number, GS1 AI (10): up to 20 characters; empty for goods without lots."""


class Row(BaseModel):
    """Base of what the catalog takes in: unknown fields are refused, so that a mistyped column is told and not lost."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Item(Row):
    """An item. One item has one GTIN and one GTIN one item (R28)."""

    code: Code
    gtin: Gtin | None = Field(None, description="GTIN-8, -12, -13 or -14 with a right check digit; kept as 14 digits")
    name: Annotated[Name, StringConstraints(min_length=1)]
    name_zh: Name = ""
    uom: Uom = Field("C62", description="unit in which stock is counted, UN/CEFACT Recommendation 20")
    unit_weight_g: int | None = Field(None, gt=0, description="gross weight of one unit in grams")
    shelf_life_days: int | None = Field(None, gt=0)
    condition: Condition = "ambient"
    supplier: str | None = Field(None, description="code of the partner who delivers it")


class Location(Row):
    """A place in a site. `cold_room` is the id of the gateway's cold-room station that watches it."""

    site: Site
    code: Code
    kind: LocationKind
    condition: Condition = "ambient"
    zone: str = Field("", max_length=64)
    pick_rank: int = Field(0, description="lower is visited first")
    cold_room: str = Field("", max_length=64)
    x_m: float | None = None
    y_m: float | None = None

    @property
    def place(self) -> str:
        """The place as the ledger names it."""
        return f"{self.site}/{self.code}"


class Zone(Row):
    """A pick zone and the gateway's station that lights it; without a gateway it is picked from the list."""

    site: Site
    id: Code
    gateway: str = Field("", max_length=64)
    station: str = Field("", max_length=64)

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if bool(self.gateway) != bool(self.station):
            raise ValueError("give gateway and station together, or neither")
        return self


class StockLevel(Row):
    """Minimum and maximum of an item at a bin, or at the whole site when `location` is empty."""

    site: Site
    location: str = Field("", max_length=64)
    item: Code
    minimum: int = Field(ge=0)
    maximum: int = Field(ge=0)

    @property
    def place(self) -> str:
        """The bin's place, or the site's name."""
        return f"{self.site}/{self.location}" if self.location else self.site

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is above maximum {self.maximum}")
        return self


class Partner(Row):
    """Who delivers, buys or carries."""

    code: Code
    name: Annotated[Name, StringConstraints(min_length=1)]
    kind: PartnerKind
    gln: Gln | None = None


KINDS: Mapping[str, type[Row]] = {"items": Item, "locations": Location, "zones": Zone, "levels": StockLevel, "partners": Partner}
"""What can be imported, by its name in the API."""


def key_of(row: Row) -> tuple[str, ...]:
    """What makes a row the same row when it comes again."""
    match row:
        case Item() | Partner():
            return (row.code,)
        case Location():
            return (row.site, row.code)
        case Zone():
            return (row.site, row.id)
        case StockLevel():
            return (row.place, row.item)
    raise TypeError(f"{type(row).__name__} is not of the catalog")


def repeated(rows: Sequence[Row]) -> dict[int, str]:
    """Rows, by their index, whose key or GTIN stands in an earlier row too, with what to say of it."""
    seen: Counter[tuple[str, ...]] = Counter()
    told: dict[int, str] = {}
    for index, row in enumerate(rows):
        keys = [("key", *key_of(row))] + ([("gtin", row.gtin)] if isinstance(row, Item) and row.gtin else [])
        for key in keys:
            if seen[key]:
                told[index] = f"{' '.join(key[1:])} stands in this file more than once; keep one row of it"
            seen[key] += 1
    return told
