"""Whatever people, limits and levers there are: the air that is planned may be written, it keeps
the CO2 that can be kept, and a plan with less of it is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache
from math import inf, nan

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bms.model.planning.plan import Schedule, SetpointPlan, Step
from bms.model.planning.problem import Lever, Problem
from optimizer.planner import Optimizer
from tests.rigs.buildings.toy_problems import (
    FLOW,
    SUPPLY,
    aired,
    on_grid,
    peopled,
    plan_of,
    supplied,
    task,
)
from tests.rigs.examples import examples

OPTIMIZER = Optimizer()
STEPS = 48
AREA = np.array([600.0, 300.0])
FULL_M3_H = 3000.0

levers = st.builds(
    lambda low, span, resolution: replace(
        FLOW, minimum=low, maximum=low + span, resolution=resolution
    ),
    st.sampled_from([0.0, 15.0, 40.0]),
    st.sampled_from([60.0, 30.0, 85.0]),
    st.sampled_from([1.0, 5.0, 10.0]),
)
counts = st.one_of(st.none(), st.floats(0.0, 150.0))
measured = st.one_of(st.none(), st.floats(350.0, 4000.0))
junk = st.sampled_from([nan, inf, -inf, -5.0, 0.0, 1e9])


def asked_for(
    lever: Lever,
    people: tuple[float | None, float | None],
    limit: float,
    now: tuple[float | None, float | None],
    least: float,
    own: float,
) -> Problem:
    base = supplied(aired(task(STEPS), lever=lever, least_flow_pct=least))
    unit = replace(base.ventilation[0], own_flow_pct=(own,) * STEPS)
    problem = peopled(replace(base, ventilation=(unit,)), people, limit)
    zones = tuple(replace(z, co2_ppm=c) for z, c in zip(problem.zones, now, strict=True))
    return replace(problem, zones=zones)


def co2(problem: Problem, flow_pct: np.ndarray, run: np.ndarray, zone: int) -> np.ndarray:
    """CO2 [ppm] at the end of every step, in passes of ten seconds; outdoor air where unknown."""
    fit_windows = problem.zones[zone]
    volume = 2.8 * fit_windows.area_m2
    share = FULL_M3_H * AREA[zone] / AREA.sum()
    ppm = max(420.0, fit_windows.co2_ppm or 420.0)
    found = []
    for k in range(problem.steps):
        exchanged = share * run[k] * flow_pct[k] / 100.0 + 0.1 * volume
        for _ in range(problem.step_s // 10):
            born = 1e6 * 0.0187 * (fit_windows.people[k] or 0.0)
            ppm += (born + exchanged * (420.0 - ppm)) / volume * 10.0 / 3600.0
        found.append(ppm)
    return np.array(found)


@pytest.mark.slow
@given(
    lever=levers,
    people=st.tuples(counts, counts),
    limit=st.floats(600.0, 1500.0),
    now=st.tuples(measured, measured),
    least=st.floats(0.0, 100.0),
    own=st.floats(0.0, 100.0),
    modelled=st.booleans(),
    step_s=st.sampled_from([300, 900, 1800, 3600]),
)
@settings(max_examples=examples(50), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_it_may_be_written_and_keeps_what_can_be_kept(
    lever: Lever,
    people: tuple[float | None, float | None],
    limit: float,
    now: tuple[float | None, float | None],
    least: float,
    own: float,
    modelled: bool,
    step_s: int,
) -> None:
    """In steps of any length: the hours of the toy are then longer or shorter than they were."""
    problem = replace(asked_for(lever, people, limit, now, least, own), step_s=step_s)
    if not modelled:
        problem = replace(problem, model=None, history=None)
    schedule = OPTIMIZER.plan(problem)
    assert [str(words) for words in OPTIMIZER.check(problem, schedule)] == []
    assert {"no_solution", "refused"}.isdisjoint(words.code for words in schedule.reasons)
    flow = on_grid(problem, plan_of(schedule, lever.point))
    run = on_grid(problem, plan_of(schedule, "toy/ahu1.run"))
    full = np.full(STEPS, np.floor(lever.maximum / lever.resolution + 1e-6) * lever.resolution)
    for zone, count in enumerate(people):
        if count is None:
            continue
        used = np.array(problem.zones[zone].people) > 0
        best = np.maximum(co2(problem, full, run, zone), limit)
        assert np.all(co2(problem, flow, run, zone)[used] <= best[used] + 10.0)


@pytest.mark.slow
@given(
    first=levers,
    second=levers,
    people=st.tuples(st.floats(0.0, 200.0), counts),
    now=st.tuples(measured, measured),
    own=st.floats(0.0, 100.0),
)
@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_two_units_for_the_same_rooms_may_be_written(
    first: Lever,
    second: Lever,
    people: tuple[float | None, float | None],
    now: tuple[float | None, float | None],
    own: float,
) -> None:
    problem = asked_for(first, people, 1000.0, now, 0.0, own)
    one = problem.ventilation[0]
    other = replace(
        one,
        id="ahu2",
        zones=(problem.zones[0].id,),
        lever=None,
        supply_lever=None,
        flow_lever=replace(second, point="toy/ahu2.flow"),
    )
    both = replace(problem, ventilation=(one, other))
    schedule = OPTIMIZER.plan(both)

    assert [str(words) for words in OPTIMIZER.check(both, schedule)] == []
    assert {"no_solution", "refused"}.isdisjoint(words.code for words in schedule.reasons)


@pytest.mark.slow
@given(
    field=st.sampled_from(
        ["people", "co2_limit_ppm", "co2_ppm", "volume_m3", "own_flow_pct", "least_flow_pct",
         "own_supply_c", "flow_m3_h", "fan_kw", "recovery"]
    ),
    value=junk,
    short=st.booleans(),
)  # fmt: skip
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_numbers_without_sense_are_answered(field: str, value: float, short: bool) -> None:
    problem = asked_for(FLOW, (30.0, 15.0), 1000.0, (600.0, None), 30.0, 80.0)
    row = (value,) * (STEPS // 2 if short else STEPS)
    series = field in {"people", "own_flow_pct", "own_supply_c"}
    changes = {field: row if series else value}
    if hasattr(problem.zones[0], field):
        zones = (replace(problem.zones[0], **changes), problem.zones[1])  # type: ignore[arg-type]
        spoilt = replace(problem, zones=zones)
    else:
        unit = replace(problem.ventilation[0], **changes)  # type: ignore[arg-type]
        spoilt = replace(problem, ventilation=(unit,))
    schedule = OPTIMIZER.plan(spoilt)
    assert [str(words) for words in OPTIMIZER.check(spoilt, schedule)] == []
    assert "no_solution" not in {words.code for words in schedule.reasons}
    assert OPTIMIZER.plan(spoilt) == schedule


@cache
def good() -> tuple[Problem, Schedule]:
    """A plan in which the CO2 of the rooms decides the flow."""
    problem = asked_for(FLOW, (40.0, 20.0), 1000.0, (500.0, 500.0), 35.0, 90.0)
    return problem, OPTIMIZER.plan(problem)


def changed(point: str, k: int, value: float, until: int | None = None) -> Schedule:
    """The plan with other values from step ``k`` on."""
    problem, schedule = good()
    plan = plan_of(schedule, point)
    values = on_grid(problem, plan)
    values[k : until or k + 1] = value
    step = timedelta(seconds=problem.step_s)
    moments = [problem.start + i * step for i in range(STEPS + 1)]
    steps = tuple(
        Step(start=moments[i], end=moments[i + 1], value=float(values[i])) for i in range(STEPS)
    )
    return _with(schedule, replace(plan, steps=_joined(steps)))


def _joined(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    joined: list[Step] = []
    for step in steps:
        if joined and joined[-1].value == step.value:
            joined[-1] = replace(joined[-1], end=step.end)
        else:
            joined.append(step)
    return tuple(joined)


def _with(schedule: Schedule, plan: SetpointPlan) -> Schedule:
    plans = (plan if each.point == plan.point else each for each in schedule.setpoints)
    return replace(schedule, setpoints=tuple(plans))


def refusals(schedule: Schedule) -> set[str]:
    return {words.code for words in OPTIMIZER.check(good()[0], schedule)}


def test_the_unchanged_plan_passes() -> None:
    problem, schedule = good()
    flow = on_grid(problem, plan_of(schedule, FLOW.point))

    assert refusals(schedule) == set()
    assert flow.max() > 60.0


@given(k=st.integers(0, STEPS - 1), value=st.integers(20, 34))
@settings(deadline=None)
def test_less_than_the_least_while_people_are_in_is_refused(k: int, value: int) -> None:
    assume(any(zone.occupied[k] for zone in good()[0].zones))
    assert "check_flow" in refusals(changed(FLOW.point, k, float(value)))


@given(value=st.integers(35, 50))
@settings(deadline=None)
def test_too_little_for_the_people_is_refused(value: int) -> None:
    assert refusals(changed(FLOW.point, 0, float(value), STEPS)) == {"check_co2"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"least_flow_pct": nan}, "check_flow"),
        ({"own_supply_c": (nan,) * STEPS}, "check_supply"),
        ({"own_supply_c": ()}, "check_supply"),
    ],
)
def test_what_cannot_be_checked_is_refused(changes: dict[str, float], code: str) -> None:
    problem, schedule = good()
    unit = replace(problem.ventilation[0], **changes)  # type: ignore[arg-type]
    spoilt = replace(problem, ventilation=(unit,))
    assert code in {words.code for words in OPTIMIZER.check(spoilt, schedule)}


@given(k=st.integers(0, STEPS - 1), beyond=st.sampled_from([-1.0, 101.0, 150.0, 19.0]))
@settings(deadline=None)
def test_flow_beyond_its_limits_is_refused(k: int, beyond: float) -> None:
    assert "check_limit" in refusals(changed(FLOW.point, k, beyond))


@given(k=st.integers(0, STEPS - 1), above=st.sampled_from([0.5, 1.0, 2.0]))
@settings(deadline=None)
def test_warmer_supply_air_than_its_own_is_refused(k: int, above: float) -> None:
    assert "check_supply" in refusals(changed(SUPPLY.point, k, 20.0 + above))


@given(k=st.integers(0, STEPS - 1), below=st.sampled_from([0.5, 3.0]))
@settings(deadline=None)
def test_colder_supply_air_than_the_lever_allows_is_refused(k: int, below: float) -> None:
    assert "check_limit" in refusals(changed(SUPPLY.point, k, 16.0 - below))


def test_a_plan_without_the_levers_of_the_air_is_refused() -> None:
    schedule = good()[1]
    kept = tuple(p for p in schedule.setpoints if p.point not in {FLOW.point, SUPPLY.point})

    assert refusals(replace(schedule, setpoints=kept)) == {"check_missing"}


def test_hours_without_the_air_they_need_are_refused() -> None:
    """The unit is off for two hours in use."""
    problem, _ = good()
    first = next(k for k in range(STEPS) if problem.ventilation[0].required[k])
    assert "check_ventilation" in refusals(changed("toy/ahu1.run", first + 4, 0.0, first + 12))
