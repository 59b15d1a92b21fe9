"""Rule-based setpoints without a model: setback out of use and an early enough start.

The lead before use grows with the cold and with the length of the absence; without a forecast it is
that of a cold day.
"""

from __future__ import annotations

from itertools import groupby

import numpy as np

from bms.model.planning.problem import Lever, ZoneTask
from optimizer.model.quantise import quantise_up
from optimizer.model.rc_network import Bools, Floats

IN_USE_ABOVE_LOW_K = 0.5
LEAST_ABOVE_LOW_K = 0.2
"""Between these a zone in use has its own setpoint: without a model nothing says that it takes
more."""
SETBACK_K = 3.0
ABOVE_FLOOR_K = 0.5
LEAD_H = 0.5
LEAD_H_PER_K = 0.15
MILD_C = 15.0
COLD_DAY_C = -5.0
LONG_ABSENCE_H = 24.0
LONG_FACTOR = 1.5
LONGEST_LEAD_H = 8.0
LEAD_H_PER_SHORT_K = 1.5
"""What the zone's record of starts asks for is warmed up at two thirds of a kelvin per hour."""


def true_periods(flags: Bools) -> list[tuple[int, int]]:
    """Returns the periods (first, past-last) in which ``flags`` are true."""
    found, position = [], 0
    for flag, group in groupby(flags.tolist()):
        length = sum(1 for _ in group)
        if flag:
            found.append((position, position + length))
        position += length
    return found


def timetable_setpoints(
    task: ZoneTask, lever: Lever, temp_out: Floats, step_h: float, unoccupied_h: float = 0.0
) -> Floats:
    """Returns setpoints [degC] (n,) by rule; ``temp_out`` [degC] (n,) may be NaN.

    ``unoccupied_h`` [h] is how long the zone has been out of use already: the lead must not shrink
    as a long absence passes behind the start of the horizon.
    """
    in_use = np.array(task.occupied, dtype=bool)
    low = np.array(task.low_c, dtype=np.float64)
    values = np.where(in_use, _in_use(task, low), low + ABOVE_FLOOR_K)
    if in_use.any():
        comfort = float(low[in_use].min())
        values = np.where(in_use, values, np.maximum(values, comfort - SETBACK_K))
    end_of_last = 0
    for first, last in true_periods(in_use):
        before_h = unoccupied_h if end_of_last == 0 else 0.0
        absence_h = (first - end_of_last) * step_h + before_h
        lead = _lead_h(temp_out, first, absence_h, task.start_backoff_k or 0.0)
        begin = max(end_of_last, first - int(np.ceil(lead / step_h)))
        values[begin:first] = np.maximum(values[begin:first], values[first])
        end_of_last = last
    return quantise_up(np.clip(values, low, np.array(task.high_c)), lever)


def _in_use(task: ZoneTask, low: Floats) -> Floats:
    """Setpoint of a zone in use [degC] (n,)."""
    own = np.array(task.own_setpoint_c[: len(low)], dtype=np.float64)
    return low + np.clip(own - low, LEAST_ABOVE_LOW_K, IN_USE_ABOVE_LOW_K)


def _lead_h(temp_out: Floats, first: int, absence_h: float, short_k: float) -> float:
    before = temp_out[max(0, first - 1) : first + 1]
    outdoors = float(np.min(before)) if np.isfinite(before).all() and len(before) else COLD_DAY_C
    lead = LEAD_H + LEAD_H_PER_K * max(0.0, MILD_C - outdoors)
    lead *= LONG_FACTOR if absence_h > LONG_ABSENCE_H else 1.0
    return min(LONGEST_LEAD_H, lead + LEAD_H_PER_SHORT_K * max(0.0, short_k))
