"""What a plan knew beside what came since."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bms.errors import NotFound
from bms.model.assets.equipment import HeatSourceKind
from bms.model.planning.plan import Expected, Plan, PlanStatus, Schedule
from bms.model.planning.problem import Problem
from bms.model.readings.measurement import Quality, Reading
from bms.services.overview.plan_knowledge import PlanKnowledge, plan_knowledge, plan_to_draw
from bms.services.planning.problem import assemble
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.api import a_lodge_plan
from tests.rigs.fakes.city import HOUR, QUARTER, FakeFeed, FlatTariffs, lodge, utc
from tests.rigs.fakes.ports import problem_ports

NOW = utc(2019, 1, 15, 10)
NOTHING = Expected(energy_kwh=None, cost_dkk=None, co2_kg=None, comfort_kh=None)


def known(problem: Problem, kind: HeatSourceKind, **feed: object) -> PlanKnowledge:
    """Six hours later; the sensor showed 3 degC throughout."""
    store, later = MemoryStore(), NOW + 6 * HOUR
    store.add_readings(
        Reading("lodge/outdoor.temp", NOW + QUARTER * k, 3.0, Quality.GOOD) for k in range(48)
    )
    schedule = Schedule(
        site="lodge",
        start=NOW,
        step_s=900,
        status=PlanStatus.FALLBACK,
        reasons=(),
        expected=NOTHING,
        own_control=NOTHING,
        setpoints=(),
    )
    plan = Plan(id="p", site="lodge", created_at=NOW, problem=problem, schedule=schedule)
    return plan_knowledge(
        plan,
        lodge(kind),
        now=later,
        readings=store,
        feed=FakeFeed(**feed),  # type: ignore[arg-type]
        tariffs=FlatTariffs(),
    )


def problem_of(kind: HeatSourceKind) -> Problem:
    ports = problem_ports(MemoryStore())
    return assemble(lodge(kind), now=NOW, horizon=timedelta(hours=24), ports=ports)


@pytest.mark.parametrize("kind", [HeatSourceKind.HEAT_PUMP, HeatSourceKind.DISTRICT_HEATING])
def test_what_was_known_and_what_came(kind: HeatSourceKind) -> None:
    problem = problem_of(kind)
    found = known(problem, kind)
    assert len(found.times) == len(found.came_c) == len(found.price_now) == 96
    assert found.temp_out_c == problem.weather.temp_out_c
    assert found.came_c[23] == 3.0
    assert found.came_c[24:] == (None,) * 72, "nothing has come of what lies ahead"
    assert found.price_now == found.price


def test_a_feed_that_is_away_costs_the_price_of_now_alone() -> None:
    problem = problem_of(HeatSourceKind.HEAT_PUMP)
    found = known(problem, HeatSourceKind.HEAT_PUMP, away={"spot"})
    assert found.price_now == (None,) * 96
    assert found.price[0] is not None


def test_a_plan_that_knew_nothing_has_nothing() -> None:
    problem = problem_of(HeatSourceKind.HEAT_PUMP)
    blank = replace(problem, electricity_dkk_per_kwh=())
    assert known(blank, HeatSourceKind.HEAT_PUMP).price == (None,) * 96


def test_a_plan_of_another_site_is_as_if_it_were_not_there() -> None:
    store, told = MemoryStore(), []
    plan = a_lodge_plan("p1")
    store.add_plan(plan)
    assert plan_to_draw(store, "lodge", "p1", NOW) == plan
    for name in ("p1", "p2"):
        with pytest.raises(NotFound) as refused:
            plan_to_draw(store, "barn", name, NOW)
        told.append(str(refused.value).replace(name, ""))
    assert told[0] == told[1]
