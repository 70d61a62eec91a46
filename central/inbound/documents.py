# SPDX-License-Identifier: Apache-2.0
"""Documents that inbound takes in: ship notices."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from central.catalog.rules import Code, Gtin, Lot, Site
from central.inbound.rules import check_line
from contracts.identifiers import check_sscc

SsccDigits = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(check_sscc)]
Serial = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20)]


QUANTITY_MAX = 10**15
"""No shipment has more; sums of such quantities fit into 64 bits."""
_EXAMPLE: dict[str, JsonValue] = {
    "number": "ASN-1182",
    "site": "shanghai-1",
    "supplier": "dairy",
    "expected_at": "2026-11-22T06:00:00Z",
    "pallets": [
        {
            "sscc": "006141411234567890",
            "tare_g": 21000,
            "lines": [{"gtin": "00614141000012", "lot": "L1", "expiry": "2026-12-01", "quantity": 48, "serials": ["1", "2"]}],
        }
    ],
}


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LineAnnounced(_Document):
    """So much of an item and lot; `serials` are those of the tagged cases (AI 21) that hold it in equal parts."""

    item: Code | None = Field(None, description="item code; or give gtin")
    gtin: Gtin | None = None
    lot: Lot = ""
    expiry: date | None = Field(None, description="last day of use, AI 17")
    quantity: int = Field(gt=0, le=QUANTITY_MAX, description="in the item's unit")
    serials: list[Serial] = Field([], max_length=10_000)
    case_ssccs: list[SsccDigits] = Field(
        [], max_length=10_000, description="SSCCs of the cases on the pallet, which hold the quantity in equal parts; in the order of the serials"
    )
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
        self._check_cases()
        return self

    def _check_cases(self) -> None:
        if len(set(self.case_ssccs)) != len(self.case_ssccs):
            raise ValueError("a case's SSCC stands twice in a line")
        if self.case_ssccs and self.quantity % len(self.case_ssccs):
            raise ValueError(f"{self.quantity} cannot be in {len(self.case_ssccs)} cases in equal parts")
        if self.case_ssccs and self.serials and len(self.case_ssccs) != len(self.serials):
            raise ValueError("give one serial for each case's SSCC, or none")


class PalletAnnounced(_Document):
    """A pallet and what is on it."""

    sscc: SsccDigits
    tare_g: int | None = Field(None, ge=0, le=2**31 - 1, description="pallet and wrapping without goods, for the weigh check")
    lines: list[LineAnnounced] = Field(min_length=1, max_length=1000)


class ShipNotice(_Document):
    """A ship notice (ASN): what a supplier has sent on its way. `lines` are loose goods without a pallet."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [_EXAMPLE]})

    number: Code = Field(description="the supplier's number of it")
    site: Site = Field(description="where it goes")
    supplier: Code = Field(description="code of the partner")
    expected_at: AwareDatetime | None = Field(None, description="when it arrives")
    pallets: list[PalletAnnounced] = Field([], max_length=1000)
    lines: list[LineAnnounced] = Field([], max_length=1000, description="loose goods")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.pallets and not self.lines:
            raise ValueError("the notice announces nothing; give pallets or lines")
        ssccs = [pallet.sscc for pallet in self.pallets]
        if len(set(ssccs)) != len(ssccs):
            raise ValueError("a pallet stands twice in the notice")
        return self
