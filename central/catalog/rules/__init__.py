# SPDX-License-Identifier: Apache-2.0
"""What valid master data is. One declaration serves the API, the spreadsheets, their templates and the documentation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from central.catalog.rules.goods import Alias, Component, Item, LotRow, Packaging, Reason, Substitute
from central.catalog.rules.partners import Address, Partner, PartnerItem
from central.catalog.rules.places import Aisle, CrossAisle, Location, SiteRow, StockLevel, Zone
from central.catalog.rules.words import (
    Backorders,
    Code,
    Condition,
    Gln,
    Gtin,
    LocationKind,
    Lot,
    Name,
    PartnerKind,
    ReasonKind,
    Removal,
    Row,
    Site,
    gtin_within,
    index_code,
)

__all__ = [
    "KINDS",
    "Address",
    "Aisle",
    "Alias",
    "Backorders",
    "Code",
    "Component",
    "Condition",
    "CrossAisle",
    "Gln",
    "Gtin",
    "Item",
    "Location",
    "LocationKind",
    "Lot",
    "LotRow",
    "Name",
    "Packaging",
    "Partner",
    "PartnerItem",
    "PartnerKind",
    "Reason",
    "ReasonKind",
    "Removal",
    "Row",
    "Site",
    "SiteRow",
    "StockLevel",
    "Substitute",
    "Zone",
    "gtin_within",
    "index_code",
    "key_of",
    "repeated",
]

KINDS: Mapping[str, type[Row]] = {
    "partners": Partner,
    "items": Item,
    "packagings": Packaging,
    "aliases": Alias,
    "substitutes": Substitute,
    "kits": Component,
    "lots": LotRow,
    "reasons": Reason,
    "sites": SiteRow,
    "aisles": Aisle,
    "cross-aisles": CrossAisle,
    "zones": Zone,
    "locations": Location,
    "levels": StockLevel,
    "partner-items": PartnerItem,
}
"""What the catalog keeps, by its name in the API, in an order in which none needs a later one."""


def key_of(row: Row) -> tuple[str, ...]:
    """What makes a row the same row when it comes again."""
    return row.key


def repeated(rows: Sequence[Row]) -> dict[int, str]:
    """Rows, by their index, whose key or GTIN stands in an earlier row too, with what to say of it."""
    seen: Counter[tuple[str, ...]] = Counter()
    told: dict[int, str] = {}
    for index, row in enumerate(rows):
        gtin = getattr(row, "gtin", None)
        for key in (("key", *row.key), *((("gtin", gtin),) if gtin else ())):
            if seen[key]:
                told[index] = f"{' '.join(part for part in key[1:] if part)} stands in this file more than once; keep one row of it"
            seen[key] += 1
    return told
