# SPDX-License-Identifier: Apache-2.0
"""Gateways in the field: partitions owned by leases, gaps that are explained.

Written out, not taken from the tables' declarations: these change with the program, this revision never does. What is stored is kept.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """From revision 0003; what is stored is kept."""
    _ingest()
    _clocks()
    _fleet()
    _devices()
    _lists()
    _coldchain()


def downgrade() -> None:
    """Back to revision 0003: what only this revision stores is lost."""
    _undo_coldchain()
    _undo_lists()
    _undo_devices()
    _undo_fleet()
    _undo_clocks()
    _undo_ingest()


def _ingest() -> None:
    op.create_table(
        "ingest_worker",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("process", sa.String(), nullable=False, comment="boot, process and its start, so that one on the same machine can see that it has ended"),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=True, comment="by the clock of the leases, in microseconds; NULL: until another worker asks"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ingest_worker")),
    )
    op.create_table(
        "lease",
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.String(64), server_default="", nullable=False, comment="`ingest_worker.id`; empty: nobody"),
        sa.Column(
            "fence", sa.BigInteger(), server_default=sa.text("0"), nullable=False, comment="counts the owners: what one of an older number does is refused"
        ),
        sa.PrimaryKeyConstraint("partition", name=op.f("pk_lease")),
    )
    op.create_table(
        "lane_gap",
        sa.Column("gateway", sa.String(64), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False, comment="the last number that is known to be missing"),
        sa.Column("reason", sa.String(), nullable=False, comment="outbox_lost, image_restored or central_restored"),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "epoch", "lane", "first_seq", name=op.f("pk_lane_gap")),
    )
    with op.batch_alter_table("mark", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("said_upto", sa.BigInteger(), server_default="0", nullable=False, comment="the last number that the gateway said to have given")
        )
        batch_op.add_column(sa.Column("ended", sa.String(), server_default="", nullable=False, comment="why the epoch ended; empty: it goes on"))
        batch_op.add_column(sa.Column("ended_at", sa.BigInteger(), nullable=True))


def _undo_ingest() -> None:
    with op.batch_alter_table("mark", schema=None) as batch_op:
        for column in ("ended_at", "ended", "said_upto"):
            batch_op.drop_column(column)
    for table in ("lane_gap", "lease", "ingest_worker"):
        op.drop_table(table)


def _clocks() -> None:
    op.create_table(
        "clock_setting",
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("gateway", sa.String(64), nullable=False),
        sa.Column("boot_id", sa.String(), nullable=False),
        sa.Column("monotonic_s", sa.Float(), nullable=False),
        sa.Column("set_at", sa.BigInteger(), nullable=False, comment="what the clock said then"),
        sa.Column("offset_s", sa.Float(), nullable=False, comment="how much later it says so than it was reckoned to"),
        sa.Column("clock", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_clock_setting")),
    )
    op.create_table(
        "dated_event",
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("setting", sa.Uuid(as_uuid=False), nullable=False, comment="the `clock_setting` that told"),
        sa.Column("said_at", sa.BigInteger(), nullable=False, comment="what the event said, as it stands in the ledger's body"),
        sa.Column("dated_at", sa.BigInteger(), nullable=False, comment="when it happened"),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_dated_event")),
    )
    with op.batch_alter_table("clock_setting", schema=None) as batch_op:
        batch_op.create_index("ix_clock_setting_boot", ["gateway", "boot_id"], unique=False)
    with op.batch_alter_table("dated_event", schema=None) as batch_op:
        batch_op.create_index("ix_dated_event_setting", ["setting", "said_at"], unique=False)


def _undo_clocks() -> None:
    op.drop_table("dated_event")
    op.drop_table("clock_setting")


def _fleet() -> None:
    with op.batch_alter_table("gateway", schema=None) as batch_op:
        for column in (
            sa.Column("devices_given_up", sa.Integer(), nullable=True),
            sa.Column("payload_bytes", sa.BigInteger(), nullable=True, comment="of the events that it accepted since it was started"),
            sa.Column("written_bytes", sa.BigInteger(), nullable=True, comment="handed to its disk for them"),
            sa.Column("card_life_days", sa.Float(), nullable=True),
            sa.Column("config_version", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="in force, as its birth says; 0: its own file"),
            sa.Column("config_fault", sa.Text(), server_default="", nullable=False, comment="why the newest configuration is not in force, as it says itself"),
            sa.Column("safe_mode", sa.Boolean(), server_default=sa.false(), nullable=False),
            sa.Column("restarted", sa.String(), server_default="", nullable=False, comment="why its program began"),
            sa.Column("outbox", sa.Text(), server_default="", nullable=False, comment="what had happened to its outbox then, in its own words; empty: nothing"),
            sa.Column("certificate_until", sa.BigInteger(), nullable=True, comment="as it says itself"),
            sa.Column("clock", sa.String(), server_default="", nullable=False, comment="synced, holdover or unsynced, when it last reported"),
            sa.Column("revoked_at", sa.BigInteger(), nullable=True, comment="nothing that it says is applied any more"),
        ):
            batch_op.add_column(column)
    op.create_table(
        "enrolment_code",
        sa.Column("id", sa.String(16), nullable=False, comment="derived from the code; the code itself is nowhere"),
        sa.Column("gateway", sa.String(64), nullable=False),
        sa.Column("site", sa.String(64), nullable=False),
        sa.Column("mac_key", sa.LargeBinary(), nullable=False, comment="derived from the code; emptied when it was used"),
        sa.Column("brokers", sa.Text(), server_default="", nullable=False, comment="URLs that the gateway is told, one a line"),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.String(), server_default="", nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("request_hash", sa.String(64), server_default="", nullable=False, comment="of the request that it was used for: the same may come again"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment_code")),
    )
    op.create_table(
        "gateway_certificate",
        sa.Column("serial", sa.String(40), nullable=False, comment="hex"),
        sa.Column("gateway", sa.String(64), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False, comment="PEM"),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.BigInteger(), nullable=False),
        sa.Column("how", sa.String(), nullable=False, comment="code or renewal"),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("how IN ('code', 'renewal')", name=op.f("ck_gateway_certificate_how")),
        sa.ForeignKeyConstraint(["gateway"], ["gateway.id"], name=op.f("fk_gateway_certificate_gateway")),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_gateway_certificate")),
    )
    _configurations()
    for table in ("enrolment_code", "gateway_certificate"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.create_index(f"ix_{table}_gateway", ["gateway", "made_at"], unique=False)


def _configurations() -> None:
    op.create_table(
        "configuration",
        sa.Column("gateway", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False, comment="TOML"),
        sa.Column("digest", sa.String(12), nullable=False, comment="the first 12 hex digits of its SHA-256, as births say"),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("again_of", sa.Integer(), nullable=True, comment="the version whose content it has once more"),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True, comment="last"),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False, comment="of the gateway, for people"),
        sa.Column("ended_at", sa.BigInteger(), nullable=True, comment="the gateway said what became of it"),
        sa.CheckConstraint("state IN ('sent', 'applied', 'refused', 'returned', 'superseded')", name=op.f("ck_configuration_state")),
        sa.ForeignKeyConstraint(["gateway"], ["gateway.id"], name=op.f("fk_configuration_gateway")),
        sa.PrimaryKeyConstraint("gateway", "version", name=op.f("pk_configuration")),
    )


def _undo_fleet() -> None:
    for table in ("configuration", "gateway_certificate", "enrolment_code"):
        op.drop_table(table)
    with op.batch_alter_table("gateway", schema=None) as batch_op:
        for column in (
            "devices_given_up",
            "payload_bytes",
            "written_bytes",
            "card_life_days",
            "config_version",
            "config_fault",
            "safe_mode",
            "restarted",
            "outbox",
            "certificate_until",
            "clock",
            "revoked_at",
        ):
            batch_op.drop_column(column)


def _devices() -> None:
    """Which hardware stands at a device's place."""
    with op.batch_alter_table("device", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "serial", sa.String(), server_default="", nullable=False, comment="of the hardware at this place since it was swapped; empty: it never was"
            )
        )
        batch_op.add_column(sa.Column("serial_before", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("swapped_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("swapped_by", sa.String(), server_default="", nullable=False))


def _undo_devices() -> None:
    with op.batch_alter_table("device", schema=None) as batch_op:
        for column in ("swapped_by", "swapped_at", "serial_before", "serial"):
            batch_op.drop_column(column)


_LIGHTS_UNANSWERED = sa.text("state = 'unanswered' AND kind IN ('LightTasks', 'CancelTasks')")


def _lists() -> None:
    """Lists of scan points, what came of scans, and lights whose gateway never answered."""
    op.create_table(
        "scan_point",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), server_default="", nullable=False, comment="which hosts the station; empty: not known yet"),
        sa.Column("purpose", sa.String(), nullable=False, comment="what is scanned there: picking, receiving, shipping; none: scans are not checked"),
        sa.Column(
            "zone",
            sa.String(),
            server_default="",
            nullable=False,
            comment="of picking: only goods picked in this zone; empty: the site's, as at a packing table",
        ),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("list_version", sa.BigInteger(), server_default="0", nullable=False, comment="of the newest list for the gateway; 0: none was made"),
        sa.Column("list_digest", sa.String(), server_default="", nullable=False),
        sa.Column("list_command", sa.String(), server_default="", nullable=False, comment="the command that carries it"),
        sa.Column("list_heard", sa.String(), server_default="", nullable=False, comment="the gateway as it was then: epoch, boot, version, configuration"),
        sa.Column("list_sent_at", sa.BigInteger(), nullable=True),
        sa.Column("list_fault", sa.String(), server_default="", nullable=False, comment="why scans are not checked: no_gateway, too_long"),
        sa.CheckConstraint("purpose IN ('none', 'picking', 'receiving', 'shipping')", name="purpose_known"),
        sa.PrimaryKeyConstraint("site", "station", name=op.f("pk_scan_point")),
    )
    op.create_table(
        "scan_check",
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=False),
        sa.Column("scanned_at", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("line", sa.String(), server_default="", nullable=False, comment="pick task, SSCC, or line of a notice that it counts for; empty: none"),
        sa.Column("quantity", sa.BigInteger(), server_default="0", nullable=False, comment="pieces that count"),
        sa.Column("serial", sa.String(), server_default="", nullable=False),
        sa.Column(
            "checked", sa.String(), server_default="", nullable=False, comment="what the lamps showed: expected, unexpected, repeated; empty: not checked"
        ),
        sa.Column("work_version", sa.BigInteger(), server_default="0", nullable=False, comment="by which list"),
        sa.Column("verdict", sa.String(), nullable=False, comment="by the plan when central heard of it: right, wrong, repeated"),
        sa.Column("reason", sa.String(), server_default="", nullable=False, comment="code of the message that says what is wrong"),
        sa.CheckConstraint("verdict IN ('right', 'wrong', 'repeated')", name="verdict_known"),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_scan_check")),
    )
    with op.batch_alter_table("scan_check", schema=None) as batch_op:
        batch_op.create_index("ix_scan_check_line", ["line"], unique=False)
        batch_op.create_index("ix_scan_check_station", ["site", "station", "scanned_at"], unique=False)
    with op.batch_alter_table("command", schema=None) as batch_op:
        batch_op.create_index("ix_command_lights_unanswered", ["made_at"], unique=False, sqlite_where=_LIGHTS_UNANSWERED, postgresql_where=_LIGHTS_UNANSWERED)


def _undo_lists() -> None:
    with op.batch_alter_table("command", schema=None) as batch_op:
        batch_op.drop_index("ix_command_lights_unanswered")
    op.drop_table("scan_check")
    op.drop_table("scan_point")


def _coldchain() -> None:
    op.create_table(
        "sensor_array",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("quantity", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False, comment="number of the first value"),
        sa.Column("values", sa.JSON(), nullable=False, comment="one after the other; null: refused by the gateway"),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site", "gateway", "device", "quantity", name=op.f("pk_sensor_array")),
    )


def _undo_coldchain() -> None:
    op.drop_table("sensor_array")
