# SPDX-License-Identifier: Apache-2.0
"""Documents that inbound takes in: ship notices."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from central.catalog.rules import Code, Gtin, Lot, Site
from central.inbound.rules import check_line
from contracts.identifiers import check_sscc

SsccDigits = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(check_sscc)]
Serial = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LineAnnounced(_Document):
    """So much of an item and lot; `serials` are those of the tagged cases (AI 21) that hold it in equal parts."""

    item: Code | None = Field(None, description="item code; or give gtin")
    gtin: Gtin | None = None
    lot: Lot = ""
    expiry: date | None = Field(None, description="last day of use, AI 17")
    quantity: int = Field(gt=0, description="in the item's unit")
    serials: list[Serial] = []
    case_gtin: Gtin | None = Field(None, description="GTIN on the cases' tags when it is not the item's own")

    @model_validator(mode="after")
    def _checked(self) -> Self:
        problem = check_line(self.quantity, len(self.serials))
        if problem:
            raise ValueError(problem)
        if (self.item is None) == (self.gtin is None):
            raise ValueError("give either item or gtin")
        if len(set(self.serials)) != len(self.serials):
            raise ValueError("a serial stands twice in a line")
        return self


class PalletAnnounced(_Document):
    """A pallet and what is on it."""

    sscc: SsccDigits
    tare_g: int | None = Field(None, ge=0, description="pallet and wrapping without goods, for the weigh check")
    lines: list[LineAnnounced] = Field(min_length=1)


class ShipNotice(_Document):
    """A ship notice (ASN): what a supplier has sent on its way. `lines` are loose goods without a pallet."""

    number: Code
    site: Site
    supplier: Code
    expected_at: datetime | None = None
    pallets: list[PalletAnnounced] = []
    lines: list[LineAnnounced] = []

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.pallets and not self.lines:
            raise ValueError("the notice announces nothing; give pallets or lines")
        if self.expected_at is not None and self.expected_at.tzinfo is None:
            raise ValueError("expected_at has no time zone")
        ssccs = [pallet.sscc for pallet in self.pallets]
        if len(set(ssccs)) != len(ssccs):
            raise ValueError("a pallet stands twice in the notice")
        return self
