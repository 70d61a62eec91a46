# SPDX-License-Identifier: Apache-2.0
"""Reading the catalog."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from central.catalog.tables import item, location, lot, partner, stock_level, zone

_TABLES = {"items": item, "lots": lot, "locations": location, "zones": zone, "levels": stock_level, "partners": partner}


def rows(connection: Connection, kind: str, after: str = "", limit: int = 100) -> list[dict[str, Any]]:
    """Rows of items, lots, locations, zones, levels or partners in the order of their first key column; `after` that key for the next page."""
    table = _TABLES[kind]
    keys = list(table.primary_key.columns)
    query = select(table).order_by(*keys).limit(limit)
    if after:
        query = query.where(keys[0] > after)
    return [dict(row) for row in connection.execute(query).mappings()]
