# SPDX-License-Identifier: Apache-2.0
"""Packing advice for an order: reads what is left to pack, the items' sizes and the cartons at hand, and asks the rules in `cartons`."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, Row, select

from central.catalog.tables import item as catalog_item
from central.outbound.service import order_by_id
from central.outbound.tables import order_line
from central.shipping import packing
from central.shipping.cartons import Advice, Carton, Piece, advise
from central.shipping.stacking import Size
from central.shipping.tables import carton_type

_CHUNK = 500


def advice_for_order(connection: Connection, order_id: str, transit_h: float) -> Advice:
    """Cartons for what of an order is picked and not packed yet; before the picking, for what was ordered. Raises: NotFoundError."""
    order = order_by_id(connection, order_id)
    wanted: dict[str, int] = defaultdict(int)
    if order.state in ("open", "released"):
        for line in connection.execute(select(order_line).where(order_line.c.order_id == order_id)):
            wanted[line.item] += int(line.quantity)
    else:
        for (item, _), quantity in packing.left_of(connection, order_id).items():
            wanted[item] += quantity
    return advice_for(connection, dict(wanted), transit_h)


def advice_for(connection: Connection, wanted: dict[str, int], transit_h: float) -> Advice:
    """Cartons for so many of each item, of the cartons that are available."""
    codes = sorted(wanted)
    rows: dict[str, Row[Any]] = {}
    for start in range(0, len(codes), _CHUNK):
        for row in connection.execute(select(catalog_item).where(catalog_item.c.code.in_(codes[start : start + _CHUNK]))):
            rows[row.code] = row
    boxes = connection.execute(select(carton_type).where(carton_type.c.available, carton_type.c.kind == "carton").order_by(carton_type.c.code))
    return advise([_piece(rows[code], wanted[code]) for code in codes if wanted[code]], [_carton(box) for box in boxes], transit_h)


def _piece(row: Row[Any], quantity: int) -> Piece:
    words = frozenset(word.strip() for word in str(row.handling).split(",") if word.strip())
    sides = (row.length_mm, row.width_mm, row.height_mm)
    return Piece(row.code, quantity, *sides, row.unit_weight_g, row.condition, row.hazard_class, words)


def _carton(row: Row[Any]) -> Carton:
    inside = Size(row.inner_length_mm, row.inner_width_mm, row.inner_height_mm)
    outside = Size(row.outer_length_mm, row.outer_width_mm, row.outer_height_mm)
    return Carton(row.code, inside, outside, row.tare_g, row.max_weight_g, row.cost_minor, row.insulated)
