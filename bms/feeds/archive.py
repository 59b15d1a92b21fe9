"""Weather, prices and emission factors from shipped data: for the demo, benches and tests.

The past is what was observed. What lies ahead of ``now`` is the same observation with a made-up
forecast error, marked as synthetic; so are all prices and emission factors. The same seed and the
same hour give the same forecast.
"""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from bms.errors import FeedError
from bms.feeds.electricity.energidata import require_area
from bms.model.planning.feed import FeedSeries, WeatherSeries
from bms.model.planning.grid import local_grid
from bms.model.readings.series import Floats, Series, grid_length

DATA = Path(__file__).parent / "data"
LATITUDE, LONGITUDE = 52.227, -0.465

_NEAR_DEG = 0.5
_HOUR = timedelta(hours=1)
_QUARTER = timedelta(minutes=15)
_DANISH = "Europe/Copenhagen"
_AUCTION = time(13, 0)
_KWH_PER_MWH = 1000.0
_OBSERVED = "archive (Met Office MIDAS Open, UK OGL v3)"
_FORECAST = "archive, with synthetic forecast error"
_PERFECT = "archive, perfect forecast (synthetic)"
_SPOT = "synthetic: shape of 2025-11-05 (Energinet, CC BY 4.0, modified), made-up levels"
_EMISSIONS = "synthetic: a climatology by hour and season"


class _Weather(NamedTuple):
    """Hourly observations from ``start``; shape (n,) each, interval means [degC], [W/m2]."""

    start: datetime
    temp_out_c: Floats
    ghi_wm2: Floats


@dataclass(frozen=True)
class ArchiveFeed:
    """Implements ``bms.ports.feeds.Feed`` from the data in ``bms/feeds/data``; reads them at first
    use.

    ``perfect`` leaves the forecast error out (still marked as synthetic).
    """

    seed: int = 0
    perfect: bool = False

    def weather(
        self, latitude: float, longitude: float, *, start: datetime, end: datetime, now: datetime
    ) -> WeatherSeries:
        """Whole hours that cover ``start`` to ``end``; an hour that has ended by ``now`` is as
        observed, any other a forecast of the hour that ``now`` lies in. NaN outside the archive.

        Raises ``FeedError`` far from the archive's station and outside its years.
        """
        _refuse_far(latitude, longitude)
        archive = self._archive
        first, n = _whole(start, end, _HOUR)
        at = (first - archive.start) // _HOUR
        if at + n <= 0 or at >= len(archive.temp_out_c) or n == 0:
            last = archive.start + len(archive.temp_out_c) * _HOUR
            raise FeedError(
                f"no weather from {start} to {end}: the archive holds {archive.start} to {last}"
            )
        issue = (now - archive.start) // _HOUR
        temp, ghi = self._expected(at, n, issue)
        ahead = at + n > issue
        return WeatherSeries(
            temp_out_c=self._feed_series(first, temp, "degC", now, ahead=ahead),
            ghi_wm2=self._feed_series(first, ghi, "W/m2", now, ahead=ahead),
        )

    def spot(self, area: str, *, start: datetime, end: datetime, now: datetime) -> FeedSeries:
        """Quarter-hours [DKK/kWh]. Days that the auction has not settled by ``now`` (it does at
        13:00 local time for the day after) have the mean level.

        Raises ``FeedError`` for an unknown price area. Both Danish areas have the same price.
        """
        require_area(area)
        first, n = _whole(start, end, _QUARTER)
        grid = local_grid(_DANISH, first, int(_QUARTER.total_seconds()), n)
        settled = date.max if self.perfect else _settled(now)
        values = self._spot_shape[grid.minute // 15]
        for day, inside in grid.day_slices():
            if day <= settled:
                values[inside] *= price_level(self.seed, day)
        return FeedSeries(
            series=Series(first, _QUARTER, values),
            unit="DKK/kWh",
            source=_SPOT,
            issued_at=now,
            synthetic=True,
        )

    def emissions(self, area: str, *, start: datetime, end: datetime, now: datetime) -> FeedSeries:
        """Quarter-hours [kg CO2/kWh]: high on winter evenings, low at night and at midday.

        Raises ``FeedError`` for an unknown price area.
        """
        require_area(area)
        first, n = _whole(start, end, _QUARTER)
        grid = local_grid(_DANISH, first, int(_QUARTER.total_seconds()), n)
        season = np.cos(2 * np.pi * (grid.day % 365.25 - 15) / 365.25)
        hour = grid.minute / 60
        evening, midday = (np.exp(-(((hour - peak) / 2.5) ** 2)) for peak in (18.5, 13.0))
        values = 0.12 + 0.03 * season + 0.06 * evening - 0.03 * (1 - season) * midday
        return FeedSeries(
            series=Series(first, _QUARTER, np.clip(values, 0.05, 0.25)),
            unit="kg/kWh",
            source=_EMISSIONS,
            issued_at=now,
            synthetic=True,
        )

    @cached_property
    def _archive(self) -> _Weather:
        return _read_weather(DATA / "weather_hourly.csv.gz")

    @cached_property
    def _spot_shape(self) -> Floats:
        return _read_spot_day(DATA / "eds_DayAheadPrices_2025-11-05.json")

    def _expected(self, at: int, n: int, issue: int) -> tuple[Floats, Floats]:
        """Hours ``at`` to ``at + n`` of the archive as they are known in hour ``issue``."""
        temp = _cut(self._archive.temp_out_c, at, n)
        ghi = _cut(self._archive.ghi_wm2, at, n)
        leads = at + n - issue
        if leads > 0 and not self.perfect:
            ahead = slice(max(0, issue - at), n)
            errors = forecast_errors(self.seed, issue, leads)
            temp[ahead] += errors.temp_k[-(n - ahead.start) :]
            ghi[ahead] *= errors.ghi_factor[-(n - ahead.start) :]
        return temp, ghi

    def _feed_series(
        self, first: datetime, values: Floats, unit: str, now: datetime, *, ahead: bool
    ) -> FeedSeries:
        forecast = _PERFECT if self.perfect else _FORECAST
        return FeedSeries(
            series=Series(first, _HOUR, values),
            unit=unit,
            source=forecast if ahead else _OBSERVED,
            issued_at=_floor(now, _HOUR) if ahead else now,
            synthetic=ahead,
        )


def _refuse_far(latitude: float, longitude: float) -> None:
    if abs(latitude - LATITUDE) > _NEAR_DEG or abs(longitude - LONGITUDE) > _NEAR_DEG:
        raise FeedError(
            f"the weather archive is of {LATITUDE}, {LONGITUDE}, not of {latitude}, {longitude}"
        )


def _floor(moment: datetime, step: timedelta) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + (moment - epoch) // step * step


def _whole(start: datetime, end: datetime, step: timedelta) -> tuple[datetime, int]:
    first = _floor(start, step)
    return first, grid_length(first, end, step)


def _settled(now: datetime) -> date:
    local = now.astimezone(ZoneInfo(_DANISH))
    return local.date() + timedelta(days=1 if local.time() >= _AUCTION else 0)


def _cut(values: Floats, at: int, n: int) -> Floats:
    cut = np.full(n, np.nan)
    first, end = max(0, at), min(len(values), at + n)
    cut[first - at : end - at] = values[first:end]
    return cut


def _read_weather(path: Path) -> _Weather:
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        start = datetime.fromisoformat(rows[0]["timestamp_utc"]).replace(tzinfo=UTC)
        temp = np.array([float(row["temp_air_c"] or "nan") for row in rows])
        ghi = np.array([float(row["ghi_wm2"] or "nan") for row in rows])
    except (OSError, EOFError, KeyError, IndexError, ValueError) as error:
        raise FeedError(f"weather archive {path}: {error!r}") from error
    # the stamp of the irradiance marks the end of its hour
    return _Weather(start, temp, np.append(ghi[1:], np.nan))


def _read_spot_day(path: Path) -> Floats:
    """One price for each local quarter-hour of a day [DKK/kWh]. Shape (96,)."""
    try:
        records = json.loads(path.read_text("utf-8"))["records"]
        prices = [record["DayAheadPriceDKK"] / _KWH_PER_MWH for record in records]
        return np.array(prices, dtype=np.float64).reshape(96)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise FeedError(f"price file {path}: {error!r}") from error


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


@lru_cache(maxsize=8192)
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
