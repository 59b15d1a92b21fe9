"""A folder of the spool belongs to a process while it lives."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

from bms.model.readings.measurement import Reading
from bms.model.readings.spool import Importance
from bms.store.spool.process_folders import SpoolFolders
from bms.store.spool.segment_queue import Spool
from tests.rigs.fakes.store import quarters

METER, TEMP, CO2 = "school/heat.energy", "school/gym.temp", "school/gym.co2"
IMPORTANCE = {METER: Importance.REGISTER, CO2: Importance.PERSONAL}
ROOM = 1_000_000


def folders_of(root: Path) -> SpoolFolders:
    return SpoolFolders(root, limit_bytes=ROOM, importance=IMPORTANCE)


def drained(spool: Spool) -> list[Reading]:
    """Everything that waits, in its order; the spool is empty afterwards."""
    out: list[Reading] = []
    while (taken := spool.take()) is not None:
        out += taken[1]
        spool.done(taken[0])
    return out


def _hold(root: Path, ready: Callable[[], object], go_on: Callable[[], object]) -> None:
    folders = folders_of(root)
    folders.own().append(quarters([1.0], TEMP))
    ready()
    go_on()
    os._exit(9)  # no clean end


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    ready, go_on = fork.Event(), fork.Event()
    holder = fork.Process(target=_hold, args=(tmp_path, ready.set, go_on.wait))
    holder.start()
    assert ready.wait(30)
    folders = folders_of(tmp_path)
    folders.take_over()
    assert not folders.waits
    holder.kill()
    holder.join()
    folders.take_over()
    assert [r.value for r in drained(folders.own())] == [1.0]
    folders.close()
