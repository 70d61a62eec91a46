# SPDX-License-Identifier: Apache-2.0
"""Putting away: units that stand at a dock door's place wait to be taken to storage. Each use case runs inside the caller's transaction.

A task is not kept anywhere: it is there as long as the unit stands at the door, so whoever moves the unit, in whatever way, has done it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, select

from central.catalog import service as catalog
from central.catalog.tables import location
from central.errors import ConflictError, DomainError
from central.inbound import putting
from central.inbound.tables import receipt
from central.ledger import service as ledger
from central.ledger import units
from central.ledger.tables import handling_unit
from central.paging import Page, page, up
from central.stock import handling


def tasks(connection: Connection, site: str | None, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Units that wait at docks, the oldest first, each with what is on it and where it belongs. Raises: BadCursorError."""
    query = _waiting()
    if site is not None:
        query = query.where(handling_unit.c.site == site)
    return page(connection, query, [up(handling_unit.c.made_at), up(handling_unit.c.sscc)], after, limit, lambda row: _task(connection, row))


def _waiting() -> Select[Any]:
    came = select(func.max(receipt.c.received_at)).where(receipt.c.sscc == handling_unit.c.sscc).scalar_subquery().label("received_at")
    return (
        select(handling_unit.c.sscc, handling_unit.c.kind, handling_unit.c.site, handling_unit.c.place, handling_unit.c.made_at, came)
        .join(location, location.c.place == handling_unit.c.place)
        .where(location.c.kind == "dock", handling_unit.c.parent.is_(None), handling_unit.c.state.in_(("open", "closed")))
    )


def _task(connection: Connection, row: RowMapping) -> dict[str, Any]:
    goods = _goods_on(connection, row["sscc"])
    places = _places_for(connection, row["site"], goods)
    lines: list[dict[str, Any]] = [{"item": each.item, "lot": each.lot, "quantity": each.quantity, "place": places.get(each.item, "")} for each in goods]
    targets = sorted({each["place"] for each in lines if each["place"]})
    return {**row, "lines": lines, "to_place": targets[0] if len(targets) == 1 else ""}


def _goods_on(connection: Connection, sscc: str) -> list[catalog.Goods]:
    found: dict[tuple[str, str], int] = {}
    for row in units.goods_in(connection, [sscc]):
        if row.on_hand:
            found[row.item, row.lot] = found.get((row.item, row.lot), 0) + int(row.on_hand)
    return [catalog.Goods(item, quantity, lot) for (item, lot), quantity in sorted(found.items())]


def _places_for(connection: Connection, site: str, goods: Sequence[catalog.Goods]) -> Mapping[str, str]:
    """Where each item belongs now; empty when the site has no place for it: a person chooses."""
    try:
        return putting.places_for(connection, site, goods)
    except DomainError:
        return {}


def put_away(connection: Connection, fact: ledger.Fact, sscc: str, to_place: str, now: datetime) -> str:
    """Move a unit from its door to `to_place`, or where it belongs; returns the place. The same again changes nothing.

    Raises: NotFoundError: unit or place. ConflictError: it does not wait at a door, its goods belong to several places, or the place does not take them.
    """
    stands = str(units.unit_by_code(connection, sscc).place)
    before = ledger.recorded_before(connection, [fact]).get(fact.id)
    if isinstance(before, ConflictError):
        raise before
    if before is not None:
        return stands
    row = connection.execute(_waiting().where(handling_unit.c.sscc == sscc)).mappings().one_or_none()
    if row is None:
        raise ConflictError("not_to_put_away", f"handling unit {sscc} stands at {stands or 'no place'} and does not wait to be put away; read the tasks again")
    target = to_place or str(_task(connection, row)["to_place"])
    if not target:
        raise ConflictError("putaway_parted", f"the goods on handling unit {sscc} belong to several places, or to none; name the place for all of them")
    handling.move_unit(connection, fact, sscc, target, now)
    return target
