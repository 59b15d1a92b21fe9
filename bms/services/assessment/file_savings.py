"""Savings of meters that come as files: no database, no site file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from bms.metering.bills import BilledUse, per_m3_of_bills
from bms.metering.cooling import kwh_per_m3_between
from bms.model.planning.grid import on_grid
from bms.model.readings.series import Series
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Savings
from bms.savings.claims.assessment import USUAL, AssessmentPeriods, AssessmentSettings
from bms.savings.claims.billing_savings import assess_bills, days_of
from bms.savings.claims.meter_savings import assess_meter
from bms.savings.data.commodity import commodity_of
from bms.savings.models.billing import series_of
from bms.savings.models.normal_year import (
    NormalDegreeDays,
    NormalYear,
    normal_year,
    scaled_to_degree_days,
)


def assess_series(
    meters: Mapping[str, Series],
    temp: Series,
    *,
    periods: AssessmentPeriods,
    settings: AssessmentSettings = USUAL,
    bills: Mapping[str, BilledUse] | None = None,
    sun: Series | None = None,
    commodity: Commodity | None = None,
    volumes: Mapping[str, Series | BilledUse] | None = None,
) -> Iterator[Savings]:
    """Yields the saving of each of ``meters`` [kWh per step] in their order; then of the meters
    that are read by the month (``bills``).

    Without a ``commodity`` it is taken from each meter's name, or else from how it follows the
    weather. ``sun``
    [W/m2] may be taken up by the models; ``volumes`` [m3] of heat meters are held against their
    energy. Raises ``zoneinfo.ZoneInfoNotFoundError`` for an unknown
    time zone.
    """
    for name, use in meters.items():
        kind = commodity or commodity_of(name, use, temp)
        volume = (volumes or {}).get(name) if kind is Commodity.HEAT else None
        found = () if volume is None else _per_m3(use, volume, periods)
        yield assess_meter(
            use,
            temp,
            meter_id=name,
            commodity=kind,
            periods=periods,
            settings=replace(settings, kwh_per_m3=found) if found else settings,
            sun=sun,
        )
    for name, billed in (bills or {}).items():
        kind = commodity or commodity_of(name, series_of(billed), temp)
        volume = (volumes or {}).get(name) if kind is Commodity.HEAT else None
        if isinstance(volume, BilledUse):
            asked = replace(settings, kwh_per_m3=(per_m3_of_bills(billed, volume),))
        else:
            asked = settings
        yield assess_bills(
            billed,
            temp,
            meter_id=name,
            commodity=kind,
            periods=periods,
            settings=asked,
        )


def _per_m3(
    use: Series, volume: Series | BilledUse, periods: AssessmentPeriods
) -> tuple[float | None, ...]:
    """Energy over volume of each period [kWh/m3]."""
    if isinstance(volume, BilledUse) or volume.step != use.step:
        return ()
    hours = on_grid(volume, use.start, use.step, len(use))
    beside = Series(use.start, use.step, hours)
    spans = ((each.start, each.end) for each in (periods.baseline, periods.reporting))
    return kwh_per_m3_between(use, beside, spans)


def normal_weather(
    temp: Series, timezone: str, published: NormalDegreeDays | None = None, name: str = ""
) -> NormalYear | None:
    """Returns the normal year of ``temp`` [degC]: the mean of its complete calendar years, moved
    to the degree days of a ``published`` one where that is given. None without a complete year.
    """
    dates, temp_c = days_of(temp, timezone)
    found = normal_year(dates, temp_c, name)
    return found if found is None or published is None else scaled_to_degree_days(published, found)
