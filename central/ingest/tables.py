# SPDX-License-Identifier: Apache-2.0
"""Tables of ingest: how far each lane is taken, and what could not be read or applied."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, PrimaryKeyConstraint, String, Table, Text, UniqueConstraint, text

from central.database import BigId, Instant, metadata

mark = Table(
    "mark",
    metadata,
    Column("gateway", String(64), nullable=False),
    Column("epoch", String, nullable=False),
    Column("lane", String, nullable=False),
    Column("upto", BigInteger, nullable=False),
    Column("applied", BigInteger, nullable=False, server_default=text("0")),
    Column("excepted", BigInteger, nullable=False, server_default=text("0")),
    Column("quarantined", BigInteger, nullable=False, server_default=text("0")),
    Column("duplicates", BigInteger, nullable=False, server_default=text("0")),
    Column("missing", BigInteger, nullable=False, server_default=text("0")),
    Column("moved_at", Instant, nullable=False),
    PrimaryKeyConstraint("gateway", "epoch", "lane"),
)
"""The high-water mark of a lane: all events up to `upto` are committed. applied + quarantined + missing = upto; `excepted` of the applied became work orders;
`duplicates` came again and were refused; `missing` were deleted by the gateway after an acknowledgement that this database has forgotten."""

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("topic", String, nullable=False),
    Column("gateway", String, nullable=False),
    Column("epoch", String, nullable=False, server_default=""),
    Column("lane", String, nullable=False, server_default=""),
    Column("seq", BigInteger, nullable=False, server_default=text("0")),
    Column("reason", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("body_hash", LargeBinary, nullable=False),
    Column("came_at", Instant, nullable=False),
    UniqueConstraint("topic", "epoch", "seq", "body_hash"),
)
"""What could not be read or applied, with its bytes as they came. `seq` is 0 for a whole message."""
Index("ix_quarantine_came_at", quarantine.c.came_at)
