"""``bms goals``: budgets and targets of buildings' years."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Annotated

import typer

from bms.cli.console.language import CommandTranslator, translator_of_locale
from bms.cli.console.person import user_name
from bms.cli.console.screen import say, screen, slim_table
from bms.config import Settings
from bms.errors import BmsError, ConfigError
from bms.model.assets.site import Site, YearlyGoal
from bms.model.outside_text import shown
from bms.model.readings.units import Commodity
from bms.model.savings.goal import KeptGoal
from bms.model.yaml_data import MOST_MISTAKES, read_text_file
from bms.runtime.city import City
from bms.runtime.wire import opened
from bms.services.accounts.daily_use import unit_of_commodity
from bms.services.accounts.goals import GoalRequest, checked, goal_of, set_goal, standing_goals

app = typer.Typer(no_args_is_help=True, help="Budgets and targets of years, by commodity.")
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
Author = Annotated[str | None, typer.Option("--by", help="who says so; default: your user name")]
Reason = Annotated[str, typer.Option(help="why; without names of people")]
COLUMNS = ("site", "year", "commodity", "budget", "target")
MOST_BYTES = 20_000_000
"""Largest table [B]: five commodities of 650 buildings in ten years are 2 MB."""
Row = tuple[Site, YearlyGoal, KeptGoal | None]


def register(to: typer.Typer) -> None:
    to.add_typer(app, name="goals")


@app.command("set")
def set_one(
    site: Annotated[str, typer.Argument(metavar="SITE")],
    year: Annotated[int, typer.Option(min=1990, max=2199, help="calendar year")],
    commodity: Annotated[Commodity, typer.Option(help="of what")],
    reason: Reason,
    budget: Annotated[
        float | None,
        typer.Option(min=0, help="what may be used [kWh; water: m3]"),
    ] = None,
    target: Annotated[
        float | None, typer.Option(min=0, help="what is aimed at [kWh; water: m3]")
    ] = None,
    author: Author = None,
    as_json: AsJson = False,
) -> None:
    """Set budget and target of a commodity in a year; they stand until others are set.

    Example: bms goals set townhall --year 2027 --commodity heat --budget 120000 --target 110000
    --reason "as the council decided"
    """
    with opened(Settings()) as city:
        goal = YearlyGoal(year=year, commodity=commodity, budget=budget, target=target)
        asked = GoalRequest(goal=goal, author=author or user_name("--by"), reason=reason)
        chosen = city.site(site)
        made = set_goal(city.assessment.ledgers, chosen, asked, city.clock.now())
    _tell([(chosen, made.goal, made)], as_json)


@app.command("list")
def list_goals(
    site: Annotated[
        str | None, typer.Argument(metavar="[SITE]", help="all sites when left out")
    ] = None,
    year: Annotated[int | None, typer.Option(help="of this year only")] = None,
    history: Annotated[
        bool, typer.Option("--history", help="all that people have set, the oldest first")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List budgets and targets in force, with who set them and why.

    Example: bms goals list townhall --history
    """
    with opened(Settings()) as city:
        chosen = [city.site(site)] if site else list(city.sites.values())
        kept = city.assessment.ledgers.goals([each.id for each in chosen])
    rows = _history(chosen, kept) if history else _in_force(chosen, kept)
    _tell([row for row in rows if year in (None, row[1].year)], as_json)


@app.command("import")
def import_goals(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False)],
    reason: Reason,
    author: Author = None,
    as_json: AsJson = False,
) -> None:
    """Set the budgets and targets of a CSV file: columns site, year, commodity, budget, target.

    Every wrong row is named, and nothing is set before all are right. What stands already is left
    as it is.

    Example: bms goals import budgets-2027.csv --reason "as the council decided"
    """
    who = author or user_name("--by")
    with opened(Settings()) as city:
        rows = [
            (site, made)
            for site, made in _read_rows(city, file, who, reason)
            if not _stands(city, site, made.goal)
        ]
        for _, made in rows:
            city.assessment.ledgers.set_goal(made)
    _tell([(site, made.goal, made) for site, made in rows], as_json)


def _stands(city: City, site: Site, goal: YearlyGoal) -> bool:
    kept = city.assessment.ledgers.goals([site.id])
    return goal_of(site, kept, goal.year, goal.commodity).goal == goal


def _read_rows(city: City, file: Path, author: str, reason: str) -> list[tuple[Site, KeptGoal]]:
    """What each row sets. Raises ``ConfigError`` with every row that is wrong."""
    wrong, found, now = [], [], city.clock.now()
    text = read_text_file(file, most=MOST_BYTES)
    rows = csv.DictReader(StringIO(text, newline=""), delimiter=_delimiter(text), restval="")
    try:
        if missing := [name for name in COLUMNS[:4] if name not in (rows.fieldnames or ())]:
            raise ConfigError(f"{file}: no column {', '.join(missing)}; needs {','.join(COLUMNS)}")
        for row in rows:
            try:
                site = city.site(row["site"].strip())
                asked = GoalRequest(goal=_goal(row), author=author, reason=reason)
                found.append((site, checked(site, asked, now)))
            except (BmsError, ValueError) as error:
                wrong.append(f"line {rows.line_num}: {shown(str(error))}")
    except csv.Error as error:
        raise ConfigError(f"{file}: line {rows.line_num + 1} is no row: {error}") from error
    if wrong:
        more = [f"and {len(wrong) - MOST_MISTAKES} more"] if len(wrong) > MOST_MISTAKES else []
        told = "\n".join([*wrong[:MOST_MISTAKES], *more])
        raise ConfigError(f"{file}: nothing was set\n{told}")
    return found


def _delimiter(text: str) -> str:
    return ";" if ";" in text.partition("\n")[0] else ","


def _goal(row: Mapping[str, str]) -> YearlyGoal:
    """The goal of a row; decimals are written with a point. Raises ``ValueError``."""
    return YearlyGoal(
        year=int(row["year"]),
        commodity=Commodity(row["commodity"].strip().lower()),
        budget=_amount(row["budget"]),
        target=_amount(row.get("target") or ""),
    )


def _amount(text: str) -> float | None:
    return float(text) if text.strip() else None


def _in_force(sites: list[Site], kept: list[KeptGoal]) -> list[Row]:
    return [(site, row.goal, row.kept) for site in sites for row in standing_goals(site, kept)]


def _history(sites: list[Site], kept: list[KeptGoal]) -> list[Row]:
    by_id = {site.id: site for site in sites}
    return [(by_id[row.site], row.goal, row) for row in kept]


def _tell(rows: list[Row], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([_answer(*row) for row in rows]))
        return
    t = translator_of_locale()
    if not rows:
        say(t("goals_none"))
        return
    _table(rows, t)


def _answer(site: Site, goal: YearlyGoal, kept: KeptGoal | None) -> dict[str, object]:
    return {
        "site": site.id,
        "year": goal.year,
        "commodity": goal.commodity.value,
        "unit": unit_of_commodity(site, goal.commodity).value,
        "budget": goal.budget,
        "target": goal.target,
        "author": None if kept is None else kept.author,
        "reason": None if kept is None else kept.reason,
        "entered_at": None if kept is None else kept.entered_at.isoformat(),
    }


def _table(rows: list[Row], t: CommandTranslator) -> None:
    table = slim_table(
        t("building"), t("year"), t("commodity"), t("budget"), t("target"), t("set_by")
    )
    for site, goal, kept in rows:
        unit = unit_of_commodity(site, goal.commodity).value
        by = t("goal_of_site_file") if kept is None else f"{kept.author}: {kept.reason}"
        table.add_row(
            site.id,
            str(goal.year),
            f"{goal.commodity.value} [{unit}]",
            t.number(goal.budget),
            t.number(goal.target),
            by,
        )
    screen().print(table)
