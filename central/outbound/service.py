# SPDX-License-Identifier: Apache-2.0
"""Use cases of orders: take, release, ship, cancel. Each runs inside the caller's transaction. Picking stands in `picking`, weighing in `weigh_check`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from central.catalog import service as catalog
from central.errors import BusyError, ConflictError, DomainError, NotFoundError
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.ingest.registry import EventContext, collect_handlers
from central.ledger import service as ledger
from central.ledger.rules import CUSTOMER
from central.outbound import picking, rules
from central.outbound.documents import Order
from central.outbound.release import release_orders
from central.outbound.tables import customer_order, order_line, pick_task
from central.webhooks.service import emit
from contracts.events import PickConfirmed
from contracts.quantities import Quantity


def take_order(connection: Connection, fact: ledger.Fact, order: Order, now: datetime) -> tuple[rules.Promise, ...]:
    """Take an order and say at once, line by line, what can be promised. The order's id is the fact's id.

    The same order again gets the same answer. Raises: ConflictError: channel and number are known with other content. UnknownItemError.
    """
    if ledger.record(connection, fact, now).already:
        return promises_of(connection, fact.id)
    wanted = [rules.Wanted(n, _item_code(connection, line.item, line.gtin), line.quantity) for n, line in enumerate(order.lines, start=1)]
    ledger.lock(connection, {(order.site, line.item) for line in wanted})
    free = {line.item: available_to_promise(connection, order.site, line.item, now) for line in wanted}
    answers = rules.promise(wanted, free)
    values = order.model_dump(include={"channel", "number", "site", "partner", "ship_when", "tote", "tare_g"})
    connection.execute(insert(customer_order).values(id=fact.id, created_at=now, **values))
    rows = [
        {"id": f"{fact.id}/{each.n}", "order_id": fact.id, "n": each.n, "item": each.item, "quantity": each.quantity, "promised": each.promised}
        for each in answers
    ]
    connection.execute(insert(order_line), rows)
    lines = [{"n": each.n, "item": each.item, "quantity": each.quantity, "promised": each.promised} for each in answers]
    emit(connection, "order.accepted", fact.id, {"channel": order.channel, "number": order.number, "lines": lines}, now, order.site)
    return answers


def _tell(connection: Connection, what: str, order: Row[Any], now: datetime) -> None:
    emit(connection, what, order.id, {"channel": order.channel, "number": order.number}, now, order.site)


def _item_code(connection: Connection, code: str | None, gtin: str | None) -> str:
    row = catalog.item_by_gtin(connection, gtin) if gtin else catalog.item_by_code(connection, code or "")
    return str(row.code)


def promises_of(connection: Connection, order_id: str) -> tuple[rules.Promise, ...]:
    """What was promised when the order came in."""
    rows = connection.execute(select(order_line).where(order_line.c.order_id == order_id).order_by(order_line.c.n))
    return tuple(rules.Promise(row.n, row.item, row.quantity, row.promised) for row in rows)


def available_to_promise(connection: Connection, site: str, item: str, now: datetime) -> int:
    """What of an item can be promised at a site: unreserved and unexpired, less what is promised to orders that are not released yet, less what
    is picked and waits to be shipped. Below zero when stock was lost after it was promised."""
    mine = (customer_order.c.site == site) & (order_line.c.item == item)
    lines = select(func.coalesce(func.sum(order_line.c.promised), 0)).join(customer_order, customer_order.c.id == order_line.c.order_id)
    promised = connection.execute(lines.where(mine, customer_order.c.state == "open")).scalar_one()
    picked = select(func.coalesce(func.sum(order_line.c.picked), 0)).join(customer_order, customer_order.c.id == order_line.c.order_id)
    staged = connection.execute(picked.where(mine, customer_order.c.state.in_(("released", "picked")))).scalar_one()
    return ledger.available(connection, site, item, now.date()) - int(promised) - int(staged)


def order_by_id(connection: Connection, order_id: str) -> Row[Any]:
    """An order's row. Raises: NotFoundError."""
    row = connection.execute(select(customer_order).where(customer_order.c.id == order_id)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_order", f"order {order_id} is not known")
    return row


def _lock_order(connection: Connection, order_id: str) -> tuple[Row[Any], Sequence[Row[Any]]]:
    """The order and its lines, with the fences of all its items held: nobody else picks, releases or cancels it meanwhile."""
    site = order_by_id(connection, order_id).site
    lines = select(order_line).where(order_line.c.order_id == order_id).order_by(order_line.c.n)
    ledger.lock(connection, {(site, line.item) for line in connection.execute(lines)})
    return order_by_id(connection, order_id), connection.execute(lines).all()


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


def site_of_task(connection: Connection, task_id: str) -> str:
    """The site where a pick task is to be done. Raises: NotFoundError."""
    site: str | None = connection.execute(select(pick_task.c.site).where(pick_task.c.id == task_id)).scalar()
    if site is None:
        raise NotFoundError("unknown_task", f"pick task {task_id} is not known")
    return site


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
    if row.state == "lit":
        picking.put_out(connection, fact.id, [row], now)
    return rules.judge_pick(rules.Task(row.id, row.state, row.requested, row.taken), quantity).verdict


def settle_order(connection: Connection, fact_id: str, order_id: str, now: datetime) -> None:
    """Move an order on when its last task is answered, and ship it if that is what it waits for."""
    order = order_by_id(connection, order_id)
    state = rules.order_state(picking.tasks_of(connection, order_id))
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
    order, _ = _lock_order(connection, order_id)
    if order.state != "picked":
        raise ConflictError("order_not_picked", f"order {order.number} is {order.state}; only a picked order can be shipped")
    stage = catalog.stage_of(connection, order.site)
    taken = select(pick_task.c.item, pick_task.c.lot, pick_task.c.owner, pick_task.c.unit, func.sum(pick_task.c.taken).label("quantity"))
    rows = connection.execute(
        taken.where(pick_task.c.order_id == order_id, pick_task.c.taken > 0).group_by(pick_task.c.item, pick_task.c.lot, pick_task.c.owner, pick_task.c.unit)
    ).all()
    legs: list[ledger.Leg] = []
    for row in rows:
        account = ledger.Account(stage, row.item, row.lot, row.owner, "available", row.unit)
        legs += [ledger.Leg(account, -int(row.quantity)), ledger.Leg(account.at(CUSTOMER), int(row.quantity))]
    ledger.post(connection, fact_id, legs)
    connection.execute(update(customer_order).where(customer_order.c.id == order_id).values(state="shipped", shipped_at=now))
    _tell(connection, "order.shipped", order, now)


def cancel_order(connection: Connection, fact: ledger.Fact, order_id: str, now: datetime) -> None:
    """Cancel an order: reservations are given back and its lights go out. Cancelled already changes nothing.

    Raises: NotFoundError. ConflictError: shipped.
    """
    order, lines = _lock_order(connection, order_id)
    if order.state == "cancelled":
        return
    if order.state == "shipped":
        raise ConflictError("order_closed", f"order {order.number} is shipped; take the goods back as a return")
    ledger.record(connection, fact, now)
    picking.cancel_tasks(connection, fact.id, order_id, now)
    connection.execute(update(customer_order).where(customer_order.c.id == order_id).values(state="cancelled"))
    _tell(connection, "order.cancelled", order, now)
    picked = sum(line.picked for line in lines)
    if picked:
        told = message("order_cancelled_goods", order=order.number, quantity=picked, place=catalog.stage_of(connection, order.site))
        exceptions.ask_person(connection, told, order.number, fact.id, now, site=order.site)
