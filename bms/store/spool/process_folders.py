"""The folders of the spool: each process fills one of its own, and takes over what others left.

``spool/1``, ``spool/2`` and so on, each held through ``flock`` on its file ``lock``, which ends
with the process that holds it. A process that starts, or starts again, takes the folders in which
something waits and which nobody holds; so nothing stays behind when a process does not come back.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import IO

from bms.model.readings.spool import Importance, Loss, SpoolState
from bms.store.spool.losses import Losses
from bms.store.spool.segment_queue import Spool
from bms.store.spool.segments import Sync

log = logging.getLogger(__name__)


class SpoolFolders:
    """The spools that this process holds under ``root``; not safe for several threads.

    ``limit_bytes`` [bytes] is the room of one process. Constructing it does no input or output.
    """

    def __init__(
        self,
        root: Path,
        *,
        limit_bytes: int,
        importance: Mapping[str, Importance],
        sync: Sync = os.fsync,
    ) -> None:
        self._root = root
        self._limit_bytes = limit_bytes
        self._importance = importance
        self._sync = sync
        self._held: dict[int, tuple[Spool, IO[bytes]]] = {}

    @property
    def waits(self) -> bool:
        """Whether something waits in a folder that we hold."""
        return any(spool.waits for spool, _ in self._held.values())

    def spools(self) -> list[Spool]:
        """Those that we hold, the one that we fill last."""
        mine = min(self._held, default=0)
        return [self._held[n][0] for n in sorted(self._held, key=lambda n: (n == mine, n))]

    def take_over(self) -> None:
        """Take every folder in which something waits and which nobody holds."""
        for number in self._numbers():
            if number not in self._held and any(self._folder(number).glob("*.spool")):
                try:
                    self._claim(number)
                except OSError as error:
                    log.error("%s cannot be taken over: %s", self._folder(number), error)

    def own(self) -> Spool:
        """The spool to fill. Raises OSError where no folder can be made."""
        if not self._held:
            self.take_over()
        if not self._held:
            next(number for number in count(1) if self._claim(number))
        return self._held[min(self._held)][0]

    def release_empty(self) -> None:
        """Give up the folders that are empty, except the one that we fill."""
        for number in sorted(self._held)[1:]:
            if not self._held[number][0].waits:
                self._release(number)

    def state(self) -> SpoolState:
        """What waits in our folders, and what was lost in any of them."""
        states = [spool.state() for spool, _ in self._held.values()]
        waiting: Counter[Importance] = Counter()
        lost: Counter[tuple[Importance, Loss]] = Counter()
        for state in states:
            waiting.update(state.waiting)
            lost.update(state.lost)
        others = [Losses(self._folder(n)) for n in self._numbers() if n not in self._held]
        for losses in others:
            lost.update(losses.readings)
        return SpoolState(
            waiting=dict(waiting),
            size_bytes=sum(state.size_bytes for state in states),
            lost=dict(lost),
            torn=sum(state.torn for state in states) + sum(losses.torn for losses in others),
        )

    def close(self) -> None:
        """Let go of every folder; what waits stays on disk."""
        for number in list(self._held):
            self._release(number)

    def _claim(self, number: int) -> bool:
        """Take a folder; False where another process holds it."""
        folder = self._folder(number)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / "lock").open("ab")
        try:
            fcntl.flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            spool = Spool(
                folder,
                limit_bytes=self._limit_bytes,
                importance=self._importance,
                sync=self._sync,
            )
        except BlockingIOError:
            lock.close()
            return False
        except BaseException:
            lock.close()
            raise
        self._held[number] = (spool, lock)
        return True

    def _release(self, number: int) -> None:
        spool, lock = self._held.pop(number)
        spool.close()
        lock.close()

    def _folder(self, number: int) -> Path:
        return self._root / str(number)

    def _numbers(self) -> list[int]:
        """The folders that there are."""
        with suppress(OSError):
            return sorted(int(entry.name) for entry in self._root.iterdir() if entry.name.isdigit())
        return []
