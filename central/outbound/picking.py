# SPDX-License-Identifier: Apache-2.0
"""Use cases of picking: make and light tasks, take confirmations, short picks and surprises. Each runs inside the caller's transaction.

A short pick says that the bin is empty, whatever the books say. What the books still hold there unreserved goes to inspection, so that neither a
promise nor a reservation counts on it until somebody has counted the bin; the rest of the line is reserved elsewhere, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select, update

from central.catalog import service as catalog
from central.errors import BusyError, NotFoundError
from central.exceptions import service as exceptions
from central.exceptions.messages import Message, message
from central.ledger import service as ledger
from central.ledger.tables import balance, event, reservation
from central.outbound import lights, rules, tours, walking, walls
from central.outbound.demands import demand_of
from central.outbound.new_tasks import Sheet, make_tasks
from central.outbound.tables import customer_order, order_line, pick_task
from contracts.events import PickConfirmed


@dataclass(frozen=True)
class Place:
    """Where a confirmation came from: the recorded fact, the site and the station (a screen's name when no light said it), and who said it if known."""

    fact_id: str
    site: str
    station: str
    now: datetime
    by: str = ""


_SAME_ANSWER = timedelta(minutes=2)
"""Within so long of each other a light and a screen were answered for the same goods (guessed)."""


def tasks_of(connection: Connection, order_id: str) -> list[rules.Task]:
    """All pick tasks of an order."""
    rows = connection.execute(select(pick_task).where(pick_task.c.order_id == order_id))
    return [_as_task(row) for row in rows]


def _as_task(row: Row[Any]) -> rules.Task:
    return rules.Task(row.id, row.state, row.requested, row.taken)


def outstanding(connection: Connection, line: Row[Any]) -> int:
    """What of a line is neither picked nor asked for by an open task."""
    asked = select(func.coalesce(func.sum(pick_task.c.requested), 0)).where(pick_task.c.line_id == line.id, pick_task.c.state.in_(rules.OPEN_STATES))
    return int(line.quantity) - int(line.picked) - int(connection.execute(asked).scalar_one())


def colour_for(connection: Connection, site: str) -> str:
    """The colour for the next order of a site: the one that fewest orders in work carry."""
    in_use = select(customer_order.c.colour).where(customer_order.c.site == site, customer_order.c.state == "released")
    return rules.next_colour(connection.execute(in_use).scalars())


def note_short(connection: Connection, fact_id: str, line_id: str, now: datetime) -> None:
    """Keep what of a line no task asks for, and ask a person about it; when nothing is short any more, nobody needs to look."""
    line = connection.execute(select(order_line).where(order_line.c.id == line_id)).one()
    short = outstanding(connection, line)
    connection.execute(update(order_line).where(order_line.c.id == line.id).values(short=short))
    order = connection.execute(select(customer_order).where(customer_order.c.id == line.order_id)).one()
    subject = rules.line_subject(order, line)
    if short:
        told = message("order_short", order=order.number, short=short, ordered=line.quantity, item=line.item, site=order.site)
        exceptions.ask_person(connection, told, subject, fact_id, now, site=order.site, about={"order": order.id, "line": line.id})
    else:
        exceptions.settle(connection, ("order_short",), subject, order.site, "reserved", now)


def confirm_pick(connection: Connection, spot: Place, task_id: str, quantity: int) -> rules.PickOutcome:
    """Take the answer to a pick task: post what was taken to the stage, give the rest back, and ask a person where the floor and the books differ.

    A task is answered once; the same answer again changes nothing. Raises: NotFoundError: no such task.
    """
    seen = _task_by_id(connection, spot, task_id)
    items = connection.execute(_ITEMS, {"order": seen.order_id}).scalars()
    # All fences of the order at once: the last pick may ship the whole of it in this transaction.
    ledger.lock(connection, {(seen.site, item) for item in items})
    walked = tours.locked(connection, seen.tour_id) if seen.tour_id is not None else None
    task = _task_by_id(connection, spot, task_id)
    if task.tour_id != seen.tour_id:
        raise BusyError  # the walk was handed over meanwhile: with the new one's lock from the start
    outcome = rules.judge_pick(_as_task(task), quantity)
    if outcome.verdict in ("full", "short", "over"):
        _book_pick(connection, spot, task, outcome, walked)
    if outcome.verdict == "short":
        _go_elsewhere(connection, spot, task, _order(connection, task), outcome, walked)
    if outcome.verdict in ("full", "short", "over") and walked is not None:
        walking.task_answered(connection, spot.fact_id, walked, spot.now, task.slot)
    if outcome.verdict in ("over", "cancelled", "contradicted", "repeated"):
        _tell_surprise(connection, spot, task, _order(connection, task), outcome, quantity)
    return outcome


_TASK = select(pick_task).where(pick_task.c.id == bindparam("task"))
_ITEMS = select(order_line.c.item).where(order_line.c.order_id == bindparam("order"))
_ANSWER = (
    update(pick_task)
    .where(pick_task.c.id == bindparam("b_id"))
    .values(state=bindparam("b_state"), taken=bindparam("b_taken"), answered_at=bindparam("b_at"), answered_by=bindparam("b_by"))
)
_PICKED = update(order_line).where(order_line.c.id == bindparam("b_id")).values(picked=order_line.c.picked + bindparam("b_taken"))
"""Statements of the way that every pick goes, built once: building one costs as much as carrying it out."""


def _order(connection: Connection, task: Row[Any]) -> Row[Any]:
    return connection.execute(select(customer_order).where(customer_order.c.id == task.order_id)).one()


def _task_by_id(connection: Connection, spot: Place, task_id: str) -> Row[Any]:
    row = connection.execute(_TASK, {"task": task_id}).one_or_none()
    if row is None or row.site != spot.site:
        raise NotFoundError(
            "unknown_task", f"{spot.station}: pick task {task_id} was confirmed and is not known at {spot.site}; put the goods back and count the bin"
        )
    return row


def _book_pick(connection: Connection, spot: Place, task: Row[Any], outcome: rules.PickOutcome, walked: Row[Any] | None) -> None:
    ledger.take(connection, task.reservation_id, outcome.take, catalog.stage_of(connection, task.site), spot.fact_id)
    by = spot.by or (walked.picker if walked is not None else "")
    state = "short" if outcome.verdict == "short" else "done"
    connection.execute(_ANSWER, {"b_id": task.id, "b_state": state, "b_taken": outcome.take, "b_at": spot.now, "b_by": by})
    connection.execute(_PICKED, {"b_id": task.line_id, "b_taken": outcome.take})
    if walked is not None and walked.mode == "wall" and outcome.take:
        walls.expect(connection, task, outcome.take, spot.now)


def _go_elsewhere(connection: Connection, spot: Place, task: Row[Any], order: Row[Any], outcome: rules.PickOutcome, walked: Row[Any] | None) -> None:
    doubtful = _doubt_bin(connection, spot, task)
    told = message(
        "pick_short",
        station=spot.station,
        taken=outcome.take,
        requested=task.requested,
        item=task.item,
        lot=task.lot or "-",
        bin=task.bin,
        order=order.number,
        doubtful=doubtful,
    )
    exceptions.ask_person(connection, told, f"{task.place}/{task.item}/{task.lot}", spot.fact_id, spot.now, site=spot.site, station=spot.station)
    if not task.second_try:
        demand = demand_of(connection, task.line_id, outcome.give_back, spot.now)
        reservations = ledger.reserve(connection, spot.fact_id, [demand], spot.now)
        sheet = Sheet(spot.fact_id, order.id, order.number, task.site, order.colour, reservations, dark=walked is not None, second_try=True)
        ((*made,),) = make_tasks(connection, [sheet], spot.now)
        if walked is not None and made:
            walking.adopt(connection, spot.fact_id, walked, task.place, [each.id for each in made], spot.now)
    note_short(connection, spot.fact_id, task.line_id, spot.now)


def _doubt_bin(connection: Connection, spot: Place, task: Row[Any]) -> int:
    """Move what the books still hold unreserved in the bin of a short pick to inspection; returns how much."""
    account = ledger.Account(task.place, task.item, task.lot, task.owner, "available", task.unit)
    where = [getattr(balance.c, name) == getattr(account, name) for name in ("place", "item", "lot", "owner", "status", "unit")]
    free: int | None = connection.execute(select(balance.c.on_hand - balance.c.reserved).where(*where)).scalar()
    if not free:
        return 0
    inspected = ledger.Account(account.place, account.item, account.lot, account.owner, "inspect", account.unit)
    ledger.post(connection, spot.fact_id, [ledger.Leg(account, -free), ledger.Leg(inspected, free)])
    return free


def _tell_surprise(connection: Connection, spot: Place, task: Row[Any], order: Row[Any], outcome: rules.PickOutcome, quantity: int) -> None:
    told: Message | None = None
    common: dict[str, str | int | float] = {"station": spot.station, "item": task.item, "order": order.number, "bin": task.bin}
    if outcome.verdict == "over":
        told = message("pick_over", taken=quantity, requested=task.requested, over=outcome.over, **common)
    elif outcome.verdict == "cancelled" and quantity:
        gone = order.state == "cancelled"
        told = message("pick_after_cancel", taken=quantity, **common) if gone else message("pick_after_move", taken=quantity, **common)
    elif outcome.verdict == "repeated" and quantity:
        first = _answered_elsewhere(connection, spot, task)
        told = message("pick_twice", taken=quantity, first=first, **common) if first else None
    elif outcome.verdict == "contradicted":
        told = message("pick_answered_twice", station=spot.station, task=task.id, first=task.taken, second=quantity, bin=task.bin)
    if told is not None:
        exceptions.ask_person(connection, told, task.id, spot.fact_id, spot.now, site=spot.site, station=spot.station)


def _answered_elsewhere(connection: Connection, spot: Place, task: Row[Any]) -> str:
    """Who had answered a task before its light did with the same quantity, when that was another press or a person at a screen; empty: the same press again.

    Who answers at a screen sees there that it was answered; a light that was away does not. Who answers at both does so within moments.
    """
    mine = connection.execute(select(event.c.kind, event.c.occurred_at).where(event.c.id == spot.fact_id)).one_or_none()
    closed = select(reservation.c.closed_by).where(reservation.c.id == task.reservation_id).scalar_subquery()
    first = connection.execute(select(event.c.occurred_at, event.c.actor).where(event.c.id == closed)).one_or_none()
    if mine is None or first is None or mine.kind != PickConfirmed.__name__ or abs(mine.occurred_at - first.occurred_at) <= _SAME_ANSWER:
        return ""
    return str(task.answered_by or first.actor)


def cancel_tasks(connection: Connection, fact_id: str, order_id: str, now: datetime) -> None:
    """Give back what the order's open tasks have reserved, and put out their lights; goods of it that wait at a wall are not sorted any more."""
    query = select(pick_task).where(pick_task.c.order_id == order_id, pick_task.c.state.in_(rules.OPEN_STATES))
    for tour_id in walking.walks_with(connection, order_id):
        tours.locked(connection, tour_id)
    rows = connection.execute(query).all()
    for row in rows:
        ledger.release(connection, row.reservation_id, fact_id)
    connection.execute(update(pick_task).where(pick_task.c.id.in_([row.id for row in rows])).values(state="cancelled", answered_at=now))
    put_out(connection, fact_id, [row for row in rows if row.state == "lit"], now)
    walking.order_cancelled(connection, order_id)
    walking.tasks_cancelled(connection, fact_id, [row.tour_id for row in rows if row.tour_id is not None], now)
    walls.cancel_order(connection, fact_id, order_id, now)


def put_out(connection: Connection, fact_id: str, rows: Sequence[Row[Any]], now: datetime) -> None:
    """Ask the gateways to put out the lights of these tasks."""
    lights.put_out(connection, fact_id, [(row.gateway, row.station, row.id) for row in rows], now)


def order_state(connection: Connection, order_id: str) -> str:
    """State of a released order: `released` while a pick is open or goods of it wait at a wall, else `picked`, or `unfilled` without any."""
    state = rules.order_state(tasks_of(connection, order_id))
    return "released" if state == "picked" and walls.waits_for(connection, order_id) else state
