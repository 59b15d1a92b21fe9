"""How the air-handling units run: their hours, their flow and how much cooler they supply.

What somebody holds counts as what the units do by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bms.model.planning.problem import Lever, Problem, VentilationTask
from optimizer.model.held_lever import with_held_value
from optimizer.model.rc_network import Floats

FAN_EXPONENT = 2.5
"""Power of fans over their flow: 3 by the fan laws where all pressure is lost by friction, about 2
where a duct is kept at constant pressure; most units lie between."""
FULL_PCT = 100.0


@dataclass(frozen=True, slots=True)
class Air:
    """``u`` units over ``n`` steps, (u, n) each: ``run`` 0..1, ``flow`` [% of full] while it runs,
    and ``cooler`` [K], how far the supply air is below its own setpoint."""

    run: Floats
    flow: Floats
    cooler: Floats

    @property
    def moved(self) -> Floats:
        """Air as a part of full flow."""
        return np.asarray(self.run * self.flow / FULL_PCT)

    @property
    def fan_part(self) -> Floats:
        """Power of the fans as a part of that at full flow."""
        return np.asarray(self.run * (self.flow / FULL_PCT) ** FAN_EXPONENT)


def own_air(problem: Problem) -> Air:
    """What the units do by themselves."""
    run = own_run(problem)
    return Air(run, own_flow(problem), np.zeros_like(run))


def own_flow(problem: Problem) -> Floats:
    """Flow [% of full] (u, n) that the units have by themselves."""
    n = problem.steps
    flow = rows([unit.own_flow_pct or (FULL_PCT,) * n for unit in problem.ventilation], n)
    return _held(problem, [unit.flow_lever for unit in problem.ventilation], flow)


def own_run(problem: Problem) -> Floats:
    """The units' own hours (u, n)."""
    run = rows([unit.own_run for unit in problem.ventilation], problem.steps)
    return _held(problem, [unit.lever for unit in problem.ventilation], run)


def own_supply(problem: Problem, unit: VentilationTask) -> Floats:
    """Setpoint of the supply air [degC] (n,) that a unit has by itself; it must have one."""
    own = np.array(unit.own_supply_c[: problem.steps], dtype=np.float64)
    return with_held_value(problem, unit.supply_lever, own)


def required_run(problem: Problem) -> Floats:
    """Their hours (u, n) as they are planned: where required, or their own without a lever."""
    run = rows(
        [unit.required if unit.lever else unit.own_run for unit in problem.ventilation],
        problem.steps,
    )
    return _held(problem, [unit.lever for unit in problem.ventilation], run)


def own_or_required_run(problem: Problem) -> Floats:
    """Their own hours (u, n) and all in which they are required."""
    required = rows([unit.required for unit in problem.ventilation], problem.steps)
    run = np.asarray(np.maximum(own_run(problem), required))
    return _held(problem, [unit.lever for unit in problem.ventilation], run)


def _held(problem: Problem, levers: Sequence[Lever | None], values: Floats) -> Floats:
    for u, lever in enumerate(levers):
        values[u] = with_held_value(problem, lever, values[u])
    return values


def rows(values: Sequence[Sequence[float | bool]], n: int) -> Floats:
    """Rows of ``n`` numbers as an array, also where there is no row."""
    return np.array([[float(v) for v in row[:n]] for row in values]).reshape(len(values), n)
