"""Values that are held for whole hours of the clock, so that a point is moved rarely.

The edges are those of the clock and not of the horizon: the next plan has the same ones.
"""

from __future__ import annotations

import numpy as np

from bms.model.planning.plan import Problem
from optimizer.linear_program.time_blocks import Places
from optimizer.model.rc_network import Floats


def least_held(problem: Problem, values: Floats, hours: float) -> Floats:
    """The least value of every ``hours`` of the clock, for all of them. (n,)"""
    first, length = _spans(problem, len(values), hours)
    return np.repeat(np.minimum.reduceat(values, first), length)


def greatest_held(problem: Problem, values: Floats, hours: float) -> Floats:
    """The greatest value of every ``hours`` of the clock, for all of them. (n,)"""
    return -least_held(problem, -values, hours)


def _spans(problem: Problem, n: int, hours: float) -> tuple[Places, Places]:
    """First step and length of each span; the first may be a rest of one."""
    every = max(1, round(hours * 3600.0 / problem.step_s))
    passed = int(problem.start.timestamp()) // problem.step_s % every
    first = np.concatenate([[0], np.arange(every - passed, n, every)]).astype(np.intp)
    return first, np.diff(np.append(first, n))
