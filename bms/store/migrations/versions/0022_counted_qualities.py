"""Days with calculated or corrected readings are rolled up anew: their values count now."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bms.store.rollups.local_days import LocalDays
from bms.store.rollups.stale_days import marks_of

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_COUNTED_NOW = (9, 10)
_READINGS = sa.text("SELECT point, time FROM readings WHERE quality IN :counted").bindparams(
    sa.bindparam("counted", _COUNTED_NOW, expanding=True)
)
_ZONE = sa.text("SELECT timezone FROM calendar WHERE id = 1")
_MARK = sa.text(
    "INSERT INTO stale (point, first, until) VALUES (:point, :first, :until) ON CONFLICT DO NOTHING"
)


def upgrade() -> None:
    connection = op.get_bind()
    zone = connection.execute(_ZONE).scalar()
    if zone is None:
        return
    rows = [(point, time, None, 0, None, None) for point, time in connection.execute(_READINGS)]
    for point, first, until in marks_of(LocalDays(zone), rows) if rows else ():
        connection.execute(_MARK, {"point": point, "first": first, "until": until})


def downgrade() -> None:
    """Days stay marked: they are rolled up anew by the code that is there then."""
