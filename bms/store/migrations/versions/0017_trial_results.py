"""Results of switchback trials, sealed at their end and only added to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bms.store.migrations.sealing import seal, unseal

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "trial_results",
        sa.Column("trial", sa.String(), primary_key=True),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
    )
    op.create_index("trial_results_by_site", "trial_results", ["site"])
    seal("trial_results")


def downgrade() -> None:
    unseal("trial_results")
    op.drop_table("trial_results")
