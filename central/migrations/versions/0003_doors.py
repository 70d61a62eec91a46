# SPDX-License-Identifier: Apache-2.0
"""Dock doors that receive and load by themselves: captures of passes, notices and receipts, timetables of doors; EPCIS.

Written out, not taken from the tables' declarations: these change with the program, this revision never does. What is stored is kept.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """From revision 0002; what is stored is kept."""
    _captures()
    _inbound()
    _shipping()
    _trace()


def _captures() -> None:
    with op.batch_alter_table("passage", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("pass_id", sa.String(), server_default="", nullable=False, comment="stays the same when the same reads are sent again; empty: not said")
        )
        batch_op.create_index(op.f("ix_passage_pass_id"), ["pass_id"], unique=False)
    op.create_table(
        "pass_capture",
        sa.Column("pass_id", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.Column("tags", sa.Integer(), nullable=False),
        sa.Column("reads", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.Integer(), server_default="0", nullable=False, comment="reads that the gateway did not keep"),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="the columns of PassCaptured as JSON, deflated (RFC 1950)"),
        sa.Column("kept_at", sa.BigInteger(), nullable=False, comment="by our clock: what is oldest by it is forgotten first"),
        sa.PrimaryKeyConstraint("pass_id", name=op.f("pk_pass_capture")),
    )
    with op.batch_alter_table("pass_capture", schema=None) as batch_op:
        batch_op.create_index("ix_pass_capture_station", ["site", "station", "kept_at"], unique=False)
        batch_op.create_index("ix_pass_capture_kept_at", ["kept_at"], unique=False)


def _inbound() -> None:
    _notices()
    _nests()
    _passes()
    _statistics()


def _notices() -> None:
    with op.batch_alter_table("ship_notice", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "announced_as",
                sa.String(),
                server_default="announced",
                nullable=False,
                comment="how far the supplier says it is: preparing, announced, in_transit",
            )
        )
        batch_op.add_column(
            sa.Column("door", sa.String(), server_default="", nullable=False, comment="station of the dock door where it is expected; empty: any")
        )
        batch_op.add_column(sa.Column("expected_from", sa.BigInteger(), nullable=True, comment="the window at the door begins"))
        batch_op.add_column(sa.Column("expected_until", sa.BigInteger(), nullable=True, comment="the window at the door ends"))
    op.create_table(
        "purchase_notice",
        sa.Column("purchase_line", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("notice", sa.String(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False, comment="of the purchase line, what the notice announces"),
        sa.ForeignKeyConstraint(["notice"], ["ship_notice.number"], name=op.f("fk_purchase_notice_notice")),
        sa.ForeignKeyConstraint(["purchase_line"], ["purchase_line.id"], name=op.f("fk_purchase_notice_purchase_line")),
        sa.PrimaryKeyConstraint("purchase_line", "notice", name=op.f("pk_purchase_notice")),
    )
    with op.batch_alter_table("purchase_notice", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_purchase_notice_notice"), ["notice"], unique=False)


def _nests() -> None:
    with op.batch_alter_table("ship_notice_line", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "unit",
                sa.String(),
                server_default="",
                nullable=False,
                comment="innermost announced unit that holds it (`ship_notice_nest.code`); empty: the pallet",
            )
        )
    op.create_table(
        "ship_notice_nest",
        sa.Column("notice", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False, comment="SSCC, or GTIN.serial of a unit with an SGTIN tag"),
        sa.Column("sscc", sa.String(), nullable=False, comment="the pallet that it comes on"),
        sa.Column("parent", sa.String(), nullable=False, comment="what it stands in: the pallet's SSCC or another `code`"),
        sa.Column("depth", sa.Integer(), nullable=False, comment="1: directly on the pallet"),
        sa.Column("tagged", sa.Boolean(), nullable=False, comment="its label is an RFID tag, so a door should read it"),
        sa.ForeignKeyConstraint(["notice"], ["ship_notice.number"], name=op.f("fk_ship_notice_nest_notice")),
        sa.PrimaryKeyConstraint("notice", "code", name=op.f("pk_ship_notice_nest")),
    )
    with op.batch_alter_table("ship_notice_nest", schema=None) as batch_op:
        batch_op.create_index("ix_ship_notice_nest_code", ["code"], unique=False)


def _passes() -> None:
    with op.batch_alter_table("passage", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rival", sa.Uuid(as_uuid=False), nullable=True, comment="passage at another door that read the same tags"))
        batch_op.create_index("ix_passage_sscc", ["sscc"], unique=False)
        batch_op.create_index("ix_passage_time", ["site", "passed_at"], unique=False)
    op.create_table(
        "pass_known",
        sa.Column("pass_id", sa.String(), nullable=False),
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False, comment="the event that said it first"),
        sa.PrimaryKeyConstraint("pass_id", name=op.f("pk_pass_known")),
    )
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.add_column(sa.Column("station", sa.String(), server_default="", nullable=False, comment="door or scanner at which it came"))
    with op.batch_alter_table("discrepancy", schema=None) as batch_op:
        batch_op.add_column(sa.Column("station", sa.String(), server_default="", nullable=False))
        batch_op.add_column(
            sa.Column(
                "evidence",
                sa.JSON(),
                server_default=sa.text("'{}'"),
                nullable=False,
                comment="what the door saw: pass, tags, strengths, confidence, read rates",
            )
        )
        batch_op.create_index("ix_discrepancy_notice", ["notice"], unique=False)


def _statistics() -> None:
    op.create_table(
        "receiving_setting",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("wrong_door", sa.String(), nullable=False, comment="a pallet at another door than announced: receive or ask"),
        sa.Column("late_notice", sa.String(), nullable=False, comment="a notice that comes after its pallet: receive or ask"),
        sa.CheckConstraint("wrong_door IN ('receive', 'ask') AND late_notice IN ('receive', 'ask')", name="words_known"),
        sa.PrimaryKeyConstraint("site", name=op.f("pk_receiving_setting")),
    )
    op.create_table(
        "tag_statistic",
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=False),
        sa.Column("there", sa.Float(), nullable=False, comment="tagged cases that were certainly there, faded by age"),
        sa.Column("seen", sa.Float(), nullable=False, comment="of them, those that the door read"),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("0 <= seen AND seen <= there", name="seen_within_there"),
        sa.ForeignKeyConstraint(["item"], ["item.code"], name=op.f("fk_tag_statistic_item")),
        sa.PrimaryKeyConstraint("item", "site", "station", name=op.f("pk_tag_statistic")),
    )
    op.create_table(
        "short_ship_statistic",
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("announced", sa.Float(), nullable=False, comment="tagged cases announced of which it is known whether they came, faded by age"),
        sa.Column("short", sa.Float(), nullable=False, comment="of them, those that did not come"),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("0 <= short AND short <= announced", name="short_within_announced"),
        sa.PrimaryKeyConstraint("supplier", name=op.f("pk_short_ship_statistic")),
    )


def _shipping() -> None:
    _new_dock_door()
    _new_door_notice()
    _new_door_appointment()
    _new_door_pass()
    _new_load_intruder()
    _package_steps()


def _new_dock_door() -> None:
    op.create_table(
        "dock_door",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), server_default="", nullable=False, comment="which hosts the station; empty: not known yet"),
        sa.Column("state", sa.String(), server_default="closed", nullable=False, comment="what stands there now: closed, receiving, loading, both"),
        sa.Column("load_id", sa.Uuid(as_uuid=False), nullable=True, comment="what is loaded now; empty: the oldest open load planned for the door"),
        sa.Column("vehicle", sa.String(), server_default="", nullable=False),
        sa.Column("check_coming", sa.Boolean(), server_default=sa.text("(false)"), nullable=False, comment="the door's lamp judges what comes, too"),
        sa.Column("from_at", sa.BigInteger(), nullable=True, comment="since when, or from when on, the vehicle stands there"),
        sa.Column("until_at", sa.BigInteger(), nullable=True, comment="when it shall be gone"),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("list_version", sa.BigInteger(), server_default="0", nullable=False, comment="of the newest list for the gateway; 0: none was made"),
        sa.Column("list_digest", sa.String(), server_default="", nullable=False),
        sa.Column("list_command", sa.String(), server_default="", nullable=False, comment="the command that carries it"),
        sa.Column("list_heard", sa.String(), server_default="", nullable=False, comment="the gateway as it was then: epoch, boot, version, configuration"),
        sa.Column("list_sent_at", sa.BigInteger(), nullable=True),
        sa.Column("list_fault", sa.String(), server_default="", nullable=False, comment="why the door is not checked: no_gateway, too_long"),
        sa.CheckConstraint("state IN ('closed', 'receiving', 'loading', 'both')", name="state_known"),
        sa.ForeignKeyConstraint(["load_id"], ["load.id"], name=op.f("fk_dock_door_load_id")),
        sa.PrimaryKeyConstraint("site", "station", name=op.f("pk_dock_door")),
    )
    with op.batch_alter_table("dock_door", schema=None) as batch_op:
        batch_op.create_index("ix_dock_door_load", ["load_id"], unique=False)


def _new_door_notice() -> None:
    op.create_table(
        "door_notice",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=False),
        sa.Column("notice", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["site", "station"], ["dock_door.site", "dock_door.station"], name=op.f("fk_door_notice_site_station")),
        sa.PrimaryKeyConstraint("site", "station", "notice", name=op.f("pk_door_notice")),
    )


def _new_door_appointment() -> None:
    op.create_table(
        "door_appointment",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=False),
        sa.Column("load", sa.String(), server_default="", nullable=False, comment="number of the load; empty: none"),
        sa.Column("notices", sa.JSON(), nullable=False),
        sa.Column("vehicle", sa.String(), server_default="", nullable=False),
        sa.Column("from_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), server_default="planned", nullable=False, comment="planned, here, over, cancelled"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.CheckConstraint("state IN ('planned', 'here', 'over', 'cancelled')", name="state_known"),
        sa.CheckConstraint("from_at < until_at", name="has_a_length"),
        sa.PrimaryKeyConstraint("site", "number", name=op.f("pk_door_appointment")),
    )
    with op.batch_alter_table("door_appointment", schema=None) as batch_op:
        batch_op.create_index("ix_door_appointment_station", ["site", "station", "from_at"], unique=False)


def _new_door_pass() -> None:
    op.create_table(
        "door_pass",
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("pass_id", sa.String(), server_default="", nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=False),
        sa.Column("passed_at", sa.BigInteger(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("sscc", sa.String(), server_default="", nullable=False),
        sa.Column("strength_dbm", sa.Float(), nullable=True, comment="strongest read of the pallet's label"),
        sa.Column("load_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("outcome", sa.String(), server_default="seen", nullable=False, comment="loaded, already, unloaded, wrong, unclear, neighbour, back, seen"),
        sa.Column("loaded", sa.Integer(), server_default="0", nullable=False, comment="packages loaded by it"),
        sa.Column("reason", sa.String(), server_default="", nullable=False, comment="code of the message that says what is wrong"),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("checked", sa.String(), server_default="", nullable=False, comment="what the door's lamp showed: expected, unexpected; empty: not checked"),
        sa.Column("work_version", sa.BigInteger(), server_default="0", nullable=False, comment="by which list"),
        sa.ForeignKeyConstraint(["load_id"], ["load.id"], name=op.f("fk_door_pass_load_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_door_pass")),
    )
    with op.batch_alter_table("door_pass", schema=None) as batch_op:
        batch_op.create_index("ix_door_pass_sscc", ["sscc", "passed_at"], unique=False)
        batch_op.create_index("ix_door_pass_station", ["site", "station", "passed_at"], unique=False)
        batch_op.create_index(
            "uq_door_pass_pass_id", ["pass_id"], unique=True, sqlite_where=sa.text("pass_id <> ''"), postgresql_where=sa.text("pass_id <> ''")
        )


def _new_load_intruder() -> None:
    op.create_table(
        "load_intruder",
        sa.Column("load_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("sscc", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False, comment="code of the message that was told"),
        sa.Column("state", sa.String(), server_default="inside", nullable=False, comment="inside, out, right"),
        sa.Column("work_order", sa.BigInteger(), nullable=True),
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('inside', 'out', 'right')", name="state_known"),
        sa.ForeignKeyConstraint(["load_id"], ["load.id"], name=op.f("fk_load_intruder_load_id")),
        sa.PrimaryKeyConstraint("load_id", "sscc", name=op.f("pk_load_intruder")),
    )
    with op.batch_alter_table("load_intruder", schema=None) as batch_op:
        batch_op.create_index("ix_load_intruder_sscc", ["sscc"], unique=False)


def _package_steps() -> None:
    op.create_table(
        "package_step",
        sa.Column("n", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("fact", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("sscc", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("contents", sa.JSON(), nullable=False, comment="item, lot, quantity and serials, where the step is about them"),
        sa.CheckConstraint("step IN ('closed', 'opened', 'void', 'loaded', 'unloaded', 'shipped')", name="step_known"),
        sa.ForeignKeyConstraint(["sscc"], ["package.sscc"], name=op.f("fk_package_step_sscc")),
        sa.PrimaryKeyConstraint("n", name=op.f("pk_package_step")),
    )
    with op.batch_alter_table("package_step", schema=None) as batch_op:
        batch_op.create_index("ix_package_step_fact", ["fact"], unique=False)


def _trace() -> None:
    with op.batch_alter_table("site", schema=None) as batch_op:
        batch_op.add_column(sa.Column("gln", sa.String(), nullable=True, comment="13 digits: as what partners' events and notices name the site"))
    _epcis_events()
    _epcis_jobs()
    _epcis_subscriptions()
    _epcis_attributes()


def _epcis_events() -> None:
    op.create_table(
        "epcis_event",
        sa.Column("n", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("declaration", sa.String(), server_default="", nullable=False, comment="SHA-256 of what an error declaration says; empty: the event itself"),
        sa.Column("hash", sa.String(), nullable=False, comment="of its content (CBV 2.0, section 8.9); the same id with another one is refused"),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("event_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(), server_default="", nullable=False),
        sa.Column("biz_step", sa.String(), server_default="", nullable=False),
        sa.Column("disposition", sa.String(), server_default="", nullable=False),
        sa.Column("read_point", sa.String(), server_default="", nullable=False),
        sa.Column("biz_location", sa.String(), server_default="", nullable=False),
        sa.Column("transformation", sa.String(), server_default="", nullable=False),
        sa.Column("declared_at", sa.BigInteger(), nullable=True, comment="of an error declaration"),
        sa.Column("body", sa.Text(), nullable=False, comment="the event as it was captured (JSON)"),
        sa.Column("context", sa.Text(), server_default="", nullable=False, comment="what its @context declares beside the standard's (JSON); empty: nothing"),
        sa.Column("job", sa.Uuid(as_uuid=False), nullable=True, comment="capture that brought it; empty: Dockline's own"),
        sa.Column("fact", sa.Uuid(as_uuid=False), nullable=True, comment="fact of the ledger of which it tells; empty: captured"),
        sa.PrimaryKeyConstraint("n", name=op.f("pk_epcis_event")),
        sa.UniqueConstraint("event_id", "declaration", name=op.f("uq_epcis_event_event_id_declaration")),
    )
    with op.batch_alter_table("epcis_event", schema=None) as batch_op:
        batch_op.create_index("ix_epcis_event_biz_location", ["biz_location", "n"], unique=False)
        batch_op.create_index("ix_epcis_event_biz_step", ["biz_step", "n"], unique=False)
        batch_op.create_index("ix_epcis_event_disposition", ["disposition", "n"], unique=False)
        batch_op.create_index("ix_epcis_event_event_at", ["event_at", "n"], unique=False)
        batch_op.create_index(
            "ix_epcis_event_fact", ["fact"], unique=False, sqlite_where=sa.text("fact IS NOT NULL"), postgresql_where=sa.text("fact IS NOT NULL")
        )
        batch_op.create_index("ix_epcis_event_read_point", ["read_point", "n"], unique=False)
        batch_op.create_index("ix_epcis_event_recorded_at", ["recorded_at", "n"], unique=False)
        batch_op.create_index("ix_epcis_event_type", ["type", "n"], unique=False)

    op.create_table(
        "epcis_term",
        sa.Column(
            "kind",
            sa.String(),
            nullable=False,
            comment="epc, parent, child, input, output, class, in_class, out_class, bt:TYPE, src:TYPE, dst:TYPE, field:NAME, ...",
        ),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("event", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["event"], ["epcis_event.n"], name=op.f("fk_epcis_term_event")),
        sa.PrimaryKeyConstraint("kind", "value", "event", name=op.f("pk_epcis_term")),
    )
    with op.batch_alter_table("epcis_term", schema=None) as batch_op:
        batch_op.create_index("ix_epcis_term_event", ["event"], unique=False)

    op.create_table(
        "epcis_number",
        sa.Column("event", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("k", sa.Integer(), nullable=False),
        sa.Column(
            "kind", sa.String(), nullable=False, comment="quantity:KGM, value:CEL, minValue:CEL, percRank, time (microseconds since 1970), field:NAME, ..."
        ),
        sa.Column("value", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["event"], ["epcis_event.n"], name=op.f("fk_epcis_number_event")),
        sa.PrimaryKeyConstraint("event", "k", name=op.f("pk_epcis_number")),
    )
    with op.batch_alter_table("epcis_number", schema=None) as batch_op:
        batch_op.create_index("ix_epcis_number_kind", ["kind", "value", "event"], unique=False)


def _epcis_jobs() -> None:
    op.create_table(
        "epcis_capture",
        sa.Column("n", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False, comment="in the order in which they came"),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("behaviour", sa.String(), nullable=False, comment="rollback or proceed"),
        sa.Column("success", sa.Boolean(), nullable=False),
        sa.Column("captured", sa.Integer(), nullable=False, comment="events that are new with it"),
        sa.Column("errors", sa.Text(), nullable=False, comment="problems (JSON list)"),
        sa.Column("actor", sa.String(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("behaviour IN ('rollback', 'proceed')", name="behaviour_known"),
        sa.PrimaryKeyConstraint("n", name=op.f("pk_epcis_capture")),
        sa.UniqueConstraint("id", name=op.f("uq_epcis_capture_id")),
    )
    op.create_table(
        "epcis_master",
        sa.Column("id", sa.String(), nullable=False, comment="canonical"),
        sa.Column("vocabulary", sa.String(), nullable=False, comment="type of the vocabulary, a URI"),
        sa.Column("body", sa.Text(), nullable=False, comment="the element as it was captured (JSON)"),
        sa.Column("captured_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", "vocabulary", name=op.f("pk_epcis_master")),
    )
    op.create_table(
        "epcis_within",
        sa.Column("child", sa.String(), nullable=False),
        sa.Column("parent", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("child", "parent", name=op.f("pk_epcis_within")),
    )
    with op.batch_alter_table("epcis_within", schema=None) as batch_op:
        batch_op.create_index("ix_epcis_within_parent", ["parent"], unique=False)

    op.create_table(
        "epcis_query",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False, comment="parameters (JSON)"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_epcis_query")),
    )
    op.create_table(
        "epcis_progress",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="facts of the ledger up to here were looked at"),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_epcis_progress")),
    )
    op.create_table(
        "epcis_hole",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_epcis_hole")),
    )


def _epcis_attributes() -> None:
    op.create_table(
        "epcis_attribute",
        sa.Column("id", sa.String(), nullable=False, comment="as in epcis_master"),
        sa.Column("vocabulary", sa.String(), nullable=False),
        sa.Column("k", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False, comment="as it is written, and once more as a whole URI"),
        sa.Column("value", sa.String(), nullable=False, comment="empty: an object"),
        sa.PrimaryKeyConstraint("id", "vocabulary", "k", name=op.f("pk_epcis_attribute")),
    )
    with op.batch_alter_table("epcis_attribute", schema=None) as batch_op:
        batch_op.create_index("ix_epcis_attribute_name", ["name", "value", "id"], unique=False)


def _epcis_subscriptions() -> None:
    op.create_table(
        "epcis_subscription",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("dest", sa.String(), nullable=False),
        sa.Column("token", sa.String(), server_default="", nullable=False, comment="signs what is sent; known to the subscriber and us"),
        sa.Column("schedule", sa.String(), server_default="", nullable=False, comment="JSON; empty: at once"),
        sa.Column("report_if_empty", sa.Boolean(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=True, comment="events recorded from then on were told at first"),
        sa.Column("next_at", sa.BigInteger(), nullable=True, comment="of the schedule"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["query"], ["epcis_query.name"], name=op.f("fk_epcis_subscription_query")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_epcis_subscription")),
    )
    with op.batch_alter_table("epcis_subscription", schema=None) as batch_op:
        batch_op.create_index("ix_epcis_subscription_query", ["query", "created_at"], unique=False)
    op.create_table(
        "epcis_waiting",
        sa.Column(
            "subscription", sa.Uuid(as_uuid=False), nullable=False, comment="no foreign key: a capture does not fail because a subscription ends meanwhile"
        ),
        sa.Column("event", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("subscription", "event", name=op.f("pk_epcis_waiting")),
    )
    with op.batch_alter_table("webhook_endpoint", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("token", sa.String(), server_default="", nullable=False, comment="of a subscriber of EPCIS: signs too, in the header GS1-Signature")
        )


def downgrade() -> None:
    """Not offered: what this revision stores has no place in the one before. Raises: NotImplementedError."""
    raise NotImplementedError("revision 0003 cannot be undone in place; restore the copy of the database that was made before the upgrade")
