# SPDX-License-Identifier: Apache-2.0
"""The database: one code base on SQLite and PostgreSQL. Engines, transactions for use cases, reading for queries, the type of instants."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import BigInteger, Connection, Dialect, Engine, Integer, MetaData, Table, create_engine, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.types import TypeDecorator

from central.errors import BusyError

T = TypeVar("T")

AREAS = (
    "identity",
    "webhooks",
    "sheets",
    "catalog",
    "ledger",
    "exceptions",
    "fleet",
    "ingest",
    "inbound",
    "stock",
    "outbound",
    "shipping",
    "counting",
    "planning",
    "coldchain",
    "trace",
    "analytics",
)
"""Packages of central that may have tables, routes and handlers, in the order in which they may call each other (later ones call earlier ones)."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BigId = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit number that SQLite can hand out by itself."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BUSY_S = 30.0
"""A writer of SQLite waits so long for its turn."""
_RETRY_SQLSTATES = frozenset({"40P01", "40001", "55P03"})
"""deadlock_detected, serialization_failure, lock_not_available: PostgreSQL documentation, appendix A."""
_writers: WeakKeyDictionary[Any, threading.Lock] = WeakKeyDictionary()


def micros(at: datetime) -> int:
    """Microseconds since 1970 of an aware instant. Raises: ValueError: the instant is naive."""
    if at.tzinfo is None:
        raise ValueError(f"instant {at.isoformat()} has no time zone; pass an aware datetime")
    return (at - _EPOCH) // _MICROSECOND


def instant(value: int) -> datetime:
    """The aware UTC instant of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=value)


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant, kept as microseconds since 1970 on both databases, so that both compare and order alike."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: D102  # signature is SQLAlchemy's
        return None if value is None else micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: D102  # signature is SQLAlchemy's
        return None if value is None else instant(value)


def load_tables() -> MetaData:
    """Import the tables of every area that has any; returns the shared metadata."""
    for area in AREAS:
        if importlib.util.find_spec(f"central.{area}") and importlib.util.find_spec(f"central.{area}.tables"):
            importlib.import_module(f"central.{area}.tables")
    return metadata


def open_engine(url: str) -> Engine:
    """An engine for `sqlite:///FILE` or `postgresql+psycopg://...`; nothing is connected yet.

    SQLite runs in WAL with synchronous FULL: a committed transaction survives a power cut. An in-memory SQLite is refused (each connection would see its own).
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise ValueError(f"database {url!r} is in memory; give a file: sqlite:///dockline.db")
        return _remember_fences(_sqlite_engine(url))
    if parsed.get_backend_name() == "postgresql":
        # Compiling a query to machine code costs a sum over a month of entries a third more processor time than it saves.
        options = "-c lock_timeout=10s -c idle_in_transaction_session_timeout=60s -c timezone=UTC -c jit=off"
        parsed = parsed.set(drivername="postgresql+psycopg")
        # The connection used last is used next: it has its statements prepared.
        pool: dict[str, Any] = {"pool_size": 10, "max_overflow": 20, "pool_pre_ping": True, "pool_use_lifo": True}
        return _remember_fences(create_engine(parsed, connect_args={"options": options}, **pool))
    raise ValueError(f"database {url!r} is neither sqlite:///FILE nor postgresql+psycopg://HOST/NAME")


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _BUSY_S})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver must not begin transactions by itself: it would begin deferred ones, which can fail when they first write.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "journal_size_limit=67108864", "cache_size=-32768"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("dockline_reading") else "BEGIN IMMEDIATE")


def _remember_fences(engine: Engine) -> Engine:
    """A savepoint that is rolled back gives up the row locks taken since; then the connection must not believe that it holds those fences."""

    # SQLAlchemy names a savepoint only after this event, so they are kept as a stack: savepoints end in the reverse order of their beginning.
    def begun(connection: Connection, _name: str | None) -> None:
        connection.info.setdefault("dockline_savepoints", []).append(dict(connection.info.get("dockline_fences", {})))

    def rolled_back(connection: Connection, _name: str, _context: None) -> None:
        held = connection.info["dockline_savepoints"].pop()
        if "dockline_fences" in connection.info:
            connection.info["dockline_fences"].clear()
            connection.info["dockline_fences"].update(held)

    def released(connection: Connection, _name: str, _context: None) -> None:
        connection.info["dockline_savepoints"].pop()

    event.listen(engine, "savepoint", begun)
    event.listen(engine, "rollback_savepoint", rolled_back)
    event.listen(engine, "release_savepoint", released)
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A write transaction for one use case: commits at the end, rolls back on any exception.

    It does not try again by itself (see `in_transaction`).
    Raises: BusyError: the database gave up a lock wait or chose this transaction to resolve a deadlock; doing it again may work.
    """
    with _writer_turn(engine):
        try:
            with engine.begin() as connection:
                connection.info["dockline_fences"] = {}
                connection.info["dockline_entries"] = {}
                connection.info["dockline_facts"] = {}
                connection.info["dockline_reserved"] = itertools.count()
                connection.info["dockline_savepoints"] = []
                yield connection
        except DBAPIError as error:
            if is_transient(error):
                raise BusyError from error
            raise


@contextmanager
def _writer_turn(engine: Engine) -> Iterator[None]:
    # SQLite has one writer at a time. Waiting here is fair and wakes at once; its own busy handler sleeps in growing steps.
    if engine.dialect.name != "sqlite":
        yield
        return
    lock = _writers.setdefault(engine.pool, threading.Lock())
    if not lock.acquire(timeout=_BUSY_S):
        raise BusyError
    try:
        yield
    finally:
        lock.release()


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """A part of a transaction that is undone alone when it raises; the fences that it took are given up with it."""
    with connection.begin_nested():
        yield


def take_turns(connection: Connection, name: str) -> None:
    """Transactions that say the same name come one after the other from here to their ends. SQLite has one writer at a time anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def insert_or_leave(connection: Connection, table: Table) -> Any:
    """An insert that can name its conflicts (`on_conflict_do_nothing`, `on_conflict_do_update`); both dialects spell it alike."""
    return insert_for(connection.dialect.name, table)


def insert_for(dialect: str, table: Table) -> Any:
    """The same for a statement that is built once and kept: to build one costs more than SQLite needs to run it."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def in_transaction(engine: Engine, work: Callable[[Connection], T], attempts: int = 6) -> T:
    """Run `work` in a write transaction, again from the start when the database was busy; at most `attempts` times.

    `work` must change nothing but the database. Raises: BusyError: still busy after the last attempt.
    """
    for attempt in range(attempts):
        try:
            with transaction(engine) as connection:
                return work(connection)
        except BusyError:
            if attempt + 1 == attempts:
                raise
            time.sleep(0.01 * 2**attempt)
    raise BusyError


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A read-only transaction on one consistent snapshot, for queries."""
    options: dict[str, Any] = {"dockline_reading": True}
    if engine.dialect.name == "postgresql":
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect() as plain:
        connection = plain.execution_options(**options)
        connection.info["dockline_savepoints"] = []
        with connection.begin():
            yield connection


def is_transient(error: DBAPIError) -> bool:
    """Whether doing the whole transaction again may work (deadlock, serialization, lock wait given up, SQLite busy)."""
    if getattr(error.orig, "sqlstate", None) in _RETRY_SQLSTATES:
        return True
    return isinstance(error, OperationalError) and "database is locked" in str(error.orig)
