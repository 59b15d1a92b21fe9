"""Operation of the air-handling units: their hours, their flow and the reset of their supply air.

A value that somebody holds counts as the unit's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bms.model.planning.problem import Lever, Problem, VentilationTask
from optimizer.model.held_lever import with_held_value
from optimizer.model.lever_pace import paced_with_held
from optimizer.model.rc_network import Floats

FAN_EXPONENT = 2.5
"""Power of fans over their flow: 3 by the fan laws where all pressure is lost by friction, about 2
where a duct is kept at constant pressure; most units lie between."""
FULL_PCT = 100.0


@dataclass(frozen=True, slots=True)
class AirOperation:
    """``u`` units over ``n`` steps, (u, n) each: ``run`` 0..1, ``flow`` [% of full] while it runs,
    and ``reset_k`` [K], by how much the supply air is below its own setpoint."""

    run: Floats
    flow: Floats
    reset_k: Floats

    @property
    def flow_part(self) -> Floats:
        """Flow as a part of full flow (u, n)."""
        return np.asarray(self.run * self.flow / FULL_PCT)

    @property
    def fan_power_part(self) -> Floats:
        """Power of the fans as a part of that at full flow (u, n)."""
        return np.asarray(self.run * (self.flow / FULL_PCT) ** FAN_EXPONENT)


def own_air(problem: Problem) -> AirOperation:
    """Returns the units' own operation."""
    run = own_run(problem)
    return AirOperation(run, own_flow(problem), np.zeros_like(run))


def own_flow(problem: Problem) -> Floats:
    """Returns the units' own flow [% of full] (u, n)."""
    n = problem.steps
    flow = rows([unit.own_flow_pct or (FULL_PCT,) * n for unit in problem.ventilation], n)
    return _held(problem, [unit.flow_lever for unit in problem.ventilation], flow)


def own_run(problem: Problem) -> Floats:
    """Returns the units' own hours (u, n)."""
    run = rows([unit.own_run for unit in problem.ventilation], problem.steps)
    return _held(problem, [unit.lever for unit in problem.ventilation], run)


def own_supply(problem: Problem, unit: VentilationTask) -> Floats:
    """Returns the unit's own setpoint of the supply air [degC] (n,); it must have one."""
    own = np.array(unit.own_supply_c[: problem.steps], dtype=np.float64)
    return with_held_value(problem, unit.supply_lever, own)


def required_run(problem: Problem) -> Floats:
    """Returns the hours (u, n) of a plan: where required, or the own ones without a lever."""
    run = rows(
        [unit.required if unit.lever else unit.own_run for unit in problem.ventilation],
        problem.steps,
    )
    return _paced(problem, run)


def own_or_required_run(problem: Problem) -> Floats:
    """Returns the own hours (u, n) and all in which the units are required."""
    required = rows([unit.required for unit in problem.ventilation], problem.steps)
    return _paced(problem, np.asarray(np.maximum(own_run(problem), required)))


def _paced(problem: Problem, run: Floats) -> Floats:
    """The hours as the units may have them: held ones, and each on or off for its least time."""
    for u, unit in enumerate(problem.ventilation):
        if unit.lever is not None:
            run[u] = paced_with_held(problem, unit.lever, run[u])
    return run


def _held(problem: Problem, levers: Sequence[Lever | None], values: Floats) -> Floats:
    for u, lever in enumerate(levers):
        values[u] = with_held_value(problem, lever, values[u])
    return values


def rows(values: Sequence[Sequence[float | bool]], n: int) -> Floats:
    """Returns rows of ``n`` numbers as an array, also where there is no row."""
    return np.array([[float(v) for v in row[:n]] for row in values]).reshape(len(values), n)
