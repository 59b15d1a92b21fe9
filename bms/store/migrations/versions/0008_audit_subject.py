"""An index of the audit by subject: whether a controller's report stands already."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("audit_by_subject", "audit", ["subject"])


def downgrade() -> None:
    op.drop_index("audit_by_subject", table_name="audit")
