"""Deviations of a setpoint from its weekly habit, from which the response of a room is learned."""

from __future__ import annotations

import numpy as np

from optimizer.model.rc_network import Floats

DEVIATION_K = 0.5
LEAST_DEVIATION_H = 0.75
APART_H = 12.0
LASTING_H = 24.0
"""A departure that lasts, as when the setpoint in use is another one, begins again every day."""


def deviating_steps(setpoint: Floats, step_h: float) -> list[int]:
    """Returns the steps at which a setpoint (n,) [degC] begins to depart from what it has at the
    same time of other weeks, by :data:`DEVIATION_K` and for :data:`LEAST_DEVIATION_H`; those within
    :data:`APART_H` of each other are one."""
    departs = np.abs(setpoint - weekly_median(setpoint, step_h)) >= DEVIATION_K
    least, apart, day = (round(h / step_h) for h in (LEAST_DEVIATION_H, APART_H, LASTING_H))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], departs, [False]]).astype(np.int8)))
    found: list[int] = []
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        for begin in range(first, last - least + 1, day):
            if not found or begin - found[-1] >= apart:
                found.append(begin)
    return found


def weekly_median(values: Floats, step_h: float) -> Floats:
    """Returns what a series (n,) has at the same time of the week in the middle of its weeks (n,);
    the lower one of two."""
    week, n = round(7 * 24.0 / step_h), len(values)
    padded = np.concatenate([values, np.full(-n % week, np.nan)]).reshape(-1, week)
    ordered = np.sort(padded, axis=0)
    known = np.isfinite(padded).sum(axis=0)
    middle = ordered[np.maximum(0, (known - 1) // 2), np.arange(week)]
    return np.asarray(np.tile(middle, len(padded))[:n])
