"""The year of all buildings on two pages: saved, used, and how far that can be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from bms.model.fact import Fact
from bms.model.readings.units import Commodity
from bms.model.reporting.columns import Record, table_of
from bms.model.reporting.table import BarChart, Table
from bms.model.reporting.words import Chart, Sheet
from bms.model.savings.avoided_use import SiteSavings
from bms.services.reporting import consumption, savings
from bms.services.reporting.consumption import consumption_tables, sum_of, use_charts, use_summary
from bms.services.reporting.meter_use import MeterUse
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
    *("building", "building_name", "use_of_building", "area_m2", "use", "unit", "use_before"),
    *("change", "kwh_m2", "measured_kwh", "saving_kwh", "saving_low_kwh", "saving_high_kwh"),
    *("cost_dkk", "co2_kg", "verdict", "coverage"),
)
PRINTED = (
    *("building_name", "use", "change", "saving_kwh", "saving_low_kwh", "saving_high_kwh"),
    "verdict",
)
COMMODITIES = (
    *("commodity", "use", "unit", "use_before", "change", "climate_kwh", "use_cost_dkk"),
    *("use_co2_kg", "coverage"),
)
MOST_PRINTED = 14
MOST_BARS = 8


class CouncilPaper(NamedTuple):
    """The parts of the summary."""

    tables: tuple[Table, ...]
    summary: tuple[Fact, ...]
    charts: tuple[BarChart, ...]


def council(scope: Scope) -> CouncilPaper:
    """Everything that a council is told of a year."""
    halves = replace(scope, progress=lambda share: scope.progress(share / 2.0))
    found = savings_found(halves)
    rest = replace(scope, progress=lambda share: scope.progress(0.5 + share / 2.0))
    used, uses = consumption_tables(rest)
    months = months_table(found)
    tables = (
        table_of(
            Sheet.YEAR,
            YEAR,
            list(_buildings(found, uses)),
            printed=PRINTED,
            most_printed=MOST_PRINTED,
        ),
        table_of(
            Sheet.COMMODITIES,
            COMMODITIES,
            list(_commodities(used[0])),
            printed=COMMODITIES,
        ),
        replace(months, printed=()),
    )
    charts = [
        replace(chart, bars=chart.bars[:MOST_BARS]) if chart.code == Chart.BUILDINGS else chart
        for chart in (*savings_charts(found), *use_charts(uses))
        if chart.code != Chart.MONTHS
    ]
    return CouncilPaper(tables, (*savings_summary(found), *use_summary(uses)), tuple(charts))


def _buildings(found: FoundSavings, uses: Sequence[MeterUse]) -> Iterator[Record]:
    """Buildings by what they saved, those of which it is not known last."""
    rows = sorted(
        found.rows, key=lambda row: (row[1].saving_kwh is None, -(row[1].saving_kwh or 0.0))
    )
    for site, row in rows:
        energy = [u for u in uses if u.site is site and u.billed and u.unit == "kWh"]
        now, before = sum_of(u.total for u in energy), sum_of(u.before for u in energy)
        yield {
            "building": site.id,
            "building_name": name_of(site),
            "use_of_building": site.use,
            "area_m2": site.area_m2,
            "use": now,
            "unit": "kWh",
            "use_before": before,
            "change": None if now is None or not before else now / before - 1.0,
            "kwh_m2": None if now is None or not site.area_m2 else now / site.area_m2,
            "coverage": min((u.coverage for u in energy), default=None),
            **_saved(row),
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


def _commodities(used: Table) -> Iterator[Record]:
    """The billed meters of each commodity together, as far as all of them are known."""
    rows = [dict(zip(used.codes, row, strict=True)) for row in used.rows]
    for commodity in Commodity:
        group = [r for r in rows if r["commodity"] == commodity.value and r["billed"]]
        if not group:
            continue
        sums = {name: _sum(group, name) for name in ("use", "use_before", "climate_kwh")}
        sums |= {name: _sum(group, name) for name in ("use_cost_dkk", "use_co2_kg")}
        now, before = sums["use"], sums["use_before"]
        yield {
            "commodity": commodity.value,
            "unit": group[0]["unit"],
            "change": None if now is None or not before else now / before - 1.0,
            "coverage": min(float(r["coverage"]) for r in group),  # type: ignore[arg-type]
            **sums,
        }


def _sum(rows: Sequence[Record], name: str) -> float | None:
    return sum_of(row.get(name) for row in rows)  # type: ignore[misc]  # a number by its column
