"""What heat costs on the grid of the problem, however coarse the one that it was planned on."""

from __future__ import annotations

import numpy as np

from optimizer.horizon.peak_demand import metered_power, overload_price
from optimizer.linear_program.block_dynamics import forced_response
from optimizer.linear_program.program import STORED_PART, HorizonProgram
from optimizer.model.rc_network import Floats


def cost_of(program: HorizonProgram, heat: Floats) -> float:
    """The objective of the program [DKK] for the heat (p, n) [kW] of every step.

    Energy, CO2, discomfort, the month's peak and power over its limit, less what more heat is
    stored at the end than at the start.
    """
    building, targets = program.building, program.targets
    inputs = building.inputs
    air, mass = _course(program, heat)
    outside = np.maximum(0.0, targets.low - air) + np.maximum(0.0, air - targets.high)
    energy = float(heat.sum(axis=0) @ inputs.heat_price) * inputs.step_h
    discomfort = float((targets.price * outside).sum()) * inputs.step_h
    stored = building.rc.stored_kwh(air[:, -1], mass[:, -1])
    before = building.rc.stored_kwh(building.state.air, building.state.mass)
    value = STORED_PART * max(0.0, float(inputs.heat_price.min()))
    power = program.peak.cost(
        metered_power(building, program.dynamics, heat),
        overload_price(building, float(targets.price.max())),
    )
    return energy + discomfort + power - value * float((stored - before).sum())


def _course(program: HorizonProgram, heat: Floats) -> tuple[Floats, Floats]:
    """Air and mass [degC] at the end of every step, (p, n) each."""
    steps, added = program.dynamics.steps, forced_response(program.dynamics)
    x = program.initial
    rows = []
    for k in range(program.building.n):
        x = (steps.a[k] @ x[..., np.newaxis])[..., 0] + added[k]
        x = x + steps.b[k, :, :, 0] * heat[:, k, np.newaxis]
        rows.append(x)
    ends = np.stack(rows, axis=2)
    return ends[:, 0], ends[:, 1]
