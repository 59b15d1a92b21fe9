"""Days on which a building was closed and nobody listed it: they cost a trial half its power."""

from __future__ import annotations

from datetime import date

import numpy as np

from bms.savings.trials.daily_values import DailyRecord, Expectation

SHORTEST = 3
"""Working days one after the other [1]; a single odd day is an outlier."""
LOW_SHARE = 0.85
"""Of the expected use [1]; above it a day is no closed one."""
LOW_SCATTER = 2.5
"""Robust standard deviations below the usual [1]."""
MAD_TO_SIGMA = 1.4826
LEAST_SCATTER = 0.03


def unlisted_closures(
    record: DailyRecord, expectation: Expectation, start: int, end: int
) -> tuple[date, ...]:
    """Working days of the record from the place ``start`` to before ``end`` that were used like
    closed ones, three or more in a row (rest days between them do not count); none where no use
    was learned."""
    if expectation.usual is None:
        return ()
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(record.value / expectation.value)
    working = np.isfinite(ratio) & ~record.rest
    if not working.any():
        return ()
    middle = float(np.median(ratio[working]))
    scatter = MAD_TO_SIGMA * float(np.median(np.abs(ratio[working] - middle)))
    limit = min(np.log(LOW_SHARE), -LOW_SCATTER * max(scatter, LEAST_SCATTER))
    places = np.flatnonzero(~record.rest[start:end]) + start
    low = np.where(np.isfinite(ratio[places]), ratio[places] - middle < limit, False)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], low.astype(np.int64), [0]))))
    runs = [(a, b) for a, b in edges.reshape(-1, 2) if b - a >= SHORTEST]
    dates = record.dates
    return tuple(dates[int(places[i])] for a, b in runs for i in range(a, b))
