"""``bms privacy``: what is kept about people."""

from __future__ import annotations

import json
from collections import Counter
from typing import Annotated, Any

import typer

from bms.cli.console.language import CommandTranslator, translator_of_locale
from bms.cli.console.periods import local_day
from bms.cli.console.screen import screen, slim_table
from bms.cli.system.keys import AsJson, opened
from bms.config import Settings
from bms.messages import FOLDER, languages
from bms.messages.spelled_out import spelled_out
from bms.model.assets.point import Privacy
from bms.model.fact import Fact
from bms.services.privacy.report import (
    USUAL,
    PrivacyPorts,
    PrivacyReport,
    privacy_report,
)
from bms.services.site_lookup import site_named

privacy = typer.Typer(no_args_is_help=True, help="What is kept about people.")


def register(app: typer.Typer) -> None:
    app.add_typer(privacy, name="privacy")


@privacy.callback()
def every_command() -> None:
    """Holds the commands together."""


@privacy.command()
def report(
    site: Annotated[str | None, typer.Option(help="only this building")] = None,
    since: Annotated[
        str | None, typer.Option(help="who saw what from this day on; default 30 days back")
    ] = None,
    lang: Annotated[str | None, typer.Option(help="da or en; default that of the locale")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what is kept about people, why, for how long, and who saw it.

    Example: bms privacy report --lang da
    """
    settings = Settings()
    if lang is not None and lang not in languages(FOLDER):
        raise typer.BadParameter(f"{lang!r} is not there; there are: {', '.join(languages())}")
    with opened(settings) as city:
        now = city.clock.now()
        first = now - USUAL if since is None else local_day(since, settings.timezone)
        sites = city.sites.values() if site is None else [site_named(city.sites, site)]
        ports = PrivacyPorts(
            people=city.stores.people,
            ledgers=city.stores.ledgers,
            retention=city.stores.retention,
            keys=len(city.stores.keys.keys()),
            people_now=city.api.people_clock.now(),
        )
        found = privacy_report(sites, ports, now=now, since=first)
    if as_json:
        typer.echo(json.dumps(_as_json(found, settings.timezone)))
        return
    t = translator_of_locale(settings.timezone)
    _print(found, t if lang is None else CommandTranslator(lang, settings.timezone, folder=FOLDER))


def _as_json(found: PrivacyReport, timezone: str) -> Any:
    """The report, with every purpose and kind of records in words."""
    whole = spelled_out(found, timezone)
    for rows, names in (("points", ("purpose",)), ("records", ("what", "purpose"))):
        for row in whole[rows]:
            for name in names:
                row[name] = spelled_out(Fact(row[name], {}), timezone)
    return whole


def _print(found: PrivacyReport, t: CommandTranslator) -> None:
    """Tables: what is kept in which class and why, personal points, records, people, who saw it."""
    console = screen()

    def days(count: int | None) -> str:
        return t("privacy_for_good") if count is None else t("privacy_days", count=count)

    table = slim_table(t("privacy_why"), t("privacy_class"), t("privacy_points"), t("privacy_kept"))
    kinds = Counter((p.privacy, p.purpose, p.kept_days) for p in found.points)
    for (kind, purpose, kept), count in sorted(kinds.items(), key=str):
        table.add_row(
            t.describe(Fact(purpose, {})), t(f"privacy_{kind.value}"), str(count), days(kept)
        )
    console.print(table)
    console.print(t("privacy_personal_points"))
    for point in (each for each in found.points if each.privacy is Privacy.PERSONAL):
        console.print(
            f"  {point.point}: {t.describe(Fact(point.purpose, {}))}, {days(point.kept_days)}"
        )
    console.print(t("privacy_records"))
    for record in found.records:
        rows = "" if record.rows is None else f" ({record.rows})"
        what, why = (t.describe(Fact(code, {})) for code in (record.what, record.purpose))
        console.print(f"  {what}{rows}: {why}, {days(record.kept_days)}")
    console.print(t("privacy_people", count=len(found.people)))
    for person in found.people:
        gone = "" if person.revoked is None else f", {t('privacy_left')}"
        roles = ", ".join(person.roles)
        console.print(
            f"  {person.name}: {roles}, {t('privacy_sessions', count=person.sessions)}{gone}"
        )
    console.print(t("privacy_seen", count=len(found.seen)))
    for entry in found.seen:
        console.print(f"  {entry.at:%Y-%m-%d %H:%M} UTC  {entry.actor}  {entry.subject}")
    console.print(t("privacy_erased", count=sum(row.readings for row in found.erased)))
