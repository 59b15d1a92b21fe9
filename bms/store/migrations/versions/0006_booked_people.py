"""How many people come to what is booked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("bookings", sa.Column("people", sa.Float()))


def downgrade() -> None:
    with op.batch_alter_table("bookings") as table:
        table.drop_column("people")
