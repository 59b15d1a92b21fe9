"""Consumption of buildings by commodity, meter, month and day, beside last year, budget and target.

The numbers are those of ``bms.services.accounts``, as the API tells them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from bms.model.assets.site import Site
from bms.model.fact import Fact, Term, fact
from bms.model.reporting.columns import Record, table_of
from bms.model.reporting.table import Bar, BarChart, BarKind, ReportTable
from bms.model.reporting.words import Chart, MethodFact, ReportFact, RowLevel, Sheet
from bms.model.savings.avoided_use import Span
from bms.savings.portfolio.key_figures import NORMAL_DEGREE_DAYS
from bms.services.accounts.city_year import (
    CommodityTotal,
    MonthTotal,
    PortfolioYear,
    portfolio_consumption,
)
from bms.services.accounts.consumption_year import CommodityYear, MonthOfUse, SiteYear
from bms.services.accounts.daily_use import daily_use
from bms.services.assessment.cooling_fees import MeterCooling, portfolio_cooling
from bms.services.assessment.energy_value import energy_value
from bms.services.periods import midnight
from bms.services.reporting.scope import DAY, TOGETHER, Scope, name_of

USED = (
    *("building", "building_name", "level", "use_of_building", "area_m2", "energy_label"),
    *("commodity", "unit", "use", "days", "of_days", "use_before", "change", "budget"),
    *("target", "normal_use", "use_cost_dkk", "use_co2_kg", "primary_kwh"),
)
PRINTED = (
    *("building_name", "commodity", "unit", "use", "use_before", "change", "budget"),
    *("normal_use", "use_cost_dkk", "use_co2_kg"),
)
MONTHS = (
    *("building", "building_name", "commodity", "unit", "month", "use", "days", "of_days"),
    *("use_before", "budget", "target"),
)
PRINTED_MONTHS = ("building_name", "commodity", "month", "use", "unit", "use_before", "budget")
METERS = (
    *("building", "building_name", "meter_id", "meter_number", "commodity", "unit", "use"),
    "days",
)
DAYS = ("building", "building_name", "meter_id", "commodity", "day", "use", "unit")
COOLING = (
    *("building", "building_name", "meter_id", "until", "cooling_k", "energy_mwh", "fee_dkk"),
    *("fee_year_dkk", "notes"),
)
METHOD = (
    fact(MethodFact.USE),
    fact(MethodFact.LAST_YEAR),
    fact(MethodFact.BUDGET),
    fact(MethodFact.CLIMATE, degree_days=NORMAL_DEGREE_DAYS),
    fact(MethodFact.WORTH),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundUse:
    """The consumption of the scope in a calendar year; ``month`` where one of it is asked for."""

    scope: Scope
    year: PortfolioYear
    month: date | None

    @property
    def rows(self) -> Iterator[tuple[Site, SiteYear]]:
        """Each building with its year."""
        sites = {site.id: site for site in self.scope.sites}
        for row in self.year.sites:
            yield sites[row.site], row


def use_found(scope: Scope) -> FoundUse:
    """What the API answers for the year of the scope. Raises ``ConfigError`` for a year that has
    not begun."""
    year = scope.first.year if scope.asked else None
    if scope.sites:
        for i, site in enumerate(scope.sites):
            portfolio_consumption(scope.cache, year, [site])
            scope.progress((i + 1) / len(scope.sites))
    month = scope.first if scope.asked and (scope.end - scope.first).days < 32 else None
    return FoundUse(
        scope=scope, year=portfolio_consumption(scope.cache, year, scope.sites), month=month
    )


def consumption_tables(found: FoundUse) -> tuple[ReportTable, ...]:
    """Use by commodity, by month, by meter and by day, and the cooling of heat meters."""
    tables = [used_table(found), months_table(found)]
    if found.month is None:
        tables.append(
            table_of(
                Sheet.METERS_OF_YEAR,
                METERS,
                list(_meters(found)),
                printed=METERS[1:3] + METERS[4:],
                most_printed=60,
            )
        )
    cooled = _cooling(found)
    if cooled:
        printed = ("building_name", "meter_id", "cooling_k", "energy_mwh", "fee_dkk")
        tables.append(table_of(Sheet.COOLING, COOLING, cooled, printed=(*printed, "fee_year_dkk")))
    days = table_of(Sheet.DAYS, DAYS, DaysOfMeters(found), apart=len(found.scope.sites) > 1)
    return (*tables, days)


def used_table(found: FoundUse) -> ReportTable:
    """Use by commodity, of all buildings together and of each."""
    rows = list(_used(found))
    return table_of(Sheet.CONSUMPTION, USED, rows, printed=_with_targets(PRINTED, rows))


def months_table(found: FoundUse) -> ReportTable:
    """Use of each building by commodity and month."""
    rows = [_month(site, each, month) for site, each in _each(found) for month in each.months]
    alone = len(found.scope.sites) == 1
    printed = _with_targets(PRINTED_MONTHS, rows) if alone else ()
    return table_of(Sheet.MONTHS, MONTHS, rows, printed=printed)


def _with_targets(printed: tuple[str, ...], rows: list[Record]) -> tuple[str, ...]:
    """The columns for paper; targets are among them where one was set."""
    return (*printed, "target") if any(row["target"] is not None for row in rows) else printed


def use_summary(found: FoundUse) -> tuple[Fact, ...]:
    """What was used of each commodity together, and how that has changed."""
    return tuple(_told(row) for row in _sums(found))


def use_charts(found: FoundUse) -> tuple[BarChart, ...]:
    """Use of each commodity by month, together."""
    charts = []
    for total in found.year.together.totals:
        bars = tuple(map(_month_bar, total.months))
        if any(bar.value is not None for bar in bars):
            code = Chart(f"use_{total.commodity}")
            charts.append(BarChart(code=code, unit=total.unit.value, bars=bars))
    return tuple(charts)


def _month_bar(month: MonthTotal) -> Bar:
    """What is known of a month, hatched where it is not all of it."""
    kind = BarKind.SOLID if month.whole else BarKind.HATCHED
    return Bar(label=month.first, value=month.use, kind=kind)


def span_of(site: Site, first: date, end: date) -> Span:
    """Local days of a building as a period of time."""
    return Span(start=midnight(first, site.timezone), end=midnight(end, site.timezone))


def _each(found: FoundUse) -> Iterator[tuple[Site, CommodityYear]]:
    for site, row in found.rows:
        for each in row.commodities:
            yield site, each


def _sums(found: FoundUse) -> list[Record]:
    """Commodities of all buildings together."""
    totals = found.year.together.totals
    if found.month is None:
        return [{**_together(row), **_total(row)} for row in totals]
    return [
        {**_together(row), **_month_total(month)}
        for row in totals
        for month in row.months
        if month.first == found.month
    ]


def _together(row: CommodityTotal) -> Record:
    return {
        "building_name": TOGETHER,
        "level": RowLevel.TOTAL,
        "commodity": row.commodity.value,
        "unit": row.unit.value,
    }


def _month_total(row: MonthTotal) -> Record:
    return {
        "use": row.use,
        "use_before": row.last_year,
        "change": row.change,
        "budget": row.budget,
        "target": row.target,
    }


def _total(row: CommodityTotal) -> Record:
    return {
        "area_m2": row.area_m2,
        "use": row.use,
        "use_before": row.last_year,
        "change": row.change,
        "budget": row.budget,
        "target": row.target,
        "normal_use": row.corrected,
        "use_co2_kg": row.co2_kg,
        "primary_kwh": row.primary_kwh,
    }


def _told(row: Record) -> Fact:
    now, change = row.get("use"), row.get("change")
    numbers = {"what": Term(f"commodity_{row['commodity']}"), "use": now, "unit": row["unit"]}
    if now is None:
        return fact(ReportFact.USE_UNKNOWN, what=numbers["what"])  # type: ignore[arg-type]
    if change is None:
        return fact(ReportFact.USED_ALONE, **numbers)  # type: ignore[arg-type]
    return fact(ReportFact.USED, change=change, **numbers)  # type: ignore[arg-type]


def _used(found: FoundUse) -> Iterator[Record]:
    if len(found.scope.sites) > 1:
        yield from _sums(found)
    for site, row in found.rows:
        for each in row.commodities:
            use = _of_month(each, found.month) if found.month else _of_year(each)
            yield {
                **_site(site),
                "level": RowLevel.BUILDING,
                "use_of_building": site.use,
                "area_m2": site.area_m2,
                "energy_label": row.energy_label,
                "commodity": each.commodity.value,
                "unit": each.unit.value,
                **use,
                "use_cost_dkk": _cost(found, site, each, use.get("use")),
            }


def _of_year(each: CommodityYear) -> Record:
    so_far = each.so_far
    return {
        "use": so_far.use,
        "days": so_far.days,
        "of_days": so_far.of,
        "use_before": so_far.last_year,
        "change": so_far.change,
        "budget": so_far.budget,
        "target": so_far.target,
        "normal_use": so_far.corrected,
        "use_co2_kg": each.co2_kg,
        "primary_kwh": each.primary_kwh,
    }


def _of_month(each: CommodityYear, month: date) -> Record:
    row = next(row for row in each.months if row.first == month)
    return {**_use_of(row), "change": row.change}


def _use_of(row: MonthOfUse) -> Record:
    return {
        "use": row.use,
        "days": row.days,
        "of_days": row.of,
        "use_before": row.last_year,
        "budget": row.budget,
        "target": row.target,
    }


def _cost(found: FoundUse, site: Site, each: CommodityYear, use: object) -> float | None:
    """At the mean price of the period of the meters of a commodity [DKK]."""
    if not isinstance(use, float):
        return None
    ports, scope = found.scope.cache.ports, found.scope
    first = found.month or date(found.year.year, 1, 1)
    end = min(scope.until, found.year.until) if found.month else found.year.until
    if not first < end:
        return None
    prices = energy_value(
        site, span_of(site, first, end), feed=ports.feed, tariffs=ports.tariffs
    ).prices
    known = [prices[name] for m in each.meters if (name := f"{site.id}/{m.meter}") in prices]
    return use * float(np.mean(known)) if known else None


def _site(site: Site) -> Record:
    return {"building": site.id, "building_name": name_of(site)}


def _month(site: Site, each: CommodityYear, row: MonthOfUse) -> Record:
    return {
        **_site(site),
        "commodity": each.commodity.value,
        "unit": each.unit.value,
        "month": row.first,
        **_use_of(row),
    }


def _meters(found: FoundUse) -> Iterator[Record]:
    for site, each in _each(found):
        numbers = {meter.id: meter.number for meter in site.meters}
        for meter in each.meters:
            yield {
                **_site(site),
                "meter_id": f"{site.id}/{meter.meter}",
                "meter_number": numbers[meter.meter],
                "commodity": each.commodity.value,
                "unit": each.unit.value,
                "use": meter.use,
                "days": meter.days,
            }


def _cooling(found: FoundUse) -> list[Record]:
    chosen = {site.id: site for site in found.scope.sites}
    rows = portfolio_cooling(found.scope.cache, found.year.year)
    return [_cooled(chosen[row.site], row) for row in rows if row.site in chosen]


def _cooled(site: Site, row: MeterCooling) -> Record:
    total, end = row.to_date, row.forecast
    return {
        **_site(site),
        "meter_id": row.meter if "/" in row.meter else f"{site.id}/{row.meter}",
        "until": row.until,
        "cooling_k": None if total is None else total.cooling_k,
        "energy_mwh": None if total is None else total.energy_mwh,
        "fee_dkk": row.fee_dkk,
        "fee_year_dkk": None if end is None else end.fee_dkk,
        "notes": row.notes,
    }


@dataclass(frozen=True, slots=True)
class DaysOfMeters:
    """A record for every billed meter and day, computed a building at a time, each time that it is
    read."""

    found: FoundUse

    def __iter__(self) -> Iterator[Record]:
        first = self.found.month or date(self.found.year.year, 1, 1)
        end = min(self.found.year.until, self.found.scope.end if self.found.month else date.max)
        for site in self.found.scope.sites if first < end else ():
            yield from self._of(site, first, end)

    def _of(self, site: Site, first: date, end: date) -> Iterator[Record]:
        readings = self.found.scope.cache.ports.readings
        for meter in (meter for meter in site.meters if meter.billed):
            use = daily_use(site, meter, readings, first, end - DAY)
            about: Record = {
                **_site(site),
                "meter_id": f"{site.id}/{meter.id}",
                "commodity": meter.commodity.value,
                "unit": use.unit.value,
            }
            for i, value in enumerate(use.use):
                yield {**about, "day": first + i * DAY, "use": float(value)}
