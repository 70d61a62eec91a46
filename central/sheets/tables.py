# SPDX-License-Identifier: Apache-2.0
"""Tables of imports: what each changed, so that it can be undone."""

from __future__ import annotations

from sqlalchemy import JSON, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Uuid

from central.database import Instant, metadata

import_batch = Table(
    "import_batch",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("kind", String, nullable=False),
    Column("file_name", String, nullable=False, server_default=""),
    Column("actor", String, nullable=False, server_default=""),
    Column("made_at", Instant, nullable=False),
    Column("new", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("undone_at", Instant),
    Column("undone_by", String, nullable=False, server_default=""),
    CheckConstraint("new >= 0 AND changed >= 0 AND unchanged >= 0", name="counts_not_negative"),
)
Index("ix_import_batch_made", import_batch.c.made_at, import_batch.c.id)

import_change = Table(
    "import_change",
    metadata,
    Column("batch_id", Uuid(as_uuid=False), ForeignKey("import_batch.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("key", JSON, nullable=False, comment="values of the row's key, in their order"),
    Column("before", JSON(none_as_null=True), comment="the row before; empty: there was none"),
    Column("after", JSON, nullable=False),
)
