# SPDX-License-Identifier: Apache-2.0
"""The migrated schema is the one that the tables declare, on both databases; migrating again changes nothing."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine

from central import migrations
from central.database import load_tables, reading


def test_migrated_schema_is_what_the_tables_declare(engine: Engine) -> None:
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), load_tables()) == []


def test_migrating_again_changes_nothing(engine: Engine) -> None:
    migrations.upgrade(engine)

    assert migrations.current(engine) == migrations.newest()
