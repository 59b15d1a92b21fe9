"""Readings without a disk, and what becomes of them with age."""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from bms.model.control.evidence import EvidenceKind
from bms.model.control.retention import Erased, Erasure, KeptClass
from bms.model.epoch import to_micros
from bms.model.readings.measurement import Ingested, Reading
from bms.model.readings.rollup import Level, Rollups
from bms.model.readings.series import Floats, Micros, Series
from bms.ports.storage.readings import Fold
from bms.store.corrections import Correction, same_content, sanitise
from bms.store.erasure_ledger import ALWAYS, ErasureTally
from bms.store.memory.evidence import MemoryEvidence
from bms.store.rollups.buckets import (
    Buckets,
    coarser,
    fold,
    no_buckets,
    of_readings,
    readings_left,
    rollups,
)
from bms.store.rollups.local_days import HOUR, LocalDays
from bms.store.rollups.readings_per_step import Grid


@dataclass(slots=True)
class _Track:
    """The readings of one point by time [us], and the times in order.

    Those from before ``horizon`` [us] were deleted; ``hours`` is what is left of them.
    """

    by_time: dict[int, Reading] = field(default_factory=dict)
    times: list[int] = field(default_factory=list)
    horizon: int = ALWAYS
    hours: Buckets = field(default_factory=lambda: no_buckets(0))

    def between(self, first: int, end: int) -> list[tuple[int, Reading]]:
        times = self.times[bisect_left(self.times, first) : bisect_left(self.times, end)]
        return [(time, self.by_time[time]) for time in times]

    def good(self, first: int, end: int) -> tuple[Micros, Floats]:
        rows = [(t, r.value) for t, r in self.between(first, end) if r.quality.counts]
        times = np.array([time for time, _ in rows], dtype=np.int64)
        return times, np.array([value for _, value in rows], dtype=np.float64)

    def hours_in(self, first: int, end: int) -> Buckets:
        """Hours with readings, from ``first`` until before ``end`` [us], both on the hour."""
        kept = self.hours[(self.hours["first_at"] >= first) & (self.hours["first_at"] < end)]
        return np.concatenate((kept, self._folded(first, end)))

    def _folded(self, first: int, end: int) -> Buckets:
        times, values = self.good(first, end)
        return fold(times // HOUR, of_readings(times, values))[1]

    def cut(self, before: int) -> list[Reading]:
        """Take the readings from before ``before`` [us] away, which is a local midnight."""
        gone = [reading for _, reading in self.between(ALWAYS, before)]
        self.hours = np.concatenate((self.hours, self._folded(ALWAYS, before)))
        self.times = self.times[len(gone) :]
        self.by_time = {time: self.by_time[time] for time in self.times}
        return gone


def _checked(reading: Reading) -> Reading:
    if reading.received is not None:
        to_micros(reading.received)
    return sanitise(reading)


class MemoryReadings(MemoryEvidence):
    """Implements ``ReadingStore``, ``RollupStore`` and ``RetentionStore``."""

    def __init__(self, days: LocalDays) -> None:
        super().__init__()
        self._days = days
        self._erasures: list[Erased] = []
        self._lock = threading.RLock()
        self._tracks: dict[str, _Track] = {}
        self._classes: dict[str, KeptClass] = {}
        self._corrections: list[Correction] = []

    def add_readings(self, readings: Iterable[Reading], *, durable: bool = False) -> Ingested:
        """See ``ReadingStore``; a value that is no number becomes a missing one."""
        batch = [_checked(reading) for reading in readings]
        with self._lock:
            return Ingested(**Counter(self._add(reading) for reading in batch))

    def _add(self, reading: Reading) -> str:
        """What became of it: the field of ``Ingested`` that counts it."""
        track = self._tracks.get(reading.point)
        if track is None:
            track = self._tracks[reading.point] = _Track()
        time = to_micros(reading.time)
        if time < track.horizon:
            return "expired"
        earlier = track.by_time.get(time)
        if earlier is None:
            track.by_time[time] = reading
            insort(track.times, time)
            return "new"
        if same_content(earlier, reading):
            return "known"
        track.by_time[time] = reading
        self._corrections.append(Correction(earlier=earlier, later=reading))
        return "corrected"

    def _between(self, point: str, first: int, end: int) -> list[tuple[int, Reading]]:
        with self._lock:
            track = self._tracks.get(point)
            return track.between(first, end) if track else []

    def readings(
        self, point: str, start: datetime, end: datetime, most: int | None = None
    ) -> list[Reading]:
        """See ``ReadingStore``."""
        found = self._between(point, to_micros(start), to_micros(end))
        return [reading for _, reading in found[:most]]

    def newest_times(self, points: Sequence[str]) -> dict[str, datetime]:
        """See ``ReadingStore``."""
        return {point: reading.time for point, reading in self.latest(points).items()}

    def latest(self, points: Sequence[str]) -> dict[str, Reading]:
        """The newest reading of each point, whatever its quality; without one it is left out."""
        with self._lock:
            tracks = {point: self._tracks.get(point, _Track()) for point in points}
            newest = {point: track.times[-1:] for point, track in tracks.items()}
            return {p: tracks[p].by_time[t] for p, times in newest.items() for t in times}

    def series(
        self, point: str, start: datetime, end: datetime, step: timedelta, fold: Fold = Fold.MEAN
    ) -> Series:
        """See ``bms.store.rollups.readings_per_step``; grids of whole hours are made of hours."""
        grid = Grid.over(start, end, step)
        with self._lock:
            track = self._tracks.get(point, _Track())
            if grid.is_of_hours(fold, track.horizon):
                return grid.series_of_hours(fold, track.hours_in(*grid.hours(fold)))
            return grid.series(fold, *track.good(*grid.window(fold)))

    def good(self, point: str, start: datetime, end: datetime) -> tuple[Micros, Floats]:
        """See ``ReadingStore``."""
        first, after = to_micros(start), to_micros(end)
        with self._lock:
            track = self._tracks.get(point, _Track())
            times, values = track.good(first, after)
            old_times, old_values = readings_left(track.hours)
        asked = (old_times >= first) & (old_times < after)
        return (
            np.concatenate((old_times[asked], times)),
            np.concatenate((old_values[asked], values)),
        )

    def rollups(
        self, points: Sequence[str], start: datetime, end: datetime, level: Level
    ) -> Rollups:
        """See ``ReadingStore``."""
        edges = self._days.edges(level, to_micros(start), to_micros(end))
        buckets = no_buckets(len(points), len(edges) - 1)
        with self._lock:
            for row, point in zip(buckets, points, strict=True):
                parts = self._parts(point, level, int(edges[0]), int(edges[-1]))
                row[:] = coarser(parts, parts["first_at"], edges)
        return rollups(tuple(points), level, edges, buckets)

    def _parts(self, point: str, level: Level, first: int, end: int) -> Buckets:
        track = self._tracks.get(point, _Track())
        if level is Level.QUARTER:
            return of_readings(*track.good(first, end))
        return track.hours_in(first, end)

    def refresh_rollups(self, points: Sequence[str], before: datetime) -> int:
        """Nothing is ever out of date."""
        to_micros(before)
        return 0

    def forget(self, erasure: Erasure) -> Erased:
        """See ``RollupStore``."""
        to_micros(erasure.at)
        before = self._days.midnight(erasure.before)
        loss = ErasureTally()
        with self._lock:
            for point in sorted(set(erasure.points)):
                self._take(point, before, erasure.with_rollups, loss)
            erased = loss.erased(erasure, before)
            if not erased.nothing:
                self._erasures.append(erased)
                number, who = str(len(self._erasures)), (erased.actor, erased.reason)
                self._prove(
                    EvidenceKind.ERASURE, erased.site, number, erased.at, erased.digest, *who
                )
        return erased

    def _take(self, point: str, before: int, with_rollups: bool, loss: ErasureTally) -> None:
        track = self._tracks.setdefault(point, _Track())
        loss.readings(track.cut(before))
        taken = [c for c in self._corrections if _is_before(c, point, before)]
        loss.corrections(taken)
        self._corrections = [c for c in self._corrections if not _is_before(c, point, before)]
        if with_rollups:
            gone = track.hours["first_at"] < before
            loss.hours(point, track.hours[gone])
            track.hours = track.hours[~gone]
        track.horizon = max(track.horizon, before)

    def keep_classes(self, classes: Mapping[str, KeptClass]) -> None:
        """See ``RetentionStore``."""
        with self._lock:
            self._classes |= {p: kept for p, kept in classes.items() if p in self._tracks}

    def kept_classes(self) -> dict[str, KeptClass | None]:
        """See ``RetentionStore``."""
        with self._lock:
            return {point: self._classes.get(point) for point in self._tracks}

    def scrub(self, *, whole: bool = False) -> None:
        """Nothing is left anyway."""

    def erasures(self, since: datetime) -> list[Erased]:
        """See ``RollupStore``."""
        to_micros(since)
        return [erased for erased in list(self._erasures) if erased.at >= since]

    def corrections(self, point: str, start: datetime, end: datetime) -> list[Correction]:
        """What was replaced, of readings with start <= time < end; in the order it happened."""
        first, last = to_micros(start), to_micros(end)
        with self._lock:
            return [
                correction
                for correction in self._corrections
                if correction.earlier.point == point
                and first <= to_micros(correction.earlier.time) < last
            ]


def _is_before(correction: Correction, point: str, before: int) -> bool:
    earlier = correction.earlier
    return earlier.point == point and to_micros(earlier.time) < before
