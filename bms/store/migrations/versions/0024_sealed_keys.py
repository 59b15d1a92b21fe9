"""No row of a sealed table is replaced by another one of its key."""

from __future__ import annotations

from bms.store.migrations.sealing import seal_keys, sealed_tables, unseal_keys

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in sealed_tables():
        seal_keys(table)


def downgrade() -> None:
    for table in sealed_tables():
        unseal_keys(table)
