"""Made-up but realistic errors of forecasts and levels of prices, from seeds alone.

The error of a forecast is an autoregression that starts at the hour of issue and is driven by the
same hourly surprises whenever it was issued. So errors grow with the lead time, and a newer
forecast of the same hour is better without contradicting the older one.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np

from bms.model.readings.series import Floats

# temperature: standard deviation 0.5 K one hour ahead and 1.5 K 36 hours ahead
_TEMP_PHI, _TEMP_START_K, _TEMP_STEP_K = 0.97, 0.33, 0.386
# logarithm of irradiance: 0.15 one hour ahead, 0.33 from half a day ahead
_SUN_PHI, _SUN_START, _SUN_STEP = 0.8, 0.11, 0.2
_SUN_FACTORS = (0.4, 1.6)
# logarithm of a day's price level
_LEVEL_PHI, _LEVEL_SD, _WEEKEND = 0.6, 0.25, 0.85
_LEVELS = (0.4, 1.9)
_LEVEL_MEMORY_DAYS = 7

_HOURLY, _ISSUED, _DAILY = 1, 2, 3


class ForecastErrors(NamedTuple):
    """Error [K] to add and factor [1] to multiply with, by lead hour. Shape (leads,) each."""

    temp_k: Floats
    ghi_factor: Floats


def forecast_errors(seed: int, issue: int, leads: int) -> ForecastErrors:
    """Errors of the forecast issued in hour ``issue`` (counted from any fixed hour) for that hour
    and the following ones."""
    started = _normals(seed, _ISSUED, issue)
    temp, sun = _TEMP_START_K * started[0], _SUN_START * started[1]
    errors = np.empty((leads, 2))
    for lead in range(leads):
        hourly = _normals(seed, _HOURLY, issue + lead)
        temp = _TEMP_PHI * temp + _TEMP_STEP_K * hourly[0]
        sun = _SUN_PHI * sun + _SUN_STEP * hourly[1]
        errors[lead] = temp, sun
    return ForecastErrors(errors[:, 0], np.clip(np.exp(errors[:, 1]), *_SUN_FACTORS))


def price_level(seed: int, day: date) -> float:
    """Level of a day's prices against the recorded day [1]; it drifts from day to day and is
    lower at weekends."""
    drift = sum(
        _LEVEL_PHI**age * _normals(seed, _DAILY, day.toordinal() - age)[0]
        for age in range(_LEVEL_MEMORY_DAYS)
    )
    level = np.exp(_LEVEL_SD * np.sqrt(1 - _LEVEL_PHI**2) * drift)
    weekend = _WEEKEND if day.weekday() >= 5 else 1.0
    return float(np.clip(level * weekend, *_LEVELS))


def _normals(seed: int, stream: int, index: int) -> Floats:
    """Two standard normal numbers that belong to a moment. Shape (2,)."""
    return np.random.default_rng([abs(seed), stream, index % 2**32]).standard_normal(2)
