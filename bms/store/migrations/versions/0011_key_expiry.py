"""Keys that are good until a moment; those that are there stay good until they are revoked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("keys", sa.Column("expires", sa.BigInteger()))


def downgrade() -> None:
    """Keys with an end are revoked: without one they would be good for ever."""
    op.execute("UPDATE keys SET revoked = created WHERE revoked IS NULL AND expires IS NOT NULL")
    with op.batch_alter_table("keys") as table:
        table.drop_column("expires")
