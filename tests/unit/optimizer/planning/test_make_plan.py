"""Plans: cheaper than the building's own control at the same comfort, and always an answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bms.model.assets.equipment import HeatSource, HeatSourceKind
from bms.model.codec import from_json, to_json
from bms.model.planning.plan import PlanStatus, Schedule
from bms.model.planning.problem import BuildingModel, Problem, Weather
from optimizer.planner import Optimizer
from tests.rigs.buildings.toy_building import CEILING, FLOOR, LOW, STEP_S, Toy, lived_in
from tests.rigs.buildings.toy_problems import DAYS, office_only, problem, toy_model

OPTIMIZER = Optimizer()


@pytest.fixture(scope="module")
def toy() -> Toy:
    return lived_in(days=DAYS)


@pytest.fixture(scope="module")
def model() -> BuildingModel:
    return toy_model()


@pytest.fixture(scope="module")
def task(toy: Toy, model: BuildingModel) -> Problem:
    return replace(problem(toy, days=4), model=model)


def codes(schedule: Schedule) -> set[str]:
    return {words.code for words in schedule.reasons}


def accepted(task: Problem, schedule: Schedule) -> None:
    assert [str(words) for words in OPTIMIZER.check(task, schedule)] == []


def test_it_is_optimal_cheaper_and_says_so(task: Problem) -> None:
    schedule = OPTIMIZER.plan(task)
    accepted(task, schedule)
    assert schedule.status is PlanStatus.OPTIMAL
    assert "planned" in codes(schedule)
    assert schedule.expected.cost_dkk is not None
    assert schedule.own_control.cost_dkk is not None
    assert schedule.expected.cost_dkk < schedule.own_control.cost_dkk
    assert schedule.expected.comfort_kh is not None
    assert schedule.expected.comfort_kh <= 0.1


def test_the_forecast_starts_where_the_room_is(toy: Toy, task: Problem) -> None:
    for zone, row in zip(OPTIMIZER.plan(task).forecast, toy.air, strict=True):
        assert len(zone.temp_c) == task.steps
        assert zone.temp_c[0] == pytest.approx(float(row), abs=0.3)


def test_the_same_problem_gives_the_same_plan_also_after_storage(task: Problem) -> None:
    again = from_json(Problem, to_json(task))
    assert OPTIMIZER.plan(again) == OPTIMIZER.plan(task)


def test_ventilation_runs_exactly_when_required(task: Problem) -> None:
    plan = next(p for p in OPTIMIZER.plan(task).setpoints if p.point == "toy/ahu1.run")
    for k, required in enumerate(task.ventilation[0].required):
        moment = task.start + timedelta(seconds=STEP_S * k)
        assert plan.value_at(moment) == float(required)


def test_few_changes(task: Problem) -> None:
    for plan in OPTIMIZER.plan(task).setpoints:
        assert len(plan.steps) <= 12


def cold_start(task: Problem) -> Problem:
    """Rooms at 12 degC an hour before people come."""
    assert task.history is not None
    zones = tuple(
        replace(zone, temp_c=tuple(12.0 for _ in zone.temp_c)) for zone in task.history.zones
    )
    start = datetime(2019, 1, 14, 6, tzinfo=UTC)
    flow_part = replace(task.history, zones=zones, start=start - (task.start - task.history.start))
    toy = Toy(now=start)
    toy.rows = [(np.array([12.0, 12.0]), np.array([21.0, 21.0]), np.zeros(2), 0.0, 3.0)]
    coming = problem(toy)
    return replace(coming, history=flow_part, model=task.model)


def test_a_cold_start_is_relaxed_with_full_heat_and_the_reason(task: Problem) -> None:
    cold = cold_start(task)
    schedule = OPTIMIZER.plan(cold)
    accepted(cold, schedule)
    assert schedule.status is PlanStatus.RELAXED
    assert "comfort_relaxed" in codes(schedule)
    for plan in schedule.setpoints[:2]:
        assert plan.steps[0].value >= LOW - 0.3


def test_a_heat_pump_counts_electricity(task: Problem) -> None:
    pump = HeatSource(kind=HeatSourceKind.HEAT_PUMP, capacity_kw=80.0, cop=((-10, 2.5), (10, 4.0)))
    district = OPTIMIZER.plan(task)
    schedule = OPTIMIZER.plan(replace(task, heat_source=pump))
    assert district.expected.energy_kwh is not None
    assert schedule.expected.energy_kwh is not None
    fan = 2.0 * sum(task.ventilation[0].required) / 4
    ratio = (district.expected.energy_kwh - fan) / (schedule.expected.energy_kwh - fan)
    assert 2.8 < ratio < 4.0


def test_dear_hours_are_avoided(task: Problem) -> None:
    """With heat at ten times the price from 05 to 08 the warm-up comes earlier."""
    pump = HeatSource(kind=HeatSourceKind.HEAT_PUMP, capacity_kw=80.0, cop=((0, 3.0),))
    dear = tuple(14.0 if 16 <= k % 96 < 28 else 1.4 for k in range(task.steps))
    flat = OPTIMIZER.plan(replace(task, heat_source=pump))
    peak = OPTIMIZER.plan(replace(task, heat_source=pump, electricity_dkk_per_kwh=dear))
    at = task.start + timedelta(hours=4)
    first = {p.point: p.value_at(at) for p in flat.setpoints}
    second = {p.point: p.value_at(at) for p in peak.setpoints}
    temp = [zone.temp_c[16] for zone in peak.forecast]
    base = [zone.temp_c[16] for zone in flat.forecast]
    assert first.keys() == second.keys()
    assert all(t > b + 0.5 for t, b in zip(temp, base, strict=True) if t and b)


def test_own_control_that_cannot_be_beaten_stands(task: Problem) -> None:
    """The building's own programme is made the very plan."""
    best = OPTIMIZER.plan(task)
    grid = [task.start + timedelta(seconds=STEP_S * k) for k in range(task.steps)]
    zones = tuple(
        replace(zone, own_setpoint_c=tuple(plan.value_at(moment) or 0.0 for moment in grid))
        for zone, plan in zip(task.zones, best.setpoints, strict=False)
    )
    unit = task.ventilation[0]
    run = tuple(float(required) for required in unit.required)
    same = replace(task, zones=zones, ventilation=(replace(unit, own_run=run),))
    schedule = OPTIMIZER.plan(same)
    accepted(same, schedule)
    assert "own_control_as_good" in codes(schedule)
    assert schedule.status is PlanStatus.FALLBACK
    assert schedule.setpoints == best.setpoints
    assert schedule.expected == schedule.own_control


def without_weather(task: Problem) -> Problem:
    gap = (None,) * task.steps
    return replace(task, weather=Weather(temp_out_c=gap, ghi_wm2=gap))


def without_model(task: Problem) -> Problem:
    return replace(task, model=None, history=None)


def no_recent_temperature(task: Problem) -> Problem:
    assert task.history is not None
    zones = tuple(replace(zone, temp_c=(None,) * len(zone.temp_c)) for zone in task.history.zones)
    return replace(task, history=replace(task.history, zones=zones))


def old_history(task: Problem) -> Problem:
    assert task.history is not None
    return replace(task, history=replace(task.history, start=task.start - timedelta(days=9)))


def broken_model(task: Problem) -> Problem:
    assert task.model is not None
    zones = tuple(replace(zone, parameters={}) for zone in task.model.zones)
    return replace(task, model=replace(task.model, zones=zones))


def nonsense_model(task: Problem) -> Problem:
    assert task.model is not None
    zones = tuple(
        replace(zone, parameters={name: float("inf") for name in zone.parameters})
        for zone in task.model.zones
    )
    return replace(task, model=replace(task.model, zones=zones))


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (without_weather, "no_forecast"),
        (without_model, "no_model"),
        (no_recent_temperature, "no_state"),
        (old_history, "old_history"),
        (broken_model, "no_solution"),
        (nonsense_model, "no_solution"),
    ],
)
def test_what_fails_becomes_a_timetable_with_its_reason(
    task: Problem, spoil: Callable[[Problem], Problem], code: str
) -> None:
    spoilt = spoil(task)
    schedule = OPTIMIZER.plan(spoilt)
    assert schedule.status is PlanStatus.FALLBACK
    assert code in codes(schedule)
    accepted(spoilt, schedule)
    assert {plan.point for plan in schedule.setpoints} == {
        "toy/office.setpoint",
        "toy/hall.setpoint",
        "toy/ahu1.run",
    }


def test_without_a_model_and_a_history_the_plan_is_the_buildings_own_timetable(
    task: Problem,
) -> None:
    """Whatever the weather: nobody has seen how long its rooms take to get warm."""
    for outdoors in (-15.0, 5.0):
        weather = Weather(temp_out_c=(outdoors,) * task.steps, ghi_wm2=(0.0,) * task.steps)
        schedule = OPTIMIZER.plan(replace(without_model(task), weather=weather))
        for zone, found in zip(task.zones, schedule.setpoints, strict=False):
            moments = [task.start + timedelta(seconds=task.step_s) * k for k in range(task.steps)]
            least = np.maximum(zone.own_setpoint_c, zone.low_c)
            assert [found.value_at(m) for m in moments] == pytest.approx(least, abs=0.1)


def test_a_short_gap_in_the_forecast_is_held_and_said(task: Problem) -> None:
    temp = tuple(None if 20 <= k < 28 else t for k, t in enumerate(task.weather.temp_out_c))
    schedule = OPTIMIZER.plan(replace(task, weather=replace(task.weather, temp_out_c=temp)))
    assert schedule.status is PlanStatus.OPTIMAL
    assert "held_forecast" in codes(schedule)


def test_an_unknown_price_gives_a_plan_without_a_cost(task: Problem) -> None:
    prices = (0.65,) * 40 + (None,) * (task.steps - 40)
    schedule = OPTIMIZER.plan(replace(task, heat_dkk_per_kwh=prices))
    assert schedule.status is PlanStatus.OPTIMAL
    assert schedule.expected.cost_dkk is None
    assert schedule.expected.energy_kwh is not None
    assert "price_unknown" in codes(schedule)


def test_one_zone_without_a_model_leaves_the_others_planned(task: Problem) -> None:
    assert task.model is not None
    half = replace(task, model=replace(task.model, zones=task.model.zones[:1]))
    schedule = OPTIMIZER.plan(half)
    accepted(half, schedule)
    assert "zone_without_model" in codes(schedule)
    assert [zone.zone for zone in schedule.forecast] == ["office"]


def test_a_zone_without_a_lever_is_left_to_itself(task: Problem) -> None:
    zones = (replace(task.zones[0], lever=None), task.zones[1])
    schedule = OPTIMIZER.plan(replace(task, zones=zones))
    accepted(replace(task, zones=zones), schedule)
    assert [plan.point for plan in schedule.setpoints] == ["toy/hall.setpoint", "toy/ahu1.run"]


def test_reversed_limits_spare_the_neighbour(task: Problem) -> None:
    wrong = replace(task.zones[0], low_c=(26.0,) * task.steps)
    spoilt = replace(task, zones=(wrong, task.zones[1]))
    schedule = OPTIMIZER.plan(spoilt)
    accepted(spoilt, schedule)
    assert schedule.status is PlanStatus.OPTIMAL
    assert "bad_zone" in codes(schedule)
    assert "toy/hall.setpoint" in {plan.point for plan in schedule.setpoints}
    assert "toy/office.setpoint" not in {plan.point for plan in schedule.setpoints}


def test_a_lever_that_takes_no_value_is_left_alone(task: Problem) -> None:
    lever = task.zones[0].lever
    assert lever is not None
    wrong = replace(task.zones[0], lever=replace(lever, minimum=22.0, maximum=18.0))
    spoilt = replace(task, zones=(wrong, task.zones[1]))
    schedule = OPTIMIZER.plan(spoilt)
    accepted(spoilt, schedule)
    assert "bad_lever" in codes(schedule)
    assert lever.point not in {plan.point for plan in schedule.setpoints}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_numbers_that_overflow_never_become_setpoints(task: Problem) -> None:
    assert task.model is not None
    for value in (float("inf"), float("nan"), 1e300, 0.0, -1.0):
        zones = tuple(
            replace(zone, parameters=dict.fromkeys(zone.parameters, value))
            for zone in task.model.zones
        )
        spoilt = replace(task, model=replace(task.model, zones=zones))
        schedule = OPTIMIZER.plan(spoilt)
        accepted(spoilt, schedule)


def test_an_empty_horizon_is_an_empty_fallback(task: Problem) -> None:
    empty = replace(task, weather=Weather(temp_out_c=(), ghi_wm2=()))
    schedule = OPTIMIZER.plan(empty)
    assert schedule.status is PlanStatus.FALLBACK
    assert schedule.setpoints == ()
    assert codes(schedule) >= {"bad_horizon"}


@pytest.mark.parametrize("step_s", [300, 1800, 3600])
def test_other_time_steps(task: Problem, step_s: int) -> None:
    every = step_s / STEP_S
    n = round(task.steps / every)
    take = [min(task.steps - 1, int(k * every)) for k in range(n)]
    zones = tuple(
        replace(
            zone,
            occupied=tuple(zone.occupied[k] for k in take),
            low_c=tuple(zone.low_c[k] for k in take),
            high_c=tuple(zone.high_c[k] for k in take),
            own_setpoint_c=tuple(zone.own_setpoint_c[k] for k in take),
        )
        for zone in task.zones
    )
    unit = task.ventilation[0]
    other = replace(
        task,
        step_s=step_s,
        weather=Weather(
            temp_out_c=tuple(task.weather.temp_out_c[k] for k in take),
            ghi_wm2=tuple(task.weather.ghi_wm2[k] for k in take),
        ),
        electricity_dkk_per_kwh=(1.4,) * n,
        heat_dkk_per_kwh=(0.65,) * n,
        electricity_kg_per_kwh=(0.1,) * n,
        heat_kg_per_kwh=(0.045,) * n,
        zones=zones,
        ventilation=(
            replace(
                unit,
                own_run=tuple(unit.own_run[k] for k in take),
                required=tuple(unit.required[k] for k in take),
            ),
        ),
    )
    schedule = OPTIMIZER.plan(other)
    accepted(other, schedule)
    assert schedule.status is PlanStatus.OPTIMAL
    same = OPTIMIZER.plan(task).expected.energy_kwh
    assert schedule.expected.energy_kwh == pytest.approx(same, rel=0.06)


def test_a_clock_change_inside_the_horizon(task: Problem, model: BuildingModel) -> None:
    start = datetime(2019, 3, 30, 12, tzinfo=UTC)
    toy = Toy(now=start - timedelta(days=3)).own(3 * 96)
    spring = replace(problem(toy), model=model)
    schedule = OPTIMIZER.plan(spring)
    accepted(spring, schedule)
    assert schedule.end == start + timedelta(seconds=STEP_S * spring.steps)


@pytest.mark.slow
def test_a_model_is_identified_when_none_is_given(toy: Toy) -> None:
    schedule = OPTIMIZER.plan(office_only(problem(toy, n=96)))
    assert schedule.status is PlanStatus.OPTIMAL


def test_setpoints_stay_between_floor_and_ceiling(task: Problem) -> None:
    for plan in OPTIMIZER.plan(task).setpoints[:2]:
        assert all(FLOOR <= step.value <= CEILING for step in plan.steps)
