"""``bms simulate``: what would happen if, by the model of the building."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table

from bms.cli.console.language import CommandTranslator, translator_of_locale
from bms.cli.console.periods import span
from bms.cli.console.screen import print_folded, screen
from bms.config import Settings
from bms.messages import MISSING
from bms.messages.spelled_out import spelled_out
from bms.model.assets.site import Site
from bms.runtime.wire import opened
from bms.services.planning.what_if import Change, WhatIf, what_if

DURATION = re.compile(r"(\d{1,3})(h|m|min)")
SIGNED = "+#,##0.0;-#,##0.0"
PHRASE = re.compile(r"(setpoint|ventilation|closed)[ =](\S+)")


def register(to: typer.Typer) -> None:
    to.command()(simulate)


def simulate(
    site: Annotated[str, typer.Argument(metavar="SITE")],
    setpoint_change: Annotated[
        float, typer.Option(help="rooms in use warmer [K]; negative: cooler")
    ] = 0.0,
    ventilation_later: Annotated[
        str, typer.Option(help="ventilation starts later by this much, e.g. 1h or 30m")
    ] = "0h",
    closed: Annotated[
        str | None, typer.Option(help="nobody in on these local dates, the second one exclusive")
    ] = None,
    what: Annotated[
        list[str] | None,
        typer.Option("--what-if", help="'setpoint -1', 'ventilation 1h' or 'closed A..B'"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Simulate a change beside the plan in force: energy, cost and comfort. Nothing is written.

    Example: bms simulate school --what-if "setpoint -1"
    """
    asked = {
        "setpoint": f"{setpoint_change:g}",
        "ventilation": ventilation_later,
        "closed": closed,
    } | dict(map(_phrase, what or ()))
    with opened(Settings()) as city:
        chosen = city.site(site)
        found = what_if(
            chosen,
            _change(asked, chosen),
            now=city.clock.now(),
            ports=city.planning,
            horizon=timedelta(hours=city.settings.horizon_hours),
        )
    if as_json:
        typer.echo(json.dumps(spelled_out(found, chosen.timezone)))
    else:
        _show(found, chosen.timezone)


def _phrase(text: str) -> tuple[str, str]:
    found = PHRASE.fullmatch(text.strip())
    if found is None:
        raise typer.BadParameter(
            f"{text!r} is not understood; write 'setpoint -1', 'ventilation 1h' or "
            "'closed 2026-12-21..2026-12-28'",
            param_hint="--what-if",
        )
    return found[1], found[2]


def _change(asked: dict[str, str | None], site: Site) -> Change:
    try:
        setpoint_k = float(asked["setpoint"] or 0.0)
    except ValueError:
        raise typer.BadParameter(f"{asked['setpoint']!r} is not a number of kelvin") from None
    closed = asked["closed"]
    return Change(
        setpoint_k=setpoint_k,
        ventilation_later=_duration(asked["ventilation"] or "0h"),
        closed=span(closed, site.timezone) if closed else None,
    )


def _duration(text: str) -> timedelta:
    found = DURATION.fullmatch(text.lstrip("+"))
    if found is None:
        raise typer.BadParameter(f"{text!r} is not a time; write 1h or 30m")
    return timedelta(hours=int(found[1])) if found[2] == "h" else timedelta(minutes=int(found[1]))


def _show(found: WhatIf, timezone: str) -> None:
    console, t = screen(), translator_of_locale(timezone)
    period = f"{found.start:%Y-%m-%d %H:%M} – {found.end:%Y-%m-%d %H:%M}"
    print_folded(console, t("simulated_period", site=found.site, period=period))
    if found.replayed:
        print_folded(console, t("simulated_past"))
    before, after = found.in_force, found.changed
    table = Table(t("simulated"), t("plan_in_force"), t("changed"), t("difference"))
    table.add_row(t("energy_kwh"), *_cells(before.energy_kwh, after.energy_kwh, t))
    table.add_row(t("cost_dkk"), *_cells(before.cost_dkk, after.cost_dkk, t))
    table.add_row(t("co2_kg"), *_cells(before.co2_kg, after.co2_kg, t))
    table.add_row(t("comfort_kh"), *_cells(before.comfort_kh, after.comfort_kh, t))
    console.print(table)
    for fact in found.reasons:
        print_folded(console, t.describe(fact), 2)


def _cells(before: float | None, after: float | None, t: CommandTranslator) -> tuple[str, str, str]:
    less = None if before is None or after is None else after - before
    shown = MISSING if less is None else t.pattern(less, SIGNED)
    return t.number(before, 1), t.number(after, 1), shown
