"""Years of untreated meters against the years before them: what their savings, which are none,
teach about the drift of buildings.

71 meters of 44 buildings, daily, 2008 to 2019, without any filter (``bms/bench/data/meters``).
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache

import numpy as np

from bms.bench.savings.meters import METERS
from bms.model.readings.series import Floats, Series
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Savings, Span
from bms.savings.claims.assessment import AssessmentPeriods, AssessmentSettings
from bms.savings.claims.meter_savings import assess_meter

YEARS = METERS.with_name("many_years_daily.csv.gz")
WEATHER = METERS.with_name("many_years_weather_daily.csv.gz")
ZONE = "UTC"
"""The files hold local days; here they are days of UTC."""


@dataclass(frozen=True, slots=True)
class ManyYears:
    """Daily use of untreated meters by name [kWh/day] and the weather of their place [degC]."""

    meters: Mapping[str, Series]
    temp: Series

    def pairs(self, apart: int = 1) -> Iterator[tuple[str, int]]:
        """Meters and the baseline years that have another year ``apart`` years later."""
        for meter, use in self.meters.items():
            for year in range(use.start.year, use.end.year - apart):
                yield meter, year

    def assess(
        self,
        meter: str,
        year: int,
        *,
        years: int = 1,
        left: float = 1.0,
        settings: AssessmentSettings | None = None,
    ) -> Savings:
        """The saving of the ``years`` after a baseline ``year``, of whose use only the share
        ``left`` was used, with all earlier years of the file and none of the later ones."""
        use = self.meters[meter]
        first, end = datetime(year + 1, 1, 1, tzinfo=UTC), _start(year + 1 + years)
        values = np.array(use.values[: (end - use.start) // use.step])
        values[(first - use.start) // use.step :] *= left
        return assess_meter(
            Series(use.start, use.step, values),
            self.temp,
            meter_id=meter,
            commodity=kind(meter),
            periods=AssessmentPeriods(
                baseline=year_of(year),
                reporting=Span(start=first, end=end),
                timezone=ZONE,
            ),
            settings=settings or AssessmentSettings(),
        )


def kind(meter: str) -> Commodity:
    """The commodity by the end of the name."""
    return Commodity.ELECTRICITY if meter.endswith("_el") else Commodity.GAS


def building(meter: str) -> str:
    """The building of a meter by the beginning of its name."""
    return meter.split("_")[0]


def year_of(year: int) -> Span:
    """The calendar year."""
    return Span(start=_start(year), end=_start(year + 1))


@cache
def many_years() -> ManyYears:
    """The meters of the checkout."""
    use = _read(YEARS.as_posix(), "meter_id", "kwh")
    return ManyYears(use, _read(WEATHER.as_posix(), None, "temp_air_c")[""])


def _read(path: str, name: str | None, value: str) -> dict[str, Series]:
    days: dict[str, dict[int, float]] = defaultdict(dict)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            day = date.fromisoformat(row["date"]).toordinal()
            days[row[name] if name else ""][day] = float(row[value] or "nan")
    return {meter: _series(found) for meter, found in days.items()}


def _series(days: Mapping[int, float]) -> Series:
    first, last = min(days), max(days)
    values: Floats = np.full(last - first + 1, np.nan)
    values[np.array(list(days)) - first] = list(days.values())
    start = datetime.combine(date.fromordinal(first), datetime.min.time(), UTC)
    return Series(start, timedelta(days=1), values)


def _start(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=UTC)
