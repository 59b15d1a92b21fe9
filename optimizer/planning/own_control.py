"""The building's own control as candidates: as it is, with enough air, and as it can be issued."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optimizer.model.air_handling import own_air, own_or_required_run
from optimizer.planning.candidate import Candidate, Evaluator
from optimizer.setpoints.air_flow import own_or_more_air, planned_flow
from optimizer.setpoints.coarse_steps import lower_own_setpoints
from optimizer.setpoints.lever_values import lever_values


def own_control(evaluator: Evaluator) -> Candidate:
    """Returns what the building does by itself."""
    return evaluator.evaluate(evaluator.building.own_setpoint, own_air(evaluator.problem))


def own_control_with_enough_air(evaluator: Evaluator, own: Candidate) -> Candidate:
    """Returns what a plan has to beat: own control with the flow that it lacks for CO2 where it
    lacks any, as less air is no saving."""
    least = planned_flow(evaluator.problem, own.air.run, own=True)
    flow = np.maximum(least, own.air.flow)
    if np.all((flow <= own.air.flow) | (own.air.run <= 0)):
        return own
    return evaluator.evaluate(own.setpoints, replace(own.air, flow=flow))


def issued_own_control(evaluator: Evaluator) -> Candidate:
    """Returns own control as the levers take it, not below the limits of use, with units running
    wherever they are required."""
    building, problem = evaluator.building, evaluator.problem
    safe = np.where(
        building.use > 0, np.maximum(building.own_setpoint, building.low), building.own_setpoint
    )
    setpoints = lever_values(building, lower_own_setpoints(building, safe))
    return evaluator.evaluate(setpoints, own_or_more_air(problem, own_or_required_run(problem)))
