# SPDX-License-Identifier: Apache-2.0
"""Reading the catalog and the stock by place."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from central.catalog.tables import item, location, lot, partner, stock_level, zone
from central.ledger.tables import balance

_TABLES = {"items": item, "lots": lot, "locations": location, "zones": zone, "levels": stock_level, "partners": partner}


def rows(connection: Connection, kind: str, after: str = "", limit: int = 100) -> list[dict[str, Any]]:
    """Rows of items, lots, locations, zones, levels or partners in the order of their first key column; `after` that key for the next page."""
    table = _TABLES[kind]
    keys = list(table.primary_key.columns)
    query = select(table).order_by(*keys).limit(limit)
    if after:
        query = query.where(keys[0] > after)
    return [dict(row) for row in connection.execute(query).mappings()]


def stock(connection: Connection, site: str | None = None, item_code: str | None = None, place: str | None = None, limit: int = 500) -> list[dict[str, Any]]:
    """Stock by account: on hand, reserved, free, with expiry (9999-12-31: none)."""
    query = select(balance, (balance.c.on_hand - balance.c.reserved).label("free")).order_by(balance.c.place, balance.c.item, balance.c.expiry).limit(limit)
    for column, value in ((balance.c.site, site), (balance.c.item, item_code), (balance.c.place, place)):
        query = query.where(column == value) if value is not None else query
    return [dict(row) for row in connection.execute(query).mappings()]


def pick_bins(connection: Connection, site: str | None = None) -> list[dict[str, Any]]:
    """The bins of all zones with the gateway and station that light them, in the order of the path."""
    query = select(location, zone.c.gateway, zone.c.station).join(zone, (zone.c.site == location.c.site) & (zone.c.id == location.c.zone))
    query = query.where(location.c.kind == "bin").order_by(location.c.site, location.c.zone, location.c.pick_rank, location.c.code)
    if site is not None:
        query = query.where(location.c.site == site)
    return [dict(row) for row in connection.execute(query).mappings()]
