# SPDX-License-Identifier: Apache-2.0
"""Stock in full: catalogue, handling units, orders by day and site, waves and tours, packing and shipping, counts, webhooks.

Written out, not taken from the tables' declarations: these change with the program, this revision never does. What is stored is kept.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("event", "entry", "block")


def _new_aisle() -> None:
    op.create_table(
        "aisle",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), server_default="", nullable=False),
        sa.Column("x_m", sa.Float(), nullable=False, comment="of its middle line"),
        sa.Column("y_from_m", sa.Float(), nullable=False),
        sa.Column("y_to_m", sa.Float(), nullable=False),
        sa.Column("direction", sa.String(), server_default="both", nullable=False, comment="both, up (towards higher y) or down"),
        sa.CheckConstraint("direction IN ('both', 'up', 'down')", name="direction_known"),
        sa.CheckConstraint("y_from_m < y_to_m", name="has_a_length"),
        sa.PrimaryKeyConstraint("site", "code", name=op.f("pk_aisle")),
    )


def _change_balance() -> None:
    with op.batch_alter_table("balance", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("storage", sa.Boolean(), server_default=sa.text("(false)"), nullable=False, comment="a handling unit may leave it whole, pieces may not")
        )
        batch_op.add_column(
            sa.Column("locked", sa.Boolean(), server_default=sa.text("(false)"), nullable=False, comment="nothing is taken from the place for now")
        )
        batch_op.add_column(sa.Column("held", sa.Boolean(), server_default=sa.text("(false)"), nullable=False, comment="the lot is recalled"))


def _new_carrier_account() -> None:
    op.create_table(
        "carrier_account",
        sa.Column("code", sa.String(), nullable=False, comment="as orders name the carrier"),
        sa.Column("adapter", sa.String(), nullable=False),
        sa.Column("base_url", sa.String(), nullable=False),
        sa.Column("client", sa.String(), nullable=False, comment="partner id or app key"),
        sa.Column("secret", sa.String(), nullable=False, comment="check word or app secret"),
        sa.Column("token", sa.String(), server_default="", nullable=False, comment="access token, where the carrier has one"),
        sa.Column("account", sa.String(), server_default="", nullable=False, comment="monthly card or customer code that pays"),
        sa.Column("service", sa.String(), server_default="", nullable=False, comment="product when the order names none"),
        sa.Column("push_token", sa.String(), server_default="", nullable=False, comment="what the carrier's pushes carry in their address"),
        sa.Column("active", sa.Boolean(), server_default=sa.text("(true)"), nullable=False),
        sa.CheckConstraint("adapter IN ('sf', 'jd')", name="adapter_known"),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_carrier_account")),
    )


def _new_carton_type() -> None:
    op.create_table(
        "carton_type",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), server_default="", nullable=False),
        sa.Column("kind", sa.String(), server_default="carton", nullable=False),
        sa.Column("inner_length_mm", sa.Integer(), nullable=False),
        sa.Column("inner_width_mm", sa.Integer(), nullable=False),
        sa.Column("inner_height_mm", sa.Integer(), nullable=False),
        sa.Column("outer_length_mm", sa.Integer(), nullable=False),
        sa.Column("outer_width_mm", sa.Integer(), nullable=False),
        sa.Column("outer_height_mm", sa.Integer(), nullable=False),
        sa.Column("tare_g", sa.Integer(), nullable=False),
        sa.Column("max_weight_g", sa.Integer(), nullable=False, comment="of the contents"),
        sa.Column("cost_minor", sa.Integer(), server_default="0", nullable=False),
        sa.Column("insulated", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("available", sa.Boolean(), server_default=sa.text("(true)"), nullable=False),
        sa.CheckConstraint("kind IN ('carton', 'tote', 'pallet')", name="kind_known"),
        sa.CheckConstraint("inner_length_mm > 0 AND inner_width_mm > 0 AND inner_height_mm > 0", name="holds_something"),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_carton_type")),
    )


def _new_count_job() -> None:
    op.create_table(
        "count_job",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False, comment="the fact that planned it"),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("name", sa.String(), server_default="", nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False, comment="counters do not see what the books say"),
        sa.Column("frozen", sa.Boolean(), nullable=False, comment="its places are locked until they are settled"),
        sa.Column("scope", sa.JSON(), nullable=False, comment="as it was asked: zone, aisle, items, sample size, seed, limit"),
        sa.Column("tolerance_units", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("tolerance_permille", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "approval_units",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="a difference up to this, said by two counters, needs no third person",
        ),
        sa.Column("state", sa.String(), server_default="open", nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('cycle', 'periodic', 'random', 'dynamic', 'asked')", name="kind_known"),
        sa.CheckConstraint("state IN ('open', 'done', 'cancelled')", name="state_known"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_count_job")),
    )
    with op.batch_alter_table("count_job", schema=None) as batch_op:
        batch_op.create_index("ix_count_job_state", ["site", "state"], unique=False)


def _new_count_sheet() -> None:
    op.create_table(
        "count_sheet",
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("count_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("counter", sa.String(), nullable=False),
        sa.Column("by", sa.String(), server_default="hand", nullable=False, comment="hand or rfid"),
        sa.Column("counted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_count_sheet")),
    )
    with op.batch_alter_table("count_sheet", schema=None) as batch_op:
        batch_op.create_index("uq_count_sheet_round", ["count_id", "place", "round"], unique=True)


def _new_cross_aisle() -> None:
    op.create_table(
        "cross_aisle",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("y_m", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("site", "code", name=op.f("pk_cross_aisle")),
    )


def _change_customer_order() -> None:
    with op.batch_alter_table("customer_order", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("parent_id", sa.Uuid(as_uuid=False), nullable=True, comment="the order that this is a part of: another site's share, or a backorder")
        )
        batch_op.add_column(sa.Column("role", sa.String(), server_default="order", nullable=False, comment="order, share (of a split order) or backorder"))
        batch_op.add_column(sa.Column("owner", sa.String(), server_default="", nullable=False, comment="whose goods are sent; empty: our own"))
        batch_op.add_column(sa.Column("priority", sa.Integer(), server_default="5", nullable=False, comment="1 is served first, 9 last"))
        batch_op.add_column(sa.Column("due_at", sa.BigInteger(), nullable=True, comment="when it must leave"))
        batch_op.add_column(
            sa.Column(
                "backorders",
                sa.String(),
                server_default="backorder",
                nullable=False,
                comment="what becomes of what is not there: backorder, drop, or wait for all",
            )
        )
        batch_op.add_column(sa.Column("substitutes", sa.Boolean(), server_default=sa.text("(false)"), nullable=False, comment="the customer takes substitutes"))
        batch_op.add_column(sa.Column("min_remaining_days", sa.Integer(), nullable=True, comment="asked by this order; empty: the customer's rule"))
        batch_op.add_column(sa.Column("carrier", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("service", sa.String(), server_default="", nullable=False, comment="the carrier's product"))
        batch_op.add_column(sa.Column("address", sa.JSON(), nullable=True, comment="name, phone, province, city, district, street, postcode, country"))
        batch_op.add_column(sa.Column("wave_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("held", sa.String(), server_default="", nullable=False, comment="why it waits and is not released; empty: it does not"))
        batch_op.add_column(
            sa.Column(
                "waits",
                sa.Boolean(),
                server_default=sa.text("(false)"),
                nullable=False,
                comment="for goods that are not there yet: it is released by itself when they are",
            )
        )
        batch_op.add_column(
            sa.Column("lateness", sa.String(), server_default="", nullable=False, comment="what a person was told: at_risk, late; empty: nothing yet")
        )
        batch_op.add_column(sa.Column("sourcing", sa.JSON(), nullable=True, comment="which sites were looked at, which were chosen, and why"))
        batch_op.create_index("ix_customer_order_due", ["state", "due_at"], unique=False)
        batch_op.create_index(op.f("ix_customer_order_parent_id"), ["parent_id"], unique=False)
        batch_op.create_index(op.f("ix_customer_order_wave_id"), ["wave_id"], unique=False)
        batch_op.create_foreign_key(op.f("fk_customer_order_parent_id"), "customer_order", ["parent_id"], ["id"])
        batch_op.drop_constraint("state_known", type_="check")
        batch_op.create_check_constraint("backorders_known", "backorders IN ('backorder', 'drop', 'wait')")
        batch_op.create_check_constraint("state_known", "state IN ('open', 'released', 'picked', 'shipped', 'unfilled', 'cancelled', 'split')")
        batch_op.create_check_constraint("priority_known", "priority BETWEEN 1 AND 9")
        batch_op.create_check_constraint("role_known", "role IN ('order', 'share', 'backorder')")


def _change_discrepancy() -> None:
    with op.batch_alter_table("discrepancy", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_discrepancy_sscc"), ["sscc"], unique=False)


def _new_handling_unit() -> None:
    op.create_table(
        "handling_unit",
        sa.Column("sscc", sa.String(), nullable=False, comment="18 digits, or a name of the house"),
        sa.Column("kind", sa.String(), nullable=False, comment="pallet, case, tote, carton"),
        sa.Column("parent", sa.String(), nullable=True, comment="what it stands on or in"),
        sa.Column("site", sa.String(), server_default="", nullable=False),
        sa.Column("place", sa.String(), server_default="", nullable=False, comment="where it stands; empty when it left"),
        sa.Column("state", sa.String(), server_default="open", nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.Uuid(as_uuid=False), nullable=True, comment="event"),
        sa.CheckConstraint("kind IN ('pallet', 'case', 'tote', 'carton')", name="kind_known"),
        sa.CheckConstraint("state IN ('open', 'closed', 'in_transit', 'shipped', 'dissolved')", name="state_known"),
        sa.CheckConstraint("parent IS NULL OR parent <> sscc", name="not_in_itself"),
        sa.ForeignKeyConstraint(["parent"], ["handling_unit.sscc"], name=op.f("fk_handling_unit_parent")),
        sa.PrimaryKeyConstraint("sscc", name=op.f("pk_handling_unit")),
    )
    with op.batch_alter_table("handling_unit", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_handling_unit_parent"), ["parent"], unique=False)
        batch_op.create_index("ix_handling_unit_place", ["place"], unique=False)


def _new_import_batch() -> None:
    op.create_table(
        "import_batch",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), server_default="", nullable=False),
        sa.Column("actor", sa.String(), server_default="", nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.Column("undone_by", sa.String(), server_default="", nullable=False),
        sa.CheckConstraint("new >= 0 AND changed >= 0 AND unchanged >= 0", name="counts_not_negative"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_batch")),
    )
    with op.batch_alter_table("import_batch", schema=None) as batch_op:
        batch_op.create_index("ix_import_batch_made", ["made_at", "id"], unique=False)


def _change_item() -> None:
    with op.batch_alter_table("item", schema=None) as batch_op:
        batch_op.add_column(sa.Column("category", sa.String(), server_default="", nullable=False))
        batch_op.add_column(
            sa.Column(
                "tracking",
                sa.String(),
                server_default="lot",
                nullable=False,
                comment="none, lot (lots where they are said) or serial (every unit has its number)",
            )
        )
        batch_op.add_column(
            sa.Column(
                "removal", sa.String(), server_default="fefo", nullable=False, comment="which stock leaves first: fefo, fifo, lifo, closest, least_packages"
            )
        )
        batch_op.add_column(
            sa.Column(
                "catch_weight",
                sa.Boolean(),
                server_default=sa.text("(false)"),
                nullable=False,
                comment="each unit weighs differently and is invoiced by weight",
            )
        )
        batch_op.add_column(
            sa.Column("hazard_class", sa.String(), server_default="", nullable=False, comment="UN class of dangerous goods, e.g. 3 or 8; empty: none")
        )
        batch_op.add_column(
            sa.Column("handling", sa.String(), server_default="", nullable=False, comment="words, comma between: fragile, upright, no_stack, heavy, liquid")
        )
        batch_op.add_column(sa.Column("length_mm", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("width_mm", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("height_mm", sa.Integer(), nullable=True))
        batch_op.add_column(
            sa.Column(
                "search",
                sa.String(),
                server_default="",
                nullable=False,
                comment="code, names, pinyin and its initials in lower case, for typing a few letters of",
            )
        )
        batch_op.drop_index(op.f("uq_item_gtin"), sqlite_where=sa.text("gtin IS NOT NULL"))
        batch_op.create_index("ix_item_gtin", ["gtin"], unique=False)
        batch_op.create_check_constraint("removal_known", "removal IN ('fefo', 'fifo', 'lifo', 'closest', 'least_packages')")
        batch_op.create_check_constraint("tracking_known", "tracking IN ('none', 'lot', 'serial')")


def _new_lamp_test() -> None:
    op.create_table(
        "lamp_test",
        sa.Column("command_id", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), server_default="asked", nullable=False),
        sa.Column("tested", sa.Integer(), server_default="0", nullable=False),
        sa.Column("dead", sa.JSON(), nullable=True, comment="bins whose lamps stayed dark"),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('asked', 'done', 'failed')", name="state_known"),
        sa.PrimaryKeyConstraint("command_id", name=op.f("pk_lamp_test")),
    )


def _new_load() -> None:
    op.create_table(
        "load",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False, comment="the fact that planned it"),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("door", sa.String(), server_default="", nullable=False, comment="station where it is loaded; empty: any"),
        sa.Column("vehicle", sa.String(), server_default="", nullable=False),
        sa.Column("route", sa.String(), server_default="", nullable=False),
        sa.Column("carrier", sa.String(), server_default="", nullable=False),
        sa.Column("state", sa.String(), server_default="open", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'closed', 'cancelled')", name="state_known"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_load")),
        sa.UniqueConstraint("site", "number", name=op.f("uq_load_site_number")),
    )
    with op.batch_alter_table("load", schema=None) as batch_op:
        batch_op.create_index("ix_load_door", ["site", "door", "state"], unique=False)


def _change_location() -> None:
    with op.batch_alter_table("location", schema=None) as batch_op:
        batch_op.add_column(sa.Column("z_m", sa.Float(), nullable=True, comment="height of its floor: the level"))
        batch_op.add_column(sa.Column("aisle", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("capacity_units", sa.BigInteger(), nullable=True, comment="smallest units of whatever lies there; empty: not limited"))
        batch_op.add_column(sa.Column("capacity_g", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("capacity_cm3", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("mixed_items", sa.Boolean(), server_default=sa.text("(true)"), nullable=False))
        batch_op.add_column(sa.Column("mixed_lots", sa.Boolean(), server_default=sa.text("(true)"), nullable=False))
        batch_op.add_column(sa.Column("locked", sa.String(), server_default="", nullable=False, comment="in, out or both: nothing is put there, taken there"))
        batch_op.add_column(
            sa.Column(
                "hazard_classes", sa.String(), server_default="", nullable=False, comment="UN classes that may lie there, comma between; * for all; empty: none"
            )
        )
        batch_op.drop_constraint("kind_known", type_="check")
        batch_op.create_check_constraint("kind_known", "kind IN ('bin', 'storage', 'stage', 'dock', 'shipped', 'transit', 'pack', 'start')")
        batch_op.create_check_constraint("locked_known", "locked IN ('', 'in', 'out', 'both')")


def _change_partner() -> None:
    with op.batch_alter_table("partner", schema=None) as batch_op:
        batch_op.add_column(sa.Column("grp", sa.String(), server_default="", nullable=False, comment="customer group, for waves and rules"))
        batch_op.add_column(
            sa.Column("min_remaining_days", sa.Integer(), server_default="0", nullable=False, comment="what is sent to it keeps at least so long")
        )
        batch_op.add_column(sa.Column("priority", sa.Integer(), server_default="5", nullable=False, comment="1 is served first, 9 last"))
        batch_op.add_column(sa.Column("carrier", sa.String(), server_default="", nullable=False, comment="who carries its orders"))
        batch_op.add_column(
            sa.Column(
                "backorders",
                sa.String(),
                server_default="backorder",
                nullable=False,
                comment="what becomes of what is not there: backorder, drop, or wait for all",
            )
        )
        batch_op.add_column(sa.Column("address", sa.JSON(), nullable=True, comment="name, phone, province, city, district, street, postcode, country"))
        batch_op.add_column(sa.Column("latitude_deg", sa.Float(), nullable=True))
        batch_op.add_column(sa.Column("longitude_deg", sa.Float(), nullable=True))
        batch_op.add_column(sa.Column("search", sa.String(), server_default="", nullable=False, comment="as of an item"))
        batch_op.drop_constraint("kind_known", type_="check")
        batch_op.create_check_constraint("kind_known", "kind IN ('supplier', 'customer', 'carrier', 'owner')")
        batch_op.create_check_constraint("backorders_known", "backorders IN ('backorder', 'drop', 'wait')")


def _new_picker_session() -> None:
    op.create_table(
        "picker_session",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False, comment="the fact that began it"),
        sa.Column("picker", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), server_default="", nullable=False, comment="empty: all zones"),
        sa.Column("colour", sa.String(), nullable=False),
        sa.Column(
            "auto",
            sa.Boolean(),
            server_default=sa.text("(false)"),
            nullable=False,
            comment="gets the next walk without asking: works at lights, without a screen",
        ),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True, comment="empty: still here"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_picker_session")),
    )
    with op.batch_alter_table("picker_session", schema=None) as batch_op:
        batch_op.create_index("ix_picker_session_site", ["site", "until"], unique=False)
        batch_op.create_index(
            "uq_picker_session_here", ["picker"], unique=True, sqlite_where=sa.text("until IS NULL"), postgresql_where=sa.text("until IS NULL")
        )


def _new_reason() -> None:
    op.create_table(
        "reason",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="loss, damage, adjustment, return, hold, short"),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_zh", sa.String(), server_default="", nullable=False),
        sa.CheckConstraint("kind IN ('loss', 'damage', 'adjustment', 'return', 'hold', 'short')", name="kind_known"),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_reason")),
    )


def _change_receipt() -> None:
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.drop_constraint("pk_receipt", type_="primary")
        batch_op.create_primary_key("pk_receipt", ["sscc", "notice"])


def _new_request_answer() -> None:
    op.create_table(
        "request_answer",
        sa.Column("caller", sa.String(length=64), nullable=False, comment="name of the API key; empty where none is asked for"),
        sa.Column("key", sa.String(length=200), nullable=False, comment="header Idempotency-Key"),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False, comment="SHA-256 over method, path, query and body"),
        sa.Column("runner", sa.String(length=32), nullable=False, comment="the attempt that may write the answer"),
        sa.Column("leased_until", sa.BigInteger(), nullable=False, comment="not answered by then: that attempt died"),
        sa.Column("status", sa.Integer(), nullable=True, comment="null while it runs"),
        sa.Column("headers", sa.JSON(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "key", name=op.f("pk_request_answer")),
    )
    with op.batch_alter_table("request_answer", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_request_answer_made_at"), ["made_at"], unique=False)


def _new_serial_move() -> None:
    op.create_table(
        "serial_move",
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("serial", sa.String(), nullable=False),
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False, comment="a serial may move more than once in one event"),
        sa.Column("from_place", sa.String(), nullable=False),
        sa.Column("to_place", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("moved_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("item", "serial", "event_id", "n", name=op.f("pk_serial_move")),
    )
    with op.batch_alter_table("serial_move", schema=None) as batch_op:
        batch_op.create_index("ix_serial_move_event", ["event_id"], unique=False)


def _change_ship_notice() -> None:
    with op.batch_alter_table("ship_notice", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "source_place", sa.String(), server_default="", nullable=False, comment="place in transit that the goods come from; empty: from the supplier"
            )
        )


def _new_shipping_site() -> None:
    op.create_table(
        "shipping_site",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("company_prefix", sa.String(), nullable=False),
        sa.Column("extension", sa.String(), server_default="0", nullable=False),
        sa.Column("sender", sa.JSON(), nullable=True, comment="address of the sender: name, phone, province, city, district, street, postcode, country"),
        sa.Column(
            "carrier", sa.String(), server_default="", nullable=False, comment="who carries when neither order nor customer say; empty: our own vehicles"
        ),
        sa.Column(
            "place_when", sa.String(), server_default="shipped", nullable=False, comment="when a carrier's order is placed: package packed, or order shipped"
        ),
        sa.Column("ship_when", sa.String(), server_default="asked", nullable=False, comment="what sends an order that does not say it: picked, weighed, asked"),
        sa.Column("printer", sa.String(), server_default="", nullable=False, comment="host:port of the label printer"),
        sa.Column("dpi", sa.Integer(), server_default="203", nullable=False),
        sa.CheckConstraint("place_when IN ('packed', 'shipped')", name="place_when_known"),
        sa.CheckConstraint("ship_when IN ('picked', 'weighed', 'asked')", name="ship_when_known"),
        sa.PrimaryKeyConstraint("site", name=op.f("pk_shipping_site")),
    )


def _new_site() -> None:
    op.create_table(
        "site",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), server_default="", nullable=False),
        sa.Column("name_zh", sa.String(), server_default="", nullable=False),
        sa.Column("kind", sa.String(), server_default="warehouse", nullable=False),
        sa.Column("latitude_deg", sa.Float(), nullable=True),
        sa.Column("longitude_deg", sa.Float(), nullable=True),
        sa.Column("time_zone", sa.String(), server_default="UTC", nullable=False, comment="IANA name, for cut-offs and days"),
        sa.Column("lines_per_day", sa.Integer(), nullable=True, comment="what it can pick in a day; empty: not limited"),
        sa.Column("cutoff", sa.String(), server_default="", nullable=False, comment="HH:MM local: orders after it leave the next day; empty: none"),
        sa.Column("ships_orders", sa.Boolean(), server_default=sa.text("(true)"), nullable=False),
        sa.CheckConstraint("kind IN ('warehouse', 'store', 'hub')", name="kind_known"),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_site")),
    )


def _new_snapshot_taken() -> None:
    op.create_table(
        "snapshot_taken",
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("basis", "at", name=op.f("pk_snapshot_taken")),
    )


def _new_sscc_range() -> None:
    op.create_table(
        "sscc_range",
        sa.Column("site", sa.String(), nullable=False, comment="empty: all sites without their own"),
        sa.Column("prefix", sa.String(), nullable=False, comment="extension digit and GS1 company prefix"),
        sa.PrimaryKeyConstraint("site", name=op.f("pk_sscc_range")),
    )


def _new_sscc_series() -> None:
    op.create_table(
        "sscc_series",
        sa.Column("prefix", sa.String(), nullable=False, comment="extension digit and GS1 company prefix"),
        sa.Column("next", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("next >= 0", name="counts_up"),
        sa.PrimaryKeyConstraint("prefix", name=op.f("pk_sscc_series")),
    )


def _new_stock_opening() -> None:
    op.create_table(
        "stock_opening",
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("batch", sa.Uuid(as_uuid=False), nullable=False, comment="the import that opened it"),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_stock_opening")),
    )


def _new_stock_rule() -> None:
    op.create_table(
        "stock_rule",
        sa.Column("site", sa.String(), nullable=False, comment="empty: all sites"),
        sa.Column("item", sa.String(), nullable=False, comment="empty: all items"),
        sa.Column(
            "near_expiry_days", sa.Integer(), nullable=True, comment="warn so many days before the last day of use; empty: as the more general rule says"
        ),
        sa.Column("loss_quantity_max", sa.BigInteger(), nullable=True, comment="more than this needs a second person"),
        sa.Column("loss_value_minor_max", sa.BigInteger(), nullable=True, comment="worth more than this needs a second person"),
        sa.CheckConstraint("near_expiry_days IS NULL OR near_expiry_days >= 0", name="days_not_negative"),
        sa.PrimaryKeyConstraint("site", "item", name=op.f("pk_stock_rule")),
    )


def _new_stock_snapshot() -> None:
    op.create_table(
        "stock_snapshot",
        sa.Column(
            "basis",
            sa.String(),
            nullable=False,
            comment="recorded: what had been recorded then; occurred: what had occurred then and was recorded within a day",
        ),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="the last microsecond of a month, UTC"),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("lot", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("value_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("basis IN ('recorded', 'occurred')", name="basis_known"),
        sa.PrimaryKeyConstraint("basis", "at", "place", "item", "lot", "owner", "status", "unit", name=op.f("pk_stock_snapshot")),
    )
    with op.batch_alter_table("stock_snapshot", schema=None) as batch_op:
        batch_op.create_index("ix_stock_snapshot_at", ["basis", "at"], unique=False)


def _new_transfer() -> None:
    op.create_table(
        "transfer",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("from_site", sa.String(), nullable=False),
        sa.Column("to_site", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.Column("expected_at", sa.BigInteger(), nullable=True),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('requested', 'approved', 'reserved', 'in_transit', 'cancelled')", name="state_known"),
        sa.CheckConstraint("from_site <> to_site", name="between_two_sites"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_transfer")),
    )
    with op.batch_alter_table("transfer", schema=None) as batch_op:
        batch_op.create_index("ix_transfer_state", ["state"], unique=False)


def _new_wall() -> None:
    op.create_table(
        "wall",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), server_default="", nullable=False, comment="empty: a wall without lights"),
        sa.Column("station", sa.String(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("site", "code", name=op.f("pk_wall")),
    )


def _new_wave() -> None:
    op.create_table(
        "wave",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False, comment="the fact that planned it"),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("name", sa.String(), server_default="", nullable=False),
        sa.Column("criteria", sa.JSON(), nullable=False, comment="window, carrier, customer group, zone, capacity"),
        sa.Column("mode", sa.String(), nullable=False, comment="how its orders are picked"),
        sa.Column("state", sa.String(), server_default="planned", nullable=False),
        sa.Column("orders", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lines", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("mode IN ('order', 'batch', 'cluster', 'zone', 'wall')", name="mode_known"),
        sa.CheckConstraint("state IN ('planned', 'released', 'done', 'cancelled')", name="state_known"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wave")),
        sa.UniqueConstraint("event_id", name=op.f("uq_wave_event_id")),
    )
    with op.batch_alter_table("wave", schema=None) as batch_op:
        batch_op.create_index("ix_wave_site_state", ["site", "state"], unique=False)


def _new_webhook_endpoint() -> None:
    op.create_table(
        "webhook_endpoint",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("description", sa.String(), server_default="", nullable=False),
        sa.Column("site", sa.String(), server_default="", nullable=False, comment="only what happens at this site; empty: at all"),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("(true)"), nullable=False),
        sa.Column("disabled_reason", sa.String(), server_default="", nullable=False, comment="why Dockline itself disabled it"),
        sa.Column("secret", sa.String(), nullable=False, comment="whsec_ and base64; a signature needs it in the clear"),
        sa.Column("old_secret", sa.String(), server_default="", nullable=False, comment="signs too until old_secret_until"),
        sa.Column("old_secret_until", sa.BigInteger(), nullable=True),
        sa.Column("rotation_key", sa.String(), server_default="", nullable=False, comment="key of the request that changed the secret last"),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_webhook_endpoint")),
    )


def _new_webhook_message() -> None:
    op.create_table(
        "webhook_message",
        sa.Column("id", sa.String(length=64), nullable=False, comment="header webhook-id: the same at every attempt"),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("site", sa.String(), server_default="", nullable=False),
        sa.Column("body", sa.Text(), nullable=False, comment="what is sent and signed, byte for byte"),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_message")),
    )
    with op.batch_alter_table("webhook_message", schema=None) as batch_op:
        batch_op.create_index("ix_webhook_message_made", ["made_at", "id"], unique=False)


def _change_work_order() -> None:
    with op.batch_alter_table("work_order", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("about", sa.JSON(), server_default=sa.text("'{}'"), nullable=False, comment="ids for programs: order, line, task, shipment")
        )
        batch_op.add_column(sa.Column("resolved_with", sa.String(), server_default="", nullable=False, comment="code of the one-touch action that closed it"))
        batch_op.add_column(sa.Column("due_at", sa.BigInteger(), nullable=True, comment="until when it must be settled, by its priority"))


def _new_barcode() -> None:
    op.create_table(
        "barcode",
        sa.Column("code", sa.String(), nullable=False, comment="what is scanned or typed: an item code, a GTIN of 14 digits, or another name"),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False, comment="smallest units that one such code stands for"),
        sa.Column("kind", sa.String(), nullable=False, comment="item, gtin, packaging or alias: which row says so"),
        sa.CheckConstraint("kind IN ('item', 'gtin', 'packaging', 'alias')", name="kind_known"),
        sa.CheckConstraint("quantity > 0", name="holds_something"),
        sa.ForeignKeyConstraint(["item"], ["item.code"], name=op.f("fk_barcode_item")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_barcode")),
    )
    with op.batch_alter_table("barcode", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_barcode_item"), ["item"], unique=False)


def _new_count_line() -> None:
    op.create_table(
        "count_line",
        sa.Column("id", sa.String(), nullable=False, comment="count/place/item/lot/owner, hashed"),
        sa.Column("count_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("lot", sa.String(), server_default="", nullable=False),
        sa.Column("owner", sa.String(), server_default="", nullable=False),
        sa.Column("book", sa.BigInteger(), nullable=False, comment="on hand when it was last counted"),
        sa.Column("counted", sa.BigInteger(), nullable=False, comment="by the last counter"),
        sa.Column("difference", sa.BigInteger(), nullable=False, comment="counted less book, of the last counter"),
        sa.Column("earlier", sa.JSON(), nullable=False, comment="differences of the counters before"),
        sa.Column(
            "serials",
            sa.JSON(),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="of numbered pieces: missing, found, and [missing, found] of those before",
        ),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), server_default="", nullable=False, comment="reason code"),
        sa.Column("decided_by", sa.String(), server_default="", nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("adjusted", sa.BigInteger(), server_default="0", nullable=False, comment="what was booked"),
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=True, comment="the fact that booked it"),
        sa.CheckConstraint("state IN ('agreed', 'recount', 'review', 'adjusted', 'rejected')", name="state_known"),
        sa.ForeignKeyConstraint(["count_id"], ["count_job.id"], name=op.f("fk_count_line_count_id")),
        sa.ForeignKeyConstraint(["item"], ["item.code"], name=op.f("fk_count_line_item")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_count_line")),
    )
    with op.batch_alter_table("count_line", schema=None) as batch_op:
        batch_op.create_index("ix_count_line_decided", ["decided_at"], unique=False)
        batch_op.create_index("ix_count_line_place", ["count_id", "place"], unique=False)
        batch_op.create_index(
            "ix_count_line_review", ["state"], unique=False, sqlite_where=sa.text("state = 'review'"), postgresql_where=sa.text("state = 'review'")
        )


def _new_count_place() -> None:
    op.create_table(
        "count_place",
        sa.Column("count_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False, comment="order of the walk"),
        sa.Column("risk", sa.Float(), server_default="0", nullable=False, comment="probability that the books are wrong there, when it was chosen"),
        sa.Column("state", sa.String(), server_default="open", nullable=False),
        sa.Column("rounds", sa.Integer(), server_default="0", nullable=False, comment="how often it was counted"),
        sa.Column("lock_before", sa.String(), server_default="", nullable=False, comment="the place's lock, to be put back"),
        sa.Column("right", sa.Boolean(), nullable=True, comment="settled without a difference: the books were right"),
        sa.Column("counted_at", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'recount', 'review', 'settled', 'skipped')", name="state_known"),
        sa.ForeignKeyConstraint(["count_id"], ["count_job.id"], name=op.f("fk_count_place_count_id")),
        sa.PrimaryKeyConstraint("count_id", "place", name=op.f("pk_count_place")),
    )
    with op.batch_alter_table("count_place", schema=None) as batch_op:
        batch_op.create_index("ix_count_place_place", ["place", "settled_at"], unique=False)


def _new_count_tag() -> None:
    op.create_table(
        "count_tag",
        sa.Column("count_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("epc", sa.String(), nullable=False, comment="EPC URI"),
        sa.ForeignKeyConstraint(["count_id"], ["count_job.id"], name=op.f("fk_count_tag_count_id")),
        sa.PrimaryKeyConstraint("count_id", "epc", name=op.f("pk_count_tag")),
    )


def _change_entry() -> None:
    with op.batch_alter_table("entry") as batch_op:
        batch_op.add_column(sa.Column("occurred_at", sa.BigInteger(), nullable=True, comment="the event's, here for reading by time"))
        batch_op.add_column(sa.Column("recorded_at", sa.BigInteger(), nullable=True, comment="the event's, here for reading by time"))
        batch_op.add_column(
            sa.Column("turn", sa.BigInteger(), server_default=sa.text("0"), nullable=False, comment="of the fence of (site, item); 0 at virtual places")
        )
    op.execute("UPDATE entry SET occurred_at = (SELECT occurred_at FROM event WHERE event.id = entry.event_id)")
    op.execute("UPDATE entry SET recorded_at = (SELECT recorded_at FROM event WHERE event.id = entry.event_id)")
    with op.batch_alter_table("entry") as batch_op:
        batch_op.alter_column("occurred_at", existing_type=sa.BigInteger(), nullable=False)
        batch_op.alter_column("recorded_at", existing_type=sa.BigInteger(), nullable=False)
    op.create_index(
        "ix_entry_late",
        "entry",
        ["recorded_at"],
        unique=False,
        sqlite_where=sa.text("recorded_at - occurred_at > 86400000000"),
        postgresql_where=sa.text("recorded_at - occurred_at > 86400000000"),
    )
    op.create_index(
        "ix_entry_occurred",
        "entry",
        ["occurred_at"],
        unique=False,
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 64, "autosummarize": True},
        postgresql_ops={"occurred_at": "int8_minmax_multi_ops"},
    )
    op.create_index(
        "ix_entry_recorded",
        "entry",
        ["recorded_at"],
        unique=False,
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 64, "autosummarize": True},
        postgresql_ops={"recorded_at": "int8_minmax_multi_ops"},
    )


def _new_goods_return() -> None:
    op.create_table(
        "goods_return",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False, comment="the fact that announced it"),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False, comment="RMA number"),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=True, comment="empty: blind, nobody knows which order"),
        sa.Column("partner", sa.String(), server_default="", nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.String(), server_default="announced", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("arrived_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('announced', 'arrived', 'inspected', 'cancelled')", name="state_known"),
        sa.ForeignKeyConstraint(["order_id"], ["customer_order.id"], name=op.f("fk_goods_return_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_goods_return")),
        sa.UniqueConstraint("channel", "number", name=op.f("uq_goods_return_channel_number")),
    )
    with op.batch_alter_table("goods_return", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_goods_return_order_id"), ["order_id"], unique=False)


def _new_import_change() -> None:
    op.create_table(
        "import_change",
        sa.Column("batch_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("key", sa.JSON(), nullable=False, comment="values of the row's key, in their order"),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True, comment="the row before; empty: there was none"),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["import_batch.id"], name=op.f("fk_import_change_batch_id")),
        sa.PrimaryKeyConstraint("batch_id", "n", name=op.f("pk_import_change")),
    )


def _new_item_substitute() -> None:
    op.create_table(
        "item_substitute",
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("substitute", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), server_default="1", nullable=False, comment="lower is offered first"),
        sa.ForeignKeyConstraint(["item"], ["item.code"], name=op.f("fk_item_substitute_item")),
        sa.ForeignKeyConstraint(["substitute"], ["item.code"], name=op.f("fk_item_substitute_substitute")),
        sa.PrimaryKeyConstraint("item", "substitute", name=op.f("pk_item_substitute")),
    )


def _new_item_weight() -> None:
    op.create_table(
        "item_weight",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False, comment="of the record; saying it twice is saying it once"),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("lot", sa.String(), server_default="", nullable=False),
        sa.Column("unit", sa.String(), server_default="", nullable=False, comment="handling unit or serial that was weighed; empty: loose goods"),
        sa.Column("quantity", sa.BigInteger(), nullable=False, comment="smallest units on the scale"),
        sa.Column("weight_g", sa.BigInteger(), nullable=False, comment="net, of all of them together"),
        sa.Column("actor", sa.String(), server_default="", nullable=False),
        sa.Column("weighed_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0 AND weight_g > 0", name="something_weighed"),
        sa.ForeignKeyConstraint(["item"], ["item.code"], name=op.f("fk_item_weight_item")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item_weight")),
    )
    with op.batch_alter_table("item_weight", schema=None) as batch_op:
        batch_op.create_index("ix_item_weight_goods", ["item", "lot", "unit"], unique=False)


def _new_kit_build() -> None:
    op.create_table(
        "kit_build",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False, comment="the fact that assembled or broke it"),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("kit", sa.String(), nullable=False),
        sa.Column("kit_lot", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), server_default="", nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('assembled', 'broken')", name="kind_known"),
        sa.CheckConstraint("quantity > 0", name="builds_something"),
        sa.ForeignKeyConstraint(["kit"], ["item.code"], name=op.f("fk_kit_build_kit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kit_build")),
    )
    with op.batch_alter_table("kit_build", schema=None) as batch_op:
        batch_op.create_index("ix_kit_build_lot", ["kit", "kit_lot"], unique=False)


def _new_kit_component() -> None:
    op.create_table(
        "kit_component",
        sa.Column("kit", sa.String(), nullable=False),
        sa.Column("component", sa.String(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False, comment="smallest units of the component in one smallest unit of the kit"),
        sa.CheckConstraint("quantity > 0", name="holds_something"),
        sa.ForeignKeyConstraint(["component"], ["item.code"], name=op.f("fk_kit_component_component")),
        sa.ForeignKeyConstraint(["kit"], ["item.code"], name=op.f("fk_kit_component_kit")),
        sa.PrimaryKeyConstraint("kit", "component", name=op.f("pk_kit_component")),
    )


def _new_loss_report() -> None:
    op.create_table(
        "loss_report",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False, comment="the fact that reported it"),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("lot", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False, comment="before the report"),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("value_minor", sa.BigInteger(), nullable=False, comment="at the mean cost when it was reported"),
        sa.Column("serials", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("note", sa.String(), server_default="", nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reported_by", sa.String(), nullable=False),
        sa.Column("reported_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.String(), server_default="", nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('posted', 'waiting', 'approved', 'refused')", name="state_known"),
        sa.CheckConstraint("quantity > 0", name="loses_something"),
        sa.ForeignKeyConstraint(["item"], ["item.code"], name=op.f("fk_loss_report_item")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loss_report")),
    )
    with op.batch_alter_table("loss_report", schema=None) as batch_op:
        batch_op.create_index("ix_loss_report_state", ["state", "reported_at"], unique=False)


def _change_lot() -> None:
    with op.batch_alter_table("lot", schema=None) as batch_op:
        batch_op.add_column(sa.Column("produced_on", sa.Date(), nullable=True, comment="GS1 AI 11"))
        batch_op.add_column(sa.Column("best_before", sa.Date(), nullable=True, comment="GS1 AI 15"))
        batch_op.add_column(
            sa.Column("held", sa.Boolean(), server_default=sa.text("(false)"), nullable=False, comment="recalled: whatever comes in of it goes on hold")
        )


def _change_order_line() -> None:
    with op.batch_alter_table("order_line", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("ordered_item", sa.String(), server_default="", nullable=False, comment="what the customer asked for, when this is a substitute")
        )
        batch_op.add_column(sa.Column("promised_on", sa.Date(), nullable=True, comment="the day on which what is promised can leave"))
        batch_op.add_column(
            sa.Column("min_expiry_days", sa.Integer(), server_default="0", nullable=False, comment="remaining days that the goods must have at the release")
        )
        batch_op.add_column(sa.Column("parent_line", sa.String(), nullable=True, comment="the line of the order that this is a part of"))
        batch_op.add_column(
            sa.Column(
                "moved",
                sa.BigInteger(),
                server_default="0",
                nullable=False,
                comment="of what was ordered: goes with a backorder, another site's share or a substitute",
            )
        )
        batch_op.add_column(sa.Column("dropped", sa.BigInteger(), server_default="0", nullable=False, comment="of what was ordered: will not be delivered"))
        batch_op.create_index(op.f("ix_order_line_parent_line"), ["parent_line"], unique=False)
        batch_op.drop_constraint("promised_within_quantity", type_="check")
        batch_op.create_check_constraint("promised_within_quantity", "0 <= promised AND promised <= quantity")
        batch_op.create_check_constraint("ordered_something", "0 <= moved AND 0 <= dropped AND quantity + moved + dropped > 0")


def _new_package() -> None:
    op.create_table(
        "package",
        sa.Column("sscc", sa.String(), nullable=False, comment="18 digits"),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("carton_type", sa.String(), nullable=True),
        sa.Column("tare_g", sa.Integer(), nullable=True, comment="the empty package; empty: not known"),
        sa.Column("state", sa.String(), server_default="open", nullable=False),
        sa.Column("opened_by", sa.Uuid(as_uuid=False), nullable=False, comment="the fact that opened it"),
        sa.Column("actor", sa.String(), server_default="", nullable=False),
        sa.Column("station", sa.String(), server_default="", nullable=False),
        sa.Column("weight_mg", sa.BigInteger(), nullable=True, comment="as weighed"),
        sa.Column("verdict", sa.String(), server_default="", nullable=False, comment="right, wrong, cannot_decide; empty: not weighed"),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("weighed_at", sa.BigInteger(), nullable=True),
        sa.Column("loaded_at", sa.BigInteger(), nullable=True),
        sa.Column("shipped_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('carton', 'tote', 'pallet')", name="kind_known"),
        sa.CheckConstraint("state IN ('open', 'closed', 'loaded', 'shipped', 'void')", name="state_known"),
        sa.CheckConstraint("verdict IN ('', 'right', 'wrong', 'cannot_decide')", name="verdict_known"),
        sa.ForeignKeyConstraint(["carton_type"], ["carton_type.code"], name=op.f("fk_package_carton_type")),
        sa.ForeignKeyConstraint(["order_id"], ["customer_order.id"], name=op.f("fk_package_order_id")),
        sa.PrimaryKeyConstraint("sscc", name=op.f("pk_package")),
        sa.UniqueConstraint("opened_by", name=op.f("uq_package_opened_by")),
    )
    with op.batch_alter_table("package", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_package_order_id"), ["order_id"], unique=False)
        batch_op.create_index("ix_package_state", ["site", "state"], unique=False)
        batch_op.create_index(
            "ix_package_staying",
            ["order_id"],
            unique=False,
            sqlite_where=sa.text("state IN ('closed', 'loaded')"),
            postgresql_where=sa.text("state IN ('closed', 'loaded')"),
        )


def _new_packaging() -> None:
    op.create_table(
        "packaging",
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False, comment="each, inner, case, layer, pallet or a word of the house"),
        sa.Column("quantity", sa.BigInteger(), nullable=False, comment="smallest units of the item in one"),
        sa.Column("gtin", sa.String(), nullable=True, comment="14 digits"),
        sa.Column("weight_g", sa.Integer(), nullable=True, comment="gross"),
        sa.Column("length_mm", sa.Integer(), nullable=True),
        sa.Column("width_mm", sa.Integer(), nullable=True),
        sa.Column("height_mm", sa.Integer(), nullable=True),
        sa.CheckConstraint("quantity > 0", name="holds_something"),
        sa.ForeignKeyConstraint(["item"], ["item.code"], name=op.f("fk_packaging_item")),
        sa.PrimaryKeyConstraint("item", "code", name=op.f("pk_packaging")),
    )


def _new_packing() -> None:
    op.create_table(
        "packing",
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["customer_order.id"], name=op.f("fk_packing_order_id")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_packing")),
    )


def _new_partner_item() -> None:
    op.create_table(
        "partner_item",
        sa.Column("partner", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("min_remaining_days", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["item"], ["item.code"], name=op.f("fk_partner_item_item")),
        sa.ForeignKeyConstraint(["partner"], ["partner.code"], name=op.f("fk_partner_item_partner")),
        sa.PrimaryKeyConstraint("partner", "item", name=op.f("pk_partner_item")),
    )


def _new_picked_serial() -> None:
    op.create_table(
        "picked_serial",
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("serial", sa.String(), nullable=False),
        sa.Column("lot", sa.String(), server_default="", nullable=False),
        sa.Column("owner", sa.String(), server_default="", nullable=False),
        sa.Column("named_by", sa.Uuid(as_uuid=False), nullable=False, comment="the fact that said so"),
        sa.ForeignKeyConstraint(["order_id"], ["customer_order.id"], name=op.f("fk_picked_serial_order_id")),
        sa.PrimaryKeyConstraint("order_id", "item", "serial", name=op.f("pk_picked_serial")),
    )
    with op.batch_alter_table("picked_serial", schema=None) as batch_op:
        batch_op.create_index("ix_picked_serial_piece", ["item", "serial"], unique=False)


def _change_purchase_line() -> None:
    with op.batch_alter_table("purchase_line", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("expected_on", sa.Date(), nullable=True, comment="when the supplier delivers; empty: not said, so nothing is promised from it")
        )


def _new_recall() -> None:
    op.create_table(
        "recall",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("lot", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("note", sa.String(), server_default="", nullable=False),
        sa.Column("state", sa.String(), server_default="open", nullable=False),
        sa.Column("opened_by", sa.String(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_by", sa.String(), server_default="", nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'released')", name="state_known"),
        sa.ForeignKeyConstraint(["item"], ["item.code"], name=op.f("fk_recall_item")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_recall")),
    )
    with op.batch_alter_table("recall", schema=None) as batch_op:
        batch_op.create_index(
            "uq_recall_open", ["item", "lot"], unique=True, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'")
        )


def _change_reservation() -> None:
    with op.batch_alter_table("reservation", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("n", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="in the order in which its transaction made them")
        )
        batch_op.add_column(sa.Column("rule", sa.String(), server_default="fefo", nullable=False, comment="which stock had to leave first"))
        batch_op.add_column(
            sa.Column("free", sa.BigInteger(), server_default=sa.text("0"), nullable=False, comment="what the balance had free when its transaction looked")
        )
        batch_op.add_column(sa.Column("closed_turn", sa.BigInteger(), nullable=True))
        batch_op.create_index(
            "ix_reservation_deadline",
            ["deadline_at"],
            unique=False,
            sqlite_where=sa.text("state = 'pending' AND deadline_at IS NOT NULL"),
            postgresql_where=sa.text("state = 'pending' AND deadline_at IS NOT NULL"),
        )


def _new_serial() -> None:
    op.create_table(
        "serial",
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("serial", sa.String(), nullable=False, comment="GS1 AI 21"),
        sa.Column("place", sa.String(), nullable=False, comment="where it is, or the virtual place to which it went"),
        sa.Column("lot", sa.String(), server_default="", nullable=False),
        sa.Column("owner", sa.String(), server_default="", nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), server_default="", nullable=False),
        sa.Column("state", sa.String(), nullable=False, comment="in_stock, or where it went: returned, shipped, lost, built_in"),
        sa.Column("changed_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.CheckConstraint("state IN ('in_stock', 'returned', 'shipped', 'lost', 'built_in')", name="state_known"),
        sa.ForeignKeyConstraint(["item"], ["item.code"], name=op.f("fk_serial_item")),
        sa.PrimaryKeyConstraint("item", "serial", name=op.f("pk_serial")),
    )
    with op.batch_alter_table("serial", schema=None) as batch_op:
        batch_op.create_index("ix_serial_account", ["item", "place"], unique=False)


def _change_ship_notice_pallet() -> None:
    with op.batch_alter_table("ship_notice_line") as batch_op:
        batch_op.drop_constraint("fk_ship_notice_line_sscc", type_="foreignkey")
    with op.batch_alter_table("ship_notice_pallet", schema=None) as batch_op:
        batch_op.drop_constraint("pk_ship_notice_pallet", type_="primary")
        batch_op.create_primary_key("pk_ship_notice_pallet", ["sscc", "notice"])


def _new_tour() -> None:
    op.create_table(
        "tour",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("wave_id", sa.Integer(), nullable=True),
        sa.Column("zone", sa.String(), server_default="", nullable=False, comment="empty: all zones"),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("picker", sa.String(), server_default="", nullable=False),
        sa.Column("colour", sa.String(), server_default="", nullable=False),
        sa.Column("state", sa.String(), server_default="ready", nullable=False),
        sa.Column("length_mm", sa.BigInteger(), nullable=True, comment="planned walk; empty where places have no coordinates"),
        sa.Column("exact", sa.Boolean(), server_default=sa.text("(false)"), nullable=False, comment="the walk is proven shortest"),
        sa.Column("after_tour", sa.Uuid(as_uuid=False), nullable=True, comment="pick-and-pass: the zone before this one"),
        sa.Column("start_place", sa.String(), server_default="", nullable=False),
        sa.Column("end_place", sa.String(), server_default="", nullable=False),
        sa.Column("walk", sa.JSON(), nullable=True, comment="its corners as [x_mm, y_mm], in order; empty where places have no coordinates"),
        sa.Column("turn", sa.Integer(), server_default="0", nullable=False, comment="its place among those planned together"),
        sa.Column("priority", sa.Integer(), server_default="5", nullable=False, comment="of its most urgent order"),
        sa.Column("due_at", sa.BigInteger(), nullable=True, comment="of its earliest order"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("mode IN ('order', 'batch', 'cluster', 'zone', 'wall')", name="mode_known"),
        sa.CheckConstraint("state IN ('ready', 'picking', 'done', 'cancelled')", name="state_known"),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_tour_wave_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tour")),
    )
    with op.batch_alter_table("tour", schema=None) as batch_op:
        batch_op.create_index("ix_tour_after", ["after_tour"], unique=False)
        batch_op.create_index("ix_tour_picker", ["picker", "state"], unique=False)
        batch_op.create_index("ix_tour_site_state", ["site", "state"], unique=False)
        batch_op.create_index(op.f("ix_tour_wave_id"), ["wave_id"], unique=False)


def _new_transfer_line() -> None:
    op.create_table(
        "transfer_line",
        sa.Column("id", sa.String(), nullable=False, comment="transfer:NUMBER/n, the line of its reservations"),
        sa.Column("transfer", sa.String(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), server_default="", nullable=False),
        sa.Column("min_expiry", sa.Date(), nullable=True, comment="what is sent expires on this day or later"),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("shipped", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lost", sa.BigInteger(), server_default="0", nullable=False, comment="in transit"),
        sa.Column("cancelled", sa.BigInteger(), server_default="0", nullable=False, comment="what will not be sent after all"),
        sa.CheckConstraint("0 <= lost AND lost <= shipped", name="lost_within_shipped"),
        sa.CheckConstraint("quantity > 0 AND 0 <= shipped AND 0 <= cancelled AND shipped + cancelled <= quantity", name="shipped_within_quantity"),
        sa.ForeignKeyConstraint(["item"], ["item.code"], name=op.f("fk_transfer_line_item")),
        sa.ForeignKeyConstraint(["transfer"], ["transfer.number"], name=op.f("fk_transfer_line_transfer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer_line")),
        sa.UniqueConstraint("transfer", "item", "owner", name=op.f("uq_transfer_line_transfer_item_owner")),
    )
    with op.batch_alter_table("transfer_line", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_transfer_line_transfer"), ["transfer"], unique=False)


def _new_transfer_step() -> None:
    op.create_table(
        "transfer_step",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("transfer", sa.String(), nullable=False),
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("step", sa.String(), nullable=False, comment="requested, approved, reserved, shipped, received, lost, cancelled"),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("notice", sa.String(), server_default="", nullable=False, comment="ship notice of what was shipped"),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["transfer"], ["transfer.number"], name=op.f("fk_transfer_step_transfer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer_step")),
    )
    with op.batch_alter_table("transfer_step", schema=None) as batch_op:
        batch_op.create_index("ix_transfer_step_notice", ["notice"], unique=False)
        batch_op.create_index(op.f("ix_transfer_step_transfer"), ["transfer"], unique=False)


def _new_wall_slot() -> None:
    op.create_table(
        "wall_slot",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("wall", sa.String(), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=True, comment="empty: free"),
        sa.ForeignKeyConstraint(["order_id"], ["customer_order.id"], name=op.f("fk_wall_slot_order_id")),
        sa.PrimaryKeyConstraint("site", "wall", "slot", name=op.f("pk_wall_slot")),
        sa.UniqueConstraint("order_id", name=op.f("uq_wall_slot_order_id")),
    )


def _new_webhook_attempt() -> None:
    op.create_table(
        "webhook_attempt",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("message", sa.String(length=64), nullable=False),
        sa.Column("endpoint", sa.String(length=64), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(), server_default="", nullable=False),
        sa.Column("answer", sa.String(), server_default="", nullable=False, comment="the beginning of what came back"),
        sa.ForeignKeyConstraint(["message"], ["webhook_message.id"], name=op.f("fk_webhook_attempt_message"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_attempt")),
    )
    with op.batch_alter_table("webhook_attempt", schema=None) as batch_op:
        batch_op.create_index("ix_webhook_attempt_message", ["message", "endpoint", "id"], unique=False)


def _new_webhook_delivery() -> None:
    op.create_table(
        "webhook_delivery",
        sa.Column("message", sa.String(length=64), nullable=False),
        sa.Column("endpoint", sa.String(length=64), nullable=False, comment="no foreign key: what was sent stays known when the endpoint is deleted"),
        sa.Column("state", sa.String(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False, comment="begun since it was made or asked for again"),
        sa.Column("next_at", sa.BigInteger(), nullable=False, comment="not before"),
        sa.Column("leased_until", sa.BigInteger(), nullable=True, comment="somebody sends it now; worthless afterwards"),
        sa.Column("status", sa.Integer(), nullable=True, comment="of the last answer"),
        sa.Column("error", sa.String(), server_default="", nullable=False, comment="why the last attempt failed"),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('pending', 'delivered', 'dead', 'dropped')", name="state_known"),
        sa.ForeignKeyConstraint(["message"], ["webhook_message.id"], name=op.f("fk_webhook_delivery_message"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("message", "endpoint", name=op.f("pk_webhook_delivery")),
    )
    with op.batch_alter_table("webhook_delivery", schema=None) as batch_op:
        batch_op.create_index(
            "ix_webhook_delivery_due", ["next_at"], unique=False, sqlite_where=sa.text("state = 'pending'"), postgresql_where=sa.text("state = 'pending'")
        )
        batch_op.create_index("ix_webhook_delivery_endpoint", ["endpoint", "state", "made_at"], unique=False)


def _new_webhook_subscription() -> None:
    op.create_table(
        "webhook_subscription",
        sa.Column("endpoint", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["endpoint"], ["webhook_endpoint.code"], name=op.f("fk_webhook_subscription_endpoint"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("endpoint", "type", name=op.f("pk_webhook_subscription")),
    )


def _new_carrier_order() -> None:
    op.create_table(
        "carrier_order",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("sscc", sa.String(), nullable=False, comment="one package, one waybill"),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("service", sa.String(), server_default="", nullable=False),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False, comment="counts orders for this package after one was cancelled"),
        sa.Column("reference", sa.String(), nullable=False, comment="our order id at the carrier"),
        sa.Column("address", sa.JSON(), nullable=True, comment="receiver, as it was sent"),
        sa.Column("state", sa.String(), server_default="requested", nullable=False),
        sa.Column("waybill", sa.String(), nullable=True),
        sa.Column("label", sa.LargeBinary(), nullable=True, comment="as the carrier made it"),
        sa.Column("label_type", sa.String(), server_default="", nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=True),
        sa.Column("cancel_wanted", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False, comment="tries of the present step so far, counted before each"),
        sa.Column("next_try_at", sa.BigInteger(), nullable=False),
        sa.Column("claimed_until", sa.BigInteger(), nullable=True, comment="a worker talks to the carrier about it until then"),
        sa.Column("fault", sa.Text(), server_default="", nullable=False, comment="what the last try said"),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("placed_at", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('requested', 'placed', 'labelled', 'in_transit', 'delivered', 'cancelled', 'refused')", name="state_known"),
        sa.ForeignKeyConstraint(["order_id"], ["customer_order.id"], name=op.f("fk_carrier_order_order_id")),
        sa.ForeignKeyConstraint(["sscc"], ["package.sscc"], name=op.f("fk_carrier_order_sscc")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carrier_order")),
        sa.UniqueConstraint("reference", name=op.f("uq_carrier_order_reference")),
        sa.UniqueConstraint("sscc", name=op.f("uq_carrier_order_sscc")),
    )
    with op.batch_alter_table("carrier_order", schema=None) as batch_op:
        batch_op.create_index(
            "ix_carrier_order_due",
            ["next_try_at"],
            unique=False,
            sqlite_where=sa.text("state IN ('requested', 'placed', 'labelled', 'in_transit')"),
            postgresql_where=sa.text("state IN ('requested', 'placed', 'labelled', 'in_transit')"),
        )
        batch_op.create_index(op.f("ix_carrier_order_order_id"), ["order_id"], unique=False)
        batch_op.create_index(op.f("ix_carrier_order_waybill"), ["waybill"], unique=False)


def _new_kit_build_component() -> None:
    op.create_table(
        "kit_build_component",
        sa.Column("build", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("lot", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), server_default="", nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("serials", sa.JSON(), nullable=False),
        sa.CheckConstraint("quantity > 0", name="uses_something"),
        sa.ForeignKeyConstraint(["build"], ["kit_build.id"], name=op.f("fk_kit_build_component_build")),
        sa.ForeignKeyConstraint(["item"], ["item.code"], name=op.f("fk_kit_build_component_item")),
        sa.PrimaryKeyConstraint("build", "n", name=op.f("pk_kit_build_component")),
    )
    with op.batch_alter_table("kit_build_component", schema=None) as batch_op:
        batch_op.create_index("ix_kit_build_component_lot", ["item", "lot"], unique=False)


def _new_load_package() -> None:
    op.create_table(
        "load_package",
        sa.Column("load_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("sscc", sa.String(), nullable=False),
        sa.Column("loaded_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["load_id"], ["load.id"], name=op.f("fk_load_package_load_id")),
        sa.ForeignKeyConstraint(["sscc"], ["package.sscc"], name=op.f("fk_load_package_sscc")),
        sa.PrimaryKeyConstraint("load_id", "sscc", name=op.f("pk_load_package")),
    )
    with op.batch_alter_table("load_package", schema=None) as batch_op:
        batch_op.create_index("ix_load_package_sscc", ["sscc"], unique=False)


def _new_package_line() -> None:
    op.create_table(
        "package_line",
        sa.Column("sscc", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("lot", sa.String(), server_default="", nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("serials", sa.JSON(), nullable=False),
        sa.CheckConstraint("quantity > 0", name="holds_something"),
        sa.ForeignKeyConstraint(["item"], ["item.code"], name=op.f("fk_package_line_item")),
        sa.ForeignKeyConstraint(["sscc"], ["package.sscc"], name=op.f("fk_package_line_sscc")),
        sa.PrimaryKeyConstraint("sscc", "item", "lot", name=op.f("pk_package_line")),
    )


def _change_pick_task() -> None:
    with op.batch_alter_table("pick_task", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tour_id", sa.Uuid(as_uuid=False), nullable=True))
        batch_op.add_column(sa.Column("sequence", sa.Integer(), server_default="0", nullable=False, comment="place in the walk, from 1"))
        batch_op.add_column(sa.Column("tote", sa.String(), server_default="", nullable=False, comment="what the goods are put into"))
        batch_op.add_column(sa.Column("slot", sa.String(), server_default="", nullable=False, comment="where the tote stands on the cart or in the wall"))
        batch_op.add_column(sa.Column("answered_by", sa.String(), server_default="", nullable=False))
        batch_op.add_column(
            sa.Column("lamp_dead", sa.Boolean(), server_default=sa.text("(false)"), nullable=False, comment="its light failed: a screen shows it")
        )
        batch_op.add_column(
            sa.Column("aside_tour_id", sa.Uuid(as_uuid=False), nullable=True, comment="its order was cancelled: to be taken out of the cart of this walk")
        )
        batch_op.create_index(
            "ix_pick_task_aside",
            ["aside_tour_id"],
            unique=False,
            sqlite_where=sa.text("aside_tour_id IS NOT NULL"),
            postgresql_where=sa.text("aside_tour_id IS NOT NULL"),
        )
        batch_op.create_index(op.f("ix_pick_task_tour_id"), ["tour_id"], unique=False)
        batch_op.create_foreign_key(op.f("fk_pick_task_aside_tour_id"), "tour", ["aside_tour_id"], ["id"])
        batch_op.create_foreign_key(op.f("fk_pick_task_tour_id"), "tour", ["tour_id"], ["id"])


def _new_promise() -> None:
    op.create_table(
        "promise",
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), server_default="", nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False, comment="when it leaves"),
        sa.Column("keep_days", sa.Integer(), server_default="0", nullable=False, comment="how long the goods must keep then"),
        sa.Column("broken", sa.BigInteger(), server_default="0", nullable=False, comment="of it, what a person was told cannot be served any more"),
        sa.CheckConstraint("0 <= broken AND broken <= quantity", name="broken_within_quantity"),
        sa.CheckConstraint("quantity > 0", name="promises_something"),
        sa.ForeignKeyConstraint(["line_id"], ["order_line.id"], name=op.f("fk_promise_line_id")),
        sa.ForeignKeyConstraint(["order_id"], ["customer_order.id"], name=op.f("fk_promise_order_id")),
        sa.PrimaryKeyConstraint("line_id", name=op.f("pk_promise")),
    )
    with op.batch_alter_table("promise", schema=None) as batch_op:
        batch_op.create_index("ix_promise_item", ["site", "item"], unique=False)
        batch_op.create_index(op.f("ix_promise_order_id"), ["order_id"], unique=False)


def _new_recall_hold() -> None:
    op.create_table(
        "recall_hold",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("recall", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False, comment="the lot itself, or a kit made of it"),
        sa.Column("lot", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False, comment="empty: nothing was in stock"),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False, comment="before; hold: it was on hold for another reason and stays so"),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["recall"], ["recall.number"], name=op.f("fk_recall_hold_recall")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recall_hold")),
    )
    with op.batch_alter_table("recall_hold", schema=None) as batch_op:
        batch_op.create_index("ix_recall_hold_lot", ["item", "lot"], unique=False)
        batch_op.create_index(op.f("ix_recall_hold_recall"), ["recall"], unique=False)


def _new_return_decision() -> None:
    op.create_table(
        "return_decision",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("return_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("disposition", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.Column("place", sa.String(), server_default="", nullable=False, comment="where the goods went"),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("disposition IN ('available', 'hold', 'damaged', 'scrap', 'supplier')", name="disposition_known"),
        sa.CheckConstraint("quantity > 0", name="decides_something"),
        sa.ForeignKeyConstraint(["return_id"], ["goods_return.id"], name=op.f("fk_return_decision_return_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_return_decision")),
    )
    with op.batch_alter_table("return_decision", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_return_decision_return_id"), ["return_id"], unique=False)


def _new_return_line() -> None:
    op.create_table(
        "return_line",
        sa.Column("return_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("lot", sa.String(), server_default="", nullable=False),
        sa.Column("owner", sa.String(), server_default="", nullable=False),
        sa.Column("announced", sa.BigInteger(), nullable=False),
        sa.Column("arrived", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("inspected", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refund_minor", sa.BigInteger(), nullable=True, comment="to be paid back for one unit; empty: the shop decides"),
        sa.CheckConstraint("announced >= 0 AND arrived >= 0 AND 0 <= inspected AND inspected <= arrived", name="inspected_within_arrived"),
        sa.ForeignKeyConstraint(["item"], ["item.code"], name=op.f("fk_return_line_item")),
        sa.ForeignKeyConstraint(["return_id"], ["goods_return.id"], name=op.f("fk_return_line_return_id")),
        sa.PrimaryKeyConstraint("return_id", "n", name=op.f("pk_return_line")),
    )


def _change_ship_notice_line() -> None:
    with op.batch_alter_table("ship_notice_line", schema=None) as batch_op:
        batch_op.create_foreign_key(op.f("fk_ship_notice_line_sscc_notice"), "ship_notice_pallet", ["sscc", "notice"], ["sscc", "notice"])


def _new_tour_tote() -> None:
    op.create_table(
        "tour_tote",
        sa.Column("tour_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("slot", sa.String(), nullable=False, comment="where it stands on the cart; empty: the only one"),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=True, comment="empty: goods of several orders"),
        sa.Column("tote", sa.String(), server_default="", nullable=False, comment="its code, once it was scanned"),
        sa.Column("state", sa.String(), server_default="open", nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'done')", name="state_known"),
        sa.ForeignKeyConstraint(["order_id"], ["customer_order.id"], name=op.f("fk_tour_tote_order_id")),
        sa.ForeignKeyConstraint(["tour_id"], ["tour.id"], name=op.f("fk_tour_tote_tour_id")),
        sa.PrimaryKeyConstraint("tour_id", "slot", name=op.f("pk_tour_tote")),
    )
    with op.batch_alter_table("tour_tote", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_tour_tote_order_id"), ["order_id"], unique=False)


def _new_tour_zone() -> None:
    op.create_table(
        "tour_zone",
        sa.Column("tour_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("station", sa.String(), nullable=False, comment="the station of its lights"),
        sa.Column("done_at", sa.BigInteger(), nullable=False, comment="when its last light there was answered"),
        sa.ForeignKeyConstraint(["tour_id"], ["tour.id"], name=op.f("fk_tour_zone_tour_id")),
        sa.PrimaryKeyConstraint("tour_id", "station", name=op.f("pk_tour_zone")),
    )


def _new_carrier_step() -> None:
    op.create_table(
        "carrier_step",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("carrier_order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("key", sa.String(), nullable=False, comment="the same step told twice is one"),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("place", sa.String(), server_default="", nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["carrier_order_id"], ["carrier_order.id"], name=op.f("fk_carrier_step_carrier_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carrier_step")),
        sa.UniqueConstraint("carrier_order_id", "key", name=op.f("uq_carrier_step_carrier_order_id_key")),
    )


def _new_mispick() -> None:
    op.create_table(
        "mispick",
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("picker", sa.String(), nullable=False),
        sa.Column("task_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("kind", sa.String(), nullable=False, comment="bin, item, lot, tote: what was wrong; press: a dark light"),
        sa.Column("expected", sa.String(), nullable=False),
        sa.Column("scanned", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('bin', 'item', 'lot', 'tote', 'press')", name="kind_known"),
        sa.ForeignKeyConstraint(["task_id"], ["pick_task.id"], name=op.f("fk_mispick_task_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_mispick")),
    )
    with op.batch_alter_table("mispick", schema=None) as batch_op:
        batch_op.create_index("ix_mispick_site", ["site", "at"], unique=False)
        batch_op.create_index(op.f("ix_mispick_task_id"), ["task_id"], unique=False)


def _new_put_task() -> None:
    op.create_table(
        "put_task",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("pick_task_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("lot", sa.String(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("put", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("wall", sa.String(), server_default="", nullable=False, comment="empty: the goods are still in the batch"),
        sa.Column("slot", sa.String(), server_default="", nullable=False),
        sa.Column("colour", sa.String(), server_default="", nullable=False),
        sa.Column("state", sa.String(), server_default="waiting", nullable=False),
        sa.Column("lamp_dead", sa.Boolean(), server_default=sa.text("(false)"), nullable=False, comment="its light does not burn: only the screen asks for it"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'lit', 'done', 'short', 'cancelled')", name="state_known"),
        sa.CheckConstraint("quantity > 0 AND 0 <= put AND put <= quantity", name="put_within_quantity"),
        sa.ForeignKeyConstraint(["order_id"], ["customer_order.id"], name=op.f("fk_put_task_order_id")),
        sa.ForeignKeyConstraint(["pick_task_id"], ["pick_task.id"], name=op.f("fk_put_task_pick_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_put_task")),
        sa.UniqueConstraint("pick_task_id", name=op.f("uq_put_task_pick_task_id")),
    )
    with op.batch_alter_table("put_task", schema=None) as batch_op:
        batch_op.create_index("ix_put_task_item", ["site", "item", "state"], unique=False)
        batch_op.create_index(op.f("ix_put_task_order_id"), ["order_id"], unique=False)


def _new_ship_notice_unit() -> None:
    op.create_table(
        "ship_notice_unit",
        sa.Column("line", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("sscc", sa.String(), nullable=False, comment="of a case on the pallet; all cases of a line hold its quantity in equal parts"),
        sa.Column("serial", sa.String(), server_default="", nullable=False, comment="the same case as a tagged one, where the line lists both"),
        sa.ForeignKeyConstraint(["line"], ["ship_notice_line.id"], name=op.f("fk_ship_notice_unit_line")),
        sa.PrimaryKeyConstraint("line", "n", name=op.f("pk_ship_notice_unit")),
    )


_STEPS = (
    _new_aisle,
    _change_balance,
    _new_carrier_account,
    _new_carton_type,
    _new_count_job,
    _new_count_sheet,
    _new_cross_aisle,
    _change_customer_order,
    _change_discrepancy,
    _new_handling_unit,
    _new_import_batch,
    _change_item,
    _new_lamp_test,
    _new_load,
    _change_location,
    _change_partner,
    _new_picker_session,
    _new_reason,
    _change_receipt,
    _new_request_answer,
    _new_serial_move,
    _change_ship_notice,
    _new_shipping_site,
    _new_site,
    _new_snapshot_taken,
    _new_sscc_range,
    _new_sscc_series,
    _new_stock_opening,
    _new_stock_rule,
    _new_stock_snapshot,
    _new_transfer,
    _new_wall,
    _new_wave,
    _new_webhook_endpoint,
    _new_webhook_message,
    _change_work_order,
    _new_barcode,
    _new_count_line,
    _new_count_place,
    _new_count_tag,
    _change_entry,
    _new_goods_return,
    _new_import_change,
    _new_item_substitute,
    _new_item_weight,
    _new_kit_build,
    _new_kit_component,
    _new_loss_report,
    _change_lot,
    _change_order_line,
    _new_package,
    _new_packaging,
    _new_packing,
    _new_partner_item,
    _new_picked_serial,
    _change_purchase_line,
    _new_recall,
    _change_reservation,
    _new_serial,
    _change_ship_notice_pallet,
    _new_tour,
    _new_transfer_line,
    _new_transfer_step,
    _new_wall_slot,
    _new_webhook_attempt,
    _new_webhook_delivery,
    _new_webhook_subscription,
    _new_carrier_order,
    _new_kit_build_component,
    _new_load_package,
    _new_package_line,
    _change_pick_task,
    _new_promise,
    _new_recall_hold,
    _new_return_decision,
    _new_return_line,
    _change_ship_notice_line,
    _new_tour_tote,
    _new_tour_zone,
    _new_carrier_step,
    _new_mispick,
    _new_put_task,
    _new_ship_notice_unit,
)


_COMMENTS = (
    ("order_line", "quantity", "what this order is to deliver: what was ordered, less what moved and what was dropped"),
    ("order_line", "promised", "of it; counts against other orders until the release"),
    ("ship_notice_pallet", "sscc", "18 digits; on a later notice again when the pallet travels on"),
)


def upgrade() -> None:
    """From revision 0001; what is stored is kept."""
    connection = op.get_bind()
    _let_change(connection)
    for step in _STEPS:
        step()
    _comment(connection)
    _fill()
    _refuse_change(connection)
    _refuse_unbalanced(connection)


def _comment(connection: sa.Connection) -> None:
    """SQLite keeps none."""
    for table, column, comment in _COMMENTS if connection.dialect.name == "postgresql" else ():
        told = "NULL" if comment is None else "'" + comment.replace("'", "''") + "'"
        op.execute(f"COMMENT ON COLUMN {table}.{column} IS {told}")


def _fill() -> None:
    """What the new columns and tables say of rows that were there before."""
    op.execute("INSERT INTO barcode (code, item, quantity, kind) SELECT code, code, 1, 'item' FROM item")
    op.execute(
        "INSERT INTO barcode (code, item, quantity, kind) SELECT gtin, code, 1, 'gtin' FROM item WHERE gtin IS NOT NULL AND gtin NOT IN (SELECT code FROM item)"
    )
    op.execute("UPDATE item SET search = lower(code || ' ' || name || ' ' || name_zh || ' ' || coalesce(gtin, ''))")
    op.execute("UPDATE partner SET search = lower(code || ' ' || name)")
    op.execute("UPDATE balance SET storage = true WHERE place IN (SELECT place FROM location WHERE kind = 'storage')")


def _let_change(connection: sa.Connection) -> None:
    for table in _APPEND_ONLY:
        if connection.dialect.name == "postgresql":
            op.execute(f"DROP TRIGGER {table}_no_change ON {table}")
        else:
            op.execute(f"DROP TRIGGER {table}_no_update")
            op.execute(f"DROP TRIGGER {table}_no_delete")


_UNBALANCED = """
CREATE OR REPLACE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found_event uuid; found_item text; total numeric;
BEGIN
    SELECT event_id, item, sum(quantity) INTO found_event, found_item, total FROM written GROUP BY event_id, item HAVING sum(quantity) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'event %: its entries of item % sum to % instead of 0', found_event, found_item, total USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""


def _refuse_unbalanced(connection: sa.Connection) -> None:
    """See `central.ledger.triggers`."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(_UNBALANCED))
        op.execute(
            "CREATE TRIGGER entry_balanced AFTER INSERT ON entry REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION refuse_unbalanced()"
        )


def _refuse_change(connection: sa.Connection) -> None:
    for table in _APPEND_ONLY:
        if connection.dialect.name == "postgresql":
            op.execute(f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
            continue
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} BEGIN "
                f"SELECT RAISE(ABORT, '{table} is append-only: correct it by another event'); END"
            )


def downgrade() -> None:
    """Not offered: the first revision has no place for what this one stores. Raises: NotImplementedError."""
    raise NotImplementedError("revision 0002 cannot be undone in place; restore the copy of the database that was made before the upgrade")
