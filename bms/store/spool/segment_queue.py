"""Readings on disk until the database takes them: one folder of segments, oldest first.

A segment (``bms.store.spool.segments``) is a file of readings of one importance; its number says
when it was begun. A batch is on disk, synced, before it counts as kept. A segment is never written
to again once somebody has begun to read it, and is removed only when the database has its readings:
a crash in between gives them twice, which changes nothing.

There is room for so many bytes. When it is used up, the oldest segment of the least important
readings makes way, and is counted.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from bms.model.readings.measurement import Reading
from bms.model.readings.spool import Importance, Loss, SpoolState
from bms.store.spool.frames import frame, pack
from bms.store.spool.losses import Losses
from bms.store.spool.segments import (
    OpenSegment,
    Segment,
    Sync,
    read,
    recovered,
    segment_path,
    sync_folder,
)

log = logging.getLogger(__name__)

SEGMENT_BYTES = 1_000_000
SEGMENT_READINGS = 50_000
"""A segment is full with so many bytes or readings [1]: it is handed on in one go."""
FRAME_READINGS = 20_000
"""Readings per frame [1]: what one damaged stretch can cost at most."""


class Spool:
    """Holds a folder alone (see ``bms.store.spool.process_folders``). Safe for several threads.

    ``limit_bytes`` is the room [bytes]; ``importance`` of points that are not in it is ``OTHER``.
    Opening it counts what is there and cuts off what a crash left half written. Raises OSError
    where the folder cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        *,
        limit_bytes: int,
        importance: Mapping[str, Importance],
        segment_bytes: int = SEGMENT_BYTES,
        sync: Sync = os.fsync,
    ) -> None:
        self.folder = folder
        self._limit = limit_bytes
        self._segment_bytes = min(segment_bytes, limit_bytes // 16)
        self._importance = importance
        self._sync = sync
        self._turn = threading.RLock()
        self._losses = Losses(folder, sync)
        self._tails: dict[Importance, OpenSegment] = {}
        self._full = False
        self._segments = self._left_behind()
        self._next = self._segments[-1].number + 1 if self._segments else 1

    def _left_behind(self) -> list[Segment]:
        """The segments of earlier processes, in the order in which they were begun."""
        segments = []
        for path in sorted(self.folder.glob("*.spool")):
            segment, torn = recovered(path)
            if torn:
                self._losses.count_torn()
            if segment is not None:
                segments.append(segment)
        return segments

    @property
    def waits(self) -> bool:
        """Whether there is anything that the database does not have yet."""
        return bool(self._segments)

    def state(self) -> SpoolState:
        """What waits and what was lost."""
        with self._turn:
            waiting: Counter[Importance] = Counter()
            for segment in self._segments:
                waiting[segment.importance] += segment.readings
            return SpoolState(
                waiting=dict(waiting),
                size_bytes=self._size,
                lost=dict(self._losses.readings),
                torn=self._losses.torn,
            )

    @property
    def _size(self) -> int:
        return sum(segment.size for segment in self._segments)

    def append(self, readings: Sequence[Reading]) -> int:
        """Keep a batch; how many of it are kept [1], the others are counted as lost.

        Raises OSError where the disk refuses; what it did not take is counted, too. Raises
        ValueError for a naive time of receipt, and keeps nothing then.
        """
        packed = [(importance, len(part), pack(part)) for importance, part in self._parts(readings)]
        refusal: OSError | None = None
        kept = 0
        with self._turn:
            for importance, count, payload in packed:
                try:
                    kept += self._keep(importance, count, payload)
                except OSError as error:
                    refusal = error
                    self._losses.count_lost(importance, Loss.DISK, count)
        if refusal is not None:
            raise refusal
        return kept

    def _parts(self, readings: Sequence[Reading]) -> list[tuple[Importance, list[Reading]]]:
        """The batch by importance, in its order, no part larger than a frame."""
        groups: dict[Importance, list[Reading]] = defaultdict(list)
        for reading in readings:
            groups[self._importance.get(reading.point, Importance.OTHER)].append(reading)
        return [
            (importance, group[first : first + FRAME_READINGS])
            for importance, group in sorted(groups.items())
            for first in range(0, len(group), FRAME_READINGS)
        ]

    def _keep(self, importance: Importance, count: int, payload: bytes) -> int:
        if not self._make_room(importance, len(frame(payload, count, 0))):
            self._say_full()
            self._losses.count_lost(importance, Loss.FULL, count)
            return 0
        try:
            tail = self._tails.get(importance) or self._begin(importance)
            tail.write(payload, count)
        except OSError:
            self._give_up(importance)
            raise
        filled = tail.segment
        if filled.size >= self._segment_bytes or filled.readings >= SEGMENT_READINGS:
            self._seal(importance)
        return count

    def _begin(self, importance: Importance) -> OpenSegment:
        path = segment_path(self.folder, self._next, importance)
        tail = OpenSegment(Segment(path, importance), self._sync)
        self._next += 1
        self._segments.append(tail.segment)
        self._tails[importance] = tail
        sync_folder(self.folder, self._sync)
        return tail

    def _seal(self, importance: Importance) -> None:
        """Nothing more is added to the segment that was being filled."""
        tail = self._tails.pop(importance, None)
        if tail is not None:
            tail.close()

    def _give_up(self, importance: Importance) -> None:
        """The disk refused: leave the segment as it is, or remove it where nothing is in it."""
        tail = self._tails.get(importance)
        self._seal(importance)
        if tail is not None and not tail.segment.readings:
            self._forget(tail.segment)

    def _make_room(self, importance: Importance, size: int) -> bool:
        """Drop what is less important or older until ``size`` [bytes] fit; False if they cannot."""
        if size > self._limit:
            return False
        while self._size + size > self._limit:
            victim = self._least_important()
            if victim is None or victim.importance < importance:
                return False
            self._say_full()
            self._seal_if_open(victim)
            self._forget(victim)
            self._losses.count_lost(victim.importance, Loss.FULL, victim.readings)
        return True

    def _least_important(self) -> Segment | None:
        """The oldest segment of the least important readings; none that is being handed on."""
        free = [segment for segment in self._segments if not segment.taken]
        return max(free, key=lambda segment: segment.importance, default=None)

    def _say_full(self) -> None:
        if not self._full:
            self._full = True
            log.error(
                "the spool %s has used up its %d MB: the oldest of the least important readings "
                "are dropped until the database is back (BMS_SPOOL_MB gives it more room)",
                self.folder,
                self._limit // 1_000_000,
            )

    def _seal_if_open(self, segment: Segment) -> None:
        tail = self._tails.get(segment.importance)
        if tail is not None and tail.segment is segment:
            self._seal(segment.importance)

    def _forget(self, segment: Segment) -> None:
        self._segments.remove(segment)
        with suppress(FileNotFoundError):
            segment.path.unlink()

    def take(self) -> tuple[Segment, list[Reading]] | None:
        """The oldest segment with its readings, None when nothing waits.

        Give it to ``done`` once the database has them, else to ``put_back``.
        """
        with self._turn:
            if not self._segments:
                return None
            segment = self._segments[0]
            self._seal_if_open(segment)
            segment.taken = True
        return segment, read(segment)

    def done(self, segment: Segment, refused: int = 0) -> None:
        """The database has the readings of the segment, or refused them [1]: remove it."""
        with self._turn:
            if segment.damaged:
                log.error("%s is damaged: %d readings are lost", segment.path, segment.damaged)
                self._losses.count_lost(segment.importance, Loss.DAMAGE, segment.damaged)
            if refused:
                self._losses.count_lost(segment.importance, Loss.REFUSED, refused)
            self._forget(segment)
            self._full = self._full and self.waits

    def put_back(self, segment: Segment) -> None:
        """The database did not take the readings of the segment: they wait on."""
        with self._turn:
            segment.taken = False

    def close(self) -> None:
        """Close the files; what waits stays on disk."""
        with self._turn:
            for importance in list(self._tails):
                self._seal(importance)
