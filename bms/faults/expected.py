"""What a subject's own history leads to expect of a day, refitted every ten days, never from later.

Least squares with one round in which days far off are given less weight; a day is only told where
the history has seen days like it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bms.model.planning.grid import Flags
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
    its squared error in the history."""
    n = len(y)
    value, scale = np.full(n, np.nan), np.full(n, np.nan)
    known = np.isfinite(y) & np.all([np.isfinite(x).all(axis=1) for x in candidates], axis=0)
    learnable = known if usable is None else known & usable
    for first in range(guard_days + fewest, n, EVERY_DAYS):
        inside = slice(max(0, first - guard_days - history_days), first - guard_days)
        rows = np.flatnonzero(learnable[inside]) + inside.start
        if len(rows) < fewest:
            continue
        block = np.arange(first, min(first + EVERY_DAYS, n))
        x, told, deviation = _best(y, candidates, rows)
        low, high = x[rows].min(axis=0), x[rows].max(axis=0)
        room = MARGIN * (high - low)
        like = ((x[block] >= low - room) & (x[block] <= high + room)).all(axis=1)
        value[block] = np.where(like, x[block] @ told, np.nan)
        scale[block] = deviation
    return ExpectedDays(value, scale)


def _best(
    y: Floats, candidates: Sequence[Floats], rows: np.ndarray
) -> tuple[Floats, Floats, float]:
    """The design with the least error, its robust coefficients and the usual deviation."""
    known, even = y[rows], np.ones(len(rows))
    errors = [np.abs(known - x[rows] @ _solved(x[rows], known, even)).mean() for x in candidates]
    x = candidates[int(np.argmin(errors))]
    told = _robust(x[rows], known)
    return x, told, 1.4826 * float(np.median(np.abs(known - x[rows] @ told)))


def _solved(x: Floats, y: Floats, weight: Floats) -> Floats:
    weighted = x.T * weight
    gram = weighted @ x
    ridge = 1e-9 * float(np.trace(gram)) * np.eye(x.shape[1])
    return np.asarray(np.linalg.solve(gram + ridge, weighted @ y), dtype=np.float64)


def _robust(x: Floats, y: Floats) -> Floats:
    off = np.abs(y - x @ _solved(x, y, np.ones(len(y))))
    usual = 1.4826 * float(np.median(off)) + 1e-12
    weight = np.minimum(1.0, 2.0 * usual / np.maximum(off, 1e-12))
    return _solved(x, y, np.asarray(weight, dtype=np.float64))
