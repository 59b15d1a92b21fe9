"""Fold the readings of marked days into the roll-ups that are kept, in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from sqlalchemy import Connection, text

from bms.model.readings.rollup import Level
from bms.model.readings.series import Micros
from bms.store.database.tables import LEVEL_CODES, Mark
from bms.store.rollups import stale_days as stale
from bms.store.rollups.buckets import Buckets, coarser, moved, no_buckets, overlay, pack, unpack
from bms.store.rollups.local_days import LocalDays

_BODY = text("SELECT body FROM rollups WHERE level = :level AND point = :point AND month = :month")
_KEEP = text(
    "INSERT INTO rollups (level, point, month, body) VALUES (:level, :point, :month, :body)"
    " ON CONFLICT (level, point, month) DO UPDATE SET body = excluded.body"
)
_DROP = text("DELETE FROM rollups WHERE level = :level AND point = :point AND month = :month")

#: Local months in a row of ``rollups``: days are few, and are read for years.
MONTHS = {Level.HOUR: 1, Level.DAY: 12}


def starts_of(days: LocalDays, level: Level, month: int) -> Micros:
    """Where the buckets of a row begin [us]; ``month`` is its first."""
    return days.edges(level, *days.month(month, MONTHS[level]))[:-1]


def fold_marked(connection: Connection, days: LocalDays, marked: Sequence[Mark]) -> None:
    """Bring the roll-ups of marked days up to date and take the marks away."""
    for (point, month), some in groupby(marked, lambda one: (one[0], days.month_of(one[1]))):
        _fold_month(connection, days, point, month, list(some))


def _fold_month(
    connection: Connection, days: LocalDays, point: int, month: int, marked: list[Mark]
) -> None:
    edges = days.edges(Level.HOUR, *days.month(month))
    hours = hours_of(connection, days, point, month)
    points = np.array([point])
    first, until = marked[0][1], marked[-1][2]
    readings = stale.readings_in(connection, points, first, until)
    overlay(hours[np.newaxis], edges, stale.spans_of(marked, points), readings, Level.HOUR)
    keep_hours(connection, days, point, month, hours)
    stale.clear(connection, point, first, until)


def hours_of(connection: Connection, days: LocalDays, point: int, month: int) -> Buckets:
    """The hours of a local month as they are kept; shape (b,)."""
    return _kept(connection, days, Level.HOUR, point, month)


def keep_hours(
    connection: Connection, days: LocalDays, point: int, month: int, hours: Buckets
) -> None:
    """Keep the hours of a local month, and the days that they make in the days of their year."""
    starts = days.edges(Level.HOUR, *days.month(month))[:-1]
    midnights = days.edges(Level.DAY, *days.month(month))
    year = month - month % 12
    whole = _kept(connection, days, Level.DAY, point, year)
    first = len(days.edges(Level.DAY, days.month(year)[0], int(midnights[0]))) - 1
    whole[first : first + len(midnights) - 1] = coarser(hours, starts, midnights)
    _keep(connection, days, Level.HOUR, point, month, hours)
    _keep(connection, days, Level.DAY, point, year, whole)


def _kept(connection: Connection, days: LocalDays, level: Level, point: int, month: int) -> Buckets:
    starts = starts_of(days, level, month)
    wanted = {"level": LEVEL_CODES[level], "point": point, "month": month}
    body = connection.execute(_BODY, wanted).scalar()
    return no_buckets(len(starts)) if body is None else moved(unpack(body), starts)


def _keep(
    connection: Connection,
    days: LocalDays,
    level: Level,
    point: int,
    month: int,
    buckets: Buckets,
) -> None:
    place = {"level": LEVEL_CODES[level], "point": point, "month": month}
    if buckets["n"].any():
        body = pack(buckets, starts_of(days, level, month))
        connection.execute(_KEEP, place | {"body": body})
    else:
        connection.execute(_DROP, place)
