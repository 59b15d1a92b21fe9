"""Switchback trials and their ends, both only added to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bms.store.migrations.sealing import seal, unseal

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = ("trial_ends", "trials")


def upgrade() -> None:
    op.create_table(
        "trials",
        sa.Column("seq", ROW_NUMBER, primary_key=True),
        sa.Column("id", sa.String(), nullable=False, unique=True),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
    )
    op.create_index("trials_by_site", "trials", ["site"])
    op.create_table(
        "trial_ends",
        sa.Column("trial", sa.String(), primary_key=True),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
    )
    op.create_index("trial_ends_by_site", "trial_ends", ["site"])
    for table in TABLES:
        seal(table)


def downgrade() -> None:
    for table in TABLES:
        unseal(table)
        op.drop_table(table)
