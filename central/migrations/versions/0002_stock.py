# SPDX-License-Identifier: Apache-2.0
"""Stock in full: catalogue, handling units, orders, waves and tours, packing and shipping, counts, webhooks."""

from __future__ import annotations

import importlib.util

import sqlalchemy as sa
from alembic import op

from central.database import load_tables

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("event", "entry", "block")


def upgrade() -> None:
    """Make the tables as they are declared now."""
    connection = op.get_bind()
    tables = load_tables()
    if connection.dialect.name == "postgresql":
        for name in sa.inspect(connection).get_table_names():
            if name != "alembic_version":
                op.execute(f"DROP TABLE {name} CASCADE")
        tables.create_all(connection)
        for table in _APPEND_ONLY:
            op.execute(f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
    else:
        # Drop children before parents: nothing is in them yet.
        reflected = sa.MetaData()
        reflected.reflect(connection)
        for table in reversed(reflected.sorted_tables):
            if table.name != "alembic_version":
                table.drop(connection)
        tables.create_all(connection)
        for name in _APPEND_ONLY:
            for action in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {name}_no_{action.lower()} BEFORE {action} ON {name} BEGIN "
                    f"SELECT RAISE(ABORT, '{name} is append-only: correct it by another event'); END"
                )
    if importlib.util.find_spec("central.ledger.triggers"):
        from central.ledger.triggers import install

        install(connection)
