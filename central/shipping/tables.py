# SPDX-License-Identifier: Apache-2.0
"""Tables of shipping: packages and what is in them, cartons, loads, doors where they stand, carrier orders and their steps, returns."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from central.database import BigId, Instant, metadata

Id = Uuid(as_uuid=False)

shipping_site = Table(
    "shipping_site",
    metadata,
    Column("site", String, primary_key=True),
    Column("company_prefix", String, nullable=False),
    Column("extension", String, nullable=False, server_default="0"),
    Column("sender", JSON, comment="address of the sender: name, phone, province, city, district, street, postcode, country"),
    Column("carrier", String, nullable=False, server_default="", comment="who carries when neither order nor customer say; empty: our own vehicles"),
    Column("place_when", String, nullable=False, server_default="shipped", comment="when a carrier's order is placed: package packed, or order shipped"),
    Column("ship_when", String, nullable=False, server_default="asked", comment="what sends an order that does not say it: picked, weighed, asked"),
    Column("printer", String, nullable=False, server_default="", comment="host:port of the label printer"),
    Column("dpi", Integer, nullable=False, server_default="203"),
    CheckConstraint("place_when IN ('packed', 'shipped')", name="place_when_known"),
    CheckConstraint("ship_when IN ('picked', 'weighed', 'asked')", name="ship_when_known"),
)

carton_type = Table(
    "carton_type",
    metadata,
    Column("code", String, primary_key=True),
    Column("name", String, nullable=False, server_default=""),
    Column("kind", String, nullable=False, server_default="carton"),
    Column("inner_length_mm", Integer, nullable=False),
    Column("inner_width_mm", Integer, nullable=False),
    Column("inner_height_mm", Integer, nullable=False),
    Column("outer_length_mm", Integer, nullable=False),
    Column("outer_width_mm", Integer, nullable=False),
    Column("outer_height_mm", Integer, nullable=False),
    Column("tare_g", Integer, nullable=False),
    Column("max_weight_g", Integer, nullable=False, comment="of the contents"),
    Column("cost_minor", Integer, nullable=False, server_default="0"),
    Column("insulated", Boolean, nullable=False, server_default=text("false")),
    Column("available", Boolean, nullable=False, server_default=text("true")),
    CheckConstraint("kind IN ('carton', 'tote', 'pallet')", name="kind_known"),
    CheckConstraint("inner_length_mm > 0 AND inner_width_mm > 0 AND inner_height_mm > 0", name="holds_something"),
)

packing = Table(
    "packing",
    metadata,
    Column("order_id", Id, ForeignKey("customer_order.id"), primary_key=True),
    Column("site", String, nullable=False),
    Column("opened_at", Instant, nullable=False),
)
"""One row for each order that is or was packed. Whoever packs, loads or returns it takes this row first, before any fence."""

package = Table(
    "package",
    metadata,
    Column("sscc", String, primary_key=True, comment="18 digits"),
    Column("order_id", Id, ForeignKey("customer_order.id"), nullable=False, index=True),
    Column("site", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("carton_type", String, ForeignKey("carton_type.code")),
    Column("tare_g", Integer, comment="the empty package; empty: not known"),
    Column("state", String, nullable=False, server_default="open"),
    Column("opened_by", Id, nullable=False, unique=True, comment="the fact that opened it"),
    Column("actor", String, nullable=False, server_default=""),
    Column("station", String, nullable=False, server_default=""),
    Column("weight_mg", BigInteger, comment="as weighed"),
    Column("verdict", String, nullable=False, server_default="", comment="right, wrong, cannot_decide; empty: not weighed"),
    Column("opened_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("weighed_at", Instant),
    Column("loaded_at", Instant),
    Column("shipped_at", Instant),
    CheckConstraint("kind IN ('carton', 'tote', 'pallet')", name="kind_known"),
    CheckConstraint("state IN ('open', 'closed', 'loaded', 'shipped', 'void')", name="state_known"),
    CheckConstraint("verdict IN ('', 'right', 'wrong', 'cannot_decide')", name="verdict_known"),
)
Index("ix_package_state", package.c.site, package.c.state)
STAYING_STATES = "package.state IN ('closed', 'loaded')"
"""Packages that are packed and not gone."""
_STAYING = text("state IN ('closed', 'loaded')")
Index("ix_package_staying", package.c.order_id, sqlite_where=_STAYING, postgresql_where=_STAYING)

package_line = Table(
    "package_line",
    metadata,
    Column("sscc", String, ForeignKey("package.sscc"), nullable=False),
    Column("item", String, ForeignKey("item.code"), nullable=False),
    Column("lot", String, nullable=False, server_default=""),
    Column("quantity", BigInteger, nullable=False),
    Column("serials", JSON, nullable=False),
    PrimaryKeyConstraint("sscc", "item", "lot"),
    CheckConstraint("quantity > 0", name="holds_something"),
)

package_step = Table(
    "package_step",
    metadata,
    Column("n", BigId, primary_key=True, autoincrement=True),
    Column("fact", Id, nullable=False),
    Column("sscc", String, ForeignKey("package.sscc"), nullable=False),
    Column("step", String, nullable=False),
    Column("contents", JSON, nullable=False, comment="item, lot, quantity and serials, where the step is about them"),
    CheckConstraint("step IN ('closed', 'opened', 'void', 'loaded', 'unloaded', 'shipped')", name="step_known"),
)
"""What happened to packages that were closed, in order. Append-only."""
Index("ix_package_step_fact", package_step.c.fact)

load = Table(
    "load",
    metadata,
    Column("id", Id, primary_key=True, comment="the fact that planned it"),
    Column("site", String, nullable=False),
    Column("number", String, nullable=False),
    Column("door", String, nullable=False, server_default="", comment="station where it is loaded; empty: any"),
    Column("vehicle", String, nullable=False, server_default=""),
    Column("route", String, nullable=False, server_default=""),
    Column("carrier", String, nullable=False, server_default=""),
    Column("state", String, nullable=False, server_default="open"),
    Column("created_at", Instant, nullable=False),
    Column("closed_at", Instant),
    UniqueConstraint("site", "number"),
    CheckConstraint("state IN ('open', 'closed', 'cancelled')", name="state_known"),
)
Index("ix_load_door", load.c.site, load.c.door, load.c.state)

load_package = Table(
    "load_package",
    metadata,
    Column("load_id", Id, ForeignKey("load.id"), nullable=False),
    Column("sscc", String, ForeignKey("package.sscc"), nullable=False),
    Column("loaded_at", Instant),
    PrimaryKeyConstraint("load_id", "sscc"),
)
Index("ix_load_package_sscc", load_package.c.sscc)

dock_door = Table(
    "dock_door",
    metadata,
    Column("site", String, primary_key=True),
    Column("station", String, primary_key=True),
    Column("gateway", String, nullable=False, server_default="", comment="which hosts the station; empty: not known yet"),
    Column("state", String, nullable=False, server_default="closed", comment="what stands there now: closed, receiving, loading, both"),
    Column("load_id", Id, ForeignKey("load.id"), comment="what is loaded now; empty: the oldest open load planned for the door"),
    Column("vehicle", String, nullable=False, server_default=""),
    Column("check_coming", Boolean, nullable=False, server_default=text("false"), comment="the door's lamp judges what comes, too"),
    Column("from_at", Instant, comment="since when, or from when on, the vehicle stands there"),
    Column("until_at", Instant, comment="when it shall be gone"),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", String, nullable=False),
    Column("list_version", BigInteger, nullable=False, server_default="0", comment="of the newest list for the gateway; 0: none was made"),
    Column("list_digest", String, nullable=False, server_default=""),
    Column("list_command", String, nullable=False, server_default="", comment="the command that carries it"),
    Column("list_heard", String, nullable=False, server_default="", comment="the gateway as it was then: epoch, boot, version, configuration"),
    Column("list_sent_at", Instant),
    Column("list_fault", String, nullable=False, server_default="", comment="why the door is not checked: no_gateway, too_long"),
    CheckConstraint("state IN ('closed', 'receiving', 'loading', 'both')", name="state_known"),
)
"""Doors with a timetable. A door that is not here is not checked by a list."""
Index("ix_dock_door_load", dock_door.c.load_id)

door_notice = Table(
    "door_notice",
    metadata,
    Column("site", String, nullable=False),
    Column("station", String, nullable=False),
    Column("notice", String, nullable=False),
    PrimaryKeyConstraint("site", "station", "notice"),
    ForeignKeyConstraint(["site", "station"], ["dock_door.site", "dock_door.station"]),
)
"""Ship notices whose vehicle stands at a door now; none: all that announce this door."""

door_appointment = Table(
    "door_appointment",
    metadata,
    Column("site", String, primary_key=True),
    Column("number", String, primary_key=True),
    Column("station", String, nullable=False),
    Column("load", String, nullable=False, server_default="", comment="number of the load; empty: none"),
    Column("notices", JSON, nullable=False),
    Column("vehicle", String, nullable=False, server_default=""),
    Column("from_at", Instant, nullable=False),
    Column("until_at", Instant, nullable=False),
    Column("state", String, nullable=False, server_default="planned", comment="planned, here, over, cancelled"),
    Column("created_at", Instant, nullable=False),
    Column("created_by", String, nullable=False),
    CheckConstraint("state IN ('planned', 'here', 'over', 'cancelled')", name="state_known"),
    CheckConstraint("from_at < until_at", name="has_a_length"),
)
Index("ix_door_appointment_station", door_appointment.c.site, door_appointment.c.station, door_appointment.c.from_at)

door_pass = Table(
    "door_pass",
    metadata,
    Column("event_id", Id, primary_key=True),
    Column("pass_id", String, nullable=False, server_default=""),
    Column("site", String, nullable=False),
    Column("station", String, nullable=False),
    Column("passed_at", Instant, nullable=False),
    Column("direction", String, nullable=False),
    Column("sscc", String, nullable=False, server_default=""),
    Column("strength_dbm", Float, comment="strongest read of the pallet's label"),
    Column("load_id", Id, ForeignKey("load.id")),
    Column("outcome", String, nullable=False, server_default="seen", comment="loaded, already, unloaded, wrong, unclear, neighbour, back, seen"),
    Column("loaded", Integer, nullable=False, server_default="0", comment="packages loaded by it"),
    Column("reason", String, nullable=False, server_default="", comment="code of the message that says what is wrong"),
    Column("params", JSON, nullable=False),
    Column("checked", String, nullable=False, server_default="", comment="what the door's lamp showed: expected, unexpected; empty: not checked"),
    Column("work_version", BigInteger, nullable=False, server_default="0", comment="by which list"),
)
"""What came of passes through doors where loads stand."""
_TOLD = text("pass_id <> ''")
Index("uq_door_pass_pass_id", door_pass.c.pass_id, unique=True, sqlite_where=_TOLD, postgresql_where=_TOLD)
Index("ix_door_pass_station", door_pass.c.site, door_pass.c.station, door_pass.c.passed_at)
Index("ix_door_pass_sscc", door_pass.c.sscc, door_pass.c.passed_at)

load_intruder = Table(
    "load_intruder",
    metadata,
    Column("load_id", Id, ForeignKey("load.id"), primary_key=True),
    Column("sscc", String, primary_key=True),
    Column("station", String, nullable=False),
    Column("reason", String, nullable=False, comment="code of the message that was told"),
    Column("state", String, nullable=False, server_default="inside", comment="inside, out, right"),
    Column("work_order", BigInteger),
    Column("event_id", Id, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("settled_at", Instant),
    CheckConstraint("state IN ('inside', 'out', 'right')", name="state_known"),
)
"""Pallets that went onto a vehicle and do not belong there: while one is believed inside, the load is not closed."""
Index("ix_load_intruder_sscc", load_intruder.c.sscc)

carrier_account = Table(
    "carrier_account",
    metadata,
    Column("code", String, primary_key=True, comment="as orders name the carrier"),
    Column("adapter", String, nullable=False),
    Column("base_url", String, nullable=False),
    Column("client", String, nullable=False, comment="partner id or app key"),
    Column("secret", String, nullable=False, comment="check word or app secret"),
    Column("token", String, nullable=False, server_default="", comment="access token, where the carrier has one"),
    Column("account", String, nullable=False, server_default="", comment="monthly card or customer code that pays"),
    Column("service", String, nullable=False, server_default="", comment="product when the order names none"),
    Column("push_token", String, nullable=False, server_default="", comment="what the carrier's pushes carry in their address"),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    CheckConstraint("adapter IN ('sf', 'jd')", name="adapter_known"),
)

carrier_order = Table(
    "carrier_order",
    metadata,
    Column("id", Id, primary_key=True),
    Column("sscc", String, ForeignKey("package.sscc"), nullable=False, unique=True, comment="one package, one waybill"),
    Column("order_id", Id, ForeignKey("customer_order.id"), nullable=False, index=True),
    Column("site", String, nullable=False),
    Column("carrier", String, nullable=False),
    Column("service", String, nullable=False, server_default=""),
    Column("revision", Integer, nullable=False, server_default="0", comment="counts orders for this package after one was cancelled"),
    Column("reference", String, nullable=False, unique=True, comment="our order id at the carrier"),
    Column("address", JSON, comment="receiver, as it was sent"),
    Column("state", String, nullable=False, server_default="requested"),
    Column("waybill", String, index=True),
    Column("label", LargeBinary, comment="as the carrier made it"),
    Column("label_type", String, nullable=False, server_default=""),
    Column("price_minor", BigInteger),
    Column("cancel_wanted", Boolean, nullable=False, server_default=text("false")),
    Column("attempts", Integer, nullable=False, server_default="0", comment="tries of the present step so far, counted before each"),
    Column("next_try_at", Instant, nullable=False),
    Column("claimed_until", Instant, comment="a worker talks to the carrier about it until then"),
    Column("fault", Text, nullable=False, server_default="", comment="what the last try said"),
    Column("requested_at", Instant, nullable=False),
    Column("placed_at", Instant),
    Column("delivered_at", Instant),
    CheckConstraint("state IN ('requested', 'placed', 'labelled', 'in_transit', 'delivered', 'cancelled', 'refused')", name="state_known"),
)
"""The outbox towards carriers: a row is worked on until the carrier has said yes or no, whoever crashes in between."""
OPEN_STATES = "carrier_order.state IN ('requested', 'placed', 'labelled', 'in_transit')"
"""What the courier still has to do with; delivered, cancelled and refused orders pile up and are never looked through."""
_OPEN = text("state IN ('requested', 'placed', 'labelled', 'in_transit')")
Index("ix_carrier_order_due", carrier_order.c.next_try_at, sqlite_where=_OPEN, postgresql_where=_OPEN)

carrier_step = Table(
    "carrier_step",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("carrier_order_id", Id, ForeignKey("carrier_order.id"), nullable=False),
    Column("key", String, nullable=False, comment="the same step told twice is one"),
    Column("code", String, nullable=False),
    Column("state", String, nullable=False),
    Column("text", Text, nullable=False, server_default=""),
    Column("place", String, nullable=False, server_default=""),
    Column("at", Instant, nullable=False),
    UniqueConstraint("carrier_order_id", "key"),
)

goods_return = Table(
    "goods_return",
    metadata,
    Column("id", Id, primary_key=True, comment="the fact that announced it"),
    Column("channel", String, nullable=False),
    Column("number", String, nullable=False, comment="RMA number"),
    Column("site", String, nullable=False),
    Column("order_id", Id, ForeignKey("customer_order.id"), index=True, comment="empty: blind, nobody knows which order"),
    Column("partner", String, nullable=False, server_default=""),
    Column("reason", String, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("state", String, nullable=False, server_default="announced"),
    Column("created_at", Instant, nullable=False),
    Column("arrived_at", Instant),
    Column("closed_at", Instant),
    UniqueConstraint("channel", "number"),
    CheckConstraint("state IN ('announced', 'arrived', 'inspected', 'cancelled')", name="state_known"),
)

return_line = Table(
    "return_line",
    metadata,
    Column("return_id", Id, ForeignKey("goods_return.id"), nullable=False),
    Column("n", Integer, nullable=False),
    Column("item", String, ForeignKey("item.code"), nullable=False),
    Column("lot", String, nullable=False, server_default=""),
    Column("owner", String, nullable=False, server_default=""),
    Column("announced", BigInteger, nullable=False),
    Column("arrived", BigInteger, nullable=False, server_default="0"),
    Column("inspected", BigInteger, nullable=False, server_default="0"),
    Column("refund_minor", BigInteger, comment="to be paid back for one unit; empty: the shop decides"),
    PrimaryKeyConstraint("return_id", "n"),
    CheckConstraint("announced >= 0 AND arrived >= 0 AND 0 <= inspected AND inspected <= arrived", name="inspected_within_arrived"),
)

return_decision = Table(
    "return_decision",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("event_id", Id, nullable=False),
    Column("return_id", Id, ForeignKey("goods_return.id"), nullable=False, index=True),
    Column("n", Integer, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("disposition", String, nullable=False),
    Column("reason", String, nullable=False, server_default=""),
    Column("place", String, nullable=False, server_default="", comment="where the goods went"),
    Column("actor", String, nullable=False),
    Column("at", Instant, nullable=False),
    CheckConstraint("disposition IN ('available', 'hold', 'damaged', 'scrap', 'supplier')", name="disposition_known"),
    CheckConstraint("quantity > 0", name="decides_something"),
)

scan_point = Table(
    "scan_point",
    metadata,
    Column("site", String, primary_key=True),
    Column("station", String, primary_key=True),
    Column("gateway", String, nullable=False, server_default="", comment="which hosts the station; empty: not known yet"),
    Column("purpose", String, nullable=False, comment="what is scanned there: picking, receiving, shipping; none: scans are not checked"),
    Column("zone", String, nullable=False, server_default="", comment="of picking: only goods picked in this zone; empty: the site's, as at a packing table"),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", String, nullable=False),
    Column("list_version", BigInteger, nullable=False, server_default="0", comment="of the newest list for the gateway; 0: none was made"),
    Column("list_digest", String, nullable=False, server_default=""),
    Column("list_command", String, nullable=False, server_default="", comment="the command that carries it"),
    Column("list_heard", String, nullable=False, server_default="", comment="the gateway as it was then: epoch, boot, version, configuration"),
    Column("list_sent_at", Instant),
    Column("list_fault", String, nullable=False, server_default="", comment="why scans are not checked: no_gateway, too_long"),
    CheckConstraint("purpose IN ('none', 'picking', 'receiving', 'shipping')", name="purpose_known"),
)
"""Scan points (and weigh points with a scanner) whose gateway is told what is expected there. One that is not here is not checked by a list."""

scan_check = Table(
    "scan_check",
    metadata,
    Column("event_id", Id, primary_key=True),
    Column("site", String, nullable=False),
    Column("station", String, nullable=False),
    Column("scanned_at", Instant, nullable=False),
    Column("text", String, nullable=False),
    Column("line", String, nullable=False, server_default="", comment="pick task, SSCC, or line of a notice that it counts for; empty: none"),
    Column("quantity", BigInteger, nullable=False, server_default="0", comment="pieces that count"),
    Column("serial", String, nullable=False, server_default=""),
    Column("checked", String, nullable=False, server_default="", comment="what the lamps showed: expected, unexpected, repeated; empty: not checked"),
    Column("work_version", BigInteger, nullable=False, server_default="0", comment="by which list"),
    Column("verdict", String, nullable=False, comment="by the plan when central heard of it: right, wrong, repeated"),
    Column("reason", String, nullable=False, server_default="", comment="code of the message that says what is wrong"),
    CheckConstraint("verdict IN ('right', 'wrong', 'repeated')", name="verdict_known"),
)
"""What came of scans at scan points that are checked."""
Index("ix_scan_check_line", scan_check.c.line)
Index("ix_scan_check_station", scan_check.c.site, scan_check.c.station, scan_check.c.scanned_at)

print_job = Table(
    "print_job",
    metadata,
    Column("id", String, primary_key=True, comment="that of its command"),
    Column("site", String(64), nullable=False),
    Column("gateway", String(64), nullable=False),
    Column("station", String(64), nullable=False, comment="the label point"),
    Column("device", String(64), nullable=False, server_default="", comment="the printer that it was printed on"),
    Column("title", String, nullable=False, server_default="", comment="what it is, for people"),
    Column("copies", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("labels", Integer, comment="that left the printer; NULL: it does not count"),
    Column("reason", Text, nullable=False, server_default=""),
    Column("actor", String, nullable=False, server_default=""),
    Column("again_of", String, nullable=False, server_default="", comment="the job that it prints once more"),
    Column("made_at", Instant, nullable=False),
    Column("ended_at", Instant),
    CheckConstraint("state IN ('sent', 'printed', 'taken', 'failed', 'unknown')", name="ck_print_job_state"),
)
"""Labels that gateways print. `taken`: the printer says nothing of itself; `unknown`: the link was lost in the middle, and nobody knows."""
Index("ix_print_job_made_at", print_job.c.made_at, print_job.c.id)
Index("ix_print_job_again_of", print_job.c.again_of)
_JOB_SENT = "state = 'sent'"
JOB_SENT = f"print_job.{_JOB_SENT}"
"""Jobs of which nobody knows yet what became of them."""
Index("ix_print_job_sent", print_job.c.made_at, sqlite_where=text(_JOB_SENT), postgresql_where=text(_JOB_SENT))
