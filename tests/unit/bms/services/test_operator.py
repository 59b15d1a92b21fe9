"""W10: the word of people is written down first, then points go back, then the database is told."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import pytest

from bms.errors import GuardError, NotFound, StoreError, StoreUnavailable
from bms.journal import FileHandsOff, MemoryHandsOff, MemoryJournal
from bms.model.assets.site import Mode
from bms.model.control.command import Accepted, Overridden, Refused, Released
from bms.model.control.hands_off import SpokenWord
from bms.services import operator
from bms.services.hands_off.record import keep_words, put_on_record
from bms.services.local_overrides.people import follow_people
from bms.store.memory.store import MemoryStore
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.drivers import FakeDrivers
from tests.rigs.fakes.ports import control_ports
from tests.rigs.fakes.safety import (
    ENABLE,
    LEVERS,
    NOW,
    NULL,
    OWN,
    TICK,
    WANTED,
    a_hand,
    command,
    hut,
    lease_on,
)

SITE = hut()
WHO = {"actor": "anna", "reason": "smoke in the hall"}


class Locked(MemoryStore):
    """A database that can be read, and refuses to be written to while it is locked."""

    locked = False

    def _check(self) -> None:
        if self.locked:
            raise StoreUnavailable("database is locked")

    def set_mode(self, *args, **more):
        self._check()
        super().set_mode(*args, **more)

    def say_modes(self, words):
        self._check()
        super().say_modes(words)

    def add_override(self, override):
        self._check()
        super().add_override(override)

    def remove_override(self, *args, **more):
        self._check()
        super().remove_override(*args, **more)

    def add_receipts(self, *args, **more):
        self._check()
        super().add_receipts(*args, **more)


class Away(Locked):
    """A database that answers nothing while it is away."""

    def mode(self, *args):
        self._check()
        return super().mode(*args)

    def modes_said(self, *args):
        self._check()
        return super().modes_said(*args)

    def overrides(self, *args):
        self._check()
        return super().overrides(*args)

    def plan_in_force(self, *args):
        self._check()
        return super().plan_in_force(*args)

    def trials(self, *args):
        self._check()
        return super().trials(*args)


@pytest.fixture(params=[Locked, Away])
async def bench(request: pytest.FixtureRequest) -> ControlBench:
    """A hut that the plan holds, and whose database is away from now on."""
    made = ControlBench(hut())
    made.store = request.param()
    made.plan(hours=48.0)
    await made.tick()
    assert set(made.held()) == set(LEVERS)
    made.store.locked = True
    return made


def back(bench: ControlBench) -> None:
    bench.store.locked = False


async def tick(bench: ControlBench, after: timedelta = TICK) -> dict[str, object]:
    """A tick of the hands-off job and of dispatch."""
    bench.now += after
    await keep_words(bench.ports, bench.now)
    try:
        return dict(await bench.tick())
    except StoreUnavailable:
        return {}


async def test_w10_an_override_needs_no_database(bench: ControlBench) -> None:
    made, done = await operator.override(
        bench.site, now=bench.now, ports=bench.ports, point=NULL, until=None, **WHO
    )
    assert not done.recorded
    assert NULL not in bench.held()
    await tick(bench)
    assert NULL not in bench.held()
    back(bench)
    outcome = (await tick(bench))[NULL]
    assert isinstance(outcome, Overridden)
    assert NULL not in bench.held()
    assert set(bench.held()) == set(LEVERS) - {NULL}
    assert [o.id for o in bench.store.overrides("hut", bench.now)] == [made.id]
    assert bench.hands_off.unrecorded() == ()


async def test_w10_an_override_is_taken_back_without_the_database(bench: ControlBench) -> None:
    made, _ = await operator.override(
        bench.site, now=bench.now, ports=bench.ports, point=NULL, until=None, **WHO
    )
    assert not await operator.end_override(
        bench.site, made.id, now=bench.now, ports=bench.ports, actor="bo"
    )
    back(bench)
    await tick(bench)
    assert set(bench.held()) == set(LEVERS)
    assert bench.store.overrides("hut", bench.now) == []
    with pytest.raises(NotFound):
        await operator.end_override(
            bench.site, made.id, now=bench.now, ports=bench.ports, actor="bo"
        )


@pytest.mark.parametrize("whole_city", [False, True])
async def test_w10_a_release_needs_no_database_and_stands(
    bench: ControlBench, whole_city: bool
) -> None:
    asked = {"now": bench.now, "ports": bench.ports, **WHO}
    if whole_city:
        done = await operator.release_city([bench.site], **asked)
    else:
        done = await operator.release(bench.site, **asked)
    assert not done.recorded
    assert bench.held() == {}
    assert bench.ports.decisions.mode("hut") is Mode.OBSERVE
    await tick(bench)
    assert bench.held() == {}
    back(bench)
    for _ in range(3):
        await tick(bench)
        assert bench.held() == {}
    assert bench.store.mode("hut") is Mode.OBSERVE
    assert [word.mode for word in bench.store.modes_said(["hut"])] == [Mode.OBSERVE]


@pytest.mark.parametrize("whole_city", [False, True])
async def test_w10_a_release_is_taken_back_by_a_person(
    bench: ControlBench, whole_city: bool
) -> None:
    asked = {"now": bench.now, "ports": bench.ports, **WHO}
    await operator.release_city([bench.site], **asked)
    site = None if whole_city else bench.site
    await operator.take_back_release(site=site, **asked)
    back(bench)
    await tick(bench)
    assert set(bench.held()) == set(LEVERS)
    assert [word.mode for word in bench.store.modes_said(["hut"])] == [Mode.OBSERVE, Mode.AUTO]
    with pytest.raises(NotFound):
        await operator.take_back_release(site=site, **asked)


async def test_w10_a_lower_mode_needs_no_database(bench: ControlBench) -> None:
    done = await operator.change_mode(
        bench.site, Mode.ADVISE, now=bench.now, ports=bench.ports, **WHO
    )
    assert not done.recorded
    assert bench.held() == {}
    assert bench.ports.decisions.mode("hut") is Mode.ADVISE
    back(bench)
    await tick(bench)
    assert bench.store.mode("hut") is Mode.ADVISE


async def test_w10_a_released_point_is_left_alone_until_somebody_takes_that_back() -> None:
    bench = ControlBench(hut())
    bench.plan(hours=48.0)
    await bench.tick()
    await operator.release(bench.site, point=NULL, now=bench.now, ports=bench.ports, **WHO)
    for _ in range(3):
        assert isinstance((await tick(bench))[NULL], Overridden)
    assert NULL not in bench.held()
    assert [o.point for o in bench.store.overrides("hut", bench.now)] == [NULL]
    await operator.take_back_release(
        site=bench.site, point=NULL, now=bench.now, ports=bench.ports, **WHO
    )
    assert isinstance((await tick(bench))[NULL], Accepted)


async def test_auto_ends_every_release_of_the_site_and_waits_for_the_database() -> None:
    bench = ControlBench(hut())
    bench.store = Locked()
    bench.plan(hours=48.0)
    asked = {"now": bench.now, "ports": bench.ports, **WHO}
    await operator.release_city([bench.site], **asked)
    bench.store.locked = True
    with pytest.raises(StoreUnavailable):
        await operator.change_mode(bench.site, Mode.AUTO, **asked)
    assert bench.ports.decisions.mode("hut") is Mode.OBSERVE
    back(bench)
    await operator.change_mode(bench.site, Mode.AUTO, **asked)
    await tick(bench)
    assert set(bench.held()) == set(LEVERS)


async def test_w10_the_points_go_back_before_the_database_is_asked() -> None:
    class Slow(MemoryStore):
        def add_override(self, override):
            time.sleep(0.05)
            held.append(set(bench.held()))
            super().add_override(override)

    held: list[set[str]] = []
    bench = ControlBench(hut())
    bench.store = Slow()
    bench.plan()
    await bench.tick()
    await operator.override(
        bench.site, now=bench.now, ports=bench.ports, point=None, until=None, **WHO
    )
    assert held == [set()]


@pytest.mark.slow
async def test_w10_the_answer_does_not_wait_for_a_database_that_hangs() -> None:
    class Hangs(MemoryStore):
        def add_receipts(self, *args):
            time.sleep(0.2)
            super().add_receipts(*args)

    bench = ControlBench(hut())
    bench.store = Hangs()
    receipts = [Released(NULL, 19.0)]
    assert not await put_on_record(bench.ports, [], receipts, now=bench.now, patience_s=0.01)
    await asyncio.sleep(0.3)
    assert [r for _, r in bench.store.receipts("hut", bench.now)] == receipts


async def test_w10_a_tick_under_way_sees_the_word_without_the_database() -> None:
    """A mark that another process makes while a tick writes, with a database that goes away."""

    bench = ControlBench(hut())
    bench.store = Away()
    bench.plan()

    class Meanwhile(MemoryJournal):
        def intend(self, leases):
            returning = super().intend(leases)
            said.say([word])
            bench.store.locked = True
            return returning

    said, other = bench.hands_off, MemoryHandsOff()
    bench.journal = Meanwhile()
    elsewhere = control_ports(
        MemoryStore(), drivers=FakeDrivers(), journal=MemoryJournal(), hands_off=other
    )
    await operator.release(bench.site, now=bench.now, ports=elsewhere, **WHO)
    (mark,) = other.marks().values()
    word = SpokenWord(mark)
    await bench.tick()
    assert bench.held() == {}


async def test_w10_what_another_process_said_is_given_back_by_the_tick(bench: ControlBench) -> None:
    """The process that took the word died before it gave anything back."""
    others = control_ports(
        MemoryStore(), drivers=FakeDrivers(), journal=MemoryJournal(), hands_off=bench.hands_off
    )
    await operator.release(bench.site, now=bench.now, ports=others, **WHO)
    assert set(bench.held()) == set(LEVERS)
    await tick(bench)
    assert bench.held() == {}


async def test_a_database_that_was_set_back_is_told_again() -> None:
    bench = ControlBench(hut())
    asked = {"now": bench.now, "ports": bench.ports, **WHO}
    await operator.release(bench.site, **asked)
    made, _ = await operator.override(bench.site, point=NULL, until=None, **asked)
    assert bench.hands_off.unrecorded() == ()
    bench.store = MemoryStore()
    await keep_words(bench.ports, bench.now)
    assert bench.store.mode("hut") is Mode.OBSERVE
    assert [o.id for o in bench.store.overrides("hut", bench.now)] == [made.id]


async def test_what_was_said_on_another_computer_since_counts_here() -> None:
    bench = ControlBench(hut())
    asked = {"now": bench.now, "ports": bench.ports, **WHO}
    await operator.release(bench.site, **asked)
    made, _ = await operator.override(bench.site, point=NULL, until=None, **asked)
    later = bench.now + TICK
    bench.store.set_mode("hut", Mode.AUTO, actor="bo", at=later, reason="approved")
    bench.store.remove_override(made.id, actor="bo", at=later)
    bench.now = later
    await keep_words(bench.ports, later)
    assert bench.hands_off.marks() == {}
    assert bench.ports.decisions.mode("hut") is Mode.AUTO
    assert bench.ports.decisions.overrides("hut", later) == []


async def test_a_release_that_is_taken_back_returns_to_the_mode_before_it() -> None:
    bench = ControlBench(hut())
    at = bench.now - TICK
    bench.store.set_mode("hut", Mode.ADVISE, actor="bo", at=at, reason="look first")
    for minutes in (1, 2):  # two people release it
        asked = {"now": bench.now + timedelta(minutes=minutes), "ports": bench.ports, **WHO}
        await operator.release(bench.site, **asked)
    await operator.take_back_release(site=bench.site, **asked)
    assert bench.store.mode("hut") is Mode.ADVISE
    assert bench.ports.decisions.mode("hut") is Mode.ADVISE


async def test_an_override_that_a_tick_found_may_be_taken_back_while_the_database_is_locked() -> (
    None
):
    bench = ControlBench(hut())
    bench.store = Locked()
    ports = bench.ports
    bench.journal.note([a_hand(ENABLE, 4.0)])
    at = bench.clock.reading()
    await follow_people(bench.site, at=at, decisions=ports.decisions, journal=ports.journal)
    (found,) = bench.store.overrides("hut", bench.now)
    bench.store.locked = True
    await operator.end_override(bench.site, found.id, now=bench.now, ports=bench.ports, actor="bo")
    assert bench.ports.decisions.overrides("hut", bench.now) == []
    back(bench)
    await keep_words(bench.ports, bench.now)
    assert bench.store.overrides("hut", bench.now) == []


async def test_w10_a_person_may_not_write_where_another_has_taken_over(bench: ControlBench) -> None:
    await operator.override(
        bench.site, now=bench.now, ports=bench.ports, point=NULL, until=None, **WHO
    )
    back(bench)
    assert isinstance(await bench.write(NULL, 20.0), Refused)


async def test_w10_marks_stand_through_restarts(tmp_path: Path, bench: ControlBench) -> None:
    bench.hands_off = FileHandsOff(tmp_path / "marks")
    await operator.release(bench.site, now=bench.now, ports=bench.ports, **WHO)
    bench.hands_off = FileHandsOff(tmp_path / "marks")
    back(bench)
    await tick(bench)
    assert bench.held() == {}


async def test_a_word_that_can_be_kept_nowhere_is_refused_after_the_points_are_back(
    bench: ControlBench,
) -> None:
    class Full(MemoryHandsOff):
        def say(self, words):
            super().say(words)
            raise GuardError("the disk is full")

    bench.hands_off = Full()
    with pytest.raises(GuardError, match="full"):
        await operator.override(
            bench.site, now=bench.now, ports=bench.ports, point=None, until=None, **WHO
        )
    assert bench.held() == {}
    back(bench)
    await operator.override(
        bench.site, now=bench.now, ports=bench.ports, point=None, until=None, **WHO
    )
    assert len(bench.store.overrides("hut", bench.now)) == 2


def device_of(point: str) -> str:
    return "hut/bacnet" if point == NULL else "hut/modbus"


@pytest.fixture
def drivers() -> FakeDrivers:
    """Devices that hold what we wrote."""
    made = FakeDrivers()
    for point in LEVERS:
        made.device(device_of(point)).own[point] = OWN[point]
        made.device(device_of(point)).held[point] = WANTED[point]
    return made


@pytest.fixture
def journal() -> MemoryJournal:
    made = MemoryJournal()
    made.intend([lease_on(SITE, command(p, WANTED[p], command_id=f"c-{p}")) for p in LEVERS])
    return made


def held(drivers: FakeDrivers) -> set[str]:
    return {point for device in drivers.devices.values() for point in device.held}


async def test_a_released_site_stays_released(drivers, journal) -> None:
    store = MemoryStore()
    done = await operator.release(
        SITE,
        now=NOW,
        actor="anna",
        reason="noise",
        ports=control_ports(store, drivers=drivers, journal=journal),
    )
    assert {r.point for r in done.receipts} == set(LEVERS)
    assert store.mode("hut") is Mode.OBSERVE
    assert len(store.receipts("hut", NOW)) == len(LEVERS)


async def test_a_site_is_released_even_when_the_database_is_away(drivers, journal, caplog) -> None:
    class Away(MemoryStore):
        def set_mode(self, *_, **__):
            raise StoreUnavailable("away")

        def add_receipts(self, *_, **__):
            raise StoreUnavailable("away")

    ports = control_ports(Away(), drivers=drivers, journal=journal)
    await operator.release(SITE, now=NOW, ports=ports, actor="a", reason="")
    assert held(drivers) == set()
    assert "away" in caplog.text


async def test_w07_what_no_journal_knows_is_somebodys_and_stays(drivers) -> None:
    ports = control_ports(MemoryStore(), drivers=drivers, journal=MemoryJournal())
    await operator.release(SITE, now=NOW, ports=ports, actor="anna", reason="noise")
    assert held(drivers) == set(LEVERS)


async def test_the_city_goes_back_with_one_word_sites_without_files_included(
    drivers, journal
) -> None:
    ports = control_ports(MemoryStore(), drivers=drivers, journal=journal)
    done = await operator.release_city([], now=NOW, ports=ports, actor="anna", reason="noise")
    assert {r.point for r in done.receipts} == set(LEVERS)
    assert held(drivers) == set()


class Picky(MemoryStore):
    """A database that refuses what one person said (a name that it cannot keep)."""

    refuses = "zoë"

    def add_override(self, override):
        if override.actor == self.refuses:
            raise StoreError("the name is too long")
        super().add_override(override)

    def say_modes(self, words):
        chosen = list(words)
        if any(word.actor == self.refuses for word in chosen):
            raise ValueError("the name is too long")
        super().say_modes(chosen)


async def test_w10_a_word_that_the_database_refuses_blocks_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = ControlBench(hut())
    bench.store = store = Picky()
    asked = {"now": bench.now, "ports": bench.ports, "reason": "smoke"}
    made, done = await operator.override(bench.site, point=NULL, until=None, actor="zoë", **asked)
    assert not done.recorded
    assert "the database refuses it" in caplog.text
    assert made.id in caplog.text
    other, done = await operator.override(bench.site, point=ENABLE, until=None, actor="bo", **asked)
    assert done.recorded
    assert [o.id for o in store.overrides("hut", bench.now)] == [other.id]
    assert {o.id for o in bench.ports.decisions.overrides("hut", bench.now)} == {made.id, other.id}
    await operator.end_override(bench.site, made.id, now=bench.now, ports=bench.ports, actor="bo")
    await keep_words(bench.ports, bench.now)
    assert [word.mark.id for word in bench.hands_off.unrecorded()] == [made.id, made.id]
    store.refuses = ""
    await keep_words(bench.ports, bench.now)
    assert bench.hands_off.unrecorded() == ()
    assert [o.id for o in store.overrides("hut", bench.now)] == [other.id]


async def test_w10_a_release_that_was_refused_undoes_no_later_word() -> None:
    """The database has it late, and the mode that was set since stays the newest."""
    bench = ControlBench(hut())
    bench.store = store = Picky()
    asked = {"ports": bench.ports, "reason": "smoke"}
    await operator.release(bench.site, now=bench.now, actor="zoë", **asked)
    bench.now += TICK
    await operator.change_mode(bench.site, Mode.ADVISE, now=bench.now, actor="bo", **asked)
    assert store.mode("hut") is Mode.ADVISE
    store.refuses = ""
    await keep_words(bench.ports, bench.now)
    assert bench.hands_off.unrecorded() == ()
    assert store.mode("hut") is Mode.ADVISE
    assert bench.ports.decisions.mode("hut") is Mode.ADVISE
