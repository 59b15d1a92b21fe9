"""``bms report``: what was saved, as a file for others."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from bms.cli.console.output_file import write_output
from bms.cli.console.periods import YEARS, month_span
from bms.cli.console.person import user_name
from bms.cli.console.screen import say
from bms.config import Settings
from bms.model.control.audit import Action
from bms.runtime.city import City
from bms.runtime.wire import opened
from bms.services.assessment.savings_cache import SavingsCache


def register(app: typer.Typer) -> None:
    app.command()(report)


def report(
    out: Annotated[Path, typer.Option(help="file to write")],
    month: Annotated[str | None, typer.Option(help="month, e.g. 2026-10")] = None,
    year: Annotated[str | None, typer.Option(help="calendar year to date, e.g. 2026")] = None,
    site: Annotated[str | None, typer.Option(help="one site; all when left out")] = None,
    force: Annotated[bool, typer.Option("--force", help="overwrite the file")] = False,
    format_: Annotated[str, typer.Option("--format", help="csv")] = "csv",
    by: Annotated[str, typer.Option(help="who takes it; the user logged in if empty")] = "",
) -> None:
    """Savings of a month, of a year to date or of the last year, as a file for the energy team.

    They are the part of the project that lies in that time, against the baseline that stands since
    the project began, as on the pages; a time before it is compared with the year before itself.

    Example: bms report --month 2019-01 --out savings.csv
    """
    if format_ != "csv":
        raise typer.BadParameter(f"{format_!r} is not a format of this version; use csv")
    name = by.strip() or user_name("--by")
    with opened(Settings()) as city:
        content = reported(city, site, month=month, year=year)
        city.stores.ledgers.note(
            Action.EXPORT,
            out.name,
            at=city.clock.now(),
            actor=name,
            site=site,
            reason=f"{month or year or 'last year'}: {1 if site else len(city.sites)} buildings",
        )
    write_output(out, content, force=force)
    say(f"wrote {out}")


def reported(city: City, site: str | None, *, month: str | None, year: str | None) -> bytes:
    """The file: savings of a site, or of all, as the pages tell them of that time."""
    cache, reporting = SavingsCache(city.assessment), _reporting(month, year)
    chosen = [city.site(site)] if site else list(city.sites.values())
    return city.reporter.savings_csv(
        [cache.site(each, reporting=reporting).savings for each in chosen]
    )


def _reporting(month: str | None, year: str | None) -> str | None:
    """The local dates of the month or year; None for the last year, as on the pages."""
    if month is not None and year is not None:
        raise typer.BadParameter("give --month or --year")
    if month is not None:
        span = month_span(month, "UTC")
        return f"{span.start:%Y-%m-%d}..{span.end:%Y-%m-%d}"
    if year is None:
        return None
    if not year.isdecimal() or int(year) not in YEARS:
        raise typer.BadParameter(f"{year!r} is not a year; write 2026")
    return f"{date(int(year), 1, 1)}..{date(int(year) + 1, 1, 1)}"
