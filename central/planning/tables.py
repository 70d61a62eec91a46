# SPDX-License-Identifier: Apache-2.0
"""Tables of planning."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, ForeignKey, Index, String, Table, text

from central.database import BigId, Instant, metadata

proposal = Table(
    "proposal",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("kind", String, nullable=False),
    Column("site", String, nullable=False),
    Column("item", String, ForeignKey("item.code"), nullable=False),
    Column("place", String, nullable=False, comment="the bin to fill; the site for a purchase"),
    Column("quantity", BigInteger, nullable=False),
    Column("why", JSON, nullable=False, comment="on_hand, reserved, incoming, minimum, maximum, projected, sources"),
    Column("state", String, nullable=False, server_default="open"),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("decided_by", String, nullable=False, server_default=""),
    Column("decided_at", Instant),
    CheckConstraint("kind IN ('shelf', 'purchase')", name="kind_known"),
    CheckConstraint("state IN ('open', 'accepted', 'rejected', 'withdrawn')", name="state_known"),
    CheckConstraint("quantity > 0", name="quantity_positive"),
)
_OPEN = text("state = 'open'")
Index("uq_proposal_open", proposal.c.kind, proposal.c.item, proposal.c.place, unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)
