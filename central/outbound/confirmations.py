# SPDX-License-Identifier: Apache-2.0
"""Answers of many people at screens at once: pick confirmations that share a transaction. Those in full are booked together, others one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from central.database import savepoint
from central.errors import BusyError, DomainError, NotFoundError
from central.ingest.registry import EventContext, collect_many
from central.ledger import service as ledger
from central.ledger.rules import Fact
from central.outbound import answers, confirming, naming, picking, rules, service
from central.outbound.confirming import Held, Pick
from central.train import one_by_one
from contracts.events import PickConfirmed
from contracts.quantities import Quantity

_AREA = "outbound"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Somebody says by `fact` that `quantity` was taken for a task; on a walk, if `tour_id` is given."""

    fact: Fact
    task_id: str
    quantity: int
    tour_id: str | None = None
    serials: tuple[str, ...] = ()
    """Of the pieces, for an item tracked by serial, as far as they were scanned."""


@dataclass(frozen=True, slots=True)
class Again:
    """The same request came before and got this answer."""

    answer: bytes


Result = rules.PickVerdict | Again | DomainError


def confirm_together(connection: Connection, asked: Sequence[Confirmation]) -> list[Result]:
    """Take confirmations, of one task in turn; one that is refused leaves nothing behind and spoils none of the others.

    All fences, then all walks, are taken before the first decision.
    """
    held = confirming.hold(connection, [each.task_id for each in asked])
    results = _book_together(connection, held, asked)
    rest = [n for n in range(len(asked)) if n not in results]
    if rest:
        known = ledger.recorded_before(connection, list({asked[n].fact.id: asked[n].fact for n in rest}.values()))

        def alone(connection: Connection, each: Confirmation) -> Result:
            before = known.get(each.fact.id)
            if isinstance(before, ledger.Recorded) and before.answer is not None:
                return Again(before.answer)
            return _alone(connection, held, each)

        results |= dict(zip(rest, one_by_one(alone)(connection, [asked[n] for n in rest]), strict=True))
    return [results[n] for n in range(len(asked))]


def _alone(connection: Connection, held: Held, each: Confirmation) -> rules.PickVerdict:
    if each.task_id not in held.sites:
        raise NotFoundError("unknown_task", f"pick task {each.task_id} is not known")
    fact = replace(each.fact, site=held.sites[each.task_id])

    def confirm() -> rules.PickVerdict:
        if each.tour_id is not None:
            return answers.confirm_on_tour(connection, fact, each.tour_id, each.task_id, each.quantity, fact.occurred_at)
        return service.confirm_from_list(connection, fact, each.task_id, each.quantity, fact.occurred_at)

    return naming.pick_named(connection, fact, each.task_id, each.quantity, each.serials, confirm) if each.serials else confirm()


def _book_together(connection: Connection, held: Held, asked: Sequence[Confirmation]) -> dict[int, Result]:
    """Book what is open and answered in full; results by place in `asked`. When one of them does not go, none is booked."""
    tasks = confirming.in_full(connection, held, [(each.task_id, each.quantity) for each in asked])
    mine: dict[int, Confirmation] = {}
    seen: set[str] = set()
    for n, each in enumerate(asked):
        task = tasks.get(each.task_id)
        if task is not None and not each.serials and not {each.task_id, each.fact.id} & seen and each.tour_id in (None, task.tour_id):
            mine[n] = replace(each, fact=replace(each.fact, site=task.site))
        # What is said later of the same task, or under the same key, must see what came of the first.
        seen |= {each.task_id, each.fact.id}
    if not mine:
        return {}
    try:
        with savepoint(connection):
            return _book(connection, held, mine, tasks)
    except BusyError:
        raise
    except DomainError:
        return {}


def _book(connection: Connection, held: Held, mine: dict[int, Confirmation], tasks: dict[str, Any]) -> dict[int, Result]:
    now = next(iter(mine.values())).fact.occurred_at
    results: dict[int, Result] = {}
    for n, stored in zip(mine, ledger.record_many(connection, [each.fact for each in mine.values()], now), strict=True):
        if isinstance(stored, DomainError):
            results[n] = stored
        elif stored.answer is not None:
            results[n] = Again(stored.answer)
    fresh = {n: each for n, each in mine.items() if n not in results}
    picks = [Pick(picking.Place(each.fact.id, each.fact.site, "list", each.fact.occurred_at), each.task_id, each.quantity) for each in fresh.values()]
    confirming.book(connection, held, picks, tasks)
    _tell_others(connection, list(fresh.values()), tasks)
    lit = [tasks[each.task_id] for each in fresh.values() if tasks[each.task_id].state == "lit" or tasks[each.task_id].lamp_dead]
    if lit:
        picking.put_out(connection, picks[0].spot.fact_id, lit, now)
    return results | dict.fromkeys(fresh, "full")


def _tell_others(connection: Connection, booked: Sequence[Confirmation], tasks: dict[str, Any]) -> None:
    """Let the other areas hear of the picks as if lights had said them."""
    said = []
    for each in booked:
        quantity, fact = Quantity(each.quantity), each.fact
        event = PickConfirmed(event_time=fact.occurred_at, station="list", task_id=each.task_id, quantity=quantity, requested=quantity, short=False)
        said.append((EventContext(fact.id, fact.site, tasks[each.task_id].gateway, "", "movements", 0, fact.occurred_at), event))
    for area, handler in collect_many()[PickConfirmed].items():
        if area != _AREA and said:
            handler(connection, said)
