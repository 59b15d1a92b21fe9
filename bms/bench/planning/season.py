"""A heating season of the demo's buildings: our plans, the own control, a well-tuned setback, and
plans that knew the weather."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from zoneinfo import ZoneInfo

from bms.bench.figure import Figure, Progress
from bms.bench.planning.city import SimulatedCity, simulated_city
from bms.model.trust.modes import StepBack
from bms.runtime.fast_run import run_virtual
from bms.runtime.jobs import job_table
from bms.services.simulated_worlds import HourlyUse, WorldResult, outcome

START = datetime(2018, 11, 15, tzinfo=ZoneInfo("Europe/Copenhagen"))
DAYS = 135
LEARN_EVERY = timedelta(days=28)
OWN, TUNED, OURS = range(3)
LEAST_PART = 0.9


@dataclass(frozen=True, slots=True)
class SiteOutcome:
    """Own control, the tuned setback and ours, and the part of the time for which ours was in
    ``auto``."""

    worlds: tuple[WorldResult, WorldResult, WorldResult]
    in_auto: float


@dataclass(frozen=True, slots=True)
class Season:
    """One building: what each world cost, and ours with perfect forecasts."""

    site: str
    worlds: tuple[WorldResult, WorldResult, WorldResult]
    perfect: WorldResult
    in_auto: float = 1.0
    """Part of the season before a bound put the building back from ``auto``: afterwards our world
    is own control."""

    @property
    def part(self) -> float:
        """Our saving as a part of that with perfect forecasts."""
        own = self.worlds[OWN].cost_dkk
        return (own - self.worlds[OURS].cost_dkk) / (own - self.perfect.cost_dkk)


def bench_plan_season(report: Progress, days: int = DAYS) -> list[Figure]:
    """Plans every six hours instead of every hour, to keep it within minutes."""
    return [figure for row in seasons(report, days) for figure in season_figures(row)]


def seasons(report: Progress, days: int) -> list[Season]:
    """The season of every building, with forecasts as they are and, beside it, perfect ones."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        beside = pool.submit(_knowing, days)
        usual = asyncio.run(_run(report, days, perfect=False))
        perfect = beside.result()
    return [
        Season(site, found.worlds, perfect[site].worlds[OURS], found.in_auto)
        for site, found in usual.items()
    ]


def season_figures(row: Season) -> list[Figure]:
    """Cost and comfort beside both rivals, and beside perfect forecasts."""
    own, tuned, ours = row.worlds
    return [
        *(
            Figure(
                name=f"{row.site}: cost of the season below {name}",
                value=round(100 * (1 - ours.cost_dkk / rival.cost_dkk), 2),
                unit="%",
                at_least="> 0",
                ok=ours.cost_dkk < rival.cost_dkk,
                rival=f"{name} [DKK]",
                rival_value=round(rival.cost_dkk),
            )
            for name, rival in (("own control", own), ("tuned setback", tuned))
        ),
        *(
            Figure(
                name=f"{row.site}: discomfort of the season beside {name}",
                value=round(ours.comfort_kh, 1),
                unit="K h",
                at_least="not higher",
                ok=ours.comfort_kh <= rival.comfort_kh,
                rival=f"{name} [K h]",
                rival_value=round(rival.comfort_kh, 1),
            )
            for name, rival in (("own control", own), ("tuned setback", tuned))
        ),
        Figure(
            name=f"{row.site}: saving beside that with perfect forecasts",
            value=round(100 * row.part, 1),
            unit="%",
            stretch=f">= {100 * LEAST_PART:.0f}",
            ok=True,
            rival="perfect forecasts [DKK]",
            rival_value=round(row.perfect.cost_dkk),
        ),
        Figure(
            name=f"{row.site}: part of the season in auto",
            value=round(100 * row.in_auto, 1),
            unit="%",
            at_least=">= 100",
            ok=row.in_auto >= 1.0,
        ),
    ]


def _knowing(days: int) -> dict[str, SiteOutcome]:
    return asyncio.run(_run(_quiet, days, perfect=True))


def _quiet(doing: str, share: float) -> None:
    """Progress of what runs beside."""


async def _run(report: Progress, days: int, *, perfect: bool) -> dict[str, SiteOutcome]:
    start = START.astimezone(UTC)
    until = (START + timedelta(days=days)).astimezone(UTC)
    with tempfile.TemporaryDirectory(prefix="bms-bench-") as home:
        simulated = simulated_city(START, Path(home), report, perfect=perfect)
        await simulated.learn()

        async def move_to(moment: datetime) -> None:
            clock = simulated.clock
            simulated.drivers.advance(round((moment - clock.now()).total_seconds()))
            clock.move_to(moment)
            report("season", (moment - start) / (until - start))

        jobs = [job for job in job_table(simulated.city) if job.name != "identify"]
        for begin in _months(start, until):
            if begin > start:
                await simulated.learn()
            await run_virtual(jobs, begin, min(until, begin + LEARN_EVERY), move_to)
        return _outcomes(simulated, start, until)


def _months(start: datetime, until: datetime) -> Sequence[datetime]:
    """When the buildings are learnt again."""
    count = -((start - until) // LEARN_EVERY)
    return [start + LEARN_EVERY * i for i in range(count)]


def _outcomes(simulated: SimulatedCity, start: datetime, until: datetime) -> dict[str, SiteOutcome]:
    record = simulated.world.record()
    city = simulated.city

    def world(site: str, number: int) -> WorldResult:
        index = record.sites.index(site)
        use = HourlyUse(
            start=record.hours[0],
            heat_kwh=record.heat_kwh[index, number],
            electricity_kwh=record.electricity_kwh[index, number],
        )
        comfort = float(record.comfort_kh[index, number])
        return outcome(city.sites[site], use, comfort, feed=city.feed, tariffs=city.tariffs)

    def part(site: str) -> float:
        return auto_part(city.stores.trust.steps_back(site), start, until)

    return {
        site: SiteOutcome((world(site, OWN), world(site, TUNED), world(site, OURS)), part(site))
        for site in record.sites
    }


def auto_part(steps: Sequence[StepBack], start: datetime, until: datetime) -> float:
    """Returns the part 0..1 of ``[start, until)`` before the first step back from ``auto``; nobody
    agrees to go on in a bench."""
    end = min((step.at for step in steps), default=until)
    return (min(end, until) - start) / (until - start)
