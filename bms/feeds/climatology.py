"""What a quarter-hour of the day was like lately: the tail of what providers tell."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from bms.feeds.client.payload import moment_of
from bms.model.planning.grid import local_grid
from bms.model.readings.series import Floats

DAYS = 7
FEWEST_DAYS = 3
"""Days [d] with a value at that time of day below which nothing is said."""

_DAY_QUARTERS = 96
_QUARTER_S = 900
_MIN_PER_QUARTER = 15


def usual(past: Floats, first: int, n: int, timezone: str) -> Floats:
    """Mean of the same local quarter-hours of the past, for ``n`` quarter-hours. Shape (n,).

    ``past`` has the quarter-hours that end at ``first`` [s since 1970], where the answer begins.
    """
    before = local_grid(
        timezone,
        moment_of(first) - timedelta(seconds=_QUARTER_S * len(past)),
        _QUARTER_S,
        len(past),
    )
    ahead = local_grid(timezone, moment_of(first), _QUARTER_S, n)
    known = np.isfinite(past)
    quarter = before.minute[known] // _MIN_PER_QUARTER
    count = np.bincount(quarter, minlength=_DAY_QUARTERS)
    total = np.bincount(quarter, weights=past[known], minlength=_DAY_QUARTERS)
    mean = np.where(count >= FEWEST_DAYS, total / np.maximum(count, 1), np.nan)
    answer: Floats = mean[ahead.minute // _MIN_PER_QUARTER]
    return answer
