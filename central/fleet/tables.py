# SPDX-License-Identifier: Apache-2.0
"""Tables of the fleet: gateways and the commands sent to them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, text

from central.database import Instant, metadata

gateway = Table(
    "gateway",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("site", String(64), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("enrolled_at", Instant, nullable=False),
    Column("online", Boolean, nullable=False),
    Column("boot_id", String, nullable=False, server_default=""),
    Column("session_id", String, nullable=False, server_default=""),
    Column("epoch", String, nullable=False, server_default=""),
    Column("version", String, nullable=False, server_default=""),
    Column("config_hash", String, nullable=False, server_default=""),
    Column("last_birth_at", Instant),
    Column("last_death_at", Instant),
    Column("last_seen_at", Instant),
    Column("pending_events", BigInteger),
    Column("oldest_pending_s", Integer),
    Column("rss_bytes", BigInteger),
    Column("disk_free_bytes", BigInteger),
    Column("devices_up", Integer),
    Column("devices_down", Integer),
)

device = Table(
    "device",
    metadata,
    Column("gateway", String(64), ForeignKey("gateway.id"), primary_key=True),
    Column("device", String(64), primary_key=True),
    Column("state", String, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("changed_at", Instant, nullable=False),
)

command = Table(
    "command",
    metadata,
    Column("id", String, primary_key=True),
    Column("gateway", String(64), ForeignKey("gateway.id"), nullable=False),
    Column("station", String(64), nullable=False),
    Column("kind", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("made_at", Instant, nullable=False),
    Column("deadline_at", Instant, nullable=False),
    Column("published_at", Instant),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("answered_at", Instant),
    CheckConstraint("state IN ('pending', 'done', 'refused', 'expired', 'unanswered')", name="ck_command_state"),
)
"""Commands down. `unanswered`: the deadline passed and nothing came back."""
Index("ix_command_pending", command.c.made_at, sqlite_where=text("state = 'pending'"), postgresql_where=text("state = 'pending'"))
