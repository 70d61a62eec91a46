# SPDX-License-Identifier: Apache-2.0
"""How a site receives: what happens at a wrong door, what with a notice that comes late, and where goods stand when they have come in."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple

from sqlalchemy import Connection, select

from central.catalog.tables import location
from central.database import insert_or_leave
from central.inbound.tables import receiving_setting
from central.ledger import rooms

Answer = Literal["receive", "ask"]


class Habits(NamedTuple):
    """`wrong_door`: a pallet at another door than its notice says is received there, or asked about; `late_notice` likewise for a notice that comes late."""

    wrong_door: Answer = "receive"
    late_notice: Answer = "ask"


def habits_of(connection: Connection, site: str) -> Habits:
    """How a site receives; the defaults when nobody said anything."""
    row = connection.execute(select(receiving_setting).where(receiving_setting.c.site == site)).one_or_none()
    return Habits() if row is None else Habits(row.wrong_door, row.late_notice)


def keep_habits(connection: Connection, site: str, habits: Habits) -> None:
    """How a site receives from now on."""
    statement = insert_or_leave(connection, receiving_setting).values(site=site, **habits._asdict())
    connection.execute(statement.on_conflict_do_update(index_elements=["site"], set_=habits._asdict()))


def staging_of(connection: Connection, site: str, station: str) -> str:
    """Where goods stand that came in by a door: the location of kind dock that is called as the door. Empty: there is none, goods go to storage."""
    row = connection.execute(select(location).where(location.c.place == f"{site}/{station}", location.c.kind == "dock")).one_or_none()
    return str(row.place) if row is not None and row.locked not in ("in", "both") else ""


def plain_stagings(connection: Connection, doors: Collection[tuple[str, str]]) -> dict[tuple[str, str], str | None]:
    """The places of doors (site, station), of those that have one; None where it must be looked at closely, for its room is limited."""
    named = {f"{site}/{station}": (site, station) for site, station in doors}
    rows = connection.execute(select(location).where(location.c.place.in_(sorted(named)), location.c.kind == "dock", location.c.locked.not_in(("in", "both"))))
    return {named[row.place]: None if rooms.is_limited(row) else str(row.place) for row in rows}


def is_dock(connection: Connection, place: str) -> bool:
    """Whether goods there wait to be put away."""
    return connection.execute(select(location.c.kind).where(location.c.place == place)).scalar() == "dock"
