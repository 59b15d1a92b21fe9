"""A provider's weather forecast on whole hours, and the resampling to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from bms.errors import FeedError
from bms.feeds.client.cached_fetch import CachedValue
from bms.feeds.client.check import HORIZON, DatasetCheck, Extent, dataset_check
from bms.feeds.client.payload import EpochSeconds, Samples, utc_time
from bms.model.planning.feed import WeatherQuantity
from bms.model.readings.series import Floats

HOUR_S = 3600
MIN_TEMP_C, MAX_TEMP_C = -60.0, 60.0
MAX_GHI_WM2 = 1400.0

_MAX_HOURS = 24 * 120
_LEAST_DAYLIGHT_H, _HIGH_SUN = 3, 0.2
_LEAST_OF_CLEAR_SKY = 0.01
"""Share of a clear sky's radiation below which no day has been seen: the darkest of clouds let a
twentieth through."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class HourlyForecast:
    """Hourly means [degC] and [W/m2], shapes (n,); NaN where the provider has none.

    ``first`` is the start of the first hour [epoch s]; ``issued_at`` is as published, None where
    it is not.
    """

    first: int
    temp_out_c: Floats
    ghi_wm2: Floats
    issued_at: datetime | None = None

    @property
    def seconds(self) -> EpochSeconds:
        return self.first + HOUR_S * np.arange(len(self.temp_out_c), dtype=np.int64)

    @property
    def quantities(self) -> tuple[Floats, Floats]:
        """Temperature [degC] and irradiance [W/m2], in the order of ``WeatherQuantity``."""
        return self.temp_out_c, self.ghi_wm2

    def issued(self, fetched_at: datetime) -> datetime:
        """Returns when the run was made; when it came, where that is not published."""
        return fetched_at if self.issued_at is None else min(self.issued_at, fetched_at)

    def on_hours(self, first: int, n: int) -> dict[WeatherQuantity, Floats]:
        """Returns temperature [degC] and irradiance [W/m2] of ``n`` hours from ``first`` [epoch s].
        Shapes (n,)."""
        at = (np.arange(n) * HOUR_S + first - self.first) // HOUR_S
        known = (at >= 0) & (at < len(self.temp_out_c))
        found = {}
        for what, values in zip(WeatherQuantity, self.quantities, strict=True):
            found[what] = np.full(n, np.nan)
            found[what][known] = values[at[known]]
        return found


STALE_AFTER = timedelta(hours=9)
"""Age of a model run from which a fresher one of another provider is preferred: two runs of DMI are
missing then, which come every three hours, two and a half after they were begun."""


def forecast_check(name: str, known: CachedValue[HourlyForecast], now: datetime) -> DatasetCheck:
    """Returns the check of a forecast: how many hours of a plan's horizon it knows, and its age."""
    forecast = known.value
    if forecast is None:
        return dataset_check(name, known, Extent(), now)
    there = np.flatnonzero(np.isfinite(forecast.temp_out_c))
    first = int(now.timestamp()) // HOUR_S * HOUR_S
    ahead = forecast.on_hours(first, HORIZON // timedelta(hours=1))
    complete = min(float(np.isfinite(values).mean()) for values in ahead.values())
    extent = Extent(
        n=len(there),
        since=utc_time(forecast.first + int(there[0]) * HOUR_S),
        until=utc_time(forecast.first + int(there[-1] + 1) * HOUR_S),
        made_at=forecast.issued(known.entry.fetched_at or now),
        complete=complete,
    )
    return dataset_check(name, known, extent, now, stale_after=STALE_AFTER)


def hour_range(*series: Samples) -> tuple[int, int]:
    """Returns the first hour [epoch s] and the number of hours that cover all samples.

    Raises ``FeedError`` for none, or for more than 120 days.
    """
    moments = np.concatenate([part.seconds for part in series])
    if not len(moments):
        raise FeedError("there is no hour in the forecast")
    first = int(moments.min()) // HOUR_S * HOUR_S
    n = int(moments.max() - first) // HOUR_S + 1
    if n > _MAX_HOURS:
        raise FeedError(f"a forecast of {n} hours is longer than {_MAX_HOURS}")
    return first, n


def at_whole_hours(samples: Samples, first: int, n: int) -> Floats:
    """Returns the values at whole hours; NaN where no sample lies exactly there. Shape (n,)."""
    values = np.full(n, np.nan)
    at, rest = np.divmod(samples.seconds - first, HOUR_S)
    fits = (rest == 0) & (at >= 0) & (at < n)
    values[at[fits]] = samples.values[fits]
    return values


def hourly_means(instants: Floats) -> Floats:
    """Returns hourly means by the trapezoidal rule from values at whole hours [same unit]; NaN for
    the last one, which has no end. Shape (n,)."""
    means = np.full(len(instants), np.nan)
    means[:-1] = (instants[:-1] + instants[1:]) / 2
    return means


def with_temperature(forecast: HourlyForecast, name: str) -> HourlyForecast:
    """Returns the forecast. Raises ``FeedError`` where it has no temperature at all."""
    if not np.isfinite(forecast.temp_out_c).any():
        raise FeedError(f"{name}: no temperature in the answer")
    return forecast


_DAY_S = 86_400.0
_J2000_S = 946_728_000.0
"""2000-01-01 12:00 UTC in seconds since 1970 [s]."""


def sine_of_elevation(seconds: EpochSeconds, latitude: float, longitude: float) -> Floats:
    """Returns the sine of the solar elevation [1], without refraction. Shape (n,).

    Low-precision formulas of the Astronomical Almanac, good to 0.01 deg until 2050: Michalsky
    (1988), doi:10.1016/0038-092X(88)90045-X.
    """
    days = (seconds - _J2000_S) / _DAY_S
    anomaly = np.radians(357.528 + 0.9856003 * days)
    ecliptic = np.radians(
        280.460 + 0.9856474 * days + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly)
    )
    tilt = np.radians(23.439 - 4e-7 * days)
    right_ascension = np.arctan2(np.cos(tilt) * np.sin(ecliptic), np.cos(ecliptic))
    declination = np.arcsin(np.sin(tilt) * np.sin(ecliptic))
    sidereal_h = 6.697375 + 0.0657098242 * days + seconds % _DAY_S / 3600.0
    hour_angle = np.radians(15.0 * sidereal_h + longitude) - right_ascension
    lat = np.radians(latitude)
    up = np.sin(lat) * np.sin(declination) + np.cos(lat) * np.cos(declination) * np.cos(hour_angle)
    return np.asarray(up, dtype=np.float64)


def with_plausible_sun(
    forecast: HourlyForecast, latitude: float, longitude: float
) -> HourlyForecast:
    """Returns the forecast without the irradiance of days on which the sun hardly shines while it
    is up: a wrong unit makes such days."""
    ghi, seconds = forecast.ghi_wm2, forecast.seconds
    sine = sine_of_elevation(seconds + HOUR_S // 2, latitude, longitude)
    kept = ghi.copy()
    for day in np.unique(seconds // _DAY_S):
        on_day = seconds // _DAY_S == day
        up = on_day & (sine > _HIGH_SUN) & np.isfinite(ghi)
        if up.sum() >= _LEAST_DAYLIGHT_H and ghi[up].max() < _LEAST_OF_CLEAR_SKY * (
            910.0 * sine[up].max() - 30.0
        ):
            kept[on_day] = np.nan
    return replace(forecast, ghi_wm2=kept)
