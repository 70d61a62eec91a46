# SPDX-License-Identifier: Apache-2.0
"""Tables of picking beside tours and tasks: who picks where, totes on carts, mispicks, put-to-light walls, lamp tests."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint, Uuid, text

from central.database import Instant, metadata

Id = Uuid(as_uuid=False)

picker_session = Table(
    "picker_session",
    metadata,
    Column("id", Id, primary_key=True, comment="the fact that began it"),
    Column("picker", String, nullable=False),
    Column("site", String, nullable=False),
    Column("zone", String, nullable=False, server_default="", comment="empty: all zones"),
    Column("colour", String, nullable=False),
    Column("auto", Boolean, nullable=False, server_default=text("false"), comment="gets the next walk without asking: works at lights, without a screen"),
    Column("since", Instant, nullable=False),
    Column("until", Instant, comment="empty: still here"),
)
"""Who picks where, in which colour. A picker is at one place at a time."""
_HERE = text("until IS NULL")
Index("uq_picker_session_here", picker_session.c.picker, unique=True, sqlite_where=_HERE, postgresql_where=_HERE)
Index("ix_picker_session_site", picker_session.c.site, picker_session.c.until)

tour_tote = Table(
    "tour_tote",
    metadata,
    Column("tour_id", Id, ForeignKey("tour.id"), primary_key=True),
    Column("slot", String, primary_key=True, comment="where it stands on the cart; empty: the only one"),
    Column("order_id", Id, ForeignKey("customer_order.id"), index=True, comment="empty: goods of several orders"),
    Column("tote", String, nullable=False, server_default="", comment="its code, once it was scanned"),
    Column("state", String, nullable=False, server_default="open"),
    Column("done_at", Instant),
    CheckConstraint("state IN ('open', 'done')", name="state_known"),
)
"""What a tour picks into."""

mispick = Table(
    "mispick",
    metadata,
    Column("event_id", Id, primary_key=True),
    Column("site", String, nullable=False),
    Column("picker", String, nullable=False),
    Column("task_id", Id, ForeignKey("pick_task.id"), index=True),
    Column("kind", String, nullable=False, comment="bin, item, lot, tote: what was wrong; press: a dark light"),
    Column("expected", String, nullable=False),
    Column("scanned", String, nullable=False),
    Column("at", Instant, nullable=False),
    CheckConstraint("kind IN ('bin', 'item', 'lot', 'tote', 'press')", name="kind_known"),
)
"""Every wrong scan and every press of a dark light, stopped before goods went wrong."""
Index("ix_mispick_site", mispick.c.site, mispick.c.at)

picked_serial = Table(
    "picked_serial",
    metadata,
    Column("order_id", Id, ForeignKey("customer_order.id"), primary_key=True),
    Column("item", String, primary_key=True),
    Column("serial", String, primary_key=True),
    Column("lot", String, nullable=False, server_default=""),
    Column("owner", String, nullable=False, server_default=""),
    Column("named_by", Id, nullable=False, comment="the fact that said so"),
)
"""Pieces of items tracked by serial that were picked for an order, as far as somebody has named them; they stay when it is shipped."""
Index("ix_picked_serial_piece", picked_serial.c.item, picked_serial.c.serial)

lamp_test = Table(
    "lamp_test",
    metadata,
    Column("command_id", String, primary_key=True),
    Column("site", String, nullable=False),
    Column("zone", String, nullable=False),
    Column("gateway", String, nullable=False),
    Column("station", String, nullable=False),
    Column("asked_by", String, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("state", String, nullable=False, server_default="asked"),
    Column("tested", Integer, nullable=False, server_default="0"),
    Column("dead", JSON, comment="bins whose lamps stayed dark"),
    Column("reason", String, nullable=False, server_default=""),
    Column("answered_at", Instant),
    CheckConstraint("state IN ('asked', 'done', 'failed')", name="state_known"),
)

wall = Table(
    "wall",
    metadata,
    Column("site", String, primary_key=True),
    Column("code", String, primary_key=True),
    Column("gateway", String, nullable=False, server_default="", comment="empty: a wall without lights"),
    Column("station", String, nullable=False, server_default=""),
)
"""A put-to-light wall: goods of many orders are sorted into its slots."""

wall_slot = Table(
    "wall_slot",
    metadata,
    Column("site", String, primary_key=True),
    Column("wall", String, primary_key=True),
    Column("slot", String, primary_key=True),
    Column("order_id", Id, ForeignKey("customer_order.id"), comment="empty: free"),
    UniqueConstraint("order_id"),
)

put_task = Table(
    "put_task",
    metadata,
    Column("id", Id, primary_key=True),
    Column("site", String, nullable=False),
    Column("order_id", Id, ForeignKey("customer_order.id"), nullable=False, index=True),
    Column("pick_task_id", Id, ForeignKey("pick_task.id"), nullable=False, unique=True),
    Column("item", String, nullable=False),
    Column("lot", String, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("put", BigInteger, nullable=False, server_default="0"),
    Column("wall", String, nullable=False, server_default="", comment="empty: the goods are still in the batch"),
    Column("slot", String, nullable=False, server_default=""),
    Column("colour", String, nullable=False, server_default=""),
    Column("state", String, nullable=False, server_default="waiting"),
    Column("lamp_dead", Boolean, nullable=False, server_default=text("false"), comment="its light does not burn: only the screen asks for it"),
    Column("created_at", Instant, nullable=False),
    Column("answered_at", Instant),
    CheckConstraint("state IN ('waiting', 'lit', 'done', 'short', 'cancelled')", name="state_known"),
    CheckConstraint("quantity > 0 AND 0 <= put AND put <= quantity", name="put_within_quantity"),
)
"""Batch-picked goods on their way into a wall: one for each pick."""
Index("ix_put_task_item", put_task.c.site, put_task.c.item, put_task.c.state)
