# SPDX-License-Identifier: Apache-2.0
"""Alembic's entry: runs revisions on the connection that `central.migrations.upgrade` opened."""

from __future__ import annotations

from alembic import context

from central.database import load_tables

context.configure(connection=context.config.attributes["connection"], target_metadata=load_tables(), render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
