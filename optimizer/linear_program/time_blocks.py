"""Move blocking: a grid that is fine where a plan decides and coarse where it only looks ahead.

Quarter-hours for the first hours and before every start of use, half hours where a warm-up may
still begin, whole hours otherwise; half hours at most where power has its hour, because of prices
or of a peak. A block never crosses a change of the targets nor a clear step of the price of heat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bms.model.planning.problem import Problem
from optimizer.model.rc_network import Bools, Floats

Places = NDArray[np.intp]

FINE_MIN, HALF_MIN, COARSE_MIN = 15, 30, 60
FINE_FIRST_H = 8.0
FINE_BEFORE_USE_H = 2.0
HALF_BEFORE_USE_H = 6.0
SAME_PRICE = 0.1
"""Neighbours that differ by less than this part of the mean price may share a block."""
FLAT_PRICE = 0.01
"""Prices that differ by less than this part of their mean are one price."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """``m`` blocks of neighbouring steps: the first step of each and how many there are, (m,)."""

    first: Places
    length: Places

    @property
    def m(self) -> int:
        return len(self.first)

    @property
    def last(self) -> Places:
        """The last step of each block (m,)."""
        return self.first + self.length - 1

    def mean(self, values: Floats) -> Floats:
        """Means over the blocks: (..., n) becomes (..., m)."""
        return np.asarray(np.add.reduceat(values, self.first, axis=-1) / self.length)

    def least(self, values: Floats) -> Floats:
        """Least values in the blocks: (..., n) becomes (..., m)."""
        return np.asarray(np.minimum.reduceat(values, self.first, axis=-1))

    def greatest(self, values: Floats) -> Floats:
        """Greatest values in the blocks: (..., n) becomes (..., m)."""
        return np.asarray(np.maximum.reduceat(values, self.first, axis=-1))

    def spread(self, values: Floats) -> Floats:
        """The value of its block for every step: (..., m) becomes (..., n)."""
        return np.repeat(values, self.length, axis=-1)


def single_steps(n: int) -> Blocks:
    """Every step a block of its own."""
    return Blocks(first=np.arange(n), length=np.ones(n, dtype=np.intp))


def blocks_of(
    *, use: Floats, fixed: Floats, price: Floats, peak: bool, step_s: int, steps_into_hour: int
) -> Blocks:
    """The blocks of a horizon.

    ``use`` (p, n) is positive in use; a block crosses no change of ``fixed`` (r, n), nor a clear
    step of ``price`` (n,) [DKK/kWh]; ``peak`` is true where power has a price or a limit;
    ``steps_into_hour`` is the number of the current hour's steps before the horizon.
    """
    n = use.shape[1]
    level = float(np.mean(np.abs(price)))
    apart = np.any(np.diff(fixed, axis=1) != 0, axis=0)
    apart |= np.abs(np.diff(price)) > SAME_PRICE * level
    timeless = not peak and float(np.ptp(price)) <= FLAT_PRICE * level
    minutes = np.minimum(_allowed(use > 0, step_s), COARSE_MIN if timeless else HALF_MIN)
    begins = np.ones(n, dtype=bool)
    for wide in (FINE_MIN, HALF_MIN, COARSE_MIN):
        length = wide * 60 // step_s
        if length > 1:
            _join_steps(
                begins,
                apart | (minutes[1:] < wide) | (minutes[:-1] < wide),
                length,
                steps_into_hour,
            )
    first = np.flatnonzero(begins)
    return Blocks(first=first, length=np.diff(np.append(first, n)))


def _allowed(use: Bools, step_s: int) -> Floats:
    """How long the block around each step may be [min] (n,)."""
    n = use.shape[1]
    minutes = np.full(n, COARSE_MIN, dtype=np.float64)
    starts = np.flatnonzero(np.any(use[:, 1:] & ~use[:, :-1], axis=0)) + 1
    for hours, wide in ((HALF_BEFORE_USE_H, HALF_MIN), (FINE_BEFORE_USE_H, FINE_MIN)):
        for start in starts.tolist():
            part = slice(max(0, start - round(hours * 3600 / step_s)), start)
            minutes[part] = np.minimum(minutes[part], wide)
    minutes[: round(FINE_FIRST_H * 3600 / step_s)] = FINE_MIN
    return minutes


def _join_steps(begins: Bools, apart: Bools, length: int, steps_into_hour: int) -> None:
    """Join each whole stretch of ``length`` steps that nothing in it keeps apart."""
    offset = -steps_into_hour % length
    whole = (len(begins) - offset) // length
    if whole <= 0:
        return
    inside = np.zeros(whole * length, dtype=bool)
    seams = apart[offset : offset + whole * length - 1]
    inside[1:] = seams
    joined = ~inside.reshape(whole, length)[:, 1:].any(axis=1)
    part = begins[offset : offset + whole * length].reshape(whole, length)
    part[joined, 1:] = False


def clock_minimum(problem: Problem, values: Floats, hours: float) -> Floats:
    """Returns the minimum over each span of ``hours`` of the clock, at all its steps. (n,)"""
    first, length = _spans(problem, len(values), hours)
    return np.repeat(np.minimum.reduceat(values, first), length)


def clock_maximum(problem: Problem, values: Floats, hours: float) -> Floats:
    """Returns the maximum over each span of ``hours`` of the clock, at all its steps. (n,)"""
    return -clock_minimum(problem, -values, hours)


def _spans(problem: Problem, n: int, hours: float) -> tuple[Places, Places]:
    """First step and length of each span; the first may be a rest of one."""
    every = max(1, round(hours * 3600.0 / problem.step_s))
    passed = int(problem.start.timestamp()) // problem.step_s % every
    first = np.concatenate([[0], np.arange(every - passed, n, every)]).astype(np.intp)
    return first, np.diff(np.append(first, n))
