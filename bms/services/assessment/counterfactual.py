"""Day by day: what a meter measured, and what it would have measured without us."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Self

import numpy as np

from bms.model.assets.equipment import Meter
from bms.model.assets.site import Site
from bms.model.readings.series import Floats
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Span
from bms.ports.feeds import Feed
from bms.ports.storage.readings import ReadingStore
from bms.savings.data.daily import DailyUse, daily
from bms.savings.data.screening import screen_temp, screen_use
from bms.savings.data.season import same_season
from bms.savings.models.baseline import Baseline, fit_baseline
from bms.services.assessment.seldom_read import seldom_read_use
from bms.services.assessment.site_savings import meter_use, outdoor_temperature
from bms.services.periods import Periods

FEWEST_DAYS = 60
"""Days of baseline [d] below which no day is predicted: nothing could be claimed on them."""

FULL_DAY_H = 24.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MeterDays:
    """Local days of the reporting period, shapes (n,) [kWh] in the hours that were observed.

    NaN where a day is not known.
    """

    meter: str
    commodity: Commodity
    dates: tuple[date, ...]
    measured_kwh: Floats
    adjusted_baseline_kwh: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysOfMeter:
    """``MeterDays`` as they are kept; None where a day is not known."""

    meter: str
    commodity: Commodity
    dates: tuple[date, ...]
    measured_kwh: tuple[float | None, ...]
    adjusted_baseline_kwh: tuple[float | None, ...]

    @classmethod
    def of(cls, days: MeterDays) -> Self:
        """The days, to be kept."""
        return cls(
            meter=days.meter,
            commodity=days.commodity,
            dates=days.dates,
            measured_kwh=_known(days.measured_kwh),
            adjusted_baseline_kwh=_known(days.adjusted_baseline_kwh),
        )

    def arrays(self) -> MeterDays:
        """The days, to be drawn and summed up."""
        return MeterDays(
            meter=self.meter,
            commodity=self.commodity,
            dates=self.dates,
            measured_kwh=np.array(self.measured_kwh, dtype=np.float64),
            adjusted_baseline_kwh=np.array(self.adjusted_baseline_kwh, dtype=np.float64),
        )


def _known(values: Floats) -> tuple[float | None, ...]:
    return tuple(value if np.isfinite(value) else None for value in values.tolist())


def meter_days(
    site: Site, *, readings: ReadingStore, feed: Feed, periods: Periods
) -> tuple[MeterDays, ...]:
    """The days of every billed meter with an energy register; one that is read by the month has
    none. Raises ``FeedError``."""
    rows = (_one(site, meter, readings, feed, periods) for meter in site.meters if meter.billed)
    return tuple(row for row in rows if row is not None)


def _one(
    site: Site, meter: Meter, readings: ReadingStore, feed: Feed, periods: Periods
) -> MeterDays | None:
    start, end = periods.whole.start, periods.whole.end
    if seldom_read_use(site, meter, readings, start, end) is not None:
        return None
    use = meter_use(site, meter, readings, start, end)
    if use is None:
        return None
    temp = screen_temp(outdoor_temperature(site, feed, start, end))
    clean, _ = screen_use(use, temp, meter.commodity)

    def days(span: Span) -> DailyUse:
        return daily(clean, temp, span, site.timezone)

    before, after = days(periods.baseline).only_valid(), days(periods.reporting)
    model = _model(site, meter, before, days(periods.project or periods.reporting))
    observed = after.hours / FULL_DAY_H
    return MeterDays(
        meter=meter.id,
        commodity=meter.commodity,
        dates=after.dates,
        measured_kwh=np.where(after.valid, after.kwh, np.nan),
        adjusted_baseline_kwh=np.full(len(after), np.nan)
        if model is None
        else np.where(after.valid, model.predict(after.dates, after.temp_c) * observed, np.nan),
    )


def _model(site: Site, meter: Meter, before: DailyUse, whole: DailyUse) -> Baseline | None:
    """The same model as in the assessment of the meter over the ``whole`` project."""
    known = whole.only_valid()
    if len(before) < FEWEST_DAYS or not len(known):
        return None
    season = same_season(before, known.dates)
    return fit_baseline(
        season, cooling=meter.commodity is Commodity.ELECTRICITY, closed=site.closed
    )
