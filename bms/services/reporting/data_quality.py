"""What is missing in the readings of meters, and how well they were read, as the API tells it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from bms.metering.quality import MeterState
from bms.model.assets.site import Site
from bms.model.fact import Fact, fact
from bms.model.reporting.columns import Record, table_of
from bms.model.reporting.table import Bar, BarChart, ReportTable
from bms.model.reporting.words import Chart, MethodFact, ReportFact, Sheet
from bms.services.accounts.meter_states import (
    MeterStateRow,
    MissingData,
    portfolio_missing_data,
    portfolio_quality,
)
from bms.services.reporting.scope import Scope, name_of

MISSING = (
    *("building", "building_name", "meter_id", "meter_number", "commodity", "start", "end"),
    *("hours", "reasons"),
)
STATES = (
    *("building", "building_name", "meter_id", "meter_number", "commodity", "billed", "state"),
    *("coverage", "missing_h", "without_value", "estimated", "flaws", "flags"),
    *("last_reading", "notes"),
)
PRINTED = (
    *("building_name", "meter_id", "commodity", "state", "coverage", "missing_h", "flaws"),
    "last_reading",
)
METHOD = (fact(MethodFact.QUALITY), fact(MethodFact.COVERAGE))
MOST_BARS = 25
MOST_PRINTED = 120


def states_found(scope: Scope) -> tuple[MeterStateRow, ...]:
    """What the API answers for the meters of the scope, the worst first; of the last 30 days where
    no period is asked for."""
    if not scope.first < scope.until:
        return ()
    for i, site in enumerate(scope.sites):
        portfolio_quality(scope.cache, *_days(scope), [site])
        scope.progress((i + 1) / len(scope.sites))
    return portfolio_quality(scope.cache, *_days(scope), scope.sites)


def missing_found(scope: Scope) -> tuple[MissingData, ...]:
    """Runs of hours without use of billed meters, the longest first."""
    if not scope.first < scope.until:
        return ()
    return portfolio_missing_data(scope.cache, *_days(scope), scope.sites)


def _days(scope: Scope) -> tuple[date | None, date | None]:
    return (scope.first, scope.until) if scope.asked else (None, None)


def missing_tables(scope: Scope, rows: Sequence[MeterStateRow]) -> tuple[ReportTable, ...]:
    """Runs of missing hours, and the meters of which something is missing."""
    sites = {site.id: site for site in scope.sites}
    states = [row for row in rows if row.missing_hours or row.state is not MeterState.GOOD]
    return (
        table_of(
            Sheet.MISSING,
            MISSING,
            [_missing(sites[row.site], row) for row in missing_found(scope)],
            printed=("building_name", "meter_id", "start", "end", "hours", "reasons"),
            most_printed=MOST_PRINTED,
        ),
        table_of(Sheet.METER_STATES, STATES, list(_states(scope, states)), printed=PRINTED),
    )


def quality_tables(scope: Scope, rows: Sequence[MeterStateRow]) -> tuple[ReportTable, ...]:
    """How well every meter was read."""
    return (table_of(Sheet.QUALITY, STATES, list(_states(scope, rows)), printed=PRINTED),)


def quality_summary(rows: Sequence[MeterStateRow]) -> tuple[Fact, ...]:
    """How much of the meters is there, and how many are silent."""
    if not rows:
        return ()
    silent = sum(row.state in (MeterState.SILENT, MeterState.NO_READINGS) for row in rows)
    share = sum(row.coverage for row in rows) / len(rows)
    return (
        fact(ReportFact.COVERED, meters=len(rows), coverage=share),
        fact(ReportFact.SILENT, silent=silent),
    )


def quality_charts(scope: Scope, rows: Sequence[MeterStateRow]) -> tuple[BarChart, ...]:
    """The meters of which most is missing, by their coverage."""
    sites = {site.id: site for site in scope.sites}
    worst = sorted((row for row in rows if row.coverage < 1.0), key=lambda row: row.coverage)
    bars = [Bar(label=name_of(sites[r.site]), value=100.0 * r.coverage) for r in worst[:MOST_BARS]]
    return (BarChart(code=Chart.COVERAGE, unit="%", bars=tuple(bars)),) if bars else ()


def _about(site: Site, meter: str) -> Record:
    own = meter.partition("/")[2]
    return {
        "building": site.id,
        "building_name": name_of(site),
        "meter_id": meter,
        "meter_number": next((m.number for m in site.meters if m.id == own), None),
    }


def _missing(site: Site, row: MissingData) -> Record:
    return {
        **_about(site, row.meter),
        "commodity": row.commodity.value,
        "start": row.start,
        "end": row.end,
        "hours": row.hours,
        "reasons": () if row.why is None else (row.why,),
    }


def _states(scope: Scope, rows: Sequence[MeterStateRow]) -> Iterator[Record]:
    sites = {site.id: site for site in scope.sites}
    for row in rows:
        yield {
            **_about(sites[row.site], row.meter),
            "commodity": row.commodity.value,
            "billed": row.billed,
            "state": row.state.value,
            "coverage": row.coverage,
            "missing_h": row.missing_hours,
            "without_value": row.without_value,
            "estimated": row.estimated,
            "flaws": sum(row.flaws.values()),
            "flags": " ".join(f"{flaw}:{count}" for flaw, count in sorted(row.flaws.items())),
            "last_reading": row.last_reading,
            "notes": (row.verdict,),
        }
