"""Bookings and closures of buildings, and the record of prediction errors."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bookings",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("zone", sa.String()),
        sa.Column("starts", sa.BigInteger(), nullable=False),
        sa.Column("ends", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger()),
        sa.Column("removed_by", sa.String()),
    )
    op.create_table(
        "use_starts",
        sa.Column("site", sa.String(), primary_key=True),
        sa.Column("day", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("zone", sa.String(), primary_key=True),
        sa.Column("shortfall_k", sa.Float(), nullable=False),
        sa.Column("margin_k", sa.Float(), nullable=False),
    )
    op.create_table(
        "predictions",
        sa.Column("site", sa.String(), primary_key=True),
        sa.Column("day", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("zone", sa.String(), primary_key=True),
        sa.Column("lead_h", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("rmse_k", sa.Float()),
        sa.Column("bias_k", sa.Float()),
        sa.Column("expected_k", sa.Float()),
        sa.Column("model_at", sa.BigInteger(), nullable=False),
        sa.Column("drifting", sa.Boolean(), nullable=False),
    )
    op.create_index("bookings_by_site", "bookings", ["site", "ends"])


def downgrade() -> None:
    op.drop_table("use_starts")
    op.drop_table("predictions")
    op.drop_table("bookings")
