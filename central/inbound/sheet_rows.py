# SPDX-License-Identifier: Apache-2.0
"""Ship notices as a list: what a row says, and how rows of one number become one notice. Pure.

A row is so much of an item in one unit. `pallet`, `case`, `inner` and `each` name the units around it, the outer ones first; what is left out is not there.
What a notice says as a whole (site, supplier, door ...) stands in its first row and may be left out in the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from central.catalog.rules import Code, Lot, Row, Site
from central.catalog.rules.words import QUANTITY_MAX, Short, Text, example, wrong
from contracts.identifiers import check_sscc, normalise_gtin

_BETWEEN = re.compile(r"[\s,，、;；]+")
LEVELS = ("case", "inner", "each")
"""Columns of units inside a pallet, the outer before the inner."""


def _sscc(text: str) -> str:
    return check_sscc(text) if text else ""


def _unit(text: str) -> str:
    """An SSCC, or GTIN.serial as on an SGTIN tag; a GTIN of any length becomes 14 digits."""
    if not text or "." not in text:
        return _sscc(text)
    gtin, _, serial = text.partition(".")
    if not 1 <= len(serial) <= 20:
        raise wrong("unit_unnamed", f"{text} is no unit; give its SSCC, or GTIN.serial", text=text)
    return f"{normalise_gtin(gtin)}.{serial}"


Sscc = Annotated[str, AfterValidator(_sscc)]
UnitName = Annotated[Text, AfterValidator(_unit)]


class NoticeRow(Row):
    """So much of an item that a ship notice announces, in one unit."""

    model_config = example(
        number="ASN-1182",
        site="shanghai-1",
        supplier="dairy",
        door="dock-1",
        expected_from="2026-11-22T14:00",
        expected_until="2026-11-22T15:00",
        pallet="006141411234567890",
        item="milk",
        lot="L1",
        expiry="2026-12-01",
        quantity=48,
    )
    KEY: ClassVar[tuple[str, ...]] = ("number", "pallet", *LEVELS, "item", "lot")

    number: Code = Field(description="the supplier's number of the notice; rows with the same number are one notice")
    site: Site | None = Field(None, description="where it goes; in the first row of a notice")
    supplier: Code | None = Field(None, description="code of the partner; in the first row of a notice")
    door: Short = Field("", description="station of the dock door where it is expected; empty: any door")
    expected_at: datetime | None = Field(None, description="when it arrives; without a time zone: by the clock of the site")
    expected_from: datetime | None = Field(None, description="its time window at the door begins")
    expected_until: datetime | None = Field(None, description="its time window at the door ends")
    progress: Literal["preparing", "announced", "in_transit"] = Field("announced", description="how far it is")
    pallet: Sscc = Field("", description="SSCC of the pallet; empty: loose goods")
    tare_g: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = Field(None, description="pallet and wrapping without goods")
    case: UnitName = Field("", description="case on the pallet with a label of its own: SSCC, or GTIN.serial of its tag")
    inner: UnitName = Field("", description="inner in the case: SSCC, or GTIN.serial of its tag")
    each: UnitName = Field("", description="each in the inner: SSCC, or GTIN.serial of its tag")
    tagged: bool = Field(False, description="the innermost unit's SSCC is on an RFID tag")
    item: Annotated[Text, Field(min_length=1, max_length=64)] = Field(description="item code, GTIN, GTIN of a packaging, or alias")
    lot: Lot = ""
    expiry: date | None = Field(None, description="last day of use")
    quantity: Annotated[int, Field(gt=0, le=QUANTITY_MAX)] = Field(description="so many units, or packagings when the item is named by a packaging's code")
    serials: list[str] = Field([], description="serials on the tags of the cases that hold the quantity in equal parts; blanks or commas between")

    @field_validator("serials", mode="before")
    @classmethod
    def _split(cls, said: object) -> object:
        return [each for each in _BETWEEN.split(said) if each] if isinstance(said, str) else said

    @model_validator(mode="after")
    def _stands_on_something(self) -> Self:
        if self.names and not self.pallet:
            raise wrong("unit_without_pallet", "a unit stands on a pallet; give the pallet's SSCC")
        return self

    @property
    def names(self) -> list[str]:
        """The units around the goods inside the pallet, the outer before the inner."""
        return [name for name in (self.case, self.inner, self.each) if name]


HEADER = ("site", "supplier", "door", "expected_at", "expected_from", "expected_until", "progress")
"""Columns that say something of the whole notice."""


def repeated_rows(rows: Sequence[NoticeRow]) -> dict[int, str]:
    """Rows, by their index, that announce again what an earlier row does."""
    seen: set[tuple[str, ...]] = set()
    told: dict[int, str] = {}
    for index, row in enumerate(rows):
        if row.key in seen:
            told[index] = f"{row.item} of {row.number} in the same unit and lot stands in this file more than once; keep one row of it"
        seen.add(row.key)
    return told


def differing_header(first: NoticeRow, other: NoticeRow) -> str:
    """The first column in which a later row of a notice says something else of it than the first; empty: none."""
    for name in HEADER:
        said = getattr(other, name)
        if name in other.model_fields_set and said not in (None, "") and said != getattr(first, name):
            return name
    return ""


def document_of(rows: Sequence[NoticeRow], named: Mapping[str, tuple[str, int]], times: Mapping[str, datetime | None]) -> tuple[dict[str, Any], dict[int, int]]:
    """The notice that rows of one number say, and by the identity of each line, unit and pallet in it the index of the row that said it first.

    `named`: the item and the units that each item's code stands for; `times` are aware.
    """
    first = rows[0]
    pallets: dict[str, dict[str, Any]] = {}
    units: dict[tuple[str, ...], dict[str, Any]] = {}
    loose: list[dict[str, Any]] = []
    said_by: dict[int, int] = {}
    for index, row in enumerate(rows):
        line = _line(row, named)
        said_by[id(line)] = index
        if not row.pallet:
            loose.append(line)
            continue
        pallet = pallets.setdefault(row.pallet, {"sscc": row.pallet, "tare_g": None, "lines": [], "units": []})
        pallet["tare_g"] = row.tare_g if pallet["tare_g"] is None else pallet["tare_g"]
        said_by.setdefault(id(pallet), index)
        unit = _innermost(pallet, row, units)
        said_by.setdefault(id(unit), index)
        unit["lines"].append(line)
    whole = {"number": first.number, "site": first.site, "supplier": first.supplier, "door": first.door, "progress": first.progress}
    return {**whole, **times, "pallets": list(pallets.values()), "lines": loose}, said_by


def _innermost(pallet: dict[str, Any], row: NoticeRow, units: dict[tuple[str, ...], dict[str, Any]]) -> dict[str, Any]:
    """The unit in which a row's goods are, made with those around it where they are new. `units` by the names on the way to each."""
    unit = pallet
    path: tuple[str, ...] = (row.pallet,)
    for depth, name in enumerate(row.names, start=1):
        outer, path = unit, (*path, name)
        if path not in units:
            gtin, dot, serial = name.partition(".")
            key = {"gtin": gtin, "serial": serial} if dot else {"sscc": name}
            units[path] = {**key, "tagged": False, "lines": [], "units": []}
            outer["units"].append(units[path])
        unit = units[path]
        unit["tagged"] = unit["tagged"] or (row.tagged and depth == len(row.names))
    return unit


def _line(row: NoticeRow, named: Mapping[str, tuple[str, int]]) -> dict[str, Any]:
    item, units = named[row.item]
    said = {"item": item, "lot": row.lot, "expiry": row.expiry, "quantity": row.quantity * units, "serials": row.serials}
    return said | ({"case_gtin": normalise_gtin(row.item)} if row.serials and units > 1 and row.item.isdigit() else {})
