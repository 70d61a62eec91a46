# SPDX-License-Identifier: Apache-2.0
"""Every device a warehouse has: what devices say of their condition, and what label printers made of jobs.

Written out, not taken from the tables' declarations: these change with the program, this revision never does. What is stored is kept.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_JOB_SENT = sa.text("state = 'sent'")


def upgrade() -> None:
    """From revision 0004; what is stored is kept."""
    _conditions()
    _print_jobs()


def downgrade() -> None:
    """Back to revision 0004: what only this revision stores is lost."""
    op.drop_table("print_job")
    op.drop_table("device_condition")


def _conditions() -> None:
    op.create_table(
        "device_condition",
        sa.Column("gateway", sa.String(64), nullable=False),
        sa.Column("device", sa.String(64), nullable=False),
        sa.Column("condition", sa.String(64), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False, comment="what a person does, in the words of the gateway"),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["gateway"], ["gateway.id"], name=op.f("fk_device_condition_gateway_gateway")),
        sa.PrimaryKeyConstraint("gateway", "device", "condition", name=op.f("pk_device_condition")),
    )


def _print_jobs() -> None:
    op.create_table(
        "print_job",
        sa.Column("id", sa.String(), nullable=False, comment="that of its command"),
        sa.Column("site", sa.String(64), nullable=False),
        sa.Column("gateway", sa.String(64), nullable=False),
        sa.Column("station", sa.String(64), nullable=False, comment="the label point"),
        sa.Column("device", sa.String(64), server_default="", nullable=False, comment="the printer that it was printed on"),
        sa.Column("title", sa.String(), server_default="", nullable=False, comment="what it is, for people"),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("labels", sa.Integer(), nullable=True, comment="that left the printer; NULL: it does not count"),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("actor", sa.String(), server_default="", nullable=False),
        sa.Column("again_of", sa.String(), server_default="", nullable=False, comment="the job that it prints once more"),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('sent', 'printed', 'taken', 'failed', 'unknown')", name=op.f("ck_print_job_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_print_job")),
    )
    with op.batch_alter_table("print_job", schema=None) as batch_op:
        batch_op.create_index("ix_print_job_again_of", ["again_of"], unique=False)
        batch_op.create_index("ix_print_job_made_at", ["made_at", "id"], unique=False)
        batch_op.create_index("ix_print_job_sent", ["made_at"], unique=False, sqlite_where=_JOB_SENT, postgresql_where=_JOB_SENT)
