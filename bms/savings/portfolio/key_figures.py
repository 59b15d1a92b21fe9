"""Key figures of a building's year: what it uses per square metre, when, and how weather moves it.

All of them are robust to gaps: shares and base load come from the mean week and from whole days,
the use of a year from the mean of the days that are known. A figure of too thin data is None.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from bms.model.planning.grid import LocalGrid, local_grid
from bms.model.readings.series import Floats, Series
from bms.savings.data.daily import DailyUse
from bms.savings.models.baseline import fit_baseline
from bms.savings.models.degree_days import degree_days

YEAR_DAYS = 365.0
LEAST_COVERAGE = 0.75
"""Share of the hours or days of the year that have to be known for a figure."""
NIGHT_H = (22, 6)
"""The night is from 22 to 6 local time: a third of the week."""
LOWEST_HOURS = 3
NORMAL_DEGREE_DAYS = 3112.0
"""Degree days below 17 degC of the normal year that Danish utilities use [K d]."""
LEAST_DEGREE_DAYS = 500.0
"""Degree days that the known days of a year must have for a correction to the normal year [K d]."""
_WEEK_H = 168
_DAY_H = 24
_WEEKEND = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFigures:
    """A building's year; what is not known is None.

    ``heat_kwh`` [kWh per year] is corrected to the normal year, ``electricity_kwh`` [kWh per year]
    as it was. ``night_share`` and ``weekend_share`` are shares of the electricity of the mean week,
    ``base_load_w`` [W] is the median over days of the mean of the three lowest hours,
    ``weather_slope_w_k`` [W/K] what each kelvin of cold below the balance point takes. ``coverage``
    is the share of the hours of its meters that are known, 0..1.
    """

    site: str
    use: str
    area_m2: float
    coverage: float
    heat_kwh: float | None = None
    electricity_kwh: float | None = None
    night_share: float | None = None
    weekend_share: float | None = None
    base_load_w: float | None = None
    weather_slope_w_k: float | None = None
    coverages: dict[str, float] = field(default_factory=dict)
    """The same by commodity (``heat``, ``electricity``) of the meters there are."""
    prices_dkk_per_kwh: dict[str, float] = field(default_factory=dict)
    """Mean prices by commodity (``heat``, ``electricity``), where they are known."""


def yearly_use(days: DailyUse) -> float | None:
    """Use of a year [kWh] by the mean of its known days."""
    if days.coverage < LEAST_COVERAGE:
        return None
    return float(days.only_valid().rate.mean() * YEAR_DAYS)


def normal_year_heat(
    days: DailyUse, guf: float, normal: float = NORMAL_DEGREE_DAYS
) -> float | None:
    """Heat of a normal year [kWh]: GUF + GAF · GD/GD' (Håndbog for Energikonsulenter 2021,
    4.7.1.2), with the share ``guf`` that does not depend on the ``normal`` degree days [K d]."""
    use = yearly_use(days)
    if use is None:
        return None
    return corrected_to_normal(use, days.only_valid().temp_c, guf, normal)


def corrected_to_normal(
    use: float, temp_c: Floats, guf: float, normal: float = NORMAL_DEGREE_DAYS
) -> float | None:
    """A year's use [kWh] in a normal year, as ``normal_year_heat``, where the days on which it was
    measured had ``temp_c`` [degC]; None where they were too few or too warm."""
    if not len(temp_c):
        return None
    measured = degree_days(temp_c) * YEAR_DAYS / len(temp_c)
    if measured < LEAST_DEGREE_DAYS:
        return None
    return use * (guf + (1.0 - guf) * normal / measured)


def weather_slope(days: DailyUse, closed: Callable[[date], bool]) -> float | None:
    """What a kelvin of cold takes [W/K], by the change-point model of the year; rest days count
    for two of seven. None where use does not follow the weather, or data are thin."""
    if days.coverage < LEAST_COVERAGE:
        return None
    found = fit_baseline(days.only_valid(), cooling=False, closed=closed).coefficients
    work = found.get("heat_slope", 0.0)
    split = any(name.startswith("rest_") for name in found)
    rest = found.get("rest_heat_slope", 0.0) if split else work
    slope = (5.0 * work + 2.0 * rest) / 7.0
    return slope * 1000.0 / _DAY_H if slope > 0 else None


def night_and_weekend(use: Series, timezone: str) -> tuple[float | None, float | None]:
    """Shares of the mean week's use at night and at the weekend, 0..1, of hourly ``use`` [kWh]."""
    week = _mean_week(use, timezone)
    whole = float(week.sum())
    if use.coverage < LEAST_COVERAGE or not whole > 0:
        return None, None
    hour, day = np.arange(_WEEK_H) % _DAY_H, np.arange(_WEEK_H) // _DAY_H
    night = (hour >= NIGHT_H[0]) | (hour < NIGHT_H[1])
    return float(week[night].sum()) / whole, float(week[day >= _WEEKEND].sum()) / whole


def base_load(use: Series, timezone: str) -> float | None:
    """Median over whole days of the mean of their three lowest hours [W], of hourly ``use``
    [kWh]."""
    if use.coverage < LEAST_COVERAGE:
        return None
    grid = _grid(use, timezone)
    order = np.argsort(grid.day, kind="stable")
    edges = np.flatnonzero(np.diff(grid.day[order])) + 1
    lowest = [
        float(np.sort(day)[:LOWEST_HOURS].mean())
        for day in np.split(use.values[order], edges)
        if len(day) >= _DAY_H - 1 and np.isfinite(day).all()
    ]
    return float(np.median(lowest)) * 1000.0 if lowest else None


def _mean_week(use: Series, timezone: str) -> Floats:
    """Mean use of each hour of the week [kWh], Monday 0 first, shape (168,); NaN where one hour of
    the week is never known."""
    grid = _grid(use, timezone)
    cell = grid.weekday * _DAY_H + grid.minute // 60
    known = np.isfinite(use.values)
    count = np.bincount(cell[known], minlength=_WEEK_H).astype(np.float64)
    total = np.bincount(cell[known], weights=use.values[known], minlength=_WEEK_H)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / count, dtype=np.float64)


def _grid(use: Series, timezone: str) -> LocalGrid:
    return local_grid(timezone, use.start, int(use.step.total_seconds()), len(use))
