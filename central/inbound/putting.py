# SPDX-License-Identifier: Apache-2.0
"""Where received goods are put: the first storage place of their condition that takes them, else the stage.

Goods of a pallet with one condition stay together. Limited places have a fence of their own, so that two pallets do not both find the last room.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from central.catalog import service as catalog
from central.catalog.tables import item, location
from central.errors import BusyError
from central.ledger import rooms

Fence = tuple[str, str]


def places_for(connection: Connection, site: str, goods: Sequence[catalog.Goods]) -> dict[str, str]:
    """The place of each item of goods that arrive together. Raises: DomainError: the site has no place for them. UnknownItemError."""
    found: dict[str, str] = {}
    for condition, group in _by_condition(connection, goods).items():
        place = _first_that_takes(connection, site, condition, group)
        found |= dict.fromkeys((each.item for each in group), place)
    return found


def fences_of(connection: Connection, places: Iterable[str]) -> set[Fence]:
    """The fences of those of the places whose room or mixing is limited, to be taken with those of the goods."""
    rows = connection.execute(select(location).where(location.c.place.in_(sorted(set(places)))))
    return {rooms.fence_of(row.place) for row in rows if rooms.is_limited(row)}


def check_still(connection: Connection, site: str, goods: Sequence[catalog.Goods], chosen: Mapping[str, str], fences: Iterable[Fence]) -> None:
    """With the fences held the same places are chosen again. Raises: BusyError: somebody else took the room; the transaction is done anew."""
    if fences and places_for(connection, site, goods) != chosen:
        raise BusyError


def plain_place(connection: Connection, site: str, condition: str) -> str | None:
    """The place of harmless goods of a condition where nothing has to be compared, because it takes all of them; None: look closely."""
    row = next(iter(_storages(connection, site, condition)), None)
    return None if row is None or rooms.is_limited(row) else str(row.place)


def _by_condition(connection: Connection, goods: Sequence[catalog.Goods]) -> dict[str, list[catalog.Goods]]:
    groups: dict[str, list[catalog.Goods]] = defaultdict(list)
    for each in goods:
        groups[str(catalog.item_by_code(connection, each.item).condition)].append(each)
    return groups


def _first_that_takes(connection: Connection, site: str, condition: str, goods: Sequence[catalog.Goods]) -> str:
    dangerous = select(item.c.code).where(item.c.code.in_(sorted({each.item for each in goods})), item.c.hazard_class != "").limit(1)
    harmless = connection.execute(dangerous).scalar() is None
    for row in _storages(connection, site, condition):
        if (harmless and not rooms.is_limited(row)) or _takes(connection, row, goods):
            return str(row.place)
    return catalog.place_for_goods(connection, site, condition, stored=False)


def _takes(connection: Connection, row: Row[Any], goods: Sequence[catalog.Goods]) -> bool:
    against = catalog.check_place_takes(connection, row.place, goods, rooms.present_at(connection, row.place), rooms.hazards_near(connection, row))
    return not any(each.certain for each in against)


def _storages(connection: Connection, site: str, condition: str) -> Sequence[Row[Any]]:
    mine = (location.c.site == site) & (location.c.kind == "storage") & (location.c.condition == condition) & location.c.locked.in_(("", "out"))
    return connection.execute(select(location).where(mine).order_by(location.c.pick_rank, location.c.code)).all()
