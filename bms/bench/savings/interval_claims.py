"""Twenty seeds of the demo's buildings without sockets: do the claimed intervals hold the truth?"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from bms.bench.figure import Figure, Progress
from bms.clock import VirtualClock
from bms.config import Settings
from bms.feeds.archive import ArchiveFeed
from bms.feeds.tariffs.book import TariffBook
from bms.journal import FileHandsOff, FileJournal
from bms.model.assets.site import Site
from bms.model.savings.avoided_use import Span
from bms.runtime.city import City, Stores
from bms.runtime.fast_run import run_virtual
from bms.runtime.jobs import job_table
from bms.runtime.municipality import (
    DETAILED,
    PAST,
    START,
    WEATHER,
    archetype_of,
    example_sites,
)
from bms.runtime.wire import FileReporter
from bms.services.collect.poll import poll_site
from bms.services.guard.launcher import NoGuardNeeded
from bms.services.planning.plan import identify_site
from bms.services.rooms.missing_temperature import RoomWatch
from bms.services.simulated_worlds import Truth, WorldComparison, compare_worlds, past_readings
from bms.store.memory.store import MemoryStore
from drivers.simulator.inprocess import InProcessDrivers
from drivers.simulator.municipality import Municipality, SimSite, WeatherTable
from optimizer.planner import Optimizer

SEEDS = 20
DAYS = 14
PLAN_MINUTES = 360
HALF_WIDTH_LIMIT = 0.25


def bench_claims(report: Progress, seeds: int = SEEDS, days: int = DAYS) -> list[Figure]:
    """Run ``seeds`` × 3 buildings for ``days`` days and compare claims with truth.

    Plans are made every six hours instead of every hour, to keep it within minutes.
    """
    rows = asyncio.run(run_seeds(report, seeds, days))
    return figures(rows)


def figures(rows: Sequence[WorldComparison]) -> list[Figure]:
    """The bench's figures from the rows of all buildings."""
    claims = [row for row in rows if row.claim_holds is not None]
    held = float(np.mean([bool(row.claim_holds) for row in claims])) if claims else 0.0
    widths = [row.half_width for row in claims if row.half_width is not None]
    width = float(np.median(widths)) if widths else float("nan")
    cheaper = _share(rows, lambda r: r.optimised.cost_dkk < r.own_control.cost_dkk)
    warm = _share(rows, lambda r: r.optimised.comfort_kh <= r.comfort_limit_kh)
    tuned = _share(rows, lambda r: r.optimised.cost_dkk < r.tuned_setback.cost_dkk)
    return [
        Figure(
            name="true saving inside the claimed 90 % interval",
            value=100 * held,
            unit="% of claims",
            at_least="80-98",
            ok=0.80 <= held <= 0.98,
        ),
        Figure(
            name="claims made",
            value=100 * len(claims) / len(rows),
            unit="% of buildings",
            at_least="67",
            ok=len(claims) >= len(rows) * 2 / 3,
        ),
        Figure(
            name="half-width of the interval, median",
            value=100 * width,
            unit="% of baseline",
            at_least="<= 25",
            ok=width <= HALF_WIDTH_LIMIT,
        ),
        Figure(
            name="cost below own control",
            value=100 * cheaper,
            unit="% of buildings",
            at_least="100",
            ok=cheaper == 1.0,
        ),
        Figure(
            name="comfort within the limit",
            value=100 * warm,
            unit="% of buildings",
            at_least="100",
            ok=warm == 1.0,
        ),
        Figure(
            name="cost below the tuned setback",
            value=100 * tuned,
            unit="% of buildings",
            stretch="100",
            ok=True,
        ),
    ]


def _share(rows: Sequence[WorldComparison], holds: Callable[[WorldComparison], bool]) -> float:
    return sum(holds(row) for row in rows) / len(rows)


async def run_seeds(report: Progress, seeds: int, days: int) -> list[WorldComparison]:
    """The rows of all buildings of all seeds, simulated side by side in this process."""
    sites = example_sites(3 * seeds)
    start = START.astimezone(UTC)
    until = (START + timedelta(days=days)).astimezone(UTC)
    world = Municipality(
        [SimSite(site.id, archetype_of(site.id), seed=1000 + i) for i, site in enumerate(sites)],
        WeatherTable.from_csv_gz(WEATHER),
        start - PAST,
    )
    with tempfile.TemporaryDirectory(prefix="bms-bench-") as home:
        drivers = InProcessDrivers(world)
        city, clock = _city(sites, drivers, start, Path(home))
        _keep_past(city, world, start, report)
        world.fork_worlds()
        await _run(city, clock, drivers, until, report)
    truth = _truth(world)
    baseline = Span(start=start - PAST, end=start)
    reporting = Span(start=start, end=until)
    return [
        compare_worlds(
            site,
            truth,
            baseline=baseline,
            reporting=reporting,
            readings=city.stores.readings,
            ledgers=city.stores.ledgers,
            feed=city.feed,
            tariffs=city.tariffs,
        )
        for site in sites
    ]


def _city(
    sites: Sequence[Site], drivers: InProcessDrivers, start: datetime, home: Path
) -> tuple[City, VirtualClock]:
    clock = VirtualClock(start)
    optimizer, stores = Optimizer(), Stores.of(MemoryStore())
    city = City(
        sites={site.id: site for site in sites},
        settings=Settings(home=home, plan_minutes=PLAN_MINUTES),
        clock=clock,
        stores=stores,
        rooms=RoomWatch(stores.readings),
        drivers=drivers,
        planner=optimizer,
        checker=optimizer,
        feed=ArchiveFeed(),
        tariffs=TariffBook.load(),
        journal=FileJournal(home / "release.journal"),
        hands_off=FileHandsOff.beside(home / "release.journal"),
        keeper=NoGuardNeeded(),
        reporter=FileReporter(),
    )
    return city, clock


def _keep_past(city: City, world: Municipality, start: datetime, report: Progress) -> None:
    """Hourly meters for most of the year, then every signal each quarter-hour."""
    for until, step_s in ((start - DETAILED, 3600), (start, 900)):
        began = world.now
        history = world.history(until, step_s, lambda share: report("past", share))
        count = int((until - began).total_seconds()) // step_s
        times = began.timestamp() + step_s * np.arange(1, count + 1, dtype=np.float64)
        for site in city.sites.values():
            readings = past_readings(site, times, history[site.id], start - DETAILED)
            city.stores.readings.add_readings(list(readings))


async def _run(
    city: City, clock: VirtualClock, drivers: InProcessDrivers, until: datetime, report: Progress
) -> None:
    start = clock.now()
    for done, site in enumerate(city.sites.values()):
        report("models", done / len(city.sites))
        await identify_site(
            site,
            now=start,
            ports=city.planning,
        )
    report("models", 1.0)

    async def move_to(moment: datetime) -> None:
        drivers.advance(round((moment - clock.now()).total_seconds()))
        clock.move_to(moment)
        report("days", (moment - start) / (until - start))

    jobs = [job for job in job_table(city) if job.name != "identify"]
    await run_virtual(jobs, start, until, move_to)
    for site in city.sites.values():
        await poll_site(site, now=until, drivers=drivers, readings=city.stores.readings)


def _truth(world: Municipality) -> Truth:
    record = world.record()
    return Truth(
        sites=record.sites,
        start=record.hours[0],
        heat_kwh=record.heat_kwh,
        electricity_kwh=record.electricity_kwh,
        comfort_kh=record.comfort_kh,
        occupied_days=record.occupied_days,
    )
