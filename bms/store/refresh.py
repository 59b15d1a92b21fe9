"""Fold the readings of marked days into the roll-ups that are kept, in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from sqlalchemy import Connection, bindparam, text

from bms.model.rollup import Level
from bms.store import stale
from bms.store.buckets import Buckets, coarser, moved, no_buckets, overlay, pack, unpack
from bms.store.local_days import LocalDays
from bms.store.tables import LEVEL_CODES

_BODY = text("SELECT body FROM rollups WHERE level = :level AND point = :point AND month = :month")
_KEEP = text(
    "INSERT INTO rollups (level, point, month, body) VALUES (:level, :point, :month, :body)"
    " ON CONFLICT (level, point, month) DO UPDATE SET body = excluded.body"
)
_DROP = text(
    "DELETE FROM rollups WHERE level IN :levels AND point = :point AND month = :month"
).bindparams(bindparam("levels", expanding=True))


def fold_marked(connection: Connection, days: LocalDays, marked: Sequence[stale.Mark]) -> None:
    """Bring the roll-ups of marked days up to date and take the marks away."""
    for (point, month), some in groupby(marked, lambda one: (one[0], days.month_of(one[1]))):
        _fold_month(connection, days, point, month, list(some))


def _fold_month(
    connection: Connection, days: LocalDays, point: int, month: int, marked: list[stale.Mark]
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
    starts = days.edges(Level.HOUR, *days.month(month))[:-1]
    wanted = {"level": LEVEL_CODES[Level.HOUR], "point": point, "month": month}
    body = connection.execute(_BODY, wanted).scalar()
    return no_buckets(len(starts)) if body is None else moved(unpack(body), starts)


def keep_hours(
    connection: Connection, days: LocalDays, point: int, month: int, hours: Buckets
) -> None:
    """Keep the hours of a local month and the days that they make; months without any go."""
    place = {"point": point, "month": month}
    if not hours["n"].any():
        connection.execute(_DROP, place | {"levels": list(LEVEL_CODES.values())})
        return
    starts = days.edges(Level.HOUR, *days.month(month))[:-1]
    midnights = days.edges(Level.DAY, *days.month(month))
    bodies = {
        Level.HOUR: pack(hours, starts),
        Level.DAY: pack(coarser(hours, starts, midnights), midnights[:-1]),
    }
    rows = [place | {"level": LEVEL_CODES[level], "body": body} for level, body in bodies.items()]
    connection.execute(_KEEP, rows)
