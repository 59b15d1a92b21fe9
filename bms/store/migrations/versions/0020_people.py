"""People who sign in, and their sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "people",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("grants", sa.String(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("password", sa.String()),
        sa.Column("subject", sa.String()),
        sa.Column("revoked", sa.BigInteger()),
    )
    op.create_index("people_by_name", "people", ["name"])
    op.create_index("people_by_subject", "people", ["subject"])
    op.create_table(
        "sessions",
        sa.Column("digest", sa.String(), primary_key=True),
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("id", "of", "name", "way", "grants")
        ),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("begun", "seen", "until")),
        sa.Column("ended", sa.BigInteger()),
    )
    op.create_index("sessions_by_id", "sessions", ["id"])
    op.create_index("sessions_by_whose", "sessions", ["of"])


def downgrade() -> None:
    op.drop_table("sessions")
    op.drop_table("people")
