"""The independent checker: may this schedule be written?

It shares no code with what makes plans, but for how a moment is said, and trusts nothing in the
schedule, only the problem.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from math import ceil, floor, isfinite

from bms.model.planning.plan import Schedule, SetpointPlan, Step
from bms.model.planning.problem import CurveTask, Lever, Problem, VentilationTask, ZoneTask
from bms.model.readings.units import Unit
from bms.model.words import Words
from optimizer.checker.air import (
    FlowTask,
    SupplyTask,
    first_low_flow,
    first_raised_supply,
    first_stale_air,
    flow_is_due,
    supply_is_due,
)
from optimizer.explain.dates import local, spoken

MOST_CHANGES_PER_DAY = 24
COMFORT_TOLERANCE_K = 0.3
ROUNDING = 1e-4
SLACK = 1e-6
ZERO_C_IN_K = 273.15
LONGEST_STEP_S = 7200
FIRST_YEAR, LAST_YEAR = 2, 8999
MOST, LEAST = 1e9, 1e-9
"""Limits of a point, and its resolution, that a float can still tell apart."""
HOTTEST_LOW_C = 100.0
"""A lowest temperature above this was not meant in degC."""
LARGEST_SHIFT_DOWN_K = 8.0

Task = ZoneTask | VentilationTask | CurveTask | FlowTask | SupplyTask


def check(problem: Problem, schedule: Schedule) -> tuple[Words, ...]:
    """Every objection to ``schedule``; none means that it may be written. Never raises."""
    return tuple(_objections(problem, schedule))


def _objections(problem: Problem, schedule: Schedule) -> Iterator[Words]:
    same_grid = schedule.start == problem.start and schedule.step_s == problem.step_s
    if schedule.site != problem.site or not same_grid:
        yield Words(
            "other_problem",
            "Planen hører ikke til denne opgave (bygning, start eller tidsskridt).",
            "The plan does not belong to this problem (site, start or time step).",
        )
        return
    levers = _levers(problem)
    seen: set[str] = set()
    whole: list[SetpointPlan] = []
    for plan in schedule.setpoints:
        if plan.point not in levers:
            yield _point(
                plan.point, "unknown_point", "må planen ikke røre", "is not the plan's to move"
            )
            continue
        if plan.point in seen:
            yield _point(plan.point, "twice", "står to gange", "stands twice")
            continue
        seen.add(plan.point)
        objections = list(_plan_objections(problem, plan, *levers[plan.point]))
        yield from objections
        if not objections:
            whole.append(plan)
    yield from _co2_objections(problem, whole, levers)
    for point, (lever, task) in levers.items():
        if point not in seen and _can_be_planned(problem, lever, task):
            yield _point(point, "missing", "mangler i planen", "is missing from the plan")


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
    slack = SLACK / max(1.0, lever.resolution)
    first = ceil((lever.minimum - lever.origin) / lever.resolution - slack)
    last = floor((lever.maximum - lever.origin) / lever.resolution + slack)
    return first <= last


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
    meant = problem.temperature_unit is Unit.KELVIN or min(zone.low_c) < HOTTEST_LOW_C
    return ordered and known and meant


def _plan_objections(
    problem: Problem, plan: SetpointPlan, lever: Lever, task: Task
) -> Iterator[Words]:
    if plan.unit != lever.unit:
        yield _point(plan.point, "unit", f"har enheden {plan.unit}", f"has the unit {plan.unit}")
    holes = list(_hole_objections(problem, plan))
    yield from holes
    values = [step.value for step in plan.steps]
    if not all(isfinite(value) for value in values):
        yield _point(
            plan.point,
            "not_finite",
            "har en værdi, der ikke er et tal",
            "has a value that is no number",
        )
        return
    yield from _value_objections(plan.point, values, lever)
    yield from _change_objections(problem, plan)
    if holes:
        return
    if isinstance(task, ZoneTask):
        yield from _zone_objections(problem, plan, lever, task)
    elif isinstance(task, CurveTask):
        yield from _curve_objections(plan)
    elif isinstance(task, VentilationTask):
        yield from _ventilation_objections(problem, plan, task)
    else:
        yield from _air_objections(problem, plan, lever, task)


def _hole_objections(problem: Problem, plan: SetpointPlan) -> Iterator[Words]:
    """From the start of the horizon to its end, step after step, on the problem's grid."""
    moment = problem.start
    end = problem.start + timedelta(seconds=problem.step_s * problem.steps)
    for step in plan.steps:
        off_grid = (step.end - problem.start).total_seconds() % problem.step_s
        if step.start != moment or step.end <= step.start or off_grid:
            yield _point(plan.point, "hole", "har huller eller overlap", "has holes or overlaps")
            return
        moment = step.end
    if moment != end:
        yield _point(
            plan.point,
            "coverage",
            "dækker ikke netop perioden",
            "does not cover exactly the horizon",
        )


def _value_objections(point: str, values: list[float], lever: Lever) -> Iterator[Words]:
    if any(not lever.minimum - ROUNDING <= v <= lever.maximum + ROUNDING for v in values):
        yield _point(point, "limit", "går ud over punktets grænser", "goes beyond its limits")
    steps = [(v - lever.origin) / lever.resolution for v in values] if lever.resolution > 0 else []
    if any(abs(s - round(s)) > ROUNDING / lever.resolution for s in steps):
        yield _point(
            point,
            "resolution",
            "rammer ikke punktets opløsning",
            "is not a multiple of its resolution",
        )


def _change_objections(problem: Problem, plan: SetpointPlan) -> Iterator[Words]:
    days = max(1.0, problem.steps * problem.step_s / 86400.0)
    changes = sum(a.value != b.value for a, b in zip(plan.steps, plan.steps[1:], strict=False))
    if changes > MOST_CHANGES_PER_DAY * days:
        yield _point(plan.point, "changes", "ændres for ofte", "changes too often")


def _zone_objections(
    problem: Problem, plan: SetpointPlan, lever: Lever, zone: ZoneTask
) -> Iterator[Words]:
    zero, lever_zero = _zero(problem.temperature_unit), _zero(lever.unit)
    lowest, highest = lever.minimum - lever_zero, lever.maximum - lever_zero
    for k, written in enumerate(_on_grid(problem, plan.steps)):
        if k >= len(zone.low_c) or k >= len(zone.occupied):
            break
        value = written - lever_zero
        reachable = min(zone.low_c[k] - zero, highest)
        if zone.occupied[k] and value < reachable - COMFORT_TOLERANCE_K - ROUNDING:
            yield _point(
                plan.point,
                "comfort",
                "er for lav i brugstiden",
                "is too low in use",
                _moment(problem, k),
            )
            return
        if not zone.occupied[k] and value < reachable - ROUNDING:
            yield _point(
                plan.point,
                "floor",
                "er under bundgrænsen",
                "is below the floor",
                _moment(problem, k),
            )
            return
        if value > max(zone.high_c[k] - zero, lowest) + lever.resolution + ROUNDING:
            yield _point(
                plan.point,
                "ceiling",
                "er over overgrænsen",
                "is above the ceiling",
                _moment(problem, k),
            )
            return


def _zero(unit: Unit) -> float:
    """What 0 degC is in the unit of a temperature."""
    return ZERO_C_IN_K if unit is Unit.KELVIN else 0.0


def _curve_objections(plan: SetpointPlan) -> Iterator[Words]:
    """A plan lowers the curve; to raise it, or to lower it a lot, is for people."""
    if any(not -LARGEST_SHIFT_DOWN_K <= step.value <= ROUNDING for step in plan.steps):
        yield _point(
            plan.point,
            "curve",
            "hæver varmekurven eller sænker den for meget",
            "raises the heating curve or lowers it too much",
        )


def _ventilation_objections(
    problem: Problem, plan: SetpointPlan, unit: VentilationTask
) -> Iterator[Words]:
    for k, (value, required) in enumerate(
        zip(_on_grid(problem, plan.steps), unit.required, strict=False)
    ):
        if required and value < 0.5:
            yield _point(
                plan.point,
                "ventilation",
                "er slukket, mens der er mennesker",
                "is off while people are in",
                _moment(problem, k),
            )
            return


def _air_objections(
    problem: Problem, plan: SetpointPlan, lever: Lever, task: FlowTask | SupplyTask
) -> Iterator[Words]:
    values, unit = _on_grid(problem, plan.steps), task.unit
    if isinstance(task, FlowTask):
        k = first_low_flow(problem, unit, lever, values)
        code, da, en = "flow", "er for lav, mens der er mennesker", "is too low while people are in"
    else:
        k = first_raised_supply(unit, lever, values, problem.temperature_unit)
        code, da, en = "supply", "er over anlæggets eget setpunkt", "is above its own setpoint"
    if k is not None:
        yield _point(plan.point, code, da, en, _moment(problem, k))


def _co2_objections(
    problem: Problem, plans: Sequence[SetpointPlan], levers: dict[str, tuple[Lever, Task]]
) -> Iterator[Words]:
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
            yield _point(
                point,
                "co2",
                f"giver {found[0].called} for lidt luft til CO2-grænsen",
                f"gives {found[0].called} too little air for the CO2 limit",
                _moment(problem, found[1]),
            )


def _on_grid(problem: Problem, steps: tuple[Step, ...]) -> list[float]:
    """The value of every step of the horizon; the steps are known to have no holes."""
    values: list[float] = []
    for step in steps:
        count = round((step.end - step.start).total_seconds() / problem.step_s)
        values.extend([step.value] * count)
    return values


def _moment(problem: Problem, k: int) -> datetime:
    """The start of step ``k`` on the building's clock."""
    return local(problem.start + timedelta(seconds=problem.step_s * k), problem.timezone)


def _point(point: str, code: str, da: str, en: str, at: datetime | None = None) -> Words:
    when_da, when_en = (f" ({words})" for words in spoken(at)) if at else ("", "")
    return Words(f"check_{code}", f"{point} {da}{when_da}.", f"{point} {en}{when_en}.")
