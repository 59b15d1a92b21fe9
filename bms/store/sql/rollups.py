"""Roll-ups in SQL: a local month of hours, or a local year of days, of a point in one row.

Quarters are made of the readings whenever they are asked for: most points are read every quarter
of an hour, and a quarter with one reading in it says no more than the reading. Days that changed
since their roll-ups were kept are made of the readings too, in the same view of the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import Connection, bindparam, text

from bms.model.epoch import to_micros
from bms.model.readings.rollup import Level, Rollups
from bms.model.readings.series import Floats, Micros, Series
from bms.ports.storage.readings import Fold
from bms.store.database.tables import COUNTED_CODES, LEVEL_CODES
from bms.store.erasure_ledger import ALWAYS
from bms.store.retention_horizon import horizon_of
from bms.store.rollups import stale_days as stale
from bms.store.rollups.buckets import (
    Buckets,
    moved,
    no_buckets,
    overlay,
    readings_left,
    rollups,
    unpack,
)
from bms.store.rollups.readings_per_step import Grid
from bms.store.rollups.refresh import MONTHS, fold_marked
from bms.store.sql.readings import NAMES, SqlReadings

#: Marked days per transaction of a refresh: others wait for it.
PORTION = 1_000


DAY_US = 86_400_000_000
LONG_US = 30 * DAY_US
"""From so long on it is worth it to look at hours first [us]."""
KEPT_OF_AN_HOUR = 2
FEW_A_DAY = 50
"""Readings of the last day [1] of a point that has two an hour at most; others are not tried."""

_MOST = text(
    "SELECT count(*) FROM readings WHERE point = :point AND time >= :start AND time < :end"
)
_BODIES = text(
    "SELECT point, month, body FROM rollups"
    " WHERE level = :level AND point IN :points AND month >= :first AND month <= :last"
).bindparams(bindparam("points", expanding=True))
_GOOD = text(
    "SELECT point, time, value FROM readings WHERE point = :point AND time >= :start"
    " AND time < :end AND quality IN :counted ORDER BY time"
).bindparams(bindparam("counted", COUNTED_CODES, expanding=True))


class SqlRollups(SqlReadings):
    """The part of ``RollupStore`` that keeps readings and their roll-ups."""

    def rollups(
        self, points: Sequence[str], start: datetime, end: datetime, level: Level
    ) -> Rollups:
        """See ``RollupStore``."""
        edges = self._days.edges(level, to_micros(start), to_micros(end))
        keys = self._known(points)
        found = np.array(sorted(keys.values()), dtype=np.int64)
        buckets = no_buckets(len(found) + 1, len(edges) - 1)  # the last row is for the unknown
        with self._link.reading() as session:
            for first in range(0, len(found), NAMES):
                rows = slice(first, min(first + NAMES, len(found)))
                buckets[rows] = self._read(session.connection(), found[rows], level, edges)
        places = {key: place for place, key in enumerate(found.tolist())}
        chosen = [places[keys[name]] if name in keys else -1 for name in points]
        return rollups(tuple(points), level, edges, buckets[chosen])

    def _read(self, connection: Connection, points: Micros, level: Level, edges: Micros) -> Buckets:
        """Buckets of ascending ``points`` between ``edges``; shape (p, b)."""
        buckets = no_buckets(len(points), len(edges) - 1)
        if not buckets.size:
            return buckets
        if level is Level.QUARTER:
            self._fold_readings(connection, points, edges, buckets)
            return buckets
        self._unpack(connection, points, level, edges, buckets)
        buckets = moved(buckets, edges[:-1])
        start, end = int(edges[0]), int(edges[-1])
        if marked := stale.touching(connection, points, start, end):
            spans = stale.spans_of(marked, points)
            readings = stale.readings_in(connection, points, start, end)
            overlay(buckets, edges, spans, readings, level)
        return buckets

    def _fold_readings(
        self, connection: Connection, points: Micros, edges: Micros, buckets: Buckets
    ) -> None:
        nothing = stale.spans_of((), points)
        for row, point in enumerate(points.tolist()):
            window = {"point": point, "start": int(edges[0]), "end": int(edges[-1])}
            found = connection.execute(_GOOD, window).all()
            readings = stale.readings_of(found, points[row : row + 1])
            overlay(buckets[row : row + 1], edges, nothing, readings, Level.QUARTER)

    def _unpack(
        self,
        connection: Connection,
        points: Micros,
        level: Level,
        edges: Micros,
        buckets: Buckets,
    ) -> None:
        first, last = self._days.month_of(int(edges[0])), self._days.month_of(int(edges[-1]) - 1)
        first -= first % MONTHS[level]
        months = range(first, last + 1, MONTHS[level])
        columns = {month: self._column(month, level, edges) for month in months}
        rows = {point: row for row, point in enumerate(points.tolist())}
        window = {"level": LEVEL_CODES[level], "first": first, "last": last}
        found = connection.execute(_BODIES, window | {"points": points.tolist()})
        for point, month, body in found:
            column = columns[month]
            kept = unpack(body)[max(0, -column) :]
            place = buckets[rows[point], max(0, column) :]
            fits = min(len(kept), len(place))
            place[:fits] = kept[:fits]

    def _column(self, month: int, level: Level, edges: Micros) -> int:
        """Where the first bucket of a row lies among the buckets of ``edges``, or how far left
        of them."""
        start, first = self._days.month(month)[0], int(edges[0])
        if start >= first:
            return len(self._days.edges(level, first, start)) - 1
        return 1 - len(self._days.edges(level, start, first))

    def series(
        self, point: str, start: datetime, end: datetime, step: timedelta, fold: Fold = Fold.MEAN
    ) -> Series:
        """See ``bms.store.rollups.readings_per_step``; grids of whole hours are made of the hours
        that are kept."""
        grid = Grid.over(start, end, step)
        key = self._key(point)
        if key is not None and self._days.covers(*grid.hours(fold)):
            with self._link.reading() as session:
                connection = session.connection()
                if grid.is_of_hours(fold, horizon_of(connection, key)):
                    edges = self._days.edges(Level.HOUR, *grid.hours(fold))
                    hours = self._read(connection, np.array([key]), Level.HOUR, edges)[0]
                    return grid.series_of_hours(fold, hours)
        return super().series(point, start, end, step, fold)

    def good(self, point: str, start: datetime, end: datetime) -> tuple[Micros, Floats]:
        """See ``RollupStore``."""
        first, after, key = to_micros(start), to_micros(end), self._key(point)
        with self._link.reading() as session:
            connection = session.connection()
            if (kept := self._of_hours(connection, key, first, after)) is not None:
                return kept
            left = self._left(connection, key, first, after)
            whole = self._link.database.good(connection, key, first, after)
        return np.concatenate((left[0], whole[0])), np.concatenate((left[1], whole[1]))

    def _of_hours(
        self, connection: Connection, key: int | None, first: int, after: int
    ) -> tuple[Micros, Floats] | None:
        """The good readings of a long time by its hours, where none of them has more than the two
        that its roll-up keeps: a year is twelve rows in place of thousands. None elsewhere."""
        if key is None or after - first < LONG_US or not self._days.covers(first, after):
            return None
        last = connection.execute(_MOST, {"point": key, "start": after - DAY_US, "end": after})
        if int(last.scalar() or 0) > FEW_A_DAY:
            return None
        edges = self._days.edges(Level.HOUR, first, after)
        hours = self._read(connection, np.array([key]), Level.HOUR, edges)[0]
        if (hours["n"] > KEPT_OF_AN_HOUR).any():
            return None
        times, values = readings_left(hours)
        asked = (times >= first) & (times < after)
        return times[asked], values[asked]

    def _left(
        self, connection: Connection, key: int | None, first: int, after: int
    ) -> tuple[Micros, Floats]:
        """What is left of readings that were deleted."""
        end = min(after, ALWAYS if key is None else horizon_of(connection, key))
        edges = self._days.edges(Level.HOUR, *self._days.within(first, end))
        hours = self._read(connection, np.array([key or 0]), Level.HOUR, edges)
        times, values = readings_left(hours.reshape(-1))
        asked = (times >= first) & (times < end)
        return times[asked], values[asked]

    def refresh_rollups(self, points: Sequence[str], before: datetime) -> int:
        """See ``RollupStore``; ``PORTION`` days at a time, so that others get a turn."""
        keys, end, total = sorted(self._known(points).values()), to_micros(before), 0
        for first in range(0, len(keys), NAMES):
            some = keys[first : first + NAMES]
            while done := self._refresh(some, end):
                total += done
        return total

    def _refresh(self, points: list[int], end: int) -> int:
        with self._link.writing(durable=False) as session:
            connection = session.connection()
            self._link.database.lock_stale_days(connection, alone=True)
            marked = stale.ended(connection, points, end, PORTION)
            fold_marked(connection, self._days, marked)
        return len(marked)
