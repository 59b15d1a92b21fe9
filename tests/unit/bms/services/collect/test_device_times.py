"""Minimum times of devices: asked daily, and known to the plans (W3, W6)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bms.runtime.jobs import job_table
from bms.services.collect.device_times import DeviceTimes, LeastTimes
from bms.services.planning.plan import site_problem
from tests.rigs.fakes.api import NOW, a_world
from tests.rigs.fakes.city import HOUR, QUARTER, slow_lodge
from tests.rigs.fakes.drivers import FakeDrivers

PLANT, RUN = "lodge/plant", "lodge/ahu1.run"


@pytest.fixture
def drivers() -> FakeDrivers:
    drivers = FakeDrivers()
    drivers.device(PLANT).own[RUN] = 1.0
    drivers.device(PLANT).minimum_times.add(RUN)
    return drivers


async def test_w06_the_times_of_an_object_are_asked_once_a_day(drivers: FakeDrivers) -> None:
    times, site = DeviceTimes(), slow_lodge()
    for k in range(96):
        await times.tick(site, NOW + k * QUARTER, drivers)
    assert drivers.device(PLANT).looks == 1
    assert times.of(RUN) == LeastTimes(on=30.0, off=30.0)
    await times.tick(site, NOW + timedelta(days=1), drivers)
    assert drivers.device(PLANT).looks == 2


async def test_a_silent_device_is_asked_again_and_has_no_times(drivers: FakeDrivers) -> None:
    times, site = DeviceTimes(), slow_lodge()
    drivers.device(PLANT).dead = True
    await times.tick(site, NOW, drivers)
    assert times.of(RUN) == LeastTimes()
    drivers.device(PLANT).dead = False
    await times.tick(site, NOW + QUARTER, drivers)
    assert times.of(RUN) == LeastTimes(on=30.0, off=30.0)


async def test_w06_a_plan_keeps_the_longer_of_ours_and_the_devices(tmp_path: Path) -> None:
    world = a_world(tmp_path, sites=(slow_lodge(),))
    world.drivers.device(PLANT).own[RUN] = 1.0
    world.drivers.device(PLANT).minimum_times.add(RUN)
    jobs = [job for job in job_table(world.city) if job.name.startswith("least_times")]
    for job in jobs:
        await job.run(NOW)
    problem = site_problem(slow_lodge(), now=NOW, ports=world.city.planning, horizon=6 * HOUR)
    run = problem.ventilation[0].lever
    assert run is not None
    assert (run.minimum_on, run.minimum_off) == (60.0, 30.0)
