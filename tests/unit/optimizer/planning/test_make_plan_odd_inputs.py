"""Questions that are odd but not wrong: always a schedule that may be written, never a raise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bms.model.assets.equipment import HeatSource, HeatSourceKind
from bms.model.planning.plan import PlanStatus
from bms.model.planning.problem import Problem, Weather
from optimizer.planner import Optimizer
from tests.rigs.buildings.toy_building import STEP_S, Toy, lived_in
from tests.rigs.buildings.toy_problems import DAYS, problem, toy_model

OPTIMIZER = Optimizer()
STEPS_S = (300, 900, 1800, 3600)


@pytest.fixture(scope="module")
def task() -> Problem:
    return problem(lived_in(days=DAYS), days=3, model=toy_model())


def regridded(task: Problem, step_s: int, hours: float) -> Problem:
    """The same hours at another step."""
    n = max(1, round(hours * 3600 / step_s))
    take = [min(task.steps - 1, k * step_s // STEP_S) for k in range(n)]

    def of(row: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(row[k] for k in take)

    return replace(
        task,
        step_s=step_s,
        weather=Weather(temp_out_c=of(task.weather.temp_out_c), ghi_wm2=of(task.weather.ghi_wm2)),
        electricity_dkk_per_kwh=of(task.electricity_dkk_per_kwh),
        heat_dkk_per_kwh=of(task.heat_dkk_per_kwh),
        electricity_kg_per_kwh=of(task.electricity_kg_per_kwh),
        heat_kg_per_kwh=of(task.heat_kg_per_kwh),
        zones=tuple(
            replace(
                z,
                occupied=of(z.occupied),
                low_c=of(z.low_c),
                high_c=of(z.high_c),
                own_setpoint_c=of(z.own_setpoint_c),
            )
            for z in task.zones
        ),
        ventilation=tuple(
            replace(u, own_run=of(u.own_run), required=of(u.required)) for u in task.ventilation
        ),
    )


def without_levers(task: Problem) -> Problem:
    return replace(
        task,
        zones=tuple(replace(z, lever=None) for z in task.zones),
        ventilation=tuple(replace(u, lever=None) for u in task.ventilation),
    )


def without_zones(task: Problem) -> Problem:
    return replace(task, zones=())


def without_ventilation(task: Problem) -> Problem:
    return replace(task, ventilation=())


def without_prices(task: Problem) -> Problem:
    gap = (None,) * task.steps
    return replace(
        task,
        electricity_dkk_per_kwh=gap,
        heat_dkk_per_kwh=gap,
        electricity_kg_per_kwh=gap,
        heat_kg_per_kwh=gap,
    )


def prices_too_short(task: Problem) -> Problem:
    return replace(task, electricity_dkk_per_kwh=(), heat_dkk_per_kwh=(0.65,))


def negative_prices(task: Problem) -> Problem:
    pump = HeatSource(kind=HeatSourceKind.HEAT_PUMP, capacity_kw=80.0, cop=((0, 3.0),))
    return replace(task, heat_source=pump, electricity_dkk_per_kwh=(-1.0,) * task.steps)


def no_capacity(task: Problem) -> Problem:
    return replace(task, heat_source=replace(task.heat_source, capacity_kw=0.0))


def reversed_limits(task: Problem) -> Problem:
    zones = tuple(replace(z, low_c=z.high_c, high_c=z.low_c) for z in task.zones)
    return replace(task, zones=zones)


def reversed_levers(task: Problem) -> Problem:
    zones = []
    for zone in task.zones:
        assert zone.lever is not None
        lever = replace(zone.lever, minimum=zone.lever.maximum, maximum=zone.lever.minimum)
        zones.append(replace(zone, lever=lever))
    return replace(task, zones=tuple(zones))


def never_used(task: Problem) -> Problem:
    empty = (False,) * task.steps
    return replace(
        task,
        zones=tuple(
            replace(z, occupied=empty, low_c=(16.0,) * task.steps, high_c=(28.0,) * task.steps)
            for z in task.zones
        ),
    )


def always_used(task: Problem) -> Problem:
    return replace(
        task,
        zones=tuple(
            replace(
                z,
                occupied=(True,) * task.steps,
                low_c=(20.0,) * task.steps,
                high_c=(25.0,) * task.steps,
            )
            for z in task.zones
        ),
    )


def no_setpoint_history(task: Problem) -> Problem:
    assert task.history is not None
    zones = tuple(replace(z, setpoint_c=(None,) * len(z.setpoint_c)) for z in task.history.zones)
    return replace(task, history=replace(task.history, zones=zones))


def short_setpoint_history(task: Problem) -> Problem:
    assert task.history is not None
    zones = tuple(replace(z, setpoint_c=z.setpoint_c[:5]) for z in task.history.zones)
    return replace(task, history=replace(task.history, zones=zones))


def no_occupancy_history(task: Problem) -> Problem:
    assert task.history is not None
    zones = tuple(replace(z, occupied=()) for z in task.history.zones)
    return replace(task, history=replace(task.history, zones=zones))


def wild_setpoint_now(task: Problem) -> Problem:
    wild = (float("inf"), float("nan"))
    zones = tuple(replace(z, setpoint_c=v) for z, v in zip(task.zones, wild, strict=True))
    return replace(task, zones=zones)


def hot_setpoint_now(task: Problem) -> Problem:
    return replace(task, zones=tuple(replace(z, setpoint_c=60.0) for z in task.zones))


def unknown_clock(task: Problem) -> Problem:
    return replace(task, timezone="Europe/Atlantis")


def empty_history(task: Problem) -> Problem:
    assert task.history is not None
    gone = Weather(temp_out_c=(), ghi_wm2=())
    zones = tuple(
        replace(z, temp_c=(), setpoint_c=(), valve_pct=(), occupied=()) for z in task.history.zones
    )
    history = replace(
        task.history, start=task.start, weather=gone, heat_kw=(), zones=zones, ventilation=()
    )
    return replace(task, history=history)


def stopped_history(task: Problem) -> Problem:
    assert task.history is not None
    return replace(task, history=replace(task.history, step_s=0))


ODD = (
    without_levers,
    without_zones,
    without_ventilation,
    without_prices,
    prices_too_short,
    negative_prices,
    no_capacity,
    reversed_limits,
    reversed_levers,
    never_used,
    always_used,
    no_setpoint_history,
    short_setpoint_history,
    no_occupancy_history,
    wild_setpoint_now,
    hot_setpoint_now,
    unknown_clock,
    empty_history,
    stopped_history,
)


@pytest.mark.slow
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.__name__)
def test_an_odd_question_has_an_answer(task: Problem, odd: Callable[[Problem], Problem]) -> None:
    asked = odd(task)
    schedule = OPTIMIZER.plan(asked)
    assert [str(words) for words in OPTIMIZER.check(asked, schedule)] == []
    assert schedule.reasons
    assert OPTIMIZER.plan(asked) == schedule


@pytest.mark.parametrize("odd", [without_levers, without_zones, reversed_levers])
def test_a_building_without_setpoints_to_write_is_told_so(
    task: Problem, odd: Callable[[Problem], Problem]
) -> None:
    assert "no_lever" in {words.code for words in OPTIMIZER.plan(odd(task)).reasons}


@pytest.mark.parametrize("step_s", STEPS_S)
@pytest.mark.parametrize("hours", [0.0, 6.0, 24.0])
def test_every_step_and_length_has_an_answer(task: Problem, step_s: int, hours: float) -> None:
    """Zero hours are a horizon of a single step."""
    asked = regridded(task, step_s, hours)
    schedule = OPTIMIZER.plan(asked)
    assert [str(words) for words in OPTIMIZER.check(asked, schedule)] == []
    assert len(schedule.setpoints) == 3
    assert schedule.end == asked.start + timedelta(seconds=asked.steps * step_s)


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.__name__)
def test_an_odd_question_of_one_step_has_an_answer(
    task: Problem, odd: Callable[[Problem], Problem]
) -> None:
    asked = odd(regridded(task, 3600, 0.0))
    schedule = OPTIMIZER.plan(asked)
    assert [str(words) for words in OPTIMIZER.check(asked, schedule)] == []


@pytest.mark.parametrize(
    "start",
    [datetime(2019, 3, 30, 12, tzinfo=UTC), datetime(2019, 10, 26, 12, tzinfo=UTC)],
    ids=["spring", "autumn"],
)
@pytest.mark.parametrize("step_s", STEPS_S)
def test_the_clock_may_change_inside_the_horizon(
    task: Problem, start: datetime, step_s: int
) -> None:
    toy = Toy(now=start - timedelta(days=3)).own(3 * 96)
    asked = regridded(replace(problem(toy), model=task.model), step_s, 36.0)
    schedule = OPTIMIZER.plan(asked)
    assert [str(words) for words in OPTIMIZER.check(asked, schedule)] == []
    assert schedule.status is not PlanStatus.FALLBACK or schedule.expected.energy_kwh is not None
    assert schedule.end == start + timedelta(hours=36)
