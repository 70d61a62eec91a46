# SPDX-License-Identifier: Apache-2.0
"""Opening stock by count: what a row of a count sheet says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from central.catalog.rules import Code, Lot, Row, Site
from central.catalog.rules.words import QUANTITY_MAX, Short, Text, example, wrong
from central.ledger.rules import Account, Status
from contracts.identifiers import check_sscc

_BETWEEN = re.compile(r"[\s,，、;；]+")
_SERIAL_LENGTH_MAX = 20


def _sscc(text: str) -> str:
    return check_sscc(text) if text else ""


class OpeningRow(Row):
    """What was counted of one item at one place. The item may be named by any of its codes; one of a packaging counts that many units."""

    model_config = example(site="shanghai-1", location="A-01", item="milk", quantity=4, packaging="case", lot="L2311", expiry="2026-12-12")
    KEY: ClassVar[tuple[str, ...]] = ("site", "location", "item", "packaging", "lot", "owner", "status", "unit")

    site: Site
    location: Code
    item: Annotated[Text, Field(min_length=1, max_length=64)] = Field(description="item code, GTIN, GTIN of a packaging, or alias")
    quantity: Annotated[int, Field(ge=0, le=QUANTITY_MAX)] = Field(description="so many units, or packagings when one is named")
    packaging: Short = Field("", description="case, pallet ...; empty: smallest units, or what the scanned code stands for")
    lot: Lot = ""
    expiry: date | None = Field(None, description="last day of use of the lot")
    status: Status = "available"
    owner: Short = Field("", description="partner who owns the goods; empty: the house")
    unit: Annotated[str, AfterValidator(_sscc)] = Field("", description="SSCC of the pallet or case that they lie in")
    serials: list[str] = Field([], description="one for each unit of an item tracked by serial; blanks or commas between")

    @field_validator("serials", mode="before")
    @classmethod
    def _split(cls, said: object) -> object:
        return [each for each in _BETWEEN.split(said) if each] if isinstance(said, str) else said

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.expiry is not None and not self.lot:
            raise wrong("expiry_without_lot", "an expiry belongs to a lot; give the lot, or leave the expiry out")
        long = next((each for each in self.serials if len(each) > _SERIAL_LENGTH_MAX), None)
        if long is not None:
            raise wrong("serial_too_long", f"serial {long} is over {_SERIAL_LENGTH_MAX} characters", serial=long)
        twice = next((each for each, times in Counter(self.serials).items() if times > 1), None)
        if twice is not None:
            raise wrong("serial_twice", f"serial {twice} stands in the row twice", serial=twice)
        return self

    @property
    def place(self) -> str:
        """The place as the ledger names it."""
        return f"{self.site}/{self.location}"

    def account(self, item: str) -> Account:
        """Where it lies, when the code names `item`."""
        return Account(self.place, item, self.lot, self.owner, self.status, self.unit)


def units_counted(row: OpeningRow, of_code: int, packagings: Mapping[str, int]) -> int | None:
    """Smallest units of a row; `of_code` units are what its code stands for. None: the item has no such packaging."""
    if not row.packaging or row.packaging == "each":
        return row.quantity * (1 if row.packaging else of_code)
    return row.quantity * packagings[row.packaging] if row.packaging in packagings else None


def repeated_rows(rows: Sequence[OpeningRow]) -> dict[int, str]:
    """Rows, by their index, that count again what an earlier row counts."""
    seen: set[tuple[str, ...]] = set()
    told: dict[int, str] = {}
    for index, row in enumerate(rows):
        if row.key in seen:
            told[index] = f"{row.item} at {row.place} stands in this file more than once; keep one row of it"
        seen.add(row.key)
    return told
