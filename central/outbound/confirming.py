# SPDX-License-Identifier: Apache-2.0
"""Pick tasks that are answered in full, many in one transaction: goods to the stage, tasks and lines, walks, orders that are picked, orders that leave.

This is the way that nearly every pick goes, and what comes out is what `picking.confirm_pick` makes of each alone. Whatever is not open, not in full, or
goes to a wall is none of this file's: the caller hands it over alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Select, String, cast, null, select, union, union_all

from central.bulk import keys_of, listed, update_rows
from central.catalog import service as catalog
from central.database import micros, savepoint
from central.errors import BusyError, DomainError
from central.ledger import service as ledger
from central.outbound import departures, rules, service, walking, walls
from central.outbound.picking import Place
from central.outbound.picking_tables import put_task
from central.outbound.tables import customer_order, order_line, pick_task, tour

CLOSED = ("shipped", "cancelled", "open")
"""States of orders that no pick moves on."""


@dataclass(frozen=True, slots=True)
class Pick:
    """Somebody says by a recorded fact that `quantity` was taken for a task."""

    spot: Place
    task_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Held:
    """What is locked until the transaction ends: the fences of tasks' orders, and their walks. `sites` of the known tasks, `walks` as locked rows, by id."""

    sites: Mapping[str, str]
    walks: Mapping[str, Any]


def hold(connection: Connection, task_ids: Sequence[str], also: Collection[tuple[str, str]] = ()) -> Held:
    """Take, before anything is decided, all fences of the tasks' orders (the last pick may ship the whole of one), then their tours, each in one order.

    `also` are further fences. Transactions that took them task by task would wait for each other crosswise.
    """
    rows = connection.execute(_concerned(connection.dialect.name), {"tasks": keys_of(connection, pick_task.c.id, task_ids)}).all()
    ledger.lock(connection, {*also, *((row.site, row.item) for row in rows if row.item is not None)})
    tasks = [row for row in rows if row.id is not None]
    walks = sorted({row.tour_id for row in tasks if row.tour_id is not None})
    locked = connection.execute(_walks(connection.dialect.name), {"walks": keys_of(connection, tour.c.id, walks)}).all() if walks else ()
    return Held({row.id: row.site for row in tasks}, {row.id: row for row in locked})


_NO_ID, _NO_TEXT = cast(null(), pick_task.c.id.type), cast(null(), String)


@cache
def _concerned(dialect: str) -> CompoundSelect[Any]:
    """The tasks as they are, and, in rows without a task, what is ordered with them where."""
    mine = listed(dialect, pick_task.c.id, "tasks")
    orders = select(pick_task.c.order_id, pick_task.c.site).distinct().where(mine).subquery()
    items = select(_NO_ID, orders.c.site, _NO_ID, order_line.c.item).distinct().join(orders, orders.c.order_id == order_line.c.order_id)
    return union_all(select(pick_task.c.id, pick_task.c.site, pick_task.c.tour_id, _NO_TEXT.label("item")).where(mine), items)


@cache
def _walks(dialect: str) -> Select[Any]:
    # Rows are locked in the order in which they are sorted: the key does not change.
    return select(tour).where(listed(dialect, tour.c.id, "walks")).order_by(tour.c.id).with_for_update()


_NAMES = ("id", "order_id", "line_id", "reservation_id", "site", "item", "gateway", "station", "state", "requested", "tour_id", "slot", "lamp_dead")
_OF_ORDER = (customer_order.c.state.label("order_state"), customer_order.c.ship_when, customer_order.c.channel, customer_order.c.number)


@cache
def _tasks(dialect: str) -> Select[Any]:
    query = select(*(pick_task.c[name] for name in _NAMES), *_OF_ORDER).join(customer_order, customer_order.c.id == pick_task.c.order_id)
    return query.where(listed(dialect, pick_task.c.id, "tasks"))


def in_full(connection: Connection, held: Held, asked: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """The rows of those (task id, quantity) that can be booked together, by task id: open, answered in full, and not on the way to a wall.

    Said twice of a task, the first counts. Raises: BusyError: a walk was handed over meanwhile.
    """
    said: dict[str, int] = {}
    for task_id, quantity in asked:
        said.setdefault(task_id, quantity)
    found = {}
    for row in connection.execute(_tasks(connection.dialect.name), {"tasks": keys_of(connection, pick_task.c.id, said)}):
        if row.tour_id is not None and row.tour_id not in held.walks:
            raise BusyError
        to_wall = row.tour_id is not None and held.walks[row.tour_id].mode == "wall"
        if row.state in rules.OPEN_STATES and row.requested == said[row.id] and not to_wall:
            found[row.id] = row
    return found


def book(connection: Connection, held: Held, picks: Sequence[Pick], tasks: Mapping[str, Any]) -> None:
    """Book answers of different tasks, all of them of `in_full`.

    Raises: DomainError: what the first that cannot be booked would raise alone; the caller undoes what was begun (a savepoint).
    """
    if not picks:
        return
    now = picks[0].spot.now
    stages = {site: catalog.stage_of(connection, site) for site in sorted({tasks[each.task_id].site for each in picks})}
    takings = [ledger.Taking(tasks[each.task_id].reservation_id, each.quantity, stages[tasks[each.task_id].site], each.spot.fact_id) for each in picks]
    ledger.take_many(connection, takings)
    answered = [(each.task_id, "done", each.quantity, micros(now), _who(held, each, tasks[each.task_id])) for each in picks]
    update_rows(connection, pick_task, "id", ("state", "taken", "answered_at", "answered_by"), answered)
    picked: Counter[str] = Counter()
    for each in picks:
        picked[tasks[each.task_id].line_id] += each.quantity
    update_rows(connection, order_line, "id", ("picked",), sorted(picked.items()), add=frozenset({"picked"}))
    waiting = _waiting(connection, {tasks[each.task_id].order_id for each in picks}, {tasks[each.task_id].tour_id for each in picks})
    _go_on_walking(connection, held, picks, tasks, waiting)
    _move_orders_on(connection, picks, tasks, waiting.orders, now)


def _who(held: Held, pick: Pick, task: Any) -> str:
    picker: str = held.walks[task.tour_id].picker if task.tour_id is not None else ""
    return pick.spot.by or picker


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What is still to be picked: slots by walk; and the orders with an open pick, or with goods on their way into a wall."""

    slots: Mapping[str, set[str]]
    orders: Collection[str]


def _waiting(connection: Connection, order_ids: Collection[str], walks: Collection[str | None]) -> _Waiting:
    named = {tour_id for tour_id in walks if tour_id is not None}
    parameters = {"orders": keys_of(connection, customer_order.c.id, order_ids), "walks": keys_of(connection, tour.c.id, named)}
    slots: dict[str, set[str]] = {tour_id: set() for tour_id in named}
    orders = set()
    for row in connection.execute(_still_waiting(connection.dialect.name), parameters):
        if row.tour_id is not None:
            slots[row.tour_id].add(row.slot)
        else:
            orders.add(row.order_id)
    return _Waiting(slots, orders)


@cache
def _still_waiting(dialect: str) -> CompoundSelect[Any]:
    is_open = pick_task.c.state.in_(rules.OPEN_STATES)
    picks = select(pick_task.c.order_id, _NO_ID.label("tour_id"), _NO_TEXT.label("slot")).where(listed(dialect, pick_task.c.order_id, "orders"), is_open)
    puts = select(put_task.c.order_id, _NO_ID, _NO_TEXT).where(listed(dialect, put_task.c.order_id, "orders"), put_task.c.state.in_(walls.PUT_OPEN))
    slots = select(_NO_ID, pick_task.c.tour_id, pick_task.c.slot).where(listed(dialect, pick_task.c.tour_id, "walks"), is_open)
    return union(picks, puts, slots)


def _go_on_walking(connection: Connection, held: Held, picks: Sequence[Pick], tasks: Mapping[str, Any], waiting: _Waiting) -> None:
    """Totes and walks that are complete with these answers."""
    slots: dict[str, dict[str, Pick]] = {}
    for each in picks:
        task = tasks[each.task_id]
        if task.tour_id is not None:
            slots.setdefault(task.tour_id, {})[task.slot] = each
    for tour_id in sorted(slots):
        answered, left = slots[tour_id], waiting.slots[tour_id]
        if not left:
            answered = dict([list(answered.items())[-1]])
        for slot, pick in answered.items():
            walking.go_on(connection, pick.spot.fact_id, held.walks[tour_id], pick.spot.now, slot, left)


@dataclass(frozen=True, slots=True)
class _Order:
    """An order whose picks were answered, `fact_id` being the last answer."""

    id: str
    site: str
    channel: str
    number: str
    ship_when: str
    state: str
    fact_id: str


def _move_orders_on(connection: Connection, picks: Sequence[Pick], tasks: Mapping[str, Any], going_on: Collection[str], now: datetime) -> None:
    """Orders are picked with their last task, and leave if that is what they wait for."""
    orders: dict[str, _Order] = {}
    for each in picks:
        task = tasks[each.task_id]
        orders[task.order_id] = _Order(task.order_id, task.site, task.channel, task.number, task.ship_when, task.order_state, each.spot.fact_id)
    states = {order.id: "released" if order.id in going_on else "picked" for order in orders.values() if order.state not in CLOSED}
    changed = [order for order in orders.values() if states.get(order.id, order.state) != order.state]
    rows = [(order.id, states[order.id], micros(now) if states[order.id] == "picked" else None) for order in changed]
    update_rows(connection, customer_order, "id", ("state", "picked_at"), rows)
    done = [order for order in changed if states[order.id] == "picked"]
    if done:
        departures.tell(connection, "order.picked", done, now)
        _ship(connection, [order for order in done if order.ship_when == "picked"], now)


def _ship(connection: Connection, orders: Sequence[_Order], now: datetime) -> None:
    """Ship them together; if that does not go, each alone, which asks a person about those that cannot."""
    if not orders:
        return
    try:
        with savepoint(connection):
            departures.ship_picked(connection, [(order.fact_id, order) for order in orders], now)
    except BusyError:
        raise
    except DomainError:
        for order in orders:
            service.ship_or_tell(connection, order.fact_id, order.id, now)
