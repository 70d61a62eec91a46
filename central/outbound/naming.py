# SPDX-License-Identifier: Apache-2.0
"""Use cases of naming the pieces of items tracked by serial: with a pick, or after it. Each runs inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from central.errors import ConflictError, DomainError
from central.ledger import serials
from central.ledger import service as ledger
from central.outbound import answers, confirming, order_rows, picked_serials, rules, service
from central.outbound.picked_serials import Naming
from central.outbound.tables import pick_task


def pick_named(
    connection: Connection, fact: ledger.Fact, task_id: str, quantity: int, numbers: Sequence[str], confirm: Callable[[], rules.PickVerdict]
) -> rules.PickVerdict:
    """Take a pick whose pieces are named, by `confirm`; the order may leave with it. The fences of the order are held.

    Raises: NotFoundError. DomainError: not as many serials as pieces, or the item has none. ConflictError: a piece is elsewhere, or another order's.
    """
    task = answers.task_by_id(connection, task_id)
    outcome = rules.judge_pick(rules.Task(task.id, task.state, task.requested, task.taken), quantity)
    if outcome.verdict not in ("full", "short"):
        return confirm()
    said = _naming(connection, fact.id, task, numbers, fact.occurred_at)
    if len(set(numbers)) != outcome.take or len(numbers) != outcome.take:
        text = f"{outcome.take} pieces of item {task.item} are taken and {len(set(numbers))} serials are given; scan each piece once"
        raise DomainError("serials_wanted", text)
    picked_serials.keep_taken(connection, said, ledger.Account(task.place, task.item, task.lot, task.owner, "available", task.unit))
    verdict = confirm()
    picked_serials.bring(connection, said)
    return verdict


def name_task(connection: Connection, fact: ledger.Fact, task_id: str, numbers: Sequence[str], now: datetime) -> None:
    """Name pieces that were picked by a task without their numbers; an order that waits only for them leaves. Named already changes nothing.

    Raises: NotFoundError. DomainError: the item has no serials. ConflictError: it is not picked, more than were taken, or a piece is elsewhere.
    """
    if ledger.record(connection, fact, now).already:
        return
    confirming.hold(connection, [task_id])
    task = answers.task_by_id(connection, task_id)
    if task.state in rules.OPEN_STATES:
        raise ConflictError("task_open", f"pick task {task_id} is not answered yet; give the serials with its answer")
    order = order_rows.order_of(connection, task.order_id)
    if order.state not in ("released", "picked"):
        raise ConflictError("order_closed", f"order {order.number} is {order.state}; its pieces cannot be named any more")
    picked_serials.name_picked(connection, _naming(connection, fact.id, task, numbers, now), _of_other_tasks(connection, task))
    ship_when_named(connection, fact.id, order.id, now)


def ship_when_named(connection: Connection, fact_id: str, order_id: str, now: datetime) -> None:
    """An order that leaves as soon as it is picked, and could not because pieces had no number, leaves with the last of them."""
    order = order_rows.order_of(connection, order_id)
    if order.state != "picked" or order.ship_when != "picked" or picked_serials.unnamed_of(connection, order_id):
        return
    service.ship_or_tell(connection, fact_id, order_id, now)


def _naming(connection: Connection, fact_id: str, task: Row[Any], numbers: Sequence[str], now: datetime) -> Naming:
    if not serials.is_tracked(connection, task.item):
        raise DomainError("serials_not_wanted", f"item {task.item} is not tracked by serial; leave the serials out")
    return Naming(fact_id, str(task.order_id), task.item, task.lot, tuple(numbers), now)


def _of_other_tasks(connection: Connection, task: Row[Any]) -> list[str]:
    """The order's pieces of the same goods that stay named as they are: all, when other tasks took some of them."""
    same = (pick_task.c.order_id == task.order_id) & (pick_task.c.item == task.item) & (pick_task.c.lot == task.lot) & (pick_task.c.taken > 0)
    others = connection.execute(select(pick_task.c.id).where(same, pick_task.c.id != task.id).limit(1)).scalar()
    return picked_serials.numbers_of(connection, task.order_id, task.item) if others is not None else []


def named_of(connection: Connection, task_id: str) -> list[str]:
    """The named pieces of a task's order, of the task's item. Raises: NotFoundError."""
    task = answers.task_by_id(connection, task_id)
    return picked_serials.numbers_of(connection, task.order_id, task.item)
