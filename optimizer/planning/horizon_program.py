"""The linear program of a building over a horizon."""

from __future__ import annotations

import numpy as np

from optimizer.horizon.peak_power import past_hour
from optimizer.horizon.thermostat import follow
from optimizer.linear_program.program import Program
from optimizer.linear_program.time_blocks import blocks_of
from optimizer.model.air_handling import Air
from optimizer.planning.candidate import Evaluator

COUNTED_POWER = 0.9
"""Part of the radiators' power that a plan counts on."""


def program_with(evaluator: Evaluator, air: Air) -> Program:
    """Returns the program with ventilation as ``air`` says.

    Zones without a lever, and those that somebody holds for as long as it lasts, have the heat of
    their own control."""
    problem, building, targets = evaluator.problem, evaluator.building, evaluator.targets
    course = evaluator.course(air)
    supply, peak = evaluator.supply, evaluator.objective.peak
    coolable = None if supply is None else supply.coolable(building, course, air)
    led = np.array([zone.lever is not None for zone in building.zones])[:, np.newaxis]
    free = led & ~building.held
    given = np.full(building.use.shape, np.nan)
    if not free.all():
        given = np.where(free, np.nan, follow(building, course, building.own_setpoint).heat)
    together = [] if coolable is None else [coolable.per_k]
    return Program(
        building,
        course,
        targets,
        derate=COUNTED_POWER,
        given=given,
        blocks=blocks_of(
            use=building.use,
            fixed=np.concatenate([targets.low, targets.high, targets.price, free, *together]),
            worth=building.outlook.heat_worth,
            peak=peak.matters,
            step_s=problem.step_s,
            past_hour=past_hour(problem),
        ),
        peak=peak,
        coolable=coolable,
    )
