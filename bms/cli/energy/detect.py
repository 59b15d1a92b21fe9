"""``bms detect``: what is wrong in a building, with price, evidence and picture."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from bms.cli.console.language import CommandTranslator, translator_of_locale
from bms.cli.console.output_file import write_output
from bms.cli.console.progress import progress_bars
from bms.cli.console.screen import print_folded, say, screen
from bms.config import Settings
from bms.faults.run import Answers, detect_all
from bms.feeds.plants.column_map import ColumnMap, read_map
from bms.feeds.plants.plant_file import PlantFile, read_plant
from bms.messages import languages
from bms.messages.spelled_out import spelled_out
from bms.model.work.finding import CannotRun, Finding
from bms.reports.fault_picture import fault_picture
from bms.reports.text import ChartText
from bms.runtime.wire import opened
from bms.services.detection.site_faults import detect_site

SHOWN = 60
"""Findings that the table shows; the others are counted."""


def register(app: typer.Typer) -> None:
    app.command()(detect)


def detect(
    site: Annotated[str | None, typer.Argument(metavar="[SITE]")] = None,
    csv: Annotated[
        Path | None, typer.Option(help="a plant's or meters' readings in columns, also .gz")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--map", help="which column is what (YAML, docs/faults.md)")
    ] = None,
    weather: Annotated[
        Path | None, typer.Option(help="--csv: weather as CSV (timestamp_utc,temp_air_c)")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    lang: Annotated[str | None, typer.Option(help="da or en; default: the locale's")] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="write an SVG picture of each finding into this folder")
    ] = None,
    cannot: Annotated[
        bool, typer.Option("--cannot", help="list the rules that cannot run, and why")
    ] = False,
) -> None:
    """What is wrong in a building, priced and ranked; and where no rule could look, why.

    Of a site's stored readings, or of a file, which needs no database and no site file.

    Example: bms detect --csv ahu.csv --map ahu.yaml --pictures faults
    """
    if (site is None) == (csv is None):
        raise typer.BadParameter("name a SITE, or give --csv FILE with or without --map FILE")
    if csv is None and (mapping is not None or weather is not None):
        raise typer.BadParameter("--map and --weather belong to --csv FILE")
    if lang is not None and lang not in languages():
        raise typer.BadParameter(f"--lang {lang}: there are {', '.join(languages())}")
    for file in (csv, mapping, weather):
        if file is not None and not file.is_file():
            raise typer.BadParameter(f"there is no file {file}")
    answers, plant, zone = _of_file(csv, mapping, weather, as_json) if csv else _of_site(site or "")
    t = translator_of_locale(zone)
    if lang is not None:
        t = CommandTranslator(lang, zone)
    if pictures is not None:
        _draw(answers.findings, pictures, t)
    if as_json:
        typer.echo(json.dumps(_as_json(answers, plant, zone)))
    else:
        _print(answers, plant, t, cannot=cannot)


def _of_file(
    csv: Path, mapping: Path | None, weather: Path | None, quiet: bool
) -> tuple[Answers, PlantFile, str]:
    columns = ColumnMap() if mapping is None else read_map(mapping)
    with progress_bars(quiet=quiet) as report:
        report("reading", 0.0)
        plant = read_plant(csv, columns, weather=weather, site=csv.name.split(".")[0])
        report("reading", 1.0)
        answers = Answers((), (), 0)
        for nth, subject in enumerate(plant.subjects):
            answers += detect_all([subject])
            report("checking", (nth + 1) / len(plant.subjects))
    return answers, plant, columns.context.timezone


def _of_site(site: str) -> tuple[Answers, None, str]:
    with opened(Settings()) as city:
        found = city.site(site)
        answers = detect_site(
            found, city.clock.now(), city.stores.readings, city.planning.tariffs, city.planning.feed
        )
        return answers, None, found.timezone


def ranked(findings: Sequence[Finding]) -> list[Finding]:
    """By what is at stake and how sure it is, then by severity; the newest first among equals."""
    return sorted(
        findings,
        key=lambda row: (
            -(row.price.dkk_year or 0.0) * row.confidence,
            -(row.price.kwh_year or 0.0) * row.confidence,
            -row.severity.rank,
            -row.start.timestamp(),
        ),
    )


def _days(finding: Finding, zone: str) -> list[str]:
    """The local days that a finding touches."""
    first = finding.start.astimezone(ZoneInfo(zone)).date()
    last = (finding.end - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).date()
    return [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]


def _as_json(answers: Answers, plant: PlantFile | None, zone: str) -> dict[str, Any]:
    findings = []
    for row in ranked(answers.findings):
        told = spelled_out(row, zone)
        told["evidence"].pop("series")
        findings.append({**told, "days": _days(row, zone)})
    answer: dict[str, Any] = {
        "findings": findings,
        "cannot_run": [spelled_out(row, zone) for row in answers.cannot],
        "rules_run": answers.ran,
    }
    if plant is not None:
        answer["columns"] = {name: known.signal.name.lower() for name, known in plant.taken}
        answer["columns_left"] = list(plant.left)
        answer["rows_unread"] = plant.unread
    return answer


def _print(
    answers: Answers, plant: PlantFile | None, t: CommandTranslator, *, cannot: bool
) -> None:
    rows = ranked(answers.findings)
    if plant is not None:
        names = (f"{name} = {t.term(known.signal.value)}" for name, known in plant.taken)
        say(t("detect_columns", columns="; ".join(names)))
        if plant.left:
            say(t("detect_left", columns="; ".join(plant.left)))
    console = screen()
    for row in rows[:SHOWN]:
        console.print(_head(row, t), style="bold", highlight=False)
        print_folded(console, f"{t.describe(row.fact)}. {t.describe(row.look_for)}", indent=2)
    if len(rows) > SHOWN:
        say(t("detect_more", count=len(rows) - SHOWN))
    say(t("detect_summary", count=len(rows), ran=answers.ran, cannot=len(answers.cannot)))
    if cannot:
        for refusal in answers.cannot:
            say(_refusal(refusal, t))


def _refusal(row: CannotRun, t: CommandTranslator) -> str:
    return t("detect_cannot", rule=row.rule, subject=row.subject, reason=t.describe(row.reason))


def _head(row: Finding, t: CommandTranslator) -> str:
    """Rule, subject, interval and what it is worth."""
    price = row.price
    parts = [row.rule, row.subject, f"{_day(row.start, t)} – {_day(row.end, t)}"]
    if price.dkk_year is not None:
        parts.append(t("detect_dkk", dkk=price.dkk_year, low=price.dkk_low, high=price.dkk_high))
    elif price.kwh_year is not None:
        parts.append(t("detect_kwh", kwh=price.kwh_year))
    return " · ".join(parts)


def _day(moment: datetime, t: CommandTranslator) -> str:
    return t.local(moment).strftime("%Y-%m-%d %H:%M")


def _draw(findings: Sequence[Finding], folder: Path, t: CommandTranslator) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for row in findings:
        text = ChartText(
            translator=t,
            title=f"{row.rule}: {t.describe(row.fact)}",
            description=t.describe(row.look_for),
        )
        name = re.sub(r"[^\w.-]+", "-", f"{row.start:%Y%m%dT%H%M}-{row.rule}-{row.subject}")
        write_output(folder / f"{name}.svg", fault_picture(row, text).encode(), force=True)
