# SPDX-License-Identifier: Apache-2.0
"""Stock and value at past moments over 10 million entries of a year, on PostgreSQL, and over 2 million on SQLite.

5,000 items in 100,000 accounts at three sites; one event in fifty was recorded three days late. The entries are made by the database itself; the monthly
snapshots by the program, as the service does. Asked are moments all over the year and those farthest from a snapshot, by what was recorded and by what
occurred: quantity and value of every item (5,000 rows), of every site, and of each account of one item. Beside it one full sum over the entries, which the
answer must equal. Milliseconds: medians and the worst of all moments. The cluster does not fsync: nothing measured here writes.
Run: python -m benchmarks as_of.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, select, text

from central.database import micros, open_engine, reading, transaction
from central.ledger import past
from central.ledger.housekeeping import snapshot_once
from central.ledger.tables import entry
from central.migrations import upgrade
from tests import servers

START, YEAR = datetime(2025, 1, 1, tzinfo=UTC), timedelta(days=365)
POSTGRESQL_ENTRIES, SQLITE_ENTRIES = 10_000_000, 2_000_000
_PER_EVENT, _ACCOUNTS, _ITEMS, _LATE_EVERY = 100, 100_000, 5_000, 50
"""Entries of an event, accounts in all, items in all, and of how many events one was recorded three days late."""
_MOMENTS = 12
_FARTHEST = (timedelta(days=14, hours=12), timedelta(days=15, hours=12), timedelta(days=45), timedelta(days=196, hours=12))
"""After the start: as far from any snapshot as a moment can be, just before and just after the middle of a month of 31 days and elsewhere."""

_EVENTS_POSTGRESQL = """
INSERT INTO event (id, site, source, kind, body, body_hash, actor, occurred_at, recorded_at)
SELECT md5('e' || g)::uuid, 's0', 'bench', 'Bench', ''::bytea, ''::bytea, 'bench',
       :start + g * :step - CASE WHEN g % :late = 0 THEN 259200000000 ELSE 0 END, :start + g * :step FROM generate_series(0::bigint, :events - 1) g
"""
_ENTRIES = """
INSERT INTO entry (event_id, n, place, item, lot, owner, status, unit, quantity, value_minor, occurred_at, recorded_at)
SELECT {id}, i % :per_event,
       CASE WHEN i % 2 = 1 THEN '@vendor' ELSE 's' || (i / 2 % :accounts % 3) || '/bin-' || (i / 2 % :accounts % 997) END,
       'item-' || (i / 2 % :accounts % :items), 'L' || (i / 2 % :accounts / :items), '', 'available', '',
       (CASE WHEN i % 2 = 1 THEN -1 ELSE 1 END) * (CASE WHEN i / 2 / :accounts % 2 = 0 THEN 10 ELSE -4 END),
       (CASE WHEN i % 2 = 1 THEN -1 ELSE 1 END) * (CASE WHEN i / 2 / :accounts % 2 = 0 THEN 2500 ELSE -1000 END),
       :start + i / :per_event * :step - CASE WHEN i / :per_event % :late = 0 THEN 259200000000 ELSE 0 END, :start + i / :per_event * :step
FROM {numbers}
"""
_NUMBERS_SQLITE = "(WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i + 1 < :entries) SELECT i FROM c)"


def _parameters(entries: int) -> dict[str, int]:
    events = entries // _PER_EVENT
    step = YEAR // events // timedelta(microseconds=1)
    sizes = {"per_event": _PER_EVENT, "accounts": _ACCOUNTS, "items": _ITEMS, "late": _LATE_EVERY}
    return {"start": micros(START), "events": events, "entries": entries, "step": step, **sizes}


def _fill_postgresql(connection: Connection, entries: int) -> None:
    """With the indexes made afterwards, as a restore does."""
    made = connection.execute(text("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'entry' AND indexname <> 'pk_entry'")).all()
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    connection.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
    for row in made:
        connection.execute(text(f'DROP INDEX "{row.indexname}"'))
    connection.execute(text(_EVENTS_POSTGRESQL), _parameters(entries))
    filling = _ENTRIES.format(id="md5('e' || i / :per_event)::uuid", numbers="generate_series(0::bigint, :entries - 1) i")
    connection.execute(text(filling), _parameters(entries))
    for row in made:
        connection.execute(text(row.indexdef))


def _fill_sqlite(connection: Connection, entries: int) -> None:
    connection.execute(text("PRAGMA defer_foreign_keys = ON"))
    ids = "substr('00000000000000000000000000000000' || (i / :per_event), -32)"
    connection.execute(text(_ENTRIES.format(id=ids, numbers=_NUMBERS_SQLITE)), _parameters(entries))
    parameters = _parameters(entries)
    late = parameters["late"]
    rows = [
        (f"{n:032}", "s0", "bench", "Bench", b"", b"", "bench", parameters["start"] + n * parameters["step"] - (0 if n % late else 259_200_000_000), at)
        for n in range(parameters["events"])
        for at in (parameters["start"] + n * parameters["step"],)
    ]
    names = "id, site, source, kind, body, body_hash, actor, occurred_at, recorded_at"
    connection.exec_driver_sql(f"INSERT INTO event ({names}) VALUES (?,?,?,?,?,?,?,?,?)", rows)


def furnish(engine: Engine, entries: int) -> float:
    """A year of entries and all its snapshots; returns the seconds that one snapshot took."""
    upgrade(engine)
    postgres = engine.dialect.name == "postgresql"
    with transaction(engine) as connection:
        (_fill_postgresql if postgres else _fill_sqlite)(connection, entries)
    with engine.connect().execution_options(**({"isolation_level": "AUTOCOMMIT"} if postgres else {})) as connection:
        connection.execute(text("VACUUM ANALYZE" if postgres else "ANALYZE"))
    started, taken = time.perf_counter(), 0
    while made := snapshot_once(engine, START + YEAR + timedelta(days=3)):
        taken += made
    with engine.connect().execution_options(**({"isolation_level": "AUTOCOMMIT"} if postgres else {})) as connection:
        connection.execute(text("VACUUM ANALYZE stock_snapshot" if postgres else "ANALYZE"))
    return (time.perf_counter() - started) / max(taken, 1)


def _ask(engine: Engine, at: datetime, by: past.Basis, group: tuple[str, ...], where: past.Where | None = None) -> tuple[float, list[Any]]:
    started = time.perf_counter()
    with reading(engine) as connection:
        rows = list(connection.execute(past.as_of(connection, at, by, where, group)))
    return (time.perf_counter() - started) * 1000, rows


def _full(engine: Engine, at: datetime, by: past.Basis) -> tuple[float, dict[str, tuple[int, int]]]:
    column = entry.c.recorded_at if by == "recorded" else entry.c.occurred_at
    query = select(entry.c.item, func.sum(entry.c.quantity), func.sum(entry.c.value_minor)).where(column <= at, ~entry.c.place.startswith("@"))
    started = time.perf_counter()
    with reading(engine) as connection:
        rows = connection.execute(query.group_by(entry.c.item)).all()
    return (time.perf_counter() - started) * 1000, {item: (int(quantity), int(value)) for item, quantity, value in rows}


def measure(engine: Engine, entries: int) -> dict[str, float]:
    """Milliseconds of answers. Raises: AssertionError: an answer differs from the sum over all entries."""
    snapshot_s = furnish(engine, entries)
    chance = random.Random(3)
    moments = [*(START + YEAR * chance.random() for _ in range(_MOMENTS)), *(START + after for after in _FARTHEST)]
    questions: dict[str, Callable[[datetime, past.Basis], float]] = {
        "by_item": lambda at, by: _ask(engine, at, by, ("item",))[0],
        "by_site": lambda at, by: _ask(engine, at, by, ("site",))[0],
        "one_item_by_account": lambda at, by: _ask(engine, at, by, past.ACCOUNT, past.Where(item="item-77"))[0],
    }
    found: dict[str, float] = {"entries": entries, "take_snapshot_s": snapshot_s}
    for by in past.BASES:
        for name, question in questions.items():
            times = [question(at, by) for at in moments]
            found |= {f"{by}_{name}_ms": statistics.median(times), f"{by}_{name}_ms_max": max(times)}
        full_ms, expected = _full(engine, moments[0], by)
        assert {row.item: (row.quantity, row.value_minor) for row in _ask(engine, moments[0], by, ("item",))[1]} == {
            k: v for k, v in expected.items() if any(v)
        }
        found[f"{by}_full_sum_ms"] = full_ms
    return found


@contextmanager
def _databases() -> Iterator[dict[str, tuple[Engine, int]]]:
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix="tmp-") as folder, servers.postgres() as url:
        engines = {"postgresql": (open_engine(url), POSTGRESQL_ENTRIES), "sqlite": (open_engine(f"sqlite:///{folder}/x.db"), SQLITE_ENTRIES)}
        try:
            yield engines
        finally:
            for engine, _ in engines.values():
                engine.dispose()


def run(repeats: int) -> dict[str, dict[str, float]]:
    """By database. The questions are repeated by asking many moments; `repeats` is not used, filling takes too long."""
    with _databases() as engines:
        return {name: {key: round(value, 2) for key, value in measure(engine, entries).items()} for name, (engine, entries) in engines.items()}
