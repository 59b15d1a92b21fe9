"""``bms measures``: what was done to a building, and what it has saved."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from bms.cli.console.language import CommandTranslator, translator_of_locale
from bms.cli.console.periods import local_day
from bms.cli.console.person import user_name
from bms.cli.console.screen import print_folded, say, screen, slim_table
from bms.config import Settings
from bms.model.assets.site import Site
from bms.model.savings.measure import MeasureKind
from bms.runtime.wire import opened
from bms.services.assessment.measures import (
    MeasureRequest,
    MeasureSaving,
    end_measure,
    enter_measure,
    measure_saving,
    measure_savings,
)
from bms.services.assessment.savings_cache import SavingsCache

app = typer.Typer(no_args_is_help=True, help="What was done to a building, and what it has saved.")
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
Author = Annotated[str | None, typer.Option("--by", help="who says so; default: your user name")]
SiteId = Annotated[str, typer.Argument(metavar="SITE")]
MeasureId = Annotated[str, typer.Argument(metavar="MEASURE", help="its id in the list")]


def register(to: typer.Typer) -> None:
    to.add_typer(app, name="measures")


@app.command()
def add(
    sites: Annotated[list[str], typer.Argument(metavar="SITE...")],
    what: Annotated[str, typer.Option(help="what was done; without names of people")],
    start: Annotated[str, typer.Option("--from", help="local day on which work began")],
    kind: Annotated[MeasureKind, typer.Option(help="what it is")] = MeasureKind.OTHER,
    meter: Annotated[
        list[str] | None, typer.Option(help="a meter it concerns, again for more; all otherwise")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="local day from which on it acts no more")
    ] = None,
    blackout_until: Annotated[
        str | None, typer.Option(help="local day from which on it is measured")
    ] = None,
    cost: Annotated[float | None, typer.Option(min=0, help="what it cost [DKK]")] = None,
    expect: Annotated[
        float | None, typer.Option(help="share of the use it should save, 0.08 for 8 %")
    ] = None,
    expect_kwh: Annotated[float | None, typer.Option(help="or kWh per year")] = None,
    author: Author = None,
    as_json: AsJson = False,
) -> None:
    """Enter a measure of one building or more; its baseline is frozen.

    Example: bms measures add school --kind windows --what "new windows, south side"
    --from 2026-06-01 --blackout-until 2026-08-15 --cost 450000 --expect 0.08
    """
    with opened(Settings()) as city:
        cache = SavingsCache(city.assessment)
        chosen = [city.site(name) for name in sites]
        made = []
        for site in chosen:
            begin = _needed(start, site, "--from")
            asked = MeasureRequest(
                kind=kind,
                what=what,
                start=begin,
                author=author or user_name("--by"),
                meters=tuple(meter or ()),
                end=_day(end, site, "--to"),
                blackout_until=_day(blackout_until, site, "--blackout-until"),
                cost_dkk=cost,
                expected_share=expect,
                expected_kwh=expect_kwh,
            )
            kept = enter_measure(cache, site, asked)
            made.append(measure_saving(cache, site, kept.measure.id))
    _tell(chosen, made, as_json, "measure_entered")


@app.command("list")
def list_measures(
    site: Annotated[
        str | None, typer.Argument(metavar="[SITE]", help="all sites when left out")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List measures with the saving of the last year, or since they took effect.

    Control by us is among them. Example: bms measures list school
    """
    with opened(Settings()) as city:
        cache = SavingsCache(city.assessment)
        chosen = [city.site(site)] if site else list(city.sites.values())
        rows = [(each, row) for each in chosen for row in measure_savings(cache, each)]
    if as_json:
        typer.echo(json.dumps([_answer(row, each) for each, row in rows]))
        return
    t = translator_of_locale()
    if not rows:
        say(t("measures_none"))
        return
    _table(rows, t)


@app.command()
def show(site: SiteId, measure: MeasureId, as_json: AsJson = False) -> None:
    """Show a measure with its saving, interval, verdict, months and what is to be said of it.

    Example: bms measures show school control
    """
    with opened(Settings()) as city:
        chosen = city.site(site)
        row = measure_saving(SavingsCache(city.assessment), chosen, measure)
    if as_json:
        typer.echo(json.dumps(_answer(row, chosen)))
        return
    _show(screen(), row, chosen, translator_of_locale(chosen.timezone))


@app.command()
def end(
    site: SiteId,
    measure: MeasureId,
    at: Annotated[str, typer.Option("--to", help="local day from which on it acts no more")],
    reason: Annotated[str, typer.Option(help="why; without names of people")],
    author: Author = None,
    as_json: AsJson = False,
) -> None:
    """Say until when a measure acted; nothing is measured after it.

    Example: bms measures end school 3f0c5d --to 2027-06-01 --reason "the campaign is over"
    """
    with opened(Settings()) as city:
        chosen, cache = city.site(site), SavingsCache(city.assessment)
        end_measure(
            cache,
            chosen,
            measure,
            end=_needed(at, chosen, "--to"),
            author=author or user_name("--by"),
            reason=reason,
        )
        row = measure_saving(cache, chosen, measure)
    _tell([chosen], [row], as_json, "measure_ended")


def _needed(text: str, site: Site, option: str) -> datetime:
    try:
        return local_day(text, site.timezone)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a day; write 2026-06-01", param_hint=option
        ) from None


def _day(text: str | None, site: Site, option: str) -> datetime | None:
    return None if text is None else _needed(text, site, option)


def _answer(row: MeasureSaving, site: Site) -> dict[str, object]:
    from api.schemas.measures import MeasureAnswer

    return MeasureAnswer.of(row, site.timezone).model_dump(mode="json")


def _tell(sites: Sequence[Site], rows: Sequence[MeasureSaving], as_json: bool, code: str) -> None:
    if as_json:
        answers = [_answer(row, site) for site, row in zip(sites, rows, strict=True)]
        typer.echo(json.dumps(answers[0] if len(answers) == 1 else answers))
        return
    for site, row in zip(sites, rows, strict=True):
        t = translator_of_locale(site.timezone)
        of = {"id": row.kept.measure.id, "site": site.id, "what": row.kept.measure.what}
        say(t("measure_ended", **of) if code == "measure_ended" else t("measure_entered", **of))
        for told in row.facts:
            print_folded(screen(), t.describe(told), 2)


def _table(rows: Sequence[tuple[Site, MeasureSaving]], t: CommandTranslator) -> None:
    table = slim_table(
        t("building"),
        "id",
        t("kind"),
        t("from"),
        t("saving_kwh"),
        t("interval", confidence=0.9),
        t("verdict"),
    )
    for site, row in rows:
        measure, savings = row.kept.measure, row.savings
        table.add_row(
            site.id,
            measure.id,
            t(f"measure_{measure.kind.value}"),
            _local(measure.start, site),
            "" if savings is None else t.number(savings.saving_kwh),
            "" if savings is None else _interval(row, t),
            "" if savings is None else t(f"verdict_{savings.verdict.value}"),
        )
    screen().print(table)


def _interval(row: MeasureSaving, t: CommandTranslator) -> str:
    assert row.savings is not None
    return f"{t.number(row.savings.saving_low_kwh)} … {t.number(row.savings.saving_high_kwh)}"


def _show(console: Console, row: MeasureSaving, site: Site, t: CommandTranslator) -> None:
    measure, savings = row.kept.measure, row.savings
    kind = t(f"measure_{measure.kind.value}")
    print_folded(console, f"{measure.id}  {kind}: {measure.what}; {_local(measure.start, site)}")
    if savings is not None and row.periods is not None:
        begin, last = row.periods.reporting.start, row.periods.reporting.end - timedelta(seconds=1)
        print_folded(
            console,
            t(
                "measure_saving",
                start=_local(begin, site),
                end=_local(last, site),
                saving=savings.saving_kwh,
                interval=_interval(row, t),
                verdict=t(f"verdict_{savings.verdict.value}"),
            ),
            2,
        )
    if row.expected_kwh is not None:
        print_folded(console, t("measure_expected", kwh=row.expected_kwh), 2)
    for told in (*row.facts, *(() if savings is None else savings.reasons)):
        print_folded(console, t.describe(told), 2)


def _local(moment: datetime, site: Site) -> str:
    return f"{moment.astimezone(ZoneInfo(site.timezone)):%Y-%m-%d}"
