"""The demo's buildings without sockets, with their past: what the planning benches plan for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from bms.bench.figure import Progress
from bms.clock import VirtualClock
from bms.config import Settings
from bms.feeds.archive import ArchiveFeed
from bms.feeds.tariffs.book import TariffBook
from bms.journal import FileHandsOff, FileJournal
from bms.model.assets.site import Site
from bms.runtime.city import City, Stores
from bms.runtime.municipality import DETAILED, WEATHER, archetype_of, example_sites
from bms.runtime.wire import FileReporter
from bms.services.guard.launcher import NoGuardNeeded
from bms.services.planning.plan import identify_site
from bms.services.rooms.missing_temperature import RoomWatch
from bms.services.simulated_worlds import past_readings
from bms.services.trust.without_building import AllCommissioned, all_approved
from bms.store.memory.store import MemoryStore
from drivers.simulator.inprocess import InProcessDrivers
from drivers.simulator.municipality import Municipality, SimSite, WeatherTable
from optimizer.planner import Optimizer

SEED = 4000
PLAN_MINUTES = 360
STEP_S = 900


@dataclass(frozen=True, slots=True)
class SimulatedCity:
    """A wired city on a simulated municipality, at ``start``, with six weeks behind it."""

    city: City
    world: Municipality
    drivers: InProcessDrivers
    clock: VirtualClock

    @property
    def sites(self) -> Sequence[Site]:
        return tuple(self.city.sites.values())

    async def learn(self) -> None:
        """Identify every building from its past."""
        city = self.city
        for site in self.sites:
            await identify_site(
                site,
                now=self.clock.now(),
                ports=city.planning,
            )


def learned_city(
    start: datetime, home: Path, report: Progress, *, perfect: bool = False
) -> SimulatedCity:
    """The city at ``start`` with its models."""
    simulated = simulated_city(start, home, report, perfect=perfect)
    asyncio.run(simulated.learn())
    return simulated


def simulated_city(
    start: datetime, home: Path, report: Progress, *, perfect: bool = False
) -> SimulatedCity:
    """The three demo buildings at ``start``; with ``perfect`` forecasts or with their errors."""
    sites, began = example_sites(3), start.astimezone(UTC) - DETAILED
    world = Municipality(
        [SimSite(site.id, archetype_of(site.id), seed=SEED + i) for i, site in enumerate(sites)],
        WeatherTable.from_csv_gz(WEATHER),
        began,
    )
    drivers = InProcessDrivers(world)
    clock = VirtualClock(start.astimezone(UTC))
    optimizer, store = Optimizer(), MemoryStore()
    stores = replace(Stores.of(store), decisions=all_approved(store))
    city = City(
        sites={site.id: site for site in sites},
        settings=Settings(home=home, plan_minutes=PLAN_MINUTES),
        clock=clock,
        stores=stores,
        rooms=RoomWatch(stores.readings),
        drivers=drivers,
        planner=optimizer,
        checker=optimizer,
        feed=ArchiveFeed(perfect=perfect),
        tariffs=TariffBook.load(),
        journal=FileJournal(home / "release.journal"),
        hands_off=FileHandsOff.beside(home / "release.journal"),
        keeper=NoGuardNeeded(),
        reporter=FileReporter(),
        commissioned=AllCommissioned(),
    )
    history = world.history(clock.now(), STEP_S, lambda share: report("past", share))
    count = int(DETAILED / timedelta(seconds=STEP_S))
    times = began.timestamp() + STEP_S * np.arange(1, count + 1, dtype=np.float64)
    for site in sites:
        city.stores.readings.add_readings(list(past_readings(site, times, history[site.id], began)))
    world.fork_worlds()
    return SimulatedCity(city, world, drivers, clock)
