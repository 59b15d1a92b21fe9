"""Problems of the toy building, with its model and without.

Everything here is a value that nobody changes, so what is costly is made once for the whole run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from bms.model.assets.point import Role
from bms.model.planning.plan import Schedule, SetpointPlan
from bms.model.planning.problem import BuildingModel, Lever, Problem
from bms.model.readings.units import Unit
from optimizer.linear_program.program import HorizonProgram, Solution, solve
from optimizer.planner import Optimizer
from optimizer.planning.make_plan import program_for
from tests.rigs.buildings.any_problem import a_problem
from tests.rigs.buildings.toy_building import (
    HOT_WATER_KW,
    SHARE,
    Toy,
    forecast,
    lived_in,
    ventilation,
    zone_tasks,
)

HORIZON = 192
DAYS = 21


def problem(
    toy: Toy, *, n: int = 144, days: float | None = None, model: BuildingModel | None = None
) -> Problem:
    """Plan the toy building from now on, with all its past or that of the last ``days``."""
    return a_problem(
        n,
        start=toy.now,
        weather=forecast(toy.now, n),
        zones=zone_tasks(toy.now, n),
        ventilation=ventilation(toy.now, n),
        history=toy.history(days),
        model=model,
    )


def office_only(asked: Problem) -> Problem:
    """The same question about the office alone, with its part of the heat: half the work."""
    zones = tuple(zone for zone in asked.zones if zone.id == "office")
    past = asked.history
    if past is not None:
        share = (None if kw is None else (kw - HOT_WATER_KW) * SHARE[0] for kw in past.heat_kw)
        past = replace(past, zones=past.zones[:1], heat_kw=tuple(share))
    return replace(asked, zones=zones, history=past)


@cache
def toy_model() -> BuildingModel:
    """The toy building as identified from its days."""
    answer = Optimizer().identify(problem(lived_in(DAYS)))
    assert isinstance(answer, BuildingModel)
    return answer


@cache
def task(n: int = HORIZON, *, history_days: int = 3) -> Problem:
    """The toy building on a Monday at midnight UTC with its model, ``n`` steps ahead."""
    return problem(lived_in(DAYS), n=n, days=history_days, model=toy_model())


@cache
def program() -> HorizonProgram:
    return program_for(task())


def solved(asked: HorizonProgram) -> Solution:
    answer = solve(asked)
    assert not isinstance(answer, str), answer
    return answer


FLOW = Lever(
    point="toy/ahu1.flow",
    role=Role.VENTILATION_FLOW,
    unit=Unit.PERCENT,
    minimum=20.0,
    maximum=100.0,
    resolution=1.0,
)
SUPPLY = Lever(
    point="toy/ahu1.supply",
    role=Role.SUPPLY_AIR_SETPOINT,
    unit=Unit.DEG_C,
    minimum=16.0,
    maximum=22.0,
    resolution=0.5,
)


def aired(problem: Problem | None = None, *, lever: Lever = FLOW, **changes: object) -> Problem:
    """The toy with a lever for its flow; ``changes`` of the unit."""
    base = task(96) if problem is None else problem
    unit = replace(base.ventilation[0], flow_lever=lever, **changes)  # type: ignore[arg-type]
    return replace(base, ventilation=(unit,))


def peopled(
    problem: Problem, counts: Sequence[float | None], limit_ppm: float | None = 1000.0
) -> Problem:
    """So many people in each zone whenever it is in use, None where nobody knows."""
    zones = tuple(
        replace(
            zone,
            people=() if count is None else tuple(count if used else 0.0 for used in zone.occupied),
            co2_limit_ppm=limit_ppm,
        )
        for zone, count in zip(problem.zones, counts, strict=True)
    )
    return replace(problem, zones=zones)


def supplied(
    problem: Problem | None = None, *, own_c: float = 20.0, lever: Lever = SUPPLY
) -> Problem:
    """The toy with a coil to ``own_c`` [degC] and a lever for it."""
    base = task(96) if problem is None else problem
    unit = replace(base.ventilation[0], supply_lever=lever, own_supply_c=(own_c,) * base.steps)
    return replace(base, ventilation=(unit,))


def milder(problem: Problem, by_k: float, sun: float = 1.0) -> Problem:
    """The same days, warmer by ``by_k`` [K], with ``sun`` times the sun."""
    weather = replace(
        problem.weather,
        temp_out_c=tuple(None if t is None else t + by_k for t in problem.weather.temp_out_c),
        ghi_wm2=tuple(None if g is None else sun * g for g in problem.weather.ghi_wm2),
    )
    return replace(problem, weather=weather)


def plan_of(schedule: Schedule, point: str) -> SetpointPlan:
    return next(plan for plan in schedule.setpoints if plan.point == point)


def on_grid(problem: Problem, plan: SetpointPlan) -> np.ndarray:
    values: list[float] = []
    for each in plan.steps:
        count = round((each.end - each.start).total_seconds() / problem.step_s)
        values.extend([each.value] * count)
    return np.array(values)


def required(problem: Problem) -> np.ndarray:
    return np.array(problem.ventilation[0].required)


def codes(schedule: Schedule) -> set[str]:
    return {words.code for words in schedule.reasons}
