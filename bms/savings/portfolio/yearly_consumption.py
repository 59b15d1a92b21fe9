"""Consumption of a year so far: beside last year, budget and target, per area, in normal weather.

A budget is a number a year. What of it falls on the days so far follows from the calendar and, of
heat, from the degree days of the normal year: what does not depend on weather (GUF) falls on every
day alike, the rest (GAF) on the degree days (Håndbog for Energikonsulenter 2021, 4.7.1.2). Measured
and climate-corrected use stand side by side; neither is filled in where days are missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from bms.model.readings.series import Floats
from bms.savings.models.degree_days import degree_days
from bms.savings.models.normal_year import NormalDegreeDays
from bms.savings.portfolio.primary_energy import Factor, in_force

MONTHS = 12
LEAST_COVERAGE = 0.75
"""Share of the days so far that has to be known for a climate-corrected use."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class YearDays:
    """Local days of a year from 1 January on: use of each [kWh or m3] and mean outdoor temperature
    [degC], NaN where it is not known; shapes (n,)."""

    year: int
    use: Floats
    temp_c: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class YearSoFar:
    """The known days of a year up to a day; what is not known is None.

    ``use`` [kWh or m3] is what was measured on ``days`` of ``of`` days. ``last_year`` is the use on
    the same known days of the year before and ``change`` the share by which this year lies above
    it, both over the days that are known in both years (``compared``). ``share`` is what of a use
    of a year falls on the known days (``daily_shares``); ``budget`` and ``target`` are what of them
    does, once there is any. ``corrected`` is the use in normal weather.
    """

    use: float | None
    days: int
    of: int
    last_year: float | None
    change: float | None
    compared: int
    share: float
    per_m2: float | None
    corrected: float | None
    corrected_per_m2: float | None
    budget: float | None = None
    target: float | None = None


def daily_shares(year: int, guf: float, normal: NormalDegreeDays | None) -> Floats:
    """Share of a year's use that falls on each of its days, shape (365,) or (366,), in sum 1.

    Without a ``normal`` year (electricity, water) all days are alike; with one the share ``guf`` is
    spread so, and the rest by the degree days of the months.
    """
    days = np.arange(np.datetime64(f"{year}-01-01"), np.datetime64(f"{year + 1}-01-01"))
    level = np.full(len(days), 1.0 / len(days))
    if normal is None:
        return level
    month = days.astype("datetime64[M]").astype(np.int64) % MONTHS
    in_month = np.bincount(month, minlength=MONTHS)
    cold = np.asarray(normal.months, dtype=np.float64)[month] / in_month[month]
    shares: Floats = guf * level + (1.0 - guf) * cold / cold.sum()
    return shares


def year_so_far(
    this: YearDays,
    before: YearDays,
    *,
    guf: float,
    normal: NormalDegreeDays | None,
    area_m2: float,
) -> YearSoFar:
    """Returns the year of ``this`` beside the year ``before``.

    ``normal`` is None where use does not follow weather, and what was measured is then its own
    correction.
    """
    known = np.isfinite(this.use)
    n = int(known.sum())
    use = float(this.use[known].sum()) if n else None
    both = _in_both(this, before)
    last = float(before.use[_places(this, before)[both]].sum()) if both.any() else None
    own = float(this.use[both].sum())
    falls = float(daily_shares(this.year, guf, normal)[: len(known)][known].sum())
    corrected = None
    if use is not None:
        corrected = use if normal is None else _corrected(this, known, guf, normal)
    return YearSoFar(
        use=use,
        days=n,
        of=len(known),
        last_year=last,
        change=own / last - 1.0 if last else None,
        compared=int(both.sum()),
        share=falls,
        per_m2=_per_area(use, area_m2),
        corrected=corrected,
        corrected_per_m2=_per_area(corrected, area_m2),
    )


def of_consumption(days: YearDays, factors: Sequence[Factor]) -> float | None:
    """Returns kg of CO2 or kWh of primary energy of the known days, each by the factor that is in
    force on it; None where one has no factor, or no day is known."""
    known = np.flatnonzero(np.isfinite(days.use))
    first = date(days.year, 1, 1)
    found = [in_force(factors, first + timedelta(days=int(at))) for at in known]
    if not len(known) or any(each is None for each in found):
        return None
    values = np.array([0.0 if each is None else each.value for each in found])
    return float(values @ days.use[known])


def _places(this: YearDays, before: YearDays) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The place of each day's date in the year before, that of 28 February for a leap day."""
    first = date(this.year, 1, 1)
    days = [first + timedelta(days=at) for at in range(len(this.use))]
    alike = [
        day.replace(year=before.year, day=28 if (day.month, day.day) == (2, 29) else day.day)
        for day in days
    ]
    start = date(before.year, 1, 1)
    return np.array([(day - start).days for day in alike], dtype=np.int64)


def _in_both(this: YearDays, before: YearDays) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """The days that are known in both years; a leap day is none."""
    places = _places(this, before)
    there = places < len(before.use)
    there[1:] &= places[1:] != places[:-1]
    known: np.ndarray[tuple[int], np.dtype[np.bool_]] = there & np.isfinite(this.use)
    known[there] &= np.isfinite(before.use[places[there]])
    return known


def _corrected(
    this: YearDays,
    known: np.ndarray[tuple[int], np.dtype[np.bool_]],
    guf: float,
    normal: NormalDegreeDays,
) -> float | None:
    """GUF + GAF · GD/GD' of the known days; None with too few of them or without degree days."""
    whole = known & np.isfinite(this.temp_c)
    if whole.sum() < LEAST_COVERAGE * len(known):
        return None
    measured = degree_days(this.temp_c[whole])
    if measured <= 0:
        return None
    weather = _normal_days(this.year, normal)[: len(known)][whole].sum()
    use = float(this.use[whole].sum())
    return float(use * (guf + (1.0 - guf) * weather / measured))


def _normal_days(year: int, normal: NormalDegreeDays) -> Floats:
    """Degree days of each day of a year in the normal year [K d]."""
    return daily_shares(year, 0.0, normal) * normal.year


def _per_area(use: float | None, area_m2: float) -> float | None:
    return None if use is None or area_m2 <= 0 else use / area_m2
