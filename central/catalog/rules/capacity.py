# SPDX-License-Identifier: Apache-2.0
"""Whether a place takes goods: lock, condition, capacity, what may lie together, what must be kept apart."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from central.catalog.rules.hazards import SEPARATED, allowed_in, conflicts


@dataclass(frozen=True, slots=True)
class Load:
    """Goods that lie or come: `quantity` smallest units of an item. Weight in grams and volume in mm³ of one unit; None: not known."""

    item: str
    quantity: int
    lot: str = ""
    condition: str = "ambient"
    hazard_class: str = ""
    unit_weight_g: Fraction | None = None
    unit_volume_mm3: Fraction | None = None


@dataclass(frozen=True, slots=True)
class PlaceRules:
    """What a place offers and allows."""

    place: str
    condition: str = "ambient"
    capacity_units: int | None = None
    capacity_g: int | None = None
    capacity_cm3: int | None = None
    mixed_items: bool = True
    mixed_lots: bool = True
    locked: str = ""
    hazard_classes: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a place does not take goods, for people. `certain` is false when it cannot be known because the catalog lacks a weight or a size."""

    code: str
    message: str
    certain: bool = True


def refusals(place: PlaceRules, coming: Sequence[Load], present: Sequence[Load] = (), zone_hazards: Collection[str] = ()) -> list[Refusal]:
    """Every reason against putting `coming` where `present` lies already; `zone_hazards` are classes of danger elsewhere in the same zone."""
    return [
        *_lock(place),
        *_conditions(place, coming),
        *_mixing(place, coming, present),
        *_capacity(place, coming, present),
        *_danger(place, coming, present, zone_hazards),
    ]


def _lock(place: PlaceRules) -> Iterator[Refusal]:
    if place.locked in ("in", "both"):
        yield Refusal("place_locked", f"{place.place} is locked: nothing is put there; unlock it or choose another place")


def _conditions(place: PlaceRules, coming: Iterable[Load]) -> Iterator[Refusal]:
    for load in _by_item(coming):
        if load.condition != place.condition:
            yield Refusal("place_condition", f"{place.place} is {place.condition}, item {load.item} is stored {load.condition}")


def _by_item(loads: Iterable[Load]) -> list[Load]:
    return list({load.item: load for load in loads}.values())


def _mixing(place: PlaceRules, coming: Sequence[Load], present: Sequence[Load]) -> Iterator[Refusal]:
    together = [load for load in (*present, *coming) if load.quantity]
    items = {load.item for load in together}
    if not place.mixed_items and len(items) > 1:
        yield Refusal("place_mixed_items", f"{place.place} holds one item at a time; together there would be {', '.join(sorted(items))}")
    for item in sorted(items) if not place.mixed_lots else ():
        lots = {load.lot for load in together if load.item == item}
        if len(lots) > 1:
            yield Refusal("place_mixed_lots", f"{place.place} holds one lot of an item at a time; of {item} there would be {len(lots)}")


def _capacity(place: PlaceRules, coming: Sequence[Load], present: Sequence[Load]) -> Iterator[Refusal]:
    together = (*present, *coming)
    if place.capacity_units is not None and (units := sum(load.quantity for load in together)) > place.capacity_units:
        yield Refusal("place_full", f"{place.place} holds {place.capacity_units} units, there would be {units}")
    if place.capacity_g is not None:
        yield from _measured(place, together, "weight", place.capacity_g, "g", [load.unit_weight_g for load in together])
    if place.capacity_cm3 is not None:
        sizes = [None if load.unit_volume_mm3 is None else load.unit_volume_mm3 / 1000 for load in together]
        yield from _measured(place, together, "volume", place.capacity_cm3, "cm³", sizes)


def _measured(place: PlaceRules, loads: Sequence[Load], what: str, limit: int, unit: str, each: Sequence[Fraction | None]) -> Iterator[Refusal]:
    known = math.ceil(sum((load.quantity * size for load, size in zip(loads, each, strict=True) if size is not None), Fraction(0)))
    if known > limit:
        yield Refusal(f"place_{what}", f"{place.place} holds {limit} {unit}, there would be {known} {unit}")
        return
    unknown = sorted({load.item for load, size in zip(loads, each, strict=True) if size is None and load.quantity})
    if unknown:
        yield Refusal(f"{what}_unknown", f"{place.place} holds {limit} {unit}, and the catalog has no {what} of {', '.join(unknown)}; add it", certain=False)


def _danger(place: PlaceRules, coming: Sequence[Load], present: Sequence[Load], zone_hazards: Collection[str]) -> Iterator[Refusal]:
    here = {load.hazard_class for load in (*present, *coming) if load.hazard_class and load.quantity}
    for load in _by_item(coming):
        hazard = load.hazard_class
        if not allowed_in(hazard, place.hazard_classes):
            yield Refusal("hazard_not_allowed", f"item {load.item} is dangerous goods of class {hazard}, which may not lie at {place.place}")
        if apart := conflicts(hazard, here):
            yield Refusal("hazard_apart", f"item {load.item} of class {hazard} is kept away from class {', '.join(apart)} at {place.place}")
        if far := conflicts(hazard, zone_hazards, SEPARATED):
            yield Refusal("hazard_zone", f"item {load.item} of class {hazard} is kept separated from class {', '.join(far)} in the same zone")
