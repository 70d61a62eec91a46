# SPDX-License-Identifier: Apache-2.0
"""Use cases of the dock: ship confirm by scan. Each runs inside the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from central.errors import BusyError, ConflictError, DomainError
from central.exceptions import service as exceptions
from central.exceptions.messages import Message, message
from central.ledger import service as ledger
from central.outbound import order_rows
from central.outbound import service as outbound
from central.shipping import doors, loads, packing, placement, rules, trail, vehicles
from central.shipping.scans import sscc_in
from central.shipping.tables import load, load_package, package

_SCAN_KINDS = ("package_foreign", "package_not_ready")


@dataclass(frozen=True)
class Dock:
    """Where and when a package was seen: the recorded fact, the site, the station."""

    fact_id: str
    site: str
    station: str
    now: datetime


@dataclass(frozen=True)
class ShipOutcome:
    """What a scan at the dock did. `left`: packages of the order that were not scanned yet; `unpacked`: pieces picked and in no package."""

    sscc: str
    order_id: str
    verdict: rules.LoadVerdict
    shipped: bool
    left: int
    unpacked: int


def confirm_scan(connection: Connection, dock: Dock, text: str) -> ShipOutcome:
    """A person scans a package's label where it leaves: it is loaded, and with the last one the order is shipped.

    Scanned again changes nothing. Raises: DomainError: no SSCC, a package that is not ours, not closed, of a wrong weight, or not on the load of this door.
    """
    sscc = sscc_in(text)
    if sscc is None:
        raise DomainError("scan_unreadable", f"scan {text!r} carries no SSCC; scan the package's own label (00)")
    return _confirm(connection, dock, sscc)


def _confirm(connection: Connection, dock: Dock, sscc: str) -> ShipOutcome:
    loads.hold_of_packages(connection, [sscc], dock.site, dock.station)
    row = packing.held_package(connection, sscc, dock.now)
    _check_ready(connection, dock, row)
    return put_aboard(connection, dock, row)


def put_aboard(connection: Connection, dock: Dock, row: Row[Any]) -> ShipOutcome:
    """A package (its row; its order's packing and its loads are held) that may leave is on the vehicle; there already changes nothing."""
    already = row.state in ("loaded", "shipped")
    if not already:
        connection.execute(update(package).where(package.c.sscc == row.sscc).values(state="loaded", loaded_at=dock.now))
        trail.note(connection, dock.fact_id, "loaded", [row.sscc])
    _note_loaded(connection, dock, row.sscc)
    shipped = ship_when_complete(connection, dock, row.order_id)
    left, unpacked = _left(connection, row.order_id)
    return ShipOutcome(row.sscc, row.order_id, "already" if already else "loaded", shipped, left, unpacked)


def _check_ready(connection: Connection, dock: Dock, row: Row[Any]) -> None:
    if row.site != dock.site:
        raise ConflictError("package_foreign", f"package {row.sscc} belongs to {row.site}; keep it at {dock.site} and call {row.site}")
    if row.state == "open":
        raise ConflictError("package_not_closed", f"package {row.sscc} is still open; close it at the pack station first")
    if row.state == "void":
        raise ConflictError("package_gone", f"package {row.sscc} was thrown away; find the package that replaced it")
    order = outbound.order_by_id(connection, row.order_id)
    if order.state not in ("released", "picked", "shipped"):
        raise ConflictError("order_closed", f"package {row.sscc} is of order {order.number}, which is {order.state}; keep it here and put its goods back")
    if row.verdict == "wrong" and row.state == "closed":
        raise ConflictError("package_weight_wrong", f"package {row.sscc} has a wrong weight; open it, count, and weigh it again before it leaves")
    if row.state == "closed":
        _check_load(connection, dock, row)


def _check_load(connection: Connection, dock: Dock, row: Row[Any]) -> None:
    """The package is on the load of this door, if there is one, and on no load of another door."""
    theirs = select(load.c.number, load.c.door).join(load_package, load_package.c.load_id == load.c.id)
    mine = theirs.where(load_package.c.sscc == row.sscc, load.c.state == "open", load.c.door.not_in(("", dock.station)))
    other = connection.execute(mine).first() if dock.station else None
    if other is not None:
        raise ConflictError("package_wrong_door", f"package {row.sscc} is on load {other.number} at {other.door}, not at {dock.station}; bring it there")
    plan = _load_here(connection, dock)
    if plan is not None and not loads.is_planned(connection, plan.id, row.sscc):
        raise ConflictError("package_foreign", f"package {row.sscc} is not on load {plan.number} at {dock.station}; put it back, or add it to the load")


def ship_when_complete(connection: Connection, dock: Dock, order_id: str) -> bool:
    """Ship an order all packages of which are on the vehicle, with nothing left to pack or pick; returns whether it is shipped.

    What stands on a vehicle at a door with a timetable may still be taken off again: it leaves with the vehicle, when its load is closed.
    """
    left, unpacked = _left(connection, order_id)
    order = outbound.order_by_id(connection, order_id)
    if left or unpacked or order.state not in ("picked", "shipped") or loads.waits_for_vehicle(connection, order_id):
        return bool(order.state == "shipped")
    if order.state == "picked" and not outbound.ship_or_tell(connection, dock.fact_id, order_id, dock.now):
        return False
    order_shipped(connection, dock.fact_id, order_id, dock.now)
    return True


def order_shipped(connection: Connection, fact_id: str, order_id: str, now: datetime) -> None:
    """Mark the packages of an order that a fact shipped, and place the carrier's orders that wait for it."""
    mine = package.c.order_id == order_id
    connection.execute(update(package).where(mine, package.c.state == "closed").values(state="loaded", loaded_at=now))
    left = update(package).where(mine, package.c.state == "loaded").values(state="shipped", shipped_at=now).returning(package.c.sscc)
    trail.note(connection, fact_id, "shipped", sorted(connection.execute(left).scalars()))
    placement.request_for_order(connection, order_id, now)


def ship_when_packed(connection: Connection, dock: Dock, order_id: str) -> None:
    """Ship an order that is packed to the last piece and waits for no scan at the dock.

    That is one that waits for its weight, when every package was weighed and is right; and one that its last pick should have sent and could not, because
    its pieces were named only at the pack station.
    """
    order = outbound.order_by_id(connection, order_id)
    if order.ship_when == "asked" or order.state != "picked" or packing.left_of(connection, order_id):
        return
    packed = select(package.c.state, package.c.verdict).where(package.c.order_id == order_id, package.c.state != "void")
    good = ("right",) if order.ship_when == "weighed" else ("right", "cannot_decide", "")
    ready = all(state != "open" and verdict in good for state, verdict in connection.execute(packed))
    if ready and outbound.ship_or_tell(connection, dock.fact_id, order_id, dock.now):
        order_shipped(connection, dock.fact_id, order_id, dock.now)


def _left(connection: Connection, order_id: str) -> tuple[int, int]:
    waiting = select(func.count()).select_from(package).where(package.c.order_id == order_id, package.c.state.in_(("open", "closed")))
    return int(connection.execute(waiting).scalar_one()), sum(packing.left_of(connection, order_id).values())


def _load_here(connection: Connection, dock: Dock) -> Row[Any] | None:
    """The open load that stands at a door; loads without a door do not restrict what is scanned."""
    return doors.load_at(connection, dock.site, dock.station)


def _note_loaded(connection: Connection, dock: Dock, sscc: str) -> None:
    open_loads = select(load.c.id).where(load.c.site == dock.site, load.c.state == "open")
    mine = (load_package.c.sscc == sscc) & load_package.c.loaded_at.is_(None) & load_package.c.load_id.in_(open_loads)
    connection.execute(update(load_package).where(mine).values(loaded_at=dock.now))
    exceptions.settle(connection, _SCAN_KINDS, sscc, dock.site, "loaded", dock.now)
    vehicles.is_right(connection, sscc, dock.site, dock.now)


def depart(connection: Connection, fact: ledger.Fact, load_id: str, now: datetime, *, incomplete: bool) -> None:
    """The vehicle of a load leaves, and with it the orders that are on it to the last piece. Raises: as `loads.close`."""
    order_ids = loads.close(connection, fact, load_id, now, incomplete=incomplete)
    if not order_ids:
        return
    row = loads.load_by_id(connection, load_id)
    for order_id in order_ids:
        packing.hold_packing(connection, order_id, row.site, now)
    order_rows.lock_orders(connection, order_ids)
    for order_id in order_ids:
        ship_when_complete(connection, Dock(fact.id, row.site, row.door, now), order_id)


def plan_one_more(connection: Connection, fact: ledger.Fact, load_id: str, sscc: str, now: datetime) -> None:
    """Put one more package on a load's plan; one that a door saw go onto the vehicle is loaded with that. Raises: as `loads.add_package`."""
    loads.add_package(connection, fact, load_id, sscc, now)
    row = loads.load_by_id(connection, load_id)
    if sscc in vehicles.inside(connection, load_id):
        _confirm(connection, Dock(fact.id, row.site, row.door, now), sscc)


def unload(connection: Connection, dock: Dock, row: Row[Any]) -> bool:
    """A package (its row, held as for `put_aboard`) is taken off the vehicle again; False: it was on none, or left with it."""
    if row.state != "loaded":
        return False
    connection.execute(update(package).where(package.c.sscc == row.sscc).values(state="closed", loaded_at=None))
    trail.note(connection, dock.fact_id, "unloaded", [row.sscc])
    open_loads = select(load.c.id).where(load.c.site == dock.site, load.c.state == "open")
    mine = (load_package.c.sscc == row.sscc) & load_package.c.load_id.in_(open_loads)
    connection.execute(update(load_package).where(mine).values(loaded_at=None))
    return True


def seen_leaving(connection: Connection, dock: Dock, sscc: str) -> rules.LoadVerdict:
    """A scan point saw a package go out. Goods are on the vehicle already, so nothing is refused: what should not leave becomes a work order.

    A label that is not one of our packages (a supplier's pallet, a returned one) concerns shipping only where a load is waiting at that door.
    """
    row = connection.execute(select(package).where(package.c.sscc == sscc)).one_or_none()
    if row is None and _load_here(connection, dock) is None:
        return "foreign"
    if row is None or row.site != dock.site:
        _ask(connection, dock, sscc, message("package_foreign", station=dock.station, sscc=sscc, load=_load_number(connection, dock)))
        return "foreign"
    loads.hold_of_packages(connection, [sscc], dock.site, dock.station)
    packing.hold_packing(connection, row.order_id, row.site, dock.now)
    try:
        with connection.begin_nested():
            return _confirm(connection, dock, sscc).verdict
    except BusyError:
        raise
    except DomainError as error:
        if error.code == "package_foreign":
            _ask(connection, dock, sscc, message("package_foreign", station=dock.station, sscc=sscc, load=_load_number(connection, dock)))
            return "foreign"
        _ask(connection, dock, sscc, message("package_not_ready", station=dock.station, sscc=sscc, reason=error.message))
        return "not_ready"


def _load_number(connection: Connection, dock: Dock) -> str:
    row = _load_here(connection, dock)
    return str(row.number) if row is not None else "-"


def _ask(connection: Connection, dock: Dock, subject: str, told: Message) -> None:
    exceptions.ask_person(connection, told, subject, dock.fact_id, dock.now, site=dock.site, station=dock.station, priority=2)
