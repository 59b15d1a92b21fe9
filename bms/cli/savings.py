"""``bms assess`` and ``bms report``: what was saved."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from bms.cli.screen import screen
from bms.config import Settings
from bms.model.codec import to_json
from bms.model.savings import Savings, SiteSavings, Span
from bms.model.site import Site
from bms.runtime.wire import opened
from bms.services.assess import assess_site
from bms.services.city import City

AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object per meter and line")]
DEFAULT_BASELINE_DAYS = 365
YEARS = range(1990, 2100)
"""Years in which buildings have meters and time zones rules; others are slips of the pen."""


def register(app: typer.Typer) -> None:
    app.command()(assess)
    app.command()(report)


def span(text: str, timezone: str) -> Span:
    """``2018-01-14..2019-01-14``: local dates, the second one exclusive."""
    try:
        first, last = (local_day(part, timezone) for part in text.split(".."))
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a period; write 2018-01-14..2019-01-14 (end exclusive)"
        ) from None
    if not first < last:
        raise typer.BadParameter(f"{text!r} ends before it starts")
    return Span(start=first, end=last)


def local_day(text: str, timezone: str) -> datetime:
    """The start of a local day, in UTC. Raises ValueError for anything else."""
    day = date.fromisoformat(text)
    if day.year not in YEARS:
        raise ValueError(f"{text} lies outside {YEARS.start}..{YEARS.stop}")
    return datetime.combine(day, time(), ZoneInfo(timezone)).astimezone(UTC)


def assess(
    site: Annotated[str, typer.Argument(metavar="SITE")],
    baseline: Annotated[str, typer.Option(help="A..B, local dates, B exclusive")],
    reporting: Annotated[str, typer.Option(help="C..D, local dates, D exclusive")],
    as_json: AsJson = False,
) -> None:
    """The savings of a site with interval, method, coverage and verdict, per meter.

    Example: bms assess school --baseline 2018-01-14..2019-01-14 --reporting 2019-01-14..2019-01-28
    """
    with opened(Settings()) as city:
        chosen = city.site(site)
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
    _print(answer)


def _kwh(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _print(answer: SiteSavings) -> None:
    console = screen()
    table = Table("meter", "baseline kWh", "measured kWh", "saving kWh", "90 % interval", "verdict")
    rows: tuple[Savings | SiteSavings, ...] = (*answer.meters, answer)
    for row in rows:
        name = row.id if isinstance(row, SiteSavings) else row.meter_id
        interval = f"{_kwh(row.saving_low_kwh)} … {_kwh(row.saving_high_kwh)}"
        table.add_row(
            name,
            _kwh(row.adjusted_baseline_kwh),
            _kwh(row.measured_kwh),
            _kwh(row.saving_kwh),
            interval,
            row.verdict,
        )
    console.print(table)
    for reason in answer.reasons:
        console.print(f"  {reason.en}")


def month_span(text: str, timezone: str) -> Span:
    """``2026-10`` as a local month."""
    try:
        start = local_day(f"{text}-01", timezone)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a month; write 2026-10") from None
    after = date.fromisoformat(f"{text}-01") + timedelta(days=32)
    return Span(start=start, end=local_day(f"{after:%Y-%m}-01", timezone))


def report(
    month: Annotated[str, typer.Option(help="month, e.g. 2026-10")],
    out: Annotated[Path, typer.Option(help="file to write")],
    site: Annotated[str | None, typer.Option(help="one site; all when left out")] = None,
    format_: Annotated[str, typer.Option("--format", help="csv")] = "csv",
) -> None:
    """Savings of a month as a file for the energy team; the baseline is the year before it.

    Example: bms report --month 2019-01 --out savings.csv
    """
    if format_ != "csv":
        raise typer.BadParameter(f"{format_!r} is not a format of this version; use csv")
    with opened(Settings()) as city:
        chosen = [city.site(site)] if site else list(city.sites.values())
        content = city.reporter.savings_csv([_month(city, each, month) for each in chosen])
    out.write_bytes(content)
    typer.echo(f"wrote {out}")


def _month(city: City, site: Site, month: str) -> SiteSavings:
    reporting = month_span(month, site.timezone)
    start = reporting.start - timedelta(days=DEFAULT_BASELINE_DAYS)
    baseline = Span(start=start, end=reporting.start)
    return assess_site(
        site,
        store=city.store,
        feed=city.feed,
        baseline=baseline,
        reporting=reporting,
        tariffs=city.tariffs,
    )
