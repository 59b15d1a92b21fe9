"""``bms plan``, ``bms replay``: the optimiser from the command line."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.markup import escape
from rich.table import Column, Table

from bms.cli.console.errors import FAILED, WRONG_CALL, errors
from bms.cli.console.language import language
from bms.cli.console.screen import screen
from bms.config import Settings
from bms.model.assets.point import Role
from bms.model.codec import to_json
from bms.model.planning.plan import Expected, Schedule
from bms.model.planning.problem import Lever, Problem
from bms.model.words import Words
from bms.runtime.city import City
from bms.runtime.wire import opened
from bms.services.planning.plan import plan_site
from bms.services.planning.problem import assemble
from optimizer.planner import Optimizer
from optimizer.problem.reader import BadProblem, mistakes, read

SET = {
    Role.ZONE_SETPOINT: ("setpunkt", "setpoint"),
    Role.VENTILATION_RUN: ("drift", "hours"),
    Role.VENTILATION_FLOW: ("luftmængde", "air flow"),
    Role.SUPPLY_AIR_SETPOINT: ("indblæsning", "supply air"),
}
CURVE = ("varmekurve, forskydning", "heating curve, shift")


def lever_words(problem: Problem) -> dict[str, Words]:
    """Point to what it sets, for every lever of a problem."""
    return {lever.point: words for lever, words in _described_levers(problem) if lever is not None}


def _described_levers(problem: Problem) -> Iterator[tuple[Lever | None, Words]]:
    for zone in problem.zones:
        yield zone.lever, _of(zone.called, Role.ZONE_SETPOINT)
    for unit in problem.ventilation:
        yield unit.lever, _of(unit.id, Role.VENTILATION_RUN)
        yield unit.flow_lever, _of(unit.id, Role.VENTILATION_FLOW)
        yield unit.supply_lever, _of(unit.id, Role.SUPPLY_AIR_SETPOINT)
    if problem.curve is not None:
        yield problem.curve.lever, Words("lever", *CURVE)


def _of(name: str, role: Role) -> Words:
    da, en = SET[role]
    return Words("lever", f"{name}: {da}", f"{name}: {en}")


AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


def register(app: typer.Typer) -> None:
    app.command()(plan)
    app.command()(replay)


def plan(
    site: Annotated[str | None, typer.Argument(metavar="SITE")] = None,
    problem: Annotated[
        str | None, typer.Option(help="a Problem as JSON; `-` reads standard input")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="list the mistakes of --problem, plan nothing")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="plan, but keep nothing")] = False,
    as_json: AsJson = False,
) -> None:
    """Plan the coming setpoints of a site, or answer a Problem file.

    Example: bms plan --problem problem.json --check
    """
    if (site is None) == (problem is None):
        raise typer.BadParameter("name a SITE, or give --problem FILE")
    if check and problem is None:
        raise typer.BadParameter("--check goes with --problem FILE")
    if problem and check:
        _list_mistakes(_text(problem), as_json)
        return
    asked, schedule = _plan_text(_text(problem)) if problem else _plan_site(str(site), dry_run)
    show(asked, schedule, as_json)


def _text(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _plan_text(text: bytes) -> tuple[Problem, Schedule]:
    try:
        asked = read(text)
        return asked, Optimizer().plan(asked)
    except BadProblem as error:
        errors.print(f"error: the Problem is not valid:\n{error}", markup=False)
        raise typer.Exit(WRONG_CALL) from error


def _list_mistakes(text: bytes, as_json: bool) -> None:
    """One line for each; exit 1 when there are any."""
    found = mistakes(text)
    if as_json:
        typer.echo(json.dumps([{"path": m.path, "message": m.message} for m in found], indent=2))
    else:
        typer.echo("\n".join(str(mistake) for mistake in found) or "no mistakes found")
    if found:
        raise typer.Exit(FAILED)


def _plan_site(site_id: str, dry_run: bool) -> tuple[Problem, Schedule]:
    with opened(Settings()) as city:
        return _plan_in(city, site_id, dry_run)


def _plan_in(city: City, site_id: str, dry_run: bool) -> tuple[Problem, Schedule]:
    site, now = city.site(site_id), city.clock.now()
    horizon = timedelta(hours=city.settings.horizon_hours)
    if dry_run:
        problem = assemble(site, now=now, ports=city.planning, horizon=horizon)
        return problem, city.planner.plan(problem)
    made = asyncio.run(plan_site(site, now=now, ports=city.planning, horizon=horizon))
    return made.problem, made.schedule


def replay(
    plan_id: Annotated[str, typer.Argument(metavar="PLAN")], as_json: AsJson = False
) -> None:
    """Answer a stored plan's problem again; exit 1 when the schedule is not the same.

    Example: bms replay 3f0c…
    """
    with opened(Settings()) as city:
        stored = city.stores.plans.plan(plan_id)
        again = city.planner.plan(stored.problem)
    show(stored.problem, again, as_json)
    if again.setpoints != stored.schedule.setpoints:
        typer.echo("the schedule differs from the stored one", err=True)
        raise typer.Exit(1)


def _expected_line(who: str, expected: Expected) -> str:
    """What it leads to over the horizon, as far as it is known."""
    figures = (
        (expected.energy_kwh, ".1f", "kWh"),
        (expected.cost_dkk, ".2f", "DKK"),
        (expected.co2_kg, ".1f", "kg CO2"),
        (expected.comfort_kh, ".1f", "K h outside the band"),
    )
    known = [f"{value:{form}} {unit}" for value, form, unit in figures if value is not None]
    return f"{who}: {', '.join(known) or 'not known'}"


def _known(timezone: str) -> str | None:
    """The time zone, None where it is not known."""
    try:
        return ZoneInfo(timezone).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def show(problem: Problem, schedule: Schedule, as_json: bool) -> None:
    """Print the answer to a problem as JSON or as a table."""
    if as_json:
        typer.echo(to_json(schedule))
        return
    console, tongue, timezone = screen(), language(), _known(problem.timezone)
    began = schedule.start.isoformat()
    console.print(f"{schedule.site}: {schedule.status} from {began}", markup=False)
    for reason in schedule.reasons:
        console.print(f"  {tongue.of(reason, timezone)}", markup=False)
    for who, told in (("this plan", schedule.expected), ("own control", schedule.own_control)):
        console.print(f"  {_expected_line(who, told)}", markup=False, highlight=False)
    table = Table(Column("point", no_wrap=True), "sets", "from", "to", "value", "unit")
    sets = lever_words(problem)
    for setpoint in schedule.setpoints:
        words = sets.get(setpoint.point)
        for step in setpoint.steps:
            table.add_row(
                escape(setpoint.point),
                escape(tongue.of(words)) if words else "",
                f"{step.start:%a %H:%M}",
                f"{step.end:%a %H:%M}",
                f"{step.value:g}",
                setpoint.unit,
            )
    console.print(table)
