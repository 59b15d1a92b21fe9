"""Readings that wait on disk while the database is away, and arrive once it is back.

While anything waits, new readings queue behind it: none overtakes another, so the value that
stands in the end is the one that would stand had the database never been away.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice

from bms.errors import StoreError, StoreUnavailable
from bms.model.control.retention import Erased, Erasure, KeptClass
from bms.model.readings.measurement import Ingested, Reading
from bms.model.readings.series import Floats, Micros, Series
from bms.model.readings.spool import SpoolState
from bms.ports.storage.readings import Fold, Forwarding, ReadingStore
from bms.ports.storage.retention import RetentionStore
from bms.store.database.availability import Availability
from bms.store.spool.process_folders import SpoolFolders
from bms.store.spool.segment_queue import Spool

log = logging.getLogger(__name__)

BATCH = 100_000
"""Readings per call of the store [1]."""
PER_BATCH = 4
"""Segments [1] that are stored before a batch of new readings; ``forward`` stores all of them."""


class ForwardingReadings:
    """Implements ``ReadingStore`` and ``Forwarding`` around the readings of a database.

    A database that is away, at the start or later, stops nobody from reading meters. What asks for
    readings goes straight to the database and raises ``StoreUnavailable`` while it is away. Safe
    for several threads. ``availability`` is what others who use the database share, too.
    """

    def __init__(
        self,
        readings: ReadingStore,
        folders: SpoolFolders,
        availability: Availability | None = None,
    ) -> None:
        self._readings = readings
        self._folders = folders
        self._availability = availability or Availability()
        self._keeping = threading.Lock()
        self._forwarding = threading.Lock()
        self._looked = False
        self._said_away = False
        self._closed = False

    def readings(
        self, point: str, start: datetime, end: datetime, most: int | None = None
    ) -> list[Reading]:
        """See ``ReadingStore``."""
        return self._readings.readings(point, start, end, most)

    def good(self, point: str, start: datetime, end: datetime) -> tuple[Micros, Floats]:
        """See ``ReadingStore``."""
        return self._readings.good(point, start, end)

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

    def add_readings(self, readings: Iterable[Reading], *, durable: bool = False) -> Ingested:
        """See ``ReadingStore``; what the database cannot take now waits, on disk and synced.

        Raises ``StoreUnavailable`` when they can neither be stored nor wait: the disk refuses, or
        its room is used up by what is more important and the caller asked for ``durable``.
        """
        source = iter(readings)
        total = Ingested()
        while batch := list(islice(source, BATCH)):
            total += self._add(batch, durable)
        return total

    def _add(self, batch: list[Reading], durable: bool) -> Ingested:
        if self._waits() and self._availability.worth_trying:
            try:
                self._forward(PER_BATCH)
            except StoreError as error:
                log.error("what waits on disk cannot be stored: %s", error)
        if not self._waits():
            try:
                with self._storing():
                    return self._readings.add_readings(batch, durable=durable)
            except StoreUnavailable:
                pass  # said once in ``_storing``
        return self._keep(batch, durable)

    def _keep(self, batch: list[Reading], durable: bool) -> Ingested:
        away = self._availability.away or "earlier readings still wait"
        try:
            with self._keeping:
                if self._closed:
                    raise StoreError("the store is closed")
                kept = self._folders.own().append(batch)
        except OSError as error:
            raise StoreUnavailable(
                f"{away}. Nor can readings wait on disk: {error.strerror or error}; some of"
                f" {len(batch)} are lost. Free space in BMS_HOME, or make it writable"
            ) from error
        if durable and kept < len(batch):
            raise StoreUnavailable(
                f"{away}. The room for readings that wait is used up by more important ones:"
                f" {len(batch) - kept} of {len(batch)} were refused; send them again later"
            )
        return Ingested(waiting=kept)

    def forward(self) -> Ingested:
        """Store what waits, oldest first; a database that is away is no error.

        Returns what became of it, with what still waits. Raises StoreError where it is refused.
        """
        with self._keeping:
            self._folders.take_over()
            self._looked = True
        self._availability.retry_now()
        done = self._forward(None)
        return done + Ingested(waiting=sum(self.state().waiting.values()))

    def state(self) -> SpoolState:
        """What waits in this process, and what was lost in any process of this home."""
        with self._keeping:
            return self._folders.state()

    def close(self) -> None:
        """Close the files; what waits stays on disk for the next start."""
        with self._keeping:
            self._closed = True
            self._folders.close()

    @contextmanager
    def _storing(self) -> Iterator[None]:
        """Store readings inside; logs once that the database went away, and once that it is back.

        Raises ``StoreUnavailable`` as the block does.
        """
        try:
            yield
        except StoreUnavailable as error:
            self._availability.lost(error)
            if not self._said_away:
                self._said_away = True
                log.warning("readings wait on disk until the database is back: %s", error)
            raise
        self._availability.answered()
        if self._said_away:
            self._said_away = False
            log.warning("the database is back and takes readings")

    def _waits(self) -> bool:
        with self._keeping:
            if not self._looked:
                self._folders.take_over()
                self._looked = True
            return self._folders.waits

    def _forward(self, at_most: int | None) -> Ingested:
        """Store at most so many segments; none where another thread is at it."""
        total = Ingested()
        if not self._forwarding.acquire(blocking=False):
            return total
        try:
            with self._keeping:
                spools = self._folders.spools()
            for spool in spools:
                while at_most != 0 and (taken := self._one(spool)) is not None:
                    total += taken
                    at_most = None if at_most is None else at_most - 1
            with self._keeping:
                self._folders.release_empty()
        except StoreUnavailable:
            pass  # said once in ``_storing``; the rest waits on
        finally:
            self._forwarding.release()
        return total

    def _one(self, spool: Spool) -> Ingested | None:
        """Store the oldest segment, and remove it once the database has it for good."""
        taken = spool.take()
        if taken is None:
            return None
        segment, readings = taken
        try:
            with self._storing():
                ingested, refused = add_piecewise(self._readings, readings)
        except BaseException:
            spool.put_back(segment)
            raise
        for reading in refused:
            log.error("the database refuses %s, which had waited in %s", reading, segment.path)
        spool.done(segment, len(refused))
        return ingested


class SpooledRetention:
    """Implements ``RetentionStore``: what waits on disk is stored before anything is deleted."""

    def __init__(self, retention: RetentionStore, forwarding: Forwarding) -> None:
        self._retention = retention
        self._forwarding = forwarding

    def forget(self, erasure: Erasure) -> Erased:
        """See ``RetentionStore``. What waits goes first: else it would come back, or stay on disk.

        Raises ``StoreUnavailable`` while something still waits.
        """
        self._forwarding.forward()
        if self._forwarding.state().size_bytes:
            raise StoreUnavailable(
                "nothing can be deleted for good while readings wait on disk; try again when "
                "the database has taken them"
            )
        return self._retention.forget(erasure)

    def keep_classes(self, classes: Mapping[str, KeptClass]) -> None:
        """See ``RetentionStore``."""
        self._retention.keep_classes(classes)

    def kept_classes(self) -> dict[str, KeptClass | None]:
        """See ``RetentionStore``."""
        return self._retention.kept_classes()

    def scrub(self, *, whole: bool = False) -> None:
        """See ``RetentionStore``."""
        self._retention.scrub(whole=whole)

    def erasures(self, since: datetime) -> list[Erased]:
        """See ``RetentionStore``."""
        return self._retention.erasures(since)


def add_piecewise(store: ReadingStore, readings: list[Reading]) -> tuple[Ingested, list[Reading]]:
    """What became of the batch, and the readings that the store will not have.

    A refused batch is halved until the reading is found, in order. Kept beyond a power cut. Raises
    ``StoreUnavailable``, or the refusal itself where the store takes none of them: then it is the
    store that is wrong, and not a reading.
    """
    try:
        return store.add_readings(readings, durable=True), []
    except StoreUnavailable:
        raise
    except (StoreError, ValueError) as error:
        ingested, refused = _halves(store, readings)
        if len(refused) == len(readings):
            raise StoreError(f"the database takes none of {len(readings)} readings: {error}") from (
                error
            )
        return ingested, refused


def _halves(store: ReadingStore, readings: list[Reading]) -> tuple[Ingested, list[Reading]]:
    if len(readings) == 1:
        return Ingested(), readings
    total, refused = Ingested(), list[Reading]()
    middle = len(readings) // 2
    for half in (readings[:middle], readings[middle:]):
        try:
            total += store.add_readings(half, durable=True)
        except StoreUnavailable:
            raise
        except (StoreError, ValueError):
            more, worse = _halves(store, half)
            total += more
            refused += worse
    return total, refused
