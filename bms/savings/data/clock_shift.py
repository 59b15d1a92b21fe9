"""A clock that was moved: summer time in one year and none in the other, or a change of clocks.

The mean working day of each month is compared with that of the same month of the other period: an
hour off in some months and not in others is no habit of people. A daily model does not see such a
shift; hourly figures and night use do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bms.model.planning.grid import local_grid
from bms.model.readings.series import Floats, Series
from bms.model.savings.avoided_use import Span
from bms.savings.data.daily import known_sums, steps_inside

LEAST_OFF, LEAST_KEPT = 4, 2
"""So many months lie an hour off, and so many certainly do not."""
LAGS = (-2, -1, 0, 1, 2)
ALIKE = 0.9
"""Least correlation of two profiles that are the same but for the clock."""
GAIN = 0.02
"""By how much the best lag has to correlate better than every other."""
_LEAST_HOURS = 8
_MOVED = (np.arange(24) - np.array(LAGS)[:, None]) % 24


@dataclass(frozen=True, slots=True)
class ClockCheck:
    """``hours`` [h] by which the days of one period lie later than those of the other in some
    months while in others they do not; None where none was found. ``seen``: whether enough months
    are alike in both periods for a shift to be found."""

    hours: int | None
    seen: bool


def clock_shift(use: Series, baseline: Span, reporting: Span, timezone: str) -> ClockCheck:
    """Whether the clock of ``use`` kept its habits from ``baseline`` to ``reporting``."""
    if use.step > timedelta(hours=1) or not len(use):
        return ClockCheck(None, seen=False)
    before, after = (_profiles(use, span, timezone) for span in (baseline, reporting))
    lags = _lags(before, after)
    seen = len(lags) - lags.count(None) >= LEAST_OFF + LEAST_KEPT
    if lags.count(0) < LEAST_KEPT:
        return ClockCheck(None, seen)
    for lag in (-1, 1):
        against = sum(other not in (None, 0, lag) for other in lags)
        if lags.count(lag) >= LEAST_OFF and against <= 1:
            return ClockCheck(lag, seen)
    return ClockCheck(None, seen)


def _profiles(use: Series, span: Span, timezone: str) -> Floats:
    """Mean use by month and local hour of the working days of ``span``; shape (12, 24)."""
    place = _places(use.start.timestamp(), use.step.total_seconds(), len(use), timezone)
    inside = steps_inside(use, span)
    total, count = known_sums(use.values[inside], place[inside], 13 * 24)
    mean = np.where(count >= _LEAST_HOURS, total / np.maximum(count, 1), np.nan)
    return mean.reshape(13, 24)[1:]


@lru_cache(maxsize=8)
def _places(start: float, step: float, n: int, timezone: str) -> NDArray[np.int64]:
    """Month · 24 + local hour of every step; 0 on weekends. Meters of one file share it."""
    grid = local_grid(timezone, datetime.fromtimestamp(start, UTC), int(step), n)
    epoch = date(1970, 1, 1)
    days, of_day = np.unique(grid.day, return_inverse=True)
    dates = [epoch + timedelta(days=int(day)) for day in days]
    month = np.array([day.month if day.weekday() < 5 else -1 for day in dates])[of_day]
    return np.where(month > 0, month * 24 + grid.minute // 60, 0).astype(np.int64)


def _lags(before: Floats, after: Floats) -> list[int | None]:
    """How much later each month of ``after`` runs [h]; None where the profiles cannot be
    compared."""
    early, late = _standardised(before), _standardised(after)
    alike = (early[:, _MOVED] * late[:, None, :]).mean(axis=2)
    order = np.argsort(alike, axis=1)
    month = np.arange(len(alike))
    best, next_best = alike[month, order[:, -1]], alike[month, order[:, -2]]
    clear = (best >= ALIKE) & (best - next_best > GAIN)
    return [LAGS[i] if sure else None for i, sure in zip(order[:, -1], clear, strict=True)]


def _standardised(profiles: Floats) -> Floats:
    """Profiles of mean 0 and standard deviation 1; NaN where an hour is unknown or none differs."""
    spread = profiles.std(axis=1, keepdims=True)
    centred = profiles - profiles.mean(axis=1, keepdims=True)
    return np.asarray(centred / np.where(spread > 1e-9, spread, np.nan))
