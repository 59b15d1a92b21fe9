"""Readings that are read once for several answers about the same meters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import numpy as np

from bms.model.epoch import to_micros
from bms.model.readings.measurement import Ingested, Reading
from bms.model.readings.series import Floats, Micros, Series
from bms.ports.storage.readings import Fold, ReadingStore

MARGIN = timedelta(days=400)
"""Good readings are read from so long before what is asked for first: others ask for them."""


class RememberedReadings:
    """Implements ``ReadingStore``: good readings of a point come from memory once they were read.
    What is stored meanwhile is not seen; an object of it answers for a moment."""

    def __init__(self, readings: ReadingStore) -> None:
        self._readings = readings
        self._good: dict[str, tuple[datetime, datetime, Micros, Floats]] = {}

    def add_readings(self, readings: Iterable[Reading], *, durable: bool = False) -> Ingested:
        """See ``ReadingStore``."""
        return self._readings.add_readings(readings, durable=durable)

    def readings(
        self, point: str, start: datetime, end: datetime, most: int | None = None
    ) -> list[Reading]:
        """See ``ReadingStore``."""
        return self._readings.readings(point, start, end, most)

    def good(self, point: str, start: datetime, end: datetime) -> tuple[Micros, Floats]:
        """See ``ReadingStore``."""
        known = self._good.get(point)
        if known is None or start < known[0] or end > known[1]:
            first = start - MARGIN if known is None else min(start, known[0])
            last = end + MARGIN if known is None else max(end, known[1])
            known = (first, last, *self._readings.good(point, first, last))
            self._good[point] = known
        times, values = known[2:]
        at = slice(*np.searchsorted(times, [to_micros(start), to_micros(end)]).tolist())
        return times[at], values[at]

    def latest(self, points: Sequence[str]) -> dict[str, Reading]:
        """See ``ReadingStore``."""
        return self._readings.latest(points)

    def newest_times(self, points: Sequence[str]) -> dict[str, datetime]:
        """See ``ReadingStore``."""
        return self._readings.newest_times(points)

    def series(
        self, point: str, start: datetime, end: datetime, step: timedelta, fold: Fold = Fold.MEAN
    ) -> Series:
        """See ``ReadingStore``."""
        return self._readings.series(point, start, end, step, fold)
