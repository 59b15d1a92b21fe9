"""``bms assess``: what was saved, of a site or of meters in files."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
import typer
from rich.table import Table

from bms.cli.periods import span
from bms.cli.progress import progress_bars
from bms.cli.screen import screen
from bms.cli.sentences import FAILED, errors
from bms.config import Settings
from bms.errors import Mistake
from bms.feeds.meter_files import read_meters, read_weather
from bms.model.codec import to_json
from bms.model.savings import Savings, SiteSavings, Span, Verdict
from bms.model.units import Commodity
from bms.runtime.wire import opened
from bms.savings.screening import Zeros
from bms.services.assess import assess_site
from bms.services.assess_files import assess_series

AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object per meter and line")]
DANISH = "Europe/Copenhagen"
SHOWN_MISTAKES = 20
"""Rows that are named one by one; more are counted."""


def register(app: typer.Typer) -> None:
    app.command()(assess)


def assess(
    baseline: Annotated[str, typer.Option(help="A..B, local dates, B exclusive")],
    reporting: Annotated[str, typer.Option(help="C..D, local dates, D exclusive")],
    site: Annotated[str | None, typer.Argument(metavar="SITE")] = None,
    csv: Annotated[
        Path | None, typer.Option(help="meters as CSV (meter_id,timestamp_utc,kwh), also .gz")
    ] = None,
    weather: Annotated[
        Path | None, typer.Option(help="weather as CSV (timestamp_utc,temp_air_c), also .gz")
    ] = None,
    commodity: Annotated[
        Commodity | None, typer.Option(help="of all meters of the file; each one's name otherwise")
    ] = None,
    timezone: Annotated[str, typer.Option(help="whose midnights part the days")] = DANISH,
    zeros: Annotated[Zeros, typer.Option(help="what a zero in the file means")] = Zeros.AUTO,
    zeros_missing: Annotated[
        bool, typer.Option("--zeros-missing", help="short for --zeros missing")
    ] = False,
    zeros_real: Annotated[bool, typer.Option("--zeros-real", help="for --zeros real")] = False,
    holiday: Annotated[
        str | None, typer.Option("--holidays", help="country whose holidays close, e.g. DK")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Savings with interval, method, coverage and verdict, per meter.

    Of a site, or of the meters of a file, which needs no database and no site file.

    Example: bms assess school --baseline 2018-01-14..2019-01-14 --reporting 2019-01-14..2019-01-28

    Example: bms assess --csv meters.csv --weather weather.csv --baseline 2018-01-01..2019-01-01
    --reporting 2019-01-01..2020-01-01
    """
    if (site is None) == (csv is None):
        raise typer.BadParameter("name a SITE, or give --csv METERS with --weather FILE")
    if site is not None:
        _assess_site(site, baseline, reporting, as_json)
        return
    if csv is None or weather is None:
        raise typer.BadParameter("--csv needs --weather FILE (timestamp_utc,temp_air_c)")
    _known_zone(timezone)
    _assess_files(
        csv,
        weather,
        baseline=span(baseline, timezone),
        reporting=span(reporting, timezone),
        timezone=timezone,
        commodity=commodity,
        zeros=_zeros(zeros, missing=zeros_missing, real=zeros_real),
        closed=None if holiday is None else _closed(holiday),
        as_json=as_json,
    )


def _zeros(zeros: Zeros, *, missing: bool, real: bool) -> Zeros:
    if missing and real:
        raise typer.BadParameter("--zeros-missing and --zeros-real exclude each other")
    if missing:
        return Zeros.MISSING
    return Zeros.REAL if real else zeros


def _known_zone(timezone: str) -> None:
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise typer.BadParameter(
            f"{timezone!r} is no time zone; write one like {DANISH}", param_hint="--timezone"
        ) from None


def _closed(country: str) -> Callable[[date], bool]:
    try:
        days = holidays.country_holidays(country)
    except NotImplementedError:
        raise typer.BadParameter(
            f"{country!r} is no country with known holidays; write DK, GB, …",
            param_hint="--holidays",
        ) from None

    @cache
    def closed(day: date) -> bool:
        return day in days

    return closed


def _assess_site(name: str, baseline: str, reporting: str, as_json: bool) -> None:
    with opened(Settings()) as city:
        chosen = city.site(name)
        answer = assess_site(
            chosen,
            store=city.store,
            feed=city.feed,
            baseline=span(baseline, chosen.timezone),
            reporting=span(reporting, chosen.timezone),
            tariffs=city.tariffs,
        )
    if as_json:
        for meter in answer.meters:
            typer.echo(to_json(meter))
        return
    console = screen()
    console.print(_table((*answer.meters, answer)))
    for reason in answer.reasons:
        console.print(f"  {reason.en}")


def _assess_files(
    csv: Path,
    weather: Path,
    *,
    baseline: Span,
    reporting: Span,
    timezone: str,
    commodity: Commodity | None,
    zeros: Zeros,
    closed: Callable[[date], bool] | None,
    as_json: bool,
) -> None:
    started = time.perf_counter()
    with progress_bars(quiet=as_json) as report:
        report("reading", 0.0)
        meters, outdoor = read_meters(csv), read_weather(weather)
        report("reading", 1.0)
        _name((*meters.mistakes, *outdoor.mistakes))
        for name in meters.bills:
            errors.print(
                f"left out: meter {name} is read by the month; hours or days are needed",
                markup=False,
            )
        if not meters.use:
            _nothing(csv)
        answers = []
        asked = assess_series(
            meters.use,
            outdoor.temp_c,
            baseline=baseline,
            reporting=reporting,
            timezone=timezone,
            commodity=commodity,
            zeros=zeros,
            closed=closed,
        )
        for answer in asked:
            answers.append(answer)
            if as_json:
                typer.echo(to_json(answer))
            report("assessing", len(answers) / len(meters.use))
    if not as_json:
        _print_meters(answers, time.perf_counter() - started)


def _nothing(csv: Path) -> NoReturn:
    errors.print(f"error: {csv}: no row can be used", markup=False)
    raise typer.Exit(FAILED)


def _name(mistakes: Sequence[Mistake]) -> None:
    """Say on standard error which rows were left out."""
    for mistake in mistakes[:SHOWN_MISTAKES]:
        errors.print(f"left out: {mistake}", markup=False)
    more = len(mistakes) - SHOWN_MISTAKES
    if more > 0:
        errors.print(f"left out: {more} more rows", markup=False)


def _kwh(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _table(rows: Sequence[Savings | SiteSavings]) -> Table:
    table = Table("meter", "baseline kWh", "measured kWh", "saving kWh", "90 % interval", "verdict")
    for row in rows:
        interval = f"{_kwh(row.saving_low_kwh)} … {_kwh(row.saving_high_kwh)}"
        table.add_row(
            row.id if isinstance(row, SiteSavings) else row.meter_id,
            _kwh(row.adjusted_baseline_kwh),
            _kwh(row.measured_kwh),
            _kwh(row.saving_kwh),
            interval,
            row.verdict,
        )
    return table


def _print_meters(answers: Sequence[Savings], seconds: float) -> None:
    table = Table(
        "meter",
        "model",
        "n",
        "CV %",
        "baseline kWh",
        "measured kWh",
        "saving %",
        "± %",
        "verdict",
        "flags",
    )
    for row in answers:
        table.add_row(row.meter_id, row.model or "–", str(row.n), *_figures(row), _flags(row))
    console = screen()
    console.print(table)
    for row in answers:
        for words in (*row.reasons, *(found.words for found in row.findings)):
            console.print(f"  {row.meter_id}: {words.en}", markup=False, highlight=False)
    verified = sum(row.verdict is Verdict.VERIFIED for row in answers)
    console.print(f"{len(answers)} meters, {verified} verified, {seconds:.1f} s")


def _figures(row: Savings) -> tuple[str, ...]:
    saving = half = None
    if row.saving_kwh is not None and row.saving_high_kwh is not None:
        whole = row.adjusted_baseline_kwh or float("nan")
        saving, half = row.saving_kwh / whole, (row.saving_high_kwh - row.saving_kwh) / whole
    return (
        _share(row.cv_rmse),
        _kwh(row.adjusted_baseline_kwh),
        _kwh(row.measured_kwh),
        _share(saving),
        _share(half),
        row.verdict,
    )


def _flags(row: Savings) -> str:
    return " ".join(row.flags)
