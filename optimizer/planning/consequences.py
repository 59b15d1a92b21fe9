"""What people should know of a candidate: limits that it cannot keep, its air and its peak."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from bms.model.fact import Fact, Moment, Term, fact
from bms.model.planning.problem import HeldValue, Lever, Problem
from bms.model.readings.units import Unit
from optimizer.explain.plan_reason import HeldText, HoldEnd, PlanReason
from optimizer.explain.relaxation import (
    BlindRelaxation,
    ComfortRelaxation,
    PowerRelaxation,
    Relaxation,
)
from optimizer.horizon.building import Building
from optimizer.horizon.peak_demand import metered_power
from optimizer.horizon.rollout import RolloutResult
from optimizer.model.air_handling import AirOperation
from optimizer.planning.candidate import Candidate, Evaluator
from optimizer.setpoints.air_flow import co2_relaxations, describe_flow
from optimizer.setpoints.supply_air_reset import describe_supply_air

RELAXED_KH_PER_ZONE = 0.1
"""A zone that is outside its band for less [K h] keeps it."""
BLIND_AFTER = timedelta(hours=1)
"""A shorter silence of a sensor is bridged by the model and not reported."""
LEAST_REPORTED_KW = 0.5
"""Less than this [kW] above a limit or the month's peak is not reported."""


def blind_rooms(problem: Problem) -> list[BlindRelaxation]:
    """Returns the zones whose temperature nobody has seen for ``BLIND_AFTER``, with their lever or
    without: what is said of their comfort is said by the model alone."""
    return [
        BlindRelaxation(zone=zone.called, since=since)
        for zone in problem.zones
        if (since := zone.blind_since) is not None
        and (since.tzinfo is None or problem.start - since >= BLIND_AFTER)
    ]


def relaxations(evaluator: Evaluator, candidate: Candidate) -> list[Relaxation]:
    """Returns what of comfort and CO2 a candidate cannot keep, but for what somebody holds."""
    return [
        *_comfort_relaxations(evaluator.building, candidate.rollout),
        *co2_relaxations(evaluator.problem, candidate.air),
    ]


def power_relaxations(evaluator: Evaluator, candidate: Candidate) -> list[Relaxation]:
    """Returns the power limit where a candidate does not keep it."""
    peak = evaluator.objective.peak
    power = metered_power(evaluator.building, candidate.dynamics, candidate.rollout.heat)
    if peak.above_limit_kw(power) <= LEAST_REPORTED_KW:
        return []
    return [PowerRelaxation(power_kw=peak.highest_kw(power), limit_kw=peak.limit_kw)]


def describe_peak(evaluator: Evaluator, candidate: Candidate) -> list[Fact]:
    """Returns the month's new highest power, where it has a price and rises."""
    peak = evaluator.objective.peak
    power = metered_power(evaluator.building, candidate.dynamics, candidate.rollout.heat)
    if peak.dkk_per_kw <= 0 or peak.above_so_far_kw(power) <= LEAST_REPORTED_KW:
        return []
    highest = peak.highest_kw(power)
    return [fact(PlanReason.NEW_PEAK, power_kw=highest, so_far_kw=peak.so_far_kw)]


def describe_air(problem: Problem, air: AirOperation) -> list[Fact]:
    """Returns what becomes of the ventilation."""
    return [*describe_flow(problem, air), *describe_supply_air(problem, air)]


def _comfort_relaxations(building: Building, rollout: RolloutResult) -> list[Relaxation]:
    use = building.planned_use
    violations = rollout.comfort_kh(building, use)
    found: list[Relaxation] = []
    for z, zone in enumerate(building.zones):
        if violations[z] > RELAXED_KH_PER_ZONE:
            air, low = rollout.air[z, 1:], building.low[z]
            outside = np.where(use[z] > 0, np.maximum(low - air, air - building.high[z]), -np.inf)
            found.append(
                ComfortRelaxation(
                    zone=zone.called,
                    kelvin_hours=float(violations[z]),
                    worst_c=float(air[int(np.argmax(outside))]),
                )
            )
    return found


def describe_held_levers(problem: Problem) -> list[Fact]:
    """Returns a fact for every lever of a problem in degC that is held at its start: the point, the
    value [unit of the lever], by whom and until when."""
    return [
        fact(
            PlanReason.LEVER_HELD,
            point=lever.point,
            value=lever.held.value,
            shown=_shown(lever, lever.held),
            by=lever.held.by,
            until=Moment(lever.held.until) if lever.held.until else Term(HoldEnd.HORIZON),
        )
        for lever in problem.levers
        if lever.held is not None and problem.held_steps(lever) > 0
    ]


def _shown(lever: Lever, held: HeldValue) -> Fact:
    if lever.unit is Unit.ON_OFF:
        return fact(HeldText.ON if held.value >= 0.5 else HeldText.OFF)
    texts = {Unit.PERCENT: HeldText.PERCENT, Unit.KELVIN: HeldText.DIFFERENCE}
    return fact(texts.get(lever.unit, HeldText.TEMPERATURE), value=held.value)
