"""What many tasks have to say to the journal, kept in as few synced batches as the disk asks for.

What is said while a batch is on its way to the disk makes up the next one. Each task goes on when
its own words are there, so what must be on disk before a frame leaves is (CONTRACT, W11).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from weakref import WeakKeyDictionary

from bms.errors import GuardError
from bms.model.control.local_override import Note
from bms.ports.safety import Journal
from bms.services.off_loop import off_loop

log = logging.getLogger(__name__)

Settled = Mapping[str, str]


async def keep_notes(notes: Sequence[Note], journal: Journal) -> None:
    """Write into the book. Where the disk refuses this process knows it all the same."""
    if not notes:
        return
    try:
        await _queue(journal).put(notes, {}, journal)
    except GuardError as error:
        log.error("seen, but not noted: %s", error)


async def close_leases(ended: Settled, journal: Journal) -> None:
    """Settle leases: point id → command id. When the disk refuses, the guard will do it again."""
    try:
        await _queue(journal).put((), ended, journal)
    except GuardError as error:
        log.error("given back, but not noted: %s", error)


@dataclass(frozen=True, slots=True)
class _Words:
    """Notes, or what was settled, and whoever waits until they are kept."""

    notes: Sequence[Note]
    ended: Settled
    kept: asyncio.Future[None]


class _Queue:
    """What the tasks of one event loop have said and is not kept yet, in its order."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._waiting: list[_Words] = []
        self._worker: asyncio.Task[None] | None = None

    async def put(self, notes: Sequence[Note], ended: Settled, journal: Journal) -> None:
        """Return when the journal has kept them, which it does where the caller is cancelled, too.
        Raises ``GuardError`` when the disk refuses their batch."""
        words = _Words(notes, ended, self.loop.create_future())
        self._waiting.append(words)
        if self._worker is None:
            self._worker = self.loop.create_task(self._work(journal))
        await asyncio.shield(words.kept)

    async def _work(self, journal: Journal) -> None:
        try:
            while self._waiting:
                noted, settled = self._taken()
                notes = [note for words in noted for note in words.notes]
                ended = {point: id_ for words in settled for point, id_ in words.ended.items()}
                if noted:
                    await _done(partial(journal.note, notes), noted)
                if settled:
                    await _done(partial(journal.settle, ended), settled)
        finally:
            self._worker = None

    def _taken(self) -> tuple[list[_Words], list[_Words]]:
        """The notes that wait, and what is to be settled, a point once: settling it twice may mean
        more than once. The notes go first, as whoever settles what it has noted has waited for it.
        """
        noted: list[_Words] = []
        settled: list[_Words] = []
        left: list[_Words] = []
        points: set[str] = set()
        for words in self._waiting:
            if words.notes:
                noted.append(words)
            elif points.isdisjoint(words.ended):
                points.update(words.ended)
                settled.append(words)
            else:
                left.append(words)
        self._waiting = left
        return noted, settled


async def _done(work: Callable[[], None], said: Sequence[_Words]) -> None:
    """Do the work off the loop, and tell those who wait for it."""
    try:
        await off_loop(work)
    except Exception as error:
        for words in said:
            words.kept.set_exception(error)
            words.kept.exception()  # whoever waited may have gone
        return
    for words in said:
        words.kept.set_result(None)


_QUEUES: WeakKeyDictionary[Journal, _Queue] = WeakKeyDictionary()


def _queue(journal: Journal) -> _Queue:
    """The queue before a journal; a loop that has ended leaves none behind."""
    queue = _QUEUES.get(journal)
    if queue is None or queue.loop is not asyncio.get_running_loop():
        queue = _QUEUES[journal] = _Queue()
    return queue
