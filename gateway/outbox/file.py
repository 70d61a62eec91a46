# SPDX-License-Identifier: Apache-2.0
"""The SQLite file under the outbox: opening, transactions, what errors mean, how big it is.

WAL and synchronous=FULL: what was committed survives a power cut. Pages of 512 bytes, because a commit costs whole pages, twice: once in the log and once when
the log is folded into the file. A single event needs one page; with 4096 bytes it would cost eight times as much (docs/decisions/0026).
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

from gateway.outbox.errors import OutboxDamagedError, OutboxFullError

PAGE_BYTES = 512
_LOG_BYTES = 2 * 1024 * 1024  # the longer the log, the fewer pages are written twice; it is also what a start after a power cut has to read
_PAGES_MIN = 256
_FILE_FACTOR = 1.5  # of the bytes allowed: pages are not quite full, and snapshots, answers and rewriting need room as well
_CACHE_KIB = 512
_FULL_ERRORS = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
_PASSING_ERRORS = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
)
_DAMAGE_ERRORS = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS movements (first INTEGER PRIMARY KEY, count INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS telemetry (first INTEGER PRIMARY KEY, count INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS telemetry_batch (first_seq INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, first_row INTEGER NOT NULL, last_row INTEGER NOT NULL,
  historical INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS acknowledged (upto INTEGER PRIMARY KEY, at_s INTEGER NOT NULL, bytes INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS snapshot (station TEXT PRIMARY KEY, state BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS command (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, outcome TEXT NOT NULL, reason TEXT NOT NULL);
"""
FORMAT = 2
"""`PRAGMA user_version` of this schema; 0 is that of the format before it, a row for each event."""


class File:
    """One open file. Raises `OutboxDamagedError` when SQLite cannot use it."""

    def __init__(self, path: Path, *, bytes_max: int) -> None:
        self.path = path
        self.bytes_max = bytes_max
        try:
            self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise OutboxDamagedError(f"{path} cannot be opened as an outbox: {error}; look at the folder and its rights") from error
        try:
            self._set_up()
        except sqlite3.Error as error:
            self.db.close()
            if is_full(error):
                raise OutboxFullError(f"the disk has no room for the outbox: {error}; free space or replace the card") from error
            raise OutboxDamagedError(f"{path} cannot be opened as an outbox: {error}") from error

    def _set_up(self) -> None:
        self.db.execute(f"PRAGMA page_size={PAGE_BYTES}")
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=FULL")
        self.db.execute(f"PRAGMA journal_size_limit={_LOG_BYTES}")
        self.db.execute(f"PRAGMA wal_autocheckpoint={_LOG_BYTES // PAGE_BYTES}")
        self.db.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        self.db.execute(f"PRAGMA max_page_count={max(_PAGES_MIN, int(self.bytes_max * _FILE_FACTOR) // PAGE_BYTES)}")
        if self.db.execute("PRAGMA user_version").fetchone() != (FORMAT,):
            self.db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version={FORMAT}; COMMIT;")

    def close(self) -> None:
        """Close the file; whatever was committed stays."""
        self.db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, durable at its end. Raises: OutboxFullError: the disk is full or fails; OutboxDamagedError: anything else."""
        try:
            self.db.execute("BEGIN IMMEDIATE")
            yield self.db
            self.db.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back(error)
        finally:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")

    def _roll_back(self, error: sqlite3.Error) -> NoReturn:
        if self.db.in_transaction:
            self.db.execute("ROLLBACK")
        if is_full(error):
            with contextlib.suppress(sqlite3.Error):  # give the log's room back if what it holds fits into the file, so that deleting goes on
                self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            raise OutboxFullError(f"the disk takes no more: {error}; free space or replace the card") from error
        raise OutboxDamagedError(f"the outbox cannot be written: {error}; start again, what can be read is saved then") from error

    @property
    def size_bytes(self) -> int:
        """Bytes of the pages in use."""
        (pages,), (free,) = self.db.execute("PRAGMA page_count").fetchone(), self.db.execute("PRAGMA freelist_count").fetchone()
        return int(pages - free) * PAGE_BYTES

    def meta(self) -> dict[str, str]:
        """All that is noted beside the events."""
        return dict(self.db.execute("SELECT key, value FROM meta"))

    def note(self, values: Mapping[str, object]) -> None:
        """Note values, inside of a transaction."""
        self.db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", ((key, str(value)) for key, value in values.items()))

    def forget(self, *keys: str) -> None:
        """Take notes away, inside of a transaction."""
        self.db.executemany("DELETE FROM meta WHERE key = ?", ((key,) for key in keys))


def is_full(error: sqlite3.Error) -> bool:
    """Whether the disk is full or fails, so that what was not written can be tried again."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _FULL_ERRORS


def is_passing(error: BaseException | None) -> bool:
    """Whether something else than the file is to blame: another program that uses it, rights, memory."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _PASSING_ERRORS


def is_damage(error: BaseException | None) -> bool:
    """Whether SQLite says that the file is not what was written."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE_ERRORS
