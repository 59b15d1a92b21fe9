"""The guard's loop on virtual time: what has ended goes back, whatever else is broken."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bms.clock import VirtualClock
from bms.errors import GuardError
from bms.guard import FINISH_SECONDS, RETRY_SECONDS_MAX, Guard, Trouble, orphaned, run_guard
from bms.journal import FileHandsOff, FileJournal, MemoryHandsOff, MemoryJournal
from bms.model.assets.site import Mode
from bms.model.control.command import StillHeld
from bms.model.control.hands_off import HandsOff, HandsOffKind, SpokenWord
from bms.model.control.local_override import GivingBack, ReadBack
from bms.model.control.reasons import ReceiptReason
from bms.model.fact import fact
from bms.services.giving_back.many_points import release_leases
from bms.services.guard.heartbeat import Presence
from tests.rigs.fakes.drivers import FakeDevice, FakeDrivers
from tests.rigs.fakes.safety import (
    CONSTANT,
    ENABLE,
    LEASE,
    LEVERS,
    NOW,
    NULL,
    TIMETABLE,
    WANTED,
    command,
    hut,
    lease_on,
)

SITE = hut()


class HandClock(VirtualClock):
    """Building time and the wire's time, both moved by hand."""

    def __init__(self) -> None:
        super().__init__(NOW)
        self.wire = 0.0

    def monotonic(self) -> float:
        return self.wire


def held_by_us(journal: MemoryJournal, drivers: FakeDrivers) -> None:
    for point in LEVERS:
        device = "hut/bacnet" if point == NULL else "hut/modbus"
        drivers.device(device).held[point] = WANTED[point]
        journal.intend([lease_on(SITE, command(point, WANTED[point], command_id=f"c-{point}"))])


@pytest.fixture
def scene():
    journal, drivers, clock = MemoryJournal(), FakeDrivers(), HandClock()
    held_by_us(journal, drivers)
    return journal, drivers, clock, Guard(journal, drivers, clock)


async def test_a_running_lease_is_left_alone(scene) -> None:
    journal, drivers, clock, guard = scene
    clock.move_to(NOW + LEASE - timedelta(seconds=1))
    await guard.step()
    assert drivers.device("hut/modbus").releases == []
    assert len(journal.leases()) == len(LEVERS)


async def test_an_ended_lease_goes_back_at_its_moment(scene) -> None:
    journal, drivers, clock, guard = scene
    clock.move_to(NOW + LEASE)
    await guard.step()
    assert journal.leases() == {}
    assert {at for d in drivers.devices.values() for _, at in d.releases} == {NOW + LEASE}


async def test_w14_a_clock_that_is_set_back_prolongs_no_lease(scene) -> None:
    journal, drivers, clock, guard = scene
    clock.set_calendar(NOW - timedelta(hours=1))
    clock.advance(LEASE - timedelta(seconds=1))
    await guard.step()
    assert len(journal.leases()) == len(LEVERS)
    clock.advance(timedelta(seconds=1))
    await guard.step()
    assert journal.leases() == {}
    assert drivers.device("hut/modbus").held == {}


async def test_w12_a_give_back_that_its_process_did_not_finish_is_finished(scene) -> None:
    """It was killed, or its device was silent: nobody waits for the end of the lease."""
    journal, drivers, clock, guard = scene
    journal.note([GivingBack(NULL, f"c-{NULL}")])
    await guard.step()
    clock.wire += FINISH_SECONDS - 1.0
    await guard.step()
    assert len(journal.leases()) == len(LEVERS)
    clock.wire += 1.0
    await guard.step()
    assert journal.leases().keys() == set(LEVERS) - {NULL}
    assert drivers.device("hut/bacnet").held == {}


async def test_w02_what_an_heir_has_opened_beforehand_is_its_owner_s_until_the_lease_ends(
    scene,
) -> None:
    _, drivers, clock, _ = scene
    journal = MemoryJournal()
    guard = Guard(journal, drivers, clock)
    journal.intend([replace(lease_on(SITE, command(NULL, WANTED[NULL])), offered=True)])
    journal.note([GivingBack(NULL, command(NULL, WANTED[NULL]).id)])
    await guard.step()
    clock.wire += 2 * FINISH_SECONDS
    await guard.step()
    assert drivers.device("hut/bacnet").held == {NULL: WANTED[NULL]}
    clock.move_to(NOW + LEASE)
    await guard.step()
    assert drivers.device("hut/bacnet").held == {}


async def test_w12_what_was_written_since_it_was_begun_is_left(scene) -> None:
    journal, drivers, clock, guard = scene
    journal.note([GivingBack(NULL, f"c-{NULL}")])
    await guard.step()
    journal.intend([lease_on(SITE, command(NULL, WANTED[NULL], command_id="newer"))])
    clock.wire += 2 * FINISH_SECONDS
    await guard.step()
    assert len(journal.leases()) == len(LEVERS)
    assert drivers.device("hut/bacnet").held == {NULL: WANTED[NULL]}


async def test_w11_a_guard_that_starts_after_a_reboot_gives_all_back_at_once(scene) -> None:
    journal, drivers, clock, guard = scene
    clock.reboot("second")
    await guard.step()
    assert journal.leases() == {}
    assert all(device.held == {} for device in drivers.devices.values())


async def test_w11_a_replaced_write_of_a_writer_that_has_ended_is_on_no_way(scene) -> None:
    """What was announced anew since is not held for on the way for good."""
    _, drivers, clock, _ = scene

    class Orphaned(MemoryJournal):
        def is_alive(self, writer: str) -> bool:
            return writer != "killed"

    journal = Orphaned()
    guard = Guard(journal, drivers, clock)
    for id_, writer in (("c1", "killed"), ("c2", "killed"), ("c3", "alive"), ("c4", None)):
        lease = lease_on(SITE, command(NULL, WANTED[NULL], command_id=id_))
        journal.intend([replace(lease, writer=writer)])
    await guard.step()
    assert {lease.command_id for lease in journal.under_way()} == {"c1", "c2", "c3"}
    clock.wire += 10.0
    await guard.step()
    assert {lease.command_id for lease in journal.under_way()} == {"c3"}
    journal.arrived({NULL: "c3"})
    journal.settle({NULL: "c4"})
    assert journal.leases() == {}


async def test_a_renewed_lease_is_left_alone(scene) -> None:
    journal, drivers, clock, guard = scene
    clock.move_to(NOW + LEASE)
    renewed = command(NULL, WANTED[NULL], at=clock.now(), command_id="again")
    journal.intend([lease_on(SITE, renewed)])
    await guard.step()
    assert list(journal.leases()) == [NULL]
    assert drivers.device("hut/bacnet").held == {NULL: WANTED[NULL]}


def released(site: str | None = "hut", point: str | None = None) -> SpokenWord:
    return SpokenWord(
        HandsOff(
            id=f"m {site} {point}",
            kind=HandsOffKind.RELEASE,
            site=site,
            point=point,
            since=NOW + timedelta(minutes=1),
            until=None,
            actor="anna",
            reason="smoke",
            mode=Mode.OBSERVE if point is None else None,
        )
    )


@pytest.mark.parametrize(
    ("site", "point", "left"),
    [("hut", None, set()), (None, None, set()), ("hut", NULL, set(LEVERS) - {NULL})],
)
async def test_w10_what_a_person_has_said_goes_back_before_its_lease_ends(
    scene, site, point, left
) -> None:
    """Also where the process that was told died before it gave anything back."""
    journal, drivers, clock, _ = scene
    marks = MemoryHandsOff()
    guard = Guard(journal, drivers, clock, marks)
    await guard.step()
    assert len(journal.leases()) == len(LEVERS)
    marks.say([released(site, point)])
    await guard.step()
    assert set(journal.leases()) == left


async def test_w10_a_person_may_write_where_a_site_was_released_before(scene) -> None:
    journal, drivers, clock, _ = scene
    marks = MemoryHandsOff()
    marks.say([released()])
    later = NOW + timedelta(minutes=2)
    journal.intend([lease_on(SITE, command(NULL, 20.0, at=later, actor="anna", command_id="p"))])
    await Guard(journal, drivers, clock, marks).step()
    assert list(journal.leases()) == [NULL]


async def test_w10_the_guard_puts_back_marks_that_were_lost(scene, tmp_path: Path) -> None:
    journal, drivers, clock, _ = scene
    marks = FileHandsOff(tmp_path / "marks")
    marks.say([released()])
    guard = Guard(journal, drivers, clock, marks)
    await guard.step()
    marks.path.unlink()
    await guard.step()
    assert list(FileHandsOff(marks.path).marks()) == list(marks.marks())


async def test_marks_that_cannot_be_read_keep_no_ended_lease_alive(scene, tmp_path: Path) -> None:
    journal, drivers, clock, _ = scene
    (tmp_path / "marks").mkdir()
    clock.move_to(NOW + LEASE)
    await Guard(journal, drivers, clock, FileHandsOff(tmp_path / "marks")).step()
    assert journal.leases() == {}


async def test_w13_two_of_us_without_a_journal_take_each_other_for_no_hand(tmp_path: Path) -> None:
    """W9: what one gave back while no word of it reached the disk, the other finds empty."""
    path, drivers, clock = tmp_path / "journal", FakeDrivers(), HandClock()
    backend, other = FileJournal(path), FileJournal(path)
    guard = Guard(other, drivers, clock)
    held_by_us(backend, drivers)
    backend.note([ReadBack(id_, f"c-{id_}", WANTED[id_]) for id_ in LEVERS])
    await guard.step()
    aside = path.rename(path.with_name("aside"))
    path.mkdir()
    await release_leases(backend.leases().values(), now=NOW, drivers=drivers, journal=backend)
    clock.move_to(NOW + LEASE)
    await guard.step()
    assert other.leases() == {}
    path.rmdir()
    aside.rename(path)
    await guard.step()
    backend.keep()
    for book in (backend, other, FileJournal(path)):
        assert book.leases() == {}
        assert all(each.visible for each in book.local_overrides().values())


async def test_a_failing_device_is_tried_again_with_a_growing_pause(scene) -> None:
    journal, drivers, clock, guard = scene
    clock.move_to(NOW + LEASE)
    drivers.device("hut/bacnet").dead = True
    await guard.step()
    assert list(journal.leases()) == [NULL]
    drivers.device("hut/bacnet").dead = False
    await guard.step()
    assert list(journal.leases()) == [NULL]  # still waiting
    clock.wire = 1.5
    await guard.step()
    assert journal.leases() == {}


async def test_w12_a_stuck_point_delays_no_other_of_its_device(scene) -> None:
    journal, drivers, clock, _ = scene

    class Stuck(FakeDevice):
        async def release(self, point, at):
            if point.id == ENABLE:
                return StillHeld(point.id, fact(ReceiptReason.NOT_READ_BACK))
            return await super().release(point, at)

    device = drivers.devices["hut/modbus"] = Stuck(held=dict(drivers.device("hut/modbus").held))
    guard = Guard(journal, drivers, clock)
    clock.move_to(NOW + LEASE)
    for pause in (1.0, 2.0, 4.0):
        await guard.step()
        assert set(device.held) == {ENABLE}
        clock.wire += pause
    device.held[CONSTANT] = WANTED[CONSTANT]
    later = command(CONSTANT, WANTED[CONSTANT], command_id="later")
    journal.intend([lease_on(SITE, later)])
    await guard.step()
    clock.wire += 0.1
    device.held[TIMETABLE] = WANTED[TIMETABLE]
    journal.intend([lease_on(SITE, command(TIMETABLE, WANTED[TIMETABLE], command_id="last"))])
    await guard.step()
    assert set(device.held) == {ENABLE}
    assert list(journal.leases()) == [ENABLE]


def test_the_pause_has_an_end() -> None:
    trouble = Trouble()
    pauses = []
    for _ in range(8):
        trouble.again(100.0)
        pauses.append(trouble.next_try - 100.0)
    assert pauses[:4] == [1.0, 2.0, 4.0, 8.0]
    assert pauses[-1] == RETRY_SECONDS_MAX


async def test_a_device_that_hangs_delays_no_other_and_is_not_asked_twice(scene) -> None:
    journal, drivers, clock, _ = scene
    let_go = asyncio.Event()
    asked = []

    class Hanging(FakeDevice):
        async def release(self, point, at):
            asked.append(point.id)
            await let_go.wait()
            return await super().release(point, at)

    drivers.devices["hut/bacnet"] = Hanging(held={NULL: 21.0})
    guard = Guard(journal, drivers, clock)
    clock.move_to(NOW + LEASE)
    await guard.step(patience=0.02)
    assert list(journal.leases()) == [NULL]
    await guard.step(patience=0.02)
    assert asked == [NULL]
    let_go.set()
    await guard.finish()
    assert journal.leases() == {}


async def test_points_renewed_while_others_are_given_back_are_spared(scene) -> None:
    journal, drivers, clock, _ = scene

    class Renewing(FakeDevice):
        async def release(self, point, at):
            renewed = command(ENABLE, 18.0, at=at, command_id="again")
            if point.id != ENABLE:
                journal.intend([lease_on(SITE, renewed)])
            return await super().release(point, at)

    held = dict(drivers.device("hut/modbus").held)
    held = {p: held[p] for p in held if p != ENABLE} | {ENABLE: held[ENABLE]}
    drivers.devices["hut/modbus"] = Renewing(held=held)
    book = journal.leases()
    journal.settle({ENABLE: book[ENABLE].command_id})
    journal.intend([lease_on(SITE, book[ENABLE].command)])  # now the last one in the book
    clock.move_to(NOW + LEASE)
    await Guard(journal, drivers, clock).step()
    assert drivers.device("hut/modbus").held == {ENABLE: WANTED[ENABLE]}
    assert journal.leases()[ENABLE].command_id == "again"


async def test_the_loop_beats_survives_a_bad_journal_and_stops_without_releasing(caplog) -> None:
    drivers, clock, stop = FakeDrivers(), HandClock(), asyncio.Event()
    beats = []

    class Shaky(MemoryJournal):
        sick = True

        def leases(self):
            if self.sick:
                raise GuardError("the disk is gone")
            return super().leases()

    journal = Shaky()
    held_by_us(journal, drivers)

    def beat() -> None:
        beats.append(1)
        if len(beats) == 3:
            journal.sick = False
        if len(beats) == 5:
            stop.set()

    await asyncio.wait_for(
        run_guard(journal, drivers, clock, stop, check_seconds=0.01, beat=beat), 5
    )
    assert caplog.text.count("the disk is gone") == 1
    assert len(journal.leases()) == len(LEVERS)
    assert len(beats) == 5


async def test_w13_a_heartbeat_that_fails_ends_no_guard() -> None:
    drivers, clock, stop = FakeDrivers(), HandClock(), asyncio.Event()
    journal, beats = MemoryJournal(), []
    held_by_us(journal, drivers)
    clock.advance(LEASE)

    def beat() -> None:
        beats.append(1)
        if len(beats) == 3:
            stop.set()
        raise OSError("read-only")

    await asyncio.wait_for(
        run_guard(journal, drivers, clock, stop, check_seconds=0.01, beat=beat), 5
    )
    assert len(beats) == 3
    assert journal.leases() == {}


async def test_the_loop_ends_when_it_is_done() -> None:
    journal, drivers, clock = MemoryJournal(), FakeDrivers(), HandClock()
    await asyncio.wait_for(
        run_guard(journal, drivers, clock, asyncio.Event(), check_seconds=5, done=lambda: True), 5
    )


async def test_what_stays_wrong_at_the_end_is_said_once(caplog) -> None:
    """Deciding whether to end may fail, too, and must not fill the log."""
    stop, asked = asyncio.Event(), []

    def done() -> bool:
        asked.append(1)
        if len(asked) == 4:
            stop.set()
        raise GuardError("the disk is gone")

    loop = run_guard(MemoryJournal(), FakeDrivers(), HandClock(), stop, check_seconds=0, done=done)
    await asyncio.wait_for(loop, 5)
    assert caplog.text.count("the disk is gone") == 1


NOBODY = 2**22 + 1
"""The id of no process: Linux numbers them up to 2**22."""


class TestOrphan:
    def test_it_stays_while_its_parent_lives_or_a_lease_is_open(self, tmp_path: Path) -> None:
        journal = FileJournal(tmp_path / "journal")
        presence = Presence(journal.path)
        assert not orphaned(None, journal, presence)()
        assert not orphaned(os.getpid(), journal, presence)()
        lease = command(NULL, 20.0, command_id="c")
        journal.intend([lease_on(SITE, lease)])
        assert not orphaned(NOBODY, journal, presence)()
        journal.settle({NULL: "c"})
        assert orphaned(NOBODY, journal, presence)()

    async def test_it_ends_with_the_folder_of_its_journal(self, tmp_path: Path, caplog) -> None:
        folder = tmp_path / "home"
        folder.mkdir()
        journal, presence = FileJournal(folder / "journal"), Presence(folder / "journal")
        assert presence.claim()
        shutil.rmtree(folder)
        beats = []

        def beat() -> None:
            beats.append(1)
            presence.beat()

        await asyncio.wait_for(
            run_guard(
                journal,
                FakeDrivers(),
                HandClock(),
                asyncio.Event(),
                check_seconds=0.01,
                beat=beat,
                done=orphaned(NOBODY, journal, presence),
            ),
            10,
        )
        presence.drop()
        assert len(beats) == 1
        assert not [record for record in caplog.records if record.levelname == "ERROR"]
        assert not folder.exists()


class TestPresence:
    @pytest.mark.slow
    def test_one_guard_at_a_time_seen_by_all(self, tmp_path: Path) -> None:
        one, two = (Presence(tmp_path / "journal") for _ in range(2))
        assert two.look() is None
        assert one.claim()
        seen = two.look()
        assert seen is not None
        assert seen.silent_s < 5
        assert not two.claim()
        one.drop()
        assert two.look() is None
        assert two.claim()
        two.drop()
