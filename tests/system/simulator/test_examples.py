"""The example site files against the simulated buildings, through the drivers of real devices."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bms.clock import SystemClock
from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.site import Mode, Site
from bms.model.control.command import Accepted, Command, Released
from bms.ports.drivers import Drivers
from drivers.registry import NetworkDrivers
from drivers.simulator.client import SimulatorProcess
from drivers.simulator.config import SimulatorConfig
from drivers.simulator.inprocess import InProcessDrivers, signal_of
from drivers.simulator.municipality import Municipality, SimSite, WeatherTable
from drivers.simulator.process import Simulation
from drivers.templates import load_templates
from sites.loader import load_sites
from tests.rigs.paths import ROOT

WEATHER = ROOT / "bms" / "feeds" / "data" / "weather_hourly.csv.gz"
NAMES = ("townhall", "school", "sportshall")
START = datetime(2019, 1, 14, 11, 0, tzinfo=UTC)
SITES = {site.id: site for site in load_sites(ROOT / "sites" / "examples", load_templates())}
# what a register or sensor shows may differ from the signal by half a step of the register
STEPS = {"energy": 0.1, "volume": 0.01, "power": 0.1}


def config(**changes: object) -> SimulatorConfig:
    sites = [{"id": name, "archetype": name, "seed": 7} for name in NAMES]
    return SimulatorConfig.model_validate(
        {"sites": sites, "weather": WEATHER, "start": START} | changes
    )


def municipality() -> Municipality:
    weather = WeatherTable.from_csv_gz(WEATHER)
    return Municipality([SimSite(name, name, 7) for name in NAMES], weather, START)


def wired(site: Site, ports: dict[str, int]) -> Site:
    devices = tuple(replace(d, port=ports[d.protocol]) for d in site.devices)
    return replace(site, devices=devices)


def on(site: Site, device: Device) -> list[Point]:
    return [point for point in site.points if point.device == device.id]


def command(point: Point, value: float) -> Command:
    end = START + timedelta(minutes=30)
    return Command(
        id=f"c-{point.id}",
        point=point.id,
        value=value,
        issued_at=START,
        lease_end=end,
        reason="test",
        actor="test",
    )


def another(point: Point, simulation: Simulation) -> float:
    """A value within the limits that is not the own programme's."""
    own = simulation.world.own_value(point.site, signal_of(point))
    if signal_of(point) == "ahu1.run":
        return 1.0 - own
    return own - 2.0


@dataclass
class Running:
    simulation: Simulation
    sites: list[Site]
    drivers: Drivers


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    simulation = Simulation(config(), municipality())
    ports = await simulation.start()
    drivers = NetworkDrivers(SystemClock())
    yield Running(simulation, [wired(SITES[name], ports[name]) for name in NAMES], drivers)
    await drivers.close()
    await simulation.close()
    await asyncio.sleep(0)


async def test_every_point_reads_what_its_sensor_shows(running: Running) -> None:
    running.simulation.advance(900)
    for site in running.sites:
        shown = running.simulation.world.sensors(site.id)
        for device in site.devices:
            points = on(site, device)
            readings = await running.drivers.driver(device).read(points, START)
            for point, reading in zip(points, readings, strict=True):
                signal = signal_of(point)
                step = STEPS.get(signal.rsplit(".", 1)[1], 0.1)
                assert reading.value is not None, f"{point.id}: {reading.detail}"
                assert reading.value == pytest.approx(shown[signal], abs=step / 2 + 1e-3, rel=1e-6)


async def test_every_lever_takes_a_write_and_gives_it_back(running: Running) -> None:
    for site in running.sites:
        for point in (p for p in site.points if p.write is not None):
            driver = running.drivers.driver(site.device(point.device))
            wish = command(point, another(point, running.simulation))
            assert isinstance(await driver.write(point, wish), Accepted), point.id
            assert running.simulation.state()[site.id]["held"] == [signal_of(point)]
            now = running.simulation.world.now
            own = running.simulation.world.own_value(site.id, signal_of(point))
            given = await driver.release(point, now)
            assert isinstance(given, Released), given
            assert given.effective == pytest.approx(own, abs=0.01)
            assert running.simulation.state()[site.id]["held"] == []


async def test_rooms_follow_a_written_setpoint(running: Running) -> None:
    twin = municipality()
    for site, zone in zip(running.sites, ("north", "class_south", "changing"), strict=True):
        point = next(p for p in site.points if signal_of(p) == f"{zone}.setpoint")
        driver = running.drivers.driver(site.device(point.device))
        assert isinstance(await driver.write(point, command(point, 17.0)), Accepted)
    running.simulation.advance(24 * 3600)
    twin.advance(24 * 3600)
    for site, zone in zip(NAMES, ("north", "class_south", "changing"), strict=True):
        ours, own = running.simulation.world.sensors(site), twin.sensors(site)
        assert ours[f"{zone}.temp"] < own[f"{zone}.temp"] - 0.5
        assert ours["heat.energy"] < own["heat.energy"]


@pytest.mark.parametrize("name", NAMES)
def test_site_files_name_every_signal_of_their_building(name: str) -> None:
    site, building = SITES[name], municipality()
    assert {signal_of(p) for p in site.points} == set(building.signals(name))
    assert [zone.id for zone in site.zones] == list(building.zones(name))
    assert site.mode is Mode.AUTO
    assert all(p.privacy == "personal" for p in site.points if signal_of(p).endswith(".co2"))


def test_site_files_tell_the_own_programme_of_their_building() -> None:
    """Told and simulated own control agree for a fortnight, hour by hour."""
    building = municipality()
    for _ in range(14 * 24):
        for site in SITES.values():
            moment = building.now.astimezone(ZoneInfo(site.timezone))
            for zone in site.zones:
                told = zone.own_setpoint.value_at(moment)
                assert building.own_value(site.id, f"{zone.id}.setpoint") == told, (zone, moment)
            (unit,) = site.ventilation
            assert building.own_value(site.id, "ahu1.run") == unit.own_run.value_at(moment)
        building.advance(3600)


async def test_drivers_in_process_read_and_move_the_same_points() -> None:
    drivers = InProcessDrivers(municipality())
    for site in SITES.values():
        for device in site.devices:
            driver = drivers.driver(device)
            assert all(r.value is not None for r in await driver.read(on(site, device), START))
            for point in (p for p in on(site, device) if p.write is not None):
                control_point = drivers.control_point(point)
                assert control_point is not None
                wish = 0.0 if signal_of(point) == "ahu1.run" else control_point.effective - 1.0
                assert isinstance(await driver.write(point, command(point, wish)), Accepted)
                assert isinstance(await driver.release(point, START), Released)
        assert drivers.state(site.id)["held"] == []


async def test_the_process_runs_the_real_buildings(tmp_path: Path) -> None:
    async with SimulatorProcess(tmp_path, deadline_s=60) as simulator:
        ports = await simulator.start(config(clock_file=tmp_path / "clock.json"))
        assert {name: set(p) for name, p in ports.items()} == {
            "townhall": {"bacnet", "mbus"},
            "school": {"bacnet", "modbus"},
            "sportshall": {"modbus"},
        }
        past = await simulator.history(START + timedelta(hours=6), tmp_path / "past.npz")
        assert set(past["school"]) == {signal_of(p) for p in SITES["school"].points}
        await simulator.fork()
        assert await simulator.advance(3600) == START + timedelta(hours=7)
        truth = await simulator.truth(tmp_path / "truth.json")
        assert truth
        state = await simulator.state()
        assert all(state[name]["held"] == [] for name in NAMES)
        await simulator.stop()
