# SPDX-License-Identifier: Apache-2.0
"""The first schema: the tables of all areas, and triggers that keep events and entries as they were written."""

from __future__ import annotations

from alembic import op

from central.database import load_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_APPEND_ONLY = ("event", "entry", "block")


def upgrade() -> None:
    """Create the tables and the triggers."""
    connection = op.get_bind()
    load_tables().create_all(connection)
    if connection.dialect.name == "postgresql":
        _postgresql_triggers()
    else:
        _sqlite_triggers()


def _sqlite_triggers() -> None:
    for table in _APPEND_ONLY:
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} BEGIN "
                f"SELECT RAISE(ABORT, '{table} is append-only: correct it by another event'); END"
            )


def _postgresql_triggers() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '% is append-only: correct it by another event', TG_TABLE_NAME; END $$"
    )
    for table in _APPEND_ONLY:
        op.execute(f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")


def downgrade() -> None:
    """Drop everything."""
    connection = op.get_bind()
    load_tables().drop_all(connection)
    if connection.dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change()")
