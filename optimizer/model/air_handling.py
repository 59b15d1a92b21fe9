"""How the air-handling units run: their hours, their flow and how much cooler they supply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bms.model.planning.problem import Problem
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
    return rows([unit.own_flow_pct or (FULL_PCT,) * n for unit in problem.ventilation], n)


def own_run(problem: Problem) -> Floats:
    """The units' own hours (u, n)."""
    return rows([unit.own_run for unit in problem.ventilation], problem.steps)


def required_run(problem: Problem) -> Floats:
    """Their hours (u, n) as they are planned: where required, or their own without a lever."""
    return rows(
        [unit.required if unit.lever else unit.own_run for unit in problem.ventilation],
        problem.steps,
    )


def own_or_required_run(problem: Problem) -> Floats:
    """Their own hours (u, n) and all in which they are required."""
    required = rows([unit.required for unit in problem.ventilation], problem.steps)
    return np.asarray(np.maximum(own_run(problem), required))


def rows(values: Sequence[Sequence[float | bool]], n: int) -> Floats:
    """Rows of ``n`` numbers as an array, also where there is no row."""
    return np.array([[float(v) for v in row[:n]] for row in values]).reshape(len(values), n)
