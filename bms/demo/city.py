"""A simulated municipality, filled with its past and wired like a real one."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bms.clock import FileClock
from bms.config import Settings
from bms.demo.options import DemoOptions
from bms.feeds.archive import ArchiveFeed
from bms.model.assets.site import Site
from bms.model.planning.problem import NoModel
from bms.runtime.city import City
from bms.runtime.municipality import (
    DETAILED,
    START,
    WEATHER,
    archetype_of,
    example_sites,
    wired,
)
from bms.runtime.ownership import alone
from bms.runtime.wire import wire
from bms.services.off_loop import off_loop
from bms.services.planning.plan import identify_site
from bms.services.simulated_worlds import past_readings
from drivers.simulator.client import SimulatorProcess, read_history
from drivers.simulator.config import SimulatorConfig, SiteConfig

log = logging.getLogger(__name__)
ORPHAN_SPEED = 60.0
SITE_FILES = "sites"
"""The folder of the demo's site files, in its home."""

Report = Callable[[str, float], None]
"""Called with what is being done and how much of it is (0..1)."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """The wired city with the simulator that owns its building time."""

    city: City
    simulator: SimulatorProcess

    async def move_to(self, moment: datetime) -> None:
        """Let building time pass up to ``moment``."""
        seconds = round((moment - self.city.clock.now()).total_seconds())
        await self.simulator.advance(seconds)


def simulator_config(options: DemoOptions, sites: Sequence[Site]) -> SimulatorConfig:
    """One simulated building per site, from ``past_days`` before the demo starts.

    Should we die, the buildings go on at least so fast that a lease ends while they live.
    """
    return SimulatorConfig(
        sites=tuple(
            SiteConfig(id=site.id, archetype=archetype_of(site.id), seed=options.seed * 1000 + i)
            for i, site in enumerate(sites)
        ),
        weather=WEATHER,
        start=START.astimezone(UTC) - timedelta(days=options.past_days),
        clock_file=options.home / "clock.json",
        orphan_speed=max(ORPHAN_SPEED, options.speed),
    )


@contextlib.asynccontextmanager
async def simulated_city(options: DemoOptions, report: Report) -> AsyncIterator[Simulated]:
    """Start the simulator, fill the past, wire the city; end the simulator afterwards.

    Raises ``ConfigError`` where another process works in this home.
    """
    sites = example_sites(options.sites)
    config = simulator_config(options, sites)
    settings = demo_settings(options.home, config.clock_file, options.port)
    with alone(settings):
        async with SimulatorProcess(options.home) as simulator:
            ports = await simulator.start(config)
            path = options.home / "past.npz"
            start = START.astimezone(UTC)
            await simulator.history(start, path, on_progress=lambda x: report("past", x))
            await simulator.fork()
            city = _wired_city(options, wired(sites, ports), settings)
            try:
                await off_loop(_keep_past, city, path, start, report)
                path.unlink()
                yield Simulated(city, simulator)
            finally:
                await city.drivers.close()
                city.stores.close()


def demo_settings(home: Path, clock_file: Path | None = None, port: int = 0) -> Settings:
    """The settings of a demo in this home."""
    return Settings(
        home=home,
        sites=home / SITE_FILES,
        clock_file=clock_file,
        port=port,
        database_url=None,
        open_dashboard=True,
    )


def _wired_city(options: DemoOptions, sites: Sequence[Site], settings: Settings) -> City:
    assert settings.clock_file is not None
    return wire(
        settings,
        sites=sites,
        clock=FileClock(settings.clock_file),
        feed=ArchiveFeed(seed=options.seed),
    )


def _keep_past(city: City, path: Path, start: datetime, report: Report) -> None:
    times, history = read_history(path)
    for done, site in enumerate(city.sites.values()):
        report("readings", done / len(city.sites))
        city.stores.readings.add_readings(
            list(past_readings(site, times, history[site.id], start - DETAILED))
        )
    report("readings", 1.0)


async def learn(city: City, report: Report) -> list[NoModel]:
    """Identify every site from its past; the refusals with their reasons."""
    refused = []
    for done, site in enumerate(city.sites.values()):
        report("models", done / len(city.sites))
        answer = await identify_site(site, now=city.clock.now(), ports=city.planning)
        if isinstance(answer, NoModel):
            refused.append(answer)
    report("models", 1.0)
    return refused
