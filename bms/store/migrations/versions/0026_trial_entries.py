"""The entries of trials in the evidence are found without reading a chain of years."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_OF_TRIALS = sa.text("kind IN ('trial', 'trial_end', 'trial_result')")


def upgrade() -> None:
    op.create_index(
        "evidence_of_trials",
        "evidence",
        ["chain", "number", "kind", "proves", "content"],
        sqlite_where=_OF_TRIALS,
        postgresql_where=_OF_TRIALS,
    )


def downgrade() -> None:
    op.drop_index("evidence_of_trials", "evidence")
