"""A report of any kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from bms.model.assets.site import Site
from bms.model.fact import Fact, fact
from bms.model.reporting.request import ReportKind, ReportRequest
from bms.model.reporting.table import BarChart, Report, ReportTable
from bms.model.reporting.words import MethodFact
from bms.services.assessment.savings_cache import SavingsCache, SiteAssessment
from bms.services.periods import local_date
from bms.services.reporting import (
    consumption,
    council,
    data_quality,
    meter_register,
    open_data,
    ranking,
)
from bms.services.reporting import savings as saved
from bms.services.reporting.scope import Progress, Scope, name_of, scope_of, timezone_of

ALWAYS = (fact(MethodFact.UNKNOWN), fact(MethodFact.LOCAL_DAYS))


class ReportParts(NamedTuple):
    """What differs between the kinds of reports."""

    tables: tuple[ReportTable, ...]
    summary: tuple[Fact, ...]
    method: tuple[Fact, ...]
    charts: tuple[BarChart, ...] = ()


def no_progress(share: float) -> None:
    """Tells nobody."""


def build(cache: SavingsCache, asked: ReportRequest, progress: Progress = no_progress) -> Report:
    """The report that was asked for; ``progress`` hears the share that is done.

    Raises ``ConfigError`` for a period that is none, ``NotFound`` for an unknown building or group.
    """
    scope = scope_of(cache, asked, progress)
    parts = PARTS[asked.kind](scope)
    return Report(
        kind=asked.kind.value,
        first=scope.first,
        end=scope.end,
        scope=scope.name,
        name=None if asked.site is None else name_of(scope.sites[0]),
        made_at=cache.ports.clock.now(),
        timezone=scope.timezone,
        buildings=len(scope.sites),
        summary=parts.summary,
        tables=parts.tables,
        method=(*parts.method, *ALWAYS),
        charts=parts.charts,
    )


def savings_alone(
    sites: Mapping[str, Site], rows: Sequence[SiteAssessment], now: datetime
) -> Report:
    """Savings that are known already, of buildings and meters alone."""
    found = saved.FoundSavings(
        rows=tuple((sites[row.savings.id], row.savings) for row in rows), total=None
    )
    chosen = tuple(site for site, _ in found.rows)
    timezone = timezone_of(chosen)
    today = local_date(now, timezone)
    return Report(
        kind=ReportKind.SAVINGS.value,
        first=min((local_date(r.periods.reporting.start, timezone) for r in rows), default=today),
        end=max((local_date(r.periods.reporting.end, timezone) for r in rows), default=today),
        scope=None,
        made_at=now,
        timezone=timezone,
        buildings=len(rows),
        summary=saved.savings_summary(found),
        tables=(saved.savings_table(found),),
        method=(*saved.METHOD, *ALWAYS),
    )


def _savings(scope: Scope) -> ReportParts:
    found = saved.savings_found(scope)
    return ReportParts(
        saved.savings_tables(scope, found),
        saved.savings_summary(found),
        saved.METHOD,
        saved.savings_charts(found),
    )


def _consumption(scope: Scope) -> ReportParts:
    found = consumption.use_found(scope)
    return ReportParts(
        consumption.consumption_tables(found),
        consumption.use_summary(found),
        consumption.METHOD,
        consumption.use_charts(found),
    )


def _ranking(scope: Scope) -> ReportParts:
    return ReportParts(*ranking.ranking_tables(scope), ranking.METHOD)


def _missing(scope: Scope) -> ReportParts:
    rows = data_quality.states_found(scope)
    return ReportParts(
        data_quality.missing_tables(scope, rows),
        data_quality.quality_summary(rows),
        data_quality.METHOD,
        data_quality.quality_charts(scope, rows),
    )


def _quality(scope: Scope) -> ReportParts:
    rows = data_quality.states_found(scope)
    tables = data_quality.quality_tables(scope, rows)
    return ReportParts(tables, data_quality.quality_summary(rows), data_quality.METHOD)


def _meters(scope: Scope) -> ReportParts:
    return ReportParts(*meter_register.register_tables(scope), meter_register.METHOD)


def _open_data(scope: Scope) -> ReportParts:
    tables, summary = open_data.open_tables(scope)
    return ReportParts(tables, summary, open_data.METHOD)


def _council(scope: Scope) -> ReportParts:
    paper = council.council(scope)
    return ReportParts(paper.tables, paper.summary, council.METHOD, paper.charts)


PARTS: Mapping[ReportKind, Callable[[Scope], ReportParts]] = {
    ReportKind.SAVINGS: _savings,
    ReportKind.CONSUMPTION: _consumption,
    ReportKind.RANKING: _ranking,
    ReportKind.MISSING_DATA: _missing,
    ReportKind.QUALITY: _quality,
    ReportKind.METERS: _meters,
    ReportKind.COUNCIL: _council,
    ReportKind.OPEN_DATA: _open_data,
}
"""What is asked for each kind of report."""
