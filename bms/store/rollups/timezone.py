"""Whose days the roll-ups of a database are, in SQL: they are made anew for another time zone."""

from __future__ import annotations

from sqlalchemy import Connection, text

from bms.errors import ConfigError
from bms.store.database.connection import Link
from bms.store.rollups.local_days import LocalDays
from bms.store.rollups.stale_days import marks_between

_ZONE = text("SELECT timezone FROM calendar WHERE id = 1")
_KEEP = text(
    "INSERT INTO calendar (id, timezone) VALUES (1, :timezone)"
    " ON CONFLICT (id) DO UPDATE SET timezone = excluded.timezone"
)
_HORIZON = text("SELECT max(before) FROM horizons")
_ENDS = text(
    "SELECT p.key, (SELECT min(time) FROM readings WHERE point = p.key) AS first,"
    " (SELECT max(time) FROM readings WHERE point = p.key) AS last FROM points AS p"
)


def settle_zone(link: Link, days: LocalDays) -> None:
    """Mark every day that was read where the roll-ups are of no time zone yet, or of another.

    Raises ConfigError where the roll-ups cannot be made anew, as readings were deleted already.
    """
    with link.reading() as session:
        if session.connection().execute(_ZONE).scalar() == days.timezone:
            return
    with link.writing(durable=True) as session:
        connection = session.connection()
        link.database.hold(connection, alone=True)
        kept = connection.execute(_ZONE).scalar()
        if kept != days.timezone:
            _begin_anew(link, connection, days, kept)


def _begin_anew(link: Link, connection: Connection, days: LocalDays, kept: str | None) -> None:
    if kept is not None and connection.execute(_HORIZON).scalar() is not None:
        raise ConfigError(
            f"the roll-ups of {link.database.place} are of days in {kept}, and the readings"
            f" that they were made of are deleted in part; write {kept} in BMS_TIMEZONE again"
        )
    connection.execute(text("DELETE FROM rollups"))
    connection.execute(text("DELETE FROM stale"))
    for point, first, last in connection.execute(_ENDS).all():
        if first is not None and (marks := marks_between(days, point, first, last)):
            link.database.mark(connection, marks)
    connection.execute(_KEEP, {"timezone": days.timezone})
