# SPDX-License-Identifier: Apache-2.0
"""Whether goods may go where somebody wants to put them: same site, known place, neither locked nor full nor of another condition, known owner."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from central.catalog import service as catalog
from central.catalog.tables import location, partner
from central.errors import ConflictError, DomainError, NotFoundError
from central.ledger.rules import TRANSIT, Account


def check_possible(connection: Connection, source: Account, target: Account) -> None:
    """A move names two accounts of one item at one site. Raises: NotFoundError: the target place is unknown. ConflictError. DomainError."""
    catalog.location_by_place(connection, target.place)
    if source.site != target.site:
        raise ConflictError("two_sites", f"{source.place} and {target.place} are at two sites; that is a transfer and not a move")
    if source == target:
        raise DomainError("nothing_moves", f"{source}: from and to are the same; give another place, status or unit")
    if transit_of(source.site) in (source.place, target.place) and source.place != target.place:
        raise ConflictError("in_transit", f"goods at {transit_of(source.site)} are on a truck; receive the transfer, or report them as lost in transit")


def check_takes(connection: Connection, source: Account, target: Account, quantity: int) -> None:
    """Raises: ConflictError: nothing may be taken from the one place or put to the other."""
    for place, way in ((source.place, "out"), (target.place, "in")):
        locked = connection.execute(select(location.c.locked).where(location.c.place == place)).scalar()
        if locked in (way, "both"):
            raise ConflictError("place_locked", f"{place} is locked ({locked}); count or unlock it first")


def check_owner(connection: Connection, owner: str) -> None:
    """Raises: NotFoundError: no partner has this code (empty: the house)."""
    if owner and connection.execute(select(partner.c.code).where(partner.c.code == owner)).scalar() is None:
        raise NotFoundError("unknown_partner", f"partner {owner} is not in the catalog; add it, then send the same again")


def transit_of(site: str) -> str:
    """The place of goods that are on their way to a site."""
    return f"{site}/{TRANSIT}"


def make_transit(connection: Connection, site: str) -> str:
    """The transit place of a site, made when it is not there yet."""
    place = transit_of(site)
    if connection.execute(select(location.c.place).where(location.c.place == place)).scalar() is None:
        connection.execute(insert(location).values(place=place, site=site, code=TRANSIT, kind="transit"))
    return place
