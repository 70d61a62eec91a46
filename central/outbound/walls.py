# SPDX-License-Identifier: Apache-2.0
"""Use cases of put-to-light walls: batch-picked goods are scanned, the wall lights the slots that want them. Each runs inside the caller's transaction.

The goods are at the stage and belong to their orders since they were picked; a wall moves no stock, it only makes sure that each order gets its own.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from central.errors import ConflictError, NotFoundError
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.outbound import lights
from central.outbound.picking_tables import put_task, wall, wall_slot
from central.outbound.tables import customer_order, pick_task
from central.outbound.tour_rules import by_name
from contracts.commands import PickTask
from contracts.quantities import Quantity

PUT_OPEN = ("waiting", "lit")
DEFAULT_COLOUR = "green"


@dataclass(frozen=True, slots=True)
class Put:
    """What to put where: `state` lit (a light or a screen asks for it), done or short."""

    id: str
    order: str
    slot: str
    item: str
    quantity: int
    state: str


def keep(connection: Connection, site: str, code: str, gateway: str, station: str, slots: Sequence[str]) -> None:
    """Have a wall with these slots; slots that are no longer named must be free. Raises: ConflictError: one of them is in use."""
    where = (wall_slot.c.site == site) & (wall_slot.c.wall == code)
    there = {row.slot: row.order_id for row in connection.execute(select(wall_slot).where(where))}
    busy = sorted(slot for slot, order in there.items() if order is not None and slot not in slots)
    if busy:
        raise ConflictError("slot_in_use", f"slot {busy[0]} of wall {code} holds goods of an order; close it before it is taken away")
    mine = (wall.c.site == site) & (wall.c.code == code)
    if connection.execute(update(wall).where(mine).values(gateway=gateway, station=station)).rowcount == 0:
        connection.execute(insert(wall).values(site=site, code=code, gateway=gateway, station=station))
    if gone := sorted(set(there) - set(slots)):
        connection.execute(delete(wall_slot).where(where, wall_slot.c.slot.in_(gone)))
    if fresh := [slot for slot in dict.fromkeys(slots) if slot not in there]:
        connection.execute(insert(wall_slot), [{"site": site, "wall": code, "slot": slot} for slot in fresh])


def expect(connection: Connection, task: Row[Any], quantity: int, now: datetime) -> None:
    """Goods were picked that a wall has to sort."""
    values = {"id": str(uuid.uuid5(uuid.UUID(task.id), "put")), "site": task.site, "order_id": task.order_id, "pick_task_id": task.id}
    connection.execute(insert(put_task).values(**values, item=task.item, lot=task.lot, quantity=quantity, created_at=now))


def waits_for(connection: Connection, order_id: str) -> bool:
    """Whether goods of an order are still to be put into a wall."""
    query = select(put_task.c.id).where(put_task.c.order_id == order_id, put_task.c.state.in_(PUT_OPEN)).limit(1)
    return connection.execute(query).scalar() is not None


def scanned(connection: Connection, fact_id: str, site: str, code: str, item: str, now: datetime, *, lot: str = "", colour: str = DEFAULT_COLOUR) -> list[Put]:
    """Somebody at a wall holds goods of an item: light every slot that wants some, with its quantity; orders without a slot get a free one.

    Goods that are lit already stay lit. Raises: NotFoundError: no such wall, or no order here waits for the item. ConflictError: the wall is full.
    """
    stands = _wall(connection, site, code)
    wanted = select(put_task, customer_order.c.number).join(customer_order, customer_order.c.id == put_task.c.order_id)
    mine = wanted.where(put_task.c.site == site, put_task.c.item == item, put_task.c.state.in_(PUT_OPEN), put_task.c.wall.in_(("", code)))
    mine = mine.where(put_task.c.lot == lot) if lot else mine
    rows = connection.execute(mine.order_by(customer_order.c.priority, customer_order.c.due_at, customer_order.c.number, put_task.c.id)).all()
    if not rows:
        raise NotFoundError("not_wanted", f"wall {code}: no order waits for item {item}{' lot ' + lot if lot else ''}; put it aside and ask")
    slots = _slots_for(connection, stands, list(dict.fromkeys(row.order_id for row in rows)))
    puts = [(row, slots[row.order_id]) for row in rows if row.order_id in slots]
    if not puts:
        raise ConflictError("wall_full", f"wall {code}: every slot is in use; close an order that is complete, then scan again")
    fresh = [(row, slot) for row, slot in puts if row.state == "waiting"]
    for row, slot in fresh:
        connection.execute(update(put_task).where(put_task.c.id == row.id).values(state="lit", wall=code, slot=slot, colour=colour))
    if stands.station:
        lamps = [lights.Lamp(stands.gateway, stands.station, _as_light(row, slot, colour)) for row, slot in fresh]
        lights.light(connection, fact_id, lamps, now)
    return [Put(row.id, row.number, slot, row.item, row.quantity, "lit") for row, slot in puts]


def _wall(connection: Connection, site: str, code: str) -> Row[Any]:
    row = connection.execute(select(wall).where(wall.c.site == site, wall.c.code == code).with_for_update()).one_or_none()
    if row is None:
        raise NotFoundError("unknown_wall", f"site {site} has no wall {code}; add it first")
    return row


def _slots_for(connection: Connection, stands: Row[Any], order_ids: Sequence[str]) -> dict[str, str]:
    """The slot of each order, new ones in the order given as long as there are free ones (the wall's row is locked, so nobody else takes them)."""
    where = (wall_slot.c.site == stands.site) & (wall_slot.c.wall == stands.code)
    rows = sorted(connection.execute(select(wall_slot).where(where)), key=lambda row: by_name(row.slot))
    held = {row.order_id: row.slot for row in rows if row.order_id is not None}
    free = [row.slot for row in rows if row.order_id is None]
    for order_id in order_ids:
        if order_id not in held and free:
            held[order_id] = free.pop(0)
            connection.execute(update(wall_slot).where(where, wall_slot.c.slot == held[order_id]).values(order_id=order_id))
    return {order_id: held[order_id] for order_id in order_ids if order_id in held}


def _as_light(row: Row[Any], slot: str, colour: str) -> PickTask:
    return PickTask(task_id=row.id, bin=slot, item=row.item, quantity=Quantity(row.quantity), lot=row.lot, order=row.number, colour=colour)


def put(connection: Connection, fact_id: str, site: str, put_id: str, quantity: int, station: str, now: datetime) -> str | None:
    """Goods were put into a slot; fewer than wanted becomes a work order. Returns the order's id; None when the put was answered before.

    Raises: NotFoundError: no such put. ConflictError: more than wanted.
    """
    row = connection.execute(select(put_task).where(put_task.c.id == put_id, put_task.c.site == site).with_for_update()).one_or_none()
    if row is None:
        raise NotFoundError("unknown_task", f"{station}: put {put_id} is not known at {site}; look into the slot")
    if row.state not in PUT_OPEN:
        return None
    if quantity > row.quantity:
        raise ConflictError("put_over", f"slot {row.slot}: {quantity} put although {row.quantity} are wanted; take {quantity - row.quantity} out again")
    state = "done" if quantity == row.quantity else "short"
    connection.execute(update(put_task).where(put_task.c.id == put_id).values(state=state, put=quantity, answered_at=now))
    if state == "short":
        number = connection.execute(select(customer_order.c.number).where(customer_order.c.id == row.order_id)).scalar_one()
        told = message("put_short", station=station, slot=row.slot, put=quantity, wanted=row.quantity, item=row.item, order=number)
        exceptions.ask_person(connection, told, f"{number}/{row.item}", fact_id, now, site=site, station=station)
    order_id: str = row.order_id
    return order_id


def is_put(connection: Connection, task_id: str) -> bool:
    """Whether this is the id of a put and not of a pick."""
    return connection.execute(select(put_task.c.id).where(put_task.c.id == task_id)).scalar() is not None


def put_out(connection: Connection, fact_id: str, put_id: str, now: datetime) -> None:
    """Put out the light of a put that was answered elsewhere."""
    joined = select(wall.c.gateway, wall.c.station).join(put_task, (put_task.c.site == wall.c.site) & (put_task.c.wall == wall.c.code))
    row = connection.execute(joined.where(put_task.c.id == put_id)).one_or_none()
    if row is not None and row.station:
        lights.put_out(connection, fact_id, [(row.gateway, row.station, put_id)], now)


def close(connection: Connection, site: str, code: str, slot: str, tote: str) -> str:
    """The order in a slot is complete and leaves for packing in `tote`; the slot is free again. Returns the order's id; a free slot gives an empty one.

    Raises: NotFoundError: no such slot. ConflictError: picks or puts of the order are still open.
    """
    _wall(connection, site, code)
    where = (wall_slot.c.site == site) & (wall_slot.c.wall == code) & (wall_slot.c.slot == slot)
    row = connection.execute(select(wall_slot).where(where)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_slot", f"wall {code} of {site} has no slot {slot}")
    if row.order_id is None:
        return ""
    open_pick = select(pick_task.c.id).where(pick_task.c.order_id == row.order_id, pick_task.c.state.in_(("lit", "listed"))).limit(1)
    if waits_for(connection, row.order_id) or connection.execute(open_pick).scalar() is not None:
        raise ConflictError("slot_not_complete", f"slot {slot} of wall {code}: goods of its order are still to come; wait, or answer them as short")
    connection.execute(update(wall_slot).where(where).values(order_id=None))
    if tote:
        connection.execute(update(customer_order).where(customer_order.c.id == row.order_id).values(tote=tote))
    order_id: str = row.order_id
    return order_id


def cancel_order(connection: Connection, fact_id: str, order_id: str, now: datetime) -> None:
    """An order was cancelled: its goods are not sorted any more and its slot is free."""
    mine = (put_task.c.order_id == order_id) & put_task.c.state.in_(PUT_OPEN)
    lit = connection.execute(select(put_task.c.id).where(mine, put_task.c.state == "lit").order_by(put_task.c.id)).scalars().all()
    for number, put_id in enumerate(lit):
        put_out(connection, str(uuid.uuid5(uuid.UUID(fact_id), f"put/{number}")), put_id, now)
    connection.execute(update(put_task).where(mine).values(state="cancelled", answered_at=now))
    connection.execute(update(wall_slot).where(wall_slot.c.order_id == order_id).values(order_id=None))
