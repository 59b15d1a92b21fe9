"""Readings with their corrections; plans, models, receipts; what people decide; keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bms.store.migrations.sealing import seal, unseal

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "keys",
    "audit",
    "overrides",
    "modes",
    "receipts",
    "models",
    "plans",
    "corrections",
    "readings",
    "points",
)
#: Tables whose rows may be added and read, never changed or removed.
APPEND_ONLY = ("modes", "audit")
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _readings()
    _corrections()
    _plans()
    _receipts()
    _people()
    _keys()
    for table in APPEND_ONLY:
        seal(table)


def downgrade() -> None:
    for table in APPEND_ONLY:
        unseal(table)
    for table in TABLES:
        op.drop_table(table)


def _readings() -> None:
    op.create_table(
        "points",
        sa.Column("key", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False, unique=True),
    )
    op.create_table(
        "readings",
        # Widest first: PostgreSQL leaves no room between them, which saves 8 bytes a reading.
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Float()),
        sa.Column("lag", sa.BigInteger()),
        sa.Column("point", sa.Integer(), nullable=False),
        sa.Column("quality", sa.SmallInteger(), nullable=False),
        sa.Column("detail", sa.String()),
        sa.PrimaryKeyConstraint("point", "time"),
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (time)",
    )


def _corrections() -> None:
    op.create_table(
        "corrections",
        sa.Column("seq", ROW_NUMBER, primary_key=True),
        sa.Column("point", sa.Integer(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("old_value", sa.Float()),
        sa.Column("old_quality", sa.SmallInteger(), nullable=False),
        sa.Column("old_lag", sa.BigInteger()),
        sa.Column("old_detail", sa.String()),
        sa.Column("new_value", sa.Float()),
        sa.Column("new_quality", sa.SmallInteger(), nullable=False),
        sa.Column("new_lag", sa.BigInteger()),
        sa.Column("new_detail", sa.String()),
    )
    op.create_index("corrections_by_point", "corrections", ["point", "time"])


def _plans() -> None:
    op.create_table(
        "plans",
        sa.Column("seq", ROW_NUMBER, primary_key=True),
        sa.Column("id", sa.String(), nullable=False, unique=True),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    op.create_index("plans_by_site", "plans", ["site", "created_at"])
    op.create_table(
        "models",
        sa.Column("seq", ROW_NUMBER, primary_key=True),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("identified_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
    )
    op.create_index("models_by_site", "models", ["site", "identified_at"])


def _receipts() -> None:
    op.create_table(
        "receipts",
        sa.Column("seq", ROW_NUMBER, primary_key=True),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
    )
    op.create_index("receipts_by_site", "receipts", ["site", "at"])


def _people() -> None:
    op.create_table(
        "modes",
        sa.Column("seq", ROW_NUMBER, primary_key=True),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
    )
    op.create_index("modes_by_site", "modes", ["site", "seq"])
    op.create_table(
        "overrides",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("point", sa.String()),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger()),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("removed_at", sa.BigInteger()),
        sa.Column("removed_by", sa.String()),
    )
    op.create_index("overrides_by_site", "overrides", ["site"])
    op.create_table(
        "audit",
        sa.Column("seq", ROW_NUMBER, primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
    )
    op.create_index("audit_by_site", "audit", ["site", "seq"])


def _keys() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("revoked", sa.BigInteger()),
    )
