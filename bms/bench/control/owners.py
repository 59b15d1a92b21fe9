"""Owners of sites: what a heartbeat costs, and how long a hand-over of a hundred sites takes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bms.bench.control.city import POINTS, BenchCity, bench_city, responding
from bms.bench.figure import Figure
from bms.clock import SystemClock
from bms.model.control.ownership import OwningWorker
from bms.runtime.serve import give_back
from bms.services.control.dispatch import dispatch_site
from bms.services.ownership.held import HeldSites
from bms.services.ownership.ports import BEAT_S, OwnershipPorts
from bms.services.ownership.worker import SiteWorker
from bms.store.database.observed import counted_statements

SITES, HANDED_SITES, DELAY_MS = 650, 100, 20.0
TICK = timedelta(minutes=15)
OWNER_S, LEASE_S = 5.0, 20.0
LEASE = timedelta(minutes=30)


def owners_of_sites() -> list[Figure]:
    """All figures of owners; takes about a minute."""
    return [heartbeat(), asyncio.run(_clean_hand_over()), _after_kill()]


def heartbeat() -> Figure:
    """What a worker sends to own on what it owns."""
    with TemporaryDirectory() as home:
        bench = bench_city(Path(home), SITES, 1)
        owners, me = bench.city.stores.owners, OwningWorker(id="a", place="here")
        owners.claim(me, bench.city.sites, lasts_s=60.0, stands_s=1800.0, grace_s=3.0)
        with counted_statements() as seen:
            tokens = owners.beat(me, 60.0)
        bench.city.stores.close()
    told = [each for each in seen if not each.lstrip().upper().startswith(("PRAGMA", "BEGIN"))]
    return Figure(
        name=f"heartbeat of {len(tokens)} sites",
        value=len(told),
        unit="statements",
        ok=len(told) == 1 and len(tokens) == SITES,
        at_least="1",
    )


def _worker(bench: BenchCity, name: str) -> tuple[BenchCity, SiteWorker]:
    """A worker of this bench, and its city as far as it owns it."""
    city, clock = bench.city, SystemClock()
    held = HeldSites(clock, city.clock, city.sites.__contains__)
    ports = OwnershipPorts(
        worker=OwningWorker(id=name, place=name),
        sites=city.sites,
        owners=city.stores.owners,
        held=held,
        journal=city.journal,
        keeper=city.keeper,
        drivers=city.drivers,
        decisions=city.stores.decisions,
        ledgers=city.stores.ledgers,
        clock=city.clock,
        lasts_s=OWNER_S,
        stands_s=LEASE_S,
    )
    return replace(bench, city=replace(city, owned=held)), SiteWorker(ports)


async def _clean_hand_over() -> Figure:
    """From the stop of a worker until another one owns its sites; no setpoint may move."""
    with TemporaryDirectory() as folder, responding(DELAY_MS) as port:
        home = Path(folder)
        anna, first = _worker(bench_city(home / "a", HANDED_SITES, port, database=home), "anna")
        bo, second = _worker(bench_city(home / "b", HANDED_SITES, port, database=home), "bo")
        await first.start()
        await _tick(anna)
        held = len(anna.city.journal.leases())
        released: list[str] = []
        await second.start()
        began = time.monotonic()
        await first.stop(partial(_told, released, anna))
        owned = await _until(lambda: _owned(bo) == HANDED_SITES, 10.0)
        took = time.monotonic() - began
        taken = len(bo.city.journal.leases())
        await second.stop(partial(give_back, bo.city))
        for each in (anna, bo):
            await each.city.drivers.close()
            each.city.stores.close()
    return Figure(
        name=f"clean hand-over of {HANDED_SITES} sites, {taken} points as they stand",
        value=round(took, 2),
        unit="s",
        ok=owned and took <= 5.0 and not released and held == taken == HANDED_SITES * POINTS,
        at_least="<= 5",
    )


async def _told(released: list[str], bench: BenchCity) -> None:
    """What was left to be given back."""
    released += bench.city.journal.leases()
    await give_back(bench.city)


def _owned(bench: BenchCity) -> int:
    return sum(bench.city.owned.owns(site) for site in bench.city.sites)


def _after_kill() -> Figure:
    """From the SIGKILL of a writer until another one has written to all of its points."""
    with TemporaryDirectory() as folder, responding(DELAY_MS) as port:
        home = Path(folder)
        words = (
            str(home / "a"),
            str(port),
            str(HANDED_SITES),
            str(LEASE_S),
            str(home),
            str(OWNER_S),
        )
        command = [sys.executable, "-m", "bms.bench.control.writer", *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:  # noqa: S603 (ours)
            assert writer.stdout is not None
            writer.stdout.readline()
            os.kill(writer.pid, signal.SIGKILL)
            writer.wait()
        took, written = asyncio.run(_taken_over(home, port))
    return Figure(
        name=f"hand-over of {HANDED_SITES} sites after SIGKILL, lease of {LEASE_S:.0f} s",
        value=round(took, 1),
        unit="s",
        ok=written and took <= LEASE_S + 3 * TICK.total_seconds(),
        at_least="<= lease + 3 ticks",
        stretch=f"<= {OWNER_S + 2 * BEAT_S + LEASE_S + 10.0:.0f}",
    )


async def _taken_over(home: Path, port: int) -> tuple[float, bool]:
    """How long it takes [s] until another worker has written to all, and whether it did, without
    taking anything for somebody's word."""
    began = time.monotonic()
    bo, worker = _worker(bench_city(home / "b", HANDED_SITES, port, database=home), "bo")
    await worker.start()
    written = await _until(partial(_writes_all, bo), 120.0)
    took = time.monotonic() - began
    hands = bo.city.journal.local_overrides()
    await worker.stop(partial(give_back, bo.city))
    await bo.city.drivers.close()
    bo.city.stores.close()
    return took, written and not hands


async def _writes_all(bench: BenchCity) -> bool:
    if _owned(bench) < HANDED_SITES:
        return False
    await _tick(bench)
    return len(bench.city.journal.leases()) == HANDED_SITES * POINTS


async def _tick(bench: BenchCity) -> None:
    now, ports = bench.now, bench.city.control
    sites = [site for site in bench.city.sites.values() if bench.city.owned.may_send(site.id)]
    ticks = (dispatch_site(site, now=now, ports=ports, lease=LEASE) for site in sites)
    await asyncio.gather(*ticks)


async def _until(true: Callable[[], bool | Awaitable[bool]], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = true()
        if await answer if isinstance(answer, Awaitable) else answer:
            return True
        await asyncio.sleep(0.1)
    return False
