"""A step of use inside the reporting period: a non-routine event that nobody may have told.

What is left of the reporting year after the model is compared with what was left of the baseline
year in the same season, so that what the model always gets wrong in autumn is no event. A step is
a shift between the four weeks before and after a day that is large beside the scatter of those
days and that stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bms.model.series import Floats
from bms.savings.baseline import Baseline
from bms.savings.days import Days

AROUND_DAYS = 28
"""A step is told by so many days before and after [days]."""
STAYS_DAYS = 120
"""It has to show in so many days before and after, where there are so many [days]."""
LEAST = 0.1
"""Smallest step, a share of use."""
MOST = 0.3
"""Beyond this a larger step is not more certain, a share of use."""
QUIET = 0.04
"""Scatter that is always allowed for, a share of use."""
REST = 0.5
"""Days of less use count as half an average day: ten per cent of nothing are no event."""
CERTAIN_STEADY, CERTAIN = 0.5, 0.78
"""Least product of a step's size (a share of use) and its ratio to the scatter: for electricity,
and for heat and gas, which scatter more. Set on the meters of docs/savings.md: above are real
events only, and 30 % from one day on is found on nearly all."""
SEASON_DAYS = 14

_YEAR = 12 * 31


@dataclass(frozen=True, slots=True)
class Step:
    """Use changed on ``day`` by ``share`` of what was expected."""

    day: date
    share: float


def step_in(model: Baseline, before: Days, after: Days, *, steady: bool) -> Step | None:
    """The clearest step of use within the ``after`` days, None where there is none.

    ``before`` are the days of the baseline period; ``steady`` meters (electricity) scatter less.
    """
    n = len(after)
    if n < 2 * AROUND_DAYS or model.mean <= 0:
        return None
    expected = model.predict(after.dates, after.temp_c)
    usual = _seasonal(before, before.rate - model.predict(before.dates, before.temp_c))
    level = np.maximum(expected, REST * model.mean)
    rest = np.clip((after.rate - expected - usual[_places(after.dates)]) / level, -1.5, 1.5)
    shift, stays, scatter = _around(rest)
    size = np.minimum(np.minimum(np.abs(shift), np.abs(stays)), MOST)
    certain = np.where((shift * stays > 0) & (size > LEAST), np.abs(shift) / scatter * size, 0.0)
    i = int(np.argmax(certain))
    if certain[i] < (CERTAIN_STEADY if steady else CERTAIN):
        return None
    return Step(after.dates[i + AROUND_DAYS], float(stays[i]))


def _places(dates: Sequence[date]) -> list[int]:
    """Days of the year on a calendar whose months all have 31 days."""
    return [day.month * 31 + day.day - 32 for day in dates]


def _seasonal(days: Days, residual: Floats) -> Floats:
    """Median residual by day of the year over four weeks around it; shape (372,)."""
    year = np.full(_YEAR, np.nan)
    year[_places(days.dates)] = residual
    windows = sliding_window_view(np.pad(year, SEASON_DAYS, mode="wrap"), 2 * SEASON_DAYS + 1)
    return np.nan_to_num(_medians(windows))


def _medians(windows: Floats) -> Floats:
    """Lower median of the known values of each row; NaN where there are none."""
    ordered = np.sort(windows, axis=1)  # NaN comes last
    known = np.isfinite(windows).sum(axis=1)
    middle: Floats = ordered[np.arange(len(windows)), np.maximum(known - 1, 0) // 2]
    return middle


def _around(rest: Floats) -> tuple[Floats, Floats, Floats]:
    """For every day with four weeks before and after: the shift of the medians, the shift of the
    months, and the scatter of the days; shapes (n - 2·28 + 1,)."""
    windows = sliding_window_view(rest, AROUND_DAYS)
    medians = np.median(windows, axis=1)
    apart = np.median(np.abs(windows - medians[:, None]), axis=1)
    shift = medians[AROUND_DAYS:] - medians[:-AROUND_DAYS]
    scatter = 1.4826 * (apart[AROUND_DAYS:] + apart[:-AROUND_DAYS]) / 2.0
    gone = np.full(STAYS_DAYS, np.nan)
    months = _medians(sliding_window_view(np.concatenate((gone, rest, gone)), STAYS_DAYS))
    at = np.arange(AROUND_DAYS, len(rest) - AROUND_DAYS + 1)
    stays = months[at + STAYS_DAYS] - months[at]
    return shift, stays, np.maximum(scatter, QUIET)
