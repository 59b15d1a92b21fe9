"""Estimates of quarter-hourly values that are not published yet, from those of the last days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np

from bms.feeds.client.payload import utc_time
from bms.feeds.electricity.energidata import QUARTER, QUARTER_S
from bms.model.planning.grid import local_grid
from bms.model.readings.series import Floats

HISTORY_DAYS = 7
"""Days before the first unknown value that an estimate rests on [d]."""
MIN_DAYS = 3
"""Days with a value at that time of day below which nothing is estimated [d]."""

_DAY_QUARTERS = 96
_MIN_PER_QUARTER = 15


def fill_unknown(
    values: Floats,
    first: int,
    *,
    now: datetime,
    timezone: str,
    history: Callable[[int, int], Floats],
) -> datetime | None:
    """Fills unknown ``values`` from ``now`` on with means of the same local quarter-hours.

    ``values`` begin at epoch second ``first``; ``history`` returns so many values from an epoch
    second on. Returns when the estimates begin, None where nothing could be or had to be estimated.
    """
    at = first_unknown(values, first, now)
    if at is None:
        return None
    begin, quarters = first + at * QUARTER_S, HISTORY_DAYS * _DAY_QUARTERS
    past = history(begin - quarters * QUARTER_S, quarters)
    usual = mean_of_same_quarters(past, begin, len(values) - at, timezone)
    unknown = np.isnan(values[at:])
    values[at:] = np.where(unknown, usual, values[at:])
    return utc_time(begin) if np.isfinite(values[at:][unknown]).any() else None


def mean_of_same_quarters(past: Floats, first: int, n: int, timezone: str) -> Floats:
    """Returns the means of the same local quarter-hours of ``past``. Shape (n,).

    ``past`` ends at epoch second ``first``, where the estimates begin.
    """
    before = local_grid(timezone, utc_time(first) - QUARTER * len(past), QUARTER_S, len(past))
    ahead = local_grid(timezone, utc_time(first), QUARTER_S, n)
    known = np.isfinite(past)
    quarter = before.minute[known] // _MIN_PER_QUARTER
    count = np.bincount(quarter, minlength=_DAY_QUARTERS)
    total = np.bincount(quarter, weights=past[known], minlength=_DAY_QUARTERS)
    mean = np.where(count >= MIN_DAYS, total / np.maximum(count, 1), np.nan)
    estimates: Floats = mean[ahead.minute // _MIN_PER_QUARTER]
    return estimates


def first_unknown(values: Floats, first: int, now: datetime) -> int | None:
    """Returns the index of the first unknown quarter-hour that is not over by ``now``; None where
    there is none."""
    begin = max(0, (int(now.timestamp()) - first) // QUARTER_S)
    unknown = np.flatnonzero(np.isnan(values[begin:]))
    return begin + int(unknown[0]) if len(unknown) else None
