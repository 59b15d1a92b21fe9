"""From series on a UTC grid to whole local days, 23- and 25-hour days included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from bms.model.readings.series import Floats, Series
from bms.model.savings.avoided_use import Span

FULL_DAY = 0.9
"""Share of a day's hours that has to be there, use and weather each (savings.md §1)."""

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, eq=False)
class DailyUse:
    """Local days, one element each; shapes (n,).

    ``kwh`` is the use measured in ``hours`` [h] observed hours, ``temp_c`` the mean outdoor air
    temperature [degC]. ``valid`` marks the days with at least 90 % of their hours. ``sun_wm2`` is
    the mean horizontal irradiance [W/m2], None where it is not known of every valid day.
    """

    dates: tuple[date, ...]
    hours: Floats
    kwh: Floats
    temp_c: Floats
    valid: NDArray[np.bool_]
    sun_wm2: Floats | None = None

    def __len__(self) -> int:
        return len(self.dates)

    @cached_property
    def rate(self) -> Floats:
        """Use per 24 h [kWh/day], not to be written to; NaN on days that are not valid."""
        safe = np.where(self.hours > 0, self.hours, np.nan)
        found: Floats = np.where(self.valid, self.kwh / safe * 24.0, np.nan)
        found.flags.writeable = False
        return found

    @property
    def coverage(self) -> float:
        """Share of days that are valid, 0..1."""
        return float(self.valid.mean()) if len(self) else 0.0

    def only_valid(self) -> DailyUse:
        """The valid days alone."""
        return self.where(self.valid)

    def where(self, keep: NDArray[np.bool_]) -> DailyUse:
        """The days for which ``keep`` is true."""
        if keep.all():
            return self
        dates = tuple(day for day, ok in zip(self.dates, keep, strict=True) if ok)
        sun = None if self.sun_wm2 is None else self.sun_wm2[keep]
        return DailyUse(
            dates, self.hours[keep], self.kwh[keep], self.temp_c[keep], self.valid[keep], sun
        )


def whole_days(span: Span, timezone: str) -> tuple[date, ...]:
    """The local days that lie wholly inside ``span``."""
    zone = ZoneInfo(timezone)
    day = span.start.astimezone(zone).date()
    if _midnight(day, zone) < span.start:
        day += timedelta(days=1)
    days = []
    while _midnight(day + timedelta(days=1), zone) <= span.end:
        days.append(day)
        day += timedelta(days=1)
    return tuple(days)


def daily(
    use: Series, temp: Series, span: Span, timezone: str, sun: Series | None = None
) -> DailyUse:
    """Whole local days of ``use`` [kWh per step], ``temp`` [degC] and ``sun`` [W/m2] inside
    ``span``."""
    dates, edges = _calendar(span, timezone)
    length_h = np.diff(edges) / 3600.0
    kwh, use_h = _fold(use, span, timezone, len(dates))
    temp_c, temp_h = _means(temp, span, timezone, len(dates))
    valid = (use_h >= FULL_DAY * length_h) & (temp_h >= FULL_DAY * length_h)
    return DailyUse(dates, use_h, kwh, temp_c, valid, _sun(sun, span, timezone, valid, length_h))


def _sun(
    sun: Series | None, span: Span, timezone: str, valid: NDArray[np.bool_], length_h: Floats
) -> Floats | None:
    if sun is None:
        return None
    mean, known_h = _means(sun, span, timezone, len(valid))
    return mean if bool((known_h >= FULL_DAY * length_h)[valid].all()) else None


@lru_cache(maxsize=16)
def _means(series: Series, span: Span, timezone: str, n: int) -> tuple[Floats, Floats]:
    """Mean by day and the hours [h] that it stands for, shapes (n,); the meters of a city share
    their weather."""
    total, hours = _fold(series, span, timezone, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(hours > 0, total * _hours(series.step) / hours, np.nan)
    mean.flags.writeable = False
    hours.flags.writeable = False
    return mean, hours


@lru_cache(maxsize=32)
def _calendar(span: Span, timezone: str) -> tuple[tuple[date, ...], Floats]:
    """Whole local days and their edges [s]; the meters of a city share a handful of them."""
    dates = whole_days(span, timezone)
    return dates, _edges(dates, timezone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def _edges(dates: tuple[date, ...], timezone: str) -> Floats:
    """Local midnights as UTC epoch seconds [s], shape (n + 1,); (1,) when there is no day."""
    zone = ZoneInfo(timezone)
    ends = (*dates, dates[-1] + timedelta(days=1)) if dates else (date(1970, 1, 1),)
    return np.array([_midnight(day, zone).timestamp() for day in ends])


def _hours(step: timedelta) -> float:
    return step / timedelta(hours=1)


def _fold(series: Series, span: Span, timezone: str, n: int) -> tuple[Floats, Floats]:
    """Sum of the known values and the hours [h] that they stand for, per day; shapes (n,)."""
    inside, day = _day_of(
        series.start.timestamp(), series.step / _SECOND, len(series), span, timezone
    )
    total, count = known_sums(series.values[inside], day, n)
    return total, count * _hours(series.step)


def known_sums(values: Floats, place: NDArray[np.int64], n: int) -> tuple[Floats, Floats]:
    """Sum of the known ``values`` and how many they are, by their ``place`` of ``n``; shapes
    (n,)."""
    known = np.isfinite(values)
    total, count = (np.bincount(place, each, n) for each in (np.where(known, values, 0.0), known))
    return total.astype(np.float64, copy=False), count.astype(np.float64, copy=False)


@lru_cache(maxsize=32)
def _day_of(
    start: float, step: float, n: int, span: Span, timezone: str
) -> tuple[slice, NDArray[np.int64]]:
    """The steps that start on whole days of ``span``, and the place of the day of each."""
    dates, edges = _calendar(span, timezone)
    stamps = start + step * np.arange(n)
    day = np.asarray(np.searchsorted(edges, stamps, side="right") - 1, dtype=np.int64)
    first, end = np.searchsorted(day, (0, len(dates)))
    return slice(int(first), int(end)), day[first:end]


def steps_inside(use: Series, span: Span) -> slice:
    """The steps of ``use`` that start within ``span``."""
    first, end = (
        min(max(-((use.start - edge) // use.step), 0), len(use)) for edge in (span.start, span.end)
    )
    return slice(first, max(first, end))


@lru_cache(maxsize=32)
def ordinals(dates: tuple[date, ...]) -> NDArray[np.int64]:
    """The ordinals of ``dates``, shape (n,), not to be written to."""
    found = np.array([day.toordinal() for day in dates], dtype=np.int64)
    found.flags.writeable = False
    return found
