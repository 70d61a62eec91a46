# SPDX-License-Identifier: Apache-2.0
"""Documents that inbound takes in: ship notices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
    model_validator,
)

from central.catalog.rules import Code, Gtin, Lot, Site
from central.inbound.rules import check_line
from contracts.identifiers import check_sscc

SsccDigits = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(check_sscc)]
Serial = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20)]


QUANTITY_MAX = 10**15
"""No shipment has more; sums of such quantities fit into 64 bits."""
DEPTH_MAX = 3
"""Units inside a pallet: case, inner and each; with the pallet that is what a handling unit may nest (`central.ledger.units.MAX_DEPTH`)."""
Progress = Literal["preparing", "announced", "in_transit"]
"""How far goods are that have not come, as the supplier or the carrier says."""
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
            "units": [
                {
                    "sscc": "006141411234567906",
                    "tagged": True,
                    "lines": [{"item": "peas", "quantity": 10}],
                    "units": [{"gtin": "00614141000029", "serial": "77", "lines": [{"item": "peas", "quantity": 2}]}],
                }
            ],
        }
    ],
    "door": "dock-1",
    "expected_from": "2026-11-22T06:00:00Z",
    "expected_until": "2026-11-22T07:00:00Z",
}


_LATER_FIELDS = ("units", "door", "expected_from", "expected_until", "progress")


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What came later is left out where it says nothing: a notice stored before it was known stays the same document when it is sent again."""
        written: dict[str, Any] = handler(self)
        return {key: value for key, value in written.items() if key not in _LATER_FIELDS or value not in (None, "", [], "announced")}


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


class UnitAnnounced(_Document):
    """A case, inner or each that has a label of its own, and what is in it. Named by an SSCC, or by the GTIN and serial of its tag."""

    sscc: SsccDigits | None = Field(None, description="or give gtin and serial")
    gtin: Gtin | None = Field(None, description="of the SGTIN on its tag")
    serial: Serial | None = Field(None, description="of the SGTIN on its tag")
    tagged: bool = Field(False, description="its SSCC is on an RFID tag, so a door should read it; one with gtin and serial is tagged anyway")
    lines: list[LineAnnounced] = Field([], max_length=1000)
    units: list[UnitAnnounced] = Field([], max_length=10_000, description="what stands in it")

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.sscc is None) == (self.gtin is None) or (self.gtin is None) != (self.serial is None):
            raise ValueError("name a unit by sscc, or by gtin and serial")
        if not self.lines and not self.units:
            raise ValueError("the unit holds nothing; give lines or units")
        return self

    @property
    def code(self) -> str:
        """Its name as a handling unit: the SSCC, or GTIN.serial."""
        return self.sscc or f"{self.gtin}.{self.serial}"

    @property
    def tag(self) -> tuple[str, str] | None:
        """GTIN and serial as a door says them (an SSCC has no GTIN); None without a tag."""
        if self.gtin is not None and self.serial is not None:
            return self.gtin, self.serial
        return ("", self.sscc) if self.tagged and self.sscc else None


@dataclass(frozen=True, slots=True)
class Nested:
    """A unit where it stands: `parent` is the code of what it stands in, `tag` that of the innermost tagged unit around its goods."""

    unit: UnitAnnounced
    parent: str
    depth: int
    tag: tuple[str, str] | None


def nested(parent: str, units: Sequence[UnitAnnounced], depth: int = 1, tag: tuple[str, str] | None = None) -> Iterator[Nested]:
    """Units and all in them, the outer before the inner."""
    for unit in units:
        mine = unit.tag or tag
        yield Nested(unit, parent, depth, mine)
        yield from nested(unit.code, unit.units, depth + 1, mine)


class PalletAnnounced(_Document):
    """A pallet and what is on it: goods directly on it, and units to any sensible depth."""

    sscc: SsccDigits
    tare_g: int | None = Field(None, ge=0, le=2**31 - 1, description="pallet and wrapping without goods, for the weigh check")
    lines: list[LineAnnounced] = Field([], max_length=1000)
    units: list[UnitAnnounced] = Field([], max_length=10_000, description="cases with labels of their own, which may hold inners, which may hold eaches")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.lines and not self.units:
            raise ValueError("the pallet holds nothing; give lines or units")
        codes = [self.sscc]
        for each in nested(self.sscc, self.units):
            if each.depth > DEPTH_MAX:
                raise ValueError(f"unit {each.unit.code} stands {each.depth} deep in the pallet, {DEPTH_MAX} is the most")
            codes.append(each.unit.code)
        if len(set(codes)) != len(codes):
            raise ValueError("a unit stands twice in the pallet")
        return self


class ShipNotice(_Document):
    """A ship notice (ASN): what a supplier has sent on its way. `lines` are loose goods without a pallet."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [_EXAMPLE]})

    number: Code = Field(description="the supplier's number of it")
    site: Site = Field(description="where it goes")
    supplier: Code = Field(description="code of the partner")
    expected_at: AwareDatetime | None = Field(None, description="when it arrives")
    pallets: list[PalletAnnounced] = Field([], max_length=1000)
    lines: list[LineAnnounced] = Field([], max_length=1000, description="loose goods")
    door: Code | Literal[""] = Field("", description="station of the dock door where it is expected; empty: any door")
    expected_from: AwareDatetime | None = Field(None, description="its time window at the door begins")
    expected_until: AwareDatetime | None = Field(None, description="its time window at the door ends")
    progress: Progress = Field("announced", description="how far it is: preparing, announced or in_transit; arrived and received are seen here")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.pallets and not self.lines:
            raise ValueError("the notice announces nothing; give pallets or lines")
        ssccs = [pallet.sscc for pallet in self.pallets]
        if len(set(ssccs)) != len(ssccs):
            raise ValueError("a pallet stands twice in the notice")
        codes = [*ssccs, *(each.unit.code for pallet in self.pallets for each in nested(pallet.sscc, pallet.units))]
        if len(codes) != len(ssccs) and len(set(codes)) != len(codes):
            raise ValueError("a unit stands twice in the notice")
        if self.expected_from and self.expected_until and self.expected_from > self.expected_until:
            raise ValueError("the time window ends before it begins")
        return self
