"""A city of small sites on one Modbus device each: five registers that the plan holds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from bms.bench.control.responder import link_address
from bms.config import Settings
from bms.model.assets.address import ModbusAddress, Table
from bms.model.assets.device import Device
from bms.model.assets.equipment import HeatSource, HeatSourceKind
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Mode, Site
from bms.model.assets.write_rule import Release, ReleaseKind, WriteRule
from bms.model.planning.plan import Expected, Plan, PlanStatus, Schedule, SetpointPlan, Step
from bms.model.planning.plan_digest import sealed
from bms.model.planning.problem import Problem, Weather
from bms.model.readings.units import Unit
from bms.runtime.city import City
from bms.runtime.wire import wire
from bms.services.guard.launcher import NoGuardNeeded
from bms.services.trust.without_building import AllCommissioned, all_approved

POINTS = 5
OWN, OURS = 0.0, 3.0
"""The value of own control, and that of the plan [K]."""
RULE = WriteRule(
    minimum=-10.0,
    maximum=10.0,
    release=Release(kind=ReleaseKind.CONSTANT, value=OWN),
    hold_safe=(-5.0, 5.0),
)
HEAT = HeatSource(kind=HeatSourceKind.DISTRICT_HEATING, capacity_kw=80.0)
_NOTHING = Expected(energy_kwh=None, cost_dkk=None, co2_kg=None, comfort_kh=None)


def a_site(number: int, port: int) -> Site:
    """A site in ``auto`` whose points are registers that no other site has."""
    name = f"s{number:03}"
    device = Device(
        id=f"{name}/c", site=name, protocol="modbus", host=link_address(number), port=port
    )
    points = tuple(
        Point(
            id=f"{name}/curve{k}.shift",
            site=name,
            device=device.id,
            role=Role.HEATING_CURVE_SHIFT,
            unit=Unit.KELVIN,
            address=ModbusAddress(
                table=Table.HOLDING, address=100 + number * POINTS + k, scale=0.1
            ),
            write=RULE,
        )
        for k in range(POINTS)
    )
    return Site(
        id=name,
        name_da=name,
        name_en=name,
        use="other",
        area_m2=1000.0,
        latitude=56.2,
        longitude=10.2,
        timezone="Europe/Copenhagen",
        heat_source=HEAT,
        zones=(),
        devices=(device,),
        points=points,
        meters=(),
        mode=Mode.AUTO,
    )


def a_plan(site: Site, now: datetime) -> Plan:
    """A plan that holds every point at ``OURS`` for six hours."""
    start = now.replace(minute=0, second=0, microsecond=0)
    end = start + timedelta(hours=6)
    steps = (Step(start=start, end=end, value=OURS),)
    schedule = Schedule(
        site=site.id,
        start=start,
        step_s=900,
        status=PlanStatus.OPTIMAL,
        reasons=(),
        expected=_NOTHING,
        own_control=_NOTHING,
        setpoints=tuple(SetpointPlan(point=p.id, unit=p.unit, steps=steps) for p in site.points),
    )
    quarters = (1.0,) * 24
    problem = Problem(
        site=site.id,
        start=start,
        step_s=900,
        timezone=site.timezone,
        latitude=site.latitude,
        longitude=site.longitude,
        weather=Weather(temp_out_c=quarters, ghi_wm2=quarters),
        electricity_dkk_per_kwh=quarters,
        heat_dkk_per_kwh=quarters,
        electricity_kg_per_kwh=quarters,
        heat_kg_per_kwh=quarters,
        zones=(),
        heat_source=HEAT,
    )
    made = Plan(
        id=f"plan-{site.id}-{now.timestamp():.3f}",
        site=site.id,
        created_at=now,
        problem=problem,
        schedule=schedule,
    )
    return sealed(made)


class NoObjections:
    """A checker: what is measured is the way to the controllers."""

    def check(self, problem: Problem, schedule: Schedule) -> tuple[()]:
        return ()


@dataclass(frozen=True, slots=True)
class BenchCity:
    """A wired city over real sockets and a database file."""

    city: City
    home: Path

    @property
    def now(self) -> datetime:
        return self.city.clock.now()

    def plan(self) -> None:
        """Put a plan in force at every site."""
        now = self.now
        for site in self.city.sites.values():
            self.city.stores.plans.add_plan(a_plan(site, now))


@contextmanager
def responding(delay_ms: float) -> Iterator[int]:
    """A storing responder in a process of its own, and its port."""
    command = [sys.executable, "-m", "bms.bench.control.responder", "--delay-ms", str(delay_ms)]
    with subprocess.Popen(  # noqa: S603 (our own command)
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def bench_city(
    home: Path, sites: int, port: int, *, guarded: bool = False, database: Path | None = None
) -> BenchCity:
    """So many sites on the responder at ``port``, with a plan in force each. ``guarded``: with
    guard processes, as a backend has them; ``database``: the folder of a database that homes share.
    """
    home.mkdir(exist_ok=True)
    url = None if database is None else f"sqlite:///{database}/bms.db"
    city = wire(
        Settings(home=home, poll_minutes=15, database_url=url),
        sites=[a_site(number, port) for number in range(sites)],
    )
    keeper = city.keeper if guarded else NoGuardNeeded()
    stores = replace(city.stores, decisions=all_approved(city.stores.decisions))
    city = replace(
        city,
        checker=NoObjections(),
        keeper=keeper,
        stores=stores,
        commissioned=AllCommissioned(),
    )
    made = BenchCity(city, home)
    made.plan()
    return made
