"""``bms assess``: what was saved, of a site or of meters in files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
import typer

from bms.cli.console.errors import FAILED, errors
from bms.cli.console.language import translator_of_locale
from bms.cli.console.periods import span
from bms.cli.console.progress import progress_bars
from bms.cli.energy.savings_table import print_meters, print_site
from bms.config import Settings
from bms.errors import Mistake
from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.suppliers.meter_files import MeterFile, WeatherFile, read_meters, read_weather
from bms.feeds.tariffs.factors import load_factors
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Savings
from bms.runtime.wire import opened
from bms.savings.claims.assessment import AssessmentPeriods, AssessmentSettings
from bms.savings.data.screening import Zeros
from bms.savings.models.degree_days import GUF_BY_USE
from bms.savings.models.normal_year import NormalDegreeDays, NormalYear
from bms.services.assessment.file_savings import assess_series, normal_weather
from bms.services.assessment.site_savings import assess_site
from bms.services.periods import Periods

AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object per meter and line")]
Csv = Annotated[
    Path | None, typer.Option(help="meters as CSV (meter_id,timestamp_utc,kwh), also .gz")
]
Weather = Annotated[
    Path | None, typer.Option(help="weather as CSV (timestamp_utc,temp_air_c), also .gz")
]
Mapping = Annotated[Path | None, typer.Option(help="--csv: which column is what (YAML)")]
OfAll = Annotated[
    Commodity | None, typer.Option(help="of all meters of the file; each one's name otherwise")
]
MeansMissing = Annotated[bool, typer.Option("--zeros-missing", help="short for --zeros missing")]
Holidays = Annotated[
    str | None, typer.Option("--holidays", help="country whose holidays close, e.g. DK")
]
BuildingUse = Annotated[
    str | None, typer.Option(help=f"of the buildings, for GUF: {', '.join(GUF_BY_USE)}")
]
NormalWeather = Annotated[
    Path | None, typer.Option(help="weather of the normal year as CSV; --weather otherwise")
]
PublishedYear = Annotated[
    str | None,
    typer.Option(help="published degree days to move that weather to, e.g. danish_3112"),
]
DANISH = "Europe/Copenhagen"
SHOWN_MISTAKES = 20
"""Rows that are named one by one; more are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetersOfFile:
    """What is asked of meters in a file."""

    csv: Path
    mapping: CsvMapping | None
    weather: Path
    periods: AssessmentPeriods
    settings: AssessmentSettings
    commodity: Commodity | None
    normal_weather: Path | None
    normal_year: NormalDegreeDays | None


def register(app: typer.Typer) -> None:
    app.command()(assess)


def assess(
    baseline: Annotated[str, typer.Option(help="A..B, local dates, B exclusive")],
    reporting: Annotated[str, typer.Option(help="C..D, local dates, D exclusive")],
    site: Annotated[str | None, typer.Argument(metavar="SITE")] = None,
    csv: Csv = None,
    mapping: Mapping = None,
    weather: Weather = None,
    commodity: OfAll = None,
    timezone: Annotated[str, typer.Option(help="whose midnights part the days")] = DANISH,
    zeros: Annotated[Zeros, typer.Option(help="what a zero in the file means")] = Zeros.AUTO,
    zeros_missing: MeansMissing = False,
    zeros_real: Annotated[bool, typer.Option("--zeros-real", help="for --zeros real")] = False,
    holiday: Holidays = None,
    use: BuildingUse = None,
    normal_weather: NormalWeather = None,
    normal_year: PublishedYear = None,
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
    if use is not None and use not in GUF_BY_USE:
        raise typer.BadParameter(f"write one of {', '.join(GUF_BY_USE)}", param_hint="--use")
    asked = MetersOfFile(
        csv=csv,
        mapping=None if mapping is None else _mapped(mapping),
        weather=weather,
        periods=AssessmentPeriods(
            baseline=span(baseline, timezone),
            reporting=span(reporting, timezone),
            timezone=timezone,
        ),
        settings=AssessmentSettings(
            zeros=_zeros(zeros, missing=zeros_missing, real=zeros_real),
            closed=None if holiday is None else _closed(holiday),
            building_use=use,
            hourly=True,
        ),
        commodity=commodity,
        normal_weather=normal_weather,
        normal_year=None if normal_year is None else _published(normal_year),
    )
    _assess_files(asked, as_json)


def _mapped(file: Path) -> CsvMapping:
    return CsvMapping.from_file(file)


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


def _published(name: str) -> NormalDegreeDays:
    known = load_factors().normal_years
    if name not in known:
        raise typer.BadParameter(
            f"{name!r} is no normal year; write one of {', '.join(known)}",
            param_hint="--normal-year",
        )
    return known[name]


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
            readings=city.stores.readings,
            ledgers=city.stores.ledgers,
            feed=city.feed,
            periods=Periods(
                baseline=span(baseline, chosen.timezone),
                reporting=span(reporting, chosen.timezone),
            ),
            tariffs=city.tariffs,
            factors=load_factors().factors,
        )
    if as_json:
        for meter in answer.meters:
            _echo(meter, chosen.timezone)
        return
    print_site(answer, translator_of_locale(chosen.timezone))


def _assess_files(asked: MetersOfFile, as_json: bool) -> None:
    started = time.perf_counter()
    with progress_bars(quiet=as_json) as report:
        report("reading", 0.0)
        meters, outdoor = read_meters(asked.csv, asked.mapping), read_weather(asked.weather)
        normal = _normal(asked, outdoor)
        report("reading", 1.0)
        for warning in meters.warnings:
            errors.print(f"note: {asked.csv}: {warning}")
        _name((*meters.mistakes, *outdoor.mistakes), meters.unnamed + outdoor.unnamed)
        if not meters.use and not meters.bills:
            _nothing(asked.csv)
        answers = []
        for answer in _answers(asked, meters, outdoor, normal):
            answers.append(answer)
            if as_json:
                _echo(answer, asked.periods.timezone)
            report("assessing", len(answers) / (len(meters.use) + len(meters.bills)))
    if not as_json:
        t = translator_of_locale(asked.periods.timezone)
        print_meters(answers, time.perf_counter() - started, t)


def _answers(
    asked: MetersOfFile, meters: MeterFile, outdoor: WeatherFile, normal: NormalYear | None
) -> Iterator[Savings]:
    return assess_series(
        meters.use,
        outdoor.temp_c,
        bills=meters.bills,
        sun=outdoor.ghi_wm2,
        periods=asked.periods,
        settings=replace(asked.settings, normal=normal),
        commodity=asked.commodity,
        volumes=meters.volumes,
    )


def _normal(asked: MetersOfFile, outdoor: WeatherFile) -> NormalYear | None:
    if asked.normal_weather is None:
        return normal_weather(outdoor.temp_c, asked.periods.timezone, asked.normal_year)
    typical = read_weather(asked.normal_weather)
    _name(typical.mistakes, typical.unnamed)
    name = asked.normal_weather.name
    return normal_weather(typical.temp_c, asked.periods.timezone, asked.normal_year, name)


def _echo(meter: Savings, timezone: str) -> None:
    from api.schemas.savings import MeterSavingsAnswer

    answer = MeterSavingsAnswer.model_validate(meter, context={"timezone": timezone})
    typer.echo(answer.model_dump_json(ensure_ascii=True))


def _nothing(csv: Path) -> NoReturn:
    errors.print(f"error: {csv}: no row can be used")
    raise typer.Exit(FAILED)


def _name(mistakes: Sequence[Mistake], unnamed: int) -> None:
    """Say on standard error which rows were left out; ``unnamed`` more have no name."""
    for mistake in mistakes[:SHOWN_MISTAKES]:
        errors.print(f"left out: {mistake}")
    more = len(mistakes) + unnamed - SHOWN_MISTAKES
    if more > 0:
        errors.print(f"left out: {more} more rows")
