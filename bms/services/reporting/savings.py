"""Savings of buildings, meters, months and measures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from bms.model.assets.site import Site
from bms.model.fact import Fact, Term, fact
from bms.model.reporting.columns import Record, table_of
from bms.model.reporting.table import Bar, BarChart, BarKind, ReportTable
from bms.model.reporting.words import Chart, Method, MethodFact, ReportFact, RowLevel, Sheet
from bms.model.savings.avoided_use import MonthSavings, Savings, SiteSavings
from bms.model.savings.objection import Verdict
from bms.services.assessment.measures import MeasureSaving, measure_savings
from bms.services.periods import local_date
from bms.services.reporting.scope import TOGETHER, Scope, name_of

COLUMNS = (
    *("building", "building_name", "meter_id", "meter_number", "level", "commodity"),
    *("baseline_start", "baseline_end", "reporting_start", "reporting_end", "method", "model"),
    *("n", "coverage", "cv_rmse", "nmbe", "r2", "rho", "drift", "baseline_kwh"),
    *("adjusted_baseline_kwh", "measured_kwh", "saving_kwh", "saving_low_kwh"),
    *("saving_high_kwh", "confidence", "cost_dkk", "co2_kg", "verdict", "reasons", "flags"),
)
PRINTED = (
    *("building_name", "meter_id", "measured_kwh", "adjusted_baseline_kwh", "saving_kwh"),
    *("saving_low_kwh", "saving_high_kwh", "cost_dkk", "verdict"),
)
MONTHS = (
    *("building", "building_name", "level", "month", "days", "adjusted_baseline_kwh"),
    *("measured_kwh", "saving_kwh", "saving_low_kwh", "saving_high_kwh"),
    *("to_date_kwh", "to_date_low_kwh", "to_date_high_kwh"),
)
MEASURES = (
    *("building", "building_name", "measure", "measure_kind", "what", "since", "until"),
    *("reporting_start", "reporting_end", "saving_kwh", "saving_low_kwh", "saving_high_kwh"),
    *("confidence", "expected_kwh", "verdict", "notes"),
)
KINDS = {
    Verdict.VERIFIED: BarKind.SOLID,
    Verdict.INDICATIVE: BarKind.HATCHED,
    Verdict.NOT_CLAIMABLE: BarKind.HOLLOW,
}
MOST_BARS = 25
METHOD = (
    fact(MethodFact.SAVINGS),
    fact(MethodFact.INTERVAL),
    fact(MethodFact.VERDICT),
    fact(MethodFact.WORTH),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSavings:
    """The savings of buildings in a period, and their sum where they are several."""

    rows: tuple[tuple[Site, SiteSavings], ...]
    total: SiteSavings | None

    @property
    def whole(self) -> SiteSavings | None:
        """The sum, or that of the only building."""
        return self.total or (self.rows[0][1] if self.rows else None)


def savings_found(scope: Scope) -> FoundSavings:
    """What the API answers for the reporting period of the scope; without a period for that of the
    pages."""
    reporting = f"{scope.first}..{scope.end}" if scope.asked else None
    assessed = []
    for i, site in enumerate(scope.sites):
        assessed.append(scope.cache.site(site, None, reporting))
        scope.progress((i + 1) / len(scope.sites))
    total = scope.cache.portfolio(assessed) if len(assessed) > 1 else None
    rows = zip(scope.sites, (each.savings for each in assessed), strict=True)
    return FoundSavings(rows=tuple(rows), total=total)


def savings_tables(scope: Scope, found: FoundSavings) -> tuple[ReportTable, ...]:
    """Savings of buildings and meters, of their months, and of the measures of the buildings."""
    measures = [
        _measure(site, each) for site in scope.sites for each in measure_savings(scope.cache, site)
    ]
    return (
        savings_table(found),
        table_of(
            Sheet.MEASURES,
            MEASURES,
            measures,
            printed=(
                "building_name",
                "what",
                "since",
                "saving_kwh",
                "saving_low_kwh",
                "saving_high_kwh",
                "verdict",
            ),
        ),
        months_table(found),
    )


def savings_table(found: FoundSavings) -> ReportTable:
    """The sum, and each building with its meters."""
    return table_of(Sheet.SAVINGS, COLUMNS, list(_records(found)), printed=PRINTED)


def months_table(found: FoundSavings) -> ReportTable:
    """Savings of all buildings together and of each, by month."""
    return table_of(
        Sheet.MONTHS,
        MONTHS,
        list(_months(found)),
        printed=(
            "building_name",
            "month",
            "measured_kwh",
            "saving_kwh",
            "saving_low_kwh",
            "saving_high_kwh",
        ),
        most_printed=36,
    )


def savings_summary(found: FoundSavings) -> tuple[Fact, ...]:
    """What was saved in all, what it was worth, and how much of it is verified."""
    whole = found.whole
    if whole is None or whole.saving_kwh is None:
        return (fact(ReportFact.SAVING_UNKNOWN),)
    told = [
        fact(
            ReportFact.SAVED,
            saving=whole.saving_kwh,
            low=whole.saving_low_kwh,
            high=whole.saving_high_kwh,
            confidence=whole.confidence,
            verdict=Term(f"verdict_{whole.verdict}"),
        )
    ]
    if whole.cost_dkk is not None and whole.co2_kg is not None:
        told.append(fact(ReportFact.WORTH, dkk=whole.cost_dkk, co2=whole.co2_kg))
    if found.total is not None:
        verified = sum(row.verdict is Verdict.VERIFIED for _, row in found.rows)
        told.append(fact(ReportFact.VERIFIED, verified=verified, buildings=len(found.rows)))
    return tuple(told)


def savings_charts(found: FoundSavings) -> tuple[BarChart, ...]:
    """Months of all together, and the buildings that saved or lost most."""
    whole = found.whole
    months = () if whole is None else whole.months
    known = [(site, row) for site, row in found.rows if row.saving_kwh is not None]
    known.sort(key=lambda pair: -abs(pair[1].saving_kwh or 0.0))
    charts = (
        BarChart(code=Chart.MONTHS, unit="kWh", bars=tuple(_month_bar(row) for row in months)),
        BarChart(
            code=Chart.BUILDINGS,
            unit="kWh",
            bars=tuple(_bar(site, row) for site, row in known[:MOST_BARS]),
        ),
    )
    return tuple(chart for chart in charts if chart.bars)


def _month_bar(row: MonthSavings) -> Bar:
    return Bar(
        label=row.month, value=row.saving_kwh, low=row.saving_low_kwh, high=row.saving_high_kwh
    )


def _bar(site: Site, row: SiteSavings) -> Bar:
    return Bar(
        label=name_of(site),
        value=row.saving_kwh,
        low=row.saving_low_kwh,
        high=row.saving_high_kwh,
        kind=KINDS[row.verdict],
    )


def _records(found: FoundSavings) -> Iterator[Record]:
    if found.total is not None:
        yield {
            "building_name": TOGETHER,
            "level": RowLevel.TOTAL,
            "method": Method.SUM,
            "cost_dkk": found.total.cost_dkk,
            "co2_kg": found.total.co2_kg,
            **_result(found.total),
        }
    for site, row in found.rows:
        yield _building(site, row)
        yield from (_meter(site, meter) for meter in row.meters)


def _building(site: Site, row: SiteSavings) -> Record:
    spans = [meter.reporting for meter in row.meters]
    return {
        "level": RowLevel.BUILDING,
        "building": site.id,
        "building_name": name_of(site),
        "reporting_start": _day(min(s.start for s in spans), site) if spans else None,
        "reporting_end": _day(max(s.end for s in spans), site) if spans else None,
        "method": Method.SUM,
        "cost_dkk": row.cost_dkk,
        "co2_kg": row.co2_kg,
        **_result(row),
    }


def _meter(site: Site, s: Savings) -> Record:
    own = s.meter_id.partition("/")[2] or s.meter_id
    return {
        "level": RowLevel.METER,
        "building": site.id,
        "building_name": name_of(site),
        "meter_id": s.meter_id,
        "meter_number": next((m.number for m in site.meters if m.id == own), None),
        "commodity": s.commodity.value,
        "baseline_start": _day(s.baseline.start, site),
        "baseline_end": _day(s.baseline.end, site),
        "reporting_start": _day(s.reporting.start, site),
        "reporting_end": _day(s.reporting.end, site),
        "method": Method.METER,
        "model": s.model,
        "n": s.n,
        "coverage": s.coverage,
        "cv_rmse": s.cv_rmse,
        "nmbe": s.nmbe,
        "r2": s.r2,
        "rho": s.rho,
        "drift": s.drift,
        "baseline_kwh": s.baseline_kwh,
        "flags": " ".join(s.flags),
        "cost_dkk": s.cost_dkk,
        "co2_kg": s.co2_kg,
        **_result(s),
    }


def _result(s: Savings | SiteSavings) -> Record:
    return {
        "adjusted_baseline_kwh": s.adjusted_baseline_kwh,
        "measured_kwh": s.measured_kwh,
        "saving_kwh": s.saving_kwh,
        "saving_low_kwh": s.saving_low_kwh,
        "saving_high_kwh": s.saving_high_kwh,
        "confidence": s.confidence,
        "verdict": s.verdict.value,
        "reasons": tuple(s.reasons),
    }


def _months(found: FoundSavings) -> Iterator[Record]:
    parts: Sequence[tuple[Site | None, SiteSavings]] = found.rows
    if found.total is not None:
        parts = ((None, found.total), *found.rows)
    for site, row in parts:
        for month in row.months:
            yield {
                "level": RowLevel.TOTAL if site is None else RowLevel.BUILDING,
                "building": None if site is None else site.id,
                "building_name": TOGETHER if site is None else name_of(site),
                "month": month.month,
                "days": month.days,
                "adjusted_baseline_kwh": month.adjusted_baseline_kwh,
                "measured_kwh": month.measured_kwh,
                "saving_kwh": month.saving_kwh,
                "saving_low_kwh": month.saving_low_kwh,
                "saving_high_kwh": month.saving_high_kwh,
                "to_date_kwh": month.to_date_kwh,
                "to_date_low_kwh": month.to_date_low_kwh,
                "to_date_high_kwh": month.to_date_high_kwh,
            }


def _measure(site: Site, each: MeasureSaving) -> Record:
    kept, savings, periods = each.kept.measure, each.savings, each.periods
    return {
        "building": site.id,
        "building_name": name_of(site),
        "measure": kept.id,
        "measure_kind": kept.kind.value,
        "what": kept.what,
        "since": _day(kept.effective, site),
        "until": None if each.kept.end is None else _day(each.kept.end, site),
        "reporting_start": None if periods is None else _day(periods.reporting.start, site),
        "reporting_end": None if periods is None else _day(periods.reporting.end, site),
        "expected_kwh": each.expected_kwh,
        **({} if savings is None else _result(savings)),
        "notes": (*each.facts, *(() if savings is None else savings.reasons)),
    }


def _day(moment: datetime, site: Site) -> date:
    return local_date(moment, site.timezone)
