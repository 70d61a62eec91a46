# SPDX-License-Identifier: Apache-2.0
"""Tables of exceptions."""

from __future__ import annotations

from sqlalchemy import JSON, CheckConstraint, Column, Index, Integer, String, Table, Text, Uuid, text

from central.database import BigId, Instant, metadata

work_order = Table(
    "work_order",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("kind", String, nullable=False, comment="stable code: of a message, or of the domain error that stopped an event"),
    Column("subject", String, nullable=False, comment="what it is about: an SSCC, an order, a bin, an item"),
    Column("message", Text, nullable=False, comment="English"),
    Column("params", JSON, nullable=False),
    Column("about", JSON, nullable=False, server_default=text("'{}'"), comment="ids for programs: order, line, task, shipment"),
    Column("site", String, nullable=False, server_default=""),
    Column("station", String, nullable=False, server_default=""),
    Column("priority", Integer, nullable=False, server_default="3", comment="1 is the most urgent of 4"),
    Column("event_id", Uuid(as_uuid=False)),
    Column("state", String, nullable=False, server_default="open"),
    Column("owner", String, nullable=False, server_default=""),
    Column("resolution", Text, nullable=False, server_default=""),
    Column("resolved_with", String, nullable=False, server_default="", comment="code of the one-touch action that closed it"),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, comment="until when it must be settled, by its priority"),
    Column("resolved_at", Instant),
    Column("resolved_by", String, nullable=False, server_default=""),
    CheckConstraint("state IN ('open', 'resolved')", name="state_known"),
)
_OPEN = text("state = 'open'")
Index("uq_work_order_open", work_order.c.kind, work_order.c.subject, work_order.c.site, unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)
Index("ix_work_order_event", work_order.c.event_id)
