"""A mutated plan is refused: every change that could hurt is an objection of the checker."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bms.model.planning.plan import Schedule, SetpointPlan, Step
from bms.model.planning.problem import Problem
from bms.model.readings.units import Unit
from optimizer.planner import Optimizer
from tests.rigs.buildings.toy_building import STEP_S, lived_in
from tests.rigs.buildings.toy_problems import problem
from tests.rigs.examples import examples

OPTIMIZER = Optimizer()


@cache
def good() -> tuple[Problem, Schedule]:
    """A plan by timetable: the checker does not care where a plan comes from."""
    task = replace(problem(lived_in(days=1), n=144), history=None)
    return task, OPTIMIZER.plan(task)


def with_plan(schedule: Schedule, i: int, plan: SetpointPlan) -> Schedule:
    plans = list(schedule.setpoints)
    plans[i] = plan
    return replace(schedule, setpoints=tuple(plans))


def with_step(schedule: Schedule, i: int, j: int, **changes: object) -> Schedule:
    plan = schedule.setpoints[i]
    steps = list(plan.steps)
    steps[j] = replace(steps[j], **changes)  # type: ignore[arg-type]
    return with_plan(schedule, i, replace(plan, steps=tuple(steps)))


@st.composite
def places(draw: st.DrawFn) -> tuple[int, int]:
    _, schedule = good()
    i = draw(st.integers(0, len(schedule.setpoints) - 1))
    return i, draw(st.integers(0, len(schedule.setpoints[i].steps) - 1))


def refused(schedule: Schedule) -> bool:
    return bool(OPTIMIZER.check(good()[0], schedule))


def test_the_unchanged_plan_passes() -> None:
    task, schedule = good()
    assert OPTIMIZER.check(task, schedule) == ()


@given(places(), st.floats(0.06, 1e9), st.booleans())
@settings(max_examples=examples(60), deadline=None)
def test_values_beyond_the_limits(place: tuple[int, int], beyond: float, above: bool) -> None:
    low, high = [(15.0, 24.0), (15.0, 24.0), (0.0, 1.0)][place[0]]
    value = high + beyond if above else low - beyond
    assert refused(with_step(good()[1], *place, value=value))


@given(places(), st.sampled_from([float("nan"), float("inf"), float("-inf")]))
@settings(deadline=None)
def test_values_that_are_no_numbers(place: tuple[int, int], value: float) -> None:
    assert refused(with_step(good()[1], *place, value=value))


@given(places(), st.floats(0.02, 0.08))
@settings(deadline=None)
def test_values_between_the_steps_of_the_resolution(place: tuple[int, int], off: float) -> None:
    i, j = place
    value = good()[1].setpoints[i].steps[j].value
    assert refused(with_step(good()[1], i, j, value=value + off))


@given(places(), st.integers(-5, 5), st.booleans())
@settings(deadline=None)
def test_holes_and_overlaps(place: tuple[int, int], steps: int, at_start: bool) -> None:
    assume(steps != 0)
    i, j = place
    step = good()[1].setpoints[i].steps[j]
    moved = timedelta(seconds=STEP_S * steps)
    changes = {"start": step.start + moved} if at_start else {"end": step.end + moved}
    assert refused(with_step(good()[1], i, j, **changes))


@given(places())
@settings(deadline=None)
def test_a_step_or_a_point_that_is_missing_or_there_twice(place: tuple[int, int]) -> None:
    schedule = good()[1]
    i, j = place
    plan = schedule.setpoints[i]
    fewer = tuple(step for k, step in enumerate(plan.steps) if k != j)
    assert refused(with_plan(schedule, i, replace(plan, steps=fewer)))
    others = tuple(p for k, p in enumerate(schedule.setpoints) if k != i)
    assert refused(replace(schedule, setpoints=others))
    assert refused(replace(schedule, setpoints=(*schedule.setpoints, plan)))


@given(places(), st.text(min_size=1, max_size=12))
@settings(deadline=None)
def test_points_that_are_not_the_plans_to_move(place: tuple[int, int], name: str) -> None:
    schedule = good()[1]
    plan = schedule.setpoints[place[0]]
    assume(name != plan.point)
    assert refused(with_plan(schedule, place[0], replace(plan, point=name)))
    assert refused(with_plan(schedule, place[0], replace(plan, unit=Unit.PPM)))


@given(st.integers(0, 1), st.integers(0, 143), st.floats(0.5, 4.0))
@settings(deadline=None)
def test_too_cold_in_use_or_below_the_floor(zone: int, k: int, below: float) -> None:
    """One quarter-hour is lowered to below what its limits allow."""
    task, schedule = good()
    value = round(round((task.zones[zone].low_c[k] - below) / 0.1) * 0.1, 6)
    assume(value >= 15.0)
    assert refused(with_plan(schedule, zone, one_quarter(task, schedule, zone, k, value)))


@given(st.integers(0, 143))
@settings(deadline=None)
def test_ventilation_off_while_people_are_in(k: int) -> None:
    task, schedule = good()
    assume(task.ventilation[0].required[k])
    assert refused(with_plan(schedule, 2, one_quarter(task, schedule, 2, k, 0.0)))


def test_saw_teeth() -> None:
    task, schedule = good()
    plan = schedule.setpoints[0]
    values = [(plan.value_at(at(task, k)) or 0.0) + 0.1 * (k % 2) for k in range(task.steps)]
    saw = tuple(
        Step(start=at(task, k), end=at(task, k + 1), value=round(v, 6))
        for k, v in enumerate(values)
    )
    assert refused(with_plan(schedule, 0, replace(plan, steps=saw)))


@given(st.integers(1, 10**6))
@settings(deadline=None)
def test_a_plan_for_another_problem(seconds: int) -> None:
    schedule = good()[1]
    assert refused(replace(schedule, start=schedule.start + timedelta(seconds=seconds)))
    assert refused(replace(schedule, step_s=schedule.step_s + seconds))
    assert refused(replace(schedule, site=f"other{seconds}"))


def at(task: Problem, k: int) -> object:
    return task.start + timedelta(seconds=STEP_S * k)


def one_quarter(task: Problem, schedule: Schedule, i: int, k: int, value: float) -> SetpointPlan:
    plan = schedule.setpoints[i]
    steps = []
    for n in range(task.steps):
        old = plan.value_at(at(task, n))
        new = value if n == k else old
        if steps and steps[-1].value == new:
            steps[-1] = replace(steps[-1], end=at(task, n + 1))
        else:
            steps.append(Step(start=at(task, n), end=at(task, n + 1), value=new))
    return replace(plan, steps=tuple(steps))
