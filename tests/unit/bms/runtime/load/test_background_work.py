"""Nothing that is slow stands between a building and its own control, or its next tick."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bms.model.assets.point import Point
from bms.model.assets.site import Mode, Site
from bms.model.control.command import Command
from bms.model.readings.measurement import Reading
from bms.runtime.jobs import job_table, site_job
from bms.runtime.load.background_work import SITES_AT_ONCE, Replanning, limited
from bms.runtime.serve import working
from tests.rigs.fakes.api import CONTROL, NOW, World, a_command, a_world
from tests.rigs.fakes.drivers import FakeDevice
from tests.rigs.fakes.safety import lease_of
from tests.rigs.fakes.watched import TEMP, Telling, until, watched_lodge


class SlowToEnd(Telling):
    """A device whose watch goes on ending until its test allows it."""

    def __init__(self) -> None:
        super().__init__()
        self.may_end = asyncio.Event()

    async def watch(self, points: Sequence[Point], on_reading: Callable[[Reading], None]) -> None:
        try:
            await super().watch(points, on_reading)
        finally:
            await self.may_end.wait()


def leased(world: World, site: Site) -> tuple[FakeDevice, Command]:
    """A lever of the site that we hold."""
    lever = next(p for p in site.points if p.write is not None)
    device, command = world.drivers.device(lever.device), replace(CMD, point=lever.id)
    device.held[lever.id] = command.value
    world.city.journal.intend([lease_of(command, lever, site.device(lever.device))])
    return device, command


CMD = a_command("c1", CONTROL, 18.0)


async def test_at_the_end_the_building_is_back_before_the_watches_have_ended(tmp_path) -> None:
    site = watched_lodge(TEMP)
    world = a_world(tmp_path, sites=(site,))
    world.drivers.devices["lodge/rooms"] = watched = SlowToEnd()
    device, command = leased(world, site)
    over = asyncio.Event()

    async def run() -> None:
        async with working(world.city, pulse_seconds=3600.0):
            await until(lambda: watched.tell)
            await over.wait()

    task = asyncio.create_task(run())
    await until(lambda: watched.tell)
    assert command.point in device.held
    over.set()
    try:
        await until(lambda: command.point not in device.held)
        assert not task.done()
    finally:
        watched.may_end.set()
        await task


class Named:
    def __init__(self, name: str) -> None:
        self.id = name


class Planning:
    """Plans of sites, that take until their test says so."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.most = self.running = 0
        self.go = asyncio.Event()

    async def __call__(self, site: Site, now: datetime) -> object:
        self.running += 1
        self.most = max(self.most, self.running)
        self.made.append(site.id)
        await self.go.wait()
        self.running -= 1
        return None


SITE = watched_lodge()


class TestAPlanThatTakesTooLong:
    async def test_the_tick_goes_on_and_none_piles_up_behind_it(self, caplog) -> None:
        plan = Planning()
        again = Replanning(plan, patience_s=0.02, told_after_s=0.05)
        async with asyncio.timeout(5):
            await again.plan(SITE, NOW)
            await again.plan(SITE, NOW)
            assert plan.made == ["lodge"]
            await until(lambda: "planning lodge again takes long" in caplog.text)
        assert len(caplog.records) == 1
        plan.go.set()
        await until(lambda: plan.running == 0)
        await again.plan(SITE, NOW)
        assert plan.made == ["lodge", "lodge"]

    async def test_what_goes_wrong_is_raised_to_the_tick(self) -> None:
        async def broken(site: Site, now: datetime) -> object:
            raise RuntimeError("no forecast")

        with pytest.raises(RuntimeError, match="no forecast"):
            await Replanning(broken, patience_s=5).plan(SITE, NOW)

    @pytest.mark.slow
    async def test_the_way_of_a_write_has_threads_left_while_all_sites_plan(self, tmp_path) -> None:
        """The planner holds its threads; a person's word, a lease and a release need others."""
        usual_threads = min(32, (os.cpu_count() or 1) + 4)  # of the event loop
        lodges = tuple(
            replace(watched_lodge(), id=f"lodge{n}", mode=Mode.OBSERVE)
            for n in range(usual_threads + 4)
        )
        world = a_world(tmp_path, sites=lodges)
        stuck = StuckPlanner()
        city = replace(world.city, planner=stuck, checker=stuck)
        jobs = {job.name: job for job in job_table(city)}
        tasks = [asyncio.create_task(jobs[name].run(NOW)) for name in ("identify", "plan")]
        try:
            await until(lambda: stuck.waiting)
            async with asyncio.timeout(5):
                await asyncio.to_thread(city.journal.leases)
        finally:
            stuck.go.set()
            await asyncio.gather(*tasks)


class StuckPlanner:
    def __init__(self) -> None:
        self.go = threading.Event()
        self.waiting = 0

    def _wait(self, *_: object) -> object:
        self.waiting += 1
        assert self.go.wait(20)
        raise RuntimeError("enough")

    identify = plan = check = _wait


async def test_few_sites_at_once() -> None:
    work = Planning()
    sites = [Named(f"s{n}") for n in range(3 * SITES_AT_ONCE)]
    job = site_job(
        "plan", timedelta(hours=1), sites, limited(asyncio.Semaphore(SITES_AT_ONCE), work)
    )
    task = asyncio.create_task(job.run(NOW))
    await until(lambda: work.running == SITES_AT_ONCE)
    work.go.set()
    await task
    assert work.most == SITES_AT_ONCE
    assert sorted(work.made) == sorted(site.id for site in sites)
