"""Renewals count on the receipt that stands at their point."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "standing_receipts",
        sa.Column("point", sa.String(), primary_key=True),
        sa.Column("receipt", sa.BigInteger(), nullable=False),
        sa.Column("likeness", sa.String(), nullable=False),
    )
    op.add_column("receipts", sa.Column("renewed", sa.String()))


def downgrade() -> None:
    op.drop_table("standing_receipts")
    with op.batch_alter_table("receipts") as table:
        table.drop_column("renewed")
