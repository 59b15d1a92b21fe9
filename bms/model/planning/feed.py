"""What feeds bring: series with their source and age."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bms.model.fact import Fact
from bms.model.readings.series import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSeries:
    """A series with its unit, source and the moment it was issued. ``synthetic`` says so.

    ``notes`` is what whoever relies on it has to be told: that it is old, or partly an estimate.
    """

    series: Series
    unit: str
    source: str
    issued_at: datetime
    synthetic: bool = False
    notes: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WeatherSeries:
    """Outdoor air temperature [degC] and global horizontal irradiance [W/m2], interval means."""

    temp_out_c: FeedSeries
    ghi_wm2: FeedSeries


class WeatherQuantity(StrEnum):
    """What is foreseen: outdoor temperature [degC] or global horizontal irradiance [W/m2]."""

    TEMP = "temp"
    GHI = "ghi"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastScore:
    """What a provider foresaw at least ``lead_h`` [h] ahead against what came.

    ``bias`` is forecast minus observation and ``rmse`` the root of the mean squared error, in the
    unit of the quantity [K or W/m2], of ``n`` hours.
    """

    provider: str
    quantity: WeatherQuantity
    lead_h: int
    n: int
    bias: float
    rmse: float
