# SPDX-License-Identifier: Apache-2.0
"""Catch weight: what goods really weighed when they came in, and what a quantity of them weighs by that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, select

from central.catalog.service.goods import item_by_code
from central.catalog.tables import item_weight
from central.database import insert_or_leave
from central.errors import ConflictError, DomainError

Basis = Literal["weighed", "average_of_unit", "average_of_lot", "nominal", "unknown"]


@dataclass(frozen=True, slots=True)
class Weighing:
    """So many smallest units of an item were on the scale together: net weight in grams. `unit` is a handling unit or serial, empty for loose goods."""

    item: str
    quantity: int
    weight_g: int
    lot: str = ""
    unit: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Weight:
    """What a quantity weighs in grams, and how that is known; None with `unknown`. `weighed_quantity` is what the figure rests on."""

    weight_g: int | None
    basis: Basis
    weighed_quantity: int = 0


def record_weight(connection: Connection, record_id: str, weighing: Weighing, now: datetime) -> bool:
    """Keep a weighing under its id (UUID); returns False when it is kept already.

    Raises: UnknownItemError. DomainError: no catch-weight item. ConflictError: the id is kept with another weighing.
    """
    if not item_by_code(connection, weighing.item).catch_weight:
        raise DomainError("not_catch_weight", f"item {weighing.item} is not of catch weight; its weight stands in the catalog")
    said = {name: getattr(weighing, name) for name in Weighing.__slots__}
    insertion = insert_or_leave(connection, item_weight).values(id=record_id, weighed_at=now, **said)
    if connection.execute(insertion.on_conflict_do_nothing().returning(item_weight.c.id)).scalar() is not None:
        return True
    kept = connection.execute(select(*(item_weight.c[name] for name in said)).where(item_weight.c.id == record_id)).mappings().one()
    if dict(kept) != said:
        raise ConflictError("identity_reused", f"weighing {record_id} is kept with other content; use a new key for a new weighing")
    return False


def weight_of(connection: Connection, code: str, quantity: int, lot: str = "", unit: str = "") -> Weight:
    """What `quantity` of an item weighs: as weighed, by the average of its handling unit or lot, else nominally. Raises: UnknownItemError."""
    item = item_by_code(connection, code)
    query = select(item_weight).where(item_weight.c.item == code, item_weight.c.lot == lot).order_by(item_weight.c.weighed_at.desc(), item_weight.c.id.desc())
    if unit:
        last = connection.execute(query.where(item_weight.c.unit == unit).limit(1)).one_or_none()
        if last is not None:
            return Weight(_share(last.weight_g, quantity, last.quantity), "weighed" if last.quantity == quantity else "average_of_unit", last.quantity)
    rows = _latest(connection.execute(query))
    weighed = sum(row.quantity for row in rows)
    if weighed:
        return Weight(_share(sum(row.weight_g for row in rows), quantity, weighed), "average_of_lot", weighed)
    nominal: int | None = item.unit_weight_g
    return Weight(None, "unknown") if nominal is None else Weight(nominal * quantity, "nominal")


def _latest(rows: Any) -> list[Row[Any]]:
    """Of a handling unit the last weighing, of loose goods all."""
    seen: set[str] = set()
    kept = []
    for row in rows:
        if not row.unit or row.unit not in seen:
            kept.append(row)
        seen.add(row.unit)
    return kept


def _share(weight_g: int, quantity: int, of: int) -> int:
    """Rounded half up to whole grams."""
    return (2 * weight_g * quantity + of) // (2 * of)
