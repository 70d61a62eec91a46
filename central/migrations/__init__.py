# SPDX-License-Identifier: Apache-2.0
"""Migrations of the database (Alembic): one chain for SQLite and PostgreSQL, run by `dockline central migrate` and at start."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from central.database import reading, transaction


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def upgrade(engine: Engine) -> None:
    """Bring the database to the newest revision; nothing happens if it is there already."""
    config = _config()
    with transaction(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


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
