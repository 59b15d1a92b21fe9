"""A valid problem with some of it spoilt: a plan or a clear refusal, never an exception."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf, nan

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bms.model.assets.equipment import HeatSource, HeatSourceKind
from bms.model.assets.point import Role
from bms.model.planning.problem import CurveTask, Lever, Problem
from bms.model.readings.units import Unit
from optimizer.planner import Optimizer
from tests.rigs.buildings.toy_problems import task
from tests.rigs.examples import examples

OPTIMIZER = Optimizer()
STEPS = 48
CURVE = Lever(
    point="toy/plant.curve_shift",
    role=Role.HEATING_CURVE_SHIFT,
    unit=Unit.KELVIN,
    minimum=-5.0,
    maximum=5.0,
    resolution=1.0,
)
Damage = Callable[[Problem], Problem]


def valid() -> Problem:
    return replace(task(STEPS), curve=CurveTask(lever=CURVE))


def nan_history(problem: Problem) -> Problem:
    if problem.history is None:
        return problem
    n = len(problem.history.heat_kw)
    zones = tuple(replace(zone, temp_c=(nan,) * n) for zone in problem.history.zones[:1])
    zones += problem.history.zones[1:]
    return replace(problem, history=replace(problem.history, zones=zones, heat_kw=(None,) * n))


def infinite_history(problem: Problem) -> Problem:
    if problem.history is None:
        return problem
    zones = tuple(
        replace(zone, valve_pct=(inf,) * len(zone.valve_pct)) for zone in problem.history.zones
    )
    return replace(problem, history=replace(problem.history, zones=zones))


def reversed_limits(problem: Problem) -> Problem:
    first = problem.zones[0]
    swapped = replace(first, low_c=first.high_c, high_c=first.low_c)
    return replace(problem, zones=(swapped, *problem.zones[1:]))


def hole_in_prices(problem: Problem) -> Problem:
    prices = tuple(
        None if 10 <= k < 20 else price for k, price in enumerate(problem.heat_dkk_per_kwh)
    )
    return replace(problem, heat_dkk_per_kwh=prices, electricity_dkk_per_kwh=prices)


def short_prices(problem: Problem) -> Problem:
    return replace(problem, heat_dkk_per_kwh=problem.heat_dkk_per_kwh[:5])


def clock_change(problem: Problem) -> Problem:
    moved = datetime(2019, 3, 30, 20, tzinfo=UTC)
    history = problem.history
    if history is not None:
        history = replace(history, start=history.start + (moved - problem.start))
    return replace(problem, start=moved, history=history)


def zone_without_heat(problem: Problem) -> Problem:
    if problem.model is None:
        return problem
    parameters = {**problem.model.zones[0].parameters, "heat_max_kw": 0.0, "heat_max_cold_kw": 0.0}
    first = replace(problem.model.zones[0], parameters=parameters)
    return replace(problem, model=replace(problem.model, zones=(first, *problem.model.zones[1:])))


def no_capacity(problem: Problem) -> Problem:
    return replace(problem, heat_source=replace(problem.heat_source, capacity_kw=0.0))


def no_number_of_capacity(problem: Problem) -> Problem:
    return replace(problem, heat_source=replace(problem.heat_source, capacity_kw=nan))


def cycling_pump(problem: Problem) -> Problem:
    pump = HeatSource(
        kind=HeatSourceKind.HEAT_PUMP,
        capacity_kw=40.0,
        cop=((5.0, 3.0),),
        least_run_min=120.0,
        least_stop_min=nan,
        least_kw=500.0,
    )
    return replace(problem, heat_source=pump)


def dear_peak(problem: Problem) -> Problem:
    return replace(problem, peak_so_far_kw=nan, peak_dkk_per_kw=80.0, power_limit_kw=3.0)


def senseless_peak(problem: Problem) -> Problem:
    return replace(problem, peak_so_far_kw=-1.0, peak_dkk_per_kw=inf, power_limit_kw=nan)


def curve_that_only_rises(problem: Problem) -> Problem:
    return replace(problem, curve=CurveTask(lever=replace(CURVE, minimum=2.0)))


def no_forecast(problem: Problem) -> Problem:
    return replace(
        problem, weather=replace(problem.weather, temp_out_c=(None,) * len(problem.zones[0].low_c))
    )


def no_model(problem: Problem) -> Problem:
    return replace(problem, model=None, history=None)


def old_history(problem: Problem) -> Problem:
    if problem.history is None:
        return problem
    start = problem.history.start - timedelta(days=30)
    return replace(problem, history=replace(problem.history, start=start))


def odd_step(problem: Problem) -> Problem:
    return replace(problem, step_s=420)


def negative_weights(problem: Problem) -> Problem:
    weights = replace(problem.weights, comfort_dkk_per_kh=-60.0, co2_dkk_per_kg=nan)
    return replace(problem, weights=weights)


DAMAGES: tuple[Damage, ...] = (
    nan_history,
    infinite_history,
    reversed_limits,
    hole_in_prices,
    short_prices,
    clock_change,
    zone_without_heat,
    no_capacity,
    no_number_of_capacity,
    cycling_pump,
    dear_peak,
    senseless_peak,
    curve_that_only_rises,
    no_forecast,
    no_model,
    old_history,
    odd_step,
    negative_weights,
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_alone(damage: Damage) -> None:
    answers(damage(valid()))


@pytest.mark.slow
@given(st.lists(st.sampled_from(DAMAGES), min_size=2, max_size=4, unique=True))
@settings(max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_several_damages_together(damages: list[Damage]) -> None:
    problem = valid()
    for damage in damages:
        problem = damage(problem)
    answers(problem)


def answers(problem: Problem) -> None:
    """It answers, says why, not by way of an exception, and what it answers may be written."""
    schedule = OPTIMIZER.plan(problem)
    assert [str(words) for words in OPTIMIZER.check(problem, schedule)] == []
    assert schedule.reasons
    assert OPTIMIZER.plan(problem) == schedule
    codes = {words.code for words in schedule.reasons}
    assert "no_solution" not in codes, [str(words) for words in schedule.reasons]
