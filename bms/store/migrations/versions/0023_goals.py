"""Budgets and targets of years; only added to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bms.store.migrations.sealing import seal_but, unseal

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "goals",
        sa.Column("seq", ROW_NUMBER, primary_key=True),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("commodity", sa.String(), nullable=False),
        sa.Column("budget", sa.Float(), nullable=True),
        sa.Column("target", sa.Float(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
    )
    op.create_index("goals_by_site", "goals", ["site", "seq"])
    seal_but("goals", ("actor", "reason"))


def downgrade() -> None:
    unseal("goals")
    op.drop_table("goals")
