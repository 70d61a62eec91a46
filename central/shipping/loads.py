# SPDX-License-Identifier: Apache-2.0
"""Use cases of loads: what must go onto one vehicle, and whether it did. Each runs inside the caller's transaction.

Whoever changes a plan holds the load's row, and the rows of the packages that it puts on it: a package is on one open load.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select, update

from central.bulk import among
from central.errors import ConflictError, NotFoundError
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.ledger import service as ledger
from central.outbound.tables import customer_order
from central.shipping import rules, vehicles
from central.shipping.documents import LoadPlan
from central.shipping.tables import dock_door, load, load_package, package


def plan_load(connection: Connection, fact: ledger.Fact, plan: LoadPlan, now: datetime) -> str:
    """Say what must go onto a vehicle; the same plan again is the same load, another one under its number is refused.

    Raises: NotFoundError: a package or order is not known. ConflictError: a package is on another open load, thrown away, or gone.
    """
    if ledger.record(connection, fact, now).already:
        return fact.id
    wanted = {*plan.packages, *_packages_of(connection, plan.orders)}
    values = plan.model_dump(include={"site", "number", "door", "vehicle", "route", "carrier"})
    connection.execute(insert(load).values(id=fact.id, created_at=now, **values))
    _put_on(connection, load_by_id(connection, fact.id), sorted(wanted))
    return fact.id


def _packages_of(connection: Connection, order_ids: Collection[str]) -> Sequence[str]:
    known = set(connection.execute(select(customer_order.c.id).where(among(connection, customer_order.c.id, order_ids))).scalars())
    unknown = sorted(set(order_ids) - known)
    if unknown:
        raise NotFoundError("unknown_order", f"order {unknown[0]} is not known")
    theirs = select(package.c.sscc).where(among(connection, package.c.order_id, order_ids), package.c.state != "void")
    return connection.execute(theirs).scalars().all()


def _put_on(connection: Connection, row: Row[Any], ssccs: Sequence[str]) -> None:
    """Put packages on the plan of a load; those that are on a vehicle already are loaded. Raises: as `plan_load`."""
    if not ssccs:
        return
    boxes = _free_packages(connection, row.site, row.number, ssccs)
    connection.execute(insert(load_package), [{"load_id": row.id, "sscc": box.sscc, "loaded_at": box.loaded_at} for box in boxes])


def _free_packages(connection: Connection, site: str, number: str, ssccs: Sequence[str]) -> list[Row[Any]]:
    """The packages' rows, held, in the order asked for; each may go onto a load of this number."""
    rows = connection.execute(select(package).where(among(connection, package.c.sscc, ssccs)).order_by(package.c.sscc).with_for_update())
    known = {row.sscc: row for row in rows}
    taken = select(load_package.c.sscc, load.c.number).join(load, load.c.id == load_package.c.load_id)
    rows = connection.execute(taken.where(load.c.state == "open", among(connection, load_package.c.sscc, ssccs)))
    elsewhere = {row.sscc: row.number for row in rows}
    for sscc in ssccs:
        if sscc not in known:
            raise NotFoundError("unknown_package", f"load {number}: package {sscc} is not one of ours; check the number")
        if known[sscc].state in ("void", "shipped") or known[sscc].site != site:
            text = f"load {number}: package {sscc} is {known[sscc].state} at {known[sscc].site}; take it off the plan"
            raise ConflictError("package_gone", text)
        if sscc in elsewhere:
            raise ConflictError("package_planned", f"load {number}: package {sscc} is on load {elsewhere[sscc]} already; take it off one of them")
    return [known[sscc] for sscc in ssccs]


def load_by_id(connection: Connection, load_id: str) -> Row[Any]:
    """A load's row. Raises: NotFoundError."""
    return _one(connection.execute(select(load).where(load.c.id == load_id)).one_or_none(), load_id)


def _held(connection: Connection, load_id: str) -> Row[Any]:
    """A load's row, held until the transaction ends. Raises: NotFoundError."""
    return _one(connection.execute(select(load).where(load.c.id == load_id).with_for_update()).one_or_none(), load_id)


def _one(row: Row[Any] | None, load_id: str) -> Row[Any]:
    if row is None:
        raise NotFoundError("unknown_load", f"load {load_id} is not known")
    return row


def _open(connection: Connection, load_id: str) -> Row[Any]:
    row = _held(connection, load_id)
    if row.state != "open":
        raise ConflictError("load_closed", f"load {row.number} is {row.state}; plan another load")
    return row


def load_state(connection: Connection, load_id: str) -> rules.LoadState:
    """What of a load is on the vehicle and what is missing."""
    rows = connection.execute(select(load_package).where(load_package.c.load_id == load_id).order_by(load_package.c.sscc)).all()
    return rules.LoadState(tuple(row.sscc for row in rows if row.loaded_at), tuple(row.sscc for row in rows if not row.loaded_at))


def add_package(connection: Connection, fact: ledger.Fact, load_id: str, sscc: str, now: datetime) -> None:
    """Put one more package on an open load's plan; there already, or the same fact again, changes nothing.

    Raises: NotFoundError. ConflictError: the load is closed, or the package on another one.
    """
    if ledger.record(connection, fact, now).already:
        return
    row = _open(connection, load_id)
    if not is_planned(connection, load_id, sscc):
        _put_on(connection, row, [sscc])


def take_off(connection: Connection, fact: ledger.Fact, load_id: str, sscc: str, now: datetime) -> None:
    """Take a package off an open load's plan; not on it, or the same fact again, changes nothing.

    Raises: NotFoundError. ConflictError: the load is closed, or the package is on the vehicle.
    """
    if ledger.record(connection, fact, now).already:
        return
    row = _open(connection, load_id)
    mine = (load_package.c.load_id == load_id) & (load_package.c.sscc == sscc)
    planned = connection.execute(select(load_package).where(mine)).one_or_none()
    if planned is not None and planned.loaded_at is not None:
        raise ConflictError("package_loaded", f"load {row.number}: package {sscc} is on the vehicle already; close the load, the package leaves with it")
    connection.execute(load_package.delete().where(mine))


def cancel(connection: Connection, fact: ledger.Fact, load_id: str, now: datetime) -> None:
    """The vehicle does not come: the load's packages may go onto another one. Cancelled already, or the same fact again, changes nothing.

    Raises: NotFoundError. ConflictError: the load is closed, or packages are on the vehicle.
    """
    if ledger.record(connection, fact, now).already or _held(connection, load_id).state == "cancelled":
        return
    row, state = _open(connection, load_id), load_state(connection, load_id)
    _refuse_intruders(connection, row)
    if state.loaded:
        text = f"load {row.number}: {len(state.loaded)} packages are on the vehicle already, first {state.loaded[0]}; close the load as incomplete"
        raise ConflictError("package_loaded", text)
    connection.execute(update(load).where(load.c.id == load_id).values(state="cancelled", closed_at=now))


def close(connection: Connection, fact: ledger.Fact, load_id: str, now: datetime, *, incomplete: bool) -> Sequence[str]:
    """The vehicle leaves. What is missing becomes a work order; without `incomplete` it is refused instead.

    Returns the orders of which packages left with it; none when it is closed already, or for the same fact again, which change nothing.
    Raises: NotFoundError. ConflictError: `load_incomplete`; `load_wrong_pallet`: a wrong pallet is believed to be on the vehicle; or it was cancelled.
    """
    if ledger.record(connection, fact, now).already or _held(connection, load_id).state == "closed":
        return []
    row, state = _open(connection, load_id), load_state(connection, load_id)
    _refuse_intruders(connection, row)
    if state.missing and not incomplete:
        text = f"load {row.number}: {len(state.missing)} packages are not loaded, first {state.missing[0]}; load them, or close it as incomplete"
        raise ConflictError("load_incomplete", text)
    connection.execute(update(load).where(load.c.id == load_id).values(state="closed", closed_at=now))
    if state.missing:
        told = message("load_missing", load=row.number, vehicle=row.vehicle or "-", count=len(state.missing), first=state.missing[0], door=row.door or "-")
        exceptions.ask_person(connection, told, row.number, fact.id, now, site=row.site, station=row.door, priority=2)
    gone = select(package.c.order_id).where(among(connection, package.c.sscc, state.loaded), package.c.state == "loaded").distinct()
    return connection.execute(gone.order_by(package.c.order_id)).scalars().all()


def _refuse_intruders(connection: Connection, row: Row[Any]) -> None:
    inside = vehicles.inside(connection, row.id)
    if inside:
        text = f"load {row.number}: {len(inside)} pallets on the vehicle do not belong there, first {inside[0]}; take them out, or add them to the load"
        raise ConflictError("load_wrong_pallet", text)


def hold_of_packages(connection: Connection, ssccs: Collection[str], site: str, station: str) -> None:
    """Hold the open loads that these packages are on, and those of a door: before the packages, as whoever plans does."""
    theirs = select(load_package.c.load_id).where(among(connection, load_package.c.sscc, ssccs))
    at_door = (load.c.site == site) & (load.c.door == station) & (load.c.door != "")
    query = select(load.c.id).where(load.c.state == "open", load.c.id.in_(theirs) | at_door).order_by(load.c.id)
    connection.execute(query.with_for_update())


def waits_for_vehicle(connection: Connection, order_id: str) -> bool:
    """Whether a package of an order stands on the vehicle of an open load at a door with a timetable."""
    query = select(package.c.sscc).where(package.c.order_id == order_id, package.c.state == "loaded", package.c.sscc.in_(standing_at_doors()))
    return connection.execute(query.limit(1)).scalar() is not None


def standing_at_doors() -> Select[Any]:
    """SSCCs of the packages that are loaded on open loads at doors with a timetable."""
    at_door = (dock_door.c.site == load.c.site) & (dock_door.c.station == load.c.door)
    there = select(load_package.c.sscc).join(load, load.c.id == load_package.c.load_id).join(dock_door, at_door)
    return there.where(load_package.c.loaded_at.is_not(None), load.c.state == "open")


def is_planned(connection: Connection, load_id: str, sscc: str) -> bool:
    """Whether a package is on the plan of a load."""
    query = select(load_package.c.sscc).where(load_package.c.load_id == load_id, load_package.c.sscc == sscc)
    return connection.execute(query).scalar() is not None
