"""Which baseline days a short reporting period is compared with.

A fortnight in January is not a year: with the same outdoor temperature the sun is lower, the
lights burn longer and other people are in than in April. A model of the whole year was measured to
be 10 % low in January on the gas meters of docs/savings.md. So a short period is compared with
the same season of the baseline year, as CalTRACK's hourly method does with its three months.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from bms.savings.data.daily import DailyUse, ordinals

SHORT_DAYS = 92
"""Reporting periods up to here [days] are compared with their season; longer ones with the year."""
NEIGHBOURS_DAYS = 60
"""How far the season reaches before and after the reporting period [days]."""
LEAST_DAYS = 60
"""With fewer days of the season [days] all of the baseline is used."""

_YEAR = 365.25


def same_season(days: DailyUse, reporting: tuple[date, ...]) -> DailyUse:
    """Those of the baseline ``days`` that belong to the season of the ``reporting`` days."""
    if not reporting or len(reporting) > SHORT_DAYS:
        return days
    middle = (reporting[0].toordinal() + reporting[-1].toordinal()) / 2.0
    away = ordinals(days.dates) - middle
    around = np.abs((away + _YEAR / 2.0) % _YEAR - _YEAR / 2.0)
    season = days.where(around <= NEIGHBOURS_DAYS + len(reporting) / 2.0)
    return season if len(season) >= LEAST_DAYS else days


def mean_days_apart(days: DailyUse) -> Callable[[date, date], float]:
    """Returns the mean distance in time between ``days`` and the middle of two dates [days]."""
    when, sums, n = ordinals(days.dates), _sums(days.dates), len(days)
    whole = float(sums[-1])

    @cache
    def apart(first: date, last: date) -> float:
        middle = (first.toordinal() + last.toordinal()) / 2.0
        earlier = int(when.searchsorted(middle))
        return (middle * (2 * earlier - n) + whole - 2.0 * float(sums[earlier])) / n

    return apart


@lru_cache(maxsize=32)
def _sums(dates: tuple[date, ...]) -> NDArray[np.int64]:
    """Sums of the ordinals of the first 0, 1, … ``dates``, shape (n + 1,)."""
    return np.concatenate(([0], np.cumsum(ordinals(dates))))
