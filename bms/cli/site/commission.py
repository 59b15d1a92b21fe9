"""``bms commission``: try the writable points of a site, sign what was found, and keep it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from bms.cli.console.errors import FAILED, errors
from bms.cli.console.language import CommandTranslator, language_of, translator_of_locale
from bms.cli.console.person import user_name
from bms.cli.console.screen import say
from bms.config import Settings
from bms.errors import NotFound
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.trust.commissioning import Commissioning, TestedFunction
from bms.ports.clock import Clock
from bms.reports.commissioning_protocol import protocol_dict, protocol_json, protocol_text
from bms.runtime.city import City
from bms.runtime.ownership import owners_seen
from bms.runtime.wire import make_home, opened
from bms.services.commissioning.functional_test import Surroundings
from bms.services.commissioning.records import newest, sign, signed_at, to_commission, try_points

FOLDER = "commissioning"
"""In the home of the backend."""
TOLD_EVERY = timedelta(seconds=30)
POLL_S = 0.2


def register(app: typer.Typer) -> None:
    app.command()(commission)


@dataclass(slots=True)
class Console:
    """Implements ``Attendant`` at a terminal. ``ask`` is whether a person is there to answer."""

    t: CommandTranslator
    ask: bool
    told_left: dict[str, timedelta] = field(default_factory=dict)

    def agrees(self, point: Point, value: float) -> bool:
        """See ``Attendant``."""
        if not self.ask:
            return True
        t = self.t
        question = t("commission_write", point=point.id, value=value, unit=point.unit.value)
        return typer.confirm(question, err=True)

    def saw(self, point: Point, value: float) -> bool | None:
        """See ``Attendant``."""
        if not self.ask:
            return None
        t = self.t
        yes, no, skip = t("commission_yes"), t("commission_no"), t("commission_skip")
        question = t("commission_saw", point=point.id, yes=yes, no=no, skip=skip)
        answer = typer.prompt(question, default=skip, err=True).strip().lower()
        return {yes: True, no: False}.get(answer)

    def told(self, point: Point, line: TestedFunction) -> None:
        """See ``Attendant``."""
        name, outcome = self.t.term(line.test.value), self.t.term(line.outcome.value)
        say(f"{point.id}  {name}: {outcome} · {self.t.describe(line.found)}", err=True)

    def waits(self, point: Point, left: timedelta) -> None:
        """See ``Attendant``."""
        known = self.told_left.get(point.id)
        if known is None or left > known or known - left >= TOLD_EVERY:
            self.told_left[point.id] = left
            seconds = left.total_seconds()
            t = self.t
            say(t("commission_waits", point=point.id, seconds=seconds), err=True)


def commission(
    site: Annotated[str, typer.Argument(metavar="SITE")],
    points: Annotated[
        list[str] | None, typer.Argument(metavar="[POINT]...", help="all writable ones if none")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="ask nothing: write, and sign what was found")
    ] = False,
    by: Annotated[str, typer.Option(help="who signs; the user who is logged in if empty")] = "",
    lang: Annotated[str, typer.Option(help="da or en; that of the locale if empty")] = "",
    show: Annotated[
        bool, typer.Option("--show", help="print the protocol that stands, try nothing")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Try writable points of a site one by one, sign the protocol and keep it.

    Identity, read, slots, write, effect, settling time, resolution, give back, own control, and
    what the device does after silence. Without it no plan writes to a point. The protocol is kept
    in the database and, as text and JSON, in the folder commissioning of BMS_HOME. Exit code 1
    where a point did not pass, or nothing was signed.

    Example: bms commission school gym.setpoint --by "Mette Holm" --lang da
    """
    if not (yes or show) and (as_json or not sys.stdin.isatty()):
        raise typer.BadParameter("nobody can be asked here; say --yes to write and sign")
    settings = Settings()
    make_home(settings.home)
    with opened(settings) as city:
        chosen = city.site(site)
        wanted = _chosen(chosen, points or [])
        t = _translator(lang, chosen.timezone)
        if show:
            _show(chosen, _standing(city, chosen, wanted), t, as_json)
            return
        name = by.strip() or user_name("--by")
        console = Console(t, ask=not yes)
        made = asyncio.run(_tried(city, chosen, wanted, console, name))
        signed = bool(made) and (yes or _is_signed(made, name, t))
        files = _keep(city, chosen, made, t) if signed else []
    if as_json:
        told = {**protocol_dict(chosen, made), "signed": signed, "files": [str(f) for f in files]}
        typer.echo(json.dumps(told))
    else:
        typer.echo(protocol_text(chosen, made, t), nl=False)
    for file in files:
        say(t("commission_kept", file=str(file)), err=True)
    if not (signed and len(made) == len(wanted) and all(each.passed for each in made)):
        raise typer.Exit(FAILED)


def _translator(lang: str, timezone: str) -> CommandTranslator:
    if not lang:
        return translator_of_locale(timezone)
    if language_of({"LANG": lang}, ("da", "en")) != lang:
        raise typer.BadParameter(f"{lang!r} is no language here; da or en")
    return CommandTranslator(lang, timezone)


def _chosen(site: Site, names: Sequence[str]) -> tuple[Point, ...]:
    """The points of these names, with or without the site before them; all where there are none."""
    there = {point.id: point for point in to_commission(site)}
    if not names:
        if not there:
            raise NotFound(f"{site.id} has no point that we write to")
        return tuple(there.values())
    ids = [name if "/" in name else f"{site.id}/{name}" for name in names]
    unknown = [id_ for id_ in ids if id_ not in there]
    if unknown:
        known = ", ".join(there) or "none"
        raise NotFound(f"{', '.join(unknown)}: no point that we write to; there are: {known}")
    return tuple(there[id_] for id_ in ids)


async def _tried(
    city: City, site: Site, points: Sequence[Point], console: Console, by: str
) -> list[Commissioning]:
    async def pause(span: timedelta) -> None:
        await _building_time(city.clock, span)

    around = Surroundings(ports=owners_seen(city).control, pause=pause, attendant=console, by=by)
    simulated = city.settings.clock_file is not None
    try:
        return await try_points(site, points, around, simulated=simulated)
    finally:
        await city.keeper.close()
        await city.drivers.close()


async def _building_time(clock: Clock, span: timedelta) -> None:
    """Until so much building time has gone by, as fast as that passes."""
    until = clock.now() + span
    while clock.now() < until:  # noqa: ASYNC110 (building time has no event to wait for)
        await asyncio.sleep(min(POLL_S, span.total_seconds()))


def _is_signed(made: Sequence[Commissioning], by: str, t: CommandTranslator) -> bool:
    passed = sum(each.passed for each in made)
    question = t("commission_sign", passed=passed, points=len(made), by=by)
    return typer.confirm(question, err=True)


def _keep(
    city: City, site: Site, made: Sequence[Commissioning], t: CommandTranslator
) -> list[Path]:
    """Keep the signed records in the database and beside it; the files that were written."""
    asyncio.run(sign(made, city.stores.trust))
    folder = city.settings.home / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    stem = f"{site.id}-{signed_at(made):%Y%m%dT%H%M%SZ}"
    files = [folder / f"{stem}.txt", folder / f"{stem}.json"]
    for file, text in zip(
        files, (protocol_text(site, made, t), protocol_json(site, made)), strict=True
    ):
        file.write_text(text, "utf-8")
        file.chmod(0o600)
    return files


def _standing(city: City, site: Site, points: Sequence[Point]) -> list[Commissioning]:
    """The record that counts for each of these points."""
    known = newest(city.stores.trust.commissionings(site.id))
    return [known[point.id] for point in points if point.id in known]


def _show(
    site: Site, records: Sequence[Commissioning], t: CommandTranslator, as_json: bool
) -> None:
    if as_json:
        typer.echo(json.dumps(protocol_dict(site, records)))
    elif records:
        typer.echo(protocol_text(site, records, t), nl=False)
    else:
        errors.print(t("commission_nothing", site=site.id))
    if not records:
        raise typer.Exit(FAILED)
