"""A provider's weather forecast on whole hours, and the resampling to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from bms.errors import FeedError
from bms.feeds.client.payload import EpochSeconds, Samples
from bms.model.readings.series import Floats

HOUR_S = 3600
MIN_TEMP_C, MAX_TEMP_C = -60.0, 60.0
MAX_GHI_WM2 = 1400.0

_MAX_HOURS = 24 * 120


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

    def on_hours(self, first: int, n: int) -> tuple[Floats, Floats]:
        """Returns temperature [degC] and irradiance [W/m2] of ``n`` hours from ``first`` [epoch s].
        Shapes (n,)."""
        at = (np.arange(n) * HOUR_S + first - self.first) // HOUR_S
        known = (at >= 0) & (at < len(self.temp_out_c))
        temp, ghi = np.full(n, np.nan), np.full(n, np.nan)
        temp[known] = self.temp_out_c[at[known]]
        ghi[known] = self.ghi_wm2[at[known]]
        return temp, ghi


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
