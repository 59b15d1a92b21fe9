"""Readings and the regular series that are made of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from bms.model.readings.measurement import Ingested, Reading
from bms.model.readings.series import Floats, Micros, Series
from bms.model.readings.spool import SpoolState


class Fold(StrEnum):
    """How readings become one value per step of a grid."""

    MEAN = "mean"
    LAST = "last"
    DELTA = "delta"


class ReadingStore(Protocol):
    """Readings by point and time. Synchronous: call it off the event loop.

    Raises ``bms.errors.StoreUnavailable`` when the database is away.
    """

    def add_readings(self, readings: Iterable[Reading], *, durable: bool = False) -> Ingested:
        """Store readings; idempotent on (point, time).

        Another value for the same point and time is a correction: the last one stands, the earlier
        one is kept. ``durable``: what is acknowledged outlives a power cut, not only the death of
        our process.
        """
        ...

    def readings(
        self, point: str, start: datetime, end: datetime, most: int | None = None
    ) -> list[Reading]:
        """Readings with start <= time < end, oldest first; the first ``most`` of them."""
        ...

    def good(self, point: str, start: datetime, end: datetime) -> tuple[Micros, Floats]:
        """Times [us since 1970, UTC] and values of the good readings with start <= time < end,
        oldest first; shapes (n,).

        Where readings were deleted for their age, the first and last of each hour are left.
        """
        ...

    def latest(self, points: Sequence[str]) -> dict[str, Reading]:
        """The newest reading of each point that has any, by point id."""
        ...

    def newest_times(self, points: Sequence[str]) -> dict[str, datetime]:
        """The time of the newest reading of each point that has any."""
        ...

    def series(
        self, point: str, start: datetime, end: datetime, step: timedelta, fold: Fold = Fold.MEAN
    ) -> Series:
        """One value per ``step`` from ``start`` to ``end``; gaps stay NaN in every fold.

        ``DELTA`` turns a cumulative register into use per step. Where the readings were deleted for
        their age, the grids of whole hours are still known.
        """
        ...


class Forwarding(Protocol):
    """Readings that wait on disk until the database is back. Synchronous: call it off the event
    loop."""

    def forward(self) -> Ingested:
        """Store what waits, oldest first; a database that is away is no error.

        Returns what became of it, with what still waits. Raises ``bms.errors.StoreError`` where the
        database refuses.
        """
        ...

    def state(self) -> SpoolState:
        """What waits and what was lost."""
        ...
