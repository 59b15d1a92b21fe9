"""What people said stands apart in receipts and trials, beside the problem in plans.

Rows that are there stay as they were proven, names and all, and go with their row.
"""

from __future__ import annotations

import json
import zlib

import sqlalchemy as sa
from alembic import op

from bms.store.migrations.sealing import seal, seal_but, unseal
from bms.store.personal_text import put_together

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = ("receipts", "trials")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("named", sa.String()))
    unseal("trials")
    seal_but("trials", ("named",))


def downgrade() -> None:
    """Put the texts back to where they were."""
    unseal("trials")
    for table in TABLES:
        _join(table)
        with op.batch_alter_table(table) as batch:
            batch.drop_column("named")
    seal("trials")
    _join_plans()


def _join(table: str) -> None:
    rows = sa.table(table, sa.column("seq"), sa.column("body"), sa.column("named"))
    with_texts = sa.select(rows).where(rows.c.named.is_not(None))
    for seq, body, named in op.get_bind().execute(with_texts).all():
        joined = sa.update(rows).where(rows.c.seq == seq).values(body=put_together(body, named))
        op.get_bind().execute(joined)


def _join_plans() -> None:
    rows = sa.table("plans", sa.column("seq"), sa.column("body"), sa.column("problem"))
    for seq, body, problem in op.get_bind().execute(sa.select(rows)).all():
        kept = json.loads(zlib.decompress(problem)) if problem else {}
        if "texts" in kept:
            whole = put_together(zlib.decompress(body).decode(), json.dumps(kept["texts"]))
            values = {"body": _packed(whole), "problem": _packed(json.dumps(kept["problem"]))}
            op.get_bind().execute(sa.update(rows).where(rows.c.seq == seq).values(values))


def _packed(text: str) -> bytes:
    return zlib.compress(text.encode(), level=1)
