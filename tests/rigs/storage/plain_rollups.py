"""Readings and roll-ups in the plainest way: everything is kept in a dictionary and recomputed."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from bms.model.assets.point import Privacy
from bms.model.control.retention import Erasure
from bms.model.readings.measurement import Ingested, Reading
from bms.model.readings.rollup import NO_MOMENT, Level, Rollups
from bms.model.readings.series import Series
from bms.ports.storage.readings import Fold
from bms.store.rollups.readings_per_step import Grid

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STEPS = {Level.QUARTER: timedelta(minutes=15), Level.HOUR: timedelta(hours=1)}
COPENHAGEN = ZoneInfo("Europe/Copenhagen")


def an_erasure(
    points: Sequence[str], before: date, *, with_rollups: bool = False, at: datetime = EPOCH
) -> Erasure:
    return Erasure(
        site="school",
        privacy=Privacy.PERSONAL if with_rollups else Privacy.INTERNAL,
        points=tuple(points),
        before=before,
        with_rollups=with_rollups,
        actor="retention",
        at=at,
        reason="too old",
    )


def micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), COPENHAGEN).astimezone(UTC)


def edges_of(level: Level, start: datetime, end: datetime) -> list[datetime]:
    """Edges of the buckets that hold any moment from ``start`` until before ``end``."""
    if level is not Level.DAY:
        step = STEPS[level]
        edges = [start - (start - EPOCH) % step]
        while edges[-1] < end:
            edges.append(edges[-1] + step)
        return edges
    day = start.astimezone(COPENHAGEN).date()
    edges = [midnight(day)]
    while edges[-1] < end:
        day += timedelta(days=1)
        edges.append(midnight(day))
    return edges


@dataclass
class PlainReadings:
    """``readings`` are those that are there, ``remembered`` also those that roll-ups are of."""

    readings: dict[tuple[str, datetime], Reading] = field(default_factory=dict)
    remembered: dict[tuple[str, datetime], Reading] = field(default_factory=dict)
    corrected: list[Reading] = field(default_factory=list)
    horizons: dict[str, datetime] = field(default_factory=dict)

    def add(self, batch: Iterable[Reading]) -> Ingested:
        return sum((self._add(reading) for reading in batch), Ingested())

    def _add(self, reading: Reading) -> Ingested:
        key = reading.point, reading.time
        horizon = self.horizons.get(reading.point)
        if horizon is not None and reading.time < horizon:
            return Ingested(expired=1)
        earlier = self.readings.get(key)
        if earlier and (earlier.value, earlier.quality) == (reading.value, reading.quality):
            return Ingested(known=1)
        self.readings[key] = self.remembered[key] = reading
        if earlier is None:
            return Ingested(new=1)
        self.corrected.append(earlier)
        return Ingested(corrected=1)

    def forget(self, erasure: Erasure) -> tuple[int, int]:
        """How many readings and corrections went."""
        before = midnight(erasure.before)

        def stays(reading: Reading) -> bool:
            return reading.point not in erasure.points or reading.time >= before

        counts = len(self.readings), len(self.corrected)
        self.readings = {key: one for key, one in self.readings.items() if stays(one)}
        self.corrected = [one for one in self.corrected if stays(one)]
        if erasure.with_rollups:
            self.remembered = {key: one for key, one in self.remembered.items() if stays(one)}
        for point in erasure.points:
            self.horizons[point] = max(before, self.horizons.get(point, before))
        return counts[0] - len(self.readings), counts[1] - len(self.corrected)

    def good(self, point: str, *, remembered: bool) -> list[tuple[datetime, float]]:
        among = self.remembered if remembered else self.readings
        found = [
            (one.time, one.value)
            for one in among.values()
            if one.point == point and one.quality.counts and one.value is not None
        ]
        return sorted(found)

    def series(self, point: str, grid: Grid, fold: Fold, *, remembered: bool) -> Series:
        """The series of readings that may be there no more."""
        first, end = grid.window(fold)
        good = [(micros(at), value) for at, value in self.good(point, remembered=remembered)]
        inside = [(at, value) for at, value in good if first <= at < end]
        times = np.array([at for at, _ in inside], dtype=np.int64)
        return grid.series(fold, times, np.array([value for _, value in inside], dtype=float))

    def compare(self, found: Rollups, start: datetime, end: datetime) -> None:
        """Fail where roll-ups are not what the readings come to."""
        edges = edges_of(found.level, start, end)
        assert found.edges.tolist() == [micros(edge) for edge in edges]
        for row, point in enumerate(found.points):
            inside = defaultdict(list)
            for at, value in self.good(point, remembered=found.level is not Level.QUARTER):
                inside[bisect_right(edges, at) - 1].append((at, value))
            known = np.isin(np.arange(len(edges) - 1), list(inside))
            compare_empty(found, row, ~known)
            for column in np.flatnonzero(known):
                compare_bucket(found, row, column, inside[column])


def compare_empty(found: Rollups, row: int, empty: NDArray[np.bool_]) -> None:
    assert not found.n[row, empty].any()
    assert not found.falls[row, empty].any()
    for values in (found.mean, found.minimum, found.maximum, found.first, found.last):
        assert np.isnan(values[row, empty]).all()
    for moments in (found.first_at, found.last_at):
        assert (moments[row, empty] == NO_MOMENT).all()


def compare_bucket(
    found: Rollups, row: int, column: int, inside: list[tuple[datetime, float]]
) -> None:
    place = row, column
    values = [value for _, value in inside]
    assert found.n[place] == len(inside)
    assert found.falls[place] == sum(later < earlier for earlier, later in pairwise(values))
    told = [a[place] for a in (found.minimum, found.maximum, found.first, found.last)]
    assert told == [min(values), max(values), values[0], values[-1]]
    assert found.first_at[place] == micros(inside[0][0])
    assert found.last_at[place] == micros(inside[-1][0])
    mean = math.fsum(values) / len(values)
    assert math.isclose(found.mean[place], mean, rel_tol=1e-12, abs_tol=1e-9)
