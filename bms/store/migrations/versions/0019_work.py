"""The work list: items, what was done with them, findings of the rules, and notices."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from bms.store.migrations.sealing import seal_but, unseal

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
#: Tables that are only added to, and their personal fields, which may be blanked.
SEALED = {
    "work_events": ("actor", "note", "assignee"),
    "notices": ("recipient", "address", "error"),
}


def upgrade() -> None:
    op.create_table(
        "work_items",
        sa.Column("id", sa.String(), primary_key=True),
        *_needed(sa.String(), "site", "cause", "body"),
        *_needed(sa.BigInteger(), "opened_at"),
        sa.Column("closed_at", sa.BigInteger()),
        sa.Column("closing", sa.String()),
        sa.Column("cleared_at", sa.BigInteger()),
        sa.Column("size", sa.Float()),
    )
    op.create_index("work_items_by_site", "work_items", ["site", "closed_at"])
    op.create_table(
        "work_events",
        sa.Column("seq", ROW_NUMBER, primary_key=True),
        *_needed(sa.String(), "item", "site", "act", *SEALED["work_events"]),
        *_needed(sa.BigInteger(), "at"),
        sa.Column("until", sa.BigInteger()),
        *(sa.Column(name, sa.String()) for name in ("closing", "measure")),
    )
    op.create_index("work_events_by_item", "work_events", ["item", "seq"])
    op.create_table(
        "detections",
        sa.Column("site", sa.String(), primary_key=True),
        *_needed(sa.BigInteger(), "at"),
        *_needed(sa.LargeBinary(), "body"),
    )
    op.create_table(
        "work_watched",
        sa.Column("site", sa.String(), primary_key=True),
        *_needed(sa.BigInteger(), "since", "until"),
    )
    op.create_table(
        "notices",
        sa.Column("seq", ROW_NUMBER, primary_key=True),
        sa.Column("id", sa.String(), nullable=False, unique=True),
        *_needed(sa.BigInteger(), "at"),
        *_needed(sa.String(), "channel", "occasion", "items", *SEALED["notices"]),
        *_needed(sa.SmallInteger(), "failed"),
    )
    op.create_index("notices_by_moment", "notices", ["at"])
    op.create_table(
        "told_items",
        sa.Column("recipient", sa.String(), primary_key=True),
        sa.Column("item", sa.String(), primary_key=True),
    )
    for table, personal in SEALED.items():
        seal_but(table, personal)


def _needed(kind: Any, *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def downgrade() -> None:
    for table in SEALED:
        unseal(table)
    for table in ("told_items", "notices", "work_watched", "detections"):
        op.drop_table(table)
    for table in ("work_events", "work_items"):
        op.drop_table(table)
