"""When a value of ours first acted at a site, for good; known ones from the receipts there are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bms.store.migrations.sealing import seal, unseal

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "control_starts",
        sa.Column("site", sa.String(), primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
    op.execute(
        "INSERT INTO control_starts (site, at) SELECT site, min(at) FROM receipts"
        " WHERE kind IN ('accepted', 'clamped') GROUP BY site"
    )
    seal("control_starts")


def downgrade() -> None:
    unseal("control_starts")
    op.drop_table("control_starts")
