"""The independent checker: may this schedule be written?

It shares no code with what makes plans and trusts nothing in the schedule, only the problem.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from datetime import timedelta
from math import ceil, floor, isfinite

from bms.model.fact import Fact, MessageCode, Moment, Parameter, fact
from bms.model.planning.plan import Schedule, SetpointPlan, Step
from bms.model.planning.problem import CurveTask, Lever, Problem, VentilationTask, ZoneTask
from bms.model.readings.units import Unit
from optimizer.checker.air import (
    FlowTask,
    SupplyTask,
    first_low_flow,
    first_raised_supply,
    first_stale_air,
    flow_is_due,
    supply_is_due,
)
from optimizer.checker.own_control import first_above_own
from optimizer.checker.pace import (
    changes,
    first_fast_change,
    first_short_run,
    held_steps,
    highest_reachable,
    lowest_reachable,
    may_not_start,
    zero_c_in,
)


class CheckObjection(MessageCode):
    """Objections of the independent checker to a plan or to the values of one point."""

    OTHER_PROBLEM = "other_problem"
    UNKNOWN_POINT = "check_unknown_point"
    TWICE = "check_twice"
    MISSING = "check_missing"
    UNIT = "check_unit"
    HOLE = "check_hole"
    COVERAGE = "check_coverage"
    NOT_FINITE = "check_not_finite"
    LIMIT = "check_limit"
    RESOLUTION = "check_resolution"
    CHANGES = "check_changes"
    RAMP = "check_ramp"
    SHORT_RUN = "check_short_run"
    HELD = "check_held"
    COMFORT = "check_comfort"
    FLOOR = "check_floor"
    CEILING = "check_ceiling"
    ABOVE_OWN = "check_above_own"
    CURVE = "check_curve"
    VENTILATION = "check_ventilation"
    FLOW = "check_flow"
    SUPPLY = "check_supply"
    CO2 = "check_co2"


MOST_CHANGES_PER_DAY = 24
COMFORT_TOLERANCE_K = 0.3
ROUNDING = 1e-4
SLACK = 1e-6
LONGEST_STEP_S = 7200
FIRST_YEAR, LAST_YEAR = 2, 8999
MOST, LEAST = 1e9, 1e-9
"""Limits of a point, and its resolution, that a float can still tell apart."""
HOTTEST_LOW_C = 40.0
"""A lowest temperature above this was not meant in degC."""
LARGEST_SHIFT_DOWN_K = 8.0

Task = ZoneTask | VentilationTask | CurveTask | FlowTask | SupplyTask


def check(problem: Problem, schedule: Schedule) -> tuple[Fact, ...]:
    """Every objection to ``schedule``; none means that it may be written. Never raises."""
    return tuple(_objections(problem, schedule))


def _objections(problem: Problem, schedule: Schedule) -> Iterator[Fact]:
    same_grid = schedule.start == problem.start and schedule.step_s == problem.step_s
    if schedule.site != problem.site or not same_grid:
        yield fact(CheckObjection.OTHER_PROBLEM)
        return
    levers = _levers(problem)
    seen: set[str] = set()
    whole: list[SetpointPlan] = []
    for plan in schedule.setpoints:
        if plan.point not in levers:
            yield _at(plan.point, CheckObjection.UNKNOWN_POINT)
            continue
        if plan.point in seen:
            yield _at(plan.point, CheckObjection.TWICE)
            continue
        seen.add(plan.point)
        objections = list(_plan_objections(problem, plan, *levers[plan.point]))
        yield from objections
        if not objections:
            whole.append(plan)
    yield from _co2_objections(problem, whole, levers)
    modelled = {row.zone for row in schedule.forecast}
    yield from _own_control_objections(problem, whole, levers, modelled)
    for point, (lever, task) in levers.items():
        if point not in seen and _can_be_planned(problem, lever, task):
            yield _at(point, CheckObjection.MISSING)


def _levers(problem: Problem) -> dict[str, tuple[Lever, Task]]:
    tasks: list[tuple[Lever | None, Task]] = [(zone.lever, zone) for zone in problem.zones]
    for unit in problem.ventilation:
        tasks.append((unit.lever, unit))
        tasks.append((unit.flow_lever, FlowTask(unit)))
        tasks.append((unit.supply_lever, SupplyTask(unit)))
    if problem.curve is not None:
        tasks.append((problem.curve.lever, problem.curve))
    return {lever.point: (lever, task) for lever, task in tasks if lever is not None}


def _can_be_planned(problem: Problem, lever: Lever, task: Task) -> bool:
    """Whether a value is due at all: what contradicts itself may be left alone, and only that."""
    when = 0 < problem.step_s <= LONGEST_STEP_S and problem.start.tzinfo is not None
    when = when and FIRST_YEAR <= problem.start.year <= LAST_YEAR
    units = problem.temperature_unit in (Unit.DEG_C, Unit.KELVIN)
    if problem.steps == 0 or not when or not units or not _has_a_value(lever):
        return False
    if isinstance(task, CurveTask):
        return lever.minimum <= 0.0 <= lever.maximum
    if isinstance(task, ZoneTask):
        return _zone_makes_sense(problem, task)
    if isinstance(task, VentilationTask):
        return _unit_makes_sense(problem, task)
    return _unit_makes_sense(problem, task.unit) and _air_is_due(problem, lever, task)


def _air_is_due(problem: Problem, lever: Lever, task: FlowTask | SupplyTask) -> bool:
    if isinstance(task, FlowTask):
        return flow_is_due(task.unit, lever, problem.steps)
    return supply_is_due(task.unit, lever, problem.steps, problem.temperature_unit)


def _has_a_value(lever: Lever) -> bool:
    numbers = (lever.minimum, lever.maximum, lever.resolution, lever.origin)
    if not all(-MOST <= number <= MOST for number in numbers) or lever.resolution < LEAST:
        return False
    if not _has_a_pace(lever):
        return False
    slack = SLACK / max(1.0, lever.resolution)
    first = ceil((lever.minimum - lever.origin) / lever.resolution - slack)
    last = floor((lever.maximum - lever.origin) / lever.resolution + slack)
    return first <= last


def _has_a_pace(lever: Lever) -> bool:
    ramp = lever.max_change is None or LEAST <= lever.max_change <= MOST
    return ramp and all(0.0 <= least <= MOST for least in (lever.minimum_on, lever.minimum_off))


def _unit_makes_sense(problem: Problem, unit: VentilationTask) -> bool:
    numbers = (*unit.own_run, unit.flow_m3_h, unit.fan_kw, unit.recovery)
    lengths = {len(unit.required), len(unit.own_run)}
    return lengths == {problem.steps} and all(map(isfinite, numbers))


def _zone_makes_sense(problem: Problem, zone: ZoneTask) -> bool:
    rows = (zone.occupied, zone.low_c, zone.high_c, zone.own_setpoint_c)
    if {len(row) for row in rows} != {problem.steps}:
        return False
    ordered = all(low <= high for low, high in zip(zone.low_c, zone.high_c, strict=True))
    known = all(map(isfinite, (*zone.own_setpoint_c, zone.area_m2)))
    meant = min(zone.low_c) - zero_c_in(problem.temperature_unit) <= HOTTEST_LOW_C
    return ordered and known and meant


def _plan_objections(
    problem: Problem, plan: SetpointPlan, lever: Lever, task: Task
) -> Iterator[Fact]:
    if plan.unit != lever.unit:
        yield _at(plan.point, CheckObjection.UNIT, unit=plan.unit.value)
    holes = list(_hole_objections(problem, plan))
    yield from holes
    if not all(isfinite(step.value) for step in plan.steps):
        yield _at(plan.point, CheckObjection.NOT_FINITE)
        return
    free = _steps_after(problem, plan, held_steps(problem, lever))
    yield from _value_objections(plan.point, [step.value for step in free], lever)
    if holes:
        yield from _change_objections(problem, plan, lever, [step.value for step in plan.steps])
        return
    yield from _change_objections(problem, plan, lever, _on_grid(problem, plan.steps))
    yield from _pace_objections(problem, plan, lever)
    yield from _held_objections(problem, plan, lever)
    if isinstance(task, ZoneTask):
        yield from _zone_objections(problem, plan, lever, task)
    elif isinstance(task, CurveTask):
        yield from _curve_objections(plan.point, free)
    elif isinstance(task, VentilationTask):
        yield from _ventilation_objections(problem, plan, lever, task)
    else:
        yield from _air_objections(problem, plan, lever, task)


def _steps_after(problem: Problem, plan: SetpointPlan, held: int) -> list[Step]:
    """The steps that reach beyond the first ``held`` ones of the horizon."""
    return [
        step
        for step in plan.steps
        if not held or (step.end - problem.start).total_seconds() > held * problem.step_s
    ]


def _held_objections(problem: Problem, plan: SetpointPlan, lever: Lever) -> Iterator[Fact]:
    """What somebody holds is demanded as it is."""
    if lever.held is None:
        return
    values = _on_grid(problem, plan.steps)[: held_steps(problem, lever)]
    for k, value in enumerate(values):
        if not abs(value - lever.held.value) <= ROUNDING:
            yield _at(plan.point, CheckObjection.HELD, at=_moment(problem, k))
            return


def _hole_objections(problem: Problem, plan: SetpointPlan) -> Iterator[Fact]:
    """From the start of the horizon to its end, step after step, on the problem's grid."""
    moment = problem.start
    end = problem.start + timedelta(seconds=problem.step_s * problem.steps)
    for step in plan.steps:
        off_grid = (step.end - problem.start).total_seconds() % problem.step_s
        if step.start != moment or step.end <= step.start or off_grid:
            yield _at(plan.point, CheckObjection.HOLE)
            return
        moment = step.end
    if moment != end:
        yield _at(plan.point, CheckObjection.COVERAGE)


def _value_objections(point: str, values: list[float], lever: Lever) -> Iterator[Fact]:
    if any(not lever.minimum - ROUNDING <= v <= lever.maximum + ROUNDING for v in values):
        yield _at(point, CheckObjection.LIMIT)
    steps = [(v - lever.origin) / lever.resolution for v in values] if lever.resolution > 0 else []
    if any(abs(s - round(s)) > ROUNDING / lever.resolution for s in steps):
        yield _at(point, CheckObjection.RESOLUTION)


def _change_objections(
    problem: Problem, plan: SetpointPlan, lever: Lever, values: list[float]
) -> Iterator[Fact]:
    days = max(1.0, problem.steps * problem.step_s / 86400.0)
    if changes(lever, values) > MOST_CHANGES_PER_DAY * days:
        yield _at(plan.point, CheckObjection.CHANGES)


def _pace_objections(problem: Problem, plan: SetpointPlan, lever: Lever) -> Iterator[Fact]:
    """The ramp of the lever, and its least times on and off."""
    if not _has_a_pace(lever):
        yield _at(plan.point, CheckObjection.RAMP, at=_moment(problem, 0))
        return
    values = _on_grid(problem, plan.steps)
    fast = first_fast_change(problem, lever, values)
    if fast is not None:
        yield _at(plan.point, CheckObjection.RAMP, at=_moment(problem, fast))
    short = first_short_run(problem, lever, values)
    if short is not None:
        yield _at(plan.point, CheckObjection.SHORT_RUN, at=_moment(problem, short))


def _zone_objections(
    problem: Problem, plan: SetpointPlan, lever: Lever, zone: ZoneTask
) -> Iterator[Fact]:
    zero, lever_zero = zero_c_in(problem.temperature_unit), zero_c_in(lever.unit)
    lowest, highest = lever.minimum - lever_zero, lever.maximum - lever_zero
    held, values = held_steps(problem, lever), _on_grid(problem, plan.steps)
    tops = [max(high - zero + lever_zero, lever.minimum) for high in zone.high_c]
    ramped = lowest_reachable(problem, lever, tops, values)
    for k, written in enumerate(values):
        if k >= len(zone.low_c) or k >= len(zone.occupied):
            break
        if k < held:
            continue
        value = written - lever_zero
        ramp_high = highest_reachable(problem, lever, values, k) - lever_zero
        reachable = min(zone.low_c[k] - zero, highest, ramp_high)
        if zone.occupied[k] and value < reachable - COMFORT_TOLERANCE_K - ROUNDING:
            yield _at(plan.point, CheckObjection.COMFORT, at=_moment(problem, k))
            return
        if not zone.occupied[k] and value < reachable - ROUNDING:
            yield _at(plan.point, CheckObjection.FLOOR, at=_moment(problem, k))
            return
        highest_now = max(zone.high_c[k] - zero, lowest, ramped[k] - lever_zero)
        if value > highest_now + lever.resolution + ROUNDING:
            yield _at(plan.point, CheckObjection.CEILING, at=_moment(problem, k))
            return


def _curve_objections(point: str, steps: Sequence[Step]) -> Iterator[Fact]:
    """A plan lowers the curve; to raise it, or to lower it a lot, is for people."""
    if any(not -LARGEST_SHIFT_DOWN_K <= step.value <= ROUNDING for step in steps):
        yield _at(point, CheckObjection.CURVE)


def _ventilation_objections(
    problem: Problem, plan: SetpointPlan, lever: Lever, unit: VentilationTask
) -> Iterator[Fact]:
    held = held_steps(problem, lever)
    for k, (value, required) in enumerate(
        zip(_on_grid(problem, plan.steps), unit.required, strict=False)
    ):
        if k >= held and required and value < 0.5 and not may_not_start(problem, lever, k):
            yield _at(plan.point, CheckObjection.VENTILATION, at=_moment(problem, k))
            return


def _air_objections(
    problem: Problem, plan: SetpointPlan, lever: Lever, task: FlowTask | SupplyTask
) -> Iterator[Fact]:
    values, unit = _on_grid(problem, plan.steps), task.unit
    if isinstance(task, FlowTask):
        k, objection = first_low_flow(problem, unit, lever, values), CheckObjection.FLOW
    else:
        k = first_raised_supply(problem, unit, lever, values)
        objection = CheckObjection.SUPPLY
    if k is not None:
        yield _at(plan.point, objection, at=_moment(problem, k))


def _co2_objections(
    problem: Problem, plans: Sequence[SetpointPlan], levers: dict[str, tuple[Lever, Task]]
) -> Iterator[Fact]:
    """Rooms with too much CO2 though their unit had more air to give."""
    values = {plan.point: _on_grid(problem, plan.steps) for plan in plans}
    for point, (_, task) in levers.items():
        if not isinstance(task, FlowTask) or point not in values:
            continue
        if not _unit_makes_sense(problem, task.unit):
            continue
        found = first_stale_air(
            problem, task.unit, values, lambda zone: _zone_makes_sense(problem, zone)
        )
        if found is not None:
            zone, k = found
            yield _at(point, CheckObjection.CO2, zone=zone.called, at=_moment(problem, k))


def _own_control_objections(
    problem: Problem,
    plans: Sequence[SetpointPlan],
    levers: dict[str, tuple[Lever, Task]],
    modelled: Container[str],
) -> Iterator[Fact]:
    """Zones without a model that are asked for more than their own control."""
    for plan in plans:
        lever, task = levers[plan.point]
        if not isinstance(task, ZoneTask) or task.id in modelled:
            continue
        if not _can_be_planned(problem, lever, task):
            continue
        k = first_above_own(problem, task, lever, _on_grid(problem, plan.steps))
        if k is not None:
            yield _at(plan.point, CheckObjection.ABOVE_OWN, at=_moment(problem, k))


def _on_grid(problem: Problem, steps: tuple[Step, ...]) -> list[float]:
    """The value of every step of the horizon; the steps are known to have no holes."""
    values: list[float] = []
    for step in steps:
        count = round((step.end - step.start).total_seconds() / problem.step_s)
        values.extend([step.value] * count)
    return values


def _moment(problem: Problem, k: int) -> Moment:
    """The start of step ``k``."""
    return Moment(problem.start + timedelta(seconds=problem.step_s * k))


def _at(point: str, objection: CheckObjection, **more: Parameter) -> Fact:
    return fact(objection, point=point, **more)
