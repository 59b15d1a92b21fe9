"""What a subject's own history leads to expect of a day, refitted every ten days, never from later.

Least squares with one round in which days far off are given less weight; a day is only told where
the history has seen days like it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bms.faults.earlier import MAD_TO_DEVIATION, middle
from bms.model.planning.grid import Flags, Ints
from bms.model.readings.series import Floats

EVERY_DAYS = 10
GUARD_DAYS = 14
"""Days before a day that its history leaves out: a fault that began lately is not yet usual."""
FEWEST_DAYS = 28
MARGIN = 0.1
"""How far outside the range of its history a regressor may lie, as a share of that range."""


@dataclass(frozen=True, slots=True, eq=False)
class ExpectedDays:
    """``value`` expected of each day and ``scale``, the usual (1.48 MAD) deviation of a day."""

    value: Floats
    scale: Floats


def expectation(
    y: Floats,
    candidates: Sequence[Floats],
    *,
    usable: Flags | None = None,
    history_days: int = 400,
    guard_days: int = GUARD_DAYS,
    fewest: int = FEWEST_DAYS,
) -> ExpectedDays:
    """The expectation of ``y`` (n,) from the best of several design matrices (n, k), each chosen by
    its mean error in the history."""
    n = len(y)
    value, scale = np.full(n, np.nan), np.full(n, np.nan)
    known = np.isfinite(y) & np.all([np.isfinite(x).all(axis=1) for x in candidates], axis=0)
    learnable = known if usable is None else known & usable
    days = np.flatnonzero(learnable)
    firsts = np.arange(guard_days + fewest, n, EVERY_DAYS)
    ends = np.searchsorted(days, firsts - guard_days)
    begins = np.searchsorted(days, firsts - guard_days - history_days)
    told = [_of_windows(x[days], y[days], begins, ends) for x in candidates]
    for nth in np.flatnonzero(ends - begins >= fewest):
        rows, block = days[begins[nth] : ends[nth]], slice(firsts[nth], firsts[nth] + EVERY_DAYS)
        x, usual, deviation = _best(y, candidates, rows, [each[nth] for each in told])
        low, high = x[rows].min(axis=0), x[rows].max(axis=0)
        room = MARGIN * (high - low)
        like = ((x[block] >= low - room) & (x[block] <= high + room)).all(axis=1)
        value[block] = np.where(like, x[block] @ usual, np.nan)
        scale[block] = deviation
    return ExpectedDays(value, scale)


def _of_windows(x: Floats, y: Floats, begins: Ints, ends: Ints) -> Floats:
    """Least squares of each window of rows, by differences of running sums. Shape (windows, k)."""
    gram = _running(x[:, :, None] * x[:, None, :])
    moment = _running(x * y[:, None])
    return _solved(gram[ends] - gram[begins], moment[ends] - moment[begins])


def _running(values: Floats) -> Floats:
    return np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])


def _solved(gram: Floats, moment: Floats) -> Floats:
    """Coefficients of normal equations, of one or of a stack; a slight ridge keeps columns without
    any variation at nought."""
    trace = np.trace(gram, axis1=-2, axis2=-1)[..., None, None]
    ridge = (1e-9 * trace + 1e-12) * np.eye(gram.shape[-1])
    return np.asarray(np.linalg.solve(gram + ridge, moment[..., None])[..., 0], dtype=np.float64)


def _best(
    y: Floats, candidates: Sequence[Floats], rows: Ints, told: Sequence[Floats]
) -> tuple[Floats, Floats, float]:
    """The design with the least mean error, its coefficients with days far off given less weight,
    and the usual deviation."""
    off = [np.abs(y[rows] - x[rows] @ each) for x, each in zip(candidates, told, strict=True)]
    best = int(np.argmin([each.mean() for each in off]))
    x, away = candidates[best], off[best]
    usual = MAD_TO_DEVIATION * middle(away) + 1e-12
    weighted = x[rows].T * np.minimum(1.0, 2.0 * usual / np.maximum(away, 1e-12))
    robust = _solved(weighted @ x[rows], weighted @ y[rows])
    return x, robust, MAD_TO_DEVIATION * middle(np.abs(y[rows] - x[rows] @ robust))
