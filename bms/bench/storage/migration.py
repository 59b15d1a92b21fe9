"""A large database of the first version is brought up to date: how long, and how much disk.

Rows are made inside the database. SQLite writes a migration as one transaction, so its log holds
every page that it changes until the end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bms.bench.figure import Figure, Progress
from bms.store.database import schema
from bms.store.database.connection import Link

MEGABYTES = 256.0
OLDEST = "0001"
POINTS = 1_000
ROWS_AT_ONCE = 500_000
QUARTER_US = 900_000_000
FIRST_US = 1_600_000_000_000_000
LOOK_S = 0.02
_POINTS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
    " INSERT INTO points (key, name) SELECT i, 'site' || (i / 27) || '/p' || i FROM n"
)
_ROWS = (
    "WITH RECURSIVE n(i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)"
    " INSERT INTO readings (point, time, value, quality)"
    " SELECT 1 + (i % ?) / ?, ? + ((i / ?) * ? + i % ?) * ?, 15.0 + (i % 97) / 10.0, 0 FROM n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """How a database was brought up to date: rows [1], bytes before, after and at the peak with its
    log [B], and how long it took [s]."""

    rows: int
    before: int
    after: int
    peak: int
    took_s: float


def bench_migration(report: Progress, megabytes: float = MEGABYTES) -> list[Figure]:
    """Figures for a database of this size [MB], and what they come to for 10 GB; 10 GB themselves
    take about half an hour."""
    with TemporaryDirectory(prefix="bms-migration-") as home:
        done = migrated(Path(home) / "bms.db", megabytes, report)
    gigabytes = done.before / 1e9
    name = f"{done.rows} readings, {done.before / 1e6:.0f} MB, from {OLDEST} to {schema.NEWEST}"
    return [
        _figure(f"migration of {name}", round(done.took_s, 2), "s"),
        _figure("the same for 10 GB, in proportion", round(10 * done.took_s / gigabytes), "s"),
        _figure(
            "disk at its peak, with the log, over the database before",
            round(done.peak / done.before, 2),
            "1",
        ),
        _figure("size afterwards over the one before", round(done.after / done.before, 2), "1"),
    ]


def migrated(file: Path, megabytes: float, report: Progress) -> Migrated:
    """Make a database of the first version, of this size [MB], and bring it up to date."""
    rows = _made(file, megabytes, report)
    before = _size(file)
    report("migrating", 0.5)
    with _peak(file) as peak:
        began = time.monotonic()
        Link(f"sqlite:///{file}").close()
        took = time.monotonic() - began
        peak[0] = max(peak[0], _size(file))
    report("migrating", 1.0)
    return Migrated(rows=rows, before=before, after=file.stat().st_size, peak=peak[0], took_s=took)


def _made(file: Path, megabytes: float, report: Progress) -> int:
    link = Link(f"sqlite:///{file}")
    rows = 0
    try:
        with link.writing(durable=True) as session:
            schema.downgrade(session.connection(), OLDEST)
            session.connection().exec_driver_sql(_POINTS, (POINTS,))
        while (size := _size(file)) < 1e6 * megabytes:
            report("rows of a large database", size / 1e6 / megabytes)
            with link.writing(durable=False) as session:
                session.connection().exec_driver_sql(_ROWS, _values(rows))
            rows += ROWS_AT_ONCE
    finally:
        link.close()
    return rows


def _values(first: int) -> tuple[int, ...]:
    """Of the rows from ``first`` on: a stretch of each point, in the order of the table."""
    each = ROWS_AT_ONCE // POINTS
    last = first + ROWS_AT_ONCE
    return (first, last, ROWS_AT_ONCE, each, FIRST_US, ROWS_AT_ONCE, each, each, QUARTER_US)


def _size(file: Path) -> int:
    """Of the database and its log [B]."""
    return sum(one.stat().st_size for one in file.parent.glob(f"{file.name}*"))


@contextmanager
def _peak(file: Path) -> Iterator[list[int]]:
    """The largest size that is seen meanwhile [B]."""
    seen, over = [_size(file)], threading.Event()

    def look() -> None:
        while not over.wait(LOOK_S):
            seen[0] = max(seen[0], _size(file))

    watching = threading.Thread(target=look, daemon=True)
    watching.start()
    try:
        yield seen
    finally:
        over.set()
        watching.join()


def _figure(name: str, value: float, unit: str) -> Figure:
    return Figure(name=name, value=value, unit=unit, ok=True)
