"""Roll-ups with what is stale in them; how far back readings go, and the ledger of deletions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bms.store.migrations.sealing import seal, unseal

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = ("erasures", "calendar", "horizons", "stale", "rollups")


def upgrade() -> None:
    _rollups()
    _erasures()
    seal("erasures")


def downgrade() -> None:
    unseal("erasures")
    for table in TABLES:
        op.drop_table(table)


def _rollups() -> None:
    op.create_table(
        "rollups",
        sa.Column("level", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("point", sa.Integer(), primary_key=True),
        sa.Column("month", sa.Integer(), primary_key=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "stale",
        sa.Column("point", sa.Integer(), primary_key=True),
        sa.Column("first", sa.BigInteger(), primary_key=True),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "calendar",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("timezone", sa.String(), nullable=False),
    )


def _erasures() -> None:
    op.create_table(
        "horizons",
        sa.Column("point", sa.Integer(), primary_key=True),
        sa.Column("before", sa.BigInteger(), nullable=False),
    )
    op.create_index("horizons_by_moment", "horizons", ["before"])
    op.create_table(
        "erasures",
        sa.Column("seq", ROW_NUMBER, primary_key=True),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("privacy", sa.String(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("readings", sa.BigInteger(), nullable=False),
        sa.Column("corrections", sa.BigInteger(), nullable=False),
        sa.Column("hours", sa.BigInteger(), nullable=False),
        sa.Column("first", sa.BigInteger()),
        sa.Column("last", sa.BigInteger()),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
    )
