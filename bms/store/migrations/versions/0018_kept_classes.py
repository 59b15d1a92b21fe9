"""How long the readings of each point are kept, as its site file last said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("points", sa.Column("privacy", sa.String()))
    op.add_column("points", sa.Column("kept_days", sa.Integer()))


def downgrade() -> None:
    op.drop_column("points", "kept_days")
    op.drop_column("points", "privacy")
