"""Receipts that wait beside the journal until the database takes them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bms.clock import VirtualClock
from bms.errors import NotOwner, StoreUnavailable
from bms.guard import Guard
from bms.journal import FileJournal, MemoryJournal
from bms.model.control.command import Accepted, AnyReceipt, Failed, Released, StillHeld
from bms.model.control.hands_off import SpokenWord
from bms.model.control.reasons import ReceiptReason
from bms.model.fact import fact
from bms.services import operator
from bms.services.control.dispatch import release_marked
from bms.services.evidence.receipts import (
    keep_receipts,
    note_open_commands,
    record_receipts,
    unrecorded,
)
from bms.services.hands_off.record import keep_words
from bms.store.memory.store import MemoryStore
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.drivers import FakeDrivers, device_said
from tests.rigs.fakes.safety import (
    LEASE,
    LEVERS,
    NOW,
    NULL,
    TICK,
    WANTED,
    command,
    hut,
    lease_on,
)

SITE, SECOND = hut(), timedelta(seconds=1)


class Away(MemoryStore):
    """A database whose receipts can be away, or those of one site refused."""

    away = False
    elsewhere: frozenset[str] = frozenset()

    def add_receipts(
        self, receipts: Iterable[AnyReceipt], at: datetime, *, fenced: bool = True
    ) -> None:
        if self.away:
            raise StoreUnavailable("the database is away")
        if fenced and self.elsewhere:
            raise NotOwner(self.elsewhere)
        super().add_receipts(receipts, at, fenced=fenced)


def kept(store: MemoryStore) -> list[AnyReceipt]:
    return [receipt for _, receipt in store.receipts("hut", NOW - timedelta(days=1))]


def held_since(journal: MemoryJournal | FileJournal, drivers: FakeDrivers) -> None:
    drivers.device("hut/bacnet").held[NULL] = WANTED[NULL]
    journal.intend([lease_on(SITE, command(NULL, WANTED[NULL]))])


async def test_w16_what_the_guard_gave_back_is_on_record_as_soon_as_a_backend_lives() -> None:
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    bench.now += LEASE
    await Guard(bench.journal, bench.drivers, bench.clock).step()
    assert bench.journal.leases() == {}
    assert {type(each) for each in kept(bench.store)} == {Accepted}
    await keep_words(bench.ports, bench.now + TICK)
    last = bench.store.receipts("hut", NOW)[-len(LEVERS) :]
    assert {at for at, _ in last} == {NOW + LEASE}
    assert {each.point for _, each in last if isinstance(each, Released)} == set(LEVERS)
    assert bench.journal.unrecorded() == []


async def test_w16_the_receipt_of_a_give_back_is_noted_before_its_lease_is_closed() -> None:
    """Whoever finds no lease, as a backend that ends, finds the receipt."""

    class Watched(MemoryJournal):
        def settle(self, commands):
            assert {each.point for each in self.unrecorded()} >= set(commands)
            super().settle(commands)

    journal, drivers, clock = Watched(), FakeDrivers(), VirtualClock(NOW)
    held_since(journal, drivers)
    clock.move_to(NOW + LEASE)
    await Guard(journal, drivers, clock).step()
    assert journal.leases() == {}


async def test_w16_what_the_guard_cannot_give_back_is_told_once(tmp_path: Path) -> None:
    journal, drivers, clock = FileJournal(tmp_path / "journal"), FakeDrivers(), VirtualClock(NOW)
    held_since(journal, drivers)
    drivers.device("hut/bacnet").swallows_releases = True
    clock.move_to(NOW + LEASE)
    guard = Guard(journal, drivers, clock)
    for _ in range(3):
        await guard.step()
        clock.advance(timedelta(minutes=1))
    [note] = journal.unrecorded()
    assert isinstance(note.receipt, StillHeld)
    assert note.command == command(NULL, WANTED[NULL])


async def test_w16_a_write_whose_process_was_killed_before_its_receipt_is_on_record() -> None:
    """The guard gives it back, and the backend that starts next says that it was written."""
    journal, drivers, clock, store = MemoryJournal(), FakeDrivers(), VirtualClock(NOW), Away()
    held_since(journal, drivers)
    clock.move_to(NOW + LEASE)
    await Guard(journal, drivers, clock).step()
    record_receipts(store, journal)
    written, back = store.receipts("hut", NOW)
    untold = fact(ReceiptReason.UNTOLD, point=NULL)
    assert written == (NOW, Failed(command(NULL, WANTED[NULL]), untold, retryable=True))
    assert back == (NOW + LEASE, Released(NULL, None))


@pytest.mark.parametrize("told", [True, False])
async def test_w16_a_backend_that_starts_within_the_lease_says_so_too(told: bool) -> None:
    journal, store = MemoryJournal(), Away()
    held_since(journal, FakeDrivers())
    if told:
        store.add_receipts([Accepted(command(NULL, WANTED[NULL]), WANTED[NULL])], NOW)
    await note_open_commands(journal, NOW + SECOND)
    journal.settle({NULL: command(NULL, WANTED[NULL]).id})
    record_receipts(store, journal)
    record_receipts(store, journal)
    assert [type(each) for each in kept(store)] == [Accepted if told else Failed]
    assert journal.unrecorded() == []


async def test_w16_receipts_wait_for_a_database_that_is_away() -> None:
    journal, store = MemoryJournal(), Away()
    store.away = True
    await keep_receipts(store, journal, [Released(NULL, 19.0)], NOW)
    with pytest.raises(StoreUnavailable):
        record_receipts(store, journal)
    store.away = False
    record_receipts(store, journal)
    record_receipts(store, journal)
    assert store.receipts("hut", NOW) == [(NOW, Released(NULL, 19.0))]


async def test_w16_a_release_without_the_database_is_on_record_when_it_is_back() -> None:
    bench = ControlBench()
    bench.store = store = Away()
    bench.plan()
    await bench.tick()
    store.away = True
    bench.now += SECOND
    await operator.release(
        bench.site, now=bench.now, ports=bench.ports, actor="anna", reason="cold"
    )
    assert bench.held() == {}
    store.away = False
    await keep_words(bench.ports, bench.now)
    released = [each for each in kept(store) if isinstance(each, Released)]
    assert {each.point for each in released} == set(LEVERS)


async def test_w16_what_is_given_back_at_a_site_of_another_worker_is_on_record() -> None:
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    other = ControlBench(bench.site)
    await operator.release(bench.site, now=bench.now, ports=other.ports, actor="a", reason="r")
    (mark,) = other.hands_off.marks().values()
    bench.hands_off.say([SpokenWord(mark)])
    await release_marked(bench.site, bench.now, bench.ports)
    assert bench.held() == {}
    assert {each.point for each in kept(bench.store) if isinstance(each, Released)} == set(LEVERS)


async def test_w16_what_the_guard_did_is_on_record_whoever_owns_the_site_by_now() -> None:
    journal, store = MemoryJournal(), Away()
    store.elsewhere = frozenset({"hut"})
    journal.note([unrecorded(Released(NULL, 19.0), NOW)])
    record_receipts(store, journal)
    assert kept(store) == [Released(NULL, 19.0)]


def test_w13_receipts_outlive_a_journal_that_is_gone_and_one_that_is_written_anew(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal"
    guard, backend = FileJournal(path, compact_bytes=10), FileJournal(path)
    note = unrecorded(StillHeld(NULL, device_said("no reply")), NOW, command(NULL, 21.0))
    guard.note([note])
    guard.tidy()
    assert backend.unrecorded() == [note]
    path.unlink()
    guard.keep()
    assert FileJournal(path).unrecorded() == [note]
    record_receipts(MemoryStore(), backend)
    assert guard.unrecorded() == FileJournal(path).unrecorded() == []
