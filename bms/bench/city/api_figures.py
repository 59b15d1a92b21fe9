"""The API over a city of 650 buildings: pages and lists from kept answers, the history of a point,
schedules while others look, and reports of a year.

A server answers over loopback in this process; seconds are of the wall, as clients see them.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import resource
import socket
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import httpx
import numpy as np
import uvicorn

from api.app import create_app
from bms.bench.city.echo_drivers import EchoDrivers
from bms.bench.control.city import a_plan
from bms.bench.figure import Figure, Progress
from bms.clock import VirtualClock
from bms.config import Settings
from bms.model.assets.site import Site
from bms.model.readings.measurement import Reading
from bms.model.reporting.request import FileForm, ReportFormat, ReportKind, ReportRequest
from bms.runtime.bounded_http import BoundedProtocol
from bms.runtime.city import City
from bms.runtime.municipality import example_sites
from bms.runtime.wire import wire
from bms.services.accounts.answers_job import AnswersJob
from bms.services.api_keys import create_key
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.consumption import measured_point
from bms.services.reporting.build import build

SITES = 650
NOW = datetime(2019, 1, 14, 9, tzinfo=UTC)
DAY, QUARTER = timedelta(days=1), timedelta(minutes=15)
HISTORY = 2 * 366
"""Days of readings of each meter [1]: a year, and the one before."""
CLIENTS, VIEWERS = 20, 45
HTML = {"accept": "text/html"}
BATCH = 50_000
LIMITS = httpx.Limits(max_connections=100, keepalive_expiry=1.0)
"""A connection that the server is about to close is not used again."""


@dataclass(frozen=True, slots=True)
class ApiLoad:
    """How many buildings there are and requests of each kind are sent [1], and for how long [s]
    controllers fetch while viewers look."""

    sites: int = SITES
    requests: int = 60
    look_s: float = 5.0


def bench_api(report: Progress, load: ApiLoad = ApiLoad()) -> list[Figure]:
    """All figures; takes some minutes, most of them to make the answers."""
    sites = example_sites(load.sites)
    with TemporaryDirectory() as home, _a_city(Path(home), sites) as city:
        report(f"readings of {len(sites)} buildings", 0.0)
        _lived(city, sites)
        figures = list(_answered(city, sites, report))
        report("requests", 0.6)
        figures += asyncio.run(_asked(city, sites[0], load))
        report("reports of a year", 0.8)
        figures += _reports(city, len(sites))
    report("api", 1.0)
    return figures


@contextmanager
def _a_city(home: Path, sites: Sequence[Site]) -> Iterator[City]:
    settings = Settings(home=home)
    city = wire(settings, sites=sites, clock=VirtualClock(NOW), drivers=EchoDrivers())
    try:
        yield city
    finally:
        city.stores.close()


def _lived(city: City, sites: Sequence[Site]) -> None:
    """A register of each meter once a day, and a month of quarters of the first one."""
    rows: list[Reading] = []
    noise = np.random.default_rng(1)
    for site in sites:
        city.stores.plans.add_plan(a_plan(site, NOW))
        for meter in site.meters:
            point = measured_point(site, meter)
            if point is not None:
                totals = np.cumsum(noise.uniform(50.0, 150.0, HISTORY))
                start = NOW.replace(hour=23) - (HISTORY + 1) * DAY
                rows += [
                    Reading(point.id, start + i * DAY, float(total))
                    for i, total in enumerate(totals.tolist())
                ]
        if len(rows) > BATCH:
            city.stores.readings.add_readings(rows)
            rows = []
    quarters = [Reading(_quarterly(sites[0]), NOW - i * QUARTER, 20.0 + i % 4) for i in range(2976)]
    city.stores.readings.add_readings([*rows, *quarters])


def _quarterly(site: Site) -> str:
    """A point that is read and no meter's."""
    return next(
        point.id for point in site.points if point.meter is None and point.id in _polled(site)
    )


def _polled(site: Site) -> frozenset[str]:
    return frozenset(point.id for point in site.polled)


def _answered(city: City, sites: Sequence[Site], report: Progress) -> Iterator[Figure]:
    job, began = AnswersJob(city.assessment), time.process_time()
    for i, site in enumerate(sites):
        job.keep(site, NOW)
        if i % 50 == 0:
            report(f"answers of {site.id}", 0.1 + 0.5 * i / len(sites))
    job.keep_city()
    took = time.process_time() - began
    yield _figure(f"all answers of {len(sites)} sites from nothing, processor", took, "s", 120.0)


@asynccontextmanager
async def _served(city: City) -> AsyncIterator[str]:
    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        create_app(city.api), http=BoundedProtocol, lifespan="off", log_level="critical"
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    task = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        bound.close()


async def _asked(city: City, site: Site, load: ApiLoad) -> list[Figure]:
    reader = {"authorization": f"Bearer {_key(city, 'read')}"}
    figures: list[Figure] = []
    async with (
        _served(city) as address,
        httpx.AsyncClient(base_url=address, headers=reader, timeout=120.0, limits=LIMITS) as client,
    ):
        for question in _questions(site):
            size = await _get(client, question)
            p95, processor = await _timed(client, question, load.requests)
            name = question.name
            figures += [
                _figure(
                    f"{name}, p95 with {CLIENTS} clients",
                    p95,
                    "s",
                    question.at_least,
                    question.stretch,
                ),
                _figure(f"{name}, processor with its client", processor, "s", question.at_least),
                _figure(f"{name}, compressed", size / 1000, "kB", 100.0),
            ]
        figures.append(await _schedules(city, client, load.look_s))
    return figures


class AskedQuestion(NamedTuple):
    """A request, and within how many seconds it is to be answered."""

    name: str
    path: str
    at_least: float
    stretch: float
    query: Mapping[str, str | int]


def _questions(site: Site) -> tuple[AskedQuestion, ...]:
    month: dict[str, str | int] = {
        "start": (NOW - 31 * DAY).isoformat(),
        "end": NOW.isoformat(),
        "limit": 10_000,
    }
    quarters = f"/v1/points/{_quarterly(site)}/readings"
    return (
        AskedQuestion("overview page", "/", 0.15, 0.04, {}),
        AskedQuestion("portfolio/savings", "/v1/portfolio/savings", 0.15, 0.04, {"limit": 1000}),
        AskedQuestion("ranking", "/v1/portfolio/ranking", 0.3, 0.08, {"limit": 1000}),
        AskedQuestion("a month of quarters", quarters, 0.1, 0.03, month),
    )


def _key(city: City, scope: str) -> str:
    return create_key(city.stores.keys, name=f"bench {scope}", scope=scope, now=NOW, actor="bench")


async def _get(client: httpx.AsyncClient, question: AskedQuestion) -> int:
    """Bytes on the wire."""
    path, query = question.path, question.query
    async with client.stream("GET", path, headers=HTML, params=query) as answer:
        answer.raise_for_status()
        return sum([len(part) async for part in answer.aiter_raw()])


async def _timed(
    client: httpx.AsyncClient, question: AskedQuestion, count: int
) -> tuple[float, float]:
    """The 95th percentile of so many requests, and the processor time of one [s]."""
    turns = asyncio.Semaphore(CLIENTS)
    took: list[float] = []

    async def once() -> None:
        async with turns:
            began = time.perf_counter()
            await _get(client, question)
            took.append(time.perf_counter() - began)

    began = time.process_time()
    await asyncio.gather(*(once() for _ in range(count)))
    processor = (time.process_time() - began) / count
    return float(np.quantile(took, 0.95)), processor


async def _schedules(city: City, client: httpx.AsyncClient, look_s: float) -> Figure:
    """Schedules that controllers fetch while viewers load pages one after the other."""
    devices = [d.id for site in city.sites.values() for d in site.devices][:CLIENTS]
    keys = [_key(city, f"controller:{device}") for device in devices]
    over = asyncio.get_running_loop().time() + look_s
    fetched = 0

    async def look() -> None:
        while asyncio.get_running_loop().time() < over:
            with suppress(httpx.TransportError):
                await client.get("/", headers=HTML)

    async def fetch(device: str, key: str) -> None:
        nonlocal fetched
        headers = {"authorization": f"Bearer {key}"}
        while asyncio.get_running_loop().time() < over:
            with suppress(httpx.TransportError):
                answer = await client.get(f"/v1/controllers/{device}/schedule", headers=headers)
                fetched += answer.status_code == 200

    looking = [look() for _ in range(VIEWERS)]
    await asyncio.gather(*looking, *map(fetch, devices, keys))
    name = f"schedules while {VIEWERS} viewers load pages"
    value = fetched / look_s
    return Figure(
        name=name,
        value=round(value, 1),
        unit="1/s",
        ok=value >= 300,
        at_least=">= 300",
        stretch=">= 1000",
    )


def _reports(city: City, count: int) -> Iterator[Figure]:
    cache = SavingsCache(city.assessment)
    for form in (ReportFormat.XLSX, ReportFormat.PARQUET, ReportFormat.PDF):
        began, out = time.perf_counter(), io.BytesIO()
        report = build(cache, ReportRequest(kind=ReportKind.CONSUMPTION, period="2018"))
        city.reporter.write(report, FileForm(format=form, language="da"), out)
        took = time.perf_counter() - began
        yield _figure(f"{form.value} of {count} building-years", took, "s", 30.0, 10.0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield _figure("memory at its most, readings and server included", peak, "MB", 700.0)


def _figure(
    name: str, value: float, unit: str, at_least: float, stretch: float | None = None
) -> Figure:
    return Figure(
        name=name,
        value=round(value, 3),
        unit=unit,
        ok=value <= at_least,
        at_least=f"<= {at_least:g}",
        stretch="" if stretch is None else f"<= {stretch:g}",
    )
