"""A planned air flow on its way to a device, back from it, and home again at the lease's end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from bms.clock import VirtualClock
from bms.journal import MemoryJournal
from bms.model.assets.site import Site
from bms.model.control.command import Accepted, Clamped, Released
from bms.model.planning.plan_digest import sealed
from bms.model.readings.units import Unit
from bms.services.control.dispatch import dispatch_site
from bms.services.simulated_worlds import WorldResult
from bms.store.memory.store import MemoryStore
from drivers.registry import NetworkDrivers
from drivers.simulator.config import SimulatorConfig
from drivers.simulator.municipality import Municipality, SimSite, WeatherTable
from drivers.simulator.process import Simulation
from drivers.templates import load_templates
from sites.loader import load_sites
from tests.rigs.fakes.ports import control_ports
from tests.rigs.fakes.safety import LEASE, TICK, Keeper, plan_of
from tests.rigs.paths import ROOT

WEATHER = ROOT / "bms" / "feeds" / "data" / "weather_hourly.csv.gz"
START = datetime(2019, 1, 14, 11, 0, tzinfo=UTC)
"""Noon of a Monday: people are in, and the unit runs."""
FLOW, SUPPLY = "sportshall/ahu1.flow", "sportshall/ahu1.supply_air_setpoint"


@dataclass
class Bench:
    """The sports hall behind its real Modbus server, with what a tick needs."""

    simulation: Simulation
    site: Site
    drivers: NetworkDrivers
    clock: VirtualClock
    store: MemoryStore = field(default_factory=MemoryStore)
    journal: MemoryJournal = field(default_factory=MemoryJournal)

    def plan(self, values: dict[str, float], hours: float = 6.0) -> None:
        units = {FLOW: Unit.PERCENT, SUPPLY: Unit.DEG_C}
        made = plan_of(values, site="sportshall", start=START, hours=hours)
        rows = tuple(replace(row, unit=units[row.point]) for row in made.schedule.setpoints)
        self.store.add_plan(sealed(replace(made, schedule=replace(made.schedule, setpoints=rows))))

    async def tick(self, after: timedelta = timedelta(0)) -> dict[str, WorldResult]:
        self.simulation.advance(int(after.total_seconds()))
        outcomes = await dispatch_site(
            self.site,
            now=self.simulation.world.now,
            lease=LEASE,
            ports=control_ports(
                self.store, drivers=self.drivers, journal=self.journal, keeper=Keeper()
            ),
        )
        return {(getattr(o, "point", None) or o.command.point): o for o in outcomes}

    async def read(self, point_id: str) -> float | None:
        """What the device says over its socket."""
        point = next(p for p in self.site.points if p.id == point_id)
        driver = self.drivers.driver(self.site.device(point.device))
        (reading,) = await driver.read([point], self.simulation.world.now)
        return reading.value


def hall() -> Municipality:
    weather = WeatherTable.from_csv_gz(WEATHER)
    return Municipality([SimSite("sportshall", "sportshall", 7)], weather, START)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    config = SimulatorConfig.model_validate(
        {
            "sites": [{"id": "sportshall", "archetype": "sportshall", "seed": 7}],
            "weather": WEATHER,
            "start": START,
        }
    )
    simulation = Simulation(config, hall())
    ports = await simulation.start()
    files = load_sites(ROOT / "sites" / "examples", load_templates())
    site = next(site for site in files if site.id == "sportshall")
    devices = tuple(replace(d, port=ports["sportshall"][d.protocol]) for d in site.devices)
    clock = VirtualClock(START)
    drivers = NetworkDrivers(clock)
    yield Bench(simulation, replace(site, devices=devices), drivers, clock)
    await drivers.close()
    await simulation.close()


async def test_a_planned_flow_is_written_read_back_and_given_back_at_the_leases_end(
    bench: Bench,
) -> None:
    bench.plan({FLOW: 45.0, SUPPLY: 15.5}, hours=0.25)
    written = await bench.tick()
    assert {type(written[point]) for point in (FLOW, SUPPLY)} == {Accepted}
    assert (await bench.read(FLOW), await bench.read(SUPPLY)) == (45.0, 15.5)
    state = bench.simulation.state()["sportshall"]
    assert sorted(state["held"]) == ["ahu1.flow", "ahu1.supply_air_setpoint"]
    await bench.tick(TICK)  # the plan is over: its leases run out, and still stand
    assert await bench.read(FLOW) == 45.0
    ended = await bench.tick(TICK)
    assert {type(ended[point]) for point in (FLOW, SUPPLY)} == {Released}
    assert (await bench.read(FLOW), await bench.read(SUPPLY)) == (100.0, 17.0)
    assert bench.simulation.state()["sportshall"]["held"] == []
    assert bench.journal.leases() == {}


async def test_the_building_feels_it(bench: Bench) -> None:
    twin = hall()
    bench.plan({FLOW: 50.0})
    await bench.tick()
    bench.simulation.advance(900)
    twin.advance(900)
    ours, own = (city.sensors("sportshall") for city in (bench.simulation.world, twin))
    assert own["el.power"] - ours["el.power"] == pytest.approx(6.0, rel=0.15)  # of 8 kW
    assert ours["heat.power"] < own["heat.power"]


async def test_people_get_their_air_though_the_plan_asks_for_less(bench: Bench) -> None:
    bench.plan({FLOW: 10.0})
    outcome = (await bench.tick())[FLOW]
    assert isinstance(outcome, Clamped)
    assert await bench.read(FLOW) == 20.0


async def test_a_hand_at_the_controller_is_left_alone(bench: Bench) -> None:
    bench.plan({FLOW: 45.0})
    await bench.tick()
    point = next(p for p in bench.site.points if p.id == FLOW)
    control_point = bench.simulation.points.control_point("sportshall", "ahu1.flow")
    assert control_point is not None
    control_point.value = 80.0  # somebody turned it up
    await bench.tick(TICK)
    assert await bench.read(FLOW) == 80.0
    (override,) = bench.store.overrides("sportshall", bench.simulation.world.now)
    assert override.point == point.id
