# SPDX-License-Identifier: Apache-2.0
"""What is stored: items, how they are packed, what else they are called, what stands in for them, what they are made of, their lots."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from datetime import date
from typing import Annotated, ClassVar, Final, Self

from pydantic import AfterValidator, Field, model_validator

from central.catalog.rules.words import (
    Amount,
    Code,
    Condition,
    Gtin,
    Handling,
    Hazard,
    Lot,
    Name,
    Named,
    Rank,
    ReasonKind,
    Removal,
    Row,
    Short,
    Small,
    Tracking,
    example,
    wrong,
)
from contracts.quantities import Uom

NESTED: Final = ("each", "inner", "case", "layer", "pallet")
"""Packagings of the trade from the smallest; words of the house stand beside them."""


class Item(Row):
    """An item. One item has one GTIN and one GTIN one item (R28)."""

    model_config = example(
        code="milk", gtin="614141000012", name="Milk 250 g", name_zh="牛奶 250 克", unit_weight_g=250, shelf_life_days=21, condition="chilled"
    )

    code: Code
    gtin: Gtin | None = Field(None, description="GTIN-8, -12, -13 or -14 with a right check digit; kept as 14 digits")
    name: Named
    name_zh: Name = ""
    uom: Uom = Field("C62", description="unit in which stock is counted, UN/CEFACT Recommendation 20")
    unit_weight_g: Small | None = Field(None, description="gross weight of one unit in grams; the nominal one where each unit weighs differently")
    shelf_life_days: Small | None = None
    condition: Condition = "ambient"
    supplier: Short | None = Field(None, description="code of the partner who delivers it")
    category: Short = ""
    tracking: Tracking = Field("lot", description="none; lot: lots where they are said; serial: every unit has its number")
    removal: Removal = Field("fefo", description="which stock leaves first")
    catch_weight: bool = Field(False, description="each unit weighs differently and is invoiced by weight")
    hazard_class: Hazard = Field("", description="UN class or division of dangerous goods, e.g. 3 or 5.1; empty: none")
    handling: Handling = Field("", description="fragile, upright, no_stack, heavy, liquid; comma between")
    length_mm: Small | None = None
    width_mm: Small | None = None
    height_mm: Small | None = None

    @model_validator(mode="after")
    def _sizes_together(self) -> Self:
        _all_or_none(self.length_mm, self.width_mm, self.height_mm)
        return self


class Packaging(Row):
    """How an item is packed: one case holds so many of its smallest unit. The item's own GTIN names one unit, a packaging's GTIN one packaging."""

    model_config = example(item="milk", code="case", quantity=12, gtin="10614141000019", weight_g=3100, length_mm=400, width_mm=300, height_mm=200)
    KEY: ClassVar[tuple[str, ...]] = ("item", "code")

    item: Code
    code: Code = Field(description="each, inner, case, layer, pallet or a word of the house")
    quantity: Amount = Field(description="smallest units of the item in one")
    gtin: Gtin | None = None
    weight_g: Small | None = Field(None, description="gross")
    length_mm: Small | None = None
    width_mm: Small | None = None
    height_mm: Small | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.quantity == 1 and self.gtin:
            raise wrong("gtin_of_one_unit", "a packaging of one unit has the item's own GTIN; set it on the item")
        if self.code == "each" and self.quantity != 1:
            raise wrong("each_is_one", f"each is one unit, not {self.quantity}; name this packaging otherwise", quantity=self.quantity)
        _all_or_none(self.length_mm, self.width_mm, self.height_mm)
        return self


def _all_or_none(*sizes: int | None) -> None:
    if None in sizes and any(sizes):
        raise wrong("sizes_incomplete", "give length, width and height together, or none of them")


class Alias(Row):
    """Another code under which an item is scanned: an old number, a supplier's, a shop's."""

    model_config = example(code="OLD-4711", item="milk", quantity=1)

    code: Code
    item: Code
    quantity: Amount = Field(1, description="smallest units that one such code stands for")


class Substitute(Row):
    """An item that may be sent instead of another."""

    model_config = example(item="milk", substitute="oat-milk", priority=1)
    KEY: ClassVar[tuple[str, ...]] = ("item", "substitute")

    item: Code
    substitute: Code
    priority: Rank = Field(1, description="lower is offered first")

    @model_validator(mode="after")
    def _another(self) -> Self:
        if self.item == self.substitute:
            raise wrong("own_substitute", f"item {self.item} cannot stand in for itself")
        return self


class Component(Row):
    """A part of a kit: so many smallest units of the component in one of the kit."""

    model_config = example(kit="breakfast", component="milk", quantity=2)
    KEY: ClassVar[tuple[str, ...]] = ("kit", "component")

    kit: Code
    component: Code
    quantity: Amount

    @model_validator(mode="after")
    def _another(self) -> Self:
        if self.kit == self.component:
            raise wrong("own_component", f"kit {self.kit} cannot be a part of itself")
        return self


def kit_cycle(parts: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """A chain of kits that leads back to its first, empty when there is none; `parts` are the components by kit."""
    settled: set[str] = set()
    for start in sorted(parts):
        path: list[str] = []
        waiting = [(start, iter(sorted(parts.get(start, ()))))]
        while waiting:
            kit, rest = waiting[-1]
            if not path or path[-1] != kit:
                path.append(kit)
            component = next((each for each in rest if each not in settled), None)
            if component is None:
                settled.add(kit)
                waiting.pop()
                path.pop()
            elif component in path:
                return (*path[path.index(component) :], component)
            else:
                waiting.append((component, iter(sorted(parts.get(component, ())))))
    return ()


def packagings_disagree(quantities: Mapping[str, int]) -> str:
    """What is wrong with an item's packagings, smallest units by packaging; empty when nothing is.

    No two hold the same; the ones of the trade grow in their order and each holds whole ones of those before it.
    """
    by_quantity: dict[int, str] = {}
    for code, quantity in quantities.items():
        if quantity in by_quantity:
            return f"{by_quantity[quantity]} and {code} both hold {quantity}; one packaging of each size"
        by_quantity[quantity] = code
    known = [(code, quantities[code]) for code in NESTED if code in quantities]
    for (smaller, few), (larger, many) in itertools.pairwise(known):
        if many % few or many <= few:
            return f"{larger} holds {many} and {smaller} {few}; a {larger} holds whole ones of {smaller}"
    return ""


def _some(text: str) -> str:
    if not text:
        raise wrong("lot_missing", "a lot has a number; goods without lots have no row here")
    return text


class LotRow(Row):
    """A lot and its dates. Changing `expiry` changes the order in which its stock leaves."""

    model_config = example(item="milk", lot="L2311", expiry="2026-12-12", produced_on="2026-11-21")
    KEY: ClassVar[tuple[str, ...]] = ("item", "lot")

    item: Code
    lot: Annotated[Lot, AfterValidator(_some)]
    expiry: date | None = Field(None, description="GS1 AI 17: the last day of use")
    produced_on: date | None = Field(None, description="GS1 AI 11")
    best_before: date | None = Field(None, description="GS1 AI 15")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for name, day in (("expiry", self.expiry), ("best_before", self.best_before)):
            if day is not None and self.produced_on is not None and day < self.produced_on:
                raise wrong("day_before_production", f"{name} {day} is before produced_on {self.produced_on}")
        return self


class Reason(Row):
    """Why stock was lost, damaged, corrected, returned or held."""

    model_config = example(code="dropped", kind="damage", name="Dropped", name_zh="跌落")

    code: Code
    kind: ReasonKind
    name: Named
    name_zh: Name = ""
