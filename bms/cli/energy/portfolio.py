"""``bms ranking`` and ``bms cooling``: the buildings of a municipality side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from bms.cli.console.language import language
from bms.cli.console.progress import progress_bars
from bms.cli.console.screen import say, screen, slim_table
from bms.config import Settings
from bms.messages.spelled_out import spelled_out
from bms.model.fact import fact
from bms.runtime.wire import opened
from bms.savings.portfolio.ranking import MEASURES, NO_PROOF, Metric, Standing, ranked
from bms.services.assessment.cooling_fees import MeterCooling, portfolio_cooling
from bms.services.assessment.ranking import figures_of_city
from bms.services.assessment.savings_book import SavingsBook

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
            SavingsBook(city.assessment), lambda share: report(READING, share)
        )
    rows = ranked(metric, figures, worst_first=not best_first)
    if as_json:
        measure = MEASURES[metric]
        answer = {
            "metric": metric.value,
            "unit": measure.unit,
            "words": spelled_out(fact(metric)),
            "buildings": [spelled_out(row) for row in rows],
        }
        typer.echo(json.dumps(answer))
        return
    _show_ranking(screen(), metric, rows)


def _show_ranking(console: Console, metric: Metric, rows: Sequence[Standing]) -> None:
    measure, speak = MEASURES[metric], language()
    unit = "%" if metric in SHARES else measure.unit
    say(console, f"{speak.of(fact(metric))} [{unit}]. {speak.of(NO_PROOF)}")
    table = slim_table(
        "building", "use", "value", "median", "rank", "peers", "kWh/year", "DKK/year"
    )
    for row in rows:
        table.add_row(
            row.site,
            row.use,
            _figure(row.value, metric),
            _figure(row.median, metric),
            "" if row.rank is None else f"{row.rank} of {row.of}",
            "" if row.group is None else row.group.value.replace("_", " "),
            _whole(row.at_median_kwh),
            _whole(row.at_median_dkk),
        )
    console.print(table)
    for note in dict.fromkeys(note for row in rows for note in row.notes if note != NO_PROOF):
        say(console, speak.of(note))


def _figure(value: float | None, metric: Metric) -> str:
    if value is None:
        return "unknown"
    return f"{100 * value:.1f}" if metric in SHARES else f"{value:.2f}"


def _whole(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def cooling(as_json: AsJson = False) -> None:
    """How far each district heating meter cools the water this year, and what poor cooling costs.

    Weighted by volume, against the supplier's rule; the year's end by last year's same months.
    Fees are without VAT.

    Example: bms cooling
    """
    with opened(Settings()) as city:
        rows = portfolio_cooling(SavingsBook(city.assessment))
    if as_json:
        typer.echo(json.dumps([spelled_out(row) for row in rows]))
        return
    _show_cooling(screen(), rows)


def _show_cooling(console: Console, rows: Sequence[MeterCooling]) -> None:
    if not rows:
        console.print("no billed heat meter of district heating counts its volume")
        return
    table = slim_table(
        "meter", "cooling [K]", "wanted [K]", "MWh", "fee so far", "year's end", "90 % interval"
    )
    for row in rows:
        year, end = row.to_date, row.forecast
        table.add_row(
            row.meter,
            "unknown" if year is None else f"{year.cooling_k:.1f}",
            "" if row.rule is None else f"{row.rule.below_k:.0f}",
            "" if year is None else f"{year.energy_mwh:,.1f}",
            _whole(row.fee_dkk),
            _whole(None if end is None else end.fee_dkk),
            "" if end is None else f"{end.fee_low_dkk:,.0f} to {end.fee_high_dkk:,.0f}",
        )
    console.print(table)
    say(console, f"{rows[0].year} until {rows[0].until}; fees in DKK without VAT")
    speak = language()
    for row in rows:
        for note in row.notes:
            say(console, f"{row.meter}: {speak.of(note)}")
