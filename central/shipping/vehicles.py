# SPDX-License-Identifier: Apache-2.0
"""Pallets that are believed to be on a vehicle and do not belong there. Each function runs inside the caller's transaction, which holds the load."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select, update

from central.database import insert_or_leave
from central.exceptions import service as exceptions
from central.shipping.tables import load, load_intruder, load_package

WRONG = ("wrong_pallet_load", "wrong_pallet_unplanned", "wrong_pallet_unknown", "wrong_pallet_blocked")
"""Codes of the messages about a wrong pallet."""
UNCLEAR = "pallet_loading_unclear"


def believe_inside(connection: Connection, load_id: str, sscc: str, station: str, reason: str, work_order: int, event_id: str, now: datetime) -> None:
    """A wrong pallet went onto the vehicle of a load."""
    values = {"station": station, "reason": reason, "state": "inside", "work_order": work_order, "event_id": event_id, "seen_at": now, "settled_at": None}
    made = insert_or_leave(connection, load_intruder).values(load_id=load_id, sscc=sscc, **values)
    connection.execute(made.on_conflict_do_update(index_elements=["load_id", "sscc"], set_=values))


def inside(connection: Connection, load_id: str) -> Sequence[str]:
    """SSCCs of the wrong pallets that are believed to be on a load's vehicle."""
    query = select(load_intruder.c.sscc).where(load_intruder.c.load_id == load_id, load_intruder.c.state == "inside")
    return connection.execute(query.order_by(load_intruder.c.sscc)).scalars().all()


def is_inside(connection: Connection, sscc: str, site: str) -> bool:
    """Whether a pallet is believed to be on a vehicle of the site where it does not belong."""
    query = select(load_intruder.c.load_id).join(load, load.c.id == load_intruder.c.load_id)
    return connection.execute(query.where(load_intruder.c.sscc == sscc, load_intruder.c.state == "inside", load.c.site == site)).first() is not None


def is_out(connection: Connection, sscc: str, site: str, how: str, now: datetime) -> bool:
    """A wrong pallet is on no vehicle any more; returns whether it was believed to be. What was asked about it is settled."""
    done = _settle(connection, load_intruder.c.sscc == sscc, site, "out", now)
    exceptions.settle(connection, (*WRONG, UNCLEAR), sscc, site, how, now)
    return done


def is_right(connection: Connection, sscc: str, site: str, now: datetime) -> None:
    """A package is loaded where it belongs: there it is no wrong pallet, and on no other vehicle."""
    planned = select(load_package.c.load_id).where(load_package.c.sscc == sscc, load_package.c.loaded_at.is_not(None))
    _settle(connection, (load_intruder.c.sscc == sscc) & load_intruder.c.load_id.in_(planned), site, "right", now)
    is_out(connection, sscc, site, "loaded", now)


def _settle(connection: Connection, which: ColumnElement[bool], site: str, state: str, now: datetime) -> bool:
    at_site = select(load.c.id).where(load.c.site == site)
    mine = which & (load_intruder.c.state == "inside") & load_intruder.c.load_id.in_(at_site)
    return connection.execute(update(load_intruder).where(mine).values(state=state, settled_at=now)).rowcount > 0
