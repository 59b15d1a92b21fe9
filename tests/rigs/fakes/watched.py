"""Devices that tell of changes by themselves or have a clock, and the lodge whose points are
watched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.control.device_clock import NoTime, ShownTime
from bms.model.readings.measurement import Reading
from tests.rigs.fakes.city import lodge, utc
from tests.rigs.fakes.drivers import FakeDevice

NOW = utc(2019, 1, 14, 7, 30)
TEMP = "lodge/hall.temp"
PLANT = "lodge/plant"


def watched_lodge(*names: str) -> Site:
    site = lodge()
    points = tuple(replace(p, cov=p.id in names) for p in site.points)
    return replace(site, points=points)


class Telling(FakeDevice):
    """A device that tells of what its test says. Each listening may fail first."""

    def __init__(self, failures: Sequence[Exception] = ()) -> None:
        super().__init__()
        self.failures = list(failures)
        self.tell: Callable[[Reading], None] | None = None
        self.points: tuple[Point, ...] = ()
        self.watches = 0
        self.ended = 0

    async def watch(self, points: Sequence[Point], on_reading: Callable[[Reading], None]) -> None:
        self.watches += 1
        if self.failures:
            raise self.failures.pop(0)
        self.points, self.tell = tuple(points), on_reading
        try:
            await asyncio.Event().wait()
        finally:
            self.tell = None
            self.ended += 1

    def says(self, value: float, second: int = 0) -> None:
        assert self.tell is not None
        self.tell(Reading(TEMP, NOW + timedelta(seconds=second), value, received=NOW))


class Clocked(FakeDevice):
    def __init__(self, drift_s: float = 0.0) -> None:
        super().__init__()
        self.drift_s = drift_s
        self.set = 0

    async def clock(self) -> ShownTime | NoTime:
        if self.dead:
            return NoTime(PLANT, "no reply")
        return ShownTime(PLANT, NOW, self.drift_s)

    async def set_clock(self) -> ShownTime | NoTime:
        self.set += 1
        self.drift_s = 0.0
        return await self.clock()


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.002)
