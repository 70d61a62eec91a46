# SPDX-License-Identifier: Apache-2.0
"""Copies of the whole database: made while the service runs, checked when they are made, and put back into an empty database only.

SQLite is copied by its own online backup, which gives one moment however much is written meanwhile. PostgreSQL is copied by `pg_dump -Fc`, which does the
same; its programs must be installed on the machine that makes the copy.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, delete, inspect, update
from sqlalchemy.engine import URL, make_url

from central import migrations
from central.database import open_engine, reading, transaction
from central.ingest.tables import ingest_worker, lease
from central.ledger.verify import Findings, verify

_PAGES_AT_ONCE = 2000
"""8 MiB between two looks at whether a writer waits."""


class BackupError(ValueError):
    """A copy that cannot be made or put back; the text says why and what to do."""


def back_up(url: str, file: Path) -> int:
    """Copy the database into a new file, whole and checked; returns its size in bytes. Raises: BackupError."""
    if file.exists():
        raise BackupError(f"{file} exists already; name a new file, so that no older copy is lost by a newer one that fails")
    if not file.parent.is_dir():
        raise BackupError(f"there is no folder {file.parent}; make it first")
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    parsed = make_url(url)
    try:
        if parsed.get_backend_name() == "sqlite":
            _copy_sqlite(_sqlite_file(parsed), unfinished)
            _check_sqlite(unfinished)
        else:
            _run("pg_dump", ["--format=custom", "--no-owner", "--no-privileges", f"--file={unfinished}", f"--dbname={_libpq(parsed)}"], parsed)
            _run("pg_restore", ["--list", str(unfinished)], parsed)
        unfinished.rename(file)
    finally:
        unfinished.unlink(missing_ok=True)
    return file.stat().st_size


def restore(file: Path, url: str) -> Findings:
    """Put a copy into an empty database, bring it to this program's revision and verify the ledger; returns what the verifier found.

    Nobody holds a partition of gateways afterwards, and every fence has moved on: a worker that still runs on what this database was before can commit nothing.
    Raises: BackupError: the copy is damaged or of a newer program, or the database is not empty.
    """
    if not file.is_file():
        raise BackupError(f"there is no file {file}")
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        target = _sqlite_file(parsed)
        if target.exists():
            raise BackupError(f"{target} exists already; move it away together with {target.name}-wal and {target.name}-shm, then restore into its place")
        _check_sqlite(file)
        _copy_sqlite(file, target)
    else:
        _refuse_unless_empty(url)
        _run("pg_restore", ["--exit-on-error", "--no-owner", "--no-privileges", "--single-transaction", f"--dbname={_libpq(parsed)}", str(file)], parsed)
    engine = open_engine(url)
    try:
        _upgrade(engine, file)
        _forget_workers(engine)
        with reading(engine) as connection:
            return verify(connection)
    finally:
        engine.dispose()


def copy_before_upgrade(url: str) -> Path | None:
    """A copy of a SQLite database beside it, when its schema is about to change; None when there is nothing to copy. Raises: BackupError."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not (source := _sqlite_file(parsed)).exists():
        return None
    copy = source.with_name(f"{source.name}.{datetime.now(UTC):%Y%m%dT%H%M%S}.backup")
    back_up(url, copy)
    return copy


def _sqlite_file(url: URL) -> Path:
    return Path(url.database or "")


def _copy_sqlite(source: Path, target: Path) -> None:
    if not source.is_file():
        raise BackupError(f"there is no database {source}")
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new, pages=_PAGES_AT_ONCE)
    except sqlite3.Error as error:
        raise BackupError(f"{source} could not be copied to {target}: {error}") from error


def _check_sqlite(file: Path) -> None:
    try:
        with closing(sqlite3.connect(file)) as connection:
            (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            known = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'").fetchone()[0]
    except sqlite3.Error as error:
        raise BackupError(f"{file} is no SQLite database or is damaged ({error}); take another copy") from error
    if said != "ok":
        raise BackupError(f"{file} is damaged ({said}); take another copy")
    if not known:
        raise BackupError(f"{file} is not a database of this program")


def _refuse_unless_empty(url: str) -> None:
    engine = open_engine(url)
    try:
        with reading(engine) as connection:
            tables = inspect(connection).get_table_names()
    finally:
        engine.dispose()
    if tables:
        raise BackupError(f"the database is not empty ({len(tables)} tables); make a new one with createdb and restore into that")


def _upgrade(engine: Engine, file: Path) -> None:
    known = migrations.known()
    at = migrations.current(engine)
    if at not in known:
        raise BackupError(f"{file} is at revision {at}, which this program does not know; restore it with the program that made it, or a newer one")
    migrations.upgrade(engine)


def _forget_workers(engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(delete(ingest_worker))
        connection.execute(update(lease).values(owner="", fence=lease.c.fence + 1))


def _libpq(url: URL) -> str:
    """The same database as PostgreSQL's own programs are told; the password goes by the environment, where `ps` does not show it."""
    return url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)


def _run(program: str, arguments: Sequence[str], url: URL) -> None:
    found = _newest(program)
    if found is None:
        raise BackupError(f"{program} is not installed here; install PostgreSQL's client programs (Debian: apt-get install postgresql-client)")
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"} | ({"PGPASSWORD": url.password} if url.password else {})
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False, env=environment)  # noqa: S603  # our own arguments, no shell
    if done.returncode:
        raise BackupError(f"{program} failed: {(done.stderr.strip() or 'it said nothing').splitlines()[-1]}")


def _newest(program: str) -> str | None:
    """The program itself where Debian keeps it by version, else what is on the path: one older than the server refuses to copy."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), key=lambda path: int(path.parts[-3]))
    return str(versions[-1]) if versions else shutil.which(program)
