# SPDX-License-Identifier: Apache-2.0
"""The first schema: the tables of all areas, and triggers that keep events and entries as they were written.

Written out, not taken from the tables' declarations: these change with the program, this revision never does.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_APPEND_ONLY = ("event", "entry", "block")


def _alarm() -> None:
    op.create_table(
        "alarm",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False, comment="id of the event that raised this occurrence"),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=False),
        sa.Column("alarm_id", sa.String(), nullable=False),
        sa.Column("condition", sa.String(), nullable=False),
        sa.Column("quantity", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True, comment="when the state changed last"),
        sa.Column("limit", sa.Float(), nullable=True),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False, comment="when the state changed last"),
        sa.Column("cleared_at", sa.BigInteger(), nullable=True, comment="when the condition went away, while it is away"),
        sa.Column("acknowledged_at", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_by", sa.String(), server_default="", nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=True, comment="when somebody asked the gateway to acknowledge it"),
        sa.Column("asked_by", sa.String(), server_default="", nullable=False),
        sa.Column("held", sa.Boolean(), server_default=sa.text("(false)"), nullable=False, comment="goods of the room were put on hold for this occurrence"),
        sa.CheckConstraint("state IN ('normal', 'unacknowledged', 'acknowledged', 'rtn_unacknowledged')", name="state_known"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm")),
    )
    op.create_index("ix_alarm_raised", "alarm", ["raised_at"], unique=False)
    op.create_index(
        "uq_alarm_standing",
        "alarm",
        ["site", "gateway", "alarm_id"],
        unique=True,
        sqlite_where=sa.text("state <> 'normal'"),
        postgresql_where=sa.text("state <> 'normal'"),
    )


def _api_key() -> None:
    op.create_table(
        "api_key",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_api_key")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_key_key_hash")),
    )


def _balance() -> None:
    op.create_table(
        "balance",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("lot", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("on_hand", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("expiry", sa.Date(), nullable=False),
        sa.Column("in_date", sa.BigInteger(), nullable=False),
        sa.Column("pick_rank", sa.Integer(), nullable=False),
        sa.Column("pickable", sa.Boolean(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("0 <= reserved AND reserved <= on_hand", name="ck_balance_reserved_within_on_hand"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_balance")),
        sa.UniqueConstraint("place", "item", "lot", "owner", "status", "unit", name=op.f("uq_balance_place_item_lot_owner_status_unit")),
    )
    op.create_index("ix_balance_fefo", "balance", ["site", "item", "status", "expiry", "in_date", "pick_rank", "id"], unique=False)
    op.create_index("ix_balance_unit", "balance", ["unit"], unique=False)


def _block() -> None:
    op.create_table(
        "block",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.Column("last_position", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site", "n", name=op.f("pk_block")),
    )
    op.create_index(op.f("ix_block_last_position"), "block", ["last_position"], unique=False)


def _customer_order() -> None:
    op.create_table(
        "customer_order",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("partner", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="open", nullable=False),
        sa.Column("ship_when", sa.String(), nullable=False),
        sa.Column("tote", sa.String(), server_default="", nullable=False, comment="code on the tote, as it is scanned at the weigh point"),
        sa.Column("tare_g", sa.Integer(), nullable=True, comment="the empty tote"),
        sa.Column("colour", sa.String(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.Column("picked_at", sa.BigInteger(), nullable=True),
        sa.Column("shipped_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("ship_when IN ('picked', 'weighed', 'asked')", name="ship_when_known"),
        sa.CheckConstraint("state IN ('open', 'released', 'picked', 'shipped', 'unfilled', 'cancelled')", name="state_known"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_order")),
        sa.UniqueConstraint("channel", "number", name=op.f("uq_customer_order_channel_number")),
    )
    op.create_index("ix_customer_order_state", "customer_order", ["site", "state"], unique=False)
    op.create_index("ix_customer_order_tote", "customer_order", ["tote"], unique=False)


def _event() -> None:
    op.create_table(
        "event",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_seq", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_event")),
        sa.UniqueConstraint("id", name=op.f("uq_event_id")),
        sa.UniqueConstraint("source", "source_seq", name=op.f("uq_event_source_source_seq")),
    )
    op.create_index("ix_event_kind_position", "event", ["kind", "position"], unique=False)


def _fence() -> None:
    op.create_table(
        "fence",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site", "item", name=op.f("pk_fence")),
    )


def _gateway() -> None:
    op.create_table(
        "gateway",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("enrolled_at", sa.BigInteger(), nullable=False),
        sa.Column("online", sa.Boolean(), nullable=False),
        sa.Column("boot_id", sa.String(), server_default="", nullable=False),
        sa.Column("session_id", sa.String(), server_default="", nullable=False),
        sa.Column("epoch", sa.String(), server_default="", nullable=False),
        sa.Column("version", sa.String(), server_default="", nullable=False),
        sa.Column("config_hash", sa.String(), server_default="", nullable=False),
        sa.Column("last_birth_at", sa.BigInteger(), nullable=True),
        sa.Column("last_death_at", sa.BigInteger(), nullable=True),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=True),
        sa.Column("pending_events", sa.BigInteger(), nullable=True),
        sa.Column("oldest_pending_s", sa.Integer(), nullable=True),
        sa.Column("rss_bytes", sa.BigInteger(), nullable=True),
        sa.Column("disk_free_bytes", sa.BigInteger(), nullable=True),
        sa.Column("devices_up", sa.Integer(), nullable=True),
        sa.Column("devices_down", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway")),
    )


def _item() -> None:
    op.create_table(
        "item",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("gtin", sa.String(), nullable=True, comment="14 digits, leading zeros kept"),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_zh", sa.String(), server_default="", nullable=False),
        sa.Column("uom", sa.String(), server_default="C62", nullable=False, comment="UN/CEFACT Recommendation 20"),
        sa.Column("unit_weight_g", sa.Integer(), nullable=True, comment="gross weight of one unit in grams"),
        sa.Column("shelf_life_days", sa.Integer(), nullable=True),
        sa.Column("condition", sa.String(), server_default="ambient", nullable=False),
        sa.Column("supplier", sa.String(), nullable=True, comment="partner who delivers it"),
        sa.CheckConstraint("condition IN ('ambient', 'chilled', 'frozen')", name="condition_known"),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_item")),
    )
    op.create_index("uq_item_gtin", "item", ["gtin"], unique=True, sqlite_where=sa.text("gtin IS NOT NULL"), postgresql_where=sa.text("gtin IS NOT NULL"))


def _location() -> None:
    op.create_table(
        "location",
        sa.Column("place", sa.String(), nullable=False, comment="site/code"),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("condition", sa.String(), server_default="ambient", nullable=False, comment="storage condition that the place offers"),
        sa.Column("zone", sa.String(), server_default="", nullable=False),
        sa.Column("pick_rank", sa.Integer(), server_default="0", nullable=False, comment="lower is visited first"),
        sa.Column("cold_room", sa.String(), server_default="", nullable=False, comment="station id of the cold room it lies in"),
        sa.Column("x_m", sa.Float(), nullable=True),
        sa.Column("y_m", sa.Float(), nullable=True),
        sa.CheckConstraint("condition IN ('ambient', 'chilled', 'frozen')", name="condition_known"),
        sa.CheckConstraint("kind IN ('bin', 'storage', 'stage', 'dock', 'shipped')", name="kind_known"),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_location")),
    )
    op.create_index("ix_location_cold_room", "location", ["site", "cold_room"], unique=False)
    op.create_index("uq_location_site_code", "location", ["site", "code"], unique=True)


def _mark() -> None:
    op.create_table(
        "mark",
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("applied", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("excepted", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("quarantined", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("duplicates", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("missing", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("moved_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "epoch", "lane", name=op.f("pk_mark")),
    )


def _measurement() -> None:
    op.create_table(
        "measurement",
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("quantity", sa.String(), nullable=False, comment="what and its unit, as in temperature_c"),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("historical", sa.Boolean(), nullable=False, comment="came by backfill"),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_measurement")),
    )
    op.create_index("ix_measurement_series", "measurement", ["site", "station", "quantity", "measured_at"], unique=False)


def _partner() -> None:
    op.create_table(
        "partner",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("gln", sa.String(), nullable=True),
        sa.CheckConstraint("kind IN ('supplier', 'customer', 'carrier')", name="kind_known"),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_partner")),
    )


def _passage() -> None:
    op.create_table(
        "passage",
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=False),
        sa.Column("passed_at", sa.BigInteger(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("sscc", sa.String(), server_default="", nullable=False),
        sa.Column("notice", sa.String(), server_default="", nullable=False),
        sa.Column("outcome", sa.String(), nullable=False, comment="received, differences, already_received, not_received, left, seen"),
        sa.Column("cases_seen", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cases_expected", sa.Integer(), nullable=True, comment="NULL without a ship notice"),
        sa.Column("strays", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False, comment="code of the message that says why it was not simply received"),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_passage")),
    )
    op.create_index("ix_passage_station", "passage", ["site", "station", "passed_at"], unique=False)


def _quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("epoch", sa.String(), server_default="", nullable=False),
        sa.Column("lane", sa.String(), server_default="", nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("came_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
        sa.UniqueConstraint("topic", "epoch", "seq", "body_hash", name=op.f("uq_quarantine_topic_epoch_seq_body_hash")),
    )
    op.create_index("ix_quarantine_came_at", "quarantine", ["came_at"], unique=False)


def _receipt() -> None:
    op.create_table(
        "receipt",
        sa.Column("sscc", sa.String(), nullable=False),
        sa.Column("notice", sa.String(), nullable=False),
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sscc", name=op.f("pk_receipt")),
    )


def _sensor_value() -> None:
    op.create_table(
        "sensor_value",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("quantity", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True, comment="NULL: never had one"),
        sa.Column("low_limit", sa.Float(), nullable=True, comment="in force when it was measured; NULL: none"),
        sa.Column("high_limit", sa.Float(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=True),
        sa.Column("failed_at", sa.BigInteger(), nullable=True, comment="NULL: the last answer was good"),
        sa.Column("failure", sa.String(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("site", "gateway", "device", "quantity", name=op.f("pk_sensor_value")),
    )


def _ship_notice() -> None:
    op.create_table(
        "ship_notice",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="open", nullable=False),
        sa.Column("expected_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'received', 'closed')", name="state_known"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_ship_notice")),
    )


def _work_order() -> None:
    op.create_table(
        "work_order",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="stable code: of a message, or of the domain error that stopped an event"),
        sa.Column("subject", sa.String(), nullable=False, comment="what it is about: an SSCC, an order, a bin, an item"),
        sa.Column("message", sa.Text(), nullable=False, comment="English"),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("site", sa.String(), server_default="", nullable=False),
        sa.Column("station", sa.String(), server_default="", nullable=False),
        sa.Column("priority", sa.Integer(), server_default="3", nullable=False, comment="1 is the most urgent of 4"),
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("state", sa.String(), server_default="open", nullable=False),
        sa.Column("owner", sa.String(), server_default="", nullable=False),
        sa.Column("resolution", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("resolved_by", sa.String(), server_default="", nullable=False),
        sa.CheckConstraint("state IN ('open', 'resolved')", name="state_known"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_order")),
    )
    op.create_index("ix_work_order_event", "work_order", ["event_id"], unique=False)
    op.create_index(
        "uq_work_order_open",
        "work_order",
        ["kind", "subject", "site"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )


def _zone() -> None:
    op.create_table(
        "zone",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), server_default="", nullable=False),
        sa.Column("station", sa.String(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("site", "id", name=op.f("pk_zone")),
    )


def _answer() -> None:
    op.create_table(
        "answer",
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_answer_event_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_answer")),
    )


def _command() -> None:
    op.create_table(
        "command",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column("station", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("deadline_at", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('pending', 'done', 'refused', 'expired', 'unanswered')", name="ck_command_state"),
        sa.ForeignKeyConstraint(["gateway"], ["gateway.id"], name=op.f("fk_command_gateway")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_command")),
    )
    op.create_index(
        "ix_command_pending", "command", ["made_at"], unique=False, sqlite_where=sa.text("state = 'pending'"), postgresql_where=sa.text("state = 'pending'")
    )


def _device() -> None:
    op.create_table(
        "device",
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["gateway"], ["gateway.id"], name=op.f("fk_device_gateway")),
        sa.PrimaryKeyConstraint("gateway", "device", name=op.f("pk_device")),
    )


def _entry() -> None:
    op.create_table(
        "entry",
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("lot", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("value_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity <> 0 OR value_minor <> 0", name="ck_entry_says_something"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_entry_event_id")),
        sa.PrimaryKeyConstraint("event_id", "n", name=op.f("pk_entry")),
    )
    op.create_index("ix_entry_item_place", "entry", ["item", "place"], unique=False)
    op.create_index("ix_entry_lot", "entry", ["lot", "item"], unique=False)


def _hold() -> None:
    op.create_table(
        "hold",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("alarm", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("lot", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), server_default="held", nullable=False),
        sa.Column("held_at", sa.BigInteger(), nullable=False),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.Column("released_by", sa.String(), server_default="", nullable=False),
        sa.CheckConstraint("state IN ('held', 'released')", name="state_known"),
        sa.ForeignKeyConstraint(["alarm"], ["alarm.id"], name=op.f("fk_hold_alarm")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold")),
        sa.UniqueConstraint("alarm", "place", "item", "lot", "owner", "unit", name=op.f("uq_hold_alarm_place_item_lot_owner_unit")),
    )
    op.create_index(op.f("ix_hold_alarm"), "hold", ["alarm"], unique=False)


def _lot() -> None:
    op.create_table(
        "lot",
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("lot", sa.String(), nullable=False, comment="GS1 AI 10, up to 20 characters; '' for goods without lots has no row"),
        sa.Column("expiry", sa.Date(), nullable=True, comment="GS1 AI 17: the last day of use"),
        sa.ForeignKeyConstraint(["item"], ["item.code"], name=op.f("fk_lot_item")),
        sa.PrimaryKeyConstraint("item", "lot", name=op.f("pk_lot")),
    )


def _order_line() -> None:
    op.create_table(
        "order_line",
        sa.Column("id", sa.String(), nullable=False, comment="order id/line number"),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("promised", sa.BigInteger(), nullable=False, comment="answered at order entry; counts against other orders until the release"),
        sa.Column("picked", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("short", sa.BigInteger(), server_default="0", nullable=False, comment="after the release: what no task asks for and nobody picked"),
        sa.CheckConstraint("0 <= picked AND 0 <= short AND picked + short <= quantity", name="answered_within_quantity"),
        sa.CheckConstraint("quantity > 0 AND 0 <= promised AND promised <= quantity", name="promised_within_quantity"),
        sa.ForeignKeyConstraint(["item"], ["item.code"], name=op.f("fk_order_line_item")),
        sa.ForeignKeyConstraint(["order_id"], ["customer_order.id"], name=op.f("fk_order_line_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_line")),
    )
    op.create_index("ix_order_line_item", "order_line", ["item"], unique=False)
    op.create_index(op.f("ix_order_line_order_id"), "order_line", ["order_id"], unique=False)


def _proposal() -> None:
    op.create_table(
        "proposal",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False, comment="the bin to fill; the site for a purchase"),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.JSON(), nullable=False, comment="on_hand, reserved, incoming, minimum, maximum, projected, sources"),
        sa.Column("state", sa.String(), server_default="open", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.String(), server_default="", nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('shelf', 'purchase')", name="kind_known"),
        sa.CheckConstraint("state IN ('open', 'accepted', 'rejected', 'withdrawn')", name="state_known"),
        sa.CheckConstraint("quantity > 0", name="quantity_positive"),
        sa.ForeignKeyConstraint(["item"], ["item.code"], name=op.f("fk_proposal_item")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
    )
    op.create_index(
        "uq_proposal_open",
        "proposal",
        ["kind", "item", "place"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )


def _purchase_line() -> None:
    op.create_table(
        "purchase_line",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("noticed", sa.BigInteger(), server_default="0", nullable=False, comment="of it, what ship notices announce by now"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0 AND 0 <= noticed AND noticed <= quantity", name="noticed_within_quantity"),
        sa.ForeignKeyConstraint(["item"], ["item.code"], name=op.f("fk_purchase_line_item")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purchase_line")),
    )
    op.create_index("ix_purchase_line_item", "purchase_line", ["site", "item"], unique=False)


def _reservation() -> None:
    op.create_table(
        "reservation",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("lot", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("expiry", sa.Date(), nullable=False),
        sa.Column("in_date", sa.BigInteger(), nullable=False),
        sa.Column("pick_rank", sa.Integer(), nullable=False),
        sa.Column("min_expiry", sa.Date(), nullable=True),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("deadline_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('pending', 'posted', 'void', 'timed_out')", name="ck_reservation_state"),
        sa.CheckConstraint("0 <= taken AND taken <= quantity AND quantity > 0", name="ck_reservation_taken_within_quantity"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_reservation_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservation")),
        sa.UniqueConstraint("event_id", "line_id", "place", "lot", "owner", "unit", name=op.f("uq_reservation_event_id_line_id_place_lot_owner_unit")),
    )
    op.create_index("ix_reservation_line", "reservation", ["line_id"], unique=False)
    op.create_index(
        "ix_reservation_pending",
        "reservation",
        ["site", "item"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )


def _ship_notice_pallet() -> None:
    op.create_table(
        "ship_notice_pallet",
        sa.Column("sscc", sa.String(), nullable=False, comment="18 digits"),
        sa.Column("notice", sa.String(), nullable=False),
        sa.Column("tare_g", sa.Integer(), nullable=True, comment="pallet and wrapping without goods, for the weigh check"),
        sa.ForeignKeyConstraint(["notice"], ["ship_notice.number"], name=op.f("fk_ship_notice_pallet_notice")),
        sa.PrimaryKeyConstraint("sscc", name=op.f("pk_ship_notice_pallet")),
    )
    op.create_index(op.f("ix_ship_notice_pallet_notice"), "ship_notice_pallet", ["notice"], unique=False)


def _stock_level() -> None:
    op.create_table(
        "stock_level",
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False, comment="site/location for a bin, the site alone for the whole site"),
        sa.Column("minimum", sa.Integer(), nullable=False),
        sa.Column("maximum", sa.Integer(), nullable=False),
        sa.CheckConstraint("0 <= minimum AND minimum <= maximum", name="minimum_below_maximum"),
        sa.ForeignKeyConstraint(["item"], ["item.code"], name=op.f("fk_stock_level_item")),
        sa.PrimaryKeyConstraint("item", "place", name=op.f("pk_stock_level")),
    )


def _weight_record() -> None:
    op.create_table(
        "weight_record",
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=False),
        sa.Column("weighed_at", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.String(), server_default="", nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("value", sa.String(), nullable=False, comment="as the scale sent it"),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False, comment="the raw line"),
        sa.Column("net", sa.Boolean(), nullable=False),
        sa.Column("weight_mg", sa.BigInteger(), nullable=False),
        sa.Column("expected_mg", sa.BigInteger(), nullable=True),
        sa.Column("tolerance_mg", sa.BigInteger(), nullable=True),
        sa.Column("verdict", sa.String(), nullable=False, comment="right, wrong, cannot_decide; empty without a known subject"),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["customer_order.id"], name=op.f("fk_weight_record_order_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_weight_record")),
    )
    op.create_index("ix_weight_record_station", "weight_record", ["site", "station", "weighed_at"], unique=False)


def _pick_task() -> None:
    op.create_table(
        "pick_task",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("reservation_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), server_default="", nullable=False, comment="empty: picked from the list"),
        sa.Column("gateway", sa.String(), server_default="", nullable=False),
        sa.Column("station", sa.String(), server_default="", nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("bin", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("lot", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), server_default="", nullable=False),
        sa.Column("unit", sa.String(), server_default="", nullable=False, comment="handling unit that the goods lie on"),
        sa.Column("requested", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("state", sa.String(), server_default="lit", nullable=False),
        sa.Column("second_try", sa.Boolean(), server_default=sa.text("(false)"), nullable=False, comment="made after a short pick elsewhere"),
        sa.Column("colour", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('lit', 'listed', 'done', 'short', 'cancelled')", name="state_known"),
        sa.CheckConstraint("requested > 0 AND 0 <= taken AND taken <= requested", name="taken_within_requested"),
        sa.ForeignKeyConstraint(["line_id"], ["order_line.id"], name=op.f("fk_pick_task_line_id")),
        sa.ForeignKeyConstraint(["order_id"], ["customer_order.id"], name=op.f("fk_pick_task_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pick_task")),
        sa.UniqueConstraint("reservation_id", name=op.f("uq_pick_task_reservation_id")),
    )
    op.create_index(op.f("ix_pick_task_order_id"), "pick_task", ["order_id"], unique=False)
    op.create_index("ix_pick_task_station", "pick_task", ["site", "station", "state"], unique=False)


def _ship_notice_line() -> None:
    op.create_table(
        "ship_notice_line",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("notice", sa.String(), nullable=False),
        sa.Column("sscc", sa.String(), nullable=True, comment="NULL: loose goods"),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("lot", sa.String(), nullable=False),
        sa.Column("expiry", sa.Date(), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("quantity > 0 AND 0 <= received AND received <= quantity", name="received_within_quantity"),
        sa.ForeignKeyConstraint(["item"], ["item.code"], name=op.f("fk_ship_notice_line_item")),
        sa.ForeignKeyConstraint(["notice"], ["ship_notice.number"], name=op.f("fk_ship_notice_line_notice")),
        sa.ForeignKeyConstraint(["sscc"], ["ship_notice_pallet.sscc"], name=op.f("fk_ship_notice_line_sscc")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ship_notice_line")),
    )
    op.create_index(op.f("ix_ship_notice_line_notice"), "ship_notice_line", ["notice"], unique=False)
    op.create_index(op.f("ix_ship_notice_line_sscc"), "ship_notice_line", ["sscc"], unique=False)


def _discrepancy() -> None:
    op.create_table(
        "discrepancy",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("notice", sa.String(), server_default="", nullable=False),
        sa.Column("sscc", sa.String(), server_default="", nullable=False),
        sa.Column("line", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("item", sa.String(), server_default="", nullable=False),
        sa.Column("lot", sa.String(), server_default="", nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False, comment="in the item's unit; 0 when the item is not known"),
        sa.Column("cases", sa.JSON(), nullable=False, comment="list of [gtin, serial]"),
        sa.Column("place", sa.String(), server_default="", nullable=False, comment="where the rest of the pallet was put"),
        sa.Column("work_order", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("state", sa.String(), server_default="open", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'accepted', 'found')", name="state_known"),
        sa.ForeignKeyConstraint(["line"], ["ship_notice_line.id"], name=op.f("fk_discrepancy_line")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discrepancy")),
    )
    op.create_index(op.f("ix_discrepancy_event_id"), "discrepancy", ["event_id"], unique=False)


def _ship_notice_case() -> None:
    op.create_table(
        "ship_notice_case",
        sa.Column("gtin", sa.String(), nullable=False),
        sa.Column("serial", sa.String(), nullable=False),
        sa.Column("line", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seen", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.ForeignKeyConstraint(["line"], ["ship_notice_line.id"], name=op.f("fk_ship_notice_case_line")),
        sa.PrimaryKeyConstraint("gtin", "serial", "line", name=op.f("pk_ship_notice_case")),
    )
    op.create_index("ix_ship_notice_case_line", "ship_notice_case", ["line"], unique=False)


_TABLES = (
    _alarm,
    _api_key,
    _balance,
    _block,
    _customer_order,
    _event,
    _fence,
    _gateway,
    _item,
    _location,
    _mark,
    _measurement,
    _partner,
    _passage,
    _quarantine,
    _receipt,
    _sensor_value,
    _ship_notice,
    _work_order,
    _zone,
    _answer,
    _command,
    _device,
    _entry,
    _hold,
    _lot,
    _order_line,
    _proposal,
    _purchase_line,
    _reservation,
    _ship_notice_pallet,
    _stock_level,
    _weight_record,
    _pick_task,
    _ship_notice_line,
    _discrepancy,
    _ship_notice_case,
)


def upgrade() -> None:
    """Create the tables and the triggers."""
    connection = op.get_bind()
    for create in _TABLES:
        create()
    if connection.dialect.name == "postgresql":
        _postgresql_triggers()
    else:
        _sqlite_triggers()


def _sqlite_triggers() -> None:
    for table in _APPEND_ONLY:
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} BEGIN "
                f"SELECT RAISE(ABORT, '{table} is append-only: correct it by another event'); END"
            )


def _postgresql_triggers() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '% is append-only: correct it by another event', TG_TABLE_NAME; END $$"
    )
    for table in _APPEND_ONLY:
        op.execute(f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")


def downgrade() -> None:
    """Drop everything."""
    connection = op.get_bind()
    for create in reversed(_TABLES):
        op.drop_table(create.__name__.removeprefix("_"))
    if connection.dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change()")
