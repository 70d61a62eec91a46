# SPDX-License-Identifier: Apache-2.0
"""Supervision of dangerous goods (R30): what lies where, and what of it must not lie there or not together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from central.catalog.rules.hazards import SEPARATED, allowed_in, conflicts
from central.catalog.tables import item, location
from central.ledger.tables import balance


@dataclass(frozen=True, slots=True)
class Dangerous:
    """Dangerous goods at a place, all lots and statuses together. `faults`: class_not_allowed, apart_in_place, apart_in_zone."""

    site: str
    place: str
    zone: str
    item: str
    name: str
    hazard_class: str
    quantity: int
    weight_g: int | None
    faults: tuple[str, ...]
    against: tuple[str, ...]


def dangerous_goods(connection: Connection, site: str | None = None) -> list[Dangerous]:
    """Dangerous goods in stock by place and item, with what is wrong about where they lie; `against` are the classes that are too near."""
    quantity = func.sum(balance.c.on_hand).label("quantity")
    columns = (
        balance.c.site,
        balance.c.place,
        location.c.zone,
        location.c.hazard_classes,
        balance.c.item,
        item.c.name,
        item.c.hazard_class,
        item.c.unit_weight_g,
    )
    query = select(*columns, quantity).join(item, item.c.code == balance.c.item).outerjoin(location, location.c.place == balance.c.place)
    query = query.where(item.c.hazard_class != "").group_by(*columns).order_by(balance.c.place, balance.c.item)
    if site is not None:
        query = query.where(balance.c.site == site)
    rows = connection.execute(query).all()
    in_place = _classes((row.place, row.hazard_class) for row in rows)
    in_zone = _classes(((row.site, row.zone), row.hazard_class) for row in rows if row.zone)
    found = []
    for row in rows:
        near = conflicts(row.hazard_class, in_place[row.place])
        far = conflicts(row.hazard_class, in_zone.get((row.site, row.zone), ()), SEPARATED)
        wrong = {"class_not_allowed": not allowed_in(row.hazard_class, row.hazard_classes or ""), "apart_in_place": bool(near), "apart_in_zone": bool(far)}
        weight = None if row.unit_weight_g is None else row.unit_weight_g * int(row.quantity)
        faults = tuple(name for name, holds in wrong.items() if holds)
        against = tuple(sorted({*near, *far}))
        found.append(Dangerous(row.site, row.place, row.zone or "", row.item, row.name, row.hazard_class, int(row.quantity), weight, faults, against))
    return found


def _classes(pairs: Iterable[tuple[object, str]]) -> Mapping[object, Sequence[str]]:
    found: dict[object, list[str]] = defaultdict(list)
    for where, hazard in pairs:
        found[where].append(hazard)
    return found
