# SPDX-License-Identifier: Apache-2.0
"""Facts of the ledger: stored once, with the answer that was given to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, insert, select

from central.bulk import insert_rows, keys_of, listed
from central.database import insert_or_leave, micros
from central.errors import ConflictError, NotFoundError
from central.ledger.rules import Fact
from central.ledger.tables import answer, event


@dataclass(frozen=True, slots=True)
class Recorded:
    """A stored fact. `already`: it was stored before with the same content; `answer` is then what was answered, if anything was kept."""

    fact_id: str
    already: bool = False
    answer: bytes | None = None


@dataclass(frozen=True, slots=True)
class FactTimes:
    """When a fact happened and when it was recorded, microseconds since 1970."""

    occurred: int
    recorded: int


def record(connection: Connection, fact: Fact, now: datetime) -> Recorded:
    """Store a fact once.

    Raises: ConflictError: the id, or the source's sequence number, is stored with other content.
    """
    # The count of inserted rows is not known with every driver; a returned position is.
    insertion = insert_or_leave(connection, event).values(**_event_row(fact, now)).on_conflict_do_nothing().returning(event.c.position)
    if connection.execute(insertion).scalar() is None:
        return _recorded_before(connection, fact)
    _remember(connection, [fact], now)
    return Recorded(fact.id)


def record_new(connection: Connection, facts: Sequence[Fact], now: datetime) -> None:
    """Store facts that are known to be new, in bulk by the driver's own fast way (SQLAlchemy's costs 2 to 9 times as much per row).

    Raises: sqlalchemy.exc.IntegrityError: one was stored before.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_NEW_FACTS_POSTGRESQL, _arrays(facts, now))
    else:
        connection.exec_driver_sql(_NEW_FACTS_SQLITE, [(row[0].replace("-", ""), *row[1:]) for row in _event_rows(facts, now)])
    _remember(connection, facts, now)


def record_many(connection: Connection, facts: Sequence[Fact], now: datetime) -> list[Recorded | ConflictError]:
    """Store facts of different ids, each as `record` does; what `record` would raise for one of them stands in its place."""
    before = _known(connection, [fact.id for fact in facts])
    new = sorted((fact for fact in facts if fact.id not in before), key=lambda fact: fact.id)
    if connection.dialect.name == "postgresql":
        # In the order of their ids, so that two transactions with the same facts wait for each other in the same order.
        stored = set(connection.exec_driver_sql(_NEW_FACTS_POSTGRESQL + _OR_LEAVE, _arrays(new, now)).scalars()) if new else set()
        new = [fact for fact in new if fact.id in stored]
        _remember(connection, new, now)
    elif new:
        record_new(connection, new, now)
    made = {fact.id for fact in new}
    return [Recorded(fact.id) if fact.id in made else _same_or_conflict(connection, fact, before.get(fact.id)) for fact in facts]


_NEW_FACTS_COLUMNS = "id, site, source, source_seq, kind, body, body_hash, actor, occurred_at, recorded_at"
_NEW_FACTS_SQLITE = f"INSERT INTO event ({_NEW_FACTS_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  # names of our own columns
_NEW_FACTS_POSTGRESQL = (
    f"INSERT INTO event ({_NEW_FACTS_COLUMNS}) SELECT * FROM unnest("  # noqa: S608  # names of our own columns
    "%s::uuid[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::bytea[], %s::bytea[], %s::text[], %s::bigint[], %s::bigint[])"
)
_OR_LEAVE = " ON CONFLICT DO NOTHING RETURNING id::text"


def _event_rows(facts: Sequence[Fact], now: datetime) -> list[tuple[Any, ...]]:
    recorded = micros(now)
    return [
        (each.id, each.site, each.source, each.source_seq, each.kind, each.body, each.body_hash, each.actor, micros(each.occurred_at), recorded)
        for each in facts
    ]


def _arrays(facts: Sequence[Fact], now: datetime) -> tuple[list[Any], ...]:
    return tuple(list(column) for column in zip(*_event_rows(facts, now), strict=True))


def _event_row(fact: Fact, now: datetime) -> dict[str, Any]:
    return {
        "id": fact.id,
        "site": fact.site,
        "source": fact.source,
        "source_seq": fact.source_seq,
        "kind": fact.kind,
        "body": fact.body,
        "body_hash": fact.body_hash,
        "actor": fact.actor,
        "occurred_at": fact.occurred_at,
        "recorded_at": now,
    }


def _remember(connection: Connection, facts: Sequence[Fact], now: datetime) -> None:
    """Keep for the rest of the transaction when facts happened, and that they have no entries yet."""
    times, entries, recorded = connection.info["dockline_facts"], connection.info["dockline_entries"], micros(now)
    for fact in facts:
        times[fact.id] = FactTimes(micros(fact.occurred_at), recorded)
        entries[fact.id] = 0


def times_of(connection: Connection, fact_ids: Sequence[str]) -> Mapping[str, FactTimes]:
    """When facts happened and were recorded. Raises: NotFoundError: one is not recorded."""
    known: dict[str, FactTimes] = connection.info["dockline_facts"]
    missing = [fact_id for fact_id in set(fact_ids) if fact_id not in known]
    if missing:
        for row in connection.execute(select(event.c.id, event.c.occurred_at, event.c.recorded_at).where(event.c.id.in_(missing))):
            known[row.id] = FactTimes(micros(row.occurred_at), micros(row.recorded_at))
        for fact_id in missing:
            if fact_id not in known:
                raise NotFoundError("unknown_fact", f"fact {fact_id} is not recorded; record it before posting")
    return known


_BEFORE = select(event.c.id, event.c.kind, event.c.body_hash, answer.c.body).outerjoin(answer, answer.c.event_id == event.c.id)


def _known(connection: Connection, fact_ids: Sequence[str]) -> dict[str, Any]:
    return {row.id: row for row in connection.execute(_known_facts(connection.dialect.name), {"facts": keys_of(connection, event.c.id, fact_ids)})}


@cache
def _known_facts(dialect: str) -> Select[Any]:
    return _BEFORE.where(listed(dialect, event.c.id, "facts"))


def recorded_before(connection: Connection, facts: Sequence[Fact]) -> dict[str, Recorded | ConflictError]:
    """Which of the facts are stored already, by id: what `record` would say of them. Those that are new are left out."""
    before = _known(connection, [fact.id for fact in facts])
    return {fact.id: _same_or_conflict(connection, fact, before[fact.id]) for fact in facts if fact.id in before}


def _recorded_before(connection: Connection, fact: Fact) -> Recorded:
    result = _same_or_conflict(connection, fact, None)
    if isinstance(result, ConflictError):
        raise result
    return result


def _same_or_conflict(connection: Connection, fact: Fact, row: Any) -> Recorded | ConflictError:
    row = row or connection.execute(_BEFORE.where(event.c.id == fact.id)).one_or_none()
    if row is None:
        return ConflictError("sequence_reused", f"number {fact.source_seq} of {fact.source} is stored under another id; give every message its own number")
    if row.body_hash != fact.body_hash or row.kind != fact.kind:
        return ConflictError("identity_reused", f"id {fact.id} is stored with other content ({row.kind}); use a new id for a new request")
    return Recorded(fact.id, already=True, answer=row.body)


def keep_answer(connection: Connection, fact_id: str, body: bytes) -> None:
    """Keep what is answered to a fact, to be answered again when it comes again."""
    connection.execute(insert(answer).values(event_id=fact_id, body=body))


def keep_answers(connection: Connection, answers: Mapping[str, bytes]) -> None:
    """As `keep_answer`, for many facts by their ids."""
    insert_rows(connection, answer, ("event_id", "body"), list(answers.items()))
