"""A store whose readings wait on disk while the database is away, and arrive once it is back.

While anything waits, new readings queue behind it: none overtakes another, so the value that
stands in the end is the one that would stand had the database never been away.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from itertools import islice
from typing import Any, cast

from bms.errors import StoreError, StoreUnavailable
from bms.model.control.retention import Erased, Erasure
from bms.model.readings.reading import Ingested, Reading
from bms.model.readings.spool import SpoolState
from bms.ports.storage.whole import Store
from bms.store.spool.process_slots import Slots
from bms.store.spool.reconnecting import Reach
from bms.store.spool.spool import Spool


def add_piecewise(store: Store, readings: list[Reading]) -> tuple[Ingested, list[Reading]]:
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


def _halves(store: Store, readings: list[Reading]) -> tuple[Ingested, list[Reading]]:
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


log = logging.getLogger(__name__)

BATCH = 100_000
"""Readings per call of the store [1]."""
ON_THE_WAY = 4
"""Segments that are handed on before a batch of new readings; ``forward`` does all of them."""


class ForwardingStore:
    """Implements ``Store`` and ``Forwarding`` around another store.

    A database that is away, at the start or later, stops nobody from reading meters. Whatever is
    not about new readings goes straight to the store and raises ``StoreUnavailable`` while it is
    away. Safe for several threads.
    """

    def __init__(self, reach: Reach, slots: Slots) -> None:
        self._reach = reach
        self._slots = slots
        self._keeping = threading.Lock()
        self._handing_on = threading.Lock()
        self._looked = False

    def as_store(self) -> Store:
        """This object as the port: methods that are not written out here are the store's own."""
        return cast("Store", self)

    def __getattr__(self, name: str) -> Any:
        """A method of the port that is not about new readings; the call opens the store."""
        if not hasattr(Store, name):
            raise AttributeError(f"{type(self).__name__} has no {name}")

        def call(*arguments: Any, **named: Any) -> Any:
            return getattr(self._reach.store(), name)(*arguments, **named)

        return call

    def open(self) -> None:
        """Open the database if it is there; being away is no error.

        Raises ConfigError or StoreError for one that waiting does not mend.
        """
        try:
            self._reach.store()
        except StoreUnavailable as error:
            log.info("starting without a database: %s", error)

    def add_readings(self, readings: Iterable[Reading], *, durable: bool = False) -> Ingested:
        """See ``Store``; what the database cannot take now waits, on disk and
        synced.

        Raises ``StoreUnavailable`` when they can neither be stored nor wait: the disk refuses, or
        its room is used up by what is more important and the caller asked for ``durable``.
        """
        source = iter(readings)
        total = Ingested()
        while batch := list(islice(source, BATCH)):
            total += self._add(batch, durable)
        return total

    def _add(self, batch: list[Reading], durable: bool) -> Ingested:
        if self._waits() and self._reach.worth_trying:
            try:
                self._hand_on(ON_THE_WAY)
            except StoreError as error:
                log.error("what waits on disk cannot be handed on: %s", error)
        if not self._waits():
            try:
                with self._reach.trying() as store:
                    return store.add_readings(batch, durable=durable)
            except StoreUnavailable:
                pass  # the store has said so, once
        return self._keep(batch, durable)

    def _keep(self, batch: list[Reading], durable: bool) -> Ingested:
        away = self._reach.away or "earlier readings still wait"
        try:
            with self._keeping:
                if self._reach.closed:
                    raise StoreError("the store is closed")
                kept = self._slots.mine().append(batch)
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
        """Hand on what waits, oldest first; a database that is away is no error.

        Gives what became of it, with what still waits. Raises StoreError where it is refused.
        """
        with self._keeping:
            self._slots.adopt()
            self._looked = True
        self._reach.hurry()
        done = self._hand_on(None)
        return done + Ingested(waiting=sum(self.state().waiting.values()))

    def forget(self, erasure: Erasure) -> Erased:
        """See ``Store``. What waits goes first: else it would come back, or stay on
        disk.

        Raises ``StoreUnavailable`` while something still waits.
        """
        self.forward()
        if self._waits():
            raise StoreUnavailable(
                "nothing can be deleted for good while readings wait on disk; try again when "
                "the database has taken them"
            )
        return self._reach.store().forget(erasure)

    def state(self) -> SpoolState:
        """What waits in this process, and what was lost in any process of this home."""
        with self._keeping:
            return self._slots.state()

    def close(self) -> None:
        """Close database and files; what waits stays on disk for the next start."""
        self._reach.close()
        with self._keeping:
            self._slots.close()

    def _waits(self) -> bool:
        with self._keeping:
            if not self._looked:
                self._slots.adopt()
                self._looked = True
            return self._slots.waits

    def _hand_on(self, at_most: int | None) -> Ingested:
        """At most so many segments; none where another thread is at it."""
        total = Ingested()
        if not self._handing_on.acquire(blocking=False):
            return total
        try:
            with self._keeping:
                spools = self._slots.spools()
            for spool in spools:
                while at_most != 0 and (taken := self._one(spool)) is not None:
                    total += taken
                    at_most = None if at_most is None else at_most - 1
            with self._keeping:
                self._slots.leave()
        except StoreUnavailable:
            pass  # the store has said so, once; the rest waits on
        finally:
            self._handing_on.release()
        return total

    def _one(self, spool: Spool) -> Ingested | None:
        """Hand on the oldest segment, and remove it once the database has it for good."""
        taken = spool.take()
        if taken is None:
            return None
        segment, readings = taken
        try:
            with self._reach.trying() as store:
                ingested, refused = add_piecewise(store, readings)
        except BaseException:
            spool.put_back(segment)
            raise
        for reading in refused:
            log.error("the database refuses %s, which had waited in %s", reading, segment.path)
        spool.done(segment, len(refused))
        return ingested
