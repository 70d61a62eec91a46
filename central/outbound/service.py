# SPDX-License-Identifier: Apache-2.0
"""Use cases of orders: take, release, ship, cancel. Each runs inside the caller's transaction. Picking stands in `picking`, weighing in `weigh_check`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from central.catalog import service as catalog
from central.errors import BusyError, ConflictError, DomainError
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.ingest.registry import EventContext, collect_handlers
from central.ledger import service as ledger
from central.outbound import departures, intake, order_rows, picking, promise, rules
from central.outbound.documents import Order, Promise
from central.outbound.release import release_orders
from central.outbound.tables import customer_order, pick_task
from central.webhooks.service import emit
from contracts.events import PickConfirmed
from contracts.quantities import Quantity


def take_order(connection: Connection, fact: ledger.Fact, order: Order, now: datetime) -> tuple[Promise, ...]:
    """Take an order, as `intake.take_order`, and return what each line is promised."""
    return tuple(intake.take_order(connection, fact, order, now).lines)


def _tell(connection: Connection, what: str, order: Row[Any], now: datetime) -> None:
    emit(connection, what, order.id, {"channel": order.channel, "number": order.number}, now, order.site)


def order_by_id(connection: Connection, order_id: str) -> Row[Any]:
    """An order's row. Raises: NotFoundError."""
    return order_rows.order_of(connection, order_id)


def release_order(connection: Connection, fact: ledger.Fact, order_id: str, now: datetime) -> None:
    """Reserve the order's goods by its items' rules and light its pick tasks. What cannot be reserved becomes a work order.

    A released order may be released again: what was short is tried once more. Raises: NotFoundError. ConflictError: shipped or cancelled.
    """
    (released,) = release_orders(connection, [(fact, order_id)], now)
    if isinstance(released, DomainError):
        raise released


def confirm_pick(connection: Connection, spot: picking.Place, task_id: str, quantity: int) -> rules.PickOutcome:
    """Take the answer to a pick task, and move its order on. Raises: NotFoundError: no such task."""
    outcome = picking.confirm_pick(connection, spot, task_id, quantity)
    order_id = connection.execute(select(pick_task.c.order_id).where(pick_task.c.id == task_id)).scalar_one()
    settle_order(connection, spot.fact_id, order_id, spot.now)
    return outcome


def confirm_from_list(connection: Connection, fact: ledger.Fact, task_id: str, quantity: int, now: datetime) -> rules.PickVerdict:
    """Take the answer of a person at a screen (the fact's site is the task's), as if a light had said it; a light that still asks for it goes out."""
    ledger.record(connection, fact, now)
    row = connection.execute(select(pick_task).where(pick_task.c.id == task_id)).one()
    event = PickConfirmed(
        event_time=now, station="list", task_id=task_id, quantity=Quantity(quantity), requested=Quantity(row.requested), short=quantity < row.requested
    )
    context = EventContext(fact.id, fact.site, row.gateway, "", "movements", 0, now)
    for handler in collect_handlers()[PickConfirmed]:
        handler(connection, context, event)
    if row.state == "lit" or (row.state == "listed" and row.lamp_dead):
        picking.put_out(connection, fact.id, [row], now)
    return rules.judge_pick(rules.Task(row.id, row.state, row.requested, row.taken), quantity).verdict


def settle_order(connection: Connection, fact_id: str, order_id: str, now: datetime) -> None:
    """Move an order on when its last task is answered, and ship it if that is what it waits for."""
    order = order_by_id(connection, order_id)
    state = picking.order_state(connection, order_id)
    if order.state in ("shipped", "cancelled", "open") or state == order.state:
        return
    connection.execute(update(customer_order).where(customer_order.c.id == order_id).values(state=state, picked_at=now if state == "picked" else None))
    if state == "picked":
        _tell(connection, "order.picked", order, now)
    if state == "picked" and order.ship_when == "picked":
        ship_or_tell(connection, fact_id, order_id, now)


def ship_or_tell(connection: Connection, fact_id: str, order_id: str, now: datetime) -> bool:
    """Ship an order by itself; if it cannot be, ask a person and leave all else as it is. Returns whether it was shipped."""
    order = order_by_id(connection, order_id)
    try:
        with connection.begin_nested():
            _ship(connection, fact_id, order_id, now)
    except BusyError:
        raise
    except DomainError as error:
        told = message("ship_refused", order=order.number, reason=error.message)
        exceptions.ask_person(connection, told, order.number, fact_id, now, site=order.site, priority=2, about={"order": order.id})
        return False
    exceptions.settle(connection, ("ship_refused",), order.number, order.site, "shipped by itself", now)
    return True


def ship_again(connection: Connection, fact_id: str, order_id: str, now: datetime) -> None:
    """Ship an order that could not be shipped by itself. Shipped already changes nothing. Raises: as `ship_order`."""
    if order_by_id(connection, order_id).state != "shipped":
        _ship(connection, fact_id, order_id, now)


def ship_order(connection: Connection, fact: ledger.Fact, order_id: str, now: datetime) -> None:
    """Ship a picked order: its goods leave the stage for the customer. Shipped already changes nothing.

    Raises: NotFoundError. ConflictError: not picked. InsufficientStockError: goods at the stage are on hold or gone.
    """
    order = order_by_id(connection, order_id)
    if order.state == "shipped":
        return
    ledger.record(connection, fact, now)
    _ship(connection, fact.id, order_id, now)
    exceptions.settle(connection, ("ship_refused",), order.number, order.site, "shipped by hand", now)


def _ship(connection: Connection, fact_id: str, order_id: str, now: datetime) -> None:
    order_rows.lock_orders(connection, [order_id])
    order = order_by_id(connection, order_id)
    if order.state != "picked":
        raise ConflictError("order_not_picked", f"order {order.number} is {order.state}; only a picked order can be shipped")
    departures.ship_picked(connection, [(fact_id, order)], now)


def cancel_order(connection: Connection, fact: ledger.Fact, order_id: str, now: datetime) -> None:
    """Cancel an order with its shares and backorders: promises end, reservations are given back, lights go out. Cancelled already changes nothing.

    A part that is shipped stays shipped. Raises: NotFoundError. ConflictError: it is shipped itself, or all its shares are.
    """
    order_rows.lock_orders(connection, order_rows.family_of(connection, order_id))
    order, family = order_by_id(connection, order_id), order_rows.orders_of(connection, order_rows.family_of(connection, order_id))
    if order.state == "cancelled":
        return
    parts = [each for each in family if each.state not in ("shipped", "cancelled")]
    if order.state == "shipped" or all(each.state == "split" for each in parts):
        raise ConflictError("order_closed", f"order {order.number} is shipped; take the goods back as a return")
    ledger.record(connection, fact, now)
    some_left = any(each.state == "shipped" for each in family)
    for each in parts:
        if each.state != "split" or not some_left:
            _cancel(connection, fact.id, each, now)


def cancel_released(connection: Connection, fact_id: str, order_id: str, now: datetime) -> None:
    """Cancel an order of which nothing is left to deliver. The fences are held."""
    _cancel(connection, fact_id, order_by_id(connection, order_id), now)


def _cancel(connection: Connection, fact_id: str, order: Row[Any], now: datetime) -> None:
    picking.cancel_tasks(connection, fact_id, order.id, now)
    promise.forget(connection, [order.id])
    connection.execute(update(customer_order).where(customer_order.c.id == order.id).values(state="cancelled"))
    _tell(connection, "order.cancelled", order, now)
    lines = order_rows.lines_of(connection, [order.id])[order.id]
    for line in lines:
        exceptions.settle(connection, ("order_short",), rules.line_subject(order, line), order.site, "cancelled", now)
    exceptions.settle(connection, ("order_at_risk", "order_late"), f"{order.channel}/{order.number}", order.site, "cancelled", now)
    picked = sum(line.picked for line in lines)
    if picked:
        told = message("order_cancelled_goods", order=order.number, quantity=picked, place=catalog.stage_of(connection, order.site))
        exceptions.ask_person(connection, told, order.number, fact_id, now, site=order.site, about={"order": order.id})
