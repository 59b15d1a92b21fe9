"""``bms demo --once``: days as fast as they can be run, then the table, claimed beside true."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bms.demo.city import Report, Simulated, learn, simulated_city
from bms.demo.options import DemoOptions
from bms.demo.trust import Entrusted, entrust
from bms.model.savings.avoided_use import Span
from bms.runtime.city import City
from bms.runtime.fast_run import run_virtual
from bms.runtime.jobs import job_table
from bms.runtime.municipality import START
from bms.runtime.serve import give_back
from bms.services.collect.poll import poll_site
from bms.services.simulated_worlds import Truth, WorldComparison, compare_worlds


@dataclass(frozen=True, slots=True)
class Result:
    """The rows of the table, what the demo did in place of people, and how long it took [s]."""

    rows: tuple[WorldComparison, ...]
    entrusted: Entrusted
    wall_s: float

    def as_dict(self) -> dict[str, Any]:
        return {
            "sites": [row.as_dict() for row in self.rows],
            "entrusted": asdict(self.entrusted),
            "wall_s": round(self.wall_s, 1),
        }


async def run_once(options: DemoOptions, report: Report) -> Result:
    """Fill the past, run the days over real sockets, give everything back, and take stock.

    SIGTERM cancels it as SIGINT does: what is held is given back, and the simulator ended.
    """
    began, running = time.monotonic(), asyncio.current_task()
    assert running is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    start = START.astimezone(UTC)
    until = (START + timedelta(days=options.days)).astimezone(UTC)
    async with simulated_city(options, report) as simulated:
        await learn(simulated.city, report)
        entrusted = await entrust(simulated, report)
        await run_and_give_back(simulated, start, until, report)
        rows = await taken_stock(simulated, start, until, options)
    return Result(rows, entrusted, time.monotonic() - began)


async def run_and_give_back(
    simulated: Simulated, start: datetime, until: datetime, report: Report
) -> None:
    """Run the days, read every meter once more, and give every point back whatever happens."""
    try:
        await run_days(simulated, start, until, report)
        await last_look(simulated.city, until)
    finally:
        await give_back(simulated.city)


async def run_days(
    simulated: Simulated,
    start: datetime,
    until: datetime,
    report: Report,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Run the job table in lockstep with the simulator; the points stay with us at the end.

    ``stopped`` is asked between two ticks, so that no write is cut off in the middle.
    """
    city = simulated.city

    async def move_to(moment: datetime) -> None:
        await simulated.move_to(moment)
        report("days", (moment - start) / (until - start))

    await run_virtual(job_table(city), start, until, move_to, stopped)


async def last_look(city: City, at: datetime) -> None:
    """Read every meter once more, so that the last interval has its end."""
    for site in city.sites.values():
        await poll_site(site, now=at, drivers=city.drivers, readings=city.stores.readings)


async def taken_stock(
    simulated: Simulated, start: datetime, until: datetime, options: DemoOptions
) -> tuple[WorldComparison, ...]:
    """The row of every building: what its meters let us claim, beside what really happened."""
    city = simulated.city
    baseline = Span(start=start - timedelta(days=options.past_days), end=start)
    record = await simulated.simulator.truth(options.home / "truth.json")
    truth = Truth.from_dict(record)
    return tuple(
        compare_worlds(
            site,
            truth,
            baseline=baseline,
            reporting=Span(start=start, end=until),
            readings=city.stores.readings,
            ledgers=city.stores.ledgers,
            feed=city.feed,
            tariffs=city.tariffs,
        )
        for site in city.sites.values()
    )
