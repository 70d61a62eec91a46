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


def downgrade() -> None:
    """Back to revision 0003: what only this revision stores is lost."""
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
