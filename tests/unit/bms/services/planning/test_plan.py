"""Planning keeps question, answer and objections; a refused identification keeps the old model."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from bms.model.control.command import Accepted, Command
from bms.model.fact import Fact
from bms.model.planning.plan import Schedule
from bms.model.planning.problem import BuildingModel, LearnedStart, NoModel, Problem
from bms.services.planning.plan import identify_site, plan_site
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import lodge, utc
from tests.rigs.fakes.ports import planning_ports
from tests.rigs.fakes.store import a_model, a_plan

SITE = lodge()
NOW = utc(2019, 1, 15, 10)
COLD = Fact("cold")
START = LearnedStart(
    dead_h=0.2, h_per_k=0.4, h_per_k2=0.01, long_h_per_k=0.1, margin_h=0.25, starts=5
)


@dataclass
class FakePlanner:
    """Remembers what it was asked; ``answer`` is its model or refusal."""

    answer: BuildingModel | NoModel = field(default_factory=lambda: a_model("lodge", NOW))
    asked: list[Problem] = field(default_factory=list)

    def identify(self, problem: Problem) -> BuildingModel | NoModel:
        self.asked.append(problem)
        return self.answer

    def plan(self, problem: Problem) -> Schedule:
        self.asked.append(problem)
        return replace(a_plan(site=problem.site, at=problem.start).schedule, site=problem.site)


class FakeChecker:
    def check(self, problem: Problem, schedule: Schedule) -> tuple[Fact, ...]:
        assert problem.site == schedule.site
        return (COLD,)


async def identify(planner: FakePlanner, store: MemoryStore) -> BuildingModel | NoModel:
    return await identify_site(SITE, now=NOW, ports=planning_ports(store, planner=planner))


async def test_a_plan_is_kept_with_its_problem_and_objections() -> None:
    planner, store = FakePlanner(), MemoryStore()
    made = await plan_site(
        SITE,
        now=NOW,
        horizon=timedelta(hours=36),
        ports=planning_ports(store, planner=planner, checker=FakeChecker()),
    )
    assert store.plan(made.id) == made
    assert store.plan_in_force("lodge", NOW) == made
    assert made.created_at == NOW
    assert made.objections == (COLD,)
    assert made.problem == planner.asked[0]
    assert made.problem.steps == 144


async def test_a_model_is_kept_and_learnt_from_weeks_beginning_from_the_old_one() -> None:
    planner, store = FakePlanner(), MemoryStore()
    store.save_model(a_model("lodge"))
    assert await identify(planner, store) == planner.answer
    assert store.model("lodge") == planner.answer
    asked = planner.asked[0]
    assert asked.model == a_model("lodge")
    assert asked.history is not None
    assert NOW - asked.history.start == timedelta(days=35)


async def test_a_refusal_leaves_the_old_model_in_place() -> None:
    planner, store = FakePlanner(NoModel(site="lodge", reasons=(COLD,))), MemoryStore()
    store.save_model(a_model("lodge"))
    assert await identify(planner, store) == planner.answer
    assert store.model("lodge") == a_model("lodge")


async def test_a_zone_that_was_refused_keeps_its_old_model() -> None:
    zone = a_model("lodge").zones[0]
    old = replace(a_model("lodge"), zones=(replace(zone, zone="hall"), replace(zone, zone="barn")))
    planner, store = FakePlanner(), MemoryStore()
    store.save_model(old)
    learned = await identify(planner, store)
    assert isinstance(learned, BuildingModel)
    assert isinstance(planner.answer, BuildingModel)
    assert learned.identified_at == planner.answer.identified_at
    assert learned.zones == (*planner.answer.zones, old.zones[0])  # the site has no barn
    assert store.model("lodge") == learned


@dataclass
class LearningPlanner(FakePlanner):
    """Learns the same start for every zone; remembers the days of history that it was shown."""

    shown: list[timedelta] = field(default_factory=list)

    def learn_starts(self, problem: Problem) -> Problem:
        assert problem.history is not None
        self.shown.append(problem.start - problem.history.start)
        return replace(problem, zones=tuple(replace(z, learned_start=START) for z in problem.zones))


@pytest.mark.slow
async def test_starts_of_zones_without_a_model_are_learned_once_a_day_from_weeks() -> None:
    planner, store = LearningPlanner(), MemoryStore()
    ports = planning_ports(store, planner=planner)
    for hours in (0, 1, 24):
        now = NOW + timedelta(hours=hours)
        await plan_site(SITE, now=now, horizon=timedelta(hours=36), ports=ports)
    assert planner.shown == [timedelta(days=35)] * 2
    levered = [zone for zone in planner.asked[-1].zones if zone.lever]
    assert levered
    assert all(zone.learned_start == START for zone in levered)


class CountingPlanner(FakePlanner):
    """Expects as many kilowatt-hours as the problem has levers of its own."""

    def plan(self, problem: Problem) -> Schedule:
        made = super().plan(problem)
        levers = [lever for lever in problem.levers if lever.held is None]
        return replace(made, expected=replace(made.expected, energy_kwh=float(len(levers))))


async def expected_kwh(store: MemoryStore, *, fetches: bool) -> tuple[float | None, set[str]]:
    devices = tuple(replace(d, fetches=fetches and d.id == "lodge/rooms") for d in SITE.devices)
    made = await plan_site(
        replace(SITE, devices=devices),
        now=NOW,
        horizon=timedelta(hours=24),
        ports=planning_ports(store, planner=CountingPlanner(), checker=FakeChecker()),
    )
    return made.schedule.expected.energy_kwh, {each.code for each in made.schedule.reasons}


async def test_w15_nothing_is_expected_of_a_controller_that_fetches_and_says_nothing() -> None:
    store, silent = MemoryStore(), "levers_unconfirmed"
    written, reasons = await expected_kwh(store, fetches=False)
    assert written == 1.0
    assert silent not in reasons
    nothing, reasons = await expected_kwh(store, fetches=True)
    assert nothing == 0.0
    assert silent in reasons
    acting = Command(
        id="c1",
        point="lodge/hall.setpoint",
        value=20.0,
        issued_at=NOW,
        lease_end=NOW + timedelta(minutes=30),
        reason="",
        actor="controller:lodge/rooms",
        plan="p1",
    )
    store.add_receipts([Accepted(acting, 20.0)], NOW)
    assert (await expected_kwh(store, fetches=True))[0] == 1.0
