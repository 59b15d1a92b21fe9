"""Problem → Schedule. It always answers: with the optimum, with a relaxed plan, or with a timetable
and the reason for it."""

from __future__ import annotations

from dataclasses import replace
from math import inf, isfinite

from bms.model.assets.site import Weights
from bms.model.fact import Fact, fact
from bms.model.planning.plan import PlanStatus, Schedule
from bms.model.planning.problem import NoModel, Problem
from optimizer.checker.check import check
from optimizer.explain.plan_reason import PlanReason
from optimizer.explain.problem_flaw import ProblemFlaw
from optimizer.explain.setpoint_changes import setpoint_changes
from optimizer.horizon.building import building_of
from optimizer.horizon.forecast_inputs import forecast_inputs
from optimizer.linear_program.program import HorizonProgram
from optimizer.planning.candidate import Evaluator
from optimizer.planning.consequences import blind_rooms, describe_held_levers
from optimizer.planning.horizon_program import program_with
from optimizer.planning.known_zones import known_zones
from optimizer.planning.model_cache import identified
from optimizer.planning.schedule import empty_schedule, timetable_schedule
from optimizer.planning.selection import select
from optimizer.problem.sanitise import sanitise
from optimizer.setpoints.air_flow import planned_air
from optimizer.setpoints.heating_curve import curve_lever
from optimizer.setpoints.optimum_start import with_learned_starts


def make_plan(problem: Problem) -> Schedule:
    """Returns the schedule for a problem; never raises: failures become a fallback."""
    part, flaws = sanitise(problem)
    if part is None:
        return empty_schedule(problem, flaws)
    part = with_learned_starts(part)
    flaws += _implausible_terms(part)
    flaws += describe_held_levers(part)
    flaws += [blind.fact for blind in blind_rooms(part)]
    if any(map(_is_implausible, (part.weights.comfort_dkk_per_kh, part.weights.co2_dkk_per_kg))):
        part = replace(part, weights=Weights())
        flaws.append(_weights_used(part.weights))
    schedule = _checked(part, flaws)
    return replace(
        schedule,
        reasons=(*problem.notes, *schedule.reasons),
        changes=setpoint_changes(part, schedule),
    )


def _checked(part: Problem, flaws: list[Fact]) -> Schedule:
    """The plan where the checker has no objection, the timetable otherwise."""
    try:
        schedule = _modelled(part, flaws)
    except Exception as error:  # law 3: the planner always answers
        failure = fact(PlanReason.NO_SOLUTION, message=type(error).__name__)
        return timetable_schedule(part, [*flaws, failure])
    objections = check(part, schedule)
    if objections and schedule.status is not PlanStatus.FALLBACK:
        return timetable_schedule(part, [*flaws, fact(PlanReason.REFUSED), *objections])
    return schedule


def _weights_used(weights: Weights) -> Fact:
    return fact(
        ProblemFlaw.BAD_WEIGHTS,
        comfort_dkk_per_kh=weights.comfort_dkk_per_kh,
        co2_dkk_per_kg=weights.co2_dkk_per_kg,
    )


def _implausible_terms(problem: Problem) -> list[Fact]:
    """What was declared and makes no sense."""
    power = (problem.peak_so_far_kw, problem.peak_dkk_per_kw, problem.power_limit_kw)
    source = problem.heat_source
    runs = (source.least_run_min, source.least_stop_min, source.least_kw)
    load = problem.other_load_kw
    odd = len(load) not in (0, problem.steps) or any(
        kw is not None and not isfinite(kw) for kw in load
    )
    found = [fact(ProblemFlaw.BAD_POWER)] if odd or any(map(_is_implausible, power)) else []
    found += [fact(ProblemFlaw.BAD_SOURCE)] if any(map(_is_implausible, runs)) else []
    if problem.curve is not None and curve_lever(problem) is None:
        found.append(fact(ProblemFlaw.BAD_LEVER, lever=problem.curve.lever.point))
    return found


def _is_implausible(number: float | None) -> bool:
    return number is not None and not 0.0 <= number < inf


def program_for(problem: Problem) -> HorizonProgram:
    """The linear program of a problem in degC that has a model, for those who measure it.

    Raises ``ValueError`` where there is no forecast, model or state.
    """
    part, _ = sanitise(problem)
    inputs = forecast_inputs(part) if part is not None else None
    if part is None or inputs is None or part.model is None or not inputs.has_weather:
        raise ValueError("a program needs a horizon, a forecast and a model")
    known = known_zones(part, part.model)
    if not known.tasks:
        raise ValueError(f"no zone can be planned: {'; '.join(map(str, known.missing))}")
    building = building_of(part, known.tasks, known.models, known.state, inputs)
    evaluator = Evaluator.of(part, building)
    return program_with(evaluator, planned_air(part))


def _modelled(problem: Problem, found: list[Fact]) -> Schedule:
    if not any(zone.lever for zone in problem.zones):
        return timetable_schedule(problem, [*found, fact(PlanReason.NO_LEVER)])
    if problem.heat_source.capacity_kw == 0:
        return timetable_schedule(problem, [*found, fact(PlanReason.NO_POWER)])
    inputs = forecast_inputs(problem)
    found = [*found, *inputs.reasons]
    if not inputs.has_weather:
        return timetable_schedule(problem, found)
    model = problem.model or identified(problem)
    if isinstance(model, NoModel):
        return timetable_schedule(problem, [*found, fact(PlanReason.NO_MODEL), *model.reasons])
    known = known_zones(problem, model)
    found = [*found, *known.missing]
    if not any(task.lever for task in known.tasks):
        return timetable_schedule(problem, found)
    building = building_of(problem, known.tasks, known.models, known.state, inputs)
    return select(problem, building, found)
