"""Release of a city, what a tick costs, and how long a killed backend's values stand."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from bms.bench.control.city import POINTS, BenchCity, bench_city, responding
from bms.bench.control.owners import owners_of_sites
from bms.bench.figure import Figure, Progress
from bms.journal import FileJournal
from bms.model.assets.site import Mode, Site
from bms.model.control.command import Accepted, Command, Receipt, Released
from bms.ports.jobs import JobKind, Priority
from bms.runtime.anywhere.orders import ordered, with_jobs
from bms.runtime.jobs import dispatch_task
from bms.runtime.load.background_work import SiteTask
from bms.services import operator
from bms.services.hands_off.record import record_words
from bms.services.off_loop import off_loop
from bms.store.database.observed import counted_statements, locked
from bms.store.sql.store import SqlStore

SITES, SQL_SITES = 650, 200
DELAY_MS = 20.0
TICK = timedelta(minutes=15)
WHO = {"actor": "bench", "reason": "bench"}
MILLION, VERIFIED_ROWS, VERIFIED_POINTS, AT_ONCE = 1_000_000, 20_000, 50, 5_000
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
KILLED_SITES, KILLED_LEASE_S = 20, 20.0
GUARD_LOOKS_S = 1.0


def bench_control(
    report: Progress, told: Callable[[Figure], None] = lambda _: None
) -> list[Figure]:
    """All figures of the way to the controllers, each handed to ``told`` as soon as it is known;
    takes about two minutes."""
    parts: Mapping[str, Callable[[], list[Figure]]] = {
        "SQL of a tick": lambda: asyncio.run(_statements()),
        "idle ticks": lambda: asyncio.run(_idle_ticks()),
        "the evidence": lambda: [verified_rows()],
        "release of the city": lambda: asyncio.run(_city_releases()),
        "a killed backend": lambda: [free_after_kill()],
        "owners of sites": owners_of_sites,
    }
    figures: list[Figure] = []
    for n, (name, part) in enumerate(parts.items()):
        report(name, n / len(parts))
        for row in part():
            told(row)
            figures.append(row)
    report("control", 1.0)
    return figures


@contextmanager
def _city(sites: int, delay_ms: float) -> Iterator[BenchCity]:
    with TemporaryDirectory() as home, responding(delay_ms) as port:
        made = bench_city(Path(home), sites, port)
        try:
            yield made
        finally:
            made.city.stores.close()


async def _tick(bench: BenchCity, dispatch: SiteTask, now: datetime) -> list[object]:
    """One tick of dispatch of every site; every outcome."""
    ticks = (dispatch(site, now) for site in bench.city.sites.values())
    return [outcome for found in await asyncio.gather(*ticks) for outcome in _listed(found)]


def verified_rows(rows: int = VERIFIED_ROWS) -> Figure:
    """How long a million rows of evidence take to be verified, from a part of them: the chain is
    read once from its beginning to its end, a row like the other."""
    with TemporaryDirectory() as home:
        store = SqlStore(f"sqlite:///{home}/bms.db")
        try:
            made = [_receipt(n) for n in range(rows)]
            for n in range(0, rows, AT_ONCE):
                store.add_receipts(made[n : n + AT_ONCE], BEGAN)
            began = time.process_time()
            found = store.verify()
            took = (time.process_time() - began) * MILLION / found.rows
        finally:
            store.close()
    return Figure(
        name=f"audit verify of a million rows, from {found.rows}, processor",
        value=round(took, 1),
        unit="s",
        ok=took <= 20.0 and not found.flaws and found.rows >= rows,
        at_least="<= 20",
    )


def _receipt(number: int) -> Receipt:
    """A receipt that is like no other one, so that it is a row of its own."""
    point, value = f"s{number % VERIFIED_POINTS:03}/curve0.shift", float(number)
    command = Command(
        id=f"c{number}",
        point=point,
        value=value,
        issued_at=BEGAN,
        lease_end=BEGAN + TICK,
        reason="bench",
        actor="plan",
    )
    return Accepted(command, value)


def _listed(found: object) -> Sequence[object]:
    assert isinstance(found, list)
    return found


def _dispatch(bench: BenchCity) -> SiteTask:
    city = with_jobs(bench.city)
    return dispatch_task(city, ordered(city, JobKind.PLAN, Priority.AT_ONCE))


async def _statements() -> list[Figure]:
    with _city(SQL_SITES, 0.0) as bench:
        dispatch = _dispatch(bench)
        await _tick(bench, dispatch, bench.now)
        with counted_statements() as seen:
            outcomes = await _tick(bench, dispatch, bench.now)
        await bench.city.drivers.close()
    renewed = sum(isinstance(each, Accepted) for each in outcomes)
    return [
        Figure(
            name=f"SQL statements of a dispatch tick of {SQL_SITES} sites, {renewed} renewed",
            value=len(seen),
            unit="statements",
            ok=len(seen) <= 20 and renewed == SQL_SITES * POINTS,
            at_least="<= 20",
        )
    ]


async def _idle_ticks() -> list[Figure]:
    """Processor time of a tick at sites that may not be written, and of one that renews."""
    with _city(SITES, 0.0) as bench:
        dispatch = _dispatch(bench)
        renewing = [await _cpu_s(bench, dispatch) for _ in range(3)][-1]
        idle = replace(bench, city=replace(bench.city, sites=_in_advise(bench)))
        watching = _dispatch(idle)
        nothing = min([await _cpu_s(idle, watching) for _ in range(3)][1:])
        await bench.city.drivers.close()
    points = SITES * POINTS
    return [
        Figure(
            name=f"a tick with nothing to do for {points} points, processor",
            value=round(nothing, 2),
            unit="s",
            ok=nothing <= 1.0,
            at_least="<= 1",
        ),
        Figure(
            name=f"a tick that reads and renews {points} points, processor",
            value=round(renewing, 2),
            unit="s",
            ok=True,
        ),
    ]


def _in_advise(bench: BenchCity) -> dict[str, Site]:
    sites = bench.city.sites.values()
    return {site.id: replace(site, mode=Mode.ADVISE) for site in sites}


async def _cpu_s(bench: BenchCity, dispatch: SiteTask) -> float:
    began = time.process_time()
    await _tick(bench, dispatch, bench.now)
    return time.process_time() - began


async def _city_releases() -> list[Figure]:
    with _city(SITES, DELAY_MS) as bench:
        dispatch, ports = _dispatch(bench), bench.city.control
        await _tick(bench, dispatch, bench.now)
        figures = [await _release(bench, "")]
        await operator.take_back_release(site=None, now=bench.now, ports=ports, **WHO)
        await off_loop(record_words, ports)
        await _tick(bench, dispatch, bench.now)
        with locked(bench.home / "bms.db"):
            figures.append(await _release(bench, ", database locked"))
        await bench.city.drivers.close()
    return figures


async def _release(bench: BenchCity, how: str) -> Figure:
    ports = bench.city.control
    held = len(ports.journal.leases())
    began = time.monotonic()
    done = await operator.release_city(bench.city.sites.values(), now=bench.now, ports=ports, **WHO)
    took = time.monotonic() - began
    free = sum(isinstance(receipt, Released) for receipt in done.receipts)
    return Figure(
        name=f"release of {SITES} sites x {POINTS} points, links of {DELAY_MS:.0f} ms{how}",
        value=round(took, 2),
        unit="s",
        ok=took <= 10.0 and held == free == SITES * POINTS and not ports.journal.leases(),
        at_least="<= 10",
        stretch="<= 3",
    )


def free_after_kill() -> Figure:
    """How long after the end of its leases the points of a killed backend are free."""
    with TemporaryDirectory() as home, responding(DELAY_MS) as port:
        words = (home, str(port), str(KILLED_SITES), str(KILLED_LEASE_S))
        command = [sys.executable, "-m", "bms.bench.control.writer", *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:  # noqa: S603 (ours)
            assert writer.stdout is not None
            end, held = writer.stdout.readline().split() or ("nan", "0")
            os.kill(writer.pid, signal.SIGKILL)
            writer.wait()
        late = _free_at(Path(home), float(end) + 30.0) - float(end)
    return Figure(
        name=f"{int(held)} points free after SIGKILL, after the end of the lease",
        value=round(late, 2),
        unit="s",
        ok=int(held) == KILLED_SITES * POINTS and late <= TICK.total_seconds(),
        at_least="<= one tick",
        stretch=f"<= {2 * GUARD_LOOKS_S:g}",
    )


def _free_at(home: Path, until: float) -> float:
    """When the journal says that nothing is held any more [s since 1970]."""
    journal = FileJournal(home / "release.journal")
    while journal.leases() and time.time() < until:
        time.sleep(0.05)
    return time.time()
