# SPDX-License-Identifier: Apache-2.0
"""Tables of ingest: how far each lane is taken, what is missing, what could not be read or applied, and who takes which partition."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, String, Table, Text, UniqueConstraint, text

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
    Column("said_upto", BigInteger, nullable=False, server_default=text("0"), comment="the last number that the gateway said to have given"),
    Column("ended", String, nullable=False, server_default="", comment="why the epoch ended; empty: it goes on"),
    Column("ended_at", Instant),
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

lane_gap = Table(
    "lane_gap",
    metadata,
    Column("gateway", String(64), nullable=False),
    Column("epoch", String, nullable=False),
    Column("lane", String, nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False, comment="the last number that is known to be missing"),
    Column("reason", String, nullable=False, comment="outbox_lost, image_restored or central_restored"),
    Column("explanation", Text, nullable=False),
    Column("found_at", Instant, nullable=False),
    PrimaryKeyConstraint("gateway", "epoch", "lane", "first_seq"),
)
"""Numbers that never came and will not come, and why in words. Each was told once as a work order."""

ingest_worker = Table(
    "ingest_worker",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("process", String, nullable=False, comment="boot, process and its start, so that one on the same machine can see that it has ended"),
    Column("begun_at", Instant, nullable=False),
    Column("expires_us", BigInteger, comment="by the clock of the leases, in microseconds; NULL: until another worker asks"),
)
"""Programs that take events. The clock of the leases is PostgreSQL's; with SQLite it is the time since this machine's boot, which nobody sets."""

lease = Table(
    "lease",
    metadata,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("owner", String(64), nullable=False, server_default="", comment="`ingest_worker.id`; empty: nobody"),
    Column("fence", BigInteger, nullable=False, server_default=text("0"), comment="counts the owners: what one of an older number does is refused"),
)
"""Which worker takes the gateways of a partition. It holds as long as its owner's `expires_us` has not passed or nobody else has taken it over."""
