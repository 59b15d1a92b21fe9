"""What a live run starts when: each site by itself, whatever a neighbour or the clock does."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from bms.clock import VirtualClock
from bms.errors import StoreUnavailable
from bms.model.assets.site import Site
from bms.model.clock_reading import ClockReading
from bms.runtime.jobs import Job, Tick, job_table, site_job
from bms.runtime.scheduler import CalendarWatch, Pulse, scheduler
from tests.rigs.fakes.api import a_world
from tests.rigs.fakes.city import lodge
from tests.rigs.fakes.drivers import FakeDevice

START = datetime(2019, 1, 14, tzinfo=UTC)
MINUTE, QUARTER, HOUR = timedelta(minutes=1), timedelta(minutes=15), timedelta(hours=1)
DAY = timedelta(days=1)


class Named:
    def __init__(self, name: str) -> None:
        self.id = name


class Town:
    """Sites that note when they were run; one of them can be made to take its time."""

    def __init__(self, *sites: str, every: timedelta = QUARTER) -> None:
        self.runs: list[tuple[str, datetime]] = []
        self.at_once: Counter[str] = Counter()
        self.gate = asyncio.Event()
        self.slow = ""
        self.clock = VirtualClock(START)
        self.job = site_job("dispatch", every, [Named(s) for s in sites], self.run)  # type: ignore[misc]
        self.pulse = Pulse([self.job], self.clock)

    async def run(self, site: Named, now: datetime) -> None:
        self.runs.append((site.id, now))
        self.at_once[site.id] += 1
        assert self.at_once[site.id] == 1
        if site.id == self.slow:
            await self.gate.wait()
        self.at_once[site.id] -= 1

    async def look(self, after: timedelta = timedelta(0)) -> None:
        self.clock.advance(after)
        self.pulse.look()
        for _ in range(5):
            await asyncio.sleep(0)

    def times(self, site: str) -> list[datetime]:
        return [at for name, at in self.runs if name == site]


async def test_a_site_runs_once_per_due_time_and_makes_up_for_none() -> None:
    town = Town("a")
    await town.look()
    await town.look()
    await town.look(timedelta(minutes=50))
    await town.look()
    assert town.times("a") == [START, START + timedelta(minutes=50)]


async def test_w02_a_site_that_has_come_to_us_is_looked_at_before_its_time() -> None:
    town = Town("a", "b")
    await town.look()
    town.clock.advance(timedelta(minutes=3))
    town.pulse.hurry({"a"}, "verify")
    town.pulse.hurry({"a"})
    await town.look()
    assert town.times("a") == [START, START + timedelta(minutes=3)]
    assert town.times("b") == [START]
    await town.look(timedelta(minutes=12))
    assert town.times("a")[2:] == town.times("b")[1:] == [START + QUARTER]


async def test_what_is_due_together_starts_in_the_order_of_the_table() -> None:
    order: list[str] = []

    def job(name: str) -> Job:
        async def run(now: datetime) -> None:
            order.append(name)

        return Job(name, QUARTER, run)

    pulse = Pulse([job("poll"), job("plan"), job("dispatch")], VirtualClock(START))
    pulse.look()
    assert await pulse.wait_until_idle(1)
    assert order == ["poll", "plan", "dispatch"]


async def test_law7_a_slow_site_misses_its_own_ticks_only() -> None:
    town = Town("slow", "b", "c", every=MINUTE)
    town.slow = "slow"
    for _ in range(5):
        await town.look(MINUTE)
    due = [START + MINUTE * n for n in range(1, 6)]
    assert town.times("b") == town.times("c") == due
    assert town.times("slow") == due[:1]
    town.slow = ""
    town.gate.set()
    await town.look()
    await town.look()
    assert town.times("slow") == [due[0], due[-1]]  # what it missed last is made up for


async def test_law7_a_device_that_answers_after_5_s_costs_its_neighbours_no_tick(tmp_path) -> None:
    """Ticks every 6 s for 30 s of building time, by the job table of a city."""
    gate = asyncio.Event()

    class Slow(FakeDevice):
        async def read(self, points, at):
            await gate.wait()
            return await super().read(points, at)

    sites = tuple(_renamed(name) for name in ("slow", "quick"))
    world = a_world(tmp_path, sites=sites)
    world.drivers.devices["slow/plant"] = Slow()
    jobs = [job for job in job_table(world.city) if job.name == "poll"]
    clock = VirtualClock(START)
    pulse = Pulse(jobs, clock)
    quick = world.drivers.device("quick/plant")

    def read_again(times: int) -> bool:
        pulse.look()  # until then its last run may be on its way to the store
        return quick.reads == times

    for n in range(5):
        await _until(partial(read_again, n + 1))
        clock.advance(jobs[0].every)
    assert world.drivers.device("slow/plant").reads == 0
    gate.set()
    assert await pulse.wait_until_idle(5)


def _renamed(name: str):
    from bms.runtime.municipality import renamed

    return renamed(lodge(), name, 1)


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.001)


async def test_law7_a_pulse_over_a_city_costs_next_to_nothing() -> None:
    """650 sites with 6 jobs each; an idle look is compared with one dict of that many entries."""

    async def nothing(site: Named, now: datetime) -> None:
        pass

    sites = [Named(f"s{n}") for n in range(650)]
    jobs = [site_job(f"job{n}", QUARTER, sites, nothing) for n in range(6)]  # type: ignore[arg-type]
    clock = VirtualClock(START)
    pulse = Pulse(jobs, clock)
    pulse.look()
    assert await pulse.wait_until_idle(5)
    clock.advance(MINUTE)

    def cost(work: Callable[[], object]) -> float:
        begin = time.process_time()
        for _ in range(100):
            work()
        return time.process_time() - begin

    assert cost(pulse.look) < cost(lambda: {n: n for n in range(650 * 6)})


async def test_a_job_that_fails_is_run_again_when_it_is_due(caplog) -> None:
    async def broken(now: datetime) -> None:
        raise RuntimeError("its disk caught fire")

    clock = VirtualClock(START)
    pulse = Pulse([Job("ingest", QUARTER, broken)], clock)
    for _ in range(2):
        pulse.look()
        assert await pulse.wait_until_idle(1)
        clock.advance(QUARTER)
    assert caplog.text.count("ingest failed") == 2


async def test_a_database_that_is_away_is_said_once_for_all_sites_and_ticks(caplog) -> None:
    clock, sites = VirtualClock(START), [replace(lodge(), id=f"s{i}") for i in range(50)]
    away, why = True, "the server is gone"

    async def asks(site: Site, now: datetime) -> None:
        if away:
            raise StoreUnavailable(why)

    async def ticks(count: int) -> None:
        for _ in range(count):
            pulse.look()
            assert await pulse.wait_until_idle(1)
            clock.advance(QUARTER)

    pulse = Pulse([site_job(name, QUARTER, sites, asks) for name in ("poll", "dispatch")], clock)
    await ticks(10)
    assert len(caplog.records) == 1
    assert "the server is gone" in caplog.text
    why = "no connection is free"  # another word for it is heard once, too
    await ticks(10)
    assert len(caplog.records) == 2
    away = False
    await ticks(2)
    assert len(caplog.records) == 3
    assert "answers again; 100 jobs" in caplog.text
    away = True
    await ticks(1)
    assert len(caplog.records) == 4


@pytest.mark.parametrize("step", [-HOUR, -DAY, timedelta(minutes=-2), 3 * HOUR])
async def test_w14_all_jobs_are_due_at_once_when_the_clock_is_set(step: timedelta, caplog) -> None:
    town = Town("a", "b")
    await town.look()
    town.clock.set_calendar(START + step)
    await town.look()
    assert [town.times(site) for site in "ab"] == [[START, START + step]] * 2
    assert START.isoformat() in caplog.text
    assert (START + step).isoformat() in caplog.text
    await town.look(QUARTER)
    assert len(town.runs) == 6


async def test_w14_what_runs_while_the_clock_is_set_back_is_due_again_when_it_ends() -> None:
    town = Town("a")
    town.slow = "a"
    await town.look()
    town.clock.set_calendar(START - DAY)
    await town.look()
    town.gate.set()
    await town.look()
    await town.look()
    assert town.times("a") == [START, START - DAY]


def reading(calendar: timedelta, elapsed: timedelta, boot: str = "one") -> ClockReading:
    clock = VirtualClock(START)
    clock.reboot(boot)
    clock.advance(elapsed)
    clock.set_calendar(START + calendar)
    return clock.reading()


@pytest.mark.parametrize(
    ("steps_s", "jumps"),
    [
        ((0, 30, -30, 0), 0),
        ((-61,), 1),
        ((-40, -40), 1),
        ((599,), 0),
        ((601,), 1),
        ((400, -400), 1),
        ((300, 301), 1),
        ((-86_400, 86_400), 2),
    ],
)
def test_w14_small_steps_add_up(steps_s: tuple[int, ...], jumps: int) -> None:
    clock = VirtualClock(START)
    watch, seen = CalendarWatch(clock.reading()), 0
    for step in steps_s:
        clock.advance(MINUTE)
        seen += watch.jumped(clock.reading())
        clock.set_calendar(clock.now() + timedelta(seconds=step))
        seen += watch.jumped(clock.reading())
    assert seen == jumps


def test_w14_a_sleep_is_no_jump_and_another_boot_is_one() -> None:
    watch = CalendarWatch(reading(timedelta(0), timedelta(0)))
    assert not watch.jumped(reading(DAY, DAY))
    assert watch.jumped(reading(DAY, timedelta(0), "two"))


async def test_the_scheduler_lets_the_pulse_look() -> None:
    ran: list[datetime] = []

    async def run(now: datetime) -> None:
        ran.append(now)

    tick: Tick = run
    clock = VirtualClock(START)
    ticking = scheduler(Pulse([Job("poll", QUARTER, tick)], clock), pulse_seconds=0.01)
    ticking.start()
    try:
        await _until(lambda: len(ran) == 1)
        clock.advance(QUARTER)
        await _until(lambda: len(ran) == 2)
    finally:
        ticking.shutdown(wait=False)
    assert ran == [START, START + QUARTER]


async def test_what_is_under_way_at_the_end_is_waited_for() -> None:
    town = Town("a", "b")
    town.slow = "a"
    assert await town.pulse.wait_until_idle(0)
    await town.look()
    assert not await town.pulse.wait_until_idle(0.01)
    waiting = asyncio.create_task(town.pulse.end(5))
    await asyncio.sleep(0)
    town.gate.set()
    assert await waiting


async def test_what_does_not_end_is_cut_off() -> None:
    town = Town("a")
    town.slow = "a"
    await town.look()
    assert not await town.pulse.end(0.01)
    assert await town.pulse.wait_until_idle(5)
    assert len(town.runs) == 1


class TestExchangedJobs:
    async def test_what_was_there_keeps_its_due_time_and_what_is_new_is_due_now(self) -> None:
        town = Town("school")
        await town.look()
        await town.look(MINUTE)
        more = site_job("dispatch", QUARTER, [Named("school"), Named("hall")], town.run)  # type: ignore[list-item]
        town.pulse.exchange([more])
        await town.look()
        assert town.times("hall") == [START + MINUTE]
        assert town.times("school") == [START]
        await town.look(QUARTER - MINUTE)
        assert town.times("school") == [START, START + QUARTER]

    async def test_what_runs_and_is_gone_is_not_begun_again(self) -> None:
        town = Town("school", "hall")
        town.slow = "school"
        await town.look()
        town.pulse.exchange([site_job("dispatch", QUARTER, [Named("hall")], town.run)])  # type: ignore[list-item]
        town.gate.set()
        for _ in range(3):
            await town.look(QUARTER)
        assert town.times("school") == [START]
        assert len(town.times("hall")) == 4

    async def test_what_runs_and_stays_is_begun_once_more_when_it_has_ended(self) -> None:
        town = Town("school")
        town.slow = "school"
        await town.look()
        town.pulse.exchange([town.job])
        await town.look(QUARTER)
        assert len(town.times("school")) == 1
        town.gate.set()
        await town.look()
        await town.look()
        assert len(town.times("school")) == 2
