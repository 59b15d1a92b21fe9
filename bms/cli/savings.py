"""``bms assess`` and ``bms report``: what was saved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from bms.config import Settings
from bms.model.codec import to_json
from bms.model.savings import Savings, SiteSavings, Span
from bms.model.site import Site
from bms.runtime.wire import wire
from bms.services.assess import assess_site

AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object per meter and line")]
DEFAULT_BASELINE_DAYS = 365


def register(app: typer.Typer) -> None:
    app.command()(assess)
    app.command()(report)


def span(text: str, timezone: str) -> Span:
    """``2018-01-14..2019-01-14``: local dates, the second one exclusive."""
    try:
        first, last = (datetime.fromisoformat(part) for part in text.split(".."))
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a period; write 2018-01-14..2019-01-14 (end exclusive)"
        ) from None
    if not first < last:
        raise typer.BadParameter(f"{text!r} ends before it starts")
    zone = ZoneInfo(timezone)
    return Span(
        start=first.replace(tzinfo=zone).astimezone(UTC),
        end=last.replace(tzinfo=zone).astimezone(UTC),
    )


def assess(
    site: Annotated[str, typer.Argument(metavar="SITE")],
    baseline: Annotated[str, typer.Option(help="A..B, local dates, B exclusive")],
    reporting: Annotated[str, typer.Option(help="C..D, local dates, D exclusive")],
    as_json: AsJson = False,
) -> None:
    """The savings of a site with interval, method, coverage and verdict, per meter.

    Example: bms assess school --baseline 2018-01-14..2019-01-14 --reporting 2019-01-14..2019-01-28
    """
    city = wire(Settings())
    chosen = city.site(site)
    answer = assess_site(
        chosen,
        store=city.store,
        feed=city.feed,
        baseline=span(baseline, chosen.timezone),
        reporting=span(reporting, chosen.timezone),
    )
    if as_json:
        for meter in answer.meters:
            typer.echo(to_json(meter))
        return
    _print(answer)


def _kwh(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _print(answer: SiteSavings) -> None:
    console = Console()
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
        first = datetime.strptime(text, "%Y-%m").replace(tzinfo=ZoneInfo(timezone))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a month; write 2026-10") from None
    after = (first + timedelta(days=32)).replace(day=1)
    return Span(start=first.astimezone(UTC), end=after.astimezone(UTC))


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
    city = wire(Settings())
    chosen = [city.site(site)] if site else list(city.sites.values())

    def one(each: Site) -> SiteSavings:
        reporting = month_span(month, each.timezone)
        start = reporting.start - timedelta(days=DEFAULT_BASELINE_DAYS)
        baseline = Span(start=start, end=reporting.start)
        return assess_site(
            each, store=city.store, feed=city.feed, baseline=baseline, reporting=reporting
        )

    out.write_bytes(city.reporter.savings_csv([one(each) for each in chosen]))
    typer.echo(f"wrote {out}")
