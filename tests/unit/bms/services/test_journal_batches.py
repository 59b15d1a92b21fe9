"""Words of many tasks reach the disk in few synced batches, and each waits for its own."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

from bms.journal import FileJournal
from bms.model.control.local_override import GivingBack
from bms.services.journal_batches import close_leases, keep_notes
from tests.rigs.fakes.safety import CONSTANT, ENABLE, NULL, command, hut, lease_on

POINTS = (NULL, CONSTANT, ENABLE)


def a_journal(path: Path, sync: Callable[[int], None] = os.fsync) -> FileJournal:
    journal = FileJournal(path / "journal", sync=sync)
    journal.intend([lease_on(hut(), command(point, 1.0, command_id=point)) for point in POINTS])
    return journal


async def test_w10_many_tasks_share_the_syncs_of_the_disk(tmp_path: Path) -> None:
    synced = []

    def slow(descriptor: int) -> None:
        synced.append(descriptor)
        time.sleep(0.005)

    journal = a_journal(tmp_path, slow)
    before = len(synced)

    async def gives_back(point: str) -> None:
        await keep_notes([GivingBack(point, point)], journal)
        await close_leases({point: point}, journal)

    await asyncio.gather(*(gives_back(point) for point in POINTS for _ in range(20)))
    assert len(synced) - before <= 2 * 20 + 2  # a point is settled once in a batch
    assert journal.leases() == FileJournal(journal.path).leases() == {}


async def test_w13_what_is_said_is_on_disk_before_whoever_said_it_goes_on(tmp_path: Path) -> None:
    journal = a_journal(tmp_path)

    async def gives_back(point: str) -> None:
        await keep_notes([GivingBack(point, point)], journal)
        assert FileJournal(journal.path).leases()[point].returning
        await close_leases({point: point}, journal)
        assert point not in FileJournal(journal.path).leases()

    await asyncio.gather(*(gives_back(point) for point in POINTS))


async def test_a_point_that_is_settled_by_two_at_once_is_settled_twice(tmp_path: Path) -> None:
    """The first withdraws what is on the way; the second says nothing more until it has arrived."""
    journal = FileJournal(tmp_path / "journal")
    lease = lease_on(hut(), command(NULL, 1.0, command_id="new"))
    journal.intend([lease])
    ended = ({NULL: "old"}, {NULL: "new"})
    await asyncio.gather(*(close_leases(each, journal) for each in ended))
    assert journal.leases() == {}


async def test_a_disk_that_refuses_keeps_nobody_waiting(tmp_path: Path) -> None:
    def full(descriptor: int) -> None:
        raise OSError("no space left")

    journal = a_journal(tmp_path)
    refusing = FileJournal(journal.path, sync=full)
    await asyncio.gather(*(close_leases({point: point}, refusing) for point in POINTS))
    assert refusing.leases() == {}


async def test_what_a_cancelled_task_has_said_is_kept(tmp_path: Path) -> None:
    journal = a_journal(tmp_path)
    said = asyncio.create_task(close_leases({NULL: NULL}, journal))
    await asyncio.sleep(0)
    said.cancel()
    await close_leases({CONSTANT: CONSTANT}, journal)
    assert set(journal.leases()) == {ENABLE}


def test_each_loop_has_its_own_queue(tmp_path: Path) -> None:
    journal = a_journal(tmp_path)
    for point in POINTS:
        asyncio.run(close_leases({point: point}, journal))
    assert journal.leases() == {}
