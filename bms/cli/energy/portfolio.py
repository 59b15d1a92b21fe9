"""``bms ranking`` and ``bms cooling``: the buildings of a municipality side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from bms.cli.console.language import CommandTranslator, translator_of_locale
from bms.cli.console.progress import progress_bars
from bms.cli.console.screen import print_folded, screen, slim_table
from bms.config import Settings
from bms.messages.spelled_out import spelled_out
from bms.model.fact import fact
from bms.runtime.wire import opened
from bms.savings.portfolio.ranking import METRICS, NO_PROOF, Metric, PeerComparison, ranked
from bms.services.assessment.cooling_fees import MeterCooling, portfolio_cooling
from bms.services.assessment.ranking import figures_of_city
from bms.services.assessment.savings_cache import SavingsCache

AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
READING = "Reading the meters"
SHARES = (Metric.NIGHT, Metric.WEEKEND, Metric.COVERAGE)


def register(app: typer.Typer) -> None:
    app.command()(ranking)
    app.command()(cooling)


def ranking(
    metric: Annotated[Metric, typer.Option(help="key figure of the last 365 days")] = Metric.HEAT,
    best_first: Annotated[bool, typer.Option("--best-first", help="best buildings first")] = False,
    as_json: AsJson = False,
) -> None:
    """Buildings beside peers of the same use and about the same size, the worst first.

    A peer comparison shows where to look; it proves nothing.

    Example: bms ranking --metric night_share
    """
    with opened(Settings()) as city, progress_bars(quiet=as_json) as report:
        figures = figures_of_city(
            SavingsCache(city.assessment), lambda share: report(READING, share)
        )
    rows = ranked(metric, figures, worst_first=not best_first)
    if as_json:
        definition = METRICS[metric]
        answer = {
            "metric": metric.value,
            "unit": definition.unit,
            "words": spelled_out(fact(metric)),
            "buildings": [spelled_out(row) for row in rows],
        }
        typer.echo(json.dumps(answer))
        return
    _show_ranking(screen(), metric, rows, translator_of_locale())


def _show_ranking(
    console: Console, metric: Metric, rows: Sequence[PeerComparison], t: CommandTranslator
) -> None:
    definition = METRICS[metric]
    unit = "%" if metric in SHARES else definition.unit
    print_folded(console, f"{t.describe(fact(metric))} [{unit}]. {t.describe(NO_PROOF)}")
    table = slim_table(
        t("building"),
        t("use"),
        t("value"),
        t("median"),
        t("rank"),
        t("peers"),
        t("kwh_per_year"),
        t("dkk_per_year"),
    )
    for row in rows:
        table.add_row(
            row.site,
            row.use,
            _figure(row.value, metric, t),
            _figure(row.median, metric, t),
            "" if row.rank is None else t("rank_of", rank=row.rank, of=row.of),
            "" if row.group is None else t(f"peers_{row.group.value}"),
            _whole(row.at_median_kwh, t),
            _whole(row.at_median_dkk, t),
        )
    console.print(table)
    for note in dict.fromkeys(note for row in rows for note in row.notes if note != NO_PROOF):
        print_folded(console, t.describe(note))


def _figure(value: float | None, metric: Metric, t: CommandTranslator) -> str:
    if value is None:
        return t("unknown")
    return t.number(100 * value, 1) if metric in SHARES else t.number(value, 2)


def _whole(value: float | None, t: CommandTranslator) -> str:
    return "" if value is None else t.number(value)


def cooling(
    year: Annotated[int | None, typer.Option(help="an earlier year; this one if left out")] = None,
    as_json: AsJson = False,
) -> None:
    """How far each district heating meter cools the water in a year, and what poor cooling costs.

    Weighted by volume, against the supplier's rule; the year's end by last year's same months.
    Fees are without VAT.

    Example: bms cooling --year 2025
    """
    with opened(Settings()) as city:
        rows = portfolio_cooling(SavingsCache(city.assessment), year)
    if as_json:
        typer.echo(json.dumps([spelled_out(row) for row in rows]))
        return
    _show_cooling(screen(), rows, translator_of_locale())


def _show_cooling(console: Console, rows: Sequence[MeterCooling], t: CommandTranslator) -> None:
    if not rows:
        console.print(t("cooling_none"))
        return
    table = slim_table(
        t("meter"),
        t("cooling_k"),
        t("cooling_wanted_k"),
        "MWh",
        t("fee_so_far"),
        t("fee_at_end"),
        t("interval", confidence=0.9),
    )
    for row in rows:
        table.add_row(*_cooling_cells(row, t))
    console.print(table)
    print_folded(console, t("cooling_until", year=rows[0].year, until=f"{rows[0].until}"))
    for row in rows:
        for note in row.notes:
            print_folded(console, f"{row.meter}: {t.describe(note)}")


def _cooling_cells(row: MeterCooling, t: CommandTranslator) -> tuple[str, ...]:
    year, end = row.to_date, row.forecast
    return (
        row.meter,
        t("unknown") if year is None else t.number(year.cooling_k, 1),
        "" if row.rule is None else t.number(row.rule.below_k),
        "" if year is None else t.number(year.energy_mwh, 1),
        _whole(row.fee_dkk, t),
        _whole(None if end is None else end.fee_dkk, t),
        "" if end is None else t("range", low=end.fee_low_dkk, high=end.fee_high_dkk),
    )
