"""Why an override stands where no person said so: a fact, as JSON."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("overrides", sa.Column("fact", sa.String()))


def downgrade() -> None:
    with op.batch_alter_table("overrides") as table:
        table.drop_column("fact")
