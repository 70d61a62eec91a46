# SPDX-License-Identifier: Apache-2.0
"""Migrations of the database (Alembic): one chain for SQLite and PostgreSQL, run by `dockline central migrate` and at start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import IntegrityError

from central.database import open_engine, reading, transaction


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the database to the newest revision (or to one named); nothing happens if it is there already.

    Raises: sqlalchemy.exc.IntegrityError: after it a row of SQLite names another one that is not there; then nothing is changed.
    """
    config = _config()
    with _without_foreign_keys(engine) as migrating, transaction(migrating) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        _check_foreign_keys(connection)


@contextmanager
def _without_foreign_keys(engine: Engine) -> Iterator[Engine]:
    """SQLite changes a table by making it anew, which its foreign keys would refuse; the switch works outside a transaction only."""
    if engine.dialect.name != "sqlite":
        yield engine
        return
    migrating = open_engine(engine.url.render_as_string(hide_password=False))
    event.listen(migrating, "connect", lambda connection, _record: connection.execute("PRAGMA foreign_keys=OFF"))
    try:
        yield migrating
    finally:
        migrating.dispose()


def _check_foreign_keys(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise IntegrityError("PRAGMA foreign_key_check", None, ValueError(f"table {broken[0]}, row {broken[1]} names a row of {broken[2]} that is not there"))


@cache
def newest() -> str:
    """The newest revision that this program knows."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def current(engine: Engine) -> str | None:
    """The revision of the database; None for an empty one."""
    with reading(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()


@cache
def known() -> tuple[str, ...]:
    """All revisions that this program knows, newest first."""
    return tuple(each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions())


def downgrade(engine: Engine, revision: str) -> None:
    """Bring the database back to an older revision. What only the newer ones store is lost.

    Raises: NotImplementedError: a revision on the way cannot be undone in place; the text says what to do instead. sqlalchemy.exc.IntegrityError.
    """
    config = _config()
    with _without_foreign_keys(engine) as migrating, transaction(migrating) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
        _check_foreign_keys(connection)
