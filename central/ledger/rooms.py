# SPDX-License-Identifier: Apache-2.0
"""What lies at a place and near it, for whoever wants to put something there; and the fence of a place whose room is limited."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from central.catalog import service as catalog
from central.catalog.tables import item, location
from central.ledger.tables import balance

_CAPACITIES = ("capacity_units", "capacity_g", "capacity_cm3")


def is_limited(row: Any) -> bool:
    """Whether room or mixing of a place is limited; `row` has the columns of `location`."""
    return not row.mixed_items or not row.mixed_lots or any(getattr(row, name) is not None for name in _CAPACITIES)


def fence_of(place: str) -> tuple[str, str]:
    """The fence of a place's room, as (site, name); no item can have such a name."""
    return place.partition("/")[0], f"@place {place}"


def present_at(connection: Connection, place: str) -> list[catalog.Goods]:
    """What lies at a place."""
    rows = connection.execute(select(balance.c.item, balance.c.lot, balance.c.on_hand).where(balance.c.place == place))
    return [catalog.Goods(row.item, int(row.on_hand), row.lot) for row in rows]


def hazards_near(connection: Connection, row: Any) -> set[str]:
    """Classes of dangerous goods that lie elsewhere in the zone of a place; `row` has its site, zone and place."""
    if not row.zone:
        return set()
    query = select(item.c.hazard_class).distinct().join(balance, balance.c.item == item.c.code).join(location, location.c.place == balance.c.place)
    near = query.where(location.c.site == row.site, location.c.zone == row.zone, location.c.place != row.place, item.c.hazard_class != "")
    return set(connection.execute(near).scalars())
