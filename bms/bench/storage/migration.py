"""A large database of the first version is brought up to date: how long, and how much disk.

A quarter of it are readings, half of it plans, a quarter receipts, as cities had them before
receipts of renewals and old problems were left out. SQLite writes a migration as one transaction,
so its log holds every page that it changes until the end.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol
from zlib import compress

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


READINGS, PLANS = 0.25, 0.5
"""Shares of the size that are readings, and plans; the rest are receipts."""
SITES = 650
PLANS_AT_ONCE, RECEIPTS_AT_ONCE = 500, 5_000
_PLAN = "INSERT INTO plans (id, site, created_at, body) VALUES (?, ?, ?, ?)"
_RECEIPT = "INSERT INTO receipts (site, at, kind, body) VALUES (?, ?, 'accepted', ?)"


class _Connection(Protocol):
    """What takes the driver's own SQL."""

    def exec_driver_sql(self, statement: str, parameters: Any = None, /) -> object:
        """Run a statement, once or for many rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """How a database was brought up to date: readings, plans and receipts [1], bytes before, after
    and at the peak with its log [B], and how long it took [s]."""

    readings: int
    plans: int
    receipts: int
    before: int
    after: int
    peak: int
    took_s: float


def bench_migration(report: Progress, megabytes: float = MEGABYTES) -> list[Figure]:
    """Figures for a database of this size [MB], and what they come to for 10 GB; 10 GB themselves
    take more than an hour."""
    with TemporaryDirectory(prefix="bms-migration-") as home:
        done = migrated(Path(home) / "bms.db", megabytes, report)
    gigabytes = done.before / 1e9
    rows = f"{done.readings} readings, {done.plans} plans, {done.receipts} receipts"
    name = f"{rows}, {done.before / 1e6:.0f} MB, from {OLDEST} to {schema.NEWEST}"
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
    made = _made(file, megabytes, report)
    before = _size(file)
    report("migrating", 0.5)
    with _peak(file) as peak:
        began = time.monotonic()
        Link(f"sqlite:///{file}").close()
        took = time.monotonic() - began
        peak[0] = max(peak[0], _size(file))
    report("migrating", 1.0)
    readings, plans, receipts = made
    return Migrated(
        readings=readings,
        plans=plans,
        receipts=receipts,
        before=before,
        after=_size(file),
        peak=peak[0],
        took_s=took,
    )


def _made(file: Path, megabytes: float, report: Progress) -> tuple[int, int, int]:
    """Readings, plans and receipts of a new database [1]."""
    link = Link(f"sqlite:///{file}")
    shares = READINGS, READINGS + PLANS, 1.0
    try:
        with link.writing(durable=True) as session:
            schema.downgrade(session.connection(), OLDEST)
            session.connection().exec_driver_sql(_POINTS, (POINTS,))
        made = [
            _filled(link, file, add, megabytes * share, report)
            for add, share in zip((_add_readings, _add_plans, _add_receipts), shares, strict=True)
        ]
    finally:
        link.close()
    return made[0], made[1], made[2]


def _filled(
    link: Link, file: Path, add: Callable[[_Connection, int], int], until: float, report: Progress
) -> int:
    """Rows [1] that ``add`` has made until the database has its size [MB]."""
    rows = 0
    while not rows or _size(file) < 1e6 * until:
        report("rows of a large database", min(_size(file) / 1e6 / until, 1.0))
        with link.writing(durable=False) as session:
            rows += add(session.connection(), rows)
    return rows


def _add_readings(connection: _Connection, first: int) -> int:
    connection.exec_driver_sql(_ROWS, _values(first))
    return ROWS_AT_ONCE


def _add_plans(connection: _Connection, first: int) -> int:
    """Plans of the size and shape that those of three simulated buildings had, about 70 kB of text
    and 10 kB as they are kept."""
    rows = range(first, first + PLANS_AT_ONCE)
    connection.exec_driver_sql(_PLAN, [(f"p{i}", *_whose(i), _plan(i)) for i in rows])
    return PLANS_AT_ONCE


def _add_receipts(connection: _Connection, first: int) -> int:
    rows = range(first, first + RECEIPTS_AT_ONCE)
    connection.exec_driver_sql(_RECEIPT, [(*_whose(i), _receipt(i)) for i in rows])
    return RECEIPTS_AT_ONCE


def _whose(i: int) -> tuple[str, int]:
    """The site of a row and its moment [us since 1970]."""
    return f"site{i % SITES}", FIRST_US + i // SITES * QUARTER_US


def _plan(i: int) -> bytes:
    problem = {f"series{n}": _course(n) for n in range(i % 9, 40)}
    plan: dict[str, Any] = {"id": f"p{i}", "status": "optimal", "problem": problem}
    plan["schedule"] = {f"setpoint{n}": _course(n)[:96] for n in range(20)}
    return compress(json.dumps(plan, separators=(",", ":")).encode(), level=1)


@cache
def _course(n: int) -> list[float]:
    """A day of a series [degC], a value each quarter of an hour, rounded as they are read."""
    steps = [i - i % 3 for i in range(288)]
    return [
        round(20.0 + 3.0 * math.sin(i / 9.0 + n) + i * i * (n + 3) % 17 / 20.0, 1) for i in steps
    ]


def _receipt(i: int) -> str:
    site, at = _whose(i)
    command = {
        "id": f"c{i}",
        "point": f"{site}/p1",
        "value": 20.5,
        "actor": "plan",
        "plan": f"p{i}",
    }
    reason = {"code": "plan", "parameters": {"plan": f"p{i}", "status": "optimal"}}
    return json.dumps(
        {"command": {**command, "issued_at": at, "reason": reason}, "read_back": 20.5}
    )


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
