"""``bms feeds``: what each provider says now, how it has foreseen, and what a plan would use."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from itertools import chain
from typing import Annotated, Any

import typer

from bms.cli.console.errors import FAILED, errors
from bms.cli.console.language import CommandTranslator, translator_of_locale
from bms.cli.console.progress import progress_bars
from bms.cli.console.screen import say, screen, slim_table
from bms.config import Settings
from bms.errors import ConfigError, FeedError
from bms.feeds.client.check import DatasetCheck
from bms.feeds.live import LiveFeed
from bms.feeds.provider_settings import meter_api
from bms.feeds.tariffs.pricelist_overlay import LiveTariffs
from bms.messages.spelled_out import spelled_out
from bms.model.assets.site import Site
from bms.model.codec import to_dict
from bms.model.fact import Fact
from bms.model.planning.feed import FeedSeries, WeatherQuantity
from bms.model.planning.prediction import Foreseen
from bms.ports.feeds import RememberingFeed
from bms.reports.knowledge_chart import KnownThen, knowledge_chart
from bms.reports.text import ChartText
from bms.runtime.city import City
from bms.runtime.jobs import fetched_meters
from bms.runtime.wire import opened
from bms.services.collect.file_ingest import as_dict
from bms.services.overview.plan_knowledge import plan_knowledge, plan_to_draw
from bms.services.overview.use_record import use_scores

app = typer.Typer(
    no_args_is_help=True,
    help="Weather, prices and tariffs: what each provider says now, and how well it has foreseen.",
)
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
UNITS = {WeatherQuantity.TEMP: "K", WeatherQuantity.GHI: "W/m²"}
OfSite = Annotated[
    str | None, typer.Option("--site", help="whose position and price area; the first one's")
]


def register(to: typer.Typer) -> None:
    to.add_typer(app, name="feeds")


@app.command()
def check(site: OfSite = None, as_json: AsJson = False) -> None:
    """Ask each provider once: what came, how old and complete it is, and what a plan would use.

    A dataset that was asked for within the last minute, or that a provider has put off, is not
    asked again: what is known of it is shown. Exit code 1 where something has to be done.

    Example: bms feeds check --site school --json
    """
    with opened(Settings()) as city:
        chosen = _site(city, site)
        rows = _checked(city, chosen, quiet=as_json)
        used = _used(city, chosen)
    if as_json:
        told = [_row(row, chosen.timezone) for row in rows]
        typer.echo(json.dumps({"site": chosen.id, "providers": told, "plan": used}))
    else:
        _show(rows, used, translator_of_locale(chosen.timezone))
    if not all(row.is_good for row in rows):
        raise typer.Exit(FAILED)


@app.command()
def skill(site: OfSite = None, as_json: AsJson = False) -> None:
    """How far forecasts were off here in the last four weeks, by lead time: of the weather by each
    provider, of the load of others behind the meter, and of who is in when.

    Example: bms feeds skill --site school
    """
    with opened(Settings()) as city:
        chosen = _site(city, site)
        remembers, position = city.feed, (chosen.latitude, chosen.longitude)
        rows = remembers.scores(*position) if isinstance(remembers, RememberingFeed) else ()
        used = use_scores(chosen, now=city.clock.now(), plans=city.stores.plans)
    if as_json:
        told = {"weather": [to_dict(row) for row in rows], "use": [to_dict(row) for row in used]}
        typer.echo(json.dumps(told))
        return
    t = translator_of_locale(chosen.timezone)
    table = slim_table(
        t("feed_provider"), t("feed_quantity"), t("feed_lead"), "n", t("feed_bias"), "RMSE"
    )
    for row in rows:
        off = (t.number(round(each, 2)) for each in (row.bias, row.rmse))
        unit = UNITS[row.quantity]
        table.add_row(row.provider, unit, f"≥ {row.lead_h} h", str(row.n), *off)
    for each in used:
        off = (t.number(round(value, 2)) for value in (each.bias, each.rmse))
        unit = "kW" if each.what is Foreseen.LOAD else "0..1"
        name = t(f"foreseen_{each.what.value}", zone=each.zone or chosen.id)
        table.add_row(name, unit, f"≥ {each.lead_h} h", str(each.n), *off)
    screen().print(table)


@app.command()
def meters(
    days: Annotated[int, typer.Option(min=1, max=730, help="how far back to ask")] = 14,
    as_json: AsJson = False,
) -> None:
    """Ask Eloverblik for the electricity meters of the site files now, and store what comes.

    Meters that have answered within the last 20 hours are not asked again. Exit code 1 where
    something failed.

    Example: bms feeds meters --days 60
    """
    with opened(Settings()) as city:
        api = meter_api(city.settings, city.clock)
        if api is None:
            raise ConfigError("there is no token; name its file in BMS_ELOVERBLIK_TOKEN_FILE")
        found = list(fetched_meters(city, api, city.clock.now(), timedelta(days=days)))
    failed = [str(each) for each in found if isinstance(each, FeedError)]
    reports = [as_dict(each) for each in found if not isinstance(each, FeedError)]
    if as_json:
        typer.echo(json.dumps({"answers": reports, "failed": failed}))
    else:
        for told in reports:
            say(f"{told['name']}: {told['accepted']}/{told['rows']}")
        for why in failed:
            errors.print(why, markup=False)
    if failed:
        raise typer.Exit(FAILED)


@app.command()
def picture(
    site: Annotated[str, typer.Argument(metavar="SITE")],
    plan: Annotated[str | None, typer.Option(help="a plan's id; the one in force")] = None,
) -> None:
    """Draw what a plan knew of weather and prices, and what came since, as SVG.

    Example: bms feeds picture school > known.svg
    """
    with opened(Settings()) as city:
        chosen, now = city.site(site), city.clock.now()
        known = plan_knowledge(
            plan_to_draw(city.stores.plans, chosen.id, plan, now),
            chosen,
            now=now,
            readings=city.stores.readings,
            feed=city.feed,
            tariffs=city.tariffs,
        )
    t = translator_of_locale(chosen.timezone)
    text = ChartText(
        title=t("known_chart_title", site=chosen.id),
        description=t("known_chart_description"),
        translator=t,
    )
    parts = {each.name: getattr(known, each.name) for each in fields(known)}
    typer.echo(knowledge_chart(KnownThen(**parts), text))


def _site(city: City, name: str | None) -> Site:
    if name is not None:
        return city.site(name)
    return next(iter(city.sites.values()))


def _live(city: City) -> LiveFeed:
    if not isinstance(city.feed, LiveFeed):
        raise ConfigError("BMS_FEED=archive asks no provider; set BMS_FEED=live")
    return city.feed


def _checked(city: City, site: Site, *, quiet: bool) -> list[DatasetCheck]:
    """What each dataset said. Raises ``ConfigError`` where no provider is asked."""
    asked = _live(city).check(site.latitude, site.longitude, site.price_area)
    listed = city.tariffs.check() if isinstance(city.tariffs, LiveTariffs) else ()
    rows: list[DatasetCheck] = []
    api = meter_api(city.settings, city.clock)
    metered = () if api is None else (api.check() for _ in range(1))
    with progress_bars(quiet=quiet) as report:
        for row in chain(asked, listed, metered):
            rows.append(row)
            report(row.name, 1.0)
    return rows


def _used(city: City, site: Site) -> dict[str, Any]:
    """What a plan made now would rest on, by what it is."""
    now = city.clock.now()
    span = {
        "start": now,
        "end": now + timedelta(hours=city.settings.horizon_hours),
        "now": now,
    }
    feed, found = city.feed, dict[str, Any]()
    try:
        weather = feed.weather(site.latitude, site.longitude, **span)
        found["weather"] = _series(site, weather.temp_out_c, weather.ghi_wm2.notes)
    except FeedError as error:
        found["weather"] = {"error": str(error)}
    try:
        spot = feed.spot(site.price_area, **span)
        city.tariffs.electricity(site.electricity_tariff, spot.series)
        found["prices"] = _series(site, spot, city.tariffs.list_notes())
    except FeedError as error:
        found["prices"] = {"error": str(error)}
    try:
        found["emissions"] = _series(site, feed.emissions(site.price_area, **span), ())
    except FeedError as error:
        found["emissions"] = {"error": str(error)}
    return found


def _series(site: Site, series: FeedSeries, more: Sequence[Fact]) -> dict[str, Any]:
    return {
        "source": series.source,
        "issued_at": series.issued_at.isoformat(),
        "notes": [spelled_out(note, site.timezone) for note in (*series.notes, *more)],
    }


def _row(row: DatasetCheck, timezone: str) -> dict[str, Any]:
    return {
        "provider": row.name,
        "verdict": spelled_out(row.verdict, timezone),
        "good": row.is_good,
        "asked_at": _iso(row.asked_at),
        "values": row.extent.n,
        "from": _iso(row.extent.since),
        "to": _iso(row.extent.until),
        "age_h": row.age_h,
        "complete": row.extent.complete,
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _show(rows: Sequence[DatasetCheck], used: dict[str, Any], t: CommandTranslator) -> None:
    table = slim_table(t("feed_provider"), t("feed_values"), t("to"), t("feed_age"))
    for row in rows:
        until, age = row.extent.until, row.age_h
        table.add_row(
            row.name,
            str(row.extent.n),
            "" if until is None else f"{until:%Y-%m-%d %H:%M} UTC",
            "" if age is None else f"{t.number(round(age, 1))} h",
        )
    screen().print(table)
    for row in rows:
        say(f"{row.name}: {t.describe(row.verdict)}")
    for what, told in used.items():
        say(f"{what}: {told.get('error') or told['source']}")
        for note in told.get("notes", ()):
            say(f"  {note[t.language]}")
