"""Commissionings, steps back from auto, and days beside the plan."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bms.store.migrations.sealing import seal_but, unseal

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "commissionings",
        sa.Column("seq", NUMBER, primary_key=True),
        sa.Column("id", sa.String(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("site", "point")),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("declared", sa.String(), nullable=False),
        sa.Column("passed", sa.SmallInteger(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("body", "actor")),
    )
    op.create_index("commissionings_by_point", "commissionings", ["site", "point", "seq"])
    op.create_index("commissionings_by_id", "commissionings", ["id"])
    op.create_table(
        "steps_back",
        sa.Column("seq", NUMBER, primary_key=True),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("fact", sa.String(), nullable=False),
        sa.Column("agreed_at", sa.BigInteger()),
        sa.Column("agreed_by", sa.String()),
    )
    op.create_index("steps_back_by_site", "steps_back", ["site"])
    op.create_table(
        "shadow_days",
        sa.Column("site", sa.String(), primary_key=True),
        sa.Column("day", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("body", sa.String(), nullable=False),
    )
    seal_but("commissionings", ("actor",))


def downgrade() -> None:
    unseal("commissionings")
    for name in ("shadow_days", "steps_back", "commissionings"):
        op.drop_table(name)
