"""The rival of the planner's program: the same one, written in cvxpy and solved by its HiGHS."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from optimizer.linear_program.program import STORED_PART, TIE_BREAK, HorizonProgram


def has_cvxpy() -> bool:
    """Whether the rival is installed."""
    return find_spec("cvxpy") is not None


def by_cvxpy(program: HorizonProgram) -> float:
    """The optimum [DKK, but for a constant] on the uniform grid, built and solved by cvxpy.

    Raises ``ImportError`` where cvxpy is not installed.
    """
    cvxpy: Any = import_module("cvxpy")

    zones, n = program.building.use.shape
    heat = cvxpy.Variable((zones, n), nonneg=True)
    air, mass = cvxpy.Variable((zones, n + 1)), cvxpy.Variable((zones, n + 1))
    below, above = (cvxpy.Variable((zones, n), nonneg=True) for _ in range(2))
    rules = [
        heat <= program.building.heat_max * program.counted_power,
        cvxpy.sum(heat, axis=0) <= program.dynamics.available_kw(program.building.capacity_kw),
        air[:, 0] == program.building.state.air,
        mass[:, 0] == program.building.state.mass,
        air[:, 1:] + below >= program.targets.low,
        air[:, 1:] - above <= program.targets.high,
        *_dynamics(cvxpy, program, heat, (air, mass)),
    ]
    costs = _costs(cvxpy, program, heat, below + above) - _stored(program, air, mass)
    task = cvxpy.Problem(cvxpy.Minimize(costs), rules)
    task.solve(solver=cvxpy.HIGHS)
    return float(task.value)


def _dynamics(cvxpy: Any, program: HorizonProgram, heat: Any, nodes: tuple[Any, Any]) -> list[Any]:
    a = np.moveaxis(program.dynamics.steps.a, 0, 3)
    b = np.moveaxis(program.dynamics.steps.b, 0, 3)
    rules = []
    for i, node in enumerate(nodes):
        fixed_heat = (
            b[:, i, 0] * program.dynamics.flow_air + b[:, i, 1] * program.dynamics.flow_mass
        )
        flow_part = sum(cvxpy.multiply(a[:, i, j], other[:, :-1]) for j, other in enumerate(nodes))
        rules.append(node[:, 1:] == flow_part + cvxpy.multiply(b[:, i, 0], heat) + fixed_heat)
    return rules


def _costs(cvxpy: Any, program: HorizonProgram, heat: Any, outside: Any) -> Any:
    inputs = program.building.inputs
    price, n = inputs.heat_price, program.building.n
    early = TIE_BREAK * float(np.mean(np.abs(price)) + 1e-3) * np.arange(n, 0, -1) / n
    energy = cvxpy.sum(heat @ (price + early))
    return inputs.step_h * (energy + cvxpy.sum(cvxpy.multiply(program.targets.price, outside)))


def _stored(program: HorizonProgram, air: Any, mass: Any) -> Any:
    rc = program.building.rc
    value = STORED_PART * max(0.0, float(program.building.inputs.heat_price.min()))
    coupled = np.where(rc.h_mass > 0, rc.c_mass, 0.0)
    return value * (rc.c_air @ air[:, -1] + coupled @ mass[:, -1])
