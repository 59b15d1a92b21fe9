"""What devices tell, log and show by themselves has its place in live runs and in the job table."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from bms.runtime.jobs import job_table
from bms.runtime.serve import working
from tests.rigs.fakes.api import NOW, World, a_world
from tests.rigs.fakes.watched import TEMP, Clocked, Telling, until, watched_lodge


def names(world: World) -> list[str]:
    return [job.name for job in job_table(world.city)]


def test_logs_are_looked_at_right_after_the_poll(tmp_path) -> None:
    table = names(a_world(tmp_path))
    assert table.index("backfill") == table.index("poll") + 1


def test_clocks_are_read_daily_where_building_time_is_real(tmp_path) -> None:
    world = a_world(tmp_path)
    assert "clocks" in names(world)
    simulated = world.city.settings.model_copy(update={"clock_file": Path("clock.json")})
    assert "clocks" not in [j.name for j in job_table(replace(world.city, settings=simulated))]


async def test_the_clock_job_reads_the_devices(tmp_path, caplog) -> None:
    world = a_world(tmp_path)
    world.drivers.devices["lodge/plant"] = Clocked(300.0)
    (job,) = [job for job in job_table(world.city) if job.name == "clocks"]
    await job.run(NOW)
    await job.run(NOW)
    assert caplog.text.count("+300 s off") == 1


async def test_a_live_run_listens_and_a_fast_one_does_not(tmp_path) -> None:
    device = Telling()
    world = a_world(tmp_path, sites=(watched_lodge(TEMP),))
    world.drivers.devices["lodge/rooms"] = device
    for job in job_table(world.city):
        if job.name in ("poll", "backfill"):
            await job.run(NOW)
    assert device.watches == 0
    async with asyncio.timeout(20):
        async with working(world.city, pulse_seconds=3600.0):
            await until(lambda: device.tell)
            device.says(20.5)
        assert device.ended == 1
    found = world.city.stores.readings.readings(
        TEMP, NOW.replace(year=2000), NOW.replace(year=2100)
    )
    assert 20.5 in [reading.value for reading in found]
