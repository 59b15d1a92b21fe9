"""The year of all buildings on two pages: saved, used, and how far that can be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from bms.model.fact import Fact
from bms.model.readings.units import Unit
from bms.model.reporting.columns import Record, table_of
from bms.model.reporting.table import BarChart, ReportTable
from bms.model.reporting.words import Chart, Sheet
from bms.model.savings.avoided_use import SiteSavings
from bms.services.accounts.consumption_year import SiteYear
from bms.services.reporting import consumption, savings
from bms.services.reporting.consumption import (
    FoundUse,
    use_charts,
    use_found,
    use_summary,
    used_table,
)
from bms.services.reporting.savings import (
    FoundSavings,
    months_table,
    savings_charts,
    savings_found,
    savings_summary,
)
from bms.services.reporting.scope import Scope, name_of

METHOD = (*savings.METHOD, *(each for each in consumption.METHOD if each not in savings.METHOD))
YEAR = (
    *("building", "building_name", "use_of_building", "area_m2", "use", "use_before", "change"),
    *("kwh_m2", "measured_kwh", "saving_kwh", "saving_low_kwh", "saving_high_kwh"),
    *("cost_dkk", "co2_kg", "verdict", "coverage"),
)
PRINTED = (
    *("building_name", "use", "change", "saving_kwh", "saving_low_kwh", "saving_high_kwh"),
    "verdict",
)
MOST_PRINTED = 14
MOST_BARS = 8


class CouncilPaper(NamedTuple):
    """The parts of the summary."""

    tables: tuple[ReportTable, ...]
    summary: tuple[Fact, ...]
    charts: tuple[BarChart, ...]


def council(scope: Scope) -> CouncilPaper:
    """Everything that a council is told of a year."""
    first = replace(scope, progress=lambda share: scope.progress(share / 2.0))
    second = replace(scope, progress=lambda share: scope.progress(0.5 + share / 2.0))
    found, used = savings_found(first), use_found(second)
    tables = (
        table_of(
            Sheet.YEAR,
            YEAR,
            list(_buildings(found, used)),
            printed=PRINTED,
            most_printed=MOST_PRINTED,
        ),
        replace(used_table(used), most_printed=_sums(used)),
        replace(months_table(found), printed=()),
    )
    charts = [
        replace(chart, bars=chart.bars[:MOST_BARS])
        for chart in savings_charts(found)
        if chart.code == Chart.BUILDINGS
    ]
    return CouncilPaper(
        tables,
        (*savings_summary(found), *use_summary(used)),
        (*charts, *use_charts(used)[:2]),
    )


def _sums(used: FoundUse) -> int:
    """How many rows of consumption are about all buildings, or about the only one."""
    return len(used.year.together.totals)


def _buildings(found: FoundSavings, used: FoundUse) -> Iterator[Record]:
    """Buildings by what they saved, those of which it is not known last."""
    years = {row.site: row for row in used.year.sites}
    rows = sorted(
        found.rows, key=lambda row: (row[1].saving_kwh is None, -(row[1].saving_kwh or 0.0))
    )
    for site, row in rows:
        yield {
            "building": site.id,
            "building_name": name_of(site),
            "use_of_building": site.use,
            "area_m2": site.area_m2,
            **_energy(years.get(site.id), site.area_m2),
            **_saved(row),
        }


def _energy(year: SiteYear | None, area_m2: float) -> Record:
    """Energy of all kinds [kWh]; compared where all of them are."""
    parts = [each.so_far for each in year.commodities if each.unit is Unit.KWH] if year else []
    known = [part.use for part in parts if part.use is not None]
    use = sum(known) if known and len(known) == len(parts) else None
    before = [part.last_year for part in parts if part.last_year is not None]
    compared = before and len(before) == len(parts) and all(p.change is not None for p in parts)
    now = sum((p.last_year or 0.0) * (1.0 + (p.change or 0.0)) for p in parts)
    return {
        "use": use,
        "use_before": sum(before) if compared else None,
        "change": now / sum(before) - 1.0 if compared and sum(before) else None,
        "kwh_m2": use / area_m2 if use is not None and area_m2 else None,
        "coverage": min((part.days / part.of for part in parts), default=None),
    }


def _saved(row: SiteSavings) -> Record:
    return {
        "measured_kwh": row.measured_kwh,
        "saving_kwh": row.saving_kwh,
        "saving_low_kwh": row.saving_low_kwh,
        "saving_high_kwh": row.saving_high_kwh,
        "cost_dkk": row.cost_dkk,
        "co2_kg": row.co2_kg,
        "verdict": row.verdict.value,
    }
