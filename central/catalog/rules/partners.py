# SPDX-License-Identifier: Apache-2.0
"""Who delivers, buys, carries or owns, and what they ask of our goods."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from central.catalog.rules.words import Backorders, Code, Count, Gln, Latitude, Longitude, Name, Named, PartnerKind, Row, Short, example, wrong

_Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class Address(BaseModel):
    """Where a partner gets its goods, as carriers in China ask for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name = Field("", description="who receives")
    phone: Short = ""
    province: Short = ""
    city: Short = ""
    district: Short = ""
    street: Name = ""
    postcode: Short = ""
    country: _Country = Field("CN", description="ISO 3166-1, two letters")


class Partner(Row):
    """Who delivers, buys, carries or owns goods."""

    model_config = example(
        code="corner-shop", name="Corner Shop", kind="customer", grp="retail", min_remaining_days=7, address={"city": "上海市", "street": "南京东路 1 号"}
    )

    code: Code
    name: Named
    kind: PartnerKind
    gln: Gln | None = None
    grp: Short = Field("", description="customer group, for waves and rules")
    min_remaining_days: Count = Field(0, description="what is sent to it keeps at least so long")
    priority: int = Field(5, ge=1, le=9, description="1 is served first, 9 last")
    carrier: Short = Field("", description="who carries its orders")
    backorders: Backorders = Field("backorder", description="what becomes of what is not there, where an order does not say: sent later, dropped, or all waits")
    address: Address | None = None
    latitude_deg: Latitude | None = None
    longitude_deg: Longitude | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.latitude_deg is None) != (self.longitude_deg is None):
            raise wrong("position_incomplete", "give latitude and longitude together, or neither")
        return self


class PartnerItem(Row):
    """A customer's own rule for an item; it goes before the customer's general one."""

    model_config = example(partner="corner-shop", item="milk", min_remaining_days=10)
    KEY: ClassVar[tuple[str, ...]] = ("partner", "item")

    partner: Code
    item: Code
    min_remaining_days: Count
