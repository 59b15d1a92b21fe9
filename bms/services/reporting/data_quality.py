"""What is missing in the readings of meters, and what was wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bms.errors import NotFound
from bms.metering.quality import MeterQuality, MeterState
from bms.model.assets.equipment import Meter
from bms.model.assets.site import Site
from bms.model.fact import Fact, fact
from bms.model.readings.metering import FlawKind
from bms.model.reporting.columns import Record, table_of
from bms.model.reporting.table import Bar, BarChart, Table
from bms.model.reporting.words import Chart, MethodFact, ReportFact, Sheet
from bms.services.consumption import meter_quality
from bms.services.reporting.consumption import span_of
from bms.services.reporting.scope import Scope, name_of

MISSING = (
    *("building", "building_name", "meter_id", "meter_number", "commodity", "state", "coverage"),
    *("gaps", "missing", "hours", "worst_h", "last_reading", "silent_h", "notes"),
)
GAPS = ("building", "building_name", "meter_id", "flaw", "start", "end", "hours", "reasons")
QUALITY = (
    *("building", "building_name", "meter_id", "meter_number", "commodity", "state", "coverage"),
    *("steps", "missing", "without_value", "estimated", "flaws", "worst_h", "last_reading"),
    *("silent_h", "notes"),
)
PRINTED = (
    *("building_name", "meter_id", "commodity", "state", "coverage", "missing", "worst_h"),
    *("last_reading", "silent_h"),
)
METHOD = (fact(MethodFact.QUALITY), fact(MethodFact.COVERAGE))
HOUR = timedelta(hours=1)
MOST_BARS = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityOfMeter:
    """The quality of the readings of a meter over the period of a report."""

    site: Site
    meter: Meter
    found: MeterQuality


def qualities_of(scope: Scope) -> tuple[QualityOfMeter, ...]:
    """Every meter of the scope with a point that counts."""
    found: list[QualityOfMeter] = []
    if not scope.first < scope.until:
        return ()
    for i, site in enumerate(scope.sites):
        span = span_of(site, scope.first, scope.until)
        for meter in site.meters:
            try:
                _, quality = meter_quality(
                    site, meter.id, scope.cache.ports.readings, span.start, span.end
                )
            except NotFound:
                continue
            found.append(QualityOfMeter(site=site, meter=meter, found=quality))
        scope.progress((i + 1) / len(scope.sites))
    found.sort(key=lambda each: (each.found.coverage, each.site.id, each.meter.id))
    return tuple(found)


def missing_tables(rows: Sequence[QualityOfMeter]) -> tuple[Table, ...]:
    """Meters by how much is missing, the worst first, and every gap."""
    return (
        table_of(Sheet.MISSING, MISSING, [_missing(row) for row in rows], printed=PRINTED),
        table_of(
            Sheet.GAPS,
            GAPS,
            list(_events(rows, only_gaps=True)),
            printed=("building_name", "meter_id", "start", "end", "hours"),
            most_printed=100,
        ),
    )


def quality_tables(rows: Sequence[QualityOfMeter]) -> tuple[Table, ...]:
    """Meters by coverage, the worst first, and all that happened to their readings."""
    return (
        table_of(Sheet.QUALITY, QUALITY, [_missing(row) for row in rows], printed=PRINTED),
        table_of(
            Sheet.FLAWS,
            GAPS,
            list(_events(rows, only_gaps=False)),
            printed=("building_name", "meter_id", "flaw", "start", "end", "hours"),
            most_printed=100,
        ),
    )


def quality_summary(rows: Sequence[QualityOfMeter]) -> tuple[Fact, ...]:
    """How much of the meters is there, and how many are silent."""
    if not rows:
        return ()
    steps = sum(row.found.steps for row in rows)
    missing = sum(row.found.missing for row in rows)
    silent = sum(row.found.state in (MeterState.SILENT, MeterState.NO_READINGS) for row in rows)
    share = 1.0 - missing / steps if steps else 0.0
    return (
        fact(ReportFact.COVERED, meters=len(rows), coverage=share),
        fact(ReportFact.SILENT, silent=silent),
    )


def quality_charts(rows: Sequence[QualityOfMeter]) -> tuple[BarChart, ...]:
    """The meters of which most is missing."""
    worst = [row for row in rows if row.found.coverage < 1.0][:MOST_BARS]
    bars = [Bar(label=name_of(row.site), value=100.0 * row.found.coverage) for row in worst]
    return (BarChart(code=Chart.COVERAGE, unit="%", bars=tuple(bars)),) if bars else ()


def _missing(row: QualityOfMeter) -> Record:
    found, worst = row.found, row.found.worst
    return {
        "building": row.site.id,
        "building_name": name_of(row.site),
        "meter_id": f"{row.site.id}/{row.meter.id}",
        "meter_number": row.meter.number,
        "commodity": row.meter.commodity.value,
        "state": found.state.value,
        "coverage": found.coverage,
        "gaps": found.counts.get(FlawKind.GAP, 0),
        "steps": found.steps,
        "missing": found.missing,
        "hours": float(found.missing),
        "without_value": found.without_value,
        "estimated": found.estimated,
        "flaws": sum(n for flaw, n in found.counts.items() if flaw is not FlawKind.GAP),
        "worst_h": None if worst is None else (worst.end - worst.start) / HOUR,
        "last_reading": found.last_reading,
        "silent_h": None if found.silent_for is None else found.silent_for / HOUR,
        "notes": (found.verdict,),
    }


def _events(rows: Sequence[QualityOfMeter], *, only_gaps: bool) -> Iterator[Record]:
    for row in rows:
        for event in row.found.events:
            if only_gaps and event.flaw is not FlawKind.GAP:
                continue
            yield {
                "building": row.site.id,
                "building_name": name_of(row.site),
                "meter_id": f"{row.site.id}/{row.meter.id}",
                "flaw": event.flaw.value,
                "start": event.start,
                "end": event.end,
                "hours": (event.end - event.start) / HOUR,
                "reasons": (event.fact,),
            }
