"""Readings in SQL: stored once, corrected visibly, folded into series."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import bindparam, text
from sqlmodel import Session, col, select

from bms.model.epoch import MICROSECOND, from_micros, to_micros
from bms.model.readings.measurement import Ingested, Reading
from bms.model.readings.series import Floats, Micros, Series
from bms.ports.storage.readings import Fold
from bms.store.corrections import Correction, sanitise
from bms.store.database.connection import Linked, Transactions
from bms.store.database.tables import (
    QUALITY_CODES,
    QUALITY_OF_CODE,
    RawReading,
    StoredCorrection,
    StoredPoint,
)
from bms.store.retention_horizon import unexpired
from bms.store.rollups.local_days import LocalDays
from bms.store.rollups.readings_per_step import Grid
from bms.store.rollups.stale_days import marks_of

#: Readings per transaction: long enough to be fast, short enough for others to get a turn.
BATCH = 100_000
#: Names per question: SQLite takes 32 766 parameters at most.
NAMES = 1_000

_NEW_POINTS = text("INSERT INTO points (name) VALUES (:name) ON CONFLICT (name) DO NOTHING")
_BETWEEN = text(
    "SELECT point, time, value, quality, lag, detail FROM readings"
    " WHERE point = :point AND time >= :first AND time < :end ORDER BY time LIMIT :most"
)
EVERY = 2**62
"""A limit of rows [1] that is none."""
_LATEST = text(
    "SELECT p.name, r.point, r.time, r.value, r.quality, r.lag, r.detail"
    " FROM points AS p JOIN readings AS r ON r.point = p.key"
    " AND r.time = (SELECT max(time) FROM readings WHERE point = p.key)"
    " WHERE p.name IN :names"
).bindparams(bindparam("names", expanding=True))

_NEWEST = text(
    "SELECT p.name, (SELECT max(time) FROM readings WHERE point = p.key)"
    " FROM points AS p WHERE p.name IN :names"
).bindparams(bindparam("names", expanding=True))


class SqlReadings(Linked):
    """The part of ``ReadingStore`` that keeps readings."""

    def __init__(self, link: Transactions, days: LocalDays) -> None:
        super().__init__(link)
        self._days = days
        self._keys: dict[str, int] = {}

    def add_readings(self, readings: Iterable[Reading], *, durable: bool = False) -> Ingested:
        """See ``ReadingStore``; a value that is no number becomes a missing one.

        Each ``BATCH`` is one transaction; what came before a failure is kept, and giving all of it
        again is harmless.
        """
        source = iter(readings)
        total = Ingested()
        while batch := list(islice(source, BATCH)):
            total += self._add(batch, durable)
        return total

    def _add(self, batch: list[Reading], durable: bool) -> Ingested:
        keys = self._keys_of({reading.point for reading in batch})
        rows = [_row(keys[reading.point], reading) for reading in batch]
        with self._link.writing(durable=durable) as session:
            connection = session.connection()
            self._link.database.lock_stale_days(connection, alone=False)
            kept = unexpired(connection, rows)
            total = Ingested(expired=len(rows) - len(kept))
            for part, known in _rounds(kept):
                total += self._link.database.add_readings(connection, part)
                total += Ingested(known=known)
            changed = total.new + total.corrected > 0
            if changed and (marks := marks_of(self._days, kept)):
                self._link.database.mark(connection, marks)
        return total

    def _keys_of(self, names: set[str]) -> dict[str, int]:
        """The number of each point; points that were never seen get one."""
        new = names - self._keys.keys()
        if new and (new := new - self._known(new).keys()):
            self._keys |= self._enter(sorted(new))
        return self._keys

    def _enter(self, names: list[str]) -> dict[str, int]:
        with self._link.writing(durable=False) as session:
            session.connection().execute(_NEW_POINTS, [{"name": name} for name in names])
            keys: dict[str, int] = {}
            for some in _portions(names):
                known = select(StoredPoint.name, StoredPoint.key).where(
                    col(StoredPoint.name).in_(some)
                )
                keys |= {name: key for name, key in session.exec(known) if key is not None}
            return keys

    def _known(self, names: Iterable[str]) -> dict[str, int]:
        """The numbers of those points that anything was ever read from."""
        missing = sorted(set(names) - self._keys.keys())
        with self._link.reading() as session:
            for some in _portions(missing):
                found = select(StoredPoint.name, StoredPoint.key).where(
                    col(StoredPoint.name).in_(some)
                )
                self._keys |= {name: key for name, key in session.exec(found) if key is not None}
        return {name: self._keys[name] for name in names if name in self._keys}

    def _key(self, point: str) -> int | None:
        """The number of a point, None where nothing was ever read from it."""
        if point not in self._keys:
            with self._link.reading() as session:
                key = session.exec(select(StoredPoint.key).where(StoredPoint.name == point)).first()
            if key is None:
                return None
            self._keys[point] = key
        return self._keys[point]

    def readings(
        self, point: str, start: datetime, end: datetime, most: int | None = None
    ) -> list[Reading]:
        """See ``ReadingStore``."""
        key, first, last = self._key(point), to_micros(start), to_micros(end)
        with self._link.reading() as session:
            return self._between(session, point, key, first, last, most)

    def _between(
        self,
        session: Session,
        point: str,
        key: int | None,
        first: int,
        end: int,
        most: int | None = None,
    ) -> list[Reading]:
        window = {"point": key, "first": first, "end": end, "most": EVERY if most is None else most}
        rows = session.connection().execute(_BETWEEN, window).all()
        return [_reading(point, *row[1:]) for row in rows]

    def latest(self, points: Sequence[str]) -> dict[str, Reading]:
        """The newest reading of each point, whatever its quality; without one it is left out."""
        found: dict[str, Reading] = {}
        with self._link.reading() as session:
            for some in _portions(sorted(set(points))):
                for name, _, *rest in session.connection().execute(_LATEST, {"names": some}):
                    found[name] = _reading(name, *rest)
        return found

    def newest_times(self, points: Sequence[str]) -> dict[str, datetime]:
        """See ``ReadingStore``."""
        found: dict[str, datetime] = {}
        with self._link.reading() as session:
            for some in _portions(sorted(set(points))):
                rows = session.connection().execute(_NEWEST, {"names": some}).all()
                found |= {name: from_micros(at) for name, at in rows if at is not None}
        return found

    def series(
        self, point: str, start: datetime, end: datetime, step: timedelta, fold: Fold = Fold.MEAN
    ) -> Series:
        """See ``bms.store.rollups.readings_per_step``."""
        grid = Grid.over(start, end, step)
        return grid.series(fold, *self._good(point, *grid.window(fold)))

    def good(self, point: str, start: datetime, end: datetime) -> tuple[Micros, Floats]:
        """See ``ReadingStore``."""
        return self._good(point, to_micros(start), to_micros(end))

    def _good(self, point: str, first: int, end: int) -> tuple[Micros, Floats]:
        key = self._key(point)
        with self._link.reading() as session:
            return self._link.database.good(session.connection(), key, first, end)

    def corrections(self, point: str, start: datetime, end: datetime) -> list[Correction]:
        """What was replaced, of readings with start <= time < end; in the order it happened."""
        key, first, last = self._key(point), to_micros(start), to_micros(end)
        with self._link.reading() as session:
            return self._corrected(session, point, key, first, last)

    def _corrected(
        self, session: Session, point: str, key: int | None, first: int, end: int
    ) -> list[Correction]:
        wanted = (
            select(StoredCorrection)
            .where(StoredCorrection.point == key)
            .where(StoredCorrection.time >= first, StoredCorrection.time < end)
            .order_by(col(StoredCorrection.seq))
        )
        return [_correction(point, row) for row in session.exec(wanted)]


def _row(key: int, reading: Reading) -> RawReading:
    good = sanitise(reading)
    time = to_micros(good.time)
    lag = None if good.received is None else to_micros(good.received) - time
    return key, time, good.value, QUALITY_CODES[good.quality], lag, good.detail


def _reading(
    point: str, time: int, value: float | None, quality: int, lag: int | None, detail: str | None
) -> Reading:
    moment = from_micros(time)
    received = None if lag is None else moment + lag * MICROSECOND
    return Reading(point, moment, value, QUALITY_OF_CODE[quality], received, detail)


def _correction(point: str, row: StoredCorrection) -> Correction:
    return Correction(
        earlier=_reading(
            point, row.time, row.old_value, row.old_quality, row.old_lag, row.old_detail
        ),
        later=_reading(
            point, row.time, row.new_value, row.new_quality, row.new_lag, row.new_detail
        ),
    )


def _rounds(rows: list[RawReading]) -> Iterator[tuple[list[RawReading], int]]:
    """The rows in parts without two of the same point and time, and how many repeat a value.

    Written one after the other, the parts do what the rows would have done one by one.
    """
    if len({row[:2] for row in rows}) == len(rows):
        if rows:
            yield rows, 0
        return
    parts: list[list[RawReading]] = [[]]
    last: dict[tuple[int, int], tuple[int, RawReading]] = {}
    known = 0
    for row in rows:
        round_of, earlier = last.get(row[:2], (-1, None))
        if earlier is not None and earlier[2:4] == row[2:4]:
            known += 1
            continue
        if round_of + 1 == len(parts):
            parts.append([])
        parts[round_of + 1].append(row)
        last[row[:2]] = (round_of + 1, row)
    yield parts[0], known
    yield from ((part, 0) for part in parts[1:])


def _portions(names: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(names), NAMES):
        yield names[first : first + NAMES]
