# SPDX-License-Identifier: Apache-2.0
"""Use cases of answers that move an order on: picks and puts, from lights and from screens. Each runs inside the caller's transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from central.catalog import service as catalog
from central.errors import ConflictError, NotFoundError
from central.ledger import service as ledger
from central.outbound import mispicks, picking, rules, service, walls
from central.outbound.picking_tables import put_task, wall_slot
from central.outbound.scanned_text import read_scan
from central.outbound.tables import order_line, pick_task


def confirm_put(connection: Connection, spot: picking.Place, put_id: str, quantity: int) -> None:
    """Take the answer to a put, and move its order on; the same again changes nothing. Raises: NotFoundError, ConflictError: as `walls.put`."""
    row = connection.execute(select(put_task.c.order_id).where(put_task.c.id == put_id, put_task.c.site == spot.site)).one_or_none()
    if row is not None:
        items = connection.execute(select(order_line.c.item).where(order_line.c.order_id == row.order_id)).scalars()
        ledger.lock(connection, {(spot.site, item) for item in items})  # the last put may ship the order
    order_id = walls.put(connection, spot.fact_id, spot.site, put_id, quantity, spot.station, spot.now)
    if order_id is not None:
        service.settle_order(connection, spot.fact_id, order_id, spot.now)


def put_from_screen(connection: Connection, fact: ledger.Fact, put_id: str, quantity: int, now: datetime) -> None:
    """Take a put from a person at a screen; a light that still asks for it goes out."""
    ledger.record(connection, fact, now)
    confirm_put(connection, picking.Place(fact.id, fact.site, "list", now, fact.actor), put_id, quantity)
    walls.put_out(connection, fact.id, put_id, now)


def scan_at_wall(connection: Connection, fact: ledger.Fact, code: str, text: str, colour: str, now: datetime) -> list[walls.Put]:
    """Somebody at a wall scanned goods: their slots light. Raises: UnknownItemError, and as `walls.scanned`."""
    ledger.record(connection, fact, now)
    said = read_scan(text)
    item = catalog.named(connection, said.gtin or said.text).item
    return walls.scanned(connection, fact.id, fact.site, code, item, now, lot=said.lot, colour=colour)


def close_slot(connection: Connection, fact: ledger.Fact, code: str, slot: str, tote: str, now: datetime) -> str:
    """A complete order leaves its slot for packing; returns its id, empty for a slot that was free already. Raises: as `walls.close`."""
    ledger.record(connection, fact, now)
    held = select(order_line.c.item).join(wall_slot, wall_slot.c.order_id == order_line.c.order_id)
    mine = (wall_slot.c.site == fact.site) & (wall_slot.c.wall == code) & (wall_slot.c.slot == slot)
    # Before it is looked at whether all is there: a pick that is being answered may send more to the wall.
    ledger.lock(connection, {(fact.site, item) for item in connection.execute(held.where(mine)).scalars()})
    order_id = walls.close(connection, fact.site, code, slot, tote)
    if order_id:
        service.settle_order(connection, fact.id, order_id, now)
    return order_id


def task_by_id(connection: Connection, task_id: str) -> Row[Any]:
    """A pick task. Raises: NotFoundError."""
    row = connection.execute(select(pick_task).where(pick_task.c.id == task_id)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_task", f"pick task {task_id} is not known")
    return row


def confirm_on_tour(connection: Connection, fact: ledger.Fact, tour_id: str, task_id: str, quantity: int, now: datetime) -> rules.PickVerdict:
    """Take a picker's answer on a walk. Raises: NotFoundError. ConflictError: the task belongs to another walk."""
    task = task_by_id(connection, task_id)
    if task.tour_id != tour_id and task.state in rules.OPEN_STATES:
        raise ConflictError("other_tour", f"task {task_id} is not on this walk any more; look at the next stop")
    return service.confirm_from_list(connection, fact, task_id, quantity, now)


def scan(connection: Connection, fact: ledger.Fact, task_id: str, text: str) -> mispicks.Check:
    """Check what a picker scanned against a task; a wrong one is counted as a mispick, once. Raises: NotFoundError."""
    task = task_by_id(connection, task_id)
    found = mispicks.check(connection, task, text)
    if found.wrong:
        mispicks.note(connection, fact, task, found, text)
    return found
