# SPDX-License-Identifier: Apache-2.0
"""Loading by decision of a person, against the plan: the pallet is on the vehicle, and it may stay there. Runs inside the caller's transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from central.errors import ConflictError
from central.shipping import dispatch, loads, packing, readiness
from central.shipping.dispatch import Dock
from central.shipping.tables import load, load_package, package


def could_be_loaded(connection: Connection, load_id: str, sscc: str) -> bool:
    """Whether a package may be loaded on a load by decision: it is ours, ready, and the load is open."""
    is_open = connection.execute(select(load.c.state).where(load.c.id == load_id)).scalar() == "open"
    row = connection.execute(select(package).where(package.c.sscc == sscc)).one_or_none()
    return is_open and row is not None and row.state != "shipped" and not readiness.blocked(connection, [row])


def load_all_the_same(connection: Connection, fact_id: str, load_id: str, sscc: str, now: datetime) -> None:
    """Put a package onto a load's plan, off any other open one, and load it.

    Raises: NotFoundError. ConflictError: the load is closed, or the package may not leave.
    """
    row = loads.load_by_id(connection, load_id)
    loads.hold_of_packages(connection, [sscc], row.site, row.door)
    row, box = loads.load_by_id(connection, load_id), packing.held_package(connection, sscc, now)
    reason = readiness.blocked(connection, [box]).get(sscc, "it left before" if box.state == "shipped" else "")
    if row.state != "open" or box.site != row.site:
        raise ConflictError("load_closed", f"load {row.number} is {row.state}; plan another load")
    if reason:
        raise ConflictError("package_blocked", f"package {sscc} may not leave: {reason}; settle that first")
    others = select(load.c.id).where(load.c.state == "open", load.c.id != load_id)
    connection.execute(delete(load_package).where(load_package.c.sscc == sscc, load_package.c.load_id.in_(others)))
    if not loads.is_planned(connection, load_id, sscc):
        connection.execute(insert(load_package).values(load_id=load_id, sscc=sscc))
    dispatch.put_aboard(connection, Dock(fact_id, row.site, row.door, now), box)
