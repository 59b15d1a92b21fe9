"""Which local days of which points have roll-ups that are out of date, in SQL.

Whoever changes a reading marks its day in the same transaction. Days are kept as spans of UTC, so
that one question finds their readings.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, bindparam, text

from bms.errors import ConfigError
from bms.model.readings.series import Micros
from bms.store.database.connection import Link
from bms.store.database.tables import COUNTED_CODES, Mark, RawReading
from bms.store.rollups.buckets import Readings, Spans
from bms.store.rollups.local_days import LocalDays

_TOUCHING = text(
    "SELECT point, first, until FROM stale"
    " WHERE point IN :points AND first < :end AND until > :start ORDER BY point, first"
).bindparams(bindparam("points", expanding=True))
_ENDED = text(
    "SELECT point, first, until FROM stale"
    " WHERE point IN :points AND until <= :end ORDER BY point, first LIMIT :most"
).bindparams(bindparam("points", expanding=True))
#: SQLite takes the tables of a CROSS JOIN in the order in which they stand.
_READINGS = text(
    "SELECT r.point, r.time, r.value FROM stale AS s CROSS JOIN readings AS r"
    " WHERE s.point IN :points AND s.first < :end AND s.until > :start"
    " AND r.point = s.point AND r.time >= s.first AND r.time < s.until AND r.quality IN :counted"
    " ORDER BY r.point, r.time"
).bindparams(
    bindparam("points", expanding=True), bindparam("counted", COUNTED_CODES, expanding=True)
)
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
_CLEAR = text("DELETE FROM stale WHERE point = :point AND first >= :first AND until <= :until")


def marks_of(days: LocalDays, rows: Sequence[RawReading]) -> list[Mark]:
    """The local days of readings; those outside of the years 1970 to 2199 have none."""
    points = np.fromiter(map(itemgetter(0), rows), np.int64, len(rows))
    times = np.fromiter(map(itemgetter(1), rows), np.int64, len(rows))
    on = days.days_of(times)
    pairs = np.unique((points << 20 | on)[on >= 0])
    return _marks(days, pairs >> 20, pairs & 0xFFFFF)


def marks_between(days: LocalDays, point: int, first: int, last: int) -> list[Mark]:
    """Every local day of a point that holds a moment from ``first`` to ``last`` [us]."""
    start, end = days.clipped(first, last)
    on = np.arange(start, end + 1)
    return _marks(days, np.full(len(on), point), on)


def _marks(days: LocalDays, points: Micros, on: Micros) -> list[Mark]:
    first, until = days.midnights(on), days.midnights(on + 1)
    return list(zip(points.tolist(), first.tolist(), until.tolist(), strict=True))


def touching(connection: Connection, points: Micros, start: int, end: int) -> list[Mark]:
    """The marked days of ``points`` that hold a moment from ``start`` until ``end`` [us]."""
    window = {"points": points.tolist(), "start": start, "end": end}
    return [(row[0], row[1], row[2]) for row in connection.execute(_TOUCHING, window)]


def ended(connection: Connection, points: Sequence[int], end: int, most: int) -> list[Mark]:
    """The marked days of ``points`` that ended until ``end`` [us], the first ``most`` of them."""
    window = {"points": list(points), "end": end, "most": most}
    return [(row[0], row[1], row[2]) for row in connection.execute(_ENDED, window)]


def spans_of(marked: Sequence[Mark], points: Micros) -> Spans:
    """Marks as spans, with the place of each point in the ascending ``points``."""
    point, first, until = np.array(marked, dtype=np.int64).reshape(-1, 3).T
    return np.searchsorted(points, point), first, until


def readings_in(connection: Connection, points: Micros, start: int, end: int) -> Readings:
    """The good readings of marked days that touch ``start`` until ``end`` [us]."""
    window = {"points": points.tolist(), "start": start, "end": end}
    return readings_of(connection.execute(_READINGS, window).all(), points)


def readings_of(rows: Sequence[Row[Any]], points: Micros) -> Readings:
    """Rows of point, time and value as arrays."""
    # Whole numbers stay exact in a float64 up to 2**53: microseconds until the year 2255.
    flat = np.fromiter(chain.from_iterable(rows), np.float64, 3 * len(rows)).reshape(-1, 3)
    point, time = flat[:, :2].astype(np.int64).T
    return np.searchsorted(points, point), time, flat[:, 2]


def clear(connection: Connection, point: int, first: int, until: int) -> None:
    """Take the marks away from the days of a point between ``first`` and ``until`` [us]."""
    connection.execute(_CLEAR, {"point": point, "first": first, "until": until})


def ensure_timezone(link: Link, days: LocalDays) -> None:
    """Mark every day that was read where the roll-ups are of no time zone yet, or of another.

    Raises ConfigError where the roll-ups cannot be made anew, as readings were deleted already.
    """
    with link.reading() as session:
        if session.connection().execute(_ZONE).scalar() == days.timezone:
            return
    with link.writing(durable=True) as session:
        connection = session.connection()
        link.database.lock_stale_days(connection, alone=True)
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
