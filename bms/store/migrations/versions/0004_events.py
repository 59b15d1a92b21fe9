"""The ledger of non-routine events and the baselines that were used, both only added to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bms.store.migrations.sealing import seal, unseal

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = ("events", "baselines")


def upgrade() -> None:
    _events()
    _baselines()
    for table in TABLES:
        seal(table)


def downgrade() -> None:
    for table in TABLES:
        unseal(table)
        op.drop_table(table)


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("seq", ROW_NUMBER, primary_key=True),
        sa.Column("id", sa.String(), nullable=False, unique=True),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("meter", sa.String(), nullable=False),
        sa.Column("starts", sa.BigInteger(), nullable=False),
        sa.Column("ends", sa.BigInteger(), nullable=False),
        sa.Column("kwh", sa.Float(), nullable=False),
        sa.Column("kwh_se", sa.Float(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("supersedes", sa.String(), unique=True),
    )
    op.create_index("events_by_site", "events", ["site", "seq"])


def _baselines() -> None:
    op.create_table(
        "baselines",
        sa.Column("seq", ROW_NUMBER, primary_key=True),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
    )
    op.create_index("baselines_by_site", "baselines", ["site", "seq"])
