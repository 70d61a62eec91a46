# SPDX-License-Identifier: Apache-2.0
"""Tables of stock: rules, loss reports, transfers, kits built, recalls. What is where stands in the ledger and nowhere else."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)

from central.database import BigId, Instant, metadata

Id = Uuid(as_uuid=False)

stock_rule = Table(
    "stock_rule",
    metadata,
    Column("site", String, primary_key=True, comment="empty: all sites"),
    Column("item", String, primary_key=True, comment="empty: all items"),
    Column("near_expiry_days", Integer, comment="warn so many days before the last day of use; empty: as the more general rule says"),
    Column("loss_quantity_max", BigInteger, comment="more than this needs a second person"),
    Column("loss_value_minor_max", BigInteger, comment="worth more than this needs a second person"),
    CheckConstraint("near_expiry_days IS NULL OR near_expiry_days >= 0", name="days_not_negative"),
)
"""Limits of a site or an item; the most particular row that says something counts."""

sscc_range = Table(
    "sscc_range",
    metadata,
    Column("site", String, primary_key=True, comment="empty: all sites without their own"),
    Column("prefix", String, nullable=False, comment="extension digit and GS1 company prefix"),
)
"""From which numbers SSCCs of a site's handling units are made."""

sscc_series = Table(
    "sscc_series",
    metadata,
    Column("prefix", String, primary_key=True, comment="extension digit and GS1 company prefix"),
    Column("next", BigInteger, nullable=False, server_default="0"),
    CheckConstraint("next >= 0", name="counts_up"),
)
"""The one counter of SSCCs that we give out, for handling units and for packages; a number once given never comes again."""

loss_report = Table(
    "loss_report",
    metadata,
    Column("id", Id, primary_key=True, comment="the fact that reported it"),
    Column("site", String, nullable=False),
    Column("place", String, nullable=False),
    Column("item", String, ForeignKey("item.code"), nullable=False),
    Column("lot", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("status", String, nullable=False, comment="before the report"),
    Column("unit", String, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("value_minor", BigInteger, nullable=False, comment="at the mean cost when it was reported"),
    Column("serials", JSON, nullable=False),
    Column("reason", String, nullable=False),
    Column("note", String, nullable=False, server_default=""),
    Column("state", String, nullable=False),
    Column("reported_by", String, nullable=False),
    Column("reported_at", Instant, nullable=False),
    Column("decided_by", String, nullable=False, server_default=""),
    Column("decided_at", Instant),
    CheckConstraint("quantity > 0", name="loses_something"),
    CheckConstraint("state IN ('posted', 'waiting', 'approved', 'refused')", name="state_known"),
)
Index("ix_loss_report_state", loss_report.c.state, loss_report.c.reported_at)

transfer = Table(
    "transfer",
    metadata,
    Column("number", String, primary_key=True),
    Column("from_site", String, nullable=False),
    Column("to_site", String, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", String, nullable=False, server_default=""),
    Column("expected_at", Instant),
    Column("requested_by", String, nullable=False),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("state IN ('requested', 'approved', 'reserved', 'in_transit', 'cancelled')", name="state_known"),
    CheckConstraint("from_site <> to_site", name="between_two_sites"),
)
Index("ix_transfer_state", transfer.c.state)

transfer_line = Table(
    "transfer_line",
    metadata,
    Column("id", String, primary_key=True, comment="transfer:NUMBER/n, the line of its reservations"),
    Column("transfer", String, ForeignKey("transfer.number"), nullable=False, index=True),
    Column("n", Integer, nullable=False),
    Column("item", String, ForeignKey("item.code"), nullable=False),
    Column("owner", String, nullable=False, server_default=""),
    Column("min_expiry", Date, comment="what is sent expires on this day or later"),
    Column("quantity", BigInteger, nullable=False),
    Column("shipped", BigInteger, nullable=False, server_default="0"),
    Column("lost", BigInteger, nullable=False, server_default="0", comment="in transit"),
    Column("cancelled", BigInteger, nullable=False, server_default="0", comment="what will not be sent after all"),
    UniqueConstraint("transfer", "item", "owner"),
    CheckConstraint("quantity > 0 AND 0 <= shipped AND 0 <= cancelled AND shipped + cancelled <= quantity", name="shipped_within_quantity"),
    CheckConstraint("0 <= lost AND lost <= shipped", name="lost_within_shipped"),
)

transfer_step = Table(
    "transfer_step",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("transfer", String, ForeignKey("transfer.number"), nullable=False, index=True),
    Column("event_id", Id, nullable=False),
    Column("step", String, nullable=False, comment="requested, approved, reserved, shipped, received, lost, cancelled"),
    Column("actor", String, nullable=False),
    Column("notice", String, nullable=False, server_default="", comment="ship notice of what was shipped"),
    Column("params", JSON, nullable=False),
    Column("at", Instant, nullable=False),
)
"""The time line of a transfer."""
Index("ix_transfer_step_notice", transfer_step.c.notice)

kit_build = Table(
    "kit_build",
    metadata,
    Column("id", Id, primary_key=True, comment="the fact that assembled or broke it"),
    Column("kind", String, nullable=False),
    Column("site", String, nullable=False),
    Column("place", String, nullable=False),
    Column("kit", String, ForeignKey("item.code"), nullable=False),
    Column("kit_lot", String, nullable=False),
    Column("owner", String, nullable=False, server_default=""),
    Column("quantity", BigInteger, nullable=False),
    Column("actor", String, nullable=False),
    Column("made_at", Instant, nullable=False),
    CheckConstraint("kind IN ('assembled', 'broken')", name="kind_known"),
    CheckConstraint("quantity > 0", name="builds_something"),
)
Index("ix_kit_build_lot", kit_build.c.kit, kit_build.c.kit_lot)

kit_build_component = Table(
    "kit_build_component",
    metadata,
    Column("build", Id, ForeignKey("kit_build.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("item", String, ForeignKey("item.code"), nullable=False),
    Column("lot", String, nullable=False),
    Column("owner", String, nullable=False, server_default=""),
    Column("quantity", BigInteger, nullable=False),
    Column("serials", JSON, nullable=False),
    CheckConstraint("quantity > 0", name="uses_something"),
)
"""Which lots went into which kits."""
Index("ix_kit_build_component_lot", kit_build_component.c.item, kit_build_component.c.lot)

recall = Table(
    "recall",
    metadata,
    Column("number", String, primary_key=True),
    Column("item", String, ForeignKey("item.code"), nullable=False),
    Column("lot", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("note", String, nullable=False, server_default=""),
    Column("state", String, nullable=False, server_default="open"),
    Column("opened_by", String, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("closed_by", String, nullable=False, server_default=""),
    Column("closed_at", Instant),
    CheckConstraint("state IN ('open', 'released')", name="state_known"),
)
_OPEN = text("state = 'open'")
Index("uq_recall_open", recall.c.item, recall.c.lot, unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)

recall_hold = Table(
    "recall_hold",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("recall", String, ForeignKey("recall.number"), nullable=False, index=True),
    Column("item", String, nullable=False, comment="the lot itself, or a kit made of it"),
    Column("lot", String, nullable=False),
    Column("place", String, nullable=False, comment="empty: nothing was in stock"),
    Column("owner", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("status", String, nullable=False, comment="before; hold: it was on hold for another reason and stays so"),
    Column("quantity", BigInteger, nullable=False),
)
"""Which lots a recall holds, and what it found of them where."""
Index("ix_recall_hold_lot", recall_hold.c.item, recall_hold.c.lot)

stock_opening = Table(
    "stock_opening",
    metadata,
    Column("place", String, primary_key=True),
    Column("batch", Id, nullable=False, comment="the import that opened it"),
    Column("opened_at", Instant, nullable=False),
)
"""Places whose opening stock was counted; a second file about one of them is a mistake unless it says otherwise."""
