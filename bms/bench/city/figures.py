"""Processor, memory and neighbours of a city of 650 buildings on one computer.

Seconds are of the processor, of one process that does nothing else; devices answer at once.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client.exposition import generate_latest

from api.metrics import metrics_registry
from bms.bench.city.echo_drivers import EchoDrivers, echo_city
from bms.bench.city.job_costs import (
    NIGHT,
    SiteCosts,
    TaskCost,
    measured_costs,
)
from bms.bench.control.city import a_plan
from bms.bench.figure import Figure, Progress
from bms.clock import VirtualClock
from bms.config import Settings
from bms.ports.jobs import JobKind
from bms.runtime.jobs import Job, job_table
from bms.runtime.municipality import ARCHETYPES, EXAMPLES, example_sites
from bms.runtime.scheduler import Pulse
from bms.runtime.site_files import usable_sites

SITES = 650
PROCESSES = 2
SILENT = 100
QUARTER = timedelta(minutes=15)
TICKS = 3
STATUS = Path("/proc/self/status")
RESIDENT = re.compile(r"VmRSS:\s+(\d+) kB")
NAMED = re.compile(r"^site: \w+", re.MULTILINE)
HOST = re.compile(r"host: 127\.0\.0\.1, port: \d+")


def bench_city(report: Progress) -> list[Figure]:
    """All figures of a city; takes about four minutes."""
    report("650 site files", 0.0)
    figures = starts()
    report("ticks", 0.2)
    figures += asyncio.run(ticks())
    report("silent devices", 0.4)
    figures.append(asyncio.run(neighbours_of_silent_devices()))
    figures += rounds(measured_costs(report))
    report("city", 1.0)
    return figures


def rounds(costs: SiteCosts) -> list[Figure]:
    """What all sites take, from what three simulated buildings with six weeks behind them took:
    the plans of an hour with their reading of the store, and a usual night."""
    night = sum(_of_all(costs.jobs[kind]) for kind in (JobKind.PREDICTION, JobKind.IDENTIFY))
    others = sum(_of_all(costs.jobs[kind]) for kind in NIGHT) - night
    of_three = f"{SITES} sites as three were measured"
    return [
        _seconds(
            f"plan round with its reading, {of_three}",
            _of_all(costs.jobs[JobKind.PLAN]),
            PROCESSES * 60.0,
            PROCESSES * 35.0,
        ),
        _seconds(f"night of predictions and learning, {of_three}", night, 480.0, 300.0),
        Figure(
            name=f"faults and savings of a night, {of_three}, processor",
            value=round(others, 1),
            unit="s",
            ok=True,
        ),
    ]


def _of_all(costs: Sequence[TaskCost]) -> float:
    return SITES * sum(cost.cpu_s for cost in costs) / len(costs)


def starts() -> list[Figure]:
    """Reading and checking 650 site files of three kinds, as at a start or `bms reload`."""
    with TemporaryDirectory() as made:
        folder, home = Path(made) / "sites", Path(made) / "home"
        folder.mkdir()
        home.mkdir()
        _write_site_files(folder)
        settings = Settings(home=home, sites=folder)
        began = time.process_time()
        found = usable_sites(settings)
        took = time.process_time() - began
        row = _seconds(f"{len(found.sites)} site files read and checked", took, 6.0, 2.0)
        return [replace(row, ok=row.ok and len(found.sites) == SITES)]


def _write_site_files(folder: Path) -> None:
    """Copies of the three example files with names and addresses of their own."""
    texts = {name: (EXAMPLES / f"{name}.yaml").read_text("utf-8") for name in ARCHETYPES}
    for number in range(SITES):
        text = NAMED.sub(f"site: b{number:03}", texts[ARCHETYPES[number % 3]], count=1)
        for port in range(502, 502 + len(HOST.findall(text))):
            own = f"host: 10.{number // 250}.{number % 250}.1, port: {port}"
            text = HOST.sub(own, text, count=1)
        (folder / f"b{number:03}.yaml").write_text(_other_numbers(text, number), "utf-8")


def _other_numbers(text: str, number: int) -> str:
    """Numbers of meters are those of one building."""
    return re.sub(r"(number: \"?)(\w+)", lambda found: f"{found[1]}{number:03}{found[2]}", text)


def _job(jobs: Sequence[Job], name: str) -> Job:
    return next(job for job in jobs if job.name == name)


async def ticks() -> list[Figure]:
    """A poll with its readings stored, an idle tick, a scrape, and the memory that stays."""
    with echo_city(example_sites(SITES), EchoDrivers()) as (city, clock):
        jobs = job_table(city)
        points = sum(len(site.polled) for site in city.sites.values())
        poll = await _median_cpu(_job(jobs, "poll").run, clock)
        for site in city.sites.values():
            city.stores.plans.add_plan(a_plan(site, clock.now()))
        dispatch = await _median_cpu(_job(jobs, "dispatch").run, clock)
        registry = metrics_registry(city.api, {})
        scrapes = [await _cpu(lambda: _scraped(registry)) for _ in range(TICKS)]
        return [
            _seconds(f"poll and store, {SITES} sites, {points} points", poll, 2.0, 1.0),
            Figure(
                name="the same each minute",
                value=round(100 * poll / 60, 1),
                unit="% of a core",
                ok=poll / 60 <= 0.25,
                at_least="<= 25",
                stretch="<= 10",
            ),
            _seconds(f"dispatch tick, nothing changed, {SITES} sites", dispatch, 2.5, 1.0),
            _seconds(f"/metrics, {SITES} sites", sorted(scrapes)[TICKS // 2], 0.2, 0.05),
            *_memory(),
        ]


async def _scraped(registry: object) -> None:
    generate_latest(registry)  # type: ignore[arg-type]


async def _cpu(work: Callable[[], Awaitable[object]]) -> float:
    began = time.process_time()
    await work()
    return time.process_time() - began


async def _median_cpu(run: Callable[[datetime], Awaitable[None]], clock: VirtualClock) -> float:
    """Of ticks one quarter of an hour after the other [s]; the first one warms up."""
    found = []
    for _ in range(TICKS + 1):
        clock.advance(QUARTER)
        found.append(await _cpu(lambda: run(clock.now())))
    return sorted(found[1:])[TICKS // 2]


def _seconds(name: str, value: float, at_least: float, stretch: float) -> Figure:
    return Figure(
        name=f"{name}, processor",
        value=round(value, 3),
        unit="s",
        ok=value <= at_least,
        at_least=f"<= {at_least:g}",
        stretch=f"<= {stretch:g}",
    )


def _memory() -> Iterator[Figure]:
    found = RESIDENT.search(STATUS.read_text()) if STATUS.exists() else None
    if found is None:
        return
    megabytes = int(found[1]) / 1024
    yield Figure(
        name=f"memory of the process, {SITES} sites",
        value=round(megabytes),
        unit="MB",
        ok=megabytes <= 700,
        at_least="<= 700",
        stretch="<= 450",
    )


async def neighbours_of_silent_devices() -> Figure:
    """How many polls the sites with devices that answer get while 100 of 650 are silent."""
    sites = example_sites(SITES)
    quiet = {site.id for site in sites[:SILENT]}
    silent = frozenset(d.id for site in sites if site.id in quiet for d in site.devices)
    with echo_city(sites, EchoDrivers(silent)) as (city, clock):
        polled = dict.fromkeys((site.id for site in sites), 0)
        job = _job(job_table(city), "poll")
        parts = tuple(_counted(part, polled) for part in job.parts)
        pulse = Pulse([replace(job, parts=parts)], clock)
        for _ in range(TICKS):
            clock.advance(QUARTER)
            pulse.look()
            await _until_done(polled, quiet)
        await pulse.end(0.1)
    others = [count for site, count in polled.items() if site not in quiet]
    share = sum(others) / (TICKS * len(others))
    return Figure(
        name=f"polls of the others while {SILENT} of {SITES} sites are silent",
        value=round(100 * share, 1),
        unit="%",
        ok=share >= 0.95,
        at_least=">= 95",
    )


WAIT_S, LOOK_S = 20.0, 0.05


async def _until_done(polled: dict[str, int], quiet: set[str]) -> None:
    """Wait until no other site was polled for a while."""
    last, since = -1, time.monotonic()
    while time.monotonic() - since < 2.0:
        await asyncio.sleep(LOOK_S)
        done = sum(count for site, count in polled.items() if site not in quiet)
        if done != last:
            last, since = done, time.monotonic()


def _counted(part: Job, polled: dict[str, int]) -> Job:
    async def run(now: datetime) -> None:
        await part.run(now)
        polled[part.site or ""] += 1

    return replace(part, run=run)
