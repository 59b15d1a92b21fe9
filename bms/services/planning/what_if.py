"""What would happen if: another plan by the same model, beside the plan in force.

A closure beyond the plan's horizon is simulated on the latest days of the same weekdays, with the
weather that was measured then: nobody knows the weather of Christmas in November.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import isfinite
from zoneinfo import ZoneInfo

from bms.errors import ConfigError, InsufficientData
from bms.model.assets.site import Site
from bms.model.fact import Explained, Fact
from bms.model.planning.plan import Expected, PlanStatus, Schedule
from bms.model.planning.problem import Problem, VentilationTask, ZoneTask
from bms.model.savings.avoided_use import Span
from bms.services.planning.ports import PlanningPorts, ProblemPorts
from bms.services.planning.problem import STEP, assemble, history

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
LARGEST_CHANGE_K = 5.0
LATEST = timedelta(hours=6)
LONGEST_CLOSED = timedelta(days=10)


class NoSimulation(Explained, InsufficientData):
    """There is no model to simulate a change with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is tried: rooms warmer by ``setpoint_k`` [K] (negative: cooler) while in use,
    ventilation that starts ``ventilation_later``, nobody in from ``closed.start`` to
    ``closed.end``. Raises ``ConfigError`` where it is nothing, or more than a model can tell."""

    setpoint_k: float = 0.0
    ventilation_later: timedelta = timedelta(0)
    closed: Span | None = None

    def __post_init__(self) -> None:
        if not self.setpoint_k and not self.ventilation_later and self.closed is None:
            raise ConfigError("nothing is to be changed; say what")
        if not isfinite(self.setpoint_k) or abs(self.setpoint_k) > LARGEST_CHANGE_K:
            raise ConfigError(f"at most {LARGEST_CHANGE_K:g} K warmer or cooler can be simulated")
        if not timedelta(0) <= self.ventilation_later <= LATEST:
            raise ConfigError("ventilation can be simulated up to 6 hours later")
        if self.closed and not timedelta(0) < self.closed.end - self.closed.start <= LONGEST_CLOSED:
            raise ConfigError("a closure can be simulated for up to 10 days")


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """Both plans over ``[start, end)``. Comfort is told against the band of today, but for hours
    that are closed. ``replayed``: on past days with their measured weather."""

    site: str
    start: datetime
    end: datetime
    replayed: bool
    in_force: Expected
    changed: Expected
    status: PlanStatus
    reasons: tuple[Fact, ...]


def what_if(
    site: Site,
    change: Change,
    *,
    now: datetime,
    ports: PlanningPorts,
    horizon: timedelta,
) -> WhatIf:
    """Simulate a change; nothing is kept or written.

    Raises ``NoSimulation`` where there is no model to simulate with, ``StoreUnavailable``.
    """

    def ask(start: datetime, length: timedelta) -> Problem:
        return assemble(site, now=start, ports=ports, horizon=length)

    plan = ports.plans.plan_in_force(site.id, now)
    if plan is not None and plan.schedule.end > now and plan.problem.steps:
        base, problem = plan.schedule, plan.problem
    else:
        problem = ask(now, horizon)
        base = ports.planner.plan(problem)
    replayed = change.closed is not None and change.closed.end > _end(problem)
    if replayed and change.closed is not None:
        past = latest_like(change.closed, now, site.timezone)
        problem = _as_it_was(ask(past.start, past.end + DAY - past.start), site, ports)
        base = ports.planner.plan(problem)
        change = replace(change, closed=past)
    changed = changed_problem(problem, change)
    other = ports.planner.plan(changed)
    _needs_model(base, other)
    return WhatIf(
        site=site.id,
        start=problem.start,
        end=_end(problem),
        replayed=replayed,
        in_force=replace(base.expected, comfort_kh=comfort_kh(base, problem, changed)),
        changed=replace(other.expected, comfort_kh=comfort_kh(other, problem, changed)),
        status=other.status,
        reasons=other.reasons,
    )


def latest_like(closed: Span, now: datetime, timezone: str) -> Span:
    """The same local weekdays and hours, whole weeks ago, over at least a day before ``now``."""
    zone = ZoneInfo(timezone)
    start, end = closed.start.astimezone(zone), closed.end.astimezone(zone)
    while (end + DAY).timestamp() > now.timestamp():
        start, end = start - WEEK, end - WEEK  # of the wall clock: local hours stay
    return Span(start=start.astimezone(now.tzinfo), end=end.astimezone(now.tzinfo))


def changed_problem(problem: Problem, change: Change) -> Problem:
    """The problem with the change in it."""
    steps = round(change.ventilation_later.total_seconds() / problem.step_s)
    shut = tuple(_inside(problem, k, change.closed) for k in range(problem.steps))
    zones = tuple(_changed_zone(zone, change.setpoint_k, shut) for zone in problem.zones)
    use = {zone.id: zone.occupied for zone in zones}
    units = tuple(_changed_unit(unit, steps, shut, use) for unit in problem.ventilation)
    return replace(problem, zones=zones, ventilation=units)


def comfort_kh(schedule: Schedule, problem: Problem, changed: Problem) -> float | None:
    """Kelvin-hours outside the band of ``problem`` while in use in ``changed``, summed over the
    zones that have a forecast [K h]; None where there is none."""
    courses = {row.zone: row.temp_c for row in schedule.forecast}
    used = {zone.id: zone.occupied for zone in changed.zones}
    rows = [(zone, courses[zone.id]) for zone in problem.zones if zone.id in courses]
    if not rows:
        return None
    outside = sum(
        max(low - temp, temp - high, 0.0)
        for zone, course in rows
        for temp, low, high, use in zip(
            course, zone.low_c, zone.high_c, used[zone.id], strict=False
        )
        if use and temp is not None
    )
    return round(outside * problem.step_s / 3600.0, 2)


def _changed_zone(zone: ZoneTask, setpoint_k: float, shut: tuple[bool, ...]) -> ZoneTask:
    occupied = tuple(use and not off for use, off in zip(zone.occupied, shut, strict=True))
    floor, ceiling = min(zone.low_c), max(zone.high_c)
    low = tuple(
        max(floor, at + setpoint_k) if use else (floor if off else at)
        for at, use, off in zip(zone.low_c, occupied, shut, strict=True)
    )
    high = tuple(
        max(at, least + 0.5) if use else (ceiling if off else at)
        for at, least, use, off in zip(zone.high_c, low, occupied, shut, strict=True)
    )
    own = tuple(value + setpoint_k for value in zone.own_setpoint_c)
    people = tuple(0.0 if off else number for number, off in zip(zone.people, shut, strict=False))
    return replace(
        zone, occupied=occupied, low_c=low, high_c=high, own_setpoint_c=own, people=people
    )


def _changed_unit(
    unit: VentilationTask, steps: int, shut: tuple[bool, ...], use: dict[str, tuple[bool, ...]]
) -> VentilationTask:
    """Later by so many steps, and off where the zones are closed."""
    starts = _later(tuple(bool(run) for run in unit.own_run), steps)
    required = _later(unit.required, steps)
    still = [any(use[zone][k] for zone in unit.zones if zone in use) for k in range(len(shut))]
    return replace(
        unit,
        own_run=tuple(run if on else 0.0 for run, on in zip(unit.own_run, starts, strict=True)),
        required=tuple(
            on and (used or not off) for on, used, off in zip(required, still, shut, strict=True)
        ),
    )


def _later(flags: tuple[bool, ...], steps: int) -> tuple[bool, ...]:
    """Every stretch that begins inside begins so many steps later."""
    result = list(flags)
    for k in range(1, len(flags)):
        if flags[k] and not flags[k - 1]:
            for late in range(k, min(k + steps, len(flags))):
                result[late] = False
    return tuple(result)


def _inside(problem: Problem, k: int, closed: Span | None) -> bool:
    moment = problem.start + timedelta(seconds=problem.step_s * k)
    return closed is not None and closed.start <= moment < closed.end


def _as_it_was(problem: Problem, site: Site, ports: ProblemPorts) -> Problem:
    """The problem of past days with the weather that was measured instead of a forecast."""
    end = _end(problem)
    days = (end - problem.start) / DAY
    seen = history(site, now=end, ports=ports, days=days)
    assert seen.step_s == int(STEP.total_seconds()) == problem.step_s
    return replace(problem, weather=seen.weather, model=ports.plans.model(site.id))


def _end(problem: Problem) -> datetime:
    return problem.start + timedelta(seconds=problem.step_s * problem.steps)


def _needs_model(*schedules: Schedule) -> None:
    for schedule in schedules:
        if schedule.expected.energy_kwh is None:
            why = tuple(each for each in schedule.reasons if isinstance(each, Fact))
            raise NoSimulation(f"{schedule.site} cannot be simulated", why)
