"""What would happen if: more and less are told by the same model, beside the plan in force."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from bms.errors import ConfigError, InsufficientData
from bms.model.planning.plan import Plan, Schedule
from bms.model.planning.problem import BuildingModel, Problem
from bms.model.readings.measurement import Reading
from bms.model.savings.avoided_use import Span
from bms.services.planning.what_if import Change, changed_problem, comfort_kh, latest_like, what_if
from bms.store.memory.store import MemoryStore
from optimizer.planner import Optimizer
from tests.rigs.buildings.toy_building import lived_in
from tests.rigs.buildings.toy_problems import DAYS, problem, toy_model
from tests.rigs.fakes.city import HOUR, lodge, utc
from tests.rigs.fakes.ports import planning_ports
from tests.rigs.fakes.store import a_plan

OPTIMIZER = Optimizer()
HORIZON = timedelta(hours=36)


@pytest.fixture(scope="module")
def asked() -> Problem:
    """A toy building that was learned, from its last hour on."""
    return problem(lived_in(DAYS), model=toy_model())


@pytest.fixture(scope="module")
def store(asked: Problem) -> MemoryStore:
    made = MemoryStore()
    plan = Plan(
        id="p1",
        site="lodge",
        created_at=asked.start,
        problem=asked,
        schedule=OPTIMIZER.plan(asked),
    )
    made.add_plan(plan)
    return made


def simulated(store: MemoryStore, asked: Problem, change: Change):
    return what_if(
        lodge(),
        change,
        now=asked.start,
        horizon=HORIZON,
        ports=planning_ports(store, planner=OPTIMIZER),
    )


class TestWhatIf:
    @pytest.mark.slow
    def test_one_degree_less_saves_energy_and_costs_comfort(self, store, asked) -> None:
        told = simulated(store, asked, Change(setpoint_k=-1.0))
        assert told.changed.energy_kwh < told.in_force.energy_kwh
        assert told.changed.cost_dkk < told.in_force.cost_dkk
        assert told.changed.comfort_kh > told.in_force.comfort_kh + 1.0
        assert (told.start, told.replayed) == (asked.start, False)

    @pytest.mark.slow
    def test_one_degree_more_costs_energy(self, store, asked) -> None:
        told = simulated(store, asked, Change(setpoint_k=1.0))
        assert told.changed.energy_kwh > told.in_force.energy_kwh

    def test_ventilation_one_hour_later_saves_energy(self, store, asked) -> None:
        told = simulated(store, asked, Change(ventilation_later=HOUR))
        assert told.changed.energy_kwh < told.in_force.energy_kwh

    def test_a_closed_day_saves_energy_and_is_no_discomfort(self, store, asked) -> None:
        closed = Span(start=asked.start, end=asked.start + 24 * HOUR)
        told = simulated(store, asked, Change(closed=closed))
        assert told.changed.energy_kwh < told.in_force.energy_kwh
        assert told.changed.comfort_kh <= told.in_force.comfort_kh + 0.5

    def test_the_plan_in_force_is_told_as_it_stands(self, store, asked) -> None:
        told = simulated(store, asked, Change(setpoint_k=-1.0))
        kept = store.plan_in_force("lodge", asked.start).schedule.expected
        assert told.in_force.energy_kwh == kept.energy_kwh
        assert told.in_force.cost_dkk == kept.cost_dkk
        assert len(store.receipts("lodge", utc(1971, 1, 1))) == 0
        assert store.plan_in_force("lodge", asked.start).id == "p1"

    def test_without_a_model_the_answer_says_what_is_missing(self) -> None:
        with pytest.raises(InsufficientData, match=r"lodge cannot be simulated: .*model"):
            what_if(
                lodge(),
                Change(setpoint_k=-1.0),
                now=utc(2019, 1, 15, 10),
                horizon=HORIZON,
                ports=planning_ports(MemoryStore(), planner=OPTIMIZER),
            )


@dataclass
class PricelessPlanner:
    """Keeps what it was asked; heat is what is wanted in use, 1 kWh a step."""

    asked: list[Problem] = field(default_factory=list)

    def identify(self, problem: Problem) -> BuildingModel:
        raise AssertionError("nothing is to be learned")

    def plan(self, problem: Problem) -> Schedule:
        self.asked.append(problem)
        used = float(sum(sum(zone.occupied) for zone in problem.zones))
        schedule = a_plan("p", problem.site, problem.start).schedule
        return replace(schedule, expected=replace(schedule.expected, energy_kwh=used))


def test_a_closure_beyond_the_forecast_is_replayed_on_past_days_as_they_were() -> None:
    now = utc(2019, 1, 29, 10)  # a Tuesday
    store, planner = MemoryStore(), PricelessPlanner()
    store.add_readings(
        Reading("lodge/outdoor.temp", utc(2019, 1, 20) + i * HOUR, -7.0) for i in range(24 * 9)
    )
    week = Span(start=utc(2019, 3, 3, 23), end=utc(2019, 3, 6, 23))  # Monday to Wednesday
    told = what_if(
        lodge(),
        Change(closed=week),
        now=now,
        horizon=HORIZON,
        ports=planning_ports(store, planner=planner),
    )
    assert told.replayed
    assert (told.start, told.end) == (utc(2019, 1, 20, 23), utc(2019, 1, 24, 23))
    assert (told.in_force.energy_kwh, told.changed.energy_kwh) == (4 * 32, 32)
    assert set(planner.asked[-1].weather.temp_out_c) <= {-7.0, None}
    assert -7.0 in planner.asked[-1].weather.temp_out_c


@pytest.mark.slow
def test_a_plan_stays_as_far_inside_the_band_as_the_record_asks(asked) -> None:
    def warmth(inside_k: float | None) -> float:
        zones = tuple(replace(zone, comfort_backoff_k=inside_k) for zone in asked.zones)
        schedule = OPTIMIZER.plan(replace(asked, zones=zones))
        used = [zone.occupied for zone in zones]
        courses = [row.temp_c for row in schedule.forecast]
        return min(
            temp
            for course, use in zip(courses, used, strict=True)
            for k, temp in enumerate(course)
            if use[k] and temp is not None
        )

    assert warmth(0.8) > warmth(0.0) + 0.5
    assert warmth(0.0) < warmth(None) < warmth(0.8)


class TestChange:
    @pytest.mark.parametrize(
        "asked",
        [
            {},
            {"setpoint_k": float("nan")},
            {"setpoint_k": -9.0},
            {"ventilation_later": -HOUR},
            {"closed": Span(start=utc(2019, 1, 1), end=utc(2019, 2, 1))},
        ],
    )
    def test_what_a_model_cannot_tell_is_refused(self, asked) -> None:
        with pytest.raises(ConfigError):
            Change(**asked)

    def test_every_start_of_ventilation_moves_and_no_end_does(self, asked) -> None:
        unit = asked.ventilation[0]
        later = changed_problem(asked, Change(ventilation_later=HOUR)).ventilation[0]
        starts = [k for k in range(1, asked.steps) if unit.required[k] and not unit.required[k - 1]]
        assert starts
        for k in range(asked.steps):
            soon = any(first <= k < first + 4 for first in starts)
            assert later.required[k] == (unit.required[k] and not soon)
            assert later.own_run[k] <= unit.own_run[k]

    def test_comfort_is_told_against_the_band_of_today(self, asked) -> None:
        made = OPTIMIZER.plan(asked)
        colder = replace(
            made,
            forecast=tuple(replace(row, temp_c=(18.0,) * asked.steps) for row in made.forecast),
        )
        used_h = sum(sum(zone.occupied) for zone in asked.zones) / 4
        assert comfort_kh(colder, asked, asked) == pytest.approx(2.0 * used_h)
        shut = changed_problem(
            asked, Change(closed=Span(start=asked.start, end=asked.start + 72 * HOUR))
        )
        assert comfort_kh(colder, asked, shut) == 0.0
        assert comfort_kh(replace(made, forecast=()), asked, asked) is None


def test_a_coming_week_is_told_on_the_latest_like_days_in_local_hours() -> None:
    monday = datetime(2026, 12, 20, 23, tzinfo=UTC)  # midnight in Copenhagen
    week = Span(start=monday, end=monday + timedelta(days=7))
    past = latest_like(week, datetime(2026, 11, 22, 12, tzinfo=UTC), "Europe/Copenhagen")
    assert past == Span(
        start=datetime(2026, 11, 8, 23, tzinfo=UTC), end=datetime(2026, 11, 15, 23, tzinfo=UTC)
    )
    summer = latest_like(week, datetime(2026, 10, 20, 12, tzinfo=UTC), "Europe/Copenhagen")
    assert summer.start == datetime(2026, 10, 11, 22, tzinfo=UTC)
