"""``bms plan``, ``bms replay``: the optimiser from the command line."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.table import Column, Table

from bms.cli.console.errors import FAILED, WRONG_CALL, errors
from bms.cli.console.language import CommandTranslator, translator_of_locale
from bms.cli.console.screen import say, screen
from bms.errors import ConfigError
from bms.messages.spelled_out import spelled_out
from bms.model.assets.equipment import HeatSourceKind
from bms.model.assets.point import Role
from bms.model.outside_file import read_outside
from bms.model.planning.plan import Expected, Schedule, SetpointPlan
from bms.model.planning.problem import Lever, Numbers, Problem, ZoneTask
from bms.model.readings.units import Unit
from bms.reports.plan_chart import ZonePlan, plan_chart
from bms.reports.text import ChartText
from optimizer import plan as optimal_plan
from optimizer.problem.reader import BadProblem, mistakes, read
from optimizer.problem.units import ZERO_C_IN_K

if TYPE_CHECKING:
    from bms.runtime.city import City

MOST_BYTES = 200_000_000
"""Bytes [1] of a Problem: the ten million numbers that it may have at most, by 20 each."""
LEVERS = (
    Role.ZONE_SETPOINT,
    Role.VENTILATION_RUN,
    Role.VENTILATION_FLOW,
    Role.SUPPLY_AIR_SETPOINT,
)
"""Roles of points whose name says what they belong to."""


def lever_names(problem: Problem, t: CommandTranslator) -> dict[str, str]:
    """Returns what a lever sets by its point, for every lever of a problem."""
    return {lever.point: name for lever, name in _levers(problem, t) if lever is not None}


def _levers(problem: Problem, t: CommandTranslator) -> Iterator[tuple[Lever | None, str]]:
    for zone in problem.zones:
        yield zone.lever, _name(zone.called, Role.ZONE_SETPOINT, t)
    for unit in problem.ventilation:
        yield unit.lever, _name(unit.id, Role.VENTILATION_RUN, t)
        yield unit.flow_lever, _name(unit.id, Role.VENTILATION_FLOW, t)
        yield unit.supply_lever, _name(unit.id, Role.SUPPLY_AIR_SETPOINT, t)
    if problem.curve is not None:
        yield problem.curve.lever, t("lever_heating_curve")


def _name(name: str, role: Role, t: CommandTranslator) -> str:
    return t(f"lever_{role.value}", name=name)


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
    svg: Annotated[
        bool, typer.Option("--svg", help="draw the plan of every zone as one SVG")
    ] = False,
    ledger: Annotated[
        bool, typer.Option("--ledger", help="what decisions of plans have been worth, by the meter")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Plan the coming setpoints of a site, or answer a Problem file.

    Example: bms plan --problem problem.json --check
    """
    if (site is None) == (problem is None):
        raise typer.BadParameter("name a SITE, or give --problem FILE")
    if ledger and site is None:
        raise typer.BadParameter("--ledger goes with a SITE")
    if check and problem is None:
        raise typer.BadParameter("--check goes with --problem FILE")
    if ledger:
        _show_ledger(str(site), as_json)
        return
    if problem and check:
        _list_mistakes(_text(problem), as_json)
        return
    asked, schedule = _plan_text(_text(problem)) if problem else _plan_site(str(site), dry_run)
    if svg:
        typer.echo(drawn(asked, schedule))
        return
    show(asked, schedule, as_json)


def _text(name: str) -> bytes:
    if name != "-":
        return read_outside(Path(name), MOST_BYTES)
    text = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise ConfigError(f"the Problem is larger than {MOST_BYTES} bytes")
    return text


def _plan_text(text: bytes) -> tuple[Problem, Schedule]:
    try:
        asked = read(text)
        return asked, optimal_plan(asked)
    except BadProblem as error:
        errors.print(f"error: the Problem is not valid:\n{error}")
        raise typer.Exit(WRONG_CALL) from error


def _list_mistakes(text: bytes, as_json: bool) -> None:
    """One line for each; exit 1 when there are any."""
    found = mistakes(text)
    if as_json:
        typer.echo(json.dumps([{"path": m.path, "message": m.message} for m in found], indent=2))
    else:
        say("\n".join(str(mistake) for mistake in found) or "no mistakes found")
    if found:
        raise typer.Exit(FAILED)


def _show_ledger(site_id: str, as_json: bool) -> None:
    """What each kind of decision was to bring, and what the heat meter showed."""
    from bms.config import Settings
    from bms.runtime.wire import opened
    from bms.services.planning.decisions.ledger import decision_ledger

    with opened(Settings()) as city:
        ledger = decision_ledger(city.site(site_id), city.clock.now(), city.planning)
    if as_json:
        typer.echo(json.dumps(spelled_out(ledger)))
        return
    console, t = screen(), translator_of_locale()
    heads = ("days", "predicted", "came", "share")
    table = Table(t("decision_kind"), *(t(f"decision_{head}") for head in heads))
    for row in ledger.kinds:
        share = t("decision_part", share=row.share, spread=row.share_error)
        figures = (t("figure_dkk", value=each) for each in (row.predicted_dkk, row.came_dkk))
        table.add_row(t(f"decision_{row.kind.value}"), str(row.days), *figures, share)
    say(t("decisions_of", site=site_id, count=len(ledger.days), came=ledger.came_dkk))
    if ledger.kinds:
        console.print(table)


def _plan_site(site_id: str, dry_run: bool) -> tuple[Problem, Schedule]:
    from bms.config import Settings
    from bms.runtime.wire import opened

    with opened(Settings()) as city:
        return _plan_in(city, site_id, dry_run)


def _plan_in(city: City, site_id: str, dry_run: bool) -> tuple[Problem, Schedule]:
    from bms.services.planning.plan import plan_site, site_problem

    site, now = city.site(site_id), city.clock.now()
    horizon = timedelta(hours=city.settings.horizon_hours)
    if dry_run:
        problem = site_problem(site, now=now, ports=city.planning, horizon=horizon)
        return problem, city.planner.plan(problem)
    made = asyncio.run(plan_site(site, now=now, ports=city.planning, horizon=horizon))
    return made.problem, made.schedule


def replay(
    plan_id: Annotated[str, typer.Argument(metavar="PLAN")], as_json: AsJson = False
) -> None:
    """Answer a stored plan's problem again; exit 1 when the schedule is not the same.

    Example: bms replay 3f0c…
    """
    from bms.config import Settings
    from bms.runtime.wire import opened

    with opened(Settings()) as city:
        stored = city.stores.plans.plan(plan_id)
        again = city.planner.plan(stored.problem)
    show(stored.problem, again, as_json)
    if again.setpoints != stored.schedule.setpoints:
        t = translator_of_locale(_known(stored.problem.timezone))
        say(t("schedule_differs"), err=True)
        raise typer.Exit(1)


def _figures(expected: Expected, t: CommandTranslator) -> str:
    """What a plan leads to over the horizon, as far as it is known."""
    figures = (
        None if expected.energy_kwh is None else t("figure_kwh", value=expected.energy_kwh),
        None if expected.cost_dkk is None else t("figure_dkk", value=expected.cost_dkk),
        None if expected.co2_kg is None else t("figure_kg", value=expected.co2_kg),
        None if expected.comfort_kh is None else t("figure_kh", value=expected.comfort_kh),
    )
    return ", ".join(filter(None, figures)) or t("expected_unknown")


def _known(timezone: str) -> str | None:
    """The time zone, None where it is not known."""
    try:
        return ZoneInfo(timezone).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def show(problem: Problem, schedule: Schedule, as_json: bool) -> None:
    """Print the answer to a problem as JSON or as a table."""
    if as_json:
        typer.echo(json.dumps(spelled_out(schedule, _known(problem.timezone))))
        return
    console, t = screen(), translator_of_locale(_known(problem.timezone))
    status = t(f"plan_{schedule.status.value}")
    start = schedule.start.isoformat()
    console.print(t("plan_from", site=schedule.site, status=status, start=start))
    for reason in schedule.reasons:
        console.print(f"  {t.describe(reason)}")
    for line in (
        t("expected_plan", figures=_figures(schedule.expected, t)),
        t("expected_own", figures=_figures(schedule.own_control, t)),
    ):
        console.print(f"  {line}", highlight=False)
    console.print(_table(problem, schedule, t))
    if schedule.changes:
        console.print(t("changes_why"))
    for line in _changes(schedule, t):
        console.print(f"  {line}", highlight=False)


def _changes(schedule: Schedule, t: CommandTranslator) -> Iterator[str]:
    """A line for every change of a value, with the reason for it."""
    plans = {plan.point: plan for plan in schedule.setpoints}
    for each in sorted(schedule.changes, key=lambda change: (change.point, change.at)):
        plan = plans[each.point]
        value = plan.value_at(each.at)
        yield t(
            "change_row",
            weekday=t.weekday(each.at),
            clock=t.clock(each.at),
            point=each.point,
            value="" if value is None else t.pattern(value),
            unit=plan.unit.value,
            why=t.describe(each.why),
        )


def drawn(problem: Problem, schedule: Schedule) -> str:
    """Returns the answer to a problem as one SVG, a picture for each of its zones with a lever."""
    t = translator_of_locale(_known(problem.timezone))
    text = ChartText(
        title=t("plan_chart_title", site=problem.site),
        description=t("plan_chart_description"),
        translator=t,
    )
    return plan_chart([_zone_plan(problem, schedule, zone, t) for zone in problem.zones], text)


def _zone_plan(
    problem: Problem, schedule: Schedule, zone: ZoneTask, t: CommandTranslator
) -> ZonePlan:
    n = problem.steps
    times = [problem.start + timedelta(seconds=problem.step_s) * i for i in range(n)]
    row = next((row for row in schedule.forecast if row.zone == zone.id), None)
    point = zone.lever.point if zone.lever else None
    planned = next((plan for plan in schedule.setpoints if plan.point == point), None)
    nothing = (None,) * n
    return ZonePlan(
        name=zone.called,
        times=times,
        low=zone.low_c[:n],
        high=zone.high_c[:n],
        room=(row and row.temp_c) or nothing,
        own_room=(row and row.own_temp_c) or nothing,
        setpoint=[_in_unit_of(problem, planned, m) for m in times],
        own_setpoint=zone.own_setpoint_c[:n],
        heat_kw=(row and row.heat_kw) or nothing,
        price=_heat_price(problem),
        occupied=zone.occupied[:n],
        changes=[
            (each.at, f"{t.clock(each.at)}: {t.describe(each.why)}")
            for each in schedule.changes
            if each.point == point
        ],
    )


def _in_unit_of(problem: Problem, planned: SetpointPlan | None, moment: datetime) -> float | None:
    """The planned value in the unit of the problem's temperatures."""
    value = None if planned is None else planned.value_at(moment)
    if planned is None or value is None or planned.unit == problem.temperature_unit:
        return value
    return value - ZERO_C_IN_K if planned.unit is Unit.KELVIN else value + ZERO_C_IN_K


def _heat_price(problem: Problem) -> Numbers:
    """What a kilowatt-hour for heat costs [DKK/kWh], of electricity where a heat pump takes it."""
    pump = problem.heat_source.kind is HeatSourceKind.HEAT_PUMP
    prices = problem.electricity_dkk_per_kwh if pump else problem.heat_dkk_per_kwh
    return (*prices, *(None,) * problem.steps)[: problem.steps]


def _table(problem: Problem, schedule: Schedule, t: CommandTranslator) -> Table:
    names = lever_names(problem, t)
    others = (t("sets"), t("from"), t("to"), t("value"), t("unit"))
    table = Table(Column(t("point"), no_wrap=True), *others)
    for setpoint in schedule.setpoints:
        for step in setpoint.steps:
            table.add_row(
                setpoint.point,
                names.get(setpoint.point, ""),
                f"{t.weekday(step.start)} {t.clock(step.start)}",
                f"{t.weekday(step.end)} {t.clock(step.end)}",
                t.pattern(step.value),
                setpoint.unit,
            )
    return table
