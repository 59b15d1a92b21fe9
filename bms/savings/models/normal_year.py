"""The weather that a normal year has, for savings that do not depend on the year they fell into.

A model with a balance point of its own cannot be evaluated at degree days below 17 °C, and not at
mean temperatures either: the mean of many winters has no cold spells, and use does not grow
linearly with temperature. So a normal year is made of real days. Without further knowledge it is
every complete calendar year of the weather that was given, each with the same weight. A published
normal (degree days by month) moves the days of each month by the same number of kelvin until they
have that month's degree days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from bms.model.readings.series import Floats
from bms.savings.models.degree_days import BASE_C

FULL_YEAR = 0.97
"""Share of the days of a calendar year that have to be known for it to count."""
LARGEST_SHIFT_K = 30.0
MONTHS = 12


@dataclass(frozen=True, slots=True)
class NormalDegreeDays:
    """Degree days below 17 degC of a normal year by month [K d], January first, with the ``name``
    that stands in answers and the ``source``."""

    name: str
    months: tuple[float, ...]
    source: str

    @property
    def year(self) -> float:
        """Degree days of the year [K d]."""
        return sum(self.months)


@dataclass(frozen=True, slots=True, eq=False)
class NormalYear:
    """Days of a normal year: ``temp_c`` [degC] and ``weight`` [days of the normal year], shapes
    (n,); the weights sum to the length of a year."""

    name: str
    dates: tuple[date, ...]
    temp_c: Floats
    weight: Floats

    @property
    def degree_days(self) -> float:
        """Degree days of the year [K d below 17 degC]."""
        return float((np.maximum(BASE_C - self.temp_c, 0.0) * self.weight).sum())


def normal_year(dates: Sequence[date], temp_c: Floats, name: str = "") -> NormalYear | None:
    """The mean of the complete calendar years of known days; None where there is none.

    ``temp_c`` [degC] are the days' mean temperatures, shape (n,), NaN where not known.
    """
    kept: list[NDArray[np.int64]] = []
    years = np.array([day.year for day in dates])
    known = np.isfinite(temp_c)
    complete = []
    for year in sorted(set(years.tolist())):
        at = np.flatnonzero((years == year) & known)
        if len(at) >= FULL_YEAR * _length(year):
            kept.append(at)
            complete.append(year)
    if not kept:
        return None
    weight = np.concatenate([np.full(len(at), 365.25 / len(at) / len(kept)) for at in kept])
    every = np.concatenate(kept)
    said = name or f"mean of {', '.join(map(str, complete))}"
    return NormalYear(said, tuple(dates[i] for i in every), temp_c[every], weight)


def scaled_to_degree_days(normal: NormalDegreeDays, year: NormalYear) -> NormalYear:
    """``year`` with the days of every month moved by one number of kelvin, so that the month has
    the degree days of ``normal``. A month whose normal is 0 is left as it is when it has none."""
    months = np.array([day.month for day in year.dates])
    temp = np.array(year.temp_c)
    for month in range(1, MONTHS + 1):
        at = months == month
        temp[at] += _shift(temp[at], year.weight[at], normal.months[month - 1])
    return replace(year, name=normal.name, temp_c=temp)


def _shift(temp: Floats, weight: Floats, wanted: float) -> float:
    """Kelvin by which days have to be moved to have ``wanted`` degree days [K d]."""

    def missing(shift: float) -> float:
        return float((np.maximum(BASE_C - temp - shift, 0.0) * weight).sum()) - wanted

    low, high = -LARGEST_SHIFT_K, LARGEST_SHIFT_K
    if not len(temp) or missing(low) < 0 or missing(high) > 0:
        return 0.0
    if wanted <= 0:
        return 0.0 if missing(0.0) <= 0 else float(BASE_C - temp.min())
    from scipy.optimize import brentq  # a second of imports that reading a point needs not

    return float(brentq(missing, low, high, xtol=1e-9))


def _length(year: int) -> int:
    return (date(year + 1, 1, 1) - date(year, 1, 1)) // timedelta(days=1)
