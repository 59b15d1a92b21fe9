"""Registers that stand still although their meter usually moves.

An amount of zero is use that may be real, so nothing is left out; a person has to look. A source of
amounts that repeats one value is another fault (``bms.savings.data.unit_errors``).
"""

from __future__ import annotations

import math

import numpy as np

from bms.metering.flaw import Flaw, FlawCode
from bms.metering.step_edges import HOUR_US
from bms.model.readings.runs_and_peaks import runs
from bms.model.readings.series import Floats, Micros

LEAST = 24 * HOUR_US
"""A shorter standstill is a night or a closed day [us]."""
HABIT = 2.0
"""Longer than this many times the meter's own fourth longest standstill is not its habit."""
RANK = 4
PULSE = 0.5
"""The day before the standstill had at least this share of the meter's usual day: a heat meter
that comes to rest in spring has slowed down before, one that broke down has not."""
MOVES = 48
"""So many increments have been seen, or nothing is known about the meter's habits."""


def flat_lines(times: Micros, counted: Floats) -> list[Flaw]:
    """Returns a flaw for each standstill that is not the meter's own habit."""
    grown = np.diff(counted)
    if np.count_nonzero(grown > 0) < MOVES:
        return []
    rests = np.array(runs(grown == 0), dtype=np.int64).reshape(-1, 2)
    if not len(rests):
        return []
    lengths = times[rests[:, 1]] - times[rests[:, 0]]
    long = rests[lengths > _least(lengths)]
    if not len(long):
        return []
    pulse = PULSE * _usual_day(times, counted)
    return [
        Flaw(FlawCode.FLAT_LINE, int(times[first]), int(times[last]), amount=0.0)
        for first, last in long.tolist()
        if _day_before(times, counted, first) >= pulse
    ]


def _least(lengths: Micros) -> float:
    habit = HABIT * float(np.sort(lengths)[-RANK]) if len(lengths) >= RANK else 0.0
    return max(float(LEAST), habit)


def _usual_day(times: Micros, counted: Floats) -> float:
    """Median use of the days with any use."""
    edges = np.arange(int(times[0]), int(times[-1]) + 1, LEAST)
    days = np.diff(counted[np.searchsorted(times, edges)])
    return float(np.median(days[days > 0])) if (days > 0).any() else math.inf


def _day_before(times: Micros, counted: Floats, at: int) -> float:
    day = int(np.searchsorted(times, times[at] - LEAST))
    return float(counted[at] - counted[day])
