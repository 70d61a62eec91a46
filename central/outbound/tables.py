# SPDX-License-Identifier: Apache-2.0
"""Tables of outbound: orders, their lines, pick tasks, weights."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, CheckConstraint, Column, Date, ForeignKey, Index, Integer, String, Table, UniqueConstraint, Uuid, text

from central.database import Instant, metadata
from central.outbound import picking_tables  # noqa: F401  # its tables belong to the area too

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
    Column("parent_id", Id, ForeignKey("customer_order.id"), index=True, comment="the order that this is a part of: another site's share, or a backorder"),
    Column("role", String, nullable=False, server_default="order", comment="order, share (of a split order) or backorder"),
    Column("owner", String, nullable=False, server_default="", comment="whose goods are sent; empty: our own"),
    Column("priority", Integer, nullable=False, server_default="5", comment="1 is served first, 9 last"),
    Column("due_at", Instant, comment="when it must leave"),
    Column("backorders", String, nullable=False, server_default="backorder", comment="what becomes of what is not there: backorder, drop, or wait for all"),
    Column("substitutes", Boolean, nullable=False, server_default=text("false"), comment="the customer takes substitutes"),
    Column("min_remaining_days", Integer, comment="asked by this order; empty: the customer's rule"),
    Column("carrier", String, nullable=False, server_default=""),
    Column("service", String, nullable=False, server_default="", comment="the carrier's product"),
    Column("address", JSON, comment="name, phone, province, city, district, street, postcode, country"),
    Column("wave_id", Integer, index=True),
    Column("held", String, nullable=False, server_default="", comment="why it waits and is not released; empty: it does not"),
    Column("waits", Boolean, nullable=False, server_default=text("false"), comment="for goods that are not there yet: it is released by itself when they are"),
    Column("lateness", String, nullable=False, server_default="", comment="what a person was told: at_risk, late; empty: nothing yet"),
    Column("sourcing", JSON, comment="which sites were looked at, which were chosen, and why"),
    Column("created_at", Instant, nullable=False),
    Column("released_at", Instant),
    Column("picked_at", Instant),
    Column("shipped_at", Instant),
    UniqueConstraint("channel", "number"),
    CheckConstraint("state IN ('open', 'released', 'picked', 'shipped', 'unfilled', 'cancelled', 'split')", name="state_known"),
    CheckConstraint("role IN ('order', 'share', 'backorder')", name="role_known"),
    CheckConstraint("backorders IN ('backorder', 'drop', 'wait')", name="backorders_known"),
    CheckConstraint("priority BETWEEN 1 AND 9", name="priority_known"),
    CheckConstraint("ship_when IN ('picked', 'weighed', 'asked')", name="ship_when_known"),
)
Index("ix_customer_order_state", customer_order.c.site, customer_order.c.state)
Index("ix_customer_order_tote", customer_order.c.tote)
Index("ix_customer_order_due", customer_order.c.state, customer_order.c.due_at)

order_line = Table(
    "order_line",
    metadata,
    Column("id", String, primary_key=True, comment="order id/line number"),
    Column("order_id", Id, ForeignKey("customer_order.id"), nullable=False, index=True),
    Column("n", Integer, nullable=False),
    Column("item", String, ForeignKey("item.code"), nullable=False),
    Column("quantity", BigInteger, nullable=False, comment="what this order is to deliver: what was ordered, less what moved and what was dropped"),
    Column("promised", BigInteger, nullable=False, comment="of it; counts against other orders until the release"),
    Column("picked", BigInteger, nullable=False, server_default="0"),
    Column("short", BigInteger, nullable=False, server_default="0", comment="after the release: what no task asks for and nobody picked"),
    Column("ordered_item", String, nullable=False, server_default="", comment="what the customer asked for, when this is a substitute"),
    Column("promised_on", Date, comment="the day on which what is promised can leave"),
    Column("min_expiry_days", Integer, nullable=False, server_default="0", comment="remaining days that the goods must have at the release"),
    Column("parent_line", String, index=True, comment="the line of the order that this is a part of"),
    Column("moved", BigInteger, nullable=False, server_default="0", comment="of what was ordered: goes with a backorder, another site's share or a substitute"),
    Column("dropped", BigInteger, nullable=False, server_default="0", comment="of what was ordered: will not be delivered"),
    CheckConstraint("0 <= promised AND promised <= quantity", name="promised_within_quantity"),
    CheckConstraint("0 <= moved AND 0 <= dropped AND quantity + moved + dropped > 0", name="ordered_something"),
    CheckConstraint("0 <= picked AND 0 <= short AND picked + short <= quantity", name="answered_within_quantity"),
)
Index("ix_order_line_item", order_line.c.item)

promise = Table(
    "promise",
    metadata,
    Column("line_id", String, ForeignKey("order_line.id"), primary_key=True),
    Column("order_id", Id, ForeignKey("customer_order.id"), nullable=False, index=True),
    Column("site", String, nullable=False),
    Column("item", String, nullable=False),
    Column("owner", String, nullable=False, server_default=""),
    Column("quantity", BigInteger, nullable=False),
    Column("on_day", Date, nullable=False, comment="when it leaves"),
    Column("keep_days", Integer, nullable=False, server_default="0", comment="how long the goods must keep then"),
    Column("broken", BigInteger, nullable=False, server_default="0", comment="of it, what a person was told cannot be served any more"),
    CheckConstraint("quantity > 0", name="promises_something"),
    CheckConstraint("0 <= broken AND broken <= quantity", name="broken_within_quantity"),
)
"""What orders that are not released yet may count on: a row goes when its order is released, cancelled or parted. Small, however many orders there were."""
Index("ix_promise_item", promise.c.site, promise.c.item)

wave = Table(
    "wave",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("event_id", Id, nullable=False, unique=True, comment="the fact that planned it"),
    Column("site", String, nullable=False),
    Column("name", String, nullable=False, server_default=""),
    Column("criteria", JSON, nullable=False, comment="window, carrier, customer group, zone, capacity"),
    Column("mode", String, nullable=False, comment="how its orders are picked"),
    Column("state", String, nullable=False, server_default="planned"),
    Column("orders", Integer, nullable=False, server_default="0"),
    Column("lines", Integer, nullable=False, server_default="0"),
    Column("created_at", Instant, nullable=False),
    Column("released_at", Instant),
    Column("done_at", Instant),
    CheckConstraint("state IN ('planned', 'released', 'done', 'cancelled')", name="state_known"),
    CheckConstraint("mode IN ('order', 'batch', 'cluster', 'zone', 'wall')", name="mode_known"),
)
Index("ix_wave_site_state", wave.c.site, wave.c.state)

tour = Table(
    "tour",
    metadata,
    Column("id", Id, primary_key=True),
    Column("site", String, nullable=False),
    Column("wave_id", Integer, ForeignKey("wave.id"), index=True),
    Column("zone", String, nullable=False, server_default="", comment="empty: all zones"),
    Column("mode", String, nullable=False),
    Column("picker", String, nullable=False, server_default=""),
    Column("colour", String, nullable=False, server_default=""),
    Column("state", String, nullable=False, server_default="ready"),
    Column("length_mm", BigInteger, comment="planned walk; empty where places have no coordinates"),
    Column("exact", Boolean, nullable=False, server_default=text("false"), comment="the walk is proven shortest"),
    Column("after_tour", Id, comment="pick-and-pass: the zone before this one"),
    Column("start_place", String, nullable=False, server_default=""),
    Column("end_place", String, nullable=False, server_default=""),
    Column("walk", JSON, comment="its corners as [x_mm, y_mm], in order; empty where places have no coordinates"),
    Column("turn", Integer, nullable=False, server_default="0", comment="its place among those planned together"),
    Column("priority", Integer, nullable=False, server_default="5", comment="of its most urgent order"),
    Column("due_at", Instant, comment="of its earliest order"),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("done_at", Instant),
    CheckConstraint("state IN ('ready', 'picking', 'done', 'cancelled')", name="state_known"),
    CheckConstraint("mode IN ('order', 'batch', 'cluster', 'zone', 'wall')", name="mode_known"),
)
"""One walk of one picker."""
Index("ix_tour_site_state", tour.c.site, tour.c.state)
Index("ix_tour_picker", tour.c.picker, tour.c.state)
Index("ix_tour_after", tour.c.after_tour)

tour_zone = Table(
    "tour_zone",
    metadata,
    Column("tour_id", Id, ForeignKey("tour.id"), primary_key=True),
    Column("station", String, primary_key=True, comment="the station of its lights"),
    Column("done_at", Instant, nullable=False, comment="when its last light there was answered"),
)
"""Zones that a walk has nothing left to do in, as their lights said."""

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
    Column("tour_id", Id, ForeignKey("tour.id"), index=True),
    Column("sequence", Integer, nullable=False, server_default="0", comment="place in the walk, from 1"),
    Column("tote", String, nullable=False, server_default="", comment="what the goods are put into"),
    Column("slot", String, nullable=False, server_default="", comment="where the tote stands on the cart or in the wall"),
    Column("answered_by", String, nullable=False, server_default=""),
    Column("lamp_dead", Boolean, nullable=False, server_default=text("false"), comment="its light failed: a screen shows it"),
    Column("aside_tour_id", Id, ForeignKey("tour.id"), comment="its order was cancelled: to be taken out of the cart of this walk"),
    Column("created_at", Instant, nullable=False),
    Column("answered_at", Instant),
    CheckConstraint("state IN ('lit', 'listed', 'done', 'short', 'cancelled')", name="state_known"),
    CheckConstraint("requested > 0 AND 0 <= taken AND taken <= requested", name="taken_within_requested"),
)
_ASIDE = pick_task.c.aside_tour_id.is_not(None)
Index("ix_pick_task_aside", pick_task.c.aside_tour_id, sqlite_where=_ASIDE, postgresql_where=_ASIDE)
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
