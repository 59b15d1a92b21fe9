"""What the work of a site costs, measured here: seconds of a processor and SQL statements."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType

from bms.bench.city.echo_drivers import EchoDrivers, echo_city
from bms.bench.figure import Progress
from bms.bench.planning.city import learned_city
from bms.clock import VirtualClock
from bms.ports.jobs import JobKind, JobOrder, Priority
from bms.runtime.anywhere.handlers import handlers
from bms.runtime.city import City, Stores
from bms.runtime.jobs import Job, job_table
from bms.runtime.municipality import START, example_sites
from bms.store.database.observed import counted_statements
from bms.store.sql.store import SqlStore

TICK_SITES = 40
TICKS = 3
QUARTER = timedelta(minutes=15)
NIGHT = (JobKind.PREDICTION, JobKind.IDENTIFY, JobKind.FAULTS, JobKind.PROOFS)


@dataclass(frozen=True, slots=True)
class TaskCost:
    """Seconds of a processor [s] and statements [1] of one site."""

    cpu_s: float
    statements: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteCosts:
    """``tick``: poll, store and dispatch once. ``jobs``: each kind, a few samples of it.
    ``points`` are read by a tick [1]."""

    tick: TaskCost
    jobs: Mapping[JobKind, tuple[TaskCost, ...]]
    points: float


def measured_costs(report: Progress) -> SiteCosts:
    """Measure ticks of sites whose devices answer at once, and jobs of three simulated buildings
    with six weeks behind them, on SQLite. Takes about a minute."""
    report("cost of ticks", 0.0)
    tick, points = asyncio.run(_ticks())
    report("cost of ticks", 1.0)
    report("cost of jobs", 0.0)
    jobs = _jobs(report)
    report("cost of jobs", 1.0)
    return SiteCosts(tick=tick, jobs=jobs, points=points)


async def _ticks() -> tuple[TaskCost, float]:
    """The cheapest of a few ticks that are warm: others use this computer, too."""
    with echo_city(example_sites(TICK_SITES), EchoDrivers()) as (city, clock):
        table = {job.name: job for job in job_table(city)}
        found = [await _tick(table, clock) for _ in range(TICKS + 1)]
        points = sum(len(site.polled) for site in city.sites.values()) / TICK_SITES
    return min(found[1:], key=lambda cost: cost.cpu_s), points


async def _tick(table: Mapping[str, Job], clock: VirtualClock) -> TaskCost:
    clock.advance(QUARTER)

    async def run() -> None:
        for name in ("poll", "dispatch"):
            await table[name].run(clock.now())

    whole = await _cost(run)
    return TaskCost(whole.cpu_s / TICK_SITES, whole.statements / TICK_SITES)


def _jobs(report: Progress) -> Mapping[JobKind, tuple[TaskCost, ...]]:
    with tempfile.TemporaryDirectory(prefix="bms-region-") as folder:
        home = Path(folder)
        simulated = learned_city(START, home, report)
        store = SqlStore(f"sqlite:///{home / 'region.db'}")
        try:
            city = replace(simulated.city, stores=_moved(simulated.city, store))
            return MappingProxyType(asyncio.run(_each(city, simulated.clock.now())))
        finally:
            store.close()


def _moved(city: City, store: SqlStore) -> Stores:
    """Readings and models of the city in an SQL database."""
    end = city.clock.now()
    for site in city.sites.values():
        for point in site.points:
            store.add_readings(
                city.stores.readings.readings(point.id, datetime.min.replace(tzinfo=UTC), end)
            )
        model = city.stores.plans.model(site.id)
        if model is not None:
            store.save_model(model)
    return replace(Stores.of(store), decisions=city.stores.decisions)


async def _each(city: City, now: datetime) -> dict[JobKind, tuple[TaskCost, ...]]:
    """Of a usual night: the jobs of the night before are done."""
    does = handlers(city)
    found: dict[JobKind, tuple[TaskCost, ...]] = {}
    for at in (now - timedelta(days=1), now):
        for kind in (JobKind.PLAN, *NIGHT):
            orders = [
                JobOrder(kind=kind, subject=site, at=at, priority=Priority.PLAN)
                for site in city.sites
            ]
            found[kind] = tuple([await _cost(partial(does[kind], order)) for order in orders])
    return found


async def _cost(run: Callable[[], Awaitable[object]]) -> TaskCost:
    with counted_statements() as seen:
        began = time.process_time()
        await run()
        return TaskCost(time.process_time() - began, float(len(seen)))
