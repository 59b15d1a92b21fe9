"""Law 7 on real sockets: a device that is slow, or too slow, costs no other building a tick."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymodbus.constants import ExcCodes

from bms.model.assets.site import Site
from bms.model.assets.write_rule import ReleaseKind
from bms.runtime.jobs import dispatch_task, site_job
from bms.runtime.scheduler import Pulse
from bms.services.collect.poll import poll_site
from drivers.registry import NetworkDrivers
from tests.rigs.fakes.api import NOW, World, a_world
from tests.rigs.fakes.safety import hut, plan_of
from tests.rigs.fieldbus.driver_rigs import ModbusRig

MINUTE = timedelta(minutes=1)
WANTED = 21.0
FAST = ("school", "library", "townhall")


class SlowRig(ModbusRig):
    """A controller that takes its time for every answer."""

    answers_in_s = 0.0

    async def _act(self, *asked: Any) -> ExcCodes | None:
        await asyncio.sleep(self.answers_in_s)
        return await super()._act(*asked)


def building(name: str, rig: ModbusRig) -> Site:
    device = replace(rig.device, id=f"{name}/controller", site=name)
    setpoint = replace(rig.setpoint, id=f"{name}/setpoint", site=name, device=device.id)
    return replace(hut(), id=name, devices=(device,), points=(setpoint,))


class City:
    """Buildings behind sockets, ticked once a minute of building time."""

    def __init__(self, world: World) -> None:
        self.world, self.clock = world, world.clock
        self.ticks: dict[str, list[datetime]] = defaultdict(list)
        city, sites = world.city, world.city.sites.values()
        self.readings = city.stores.readings
        dispatch = dispatch_task(city, self.no_plan)

        async def counted(site: Site, now: datetime) -> None:
            await dispatch(site, now)
            self.ticks[site.id].append(now)

        async def poll(site: Site, now: datetime) -> None:
            await poll_site(site, now=now, drivers=city.drivers, readings=self.readings)

        jobs = [site_job("poll", MINUTE, sites, poll), site_job("dispatch", MINUTE, sites, counted)]
        self.pulse = Pulse(jobs, self.clock)

    async def no_plan(self, site: Site, now: datetime) -> None:
        """Nothing is planned anew."""

    async def run(self, minutes: int, minute_s: float) -> None:
        """Let building time run, a minute in ``minute_s`` [s]."""
        for _ in range(minutes):
            self.pulse.look()
            await asyncio.sleep(minute_s)
            self.clock.advance(MINUTE)


@asynccontextmanager
async def running(home: Path, slow: SlowRig) -> AsyncIterator[tuple[City, dict[str, ModbusRig]]]:
    rigs = {name: ModbusRig(ReleaseKind.REMOTE_ENABLE) for name in FAST} | {"slow": slow}
    async with AsyncExitStack() as stack:
        for rig in rigs.values():
            await rig.start()
            stack.push_async_callback(rig.stop)
        world = a_world(home, sites=tuple(building(name, rig) for name, rig in rigs.items()))
        drivers = NetworkDrivers(world.clock)
        stack.push_async_callback(drivers.close)
        made = City(world.rewired(drivers=drivers))
        for name in rigs:
            point = f"{name}/setpoint"
            world.store.add_plan(plan_of({point: WANTED}, site=name, start=NOW, plan_id=name))
        yield made, rigs
        await made.pulse.end(0.0)


@pytest.mark.parametrize(
    ("answers_in_s", "timeout_s"),
    [(0.4, 2.0), (1.0, 0.25)],
    ids=["answers late", "answers after its time-out"],
)
async def test_a_slow_device_costs_no_other_building_a_tick(
    tmp_path: Path, answers_in_s: float, timeout_s: float
) -> None:
    slow = SlowRig(ReleaseKind.REMOTE_ENABLE)
    slow.answers_in_s = answers_in_s
    slow.device = replace(slow.device, timeout_s=timeout_s)
    async with running(tmp_path, slow) as (city, rigs):
        await city.run(minutes=5, minute_s=1.0)
        for name in FAST:
            assert len(city.ticks[name]) == 5, name
            assert rigs[name].remote == WANTED
            assert rigs[name].enabled == 1
        assert slow.requests
