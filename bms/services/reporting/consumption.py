"""Consumption of meters beside the year before, corrected for the weather, with cost and CO2."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from bms.errors import FeedError
from bms.model.assets.site import Site
from bms.model.fact import Fact, Term, fact
from bms.model.readings.series import Floats
from bms.model.readings.units import Commodity, Unit
from bms.model.reporting.columns import Record, table_of
from bms.model.reporting.table import Bar, BarChart, Table
from bms.model.reporting.words import Chart, MethodFact, ReportFact, Sheet
from bms.model.savings.avoided_use import Span
from bms.savings.models.degree_days import degree_days, guf_share
from bms.savings.portfolio.key_figures import LEAST_DEGREE_DAYS, NORMAL_DEGREE_DAYS, YEAR_DAYS
from bms.services.assessment.energy_value import EnergyValue, energy_value
from bms.services.assessment.site_savings import outdoor_temperature
from bms.services.periods import midnight
from bms.services.reporting.meter_use import MeterUse, a_year_before, site_uses, uses_of
from bms.services.reporting.scope import Scope, name_of

USED = (
    *("building", "building_name", "meter_id", "meter_number", "commodity", "billed"),
    *("since", "until", "use", "unit", "use_before", "change", "climate_kwh"),
    *("climate_before_kwh", "use_cost_dkk", "use_co2_kg", "coverage"),
)
PRINTED = (
    *("building_name", "meter_id", "commodity", "use", "unit", "use_before", "change"),
    *("climate_kwh", "use_cost_dkk", "use_co2_kg"),
)
MONTHS = (
    *("building", "building_name", "meter_id", "commodity", "billed", "month", "use", "unit"),
    "coverage",
)
DAYS = ("building", "building_name", "meter_id", "commodity", "billed", "day", "use", "unit")
METHOD = (
    fact(MethodFact.USE),
    fact(MethodFact.CLIMATE, degree_days=NORMAL_DEGREE_DAYS),
    fact(MethodFact.WORTH),
    fact(MethodFact.COVERAGE),
)
HEATING = (Commodity.HEAT, Commodity.GAS)


@dataclass(frozen=True, slots=True)
class DaysOfMeters:
    """A record for every meter and day, computed a building at a time, each time it is read."""

    scope: Scope

    def __iter__(self) -> Iterator[Record]:
        for site in self.scope.sites:
            for use in site_uses(self.scope, site, compared=False):
                for day, value in use.by_day():
                    yield {**_meter(use), "day": day, "use": value}


def consumption_tables(scope: Scope) -> tuple[tuple[Table, ...], tuple[MeterUse, ...]]:
    """Use of every meter, by month and by day, and what the tables were made of."""
    uses = tuple(uses_of(scope))
    tables = (
        table_of(Sheet.CONSUMPTION, USED, list(_used(scope, uses)), printed=PRINTED),
        table_of(Sheet.MONTHS, MONTHS, list(_months(uses))),
        table_of(Sheet.DAYS, DAYS, DaysOfMeters(scope), apart=len(scope.sites) > 1),
    )
    return tables, uses


def use_summary(uses: Sequence[MeterUse]) -> tuple[Fact, ...]:
    """What the billed meters of each commodity used together, and how that has changed."""
    told = []
    for commodity in Commodity:
        group = [use for use in uses if use.billed and use.meter.commodity is commodity]
        if group:
            told.append(_told(commodity, group))
    return tuple(told)


def _told(commodity: Commodity, group: Sequence[MeterUse]) -> Fact:
    now, before = sum_of(use.total for use in group), sum_of(use.before for use in group)
    numbers = {"what": Term(f"commodity_{commodity}"), "use": now, "unit": group[0].unit}
    if now is None or not before:
        known = sum(use.total is not None for use in group)
        return fact(ReportFact.USED_ALONE, known=known, meters=len(group), **numbers)
    return fact(ReportFact.USED, before=before, change=now / before - 1.0, **numbers)


def sum_of(values: Iterable[float | None]) -> float | None:
    """The sum; None where one of them is not known, or there is none."""
    found = list(values)
    known = [value for value in found if value is not None]
    return sum(known) if found and len(known) == len(found) else None


def use_charts(uses: Sequence[MeterUse]) -> tuple[BarChart, ...]:
    """Energy of all billed meters by month."""
    months: dict[date, list[float | None]] = {}
    for use in uses:
        if use.billed and use.unit == Unit.KWH:
            for month, (value, _) in use.months().items():
                months.setdefault(month, []).append(value)
    bars = [Bar(label=month, value=sum_of(values)) for month, values in sorted(months.items())]
    return (BarChart(code=Chart.USE, unit="kWh", bars=tuple(bars)),) if bars else ()


def _meter(use: MeterUse) -> Record:
    return {
        "building": use.site.id,
        "building_name": name_of(use.site),
        "meter_id": use.name,
        "meter_number": getattr(use.meter, "number", None),
        "commodity": use.meter.commodity.value,
        "billed": use.billed,
        "unit": use.unit,
    }


def _used(scope: Scope, uses: Sequence[MeterUse]) -> Iterator[Record]:
    site: Site | None = None
    for use in uses:
        if use.site is not site:
            site = use.site
            value, climate = _worth(scope, site), Climate.of(scope, site)
        price, factor = value.prices.get(use.name), value.factors.get(use.name)
        yield {
            **_meter(use),
            "since": scope.first,
            "until": scope.until,
            "use": use.total,
            "use_before": use.before,
            "change": use.change,
            "use_cost_dkk": None if None in (use.total, price) else use.total * price,  # type: ignore[operator]
            "use_co2_kg": None if None in (use.total, factor) else use.total * factor,  # type: ignore[operator]
            "coverage": use.coverage,
            **climate.corrected(use),
        }


def _months(uses: Sequence[MeterUse]) -> Iterator[Record]:
    for use in uses:
        for month, (value, coverage) in use.months().items():
            yield {**_meter(use), "month": month, "use": value, "coverage": coverage}


def _worth(scope: Scope, site: Site) -> EnergyValue:
    ports = scope.cache.ports
    return energy_value(
        site, span_of(site, scope.first, scope.until), feed=ports.feed, tariffs=ports.tariffs
    )


def span_of(site: Site, first: date, end: date) -> Span:
    """Local days of a building as a period of time."""
    return Span(start=midnight(first, site.timezone), end=midnight(end, site.timezone))


@dataclass(frozen=True, slots=True)
class Climate:
    """What a year of heat would have been in a normal year (GUF and GAF)."""

    now: float | None
    before: float | None

    @classmethod
    def of(cls, scope: Scope, site: Site) -> Climate:
        """For heat of a whole year; nothing for less, which has no normal year."""
        if (scope.until - scope.first).days < YEAR_DAYS:
            return cls(None, None)
        spans = (
            span_of(site, scope.first, scope.until),
            span_of(site, a_year_before(scope.first), a_year_before(scope.until)),
        )
        return cls(*(_factor(scope, site, span) for span in spans))

    def corrected(self, use: MeterUse) -> Record:
        """Use of a heat meter in a normal year [kWh], now and a year before."""
        if use.meter.commodity not in HEATING or use.unit != Unit.KWH:
            return {}
        pairs = {
            "climate_kwh": (use.total, self.now),
            "climate_before_kwh": (use.before, self.before),
        }
        return {
            name: value * factor
            for name, (value, factor) in pairs.items()
            if value is not None and factor is not None
        }


def _factor(scope: Scope, site: Site, span: Span) -> float | None:
    """What the heat of a year is multiplied by: GUF + GAF · normal degree days / measured ones."""
    try:
        hourly = outdoor_temperature(site, scope.cache.ports.feed, span.start, span.end).values
    except FeedError:
        return None
    measured = _year_of_degree_days(hourly)
    if measured is None or measured < LEAST_DEGREE_DAYS:
        return None
    guf = guf_share(site.use)
    return guf + (1.0 - guf) * NORMAL_DEGREE_DAYS / measured


def _year_of_degree_days(hourly: Floats) -> float | None:
    """Degree days [K d] of a year by its days of 24 hours, those with a gap left out."""
    whole = hourly[: len(hourly) // 24 * 24].reshape(-1, 24).mean(axis=1)
    known = whole[np.isfinite(whole)]
    if len(known) < YEAR_DAYS * 0.9:
        return None
    return degree_days(known) * YEAR_DAYS / len(known)
