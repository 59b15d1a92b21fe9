"""``bms bench region``: a simulation, in virtual time, with costs that were measured before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from bms.bench.city.job_costs import NIGHT, SiteCosts, measured_costs
from bms.bench.figure import Figure, Progress
from bms.bench.region.simulation import (
    DAY_S,
    LEASE_S,
    QUARTER_S,
    SimulatedDay,
    SimulatedTown,
    VirtualTown,
)
from bms.ports.jobs import JobKind

MUNICIPALITIES, SITES = 98, 300
MOST_WORKERS = 12
PLAN_S, NIGHT_S, TICK_S = 900.0, 5 * 3600.0, 60.0
"""How soon plans stand after the hour, what is learned after midnight, and how long a tick takes at
most [s]: then a municipality has workers enough."""
TAKEN_OVER_S = LEASE_S + 3.0 + 60.0
READINGS_A_SECOND = 225_000
"""What one PostgreSQL took (``bms bench store``, docs/scale.md)."""

Say = Callable[[str], None]


def bench_region(report: Progress, say: Say = lambda line: None) -> list[Figure]:
    """All figures; takes one to three minutes."""
    say("This is a simulation: virtual time, no processes. Costs are measured first.")
    costs = measured_costs(report)
    for line in _told(costs):
        say(line)
    return simulated_region(costs, report, say)


def simulated_region(
    costs: SiteCosts, report: Progress, say: Say, municipalities: int = MUNICIPALITIES
) -> list[Figure]:
    """The figures of a region whose sites cost this."""
    workers = workers_needed(costs, SimulatedTown(sites=SITES), say)
    days = []
    for number in range(municipalities):
        report("simulated municipalities", number / municipalities)
        town = SimulatedTown(sites=SITES, workers=workers, seed=number)
        days.append(VirtualTown(town, costs).run())
        say(_line(number + 1, days[-1]))
    report("simulated municipalities", 1.0)
    return _figures(days, costs, workers)


def workers_needed(costs: SiteCosts, town: SimulatedTown, say: Say) -> int:
    """The fewest workers with which plans and ticks are in time, also while one of them is dead.

    Raises ``RuntimeError`` where ``MOST_WORKERS`` are not enough.
    """
    for workers in range(1, MOST_WORKERS + 1):
        calm = replace(town, workers=workers, deaths_a_day=0.0)
        seen = VirtualTown(calm, costs).run()
        if _enough(seen):
            say(f"{workers} workers are in time, so {workers + 1} are, too, while one is dead")
            return workers + 1
        say(f"{workers} workers are not enough: {_line(0, seen)}")
    raise RuntimeError(f"{MOST_WORKERS} workers are not enough for {town.sites} sites")


def _enough(seen: SimulatedDay) -> bool:
    return (
        len(seen.plans_s) > 0
        and quantile(seen.plans_s, 0.99) <= PLAN_S
        and max(seen.night_s, default=NIGHT_S + 1) <= NIGHT_S
        and max(seen.ticks_s) <= TICK_S
    )


def quantile(values: Sequence[float], share: float) -> float:
    """The value that a share of them does not exceed; 0 without any."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def _told(costs: SiteCosts) -> list[str]:
    rows = [f"tick {1000 * costs.tick.cpu_s:.1f} ms, {costs.tick.statements:.1f} statements"]
    for kind in (JobKind.PLAN, *NIGHT):
        found = costs.jobs[kind]
        mean = sum(each.cpu_s for each in found) / len(found)
        asked = sum(each.statements for each in found) / len(found)
        rows.append(f"{kind} {1000 * mean:.0f} ms, {asked:.0f} statements")
    return [f"measured, of one site: {row}" for row in rows]


def _line(number: int, seen: SimulatedDay) -> str:
    return (
        f"municipality {number}: plans {quantile(seen.plans_s, 0.99):.0f} s after the hour, night "
        f"{max(seen.night_s, default=0.0) / 60:.0f} min, {seen.deaths} deaths, "
        f"{seen.again} jobs again"
    )


def _figures(days: Sequence[SimulatedDay], costs: SiteCosts, workers: int) -> list[Figure]:
    whole = f"{len(days)} municipalities x {SITES} sites"
    plans = [each for day in days for each in day.plans_s]
    taken = [each for day in days for each in day.take_over_s]
    minutes = [n for day in days for n in day.statements.values()]
    a_second = sum(minutes) / len(days) / DAY_S
    readings = SITES * costs.points / QUARTER_S
    night = max(max(day.night_s, default=0.0) for day in days)
    busy = sum(day.busy_s for day in days) / len(days) / DAY_S
    return [
        _simulated(
            f"workers of a municipality of {SITES} sites, one of them to spare", workers, "1"
        ),
        _simulated(f"workers of {whole}", workers * len(days), "1"),
        _simulated("processors that are busy in a municipality, mean", round(busy, 3), "1"),
        _simulated(
            "plans stand after the hour, 99th percentile",
            round(quantile(plans, 0.99), 1),
            "s",
            PLAN_S,
        ),
        _simulated(
            "what is learned is done after midnight", round(night / 60, 1), "min", NIGHT_S / 60
        ),
        _simulated(
            f"a dead worker's sites are read again, median of {len(taken)} deaths",
            round(quantile(taken, 0.5), 1),
            "s",
            TAKEN_OVER_S,
        ),
        _simulated("the same, 99th percentile", round(quantile(taken, 0.99), 1), "s", TAKEN_OVER_S),
        _simulated("statements at a municipality's database, mean", round(a_second, 1), "1/s"),
        _simulated("the same in its busiest minute", round(max(minutes) / 60, 1), "1/s"),
        _simulated("readings at a municipality's database", round(readings, 1), "1/s"),
        _simulated(
            "share of what one PostgreSQL takes of readings",
            round(100 * readings / READINGS_A_SECOND, 3),
            "%",
        ),
    ]


def _simulated(name: str, value: float, unit: str, at_most: float | None = None) -> Figure:
    return Figure(
        name=f"simulated: {name}",
        value=value,
        unit=unit,
        ok=at_most is None or value <= at_most,
        at_least="" if at_most is None else f"<= {at_most:g}",
    )
