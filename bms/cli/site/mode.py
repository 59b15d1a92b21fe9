"""``bms mode``: how far a site is trusted to us, and who says so."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

import typer

from bms.cli.console.errors import FAILED
from bms.cli.console.language import CommandTranslator, translator_of_locale
from bms.cli.console.person import user_name
from bms.cli.console.screen import say, screen
from bms.cli.site.point_table import show_releases
from bms.config import Settings
from bms.messages.spelled_out import spelled_out
from bms.model.assets.site import Mode, Site
from bms.model.control.command import Released
from bms.runtime.city import City
from bms.runtime.wire import opened
from bms.services.modes.gate import ask_for_auto
from bms.services.operator import HandedBack, change_mode, gate_ports
from bms.services.site_lookup import mode_in_force


def register(app: typer.Typer) -> None:
    app.command()(mode)


def mode(
    site: Annotated[str, typer.Argument(metavar="SITE")],
    to: Annotated[
        Mode | None, typer.Argument(metavar="[observe|advise|auto]", help="show it where left out")
    ] = None,
    reason: Annotated[str, typer.Option(help="why, for the audit log")] = "",
    by: Annotated[
        str, typer.Option(help="who says so, and approves auto; the user logged in if empty")
    ] = "",
    agree: Annotated[
        bool, typer.Option("--agree", help="auto: go on after the site went back by itself")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Show or set the mode of a site. Below auto everything is given back at once.

    The site file says the highest mode. For auto the points have to be commissioned (bms
    commission) and the shadow period met; who asks for it approves it by name. Exit code 1 where
    it was refused, or a point could not be given back.

    Example: bms mode school auto --reason "two weeks went well" --by "Mette Holm"
    """
    if to is not None and not reason.strip():
        raise typer.BadParameter("say why: --reason TEXT")
    if agree and to is not Mode.AUTO:
        raise typer.BadParameter("--agree goes with auto")
    with opened(Settings()) as city:
        chosen = city.site(site)
        t = translator_of_locale(chosen.timezone)
        if to is None:
            _print(_standing(city, chosen, t), t, as_json)
            return
        name = by.strip() or user_name("--by")
        done = asyncio.run(_set(city, chosen, to, reason, name, agree))
        shown = _standing(city, chosen, t)
    _print({**shown, "recorded": done.recorded}, t, as_json)
    if not as_json and done.receipts:
        show_releases(screen(), done.receipts, t)
    if not all(isinstance(receipt, Released) for receipt in done.receipts):
        raise typer.Exit(FAILED)


async def _set(city: City, site: Site, to: Mode, reason: str, by: str, agree: bool) -> HandedBack:
    ports = city.control
    try:
        return await change_mode(
            site, to, now=city.clock.now(), ports=ports, reason=reason, actor=by, agree=agree
        )
    finally:
        await ports.drivers.close()


def _standing(city: City, site: Site, t: CommandTranslator) -> dict[str, Any]:
    """The mode in force, the highest one, and what stands in the way of ``auto``."""
    answer = ask_for_auto(site, gate_ports(city.control), city.clock.now(), agree=False)
    return {
        "site": site.id,
        "mode": mode_in_force(site, city.decisions).value,
        "allowed": site.mode.value,
        "scope": answer.scope.value,
        "missing": spelled_out(answer.gaps, site.timezone),
        "uncommissioned": spelled_out(answer.uncommissioned, site.timezone),
    }


def _print(shown: dict[str, Any], t: CommandTranslator, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(shown))
        return
    say(t("mode_shown", site=shown["site"], mode=shown["mode"], allowed=shown["allowed"]))
    told = (row[t.language] for row in (*shown["missing"], *shown["uncommissioned"]))
    for sentence in dict.fromkeys(told):
        say(f"  {sentence}")
