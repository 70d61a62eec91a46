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
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pass_id", name=op.f("pk_pass_capture")),
    )
    with op.batch_alter_table("pass_capture", schema=None) as batch_op:
        batch_op.create_index("ix_pass_capture_station", ["site", "station", "started_at"], unique=False)
        batch_op.create_index("ix_pass_capture_started_at", ["started_at"], unique=False)


def downgrade() -> None:
    """Not offered: what this revision stores has no place in the one before. Raises: NotImplementedError."""
    raise NotImplementedError("revision 0003 cannot be undone in place; restore the copy of the database that was made before the upgrade")
