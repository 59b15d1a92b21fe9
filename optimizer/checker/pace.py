"""The independent checker's part on how fast a lever moves: ramp, least times, what they excuse.

Its own arithmetic, pair by pair; what makes plans goes over the horizon once.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, floor, inf, isfinite

from bms.model.planning.problem import Lever, Problem
from bms.model.readings.units import Unit

ROUNDING = 1e-4
ZERO_C_IN_K = 273.15


def zero_c_in(unit: Unit) -> float:
    """Returns what 0 degC is in the unit of a temperature."""
    return ZERO_C_IN_K if unit is Unit.KELVIN else 0.0


def first_fast_change(problem: Problem, lever: Lever, values: Sequence[float]) -> int | None:
    """The first free step whose value lies further from the one before it, or from what stands at
    the start, than the ramp allows in that time; one step of the point is always allowed."""
    if lever.max_change is None:
        return None
    held, change, span = held_steps(problem, lever), _change(problem, lever), _span(problem, lever)
    before = _standing(problem, lever, values)
    for k in range(held, len(values)):
        last = values[k - 1] if k > held else before
        if last is not None and not abs(values[k] - last) <= change + ROUNDING:
            return k
        window = range(max(held + 1, k - span + 1), k + 1)
        if span > 1 and sum(values[j] != values[j - 1] for j in window) > 1:
            return k
    return None


def first_short_run(problem: Problem, lever: Lever, values: Sequence[float]) -> int | None:
    """The first free step that ends a run or a stop before its least time."""
    if lever.unit is not Unit.ON_OFF:
        return None
    held, step_min = held_steps(problem, lever), problem.step_s / 60.0
    standing = _standing(problem, lever, values)
    on = None if standing is None else standing >= 0.5
    lasted = held * step_min if held else max(0.0, lever.standing_min or 0.0)
    for k in range(held, len(values)):
        now = values[k] >= 0.5
        least = lever.minimum_on if on else lever.minimum_off
        if on is not None and now is not on and lasted < least - ROUNDING:
            return k
        if on is None:
            lasted = inf  # nobody knows when that began: the first switch is for whoever writes
        elif now is not on:
            lasted = 0.0
        on, lasted = now, lasted + step_min
    return None


def may_not_start(problem: Problem, lever: Lever, k: int) -> bool:
    """Whether step ``k`` lies in the least time off of what stands at the start."""
    if held_steps(problem, lever) or lever.standing is None or not lever.standing < 0.5:
        return False
    ends_min = lever.minimum_off - max(0.0, lever.standing_min or 0.0)
    return k * problem.step_s / 60.0 < ends_min - ROUNDING


def highest_reachable(problem: Problem, lever: Lever, values: Sequence[float], k: int) -> float:
    """The highest value [unit], but for a step of the point, that the ramp reaches in step ``k``
    from what stands at the start; infinite where nothing limits it."""
    standing = _standing(problem, lever, values)
    if lever.max_change is None or standing is None:
        return inf
    rises = (k - held_steps(problem, lever)) // _span(problem, lever) + 1
    return standing + rises * _on_step(problem, lever) - lever.resolution


def lowest_reachable(
    problem: Problem, lever: Lever, limits: Sequence[float], values: Sequence[float]
) -> list[float]:
    """How far down [unit] the ramp lets the lever come in each step from what stands at the start,
    and from the upper limit that each other step has: what is above that is not the ramp's doing.
    Minus infinity where there is no ramp."""
    n = len(values)
    if lever.max_change is None:
        return [-inf] * n
    change, held = _change(problem, lever), held_steps(problem, lever)
    standing = _standing(problem, lever, values)
    found = [-inf if standing is None else standing - change * (k - held + 1) for k in range(n)]
    tops = limits[held:n]
    return [
        max([low, *(limit - change * abs(held + j - k) for j, limit in enumerate(tops))])
        for k, low in enumerate(found)
    ]


def changes(lever: Lever, values: Sequence[float]) -> int:
    """How often the lever is moved; a rise or fall along the ramp counts once."""
    moved, before = 0, 0
    for last, value in pairwise(values):
        direction = (value > last) - (value < last)
        moved += bool(direction) and (lever.max_change is None or direction != before)
        before = direction
    return moved


def _change(problem: Problem, lever: Lever) -> float:
    """The most that a step may change [unit]."""
    assert lever.max_change is not None
    return max(lever.resolution, lever.max_change * problem.step_s / 3600.0)


def _on_step(problem: Problem, lever: Lever) -> float:
    """The most that a step changes by whole steps of the point [unit]."""
    steps = floor(_change(problem, lever) / lever.resolution + ROUNDING)
    return steps * lever.resolution


def _span(problem: Problem, lever: Lever) -> int:
    """For how many steps a value stands at least where the ramp is finer than the point."""
    assert lever.max_change is not None
    per_step = lever.max_change * problem.step_s / 3600.0
    return max(1, ceil(lever.resolution / per_step - ROUNDING))


def held_steps(problem: Problem, lever: Lever) -> int:
    """For how many steps from the start on somebody holds the lever."""
    if lever.held is None or problem.start.tzinfo is None:
        return 0
    if lever.held.until is None:
        return problem.steps
    seconds = (lever.held.until - problem.start).total_seconds()
    return sum(k * problem.step_s < seconds for k in range(problem.steps))


def _standing(problem: Problem, lever: Lever, values: Sequence[float]) -> float | None:
    """What stands when the lever becomes free, within its limits."""
    held = held_steps(problem, lever)
    if held:
        value: float | None = values[held - 1] if held <= len(values) else None
    else:
        value = lever.standing
    if value is None or not isfinite(value):
        return None
    return min(max(value, lever.minimum), lever.maximum)
