"""``bms report``: the numbers that energy teams and councils send on, as a file."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bms.cli.console.output_file import new_output
from bms.cli.console.person import user_name
from bms.cli.console.progress import progress_bars
from bms.cli.console.screen import say
from bms.config import Settings
from bms.messages import languages
from bms.model.control.audit import Action
from bms.model.reporting.request import FileForm, ReportFormat, ReportKind, ReportRequest
from bms.runtime.city import City
from bms.runtime.wire import opened
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.reporting.build import build
from bms.services.reporting.deliveries import sent_reports

GATHERING = "Gathering the numbers"


class AskedReport(StrEnum):
    """The kinds of reports, and the list of those that were sent by schedule."""

    SAVINGS = ReportKind.SAVINGS.value
    CONSUMPTION = ReportKind.CONSUMPTION.value
    RANKING = ReportKind.RANKING.value
    MISSING_DATA = ReportKind.MISSING_DATA.value
    QUALITY = ReportKind.QUALITY.value
    METERS = ReportKind.METERS.value
    COUNCIL = ReportKind.COUNCIL.value
    OPEN_DATA = ReportKind.OPEN_DATA.value
    SENT = "sent"


YEAR = re.compile(r"(?:199\d|20\d\d)")
MONTH = re.compile(YEAR.pattern + r"-(?:0[1-9]|1[0-2])")


def register(app: typer.Typer) -> None:
    app.command()(report)


def report(
    kind: Annotated[AskedReport, typer.Argument(help="what it tells")],
    out: Annotated[Path | None, typer.Option(help="file to write")] = None,
    site: Annotated[str | None, typer.Option(help="one building")] = None,
    group: Annotated[str | None, typer.Option(help="buildings of a use, e.g. school")] = None,
    all_: Annotated[bool, typer.Option("--all", help="all buildings, as without it")] = False,
    month: Annotated[str | None, typer.Option(help="month, e.g. 2026-10")] = None,
    year: Annotated[str | None, typer.Option(help="calendar year, e.g. 2026")] = None,
    lang: Annotated[str, typer.Option(help="da or en")] = "da",
    format_: Annotated[
        ReportFormat | None, typer.Option("--format", help="by the name of the file if left out")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="this table alone, e.g. months or days")] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="CSV for programs: commas, decimal points, codes")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="overwrite the file")] = False,
    by: Annotated[str, typer.Option(help="who takes it; the user logged in if empty")] = "",
) -> None:
    """Savings, consumption, ranking, missing data, quality, meters or the year of the council, as
    PDF, workbook, CSV, JSON or Parquet: the same numbers as in the API.

    Without --month and --year it is the time that the pages show. `bms report sent` lists what was
    sent by schedule.

    Example: bms report savings --month 2019-01 --lang da --out savings.xlsx
    """
    if kind is AskedReport.SENT:
        _show_sent()
        return
    if out is None:
        raise typer.BadParameter("give --out, the file to write")
    chosen = _format(out, format_)
    asked = ReportRequest(
        kind=ReportKind(kind), site=site, group=group, period=_period(month, year)
    )
    if all_ and (site or group):
        raise typer.BadParameter("give --site, --group or --all")
    if lang not in languages():
        raise typer.BadParameter(f"there are no reports in {lang!r}; give {', '.join(languages())}")
    if plain and chosen is not ReportFormat.CSV:
        raise typer.BadParameter("--plain is a form of CSV; give --format csv")
    form = FileForm(format=chosen, language=lang, sheet=sheet, plain=plain)
    name = by.strip() or user_name("--by")
    with opened(Settings()) as city:
        _write(city, asked, form, out, force=force)
        city.stores.ledgers.note(
            Action.EXPORT,
            out.name,
            at=city.clock.now(),
            actor=name,
            site=site,
            reason=f"{kind} of {site or group or 'all buildings'}, {asked.period or 'as shown'}",
        )
    say(f"wrote {out}")


def _show_sent() -> None:
    with opened(Settings()) as city:
        rows = sent_reports(city.stores.ledgers, city.clock.now())
    if not rows:
        say("nothing was sent by schedule yet")
    for row in rows:
        say(f"{row.at:%Y-%m-%d %H:%M} {row.state:8} {row.subject} {row.detail}".rstrip())


def _write(city: City, asked: ReportRequest, form: FileForm, out: Path, *, force: bool) -> None:
    with progress_bars() as progress, new_output(out, force=force) as file:
        made = build(SavingsCache(city.assessment), asked, lambda share: progress(GATHERING, share))
        city.reporter.write(made, form, file)


def _format(out: Path, given: ReportFormat | None) -> ReportFormat:
    """The form that is asked for, else that of the file's name."""
    if given is not None:
        return given
    ending = out.suffix.removeprefix(".").lower()
    if ending in [each.value for each in ReportFormat]:
        return ReportFormat(ending)
    known = ", ".join(ReportFormat)
    raise typer.BadParameter(f"{out.name!r} does not say its form; give --format: {known}")


def _period(month: str | None, year: str | None) -> str | None:
    if month is not None and year is not None:
        raise typer.BadParameter("give --month or --year")
    if month is not None and not MONTH.fullmatch(month):
        raise typer.BadParameter(f"{month!r} is not a month; write 2026-10 (from 1990 to 2099)")
    if year is not None and not YEAR.fullmatch(year):
        raise typer.BadParameter(f"{year!r} is not a year; write 2026 (from 1990 to 2099)")
    return month or year
