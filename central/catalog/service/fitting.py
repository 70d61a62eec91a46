# SPDX-License-Identifier: Apache-2.0
"""Whether a place takes goods, with what the catalog knows of both."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from central.catalog.rules.capacity import Load, PlaceRules, Refusal, refusals
from central.catalog.service.goods import PackagingOf, UnknownItemError, chunks, packagings_of
from central.catalog.service.places import location_by_place
from central.catalog.tables import item


class Goods(NamedTuple):
    """So many smallest units of an item's lot."""

    item: str
    quantity: int
    lot: str = ""


def check_place_takes(
    connection: Connection, place: str, coming: Sequence[Goods], present: Sequence[Goods] = (), zone_hazards: Collection[str] = ()
) -> list[Refusal]:
    """Every reason against putting goods at a place (site/code) where `present` lies; empty: it takes them.

    `zone_hazards` are classes of dangerous goods that lie elsewhere in its zone. Raises: NotFoundError: place or item unknown.
    """
    row = location_by_place(connection, place)
    offered = PlaceRules(**{name: getattr(row, name) for name in PlaceRules.__slots__})
    loads = loads_of(connection, {each.item for each in (*coming, *present)})
    return refusals(offered, [load_of(each, loads) for each in coming], [load_of(each, loads) for each in present], zone_hazards)


def loads_of(connection: Connection, items: Collection[str]) -> Mapping[str, Load]:
    """What one unit of each item is to a place: condition, danger, weight, volume. Raises: UnknownItemError."""
    packed = packagings_of(connection, items)
    found: dict[str, Load] = {}
    for part in chunks(items):
        for row in connection.execute(select(item).where(item.c.code.in_(part))):
            weight, volume = _measures(row, packed[row.code])
            found[row.code] = Load(row.code, 0, "", row.condition, row.hazard_class, weight, volume)
    if missing := sorted(set(items) - found.keys()):
        raise UnknownItemError(missing[0])
    return found


def _measures(row: Any, packed: Sequence[PackagingOf]) -> tuple[Fraction | None, Fraction | None]:
    """Weight (g) and volume (mm³) of one unit: its own, else by its smallest packaging that has one."""
    weights = [(1, row.unit_weight_g), *((each.quantity, each.weight_g) for each in reversed(packed))]
    volumes = [(1, _volume(row)), *((each.quantity, _volume(each)) for each in reversed(packed))]
    return _first(weights), _first(volumes)


def _volume(sized: Any) -> int | None:
    return None if sized.length_mm is None else int(sized.length_mm) * int(sized.width_mm) * int(sized.height_mm)


def _first(measures: Sequence[tuple[int, int | None]]) -> Fraction | None:
    return next((Fraction(measure, units) for units, measure in measures if measure is not None), None)


def load_of(goods: Goods, loads: Mapping[str, Load]) -> Load:
    """Goods as a place feels them; `loads` as `loads_of` says."""
    known = loads[goods.item]
    return Load(goods.item, goods.quantity, goods.lot, known.condition, known.hazard_class, known.unit_weight_g, known.unit_volume_mm3)
