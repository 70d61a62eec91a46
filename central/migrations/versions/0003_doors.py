# SPDX-License-Identifier: Apache-2.0
"""Dock doors that receive by themselves: captures of passes.

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


def downgrade() -> None:
    """Not offered: what this revision stores has no place in the one before. Raises: NotImplementedError."""
    raise NotImplementedError("revision 0003 cannot be undone in place; restore the copy of the database that was made before the upgrade")
