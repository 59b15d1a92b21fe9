"""Measures, and until when they acted; both only added to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bms.store.migrations.sealing import seal_but, unseal

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
#: Tables and their personal fields, which may be blanked.
TABLES = {"measures": ("author",), "measure_ends": ("actor", "reason")}


def upgrade() -> None:
    op.create_table(
        "measures",
        sa.Column("seq", ROW_NUMBER, primary_key=True),
        sa.Column("id", sa.String(), nullable=False, unique=True),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("body", "author")),
    )
    op.create_index("measures_by_site", "measures", ["site", "seq"])
    op.create_table(
        "measure_ends",
        sa.Column("measure", sa.String(), primary_key=True),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("ends", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
    )
    op.create_index("measure_ends_by_site", "measure_ends", ["site"])
    for table, personal in TABLES.items():
        seal_but(table, personal)


def downgrade() -> None:
    for table in TABLES:
        unseal(table)
        op.drop_table(table)
