"""A planner that follows a script, and feeds and a database that can be away.

What is tested is the write contract, not the plan: values alternate by the half hour, and no two
buildings have the same ones, so that a write that arrives at the wrong one shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bms.bench.chaos.building import CURVE, HALL, OFFICE
from bms.errors import FeedError, StoreUnavailable
from bms.feeds.archive import ArchiveFeed
from bms.model.fact import Fact
from bms.model.planning.feed import FeedSeries, WeatherSeries
from bms.model.planning.plan import Expected, Plan, PlanStatus, Schedule, SetpointPlan, Step
from bms.model.planning.problem import BuildingModel, NoModel, Problem
from bms.store.sql.store import SqlStore

HALF_HOUR = timedelta(minutes=30)
BASE = {OFFICE: 18.0, HALL: 16.0, CURVE: -7.0}
STEP = {OFFICE: 0.5, HALL: 0.5, CURVE: 1.0}
APART = {OFFICE: 2.0, HALL: 2.0, CURVE: 4.0}
"""Between the values of two buildings [unit of the signal]; none of them is own control's."""
NOTHING = Expected(energy_kwh=None, cost_dkk=None, co2_kg=None, comfort_kh=None)


def planned(number: int, signal: str, moment: datetime) -> float:
    """The value of a signal of building ``number`` (from 1) at a moment."""
    odd = int(moment.timestamp() // HALF_HOUR.total_seconds()) % 2
    return BASE[signal] + APART[signal] * number + STEP[signal] * odd


def may_be_planned(number: int, signal: str) -> tuple[float, float]:
    """The two values that building ``number`` ever gets."""
    low = BASE[signal] + APART[signal] * number
    return low, low + STEP[signal]


@dataclass
class ScriptedPlanner:
    """Implements ``Planner`` and ``Checker``; ``numbers`` are those of the buildings, by site."""

    numbers: dict[str, int]

    def identify(self, problem: Problem) -> BuildingModel | NoModel:
        """Nothing is learned."""
        return NoModel(site=problem.site, reasons=())

    def plan(self, problem: Problem) -> Schedule:
        """The script of the site over the horizon."""
        return Schedule(
            site=problem.site,
            start=problem.start,
            step_s=problem.step_s,
            status=PlanStatus.OPTIMAL,
            reasons=(),
            expected=NOTHING,
            own_control=NOTHING,
            setpoints=tuple(
                SetpointPlan(
                    point=lever.point, unit=lever.unit, steps=self._steps(problem, lever.point)
                )
                for lever in problem.levers
            ),
        )

    def check(self, problem: Problem, schedule: Schedule) -> tuple[Fact, ...]:
        """No objection."""
        return ()

    def _steps(self, problem: Problem, point: str) -> tuple[Step, ...]:
        site, signal = point.split("/", 1)
        length = timedelta(seconds=problem.step_s)
        starts = [problem.start + i * length for i in range(problem.steps)]
        number = self.numbers[site]
        return tuple(
            Step(start=start, end=start + length, value=planned(number, signal, start))
            for start in starts
        )


@dataclass
class FailingFeed:
    """Weather and prices of the archive; ``is_off`` says which of them cannot be had."""

    is_off: Callable[[str], bool]
    source: ArchiveFeed = field(default_factory=ArchiveFeed)

    def weather(
        self, latitude: float, longitude: float, *, start: datetime, end: datetime, now: datetime
    ) -> WeatherSeries:
        """See ``Feed``."""
        self._ask("weather_away")
        return self.source.weather(latitude, longitude, start=start, end=end, now=now)

    def spot(self, area: str, *, start: datetime, end: datetime, now: datetime) -> FeedSeries:
        """See ``Feed``."""
        self._ask("prices_away")
        return self.source.spot(area, start=start, end=end, now=now)

    def emissions(self, area: str, *, start: datetime, end: datetime, now: datetime) -> FeedSeries:
        """See ``Feed``."""
        self._ask("prices_away")
        return self.source.emissions(area, start=start, end=end, now=now)

    def _ask(self, what: str) -> None:
        if self.is_off(what):
            raise FeedError(f"{what}: the provider does not answer")


class FailingStore:
    """A database that can be away, and whose plans somebody can have edited: ``is_off`` says so."""

    def __init__(self, store: SqlStore, is_off: Callable[[str], bool]) -> None:
        self.store, self._is_off = store, is_off

    def __getattr__(self, name: str) -> Any:
        if self._is_off("database_away") and name != "close":
            return self._refuse
        return getattr(self.store, name)

    def plan_in_force(self, site: str, at: datetime) -> Plan | None:
        """See ``PlanStore``."""
        if self._is_off("database_away"):
            self._refuse()
        plan = self.store.plan_in_force(site, at)
        return plan if plan is None or not self._is_off("plan_edited") else _edited(plan)

    def _refuse(self, *_: object, **__: object) -> Any:
        raise StoreUnavailable("the database is away")


def _edited(plan: Plan) -> Plan:
    """Somebody has raised every value in the stored plan, and left its digest."""
    rows = tuple(
        replace(row, steps=tuple(replace(step, value=step.value + 1.5) for step in row.steps))
        for row in plan.schedule.setpoints
    )
    return replace(plan, schedule=replace(plan.schedule, setpoints=rows))
