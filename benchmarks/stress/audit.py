# SPDX-License-Identifier: Apache-2.0
"""What must be true after the fire: every operation took effect exactly once, nothing is lost or negative, and doing it all again gives the same hash."""

from __future__ import annotations

import hashlib
import heapq
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from benchmarks.stress.operations import Operation, World, apply
from central.database import reading, transaction
from central.ledger import serials, units
from central.ledger.tables import answer, balance, entry, event, handling_unit, reservation
from central.ledger.verify import verify

_BALANCE = ("site", "place", "item", "lot", "owner", "status", "unit", "on_hand", "reserved", "expiry", "in_date")
_RESERVATION = ("line_id", "place", "item", "lot", "owner", "unit", "quantity", "taken", "state", "expiry")
_UNIT = ("sscc", "kind", "parent", "place", "state")


@dataclass
class Audit:
    """Findings (none: sound) and figures."""

    findings: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)


def state_hash(connection: Connection) -> str:
    """SHA-256 of all balances, reservations and units, whatever the numbers of their rows."""
    digest = hashlib.sha256()
    for table, names in ((balance, _BALANCE), (reservation, _RESERVATION), (handling_unit, _UNIT)):
        rows = sorted(repr(tuple(row)) for row in connection.execute(select(*(table.c[name] for name in names))))
        digest.update("\n".join(rows).encode() + b"\x00")
    return digest.hexdigest()


def examine(engine: Engine, operations: Sequence[Operation], acknowledged: Mapping[int, str]) -> Audit:
    """Look at the database after the run; `acknowledged` is what was answered first to each operation, by its number."""
    audit = Audit()
    with reading(engine) as connection:
        findings = verify(connection)
        audit.findings += findings.texts()
        audit.findings += [*units.check(connection), *serials.check(connection)]
        audit.findings += _not_exactly_once(connection, operations, acknowledged)
        audit.findings += _not_conserved(connection, operations)
        audit.findings += _ever_negative(connection)
        audit.figures |= {"events": findings.events, "entries": findings.entries, "balances": findings.balances, "reservations": findings.reservations}
        audit.figures["hash"] = state_hash(connection)
    return audit


def _answers(connection: Connection) -> dict[str, dict[str, Any]]:
    query = select(answer.c.event_id, answer.c.body).join(event, event.c.id == answer.c.event_id).where(event.c.source == "stress")
    return {row.event_id: json.loads(row.body) for row in connection.execute(query) if row.body.startswith(b"{")}


def _not_exactly_once(connection: Connection, operations: Sequence[Operation], acknowledged: Mapping[int, str]) -> Iterator[str]:
    answers = _answers(connection)
    for each in operations:
        said = acknowledged.get(each.number)
        kept = answers.get(each.id)
        if said is None:
            yield f"operation {each.number} ({each.what}) was never acknowledged"
        elif kept is None:
            yield f"operation {each.number} ({each.what}) was acknowledged ({said}) and is not in the database"
        elif said.startswith("refused") != ("refused" in kept) and said != "repeated":
            yield f"operation {each.number} ({each.what}) was answered {said}, the database says {kept}"


def _not_conserved(connection: Connection, operations: Sequence[Operation]) -> Iterator[str]:
    """What was received is there, went to customers, was lost, or was built in; nothing else changed any quantity."""
    answers = _answers(connection)
    received: dict[str, int] = defaultdict(int)
    for each in operations:
        if each.what == "receive" and "turns" in answers.get(each.id, {}):
            received[each.params["item"]] += int(each.params["quantity"])
    totals: dict[tuple[str, str], int] = {}
    for row in connection.execute(select(entry.c.item, entry.c.place, func.sum(entry.c.quantity).label("total")).group_by(entry.c.item, entry.c.place)):
        key = (row.item, row.place if row.place.startswith("@") else "stock")
        totals[key] = totals.get(key, 0) + int(row.total)
    for code, quantity in received.items():
        if -totals.get((code, "@vendor"), 0) != quantity:
            yield f"{code}: {quantity} received by acknowledged operations, the ledger says {-totals.get((code, '@vendor'), 0)}"
        there = totals.get((code, "stock"), 0)
        gone = sum(totals.get((code, virtual), 0) for virtual in ("@customer", "@loss", "@production"))
        if there + gone != quantity:
            yield f"{code}: {quantity} received, {there} in stock and {gone} gone"


def _ever_negative(connection: Connection) -> Iterator[str]:
    """The running total of each account over the turns of its fence never falls below zero between two operations."""
    account = ("place", "item", "lot", "owner", "status", "unit")
    change = func.sum(entry.c.quantity).label("change")
    query = select(*(entry.c[name] for name in account), entry.c.turn, change).where(~entry.c.place.startswith("@"))
    rows = connection.execute(query.group_by(*(entry.c[name] for name in account), entry.c.turn).order_by(*(entry.c[name] for name in account), entry.c.turn))
    running, last = 0, None
    for row in rows:
        key = tuple(row)[:6]
        running = int(row.change) + (running if key == last else 0)
        last = key
        if running < 0:
            yield f"{key}: {running} at turn {row.turn}"


def in_true_order(engine: Engine, operations: Sequence[Operation]) -> list[Operation]:
    """Applied operations in an order in which every fence was held in its true turns. Raises: ValueError: there is none, so two overlapped."""
    with reading(engine) as connection:
        answers = _answers(connection)
    by_number = {each.number: each for each in operations}
    turns: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for each in operations:
        for site, code, turn in answers.get(each.id, {}).get("turns", ()):
            turns[site, code].append((turn, each.number))
    after: dict[int, set[int]] = defaultdict(set)
    before: dict[int, int] = {each.number: 0 for each in operations if "turns" in answers.get(each.id, {})}
    for held in turns.values():
        held.sort()
        for (_, first), (_, second) in pairwise(held):
            if second not in after[first]:
                after[first].add(second)
                before[second] += 1
    ready = [number for number, count in before.items() if not count]
    heapq.heapify(ready)
    ordered: list[Operation] = []
    while ready:
        number = heapq.heappop(ready)
        ordered.append(by_number[number])
        for following in after[number]:
            before[following] -= 1
            if not before[following]:
                heapq.heappush(ready, following)
    if len(ordered) != len(before):
        raise ValueError(f"{len(before) - len(ordered)} operations overlapped: their fences were held in no common order")
    return ordered


def replay(engine: Engine, world: World, ordered: Sequence[Operation], at_once: int = 1) -> str:
    """Do the operations one after the other in an empty, migrated database; returns the hash of the state. Raises: AssertionError: one is refused now."""
    with transaction(engine) as connection:
        world.furnish(connection)
    for start in range(0, len(ordered), at_once):
        with transaction(engine) as connection:
            for each in ordered[start : start + at_once]:
                said = apply(connection, each)
                assert said == "applied", f"operation {each.number} ({each.what}) was applied in the run and is {said} in the replay"
    with reading(engine) as connection:
        return state_hash(connection)
