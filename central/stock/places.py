# SPDX-License-Identifier: Apache-2.0
"""Whether goods may go where somebody wants to put them: same site, known place, neither locked nor full nor of another condition, known owner."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from central.catalog import service as catalog
from central.catalog.tables import location
from central.errors import ConflictError, DomainError
from central.ledger import rooms
from central.ledger.rules import TRANSIT, Account

_KEEPS = ("bin", "storage")
_KEPT = ("available", "inspect")
_ABOUT_KEEPING = frozenset({"place_condition", "hazard_not_allowed", "hazard_apart", "hazard_zone"})
"""Reasons that count only where goods are kept, not where they pass through."""


def check_possible(connection: Connection, source: Account, target: Account) -> None:
    """A move names two accounts of one item at one site. Raises: NotFoundError: the target place is unknown. ConflictError. DomainError."""
    catalog.location_by_place(connection, target.place)
    if source.site != target.site:
        raise ConflictError("two_sites", f"{source.place} and {target.place} are at two sites; that is a transfer and not a move")
    if source == target:
        raise DomainError("nothing_moves", f"{source}: from and to are the same; give another place, status or unit")
    if transit_of(source.site) in (source.place, target.place) and source.place != target.place:
        raise ConflictError("in_transit", f"goods at {transit_of(source.site)} are on a truck; receive the transfer, or report them as lost in transit")


def fences(connection: Connection, place: str) -> set[tuple[str, str]]:
    """The fence of a place whose room or mixing is limited: two who bring different items must not both find the last room. Others need none."""
    row = connection.execute(select(location).where(location.c.place == place)).one_or_none()
    return {rooms.fence_of(place)} if row is not None and rooms.is_limited(row) else set()


def keeps(row: Any, account: Account) -> bool:
    """Whether goods stay at a place, so that its condition counts; `row` has its kind."""
    return row.kind in _KEEPS and account.status in _KEPT


def check_takes(connection: Connection, moved: Sequence[tuple[Account, Account, int]], to_place: str) -> None:
    """Whether goods, each (from, to, quantity), may be put at a place: lock, room, mixing, condition, dangerous goods.

    What is neither available nor to be inspected may wait under any condition, and so may anything at a stage or a dock.
    Raises: ConflictError: the first reason's code, all reasons in words.
    """
    _may_leave(connection, {source.place for source, _, _ in moved})
    row = catalog.location_by_place(connection, to_place)
    coming = [catalog.Goods(target.item, quantity, target.lot) for _, target, quantity in moved]
    against = catalog.check_place_takes(connection, to_place, coming, rooms.present_at(connection, to_place), rooms.hazards_near(connection, row))
    stays = any(keeps(row, target) for _, target, _ in moved)
    counted = [each for each in against if each.certain and (stays or each.code not in _ABOUT_KEEPING)]
    if counted:
        raise ConflictError(counted[0].code, "; ".join(each.message for each in counted))


def _may_leave(connection: Connection, places: Collection[str]) -> None:
    for row in connection.execute(select(location.c.place, location.c.locked).where(location.c.place.in_(places)).order_by(location.c.place)):
        if row.locked in ("out", "both"):
            raise ConflictError("place_locked", f"{row.place} is locked: nothing is taken from there; count or unlock it first")


def transit_of(site: str) -> str:
    """The place of goods that are on their way to a site."""
    return f"{site}/{TRANSIT}"


def make_transit(connection: Connection, site: str) -> str:
    """The transit place of a site, made when it is not there yet."""
    place = transit_of(site)
    if connection.execute(select(location.c.place).where(location.c.place == place)).scalar() is None:
        connection.execute(insert(location).values(place=place, site=site, code=TRANSIT, kind="transit"))
    return place
