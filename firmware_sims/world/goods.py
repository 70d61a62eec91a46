# SPDX-License-Identifier: Apache-2.0
"""Goods of the simulated warehouse: items from a CSV file, and pallets that a supplier packed."""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources
from pathlib import Path

from firmware_sims.world import labels

ITEM_COLUMNS = ("code", "name", "name_zh", "gtin", "unit_weight_g", "shelf_life_days", "condition")
_OPTIONAL = {"name_zh": "", "shelf_life_days": "365", "condition": "ambient"}
_ENCODINGS = ("utf-8-sig", "gb18030")
"""As spreadsheets write CSV, also Chinese ones; UTF-8 first, hardly any GB18030 text is valid UTF-8 by accident."""


class ItemFileError(ValueError):
    """An item file that cannot be used; the text names the file, the row and what to do."""


@dataclass(frozen=True)
class Item:
    """An article. `unit_weight_g` of one case; `condition` is ambient, chilled or frozen."""

    code: str
    name: str
    name_zh: str
    gtin: str
    unit_weight_g: int
    shelf_life_days: int
    condition: str


@dataclass(frozen=True)
class Case:
    """One tagged case."""

    item: Item
    lot: str
    expiry: date
    serial: int

    @property
    def tag(self) -> str:
        """Its RFID tag's memory, hex."""
        return labels.sgtin_tag(self.item.gtin, self.serial)


@dataclass(frozen=True)
class Pallet:
    """A pallet as the supplier packed it. `dead_tags` of its cases cannot be read."""

    sscc: str
    cases: tuple[Case, ...]
    dead_tags: int = 0

    @property
    def tag(self) -> str:
        """Its RFID tag's memory, hex."""
        return labels.sscc_tag(self.sscc)

    @property
    def readable_cases(self) -> tuple[Case, ...]:
        """Cases whose tags a reader can see."""
        return self.cases[self.dead_tags :]

    @property
    def readable_tags(self) -> list[str]:
        """Tags that a reader can see."""
        return [self.tag, *(case.tag for case in self.readable_cases)]


@dataclass
class Supplier:
    """Packs pallets; the same seed packs the same ones."""

    items: list[Item]
    random: random.Random
    today: date
    company_prefix: str = "0614141"
    pallets_packed: int = 0
    serials_used: int = 1000

    def pack(self, cases: int, dead_tags: int = 0, item: Item | None = None) -> Pallet:
        """One pallet of one item and lot."""
        item = item or self.random.choice(self.items)
        self.pallets_packed += 1
        age_days = self.random.randrange(0, max(1, item.shelf_life_days // 4))
        expiry = self.today + timedelta(days=item.shelf_life_days - age_days)
        lot = f"{item.code[-3:]}{expiry:%y%m%d}"
        self.serials_used += cases
        packed = tuple(Case(item, lot, expiry, self.serials_used + n) for n in range(cases))
        return Pallet(labels.sscc(self.company_prefix, self.pallets_packed), packed, dead_tags)


def read_items(path: Path | None = None) -> list[Item]:
    """The item master; the packaged one without a path.

    Raises: ItemFileError: unreadable, a column or value missing or wrong, no row.
    """
    name = str(path or "items.csv")
    try:
        data = path.read_bytes() if path else resources.files(__package__).joinpath("items.csv").read_bytes()
    except OSError as error:
        raise ItemFileError(f"{name}: cannot be read: {error.strerror}; check the path") from error
    reader = csv.DictReader(_decoded(name, data).splitlines())
    missing = [column for column in ITEM_COLUMNS if column not in (*_OPTIONAL, *(reader.fieldnames or ()))]
    if missing:
        needed = ", ".join(column for column in ITEM_COLUMNS if column not in _OPTIONAL)
        raise ItemFileError(f"{name}: column {missing[0]!r} is missing; the first line must have {needed}, and may have {', '.join(_OPTIONAL)}")
    items = [_item(name, number, row) for number, row in enumerate(reader, 2)]
    if not items:
        raise ItemFileError(f"{name}: has no items; add at least one row below the heading")
    return items


def _decoded(name: str, data: bytes) -> str:
    for encoding in _ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ItemFileError(f"{name}: is neither UTF-8 nor GB18030; save it as 'CSV UTF-8'")


def _item(name: str, number: int, raw: dict[str, str | None]) -> Item:
    row = {column: (raw.get(column) or _OPTIONAL.get(column, "")).strip() for column in ITEM_COLUMNS}
    gtin = row["gtin"].zfill(14)
    if not gtin.isdigit() or len(gtin) != 14 or labels.check_digit(gtin[:-1]) != gtin[-1]:
        raise ItemFileError(f"{name}: row {number}: gtin {row['gtin']!r} is not a GTIN with a right check digit")
    try:
        weight_g, shelf_days = int(row["unit_weight_g"]), int(row["shelf_life_days"])
    except ValueError as error:
        raise ItemFileError(f"{name}: row {number}: unit_weight_g and shelf_life_days must be whole numbers: {error}") from error
    if weight_g <= 0 or shelf_days <= 0:
        raise ItemFileError(f"{name}: row {number}: unit_weight_g and shelf_life_days must be above zero")
    return Item(row["code"], row["name"], row["name_zh"], gtin, weight_g, shelf_days, row["condition"])
