# SPDX-License-Identifier: Apache-2.0
"""Pickers come and go. Each function runs inside the caller's transaction."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from central.errors import NotFoundError
from central.ledger import service as ledger
from central.outbound import rules, tours, walking
from central.outbound.picking_tables import picker_session
from central.outbound.tables import tour
from central.outbound.tours import Picker


def session_of(connection: Connection, picker: str) -> Picker | None:
    """Where a picker works now; None: nowhere."""
    row = _here(connection, picker)
    return None if row is None else _picker(row)


def here(connection: Connection, site: str) -> list[Picker]:
    """Who picks at a site now, by name."""
    query = select(picker_session).where(picker_session.c.site == site, picker_session.c.until.is_(None)).order_by(picker_session.c.picker)
    return [_picker(row) for row in connection.execute(query)]


def _here(connection: Connection, picker: str) -> Row[Any] | None:
    return connection.execute(select(picker_session).where(picker_session.c.picker == picker, picker_session.c.until.is_(None))).one_or_none()


def _picker(row: Row[Any]) -> Picker:
    return Picker(row.picker, row.site, row.zone, row.colour)


def join(connection: Connection, fact: ledger.Fact, picker: str, site: str, zone: str, now: datetime, *, auto: bool = False) -> Picker:
    """Begin to pick at a site, in one zone or in all; the colour is the one that fewest there carry. Again changes nothing; elsewhere moves the picker.

    With `auto` the picker gets walks without asking for them: lights are all that is needed.
    """
    ledger.record(connection, fact, now)
    row = _here(connection, picker)
    if row is not None and (row.site, row.zone) == (site, zone):
        return _picker(row)
    if row is not None:
        leave(connection, fact, picker, now)
    came = Picker(picker, site, zone, _free_colour(connection, site, zone))
    session_id = str(uuid.uuid5(uuid.UUID(fact.id), picker))
    values = {"id": session_id, "picker": picker, "site": site, "zone": zone, "colour": came.colour, "auto": auto, "since": now}
    connection.execute(insert(picker_session).values(**values))
    if auto:
        tours.dispatch(connection, fact.id, site, now)
    return came


def _free_colour(connection: Connection, site: str, zone: str) -> str:
    """Within a zone colours differ as long as there are enough of them; beyond it they are shared as late as possible."""
    others = here(connection, site)
    near = [each.colour for each in others if not zone or not each.zone or each.zone == zone]
    everywhere = [each.colour for each in others]
    return min(rules.COLOURS, key=lambda colour: (near.count(colour), everywhere.count(colour)))


def leave(connection: Connection, fact: ledger.Fact, picker: str, now: datetime) -> list[str]:
    """Go home: the walk in work goes back and is planned anew for others. Returns the ids of the walks made of it.

    Raises: NotFoundError: the picker is not here.
    """
    if ledger.record(connection, fact, now).already and _here(connection, picker) is None:
        return []
    row = _here(connection, picker)
    if row is None:
        raise NotFoundError("unknown_picker", f"{picker} does not pick anywhere now; join a site first")
    mine = select(tour.c.id).where(tour.c.picker == picker, tour.c.state == "picking").order_by(tour.c.id)
    made = [walking.give_back(connection, fact.id, tour_id, now) for tour_id in connection.execute(mine).scalars().all()]
    connection.execute(update(picker_session).where(picker_session.c.id == row.id).values(until=now))
    return [each for each in made if each]
