# SPDX-License-Identifier: Apache-2.0
"""Ingest: events per second through the real transaction (decode, mark, event rows, savepoint, handler), beside a raw bulk insert of the same rows.

`stored` has no handler (telemetry that nobody acts on); `posted` posts a double entry for each event (fence, entries, balance). The raw insert is what the
driver does best without keys or checks: executemany on SQLite, COPY on PostgreSQL. All take turns in one run, ten messages of fifty events in a
transaction, synced to disk; medians of the repeats, ratios within a repeat. Run: python -m benchmarks ingest.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, insert, text

from central.catalog.tables import item, location
from central.database import micros, open_engine, transaction
from central.ingest.groups import Group, take_group
from central.ingest.registry import EventContext
from central.ingest.service import Door, Message, read_message
from central.ledger.service import Account, Leg, lock, post
from central.migrations import upgrade
from contracts import wire
from contracts.events import Event, ItemScanned
from contracts.readings import Identifiers
from contracts.topics import GatewayAddress, partition_of
from contracts.wire import Batch
from tests import servers

_EVENTS, _BATCH, _GROUP = 5_000, 50, 10
_ITEMS = 200
_ADDRESS = GatewayAddress(partition_of("s1"), "s1", "g1")


def _messages(epoch: str) -> list[Message]:
    """The events as a gateway would send them; decoding the envelope is part of the measurement's input, decoding the events is measured."""
    now, messages = datetime.now(UTC), []
    for first in range(1, _EVENTS + 1, _BATCH):
        events = [
            ItemScanned(seq=seq, event_time=now, station="scan-1", text=f"0104006381333931{seq:08d}", identifiers=Identifiers(gtin="04006381333931"))
            for seq in range(first, first + _BATCH)
        ]
        batch = Batch(gateway="g1", epoch=epoch, lane="movements", first_seq=first, events=[msgspec.Raw(wire.encode(event)) for event in events])
        messages.append(read_message(_ADDRESS.topic("up/movements"), _ADDRESS, "movements", wire.encode(batch)))
    return messages


def _post_one(connection: Connection, context: EventContext, _event: ItemScanned) -> None:
    code = f"item-{context.seq % _ITEMS}"
    lock(connection, [("s1", code)])
    account = Account("s1/a", code)
    post(connection, context.fact_id, [Leg(account.at("@vendor"), -1), Leg(account, 1)])


def _no_work_order(*_: object, **_named: object) -> None:
    raise AssertionError("nothing may go wrong in a benchmark")


def _ingest(engine: Engine, handlers: dict[type[Event], tuple[Any, ...]]) -> float:
    door, messages = Door(handlers, _no_work_order), _messages(str(uuid.uuid4()))
    started_s = time.perf_counter()
    for start in range(0, len(messages), _GROUP):
        taken = take_group(engine, Group(messages=messages[start : start + _GROUP]), door, lambda: datetime.now(UTC))
        assert sum(each.applied for each in taken) == _GROUP * _BATCH
    return _EVENTS / (time.perf_counter() - started_s)


def _rows() -> list[tuple[Any, ...]]:
    now = micros(datetime.now(UTC))
    body = wire.encode(ItemScanned(seq=1, event_time=datetime.now(UTC), station="scan-1", text="010400638133393100000001"))
    return [(str(uuid.uuid4()), "s1", "g1/e/movements", seq, "ItemScanned", body, body[:32], "g1", now, now) for seq in range(_EVENTS)]


def _raw_sqlite(engine: Engine, rows: Sequence[tuple[Any, ...]]) -> None:
    with transaction(engine) as connection:
        connection.exec_driver_sql("INSERT INTO raw VALUES (?,?,?,?,?,?,?,?,?,?)", list(rows))


def _raw_postgres(engine: Engine, rows: Sequence[tuple[Any, ...]]) -> None:
    with transaction(engine) as connection:
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy("COPY raw FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


def _raw(engine: Engine) -> float:
    write: Callable[[Engine, Sequence[tuple[Any, ...]]], None] = _raw_postgres if engine.dialect.name == "postgresql" else _raw_sqlite
    rows, step = _rows(), _BATCH * _GROUP
    started_s = time.perf_counter()
    for start in range(0, len(rows), step):
        write(engine, rows[start : start + step])
    return _EVENTS / (time.perf_counter() - started_s)


def _prepare(engine: Engine) -> None:
    upgrade(engine)
    blob = "bytea" if engine.dialect.name == "postgresql" else "blob"
    with transaction(engine) as connection:
        columns = f"id text, site text, source text, source_seq bigint, kind text, body {blob}, body_hash {blob}, actor text, a bigint, b bigint"
        connection.execute(text(f"CREATE TABLE raw ({columns})"))
        connection.execute(insert(item), [{"code": f"item-{n}", "name": "x"} for n in range(_ITEMS)])
        connection.execute(insert(location).values(place="s1/a", site="s1", code="a", kind="bin"))


@contextmanager
def _databases() -> Iterator[dict[str, Engine]]:
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix="tmp-") as folder, servers.postgres(durable=True) as url:
        engines = {"sqlite": open_engine(f"sqlite:///{folder}/x.db"), "postgresql": open_engine(url)}
        try:
            yield engines
        finally:
            for engine in engines.values():
                engine.dispose()


def _once(engine: Engine) -> dict[str, float]:
    rates = {"raw_insert": _raw(engine), "stored": _ingest(engine, {}), "posted": _ingest(engine, {ItemScanned: (_post_one,)})}
    return {f"{name}_events_per_s": rate for name, rate in rates.items()} | {
        "stored_to_raw": rates["stored"] / rates["raw_insert"],
        "posted_to_raw": rates["posted"] / rates["raw_insert"],
    }


def run(repeats: int) -> dict[str, dict[str, float]]:
    """Medians by database; `*_to_raw` are medians of the ratios within each repeat."""
    with _databases() as engines:
        for engine in engines.values():
            _prepare(engine)
            _once(engine)
        rounds = [{name: _once(engine) for name, engine in engines.items()} for _ in range(repeats)]
    return {name: {key: round(statistics.median(each[name][key] for each in rounds), 3) for key in rounds[0][name]} for name in engines}
