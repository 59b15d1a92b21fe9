"""All rooms of a simulated building blind for four hours, in every way a sensor can be (W4).

The building has its own physics, the planner is the optimiser with a model of it, and the table of
jobs runs as it does in a city: what is asserted is what the devices hold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bms.bench.planning.city import SimulatedCity, simulated_city
from bms.model.assets.device import Device
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Mode
from bms.model.planning.plan import PlanStatus
from bms.model.readings.measurement import Reading
from bms.ports.drivers import Driver
from bms.runtime.jobs import job_table
from drivers.simulator.inprocess import InProcessDrivers

SITE = "sportshall"
START = datetime(2019, 1, 14, 11, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
Shows = Callable[[float, float], float]
"""What a sensor shows of what is, and of what it showed last."""
FAULTS: dict[str, tuple[Shows, float]] = {
    "NaN": (lambda _, __: math.nan, 1.25),
    "stuck": (lambda _, last: last, 3.25),
    "1000 degC": (lambda _, __: 1000.0, 1.25),
    "-300 degC": (lambda _, __: -300.0, 1.25),
}


class FaultyRooms(InProcessDrivers):
    """The devices of the buildings, whose room sensors may show something else."""

    shows: Shows | None = None

    def __init__(self, inner: InProcessDrivers) -> None:
        self.__dict__ = inner.__dict__
        self.last: dict[str, float] = {}

    def driver(self, device: Device) -> Driver:  # type: ignore[override]
        return FaultyDevice(super().driver(device), self)


@dataclass(frozen=True)
class FaultyDevice:
    inner: Driver
    rooms: FaultyRooms

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    async def read(self, points: Sequence[Point], at: datetime) -> list[Reading]:
        readings = await self.inner.read(points, at)
        return [self._shown(p, r) for p, r in zip(points, readings, strict=True)]

    def _shown(self, point: Point, reading: Reading) -> Reading:
        if point.role is not Role.ZONE_TEMP or reading.value is None:
            return reading
        if self.rooms.shows is None:
            self.rooms.last[point.id] = reading.value
            return reading
        value = self.rooms.shows(reading.value, self.rooms.last[point.id])
        return replace(reading, value=value)


class Life:
    """The sports hall from noon on, with a plan every hour."""

    def __init__(self, home: Path) -> None:
        made: SimulatedCity = simulated_city(START, home, lambda *_: None)
        site = replace(made.city.sites[SITE], mode=Mode.AUTO)
        self.drivers = FaultyRooms(made.drivers)
        settings = made.city.settings.model_copy(update={"plan_minutes": 60})
        self.city = replace(made.city, sites={SITE: site}, drivers=self.drivers, settings=settings)
        self.made, self.site, self.now = made, site, made.clock.now()
        self.jobs = {job.name: job for job in job_table(self.city)}

    async def hours(self, hours: float) -> None:
        for _ in range(int(hours * 4)):
            for name in ("poll", "plan", "dispatch"):
                job = self.jobs[name]
                if job.next_at_or_after(self.now) == self.now:
                    await job.run(self.now)
            self.drivers.advance(int(QUARTER.total_seconds()))
            self.now += QUARTER
            self.made.clock.move_to(self.now)

    @property
    def status(self) -> PlanStatus:
        plan = self.city.stores.plans.plan_in_force(SITE, self.now)
        assert plan is not None
        assert plan.objections == ()
        return plan.schedule.status

    def held(self) -> set[str]:
        return set(self.city.journal.leases())


async def test_w04_four_blind_hours_end_in_own_control_and_are_over_when_the_rooms_are_seen(
    tmp_path: Path,
) -> None:
    life = Life(tmp_path)
    await life.made.learn()
    await life.hours(2)
    setpoints = {p.id for p in life.site.points_by_role(Role.ZONE_SETPOINT)}
    for fault, (shows, told_after_h) in FAULTS.items():
        assert life.status is PlanStatus.OPTIMAL, fault
        assert setpoints <= life.held(), fault
        life.drivers.shows = shows
        await life.hours(told_after_h)
        assert life.status is not PlanStatus.OPTIMAL, fault
        await life.hours(4 - told_after_h)
        assert life.held() == set(), fault
        assert life.status is not PlanStatus.OPTIMAL, fault
        life.drivers.shows = None
        await life.hours(1.5)
