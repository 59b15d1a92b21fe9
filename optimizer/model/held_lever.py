"""Levers at which somebody holds a value."""

from __future__ import annotations

from bms.model.planning.problem import Lever, Problem
from optimizer.model.rc_network import Floats


def with_held_value(problem: Problem, lever: Lever | None, values: Floats) -> Floats:
    """Returns ``values`` (n,) [unit of the lever] with the value at which the lever is held in
    their place, for as long as it is."""
    steps = problem.held_steps(lever)
    if not steps or lever is None or lever.held is None:
        return values
    result = values.copy()
    result[:steps] = lever.held.value
    return result
