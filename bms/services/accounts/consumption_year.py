"""What a building used in a calendar year, of each commodity: ``site_year``.

Measured and corrected to the normal year, beside the year before, with its CO2 and primary energy;
budget and target are laid beside it when it is read (``goals``). Nothing is filled in where days
are missing; how many are known stands beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from bms.errors import ConfigError, FeedError
from bms.model.assets.equipment import Meter
from bms.model.assets.site import Site
from bms.model.readings.series import Floats, Series
from bms.model.readings.units import Commodity, Unit
from bms.model.savings.avoided_use import Span
from bms.savings.data.daily import daily
from bms.savings.models.degree_days import guf_share
from bms.savings.portfolio.primary_energy import carrier_of
from bms.savings.portfolio.yearly_consumption import (
    YearDays,
    YearSoFar,
    daily_shares,
    of_consumption,
    year_so_far,
)
from bms.services.accounts.daily_use import (
    commodities_of,
    counted_meters,
    daily_use,
    unit_of,
    unit_of_commodity,
)
from bms.services.assessment.ports import AssessmentPorts
from bms.services.assessment.site_savings import HOUR, outdoor_temperature
from bms.services.periods import local_date, midnight

FIRST_YEAR = 1990
"""No reading is older."""
MONTHS = 12
HEATING = (Commodity.HEAT, Commodity.GAS)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthOfUse:
    """A calendar month by its ``first`` day, of which ``days`` of ``of`` are known so far; use in
    the unit of the year, None where no day is known. ``share`` of a year's use falls on the whole
    month; ``budget`` and ``target`` are what of the year's does."""

    first: date
    use: float | None
    days: int
    of: int
    last_year: float | None
    share: float
    budget: float | None = None
    target: float | None = None

    @property
    def change(self) -> float | None:
        """The share by which the month lies above that of last year; None where not all of it is
        known in both."""
        if self.use is None or not self.last_year or self.days < self.of:
            return None
        return self.use / self.last_year - 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterOfYear:
    """What one meter used on the ``days`` that are known of it."""

    meter: str
    use: float | None
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommodityYear:
    """A commodity in a year, in ``unit``. ``budget`` and ``target`` are of the whole year; those of
    ``so_far`` fall on the known days. ``co2_kg`` [kg] and ``primary_kwh`` [kWh of primary energy]
    are of the known days; None where a factor is not known."""

    commodity: Commodity
    unit: Unit
    so_far: YearSoFar
    co2_kg: float | None
    primary_kwh: float | None
    months: tuple[MonthOfUse, ...]
    meters: tuple[MeterOfYear, ...]
    budget: float | None = None
    target: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteYear:
    """The consumption of a building in ``year`` until before ``until``. ``energy_label`` is as it
    was entered, never computed from what was measured."""

    site: str
    use: str
    area_m2: float
    energy_label: str | None
    year: int
    until: date
    normal_year: str | None
    commodities: tuple[CommodityYear, ...]


def year_until(today: date, year: int | None) -> date:
    """The day before which a year is told: the end of it, or today. Raises ``ConfigError`` for a
    year that has not begun, or lies before all readings."""
    if year is not None and not FIRST_YEAR <= year <= today.year:
        raise ConfigError(f"year {year}: give one from {FIRST_YEAR} to {today.year}")
    if year is None or year == today.year:
        return max(today, date(today.year, 1, 2))
    return date(year + 1, 1, 1)


def site_year(ports: AssessmentPorts, site: Site, year: int | None = None) -> SiteYear:
    """The consumption of a site in ``year``, or in the present one, up to the last whole day.

    Raises ``ConfigError`` as ``year_until`` does.
    """
    until = year_until(local_date(ports.clock.now(), site.timezone), year)
    told = (until - DAY).year
    temperature = _temperatures(ports, site, date(told, 1, 1), until)
    return SiteYear(
        site=site.id,
        use=site.use,
        area_m2=site.area_m2,
        energy_label=site.energy_label,
        year=told,
        until=until,
        normal_year=None if ports.normal_year is None else ports.normal_year.name,
        commodities=tuple(
            _commodity(ports, site, kind, until, temperature) for kind in commodities_of(site)
        ),
    )


def _commodity(
    ports: AssessmentPorts, site: Site, kind: Commodity, until: date, temperature: Floats
) -> CommodityYear:
    year, unit = (until - DAY).year, unit_of_commodity(site, kind)
    chosen = [m for m in counted_meters(site, kind) if unit_of(site, m) is unit]
    rows = _days_of(ports, site, chosen, date(year, 1, 1), until)
    before_rows = _days_of(ports, site, chosen, date(year - 1, 1, 1), date(year, 1, 1))
    this = YearDays(year=year, use=np.sum(rows, axis=0), temp_c=temperature)
    use = np.sum(before_rows, axis=0)
    before = YearDays(year=year - 1, use=use, temp_c=np.full(len(use), np.nan))
    normal = ports.normal_year if kind in HEATING else None
    guf = guf_share(site.use)
    return CommodityYear(
        commodity=kind,
        unit=unit,
        so_far=year_so_far(this, before, guf=guf, normal=normal, area_m2=site.area_m2),
        co2_kg=_emissions(ports, site, kind, this) if unit is Unit.KWH else None,
        primary_kwh=of_consumption(this, ports.factors.primary.get(carrier_of(kind) or "", ()))
        if unit is Unit.KWH
        else None,
        months=_months(this, before, daily_shares(year, guf, normal)),
        meters=tuple(_meter(m.id, row) for m, row in zip(chosen, rows, strict=True)),
    )


def _days_of(
    ports: AssessmentPorts, site: Site, meters: Sequence[Meter], first: date, until: date
) -> list[Floats]:
    return [daily_use(site, m, ports.readings, first, until - DAY).use for m in meters]


def _meter(name: str, use: Floats) -> MeterOfYear:
    known = np.isfinite(use)
    total = float(use[known].sum()) if known.any() else None
    return MeterOfYear(meter=name, use=total, days=int(known.sum()))


def _months(this: YearDays, before: YearDays, shares: Floats) -> tuple[MonthOfUse, ...]:
    found = []
    for month in range(1, MONTHS + 1):
        here = this.use[_slice(this.year, month)]
        there = before.use[_slice(before.year, month)]
        found.append(
            MonthOfUse(
                first=date(this.year, month, 1),
                use=_total(here),
                days=int(np.isfinite(here).sum()),
                of=len(here),
                last_year=_total(there) if np.isfinite(there).all() else None,
                share=float(shares[_slice(this.year, month)].sum()),
            )
        )
    return tuple(found)


def _slice(year: int, month: int) -> slice:
    """The days of a month among those of its year."""
    first = date(year, month, 1)
    after = (first + timedelta(days=32)).replace(day=1)
    return slice((first - date(year, 1, 1)).days, (after - date(year, 1, 1)).days)


def _total(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.sum()) if len(known) else None


def _temperatures(ports: AssessmentPorts, site: Site, first: date, until: date) -> Floats:
    """Mean outdoor temperature of the days from ``first`` until before ``until`` [degC]; NaN where
    it is not known."""
    start, end = midnight(first, site.timezone), midnight(until, site.timezone)
    try:
        hourly = outdoor_temperature(site, ports.feed, start, end)
    except FeedError:
        return np.full((until - first).days, np.nan)
    return _by_day(hourly, Span(start=start, end=end), site.timezone)


def _by_day(hourly: Series, span: Span, timezone: str) -> Floats:
    """Means of local days, shape (n,); NaN where too many hours are missing."""
    nothing = Series(hourly.start, hourly.step, np.zeros(len(hourly)))
    found = daily(nothing, hourly, span, timezone)
    return np.where(found.valid, found.temp_c, np.nan)


def _emissions(ports: AssessmentPorts, site: Site, kind: Commodity, days: YearDays) -> float | None:
    """kg of CO2 of the known days: heat by the dated factors of its supplier, electricity by those
    of its hours, gas by that of its combustion."""
    table = ports.factors.emissions.get(site.heat_tariff if kind is Commodity.HEAT else kind, ())
    if table or kind is Commodity.GAS:
        return of_consumption(days, table)
    known = np.isfinite(days.use)
    if not known.any():
        return None
    factors = _daily_factors(ports, site, kind, days)
    if factors is None or not np.isfinite(factors[known]).all():
        return None
    return float(days.use[known] @ factors[known])


def _daily_factors(
    ports: AssessmentPorts, site: Site, kind: Commodity, days: YearDays
) -> Floats | None:
    """Mean emission factor of each day [kg CO2/kWh]; None where the feed cannot say."""
    first = date(days.year, 1, 1)
    start = midnight(first, site.timezone)
    end = midnight(first + len(days.use) * DAY, site.timezone)
    if kind is Commodity.HEAT:
        n = int((end - start) / HOUR)
        hourly = ports.tariffs.heat_emissions(site.heat_tariff, start, HOUR, n)
    else:
        try:
            feed = ports.feed.emissions(site.price_area, start=start, end=end, now=end)
        except FeedError:
            return None
        hourly = feed.series
    return _by_day(hourly, Span(start=start, end=end), site.timezone)
