"""The linear program of a building over a horizon."""

from __future__ import annotations

import numpy as np

from optimizer.horizon.peak_demand import steps_into_hour
from optimizer.horizon.rollout import roll_out
from optimizer.linear_program.program import HorizonProgram
from optimizer.linear_program.time_blocks import blocks_of
from optimizer.model.air_handling import AirOperation
from optimizer.planning.candidate import Evaluator

COUNTED_POWER = 0.9
"""Part of the radiators' power that a plan counts on."""


def program_with(evaluator: Evaluator, air: AirOperation) -> HorizonProgram:
    """Returns the program with ventilation as ``air`` says.

    Zones without a lever, and those that somebody holds for as long as it lasts, have the heat of
    their own control."""
    problem, building, targets = evaluator.problem, evaluator.building, evaluator.targets
    dynamics = evaluator.dynamics(air)
    supply, peak = evaluator.supply, evaluator.objective.peak
    supply_reset = None if supply is None else supply.reset_variables(building, dynamics, air)
    led = np.array([zone.lever is not None for zone in building.zones])[:, np.newaxis]
    free = led & ~building.held
    fixed_heat = np.full(building.use.shape, np.nan)
    if not free.all():
        fixed_heat = np.where(
            free, np.nan, roll_out(building, dynamics, building.own_setpoint).heat
        )
    together = [] if supply_reset is None else [supply_reset.per_k]
    return HorizonProgram(
        building,
        dynamics,
        targets,
        counted_power=COUNTED_POWER,
        fixed_heat=fixed_heat,
        blocks=blocks_of(
            use=building.use,
            fixed=np.concatenate([targets.low, targets.high, targets.price, free, *together]),
            price=building.inputs.heat_price,
            peak=peak.is_priced,
            step_s=problem.step_s,
            steps_into_hour=steps_into_hour(problem),
        ),
        peak=peak,
        supply_reset=supply_reset,
    )
