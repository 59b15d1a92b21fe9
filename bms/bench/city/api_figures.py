"""The API over a city of 650 buildings: pages and lists from kept answers, the history of a point,
schedules while others look, and reports of a year.

A server answers over loopback in this process, clients are processes of their own: times are of the
wall, as clients see them, processor times the server's.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import random
import resource
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlencode

import numpy as np
import uvicorn

from api.app import create_app
from bms.bench.city.api_clients import AskedFor, ClientsOrder, ClientsReport, clients
from bms.bench.city.cold_start import first_page_s
from bms.bench.city.echo_drivers import EchoDrivers
from bms.bench.control.city import NoObjections, a_plan
from bms.bench.figure import Figure, Progress
from bms.clock import VirtualClock
from bms.config import Settings
from bms.model.assets.point import Role
from bms.model.assets.site import Mode, Site
from bms.model.readings.measurement import Reading
from bms.model.reporting.request import FileForm, ReportFormat, ReportKind, ReportRequest
from bms.runtime.bounded_http import BoundedProtocol
from bms.runtime.city import City
from bms.runtime.municipality import archetype_of, example_sites
from bms.runtime.wire import wire
from bms.services.accounts.answers_job import AnswersJob
from bms.services.api_keys import create_key
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.consumption import measured_point
from bms.services.reporting.build import build

SITES = 650
MEASURED = 15
"""Buildings whose answers are made [1]: five of each of the three kinds."""
NOW = datetime(2019, 1, 14, 9, tzinfo=UTC)
DAY, QUARTER = timedelta(days=1), timedelta(minutes=15)
HISTORY = 2 * 366
"""Days of readings of each meter [1]: a year, and the one before."""
CLIENTS, VIEWERS = 20, 45
COLD = "first overview page of a new process"
Known = Callable[[Figure], None]
HTML = {"accept": "text/html"}
BATCH = 50_000


@dataclass(frozen=True, slots=True)
class ApiLoad:
    """How many buildings there are and requests of each kind are sent [1], and for how long [s]
    controllers fetch while viewers look. Answers are made of ``measured`` buildings [1], those of
    the others are copies of them. ``database``: URL of an empty one; without, SQLite."""

    sites: int = SITES
    requests: int = 60
    look_s: float = 5.0
    measured: int = MEASURED
    database: str = ""


def bench_api(
    report: Progress, load: ApiLoad = ApiLoad(), told: Callable[[Figure], None] = lambda _: None
) -> list[Figure]:
    """All figures, each handed to ``told`` as soon as it is known; takes some minutes."""
    sites = [_fetching(site) for site in example_sites(load.sites)]
    figures: list[Figure] = []

    def known(row: Figure) -> None:
        told(row)
        figures.append(row)

    with TemporaryDirectory() as home, _a_city(Path(home), sites, load.database) as city:
        report(f"readings of {len(sites)} buildings", 0.0)
        _lived(city, sites)
        _answered(city, sites, load.measured, report, known)
        report("requests", 0.4)
        asyncio.run(_asked(city, sites, load, known))
        report("reports of a year", 0.8)
        _reports(city, len(sites), known)
        report("the first page of a new process", 0.95)
        cold = first_page_s(city.settings, _key(city, "read"), len(sites), NOW)
        known(_figure(COLD, cold, "s", 5.0, 2.0))
    report("api", 1.0)
    return figures


@contextmanager
def _a_city(home: Path, sites: Sequence[Site], database: str) -> Iterator[City]:
    settings = Settings(home=home, database_url=database or None)
    wired = wire(settings, sites=sites, clock=VirtualClock(NOW), drivers=EchoDrivers())
    city = replace(wired, checker=NoObjections())
    try:
        yield city
    finally:
        city.stores.close()


def _fetching(site: Site) -> Site:
    """In ``auto``, with controllers that fetch the schedules of all that is written there."""
    devices = tuple(replace(each, fetches=True) for each in site.devices)
    return replace(site, mode=Mode.AUTO, devices=devices)


def _lived(city: City, sites: Sequence[Site]) -> None:
    """A register of each meter once a day, and a month of quarters of the first one."""
    rows: list[Reading] = []
    noise = np.random.default_rng(1)
    for site in sites:
        written = tuple(point for point in site.points if point.write is not None)
        city.stores.plans.add_plan(a_plan(replace(site, points=written), NOW))
        for meter in site.meters:
            point = measured_point(site, meter)
            if point is not None:
                totals = np.cumsum(noise.uniform(50.0, 150.0, HISTORY))
                start = NOW.replace(hour=23) - (HISTORY + 1) * DAY
                rows += [
                    Reading(point.id, start + i * DAY, float(total))
                    for i, total in enumerate(totals.tolist())
                ]
        rows += [Reading(p.id, NOW, 20.5) for p in site.points_by_role(Role.ZONE_TEMP)]
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


def _answered(
    city: City, sites: Sequence[Site], measured: int, report: Progress, known: Known
) -> None:
    job, began = AnswersJob(city.assessment), time.process_time()
    made = sites[:measured]
    for i, site in enumerate(made):
        report(f"answers of {site.id}", 0.1 + 0.2 * i / len(made))
        job.keep(site, NOW)
    took = (time.process_time() - began) * len(sites) / len(made)
    known(_figure(f"all answers of {len(sites)} sites from nothing, processor", took, "s", 120.0))
    _copied(city, made, sites[len(made) :])
    job.keep_city()


def _copied(city: City, made: Sequence[Site], others: Sequence[Site]) -> None:
    """The answers about the buildings that were measured, as those of the others of their kind."""
    store = city.assessment.answers
    like = {archetype_of(site.id): site.id for site in made}
    bodies = {
        name: [store.answer(head.kind, name, head.question) for head in store.answer_heads(name)]
        for name in like.values()
    }
    for site in others:
        name = like[archetype_of(site.id)]
        for kept in filter(None, bodies[name]):
            body = kept.body.replace(f'"{name}', f'"{site.id}')
            store.keep_answer(replace(kept, head=replace(kept.head, subject=site.id), body=body))


@asynccontextmanager
async def _served(city: City) -> AsyncIterator[int]:
    """The port of a server."""
    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        create_app(city.api), http=BoundedProtocol, lifespan="off", log_level="critical"
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    task = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        yield bound.getsockname()[1]
    finally:
        server.should_exit = True
        await task
        bound.close()


async def _asked(city: City, sites: Sequence[Site], load: ApiLoad, known: Known) -> None:
    reader = _header(_key(city, "read"))
    async with _served(city) as port:
        for question in _questions(sites[0]):
            asked = AskedFor(path=question.path, headers={**reader, **question.headers})
            for row in await _timed(question, _order(port, [asked], CLIENTS), load):
                known(row)
        for row in await _schedules(city, sites, port, load.look_s):
            known(row)


class AskedQuestion(NamedTuple):
    """A request, and within how many seconds it is to be answered."""

    name: str
    path: str
    at_least: float
    stretch: float
    clients: int = CLIENTS
    headers: Mapping[str, str] = MappingProxyType({})


def _questions(site: Site) -> tuple[AskedQuestion, ...]:
    month = {"start": (NOW - 31 * DAY).isoformat(), "end": NOW.isoformat(), "limit": "10000"}
    quarters = f"/v1/points/{_quarterly(site)}/readings?{urlencode(month)}"
    return (
        AskedQuestion("overview page", "/", 0.15, 0.04, headers=HTML),
        AskedQuestion("portfolio/savings", "/v1/portfolio/savings?limit=1000", 0.15, 0.04),
        AskedQuestion("ranking", "/v1/portfolio/ranking?limit=1000", 0.3, 0.08),
        AskedQuestion("a month of quarters", quarters, 0.1, 0.03, clients=4),
    )


def _key(city: City, scope: str) -> str:
    return create_key(city.stores.keys, name=f"bench {scope}", scope=scope, now=NOW, actor="bench")


def _header(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def _order(port: int, requests: Sequence[AskedFor], count: int) -> ClientsOrder:
    return ClientsOrder(port=port, clients=count, seconds=120.0, requests=requests)


async def _timed(question: AskedQuestion, order: ClientsOrder, load: ApiLoad) -> list[Figure]:
    """The first request, the 95th percentile of so many, and the processor time of one [s]."""
    name, at_least = question.name, question.at_least
    first, busy = await _with_processor(replace(order, clients=1, most=1))
    await clients(
        replace(order, clients=1, seconds=load.look_s)
    )  # what is made beside requests is there
    told, processor = await _with_processor(
        replace(order, clients=question.clients, most=load.requests)
    )
    p95 = f"{name}, p95 with {question.clients} clients"
    return [
        _figure(f"{name}, first", first.p95_s, "s", 0.3),
        _figure(f"{name}, first, processor", busy, "s", 0.3, 0.08),
        _figure(p95, told.p95_s, "s", at_least, question.stretch),
        _figure(f"{name}, processor", processor, "s", at_least, question.stretch),
        _figure(f"{name}, compressed", told.body / 1000, "kB", 100.0),
    ]


async def _schedules(
    city: City, sites: Sequence[Site], port: int, look_s: float
) -> Iterator[Figure]:
    """Schedules that a controller of each building fetches, alone and while viewers load pages one
    after the other."""
    for site in sites:
        city.stores.decisions.set_mode(
            site.id, Mode.AUTO, actor="bench", at=NOW, reason="schedules are fetched"
        )
    devices = [each.id for site in sites for each in site.devices if each.fetches]
    random.Random(1).shuffle(devices)  # controllers of one building do not ask together
    asked = [
        AskedFor(
            path=f"/v1/controllers/{id_}/schedule",
            headers=_header(_key(city, f"controller:{id_}")),
        )
        for id_ in devices
    ]
    page = AskedFor(path="/", headers={**_header(_key(city, "read")), **HTML})
    fetch = replace(_order(port, asked, CLIENTS), seconds=look_s)
    look = replace(_order(port, [page], VIEWERS), seconds=look_s)
    await clients(replace(fetch, seconds=120.0, most=len(asked)))
    alone, processor = await _with_processor(fetch)
    _, unchanged = await _with_processor(replace(fetch, conditional=True))
    beside, viewers = await asyncio.gather(clients(fetch), clients(look))
    name = f"schedules while {VIEWERS} viewers load pages"
    return iter(
        (
            _rate("schedules, controllers alone", alone, 300.0, 1000.0),
            _figure("schedule, processor", 1000 * processor, "ms", 1.0, 0.7),
            _figure("the same, half of them unchanged (304)", 1000 * unchanged, "ms", 1.0, 0.5),
            _rate(name, beside, 300.0, 1000.0),
            _rate("pages meanwhile", viewers, 1.0),
        )
    )


async def _with_processor(order: ClientsOrder) -> tuple[ClientsReport, float]:
    """What came, and the processor time of an answer [s]."""
    began = time.process_time()
    told = await clients(order)
    return told, (time.process_time() - began) / max(told.answers, 1)


def _rate(name: str, told: ClientsReport, at_least: float, stretch: float | None = None) -> Figure:
    value = told.answers / told.took_s
    return Figure(
        name=name,
        value=round(value, 1),
        unit="1/s",
        ok=value >= at_least,
        at_least=f">= {at_least:g}",
        stretch="" if stretch is None else f">= {stretch:g}",
    )


def _reports(city: City, count: int, known: Known) -> None:
    cache = SavingsCache(city.assessment)
    for form in (ReportFormat.XLSX, ReportFormat.PARQUET, ReportFormat.PDF):
        began, busy, out = time.perf_counter(), time.process_time(), io.BytesIO()
        report = build(cache, ReportRequest(kind=ReportKind.CONSUMPTION, period="2018"))
        city.reporter.write(report, FileForm(format=form, language="da"), out)
        took, processor = time.perf_counter() - began, time.process_time() - busy
        name = f"{form.value} of {count} building-years"
        known(_figure(name, took, "s", 30.0, 10.0))
        known(_figure(f"{name}, processor", processor, "s", 30.0, 10.0))
        known(_figure(f"{name}, size", len(out.getvalue()) / 1000, "kB", 10_000.0))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    known(_figure("memory at its most, readings and server included", peak, "MB", 700.0))


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
