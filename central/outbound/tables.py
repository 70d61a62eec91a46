# SPDX-License-Identifier: Apache-2.0
"""Tables of outbound: orders, their lines, pick tasks, weights."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint, Uuid, text

from central.database import Instant, metadata

Id = Uuid(as_uuid=False)

customer_order = Table(
    "customer_order",
    metadata,
    Column("id", Id, primary_key=True),
    Column("channel", String, nullable=False),
    Column("number", String, nullable=False),
    Column("site", String, nullable=False),
    Column("partner", String, nullable=False),
    Column("state", String, nullable=False, server_default="open"),
    Column("ship_when", String, nullable=False),
    Column("tote", String, nullable=False, server_default="", comment="code on the tote, as it is scanned at the weigh point"),
    Column("tare_g", Integer, comment="the empty tote"),
    Column("colour", String, nullable=False, server_default=""),
    Column("created_at", Instant, nullable=False),
    Column("released_at", Instant),
    Column("picked_at", Instant),
    Column("shipped_at", Instant),
    UniqueConstraint("channel", "number"),
    CheckConstraint("state IN ('open', 'released', 'picked', 'shipped', 'unfilled', 'cancelled')", name="state_known"),
    CheckConstraint("ship_when IN ('picked', 'weighed', 'asked')", name="ship_when_known"),
)
Index("ix_customer_order_state", customer_order.c.site, customer_order.c.state)
Index("ix_customer_order_tote", customer_order.c.tote)

order_line = Table(
    "order_line",
    metadata,
    Column("id", String, primary_key=True, comment="order id/line number"),
    Column("order_id", Id, ForeignKey("customer_order.id"), nullable=False, index=True),
    Column("n", Integer, nullable=False),
    Column("item", String, ForeignKey("item.code"), nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("promised", BigInteger, nullable=False, comment="answered at order entry; counts against other orders until the release"),
    Column("picked", BigInteger, nullable=False, server_default="0"),
    Column("short", BigInteger, nullable=False, server_default="0", comment="after the release: what no task asks for and nobody picked"),
    CheckConstraint("quantity > 0 AND 0 <= promised AND promised <= quantity", name="promised_within_quantity"),
    CheckConstraint("0 <= picked AND 0 <= short AND picked + short <= quantity", name="answered_within_quantity"),
)
Index("ix_order_line_item", order_line.c.item)

pick_task = Table(
    "pick_task",
    metadata,
    Column("id", Id, primary_key=True),
    Column("order_id", Id, ForeignKey("customer_order.id"), nullable=False, index=True),
    Column("line_id", String, ForeignKey("order_line.id"), nullable=False),
    Column("reservation_id", Id, nullable=False, unique=True),
    Column("site", String, nullable=False),
    Column("zone", String, nullable=False, server_default="", comment="empty: picked from the list"),
    Column("gateway", String, nullable=False, server_default=""),
    Column("station", String, nullable=False, server_default=""),
    Column("place", String, nullable=False),
    Column("bin", String, nullable=False),
    Column("item", String, nullable=False),
    Column("lot", String, nullable=False),
    Column("owner", String, nullable=False, server_default=""),
    Column("unit", String, nullable=False, server_default="", comment="handling unit that the goods lie on"),
    Column("requested", BigInteger, nullable=False),
    Column("taken", BigInteger, nullable=False, server_default="0"),
    Column("state", String, nullable=False, server_default="lit"),
    Column("second_try", Boolean, nullable=False, server_default=text("false"), comment="made after a short pick elsewhere"),
    Column("colour", String, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("answered_at", Instant),
    CheckConstraint("state IN ('lit', 'listed', 'done', 'short', 'cancelled')", name="state_known"),
    CheckConstraint("requested > 0 AND 0 <= taken AND taken <= requested", name="taken_within_requested"),
)
Index("ix_pick_task_station", pick_task.c.site, pick_task.c.station, pick_task.c.state)

weight_record = Table(
    "weight_record",
    metadata,
    Column("event_id", Id, primary_key=True),
    Column("site", String, nullable=False),
    Column("gateway", String, nullable=False),
    Column("station", String, nullable=False),
    Column("weighed_at", Instant, nullable=False),
    Column("subject", String, nullable=False, server_default=""),
    Column("order_id", Id, ForeignKey("customer_order.id")),
    Column("value", String, nullable=False, comment="as the scale sent it"),
    Column("unit", String, nullable=False),
    Column("text", String, nullable=False, comment="the raw line"),
    Column("net", Boolean, nullable=False),
    Column("weight_mg", BigInteger, nullable=False),
    Column("expected_mg", BigInteger),
    Column("tolerance_mg", BigInteger),
    Column("verdict", String, nullable=False, comment="right, wrong, cannot_decide; empty without a known subject"),
    Column("reason", String, nullable=False, server_default=""),
)
Index("ix_weight_record_station", weight_record.c.site, weight_record.c.station, weight_record.c.weighed_at)
