"""``bms report``: what was saved, as a file for others."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from bms.cli.console.output_file import write_output
from bms.cli.console.periods import month_span
from bms.cli.console.person import user_name
from bms.cli.console.screen import say
from bms.config import Settings
from bms.model.assets.site import Site
from bms.model.control.audit import Action
from bms.model.savings.avoided_use import SiteSavings, Span
from bms.runtime.city import City
from bms.runtime.wire import opened
from bms.services.assessment.site_savings import assess_site

DEFAULT_BASELINE_DAYS = 365


def register(app: typer.Typer) -> None:
    app.command()(report)


def report(
    month: Annotated[str, typer.Option(help="month, e.g. 2026-10")],
    out: Annotated[Path, typer.Option(help="file to write")],
    site: Annotated[str | None, typer.Option(help="one site; all when left out")] = None,
    force: Annotated[bool, typer.Option("--force", help="overwrite the file")] = False,
    format_: Annotated[str, typer.Option("--format", help="csv")] = "csv",
    by: Annotated[str, typer.Option(help="who takes it; the user logged in if empty")] = "",
) -> None:
    """Savings of a month as a file for the energy team; the baseline is the year before it.

    Example: bms report --month 2019-01 --out savings.csv
    """
    if format_ != "csv":
        raise typer.BadParameter(f"{format_!r} is not a format of this version; use csv")
    name = by.strip() or user_name("--by")
    with opened(Settings()) as city:
        chosen = [city.site(site)] if site else list(city.sites.values())
        content = city.reporter.savings_csv([_month(city, each, month) for each in chosen])
        city.stores.ledgers.note(
            Action.EXPORT,
            out.name,
            at=city.clock.now(),
            actor=name,
            site=site,
            reason=f"{month}: {len(chosen)} buildings",
        )
    write_output(out, content, force=force)
    say(f"wrote {out}")


def _month(city: City, site: Site, month: str) -> SiteSavings:
    reporting = month_span(month, site.timezone)
    start = reporting.start - timedelta(days=DEFAULT_BASELINE_DAYS)
    baseline = Span(start=start, end=reporting.start)
    return assess_site(
        site,
        readings=city.stores.readings,
        ledgers=city.stores.ledgers,
        feed=city.feed,
        baseline=baseline,
        reporting=reporting,
        tariffs=city.tariffs,
    )
