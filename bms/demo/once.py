"""``bms demo --once``: days as fast as they can be run, then the table, claimed beside true."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from bms.demo.city import Report, Simulated, learn, simulated_city
from bms.demo.options import PAST, START, DemoOptions
from bms.model.savings import SiteSavings, Span
from bms.model.site import Site
from bms.runtime.jobs import job_table
from bms.runtime.serve import give_back
from bms.runtime.virtual import run_virtual
from bms.services.assess import assess_site
from bms.services.city import City
from bms.services.outcome import HourlyUse, Outcome, outcome
from bms.services.poll import poll_site

WORLDS = ("own_control", "tuned_setback", "optimised")


@dataclass(frozen=True, slots=True)
class Row:
    """One building: what happened in each world, what our method claims, and what is true."""

    site: str
    zones: int
    occupied_days: int
    own_control: Outcome
    tuned_setback: Outcome
    optimised: Outcome
    claimed: SiteSavings

    @property
    def true_saving_kwh(self) -> float:
        return self.own_control.energy_kwh - self.optimised.energy_kwh

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, with the names of SURFACE."""
        return {
            "site": self.site,
            "zones": self.zones,
            "occupied_days": self.occupied_days,
            **{world: asdict(getattr(self, world)) for world in WORLDS},
            "claimed_saving": {
                "kwh": self.claimed.saving_kwh,
                "low_kwh": self.claimed.saving_low_kwh,
                "high_kwh": self.claimed.saving_high_kwh,
                "verdict": self.claimed.verdict.value,
                "adjusted_baseline_kwh": self.claimed.adjusted_baseline_kwh,
            },
            "true_saving_kwh": self.true_saving_kwh,
        }


@dataclass(frozen=True, slots=True)
class Result:
    rows: tuple[Row, ...]
    wall_s: float

    def as_dict(self) -> dict[str, Any]:
        return {"sites": [row.as_dict() for row in self.rows], "wall_s": round(self.wall_s, 1)}


async def run_once(options: DemoOptions, report: Report) -> Result:
    """Fill the past, run the days over real sockets, give everything back, and take stock."""
    began = time.monotonic()
    start = START.astimezone(UTC)
    until = (START + timedelta(days=options.days)).astimezone(UTC)
    async with simulated_city(options, report) as simulated:
        await learn(simulated.city, report)
        await run_days(simulated, start, until, report)
        rows = await take_stock(simulated, start, until, options)
    return Result(rows, time.monotonic() - began)


async def run_days(simulated: Simulated, start: datetime, until: datetime, report: Report) -> None:
    """Run the job table in lockstep with the simulator, then give every point back."""
    city = simulated.city

    async def move_to(moment: datetime) -> None:
        await simulated.move_to(moment)
        report("days", (moment - start) / (until - start))

    try:
        await run_virtual(job_table(city), start, until, move_to)
        for site in city.sites.values():
            await poll_site(site, now=until, drivers=city.drivers, store=city.store)
    finally:
        await give_back(city)


async def take_stock(
    simulated: Simulated, start: datetime, until: datetime, options: DemoOptions
) -> tuple[Row, ...]:
    """The truth from the simulator, the claim from the meters, site by site."""
    truth = await simulated.simulator.truth(options.home / "truth.json")
    baseline = Span(start=start - PAST, end=start)
    reporting = Span(start=start, end=until)
    return tuple(
        _row(simulated.city, site, truth, baseline, reporting)
        for site in simulated.city.sites.values()
    )


def _row(city: City, site: Site, truth: dict[str, Any], baseline: Span, reporting: Span) -> Row:
    index = truth["sites"].index(site.id)
    own, tuned, ours = (_world(city, site, truth, index, world) for world in range(len(WORLDS)))
    claimed = assess_site(
        site, store=city.store, feed=city.feed, baseline=baseline, reporting=reporting
    )
    return Row(
        site=site.id,
        zones=len(site.zones),
        occupied_days=truth["occupied_days"][index],
        own_control=own,
        tuned_setback=tuned,
        optimised=ours,
        claimed=claimed,
    )


def _world(city: City, site: Site, truth: dict[str, Any], index: int, world: int) -> Outcome:
    use = HourlyUse(
        start=datetime.fromisoformat(truth["start"]),
        heat_kwh=np.asarray(truth["heat_kwh"][index][world], dtype=np.float64),
        electricity_kwh=np.asarray(truth["electricity_kwh"][index][world], dtype=np.float64),
    )
    return outcome(
        site, use, truth["comfort_kh"][index][world], feed=city.feed, tariffs=city.tariffs
    )
