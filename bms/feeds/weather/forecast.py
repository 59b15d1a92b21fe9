"""A weather forecast as a provider gave it, on whole hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from bms.errors import FeedError
from bms.feeds.client.payload import Samples, Seconds
from bms.model.readings.series import Floats

HOUR_S = 3600
COLDEST_C, WARMEST_C = -60.0, 60.0
BRIGHTEST_WM2 = 1400.0

_MOST_HOURS = 24 * 120


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Outlook:
    """Interval means of whole hours; shapes (n,), NaN where the provider does not say.

    ``first`` [s since 1970] is the start of the first hour; ``issued_at`` is the provider's own
    word, None where it gives none.
    """

    first: int
    temp_out_c: Floats
    ghi_wm2: Floats
    issued_at: datetime | None = None

    @property
    def seconds(self) -> Seconds:
        return self.first + HOUR_S * np.arange(len(self.temp_out_c), dtype=np.int64)

    def on(self, first: int, n: int) -> tuple[Floats, Floats]:
        """Temperature [degC] and irradiance [W/m2] of ``n`` hours from ``first`` [s], (n,) each."""
        at = (np.arange(n) * HOUR_S + first - self.first) // HOUR_S
        known = (at >= 0) & (at < len(self.temp_out_c))
        temp, ghi = np.full(n, np.nan), np.full(n, np.nan)
        temp[known] = self.temp_out_c[at[known]]
        ghi[known] = self.ghi_wm2[at[known]]
        return temp, ghi


def whole_hours(*all_of_it: Samples) -> tuple[int, int]:
    """First hour [s] and number of hours that hold every sample. Raises ``FeedError``."""
    moments = np.concatenate([part.seconds for part in all_of_it])
    if not len(moments):
        raise FeedError("there is no hour in the forecast")
    first = int(moments.min()) // HOUR_S * HOUR_S
    n = int(moments.max() - first) // HOUR_S + 1
    if n > _MOST_HOURS:
        raise FeedError(f"a forecast of {n} hours is none")
    return first, n


def on_hours(samples: Samples, first: int, n: int) -> Floats:
    """Values at whole hours; NaN where there is no sample at that very moment. Shape (n,)."""
    values = np.full(n, np.nan)
    at, rest = np.divmod(samples.seconds - first, HOUR_S)
    fits = (rest == 0) & (at >= 0) & (at < n)
    values[at[fits]] = samples.values[fits]
    return values


def mean_of_ends(instants: Floats) -> Floats:
    """Means of the hours between values at whole hours; the last one has no end. Shape (n,)."""
    means = np.full(len(instants), np.nan)
    means[:-1] = (instants[:-1] + instants[1:]) / 2
    return means


def a_forecast(outlook: Outlook, name: str) -> Outlook:
    """The same, if it says a temperature at all. Raises ``FeedError``."""
    if not np.isfinite(outlook.temp_out_c).any():
        raise FeedError(f"{name}: no temperature in the answer")
    return outlook
