"""How fast a lever moves: at most so much an hour, and on or off for a least time (clause W3).

The planned values are raised, never lowered, until they keep the pace: a rise begins earlier and a
fall takes longer, so that what was planned for comfort, floor and air is kept. Only at the start of
the horizon, where the lever stands too low or has just been switched off, there may be less.
"""

from __future__ import annotations

from itertools import pairwise
from math import ceil, floor

import numpy as np

from bms.model.planning.problem import Lever, Problem
from bms.model.readings.units import Unit
from optimizer.model.held_lever import with_held_value
from optimizer.model.quantise import quantise_down, quantise_up
from optimizer.model.rc_network import Bools, Floats

SLACK = 1e-6


def paced(values: Floats, lever: Lever, step_h: float, held: int = 0) -> Floats:
    """Returns ``values`` (n,) on the grid of the lever [unit of the lever], one a step of
    ``step_h`` [h], at the pace of the lever; the first ``held`` stay as somebody holds them."""
    if held >= len(values):
        return values
    standing, age_min = _start(values, lever, step_h, held)
    free = values[held:]
    if lever.max_change is not None:
        free = _ramped(free, lever, lever.max_change * step_h, standing)
    if lever.unit is Unit.ON_OFF and (lever.minimum_on > 0 or lever.minimum_off > 0):
        free = _switched_seldom(free, lever, step_h, standing, age_min)
    return np.concatenate([values[:held], free])


def paced_with_held(problem: Problem, lever: Lever, values: Floats) -> Floats:
    """Returns ``values`` (n,) with the value at which the lever is held in their place, for as long
    as it is, and at its pace from then on."""
    held = with_held_value(problem, lever, values)
    return paced(held, lever, problem.step_s / 3600.0, problem.held_steps(lever))


def _start(values: Floats, lever: Lever, step_h: float, held: int) -> tuple[float | None, float]:
    """Where the lever stands when it becomes free [unit], None where nobody knows, and for how long
    it has stood there [min]."""
    if held:
        return float(values[held - 1]), held * step_h * 60.0
    known = lever.standing is not None and np.isfinite(lever.standing)
    return (lever.standing if known else None), max(0.0, lever.standing_min or 0.0)


def _ramped(values: Floats, lever: Lever, change: float, standing: float | None) -> Floats:
    """The least values at or above ``values`` that change by at most ``change`` a step."""
    block = max(1, ceil(lever.resolution / change - SLACK))
    change = max(1, floor(change / lever.resolution + SLACK)) * lever.resolution
    edges = np.arange(0, len(values), block)
    result = np.maximum.reduceat(values, edges)
    for k in range(len(result) - 2, -1, -1):
        result[k] = max(result[k], result[k + 1] - change)
    for k in range(1, len(result)):
        result[k] = max(result[k], result[k - 1] - change)
    if standing is not None:
        inside = min(max(standing, lever.minimum), lever.maximum)
        reach: Floats = change * np.arange(1.0, len(result) + 1.0)
        result = np.maximum(result, quantise_up(inside - reach, lever))
        result = np.minimum(result, quantise_down(inside + reach, lever))
    return np.round(np.repeat(result, block)[: len(values)], 9)


def _switched_seldom(
    values: Floats, lever: Lever, step_h: float, standing: float | None, age_min: float
) -> Floats:
    """Running (1) or not, each for its least time; what has to run longer runs longer."""
    on = values >= 0.5
    least_on, least_off = (
        ceil(minutes / 60.0 / step_h - SLACK) for minutes in (lever.minimum_on, lever.minimum_off)
    )
    was_on = standing is not None and standing >= 0.5
    locked = 0
    if standing is not None:
        rest_min = (lever.minimum_on if was_on else lever.minimum_off) - age_min
        locked = min(len(on), max(0, ceil(rest_min / 60.0 / step_h - SLACK)))
    on[:locked] = was_on
    return np.where(_filled(on, least_on, least_off, was_on), 1.0, 0.0)


def _filled(on: Bools, least_on: int, least_off: int, was_on: bool) -> Bools:
    """Short stops are run through and short runs made longer; what goes on from before the start,
    and what lasts beyond the end, has its time."""
    while True:
        before = on.copy()
        edges = [0, *(np.flatnonzero(np.diff(on.astype(np.int8))) + 1).tolist(), len(on)]
        for first, last in pairwise(edges):
            begins = first > 0 or on[0] != was_on
            if last == len(on) or not begins:
                continue
            if on[first] and last - first < least_on:
                on[first : first + least_on] = True
                break
            if not on[first] and last - first < least_off:
                on[first:last] = True
                break
        if np.array_equal(before, on):
            return on
