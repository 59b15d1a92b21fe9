"""Who owns which site: a lease with a rising token."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "site_owner",
        sa.Column("site", sa.String(), primary_key=True),
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("owner", "place", "selection", "places")
        ),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column("stands_s", sa.Float(), nullable=False),
        sa.Column("waits_s", sa.Float(), nullable=False),
        sa.Column("heir", sa.String()),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("bequest", sa.Text()),
    )
    op.create_index("site_owner_by_owner", "site_owner", ["owner"])


def downgrade() -> None:
    op.drop_table("site_owner")
