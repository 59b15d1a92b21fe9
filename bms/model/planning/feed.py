"""What feeds bring: series with their source and age."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

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
