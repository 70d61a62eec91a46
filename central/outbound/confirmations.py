# SPDX-License-Identifier: Apache-2.0
"""Answers of many people at once: pick confirmations that share a transaction, each in a savepoint of its own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from central.bulk import among
from central.errors import DomainError, NotFoundError
from central.ledger import service as ledger
from central.ledger.rules import Fact
from central.outbound import rules, service, tours
from central.outbound.tables import order_line, pick_task
from central.train import one_by_one


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Somebody says by `fact` that `quantity` was taken for a task."""

    fact: Fact
    task_id: str
    quantity: int


def confirm_together(connection: Connection, asked: Sequence[Confirmation]) -> list[rules.PickVerdict | DomainError]:
    """Take confirmations in turn; one that is refused leaves nothing behind and spoils none of the others."""
    sites = hold(connection, [each.task_id for each in asked])

    def confirm(connection: Connection, each: Confirmation) -> rules.PickVerdict:
        if each.task_id not in sites:
            raise NotFoundError("unknown_task", f"pick task {each.task_id} is not known")
        fact = replace(each.fact, site=sites[each.task_id])
        return service.confirm_from_list(connection, fact, each.task_id, each.quantity, fact.occurred_at)

    return list(one_by_one(confirm)(connection, asked))


def hold(connection: Connection, task_ids: Sequence[str], also: Collection[tuple[str, str]] = ()) -> dict[str, str]:
    """Take, before anything is decided, all fences of the tasks' orders, then their tours, each in one order; returns the site of each known task.

    `also` are further fences. Transactions that took them task by task would wait for each other crosswise.
    """
    columns = (pick_task.c.id, pick_task.c.order_id, pick_task.c.site, pick_task.c.tour_id)
    tasks = connection.execute(select(*columns).where(among(connection, pick_task.c.id, task_ids))).all()
    sites = {row.order_id: row.site for row in tasks}
    lines = select(order_line.c.order_id, order_line.c.item).where(among(connection, order_line.c.order_id, list(sites)))
    ledger.lock(connection, {*also, *((sites[row.order_id], row.item) for row in connection.execute(lines))})
    for tour_id in sorted({row.tour_id for row in tasks if row.tour_id is not None}):
        tours.locked(connection, tour_id)
    return {row.id: row.site for row in tasks}
