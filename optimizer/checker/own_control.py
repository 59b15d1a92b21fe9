"""Zones without a model against their own control: never warmer, never earlier."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, isfinite

from bms.model.planning.problem import Lever, Problem, ZoneTask
from optimizer.checker.pace import held_steps, lowest_reachable, zero_c_in

ROUNDING = 1e-4
COLD_START_K = 0.3
LAST_STARTS, LATE_STARTS = 5, 2
"""Own control is too late for a zone that was too cold at so many of its last starts of use."""
EARLIEST_H = 12.0
ABOVE_BAND_K = 0.5


def first_above_own(
    problem: Problem, zone: ZoneTask, lever: Lever, values: Sequence[float]
) -> int | None:
    """Returns the first step at which a zone is asked for more than its own setpoint and its band,
    but for what a ramp and the values of the lever need, and for a warm-up where its own programme
    was too late on record; None where there is none."""
    zero, lever_zero = zero_c_in(problem.temperature_unit), zero_c_in(lever.unit)
    lows = [low - zero + lever_zero for low in zone.low_c]
    owns = [own - zero + lever_zero for own in zone.own_setpoint_c]
    if not min(len(values), len(lows), len(owns), len(zone.occupied)) >= problem.steps:
        return None
    tops = [_top(lever, own, low) for own, low in zip(owns, lows, strict=False)]
    if _starts_late(problem, zone):
        tops = _with_warm_ups(problem, zone, lows, tops)
    ramped = lowest_reachable(problem, lever, tops, values)
    for k in range(held_steps(problem, lever), problem.steps):
        if values[k] > max(tops[k], lever.minimum, ramped[k]) + ROUNDING:
            return k
    return None


def _top(lever: Lever, own: float, low: float) -> float:
    """The highest value [unit of the lever] that is not more than own control or the band asks."""
    top = max(own, low)
    below = lever.origin + lever.resolution * floor(
        (top - lever.origin) / lever.resolution + ROUNDING
    )
    return top if below >= low - ROUNDING else top + lever.resolution


def _with_warm_ups(
    problem: Problem, zone: ZoneTask, lows: Sequence[float], tops: Sequence[float]
) -> list[float]:
    """``tops`` with the band of the next use in the hours before it."""
    hours = round(EARLIEST_H * 3600 / problem.step_s)
    found = list(tops)
    for k in range(len(found)):
        ahead = range(k, min(k + hours, len(lows)))
        warm = [lows[j] + ABOVE_BAND_K for j in ahead if zone.occupied[j]]
        found[k] = max(found[k], warm[0]) if warm else found[k]
    return found


def _starts_late(problem: Problem, zone: ZoneTask) -> bool:
    """Whether the history shows the room below its band at the starts of use."""
    history = problem.history
    row = next((row for row in history.zones if row.id == zone.id), None) if history else None
    lows = [low for low, used in zip(zone.low_c, zone.occupied, strict=False) if used]
    if row is None or not lows:
        return False
    used, room = row.occupied, row.temp_c
    starts = [i for i in range(1, min(len(used), len(room))) if used[i] and not used[i - 1]]
    temps = [room[i] for i in starts[-LAST_STARTS:]]
    cold = [t for t in temps if t is not None and isfinite(t) and t < min(lows) - COLD_START_K]
    return len(cold) >= LATE_STARTS
