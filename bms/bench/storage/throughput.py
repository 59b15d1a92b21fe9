"""The store and the way of utility files into it: how many readings a second, how fast back?

Ours and the bare database take turns with the same rows, and the medians of the rounds are
compared: the machine may be busy.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bms.bench.figure import Figure, Progress
from bms.bench.storage.meter_city import a_city, utility_files
from bms.bench.storage.rivals import Row, bare_copy, bare_sqlite, postgres_server
from bms.errors import StoreError
from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.suppliers.formats import reader
from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.rollup import Level
from bms.ports.storage.whole import Store
from bms.services.collect.file_ingest import ingest_file
from bms.services.collect.supplier_points import SupplierBook
from bms.services.consumption import consumption
from bms.store.sql.store import SqlStore

START = datetime(2025, 1, 1, tzinfo=UTC)
QUARTER, HOUR, DAY = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)
POINTS, STEPS, BATCH = 200, 1_500, 50_000
"""300 000 readings a round: 200 points, two weeks of quarter-hours."""
ROUNDS = 3
METERS = 20_000
PORTFOLIO = 1_000
YEAR_HOURS = 8_760


def bench_store(report: Progress) -> list[Figure]:
    """All figures of the store. The PostgreSQL rows need the test extra."""
    steps: tuple[tuple[str, Callable[[], list[Figure]]], ...] = (
        ("SQLite", _sqlite),
        ("PostgreSQL", _postgres),
        ("utility files", _files),
        ("a year of hours", _hours),
        ("a year of days", _days),
        ("size", _size),
    )
    figures: list[Figure] = []
    for i, (name, step) in enumerate(steps):
        report(name, i / len(steps))
        figures += step()
    report("store", 1.0)
    return figures


def _readings(points: int, steps: int) -> list[Reading]:
    """A poll after the other: every point at every step, as a backend receives them."""
    values = np.random.default_rng(7).normal(20.0, 3.0, (steps, points)).round(2).tolist()
    names = [f"site{p % 50}/point{p}" for p in range(points)]
    return [
        Reading(names[p], START + QUARTER * s, values[s][p], Quality.GOOD, START + QUARTER * s)
        for s in range(steps)
        for p in range(points)
    ]


def _bare(readings: list[Reading]) -> list[list[Row]]:
    numbers = {name: i for i, name in enumerate(dict.fromkeys(r.point for r in readings))}
    rows = [
        (numbers[r.point], int(r.time.timestamp() * 1e6), r.value)
        for r in readings
        if r.value is not None
    ]
    return [rows[i : i + BATCH] for i in range(0, len(rows), BATCH)]


def _fill(store: Store, readings: list[Reading]) -> float:
    """Seconds [s] that the full path takes, ``BATCH`` readings at a time."""
    began = time.perf_counter()
    for i in range(0, len(readings), BATCH):
        store.add_readings(readings[i : i + BATCH])
    return time.perf_counter() - began


def _rate(
    name: str, ours: list[float], bare: list[float], n: int, *, least: int, rival: str
) -> Figure:
    rate, rate_bare = n / statistics.median(ours), n / statistics.median(bare)
    return Figure(
        name=name,
        value=rate,
        unit="readings/s",
        ok=rate >= least,
        at_least=f"{least:,}".replace(",", " "),
        stretch="0.7x",
        rival=f"{rival} (ours {rate / rate_bare:.2f}x)",
        rival_value=rate_bare,
    )


def _sqlite() -> list[Figure]:
    readings = _readings(POINTS, STEPS)
    rows = _bare(readings)
    ours, bare = [], []
    for _ in range(ROUNDS):
        with TemporaryDirectory() as folder:
            store = SqlStore(f"sqlite:///{folder}/bms.db")
            ours.append(_fill(store, readings))
            store.close()
            bare.append(bare_sqlite(Path(folder), rows))
    return [
        _rate(
            "readings ingested, SQLite",
            ours,
            bare,
            len(readings),
            least=150_000,
            rival="bare executemany",
        )
    ]


def _postgres() -> list[Figure]:
    readings = _readings(POINTS, STEPS)
    rows = _bare(readings)
    ours, bare = [], []
    for _ in range(ROUNDS):
        with postgres_server() as urls:
            if urls is None:
                return []
            store = SqlStore(urls[0])
            ours.append(_fill(store, readings))
            store.close()
            bare.append(bare_copy(urls[1], rows))
    return [
        _rate(
            "readings ingested, PostgreSQL",
            ours,
            bare,
            len(readings),
            least=100_000,
            rival="bare COPY",
        )
    ]


def _files() -> list[Figure]:
    sites = a_city(METERS)
    files = utility_files(METERS, START, hours=24)
    book = SupplierBook.of(sites)
    read = reader("csv", CsvMapping())
    with TemporaryDirectory() as folder:
        store = SqlStore(f"sqlite:///{folder}/bms.db")
        began = time.perf_counter()
        taken = 0
        for name, content in files:
            done = ingest_file(
                content,
                name,
                read,
                book=book,
                readings=store,
                now=START + 2 * DAY,
                as_declared=True,
            )
            taken += done.stored.new
        took = time.perf_counter() - began
        store.close()
    if taken != METERS * 24:
        raise StoreError(f"{taken} of {METERS * 24} readings arrived")
    return [
        Figure(
            name=f"{METERS} points x 24 h of utility files, end to end",
            value=took,
            unit="s",
            ok=took <= 15,
            at_least="<= 15",
            stretch="5",
        )
    ]


def _counted(points: list[str], step: timedelta, n: int) -> list[Reading]:
    """Registers that count, ``n`` readings of each point."""
    return [
        Reading(point, START + step * i, 10.0 * p + 3.0 * i, Quality.GOOD, START + step * i)
        for p, point in enumerate(points)
        for i in range(n + 1)
    ]


def _median_of(ask: Callable[[], object], times: int) -> float:
    ask()
    took = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def _hours() -> list[Figure]:
    site = a_city(1)[0]
    meter = site.meters[0]
    point = next(p.id for p in site.points if p.meter == meter.id)
    with TemporaryDirectory() as folder:
        store = SqlStore(f"sqlite:///{folder}/bms.db")
        store.add_readings(_counted([point], HOUR, YEAR_HOURS))
        end = START + HOUR * YEAR_HOURS
        store.refresh_rollups([point], end)
        hours = _median_of(partial(store.rollups, [point], START, end, Level.HOUR), 9)
        use = _median_of(partial(consumption, site, meter, store, START, end, HOUR), 9)
        store.close()
    return [
        Figure(
            name="one year of hours of one meter as arrays",
            value=1e3 * hours,
            unit="ms",
            ok=hours <= 0.010,
            at_least="<= 10",
            stretch="3",
        ),
        Figure(
            name="the same as use, every reset and spike looked for",
            value=1e3 * use,
            unit="ms",
            ok=use <= 0.010,
            at_least="<= 10",
        ),
    ]


def _days() -> list[Figure]:
    points = [f"site{p}/heat.energy" for p in range(PORTFOLIO)]
    with TemporaryDirectory() as folder:
        store = SqlStore(f"sqlite:///{folder}/bms.db")
        for first in range(0, PORTFOLIO, 20):
            store.add_readings(_counted(points[first : first + 20], 6 * HOUR, 4 * 365))
        end = START + 365 * DAY
        store.refresh_rollups(points, end + 2 * DAY)
        took = _median_of(partial(store.rollups, points, START, end, Level.DAY), 5)
        store.close()
    return [
        Figure(
            name=f"one year of days of {PORTFOLIO} meters as arrays",
            value=took,
            unit="s",
            ok=took <= 1.0,
            at_least="<= 1",
            stretch="0.3",
        )
    ]


def _size() -> list[Figure]:
    """Half a year of quarter-hours of 40 points, roll-ups kept, as the file lies on disk."""
    steps = 96 * 182
    readings = _readings(40, steps)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "bms.db"
        store = SqlStore(f"sqlite:///{file}")
        empty = file.stat().st_size
        store.add_readings(readings)
        store.refresh_rollups(sorted({r.point for r in readings}), START + 200 * DAY)
        store.close()
        each = (file.stat().st_size - empty) / len(readings)
    return [
        Figure(
            name="bytes per stored 15-minute reading, roll-ups included",
            value=each,
            unit="B",
            ok=each <= 40,
            at_least="<= 40",
            stretch="20",
        )
    ]
