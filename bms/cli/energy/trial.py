"""``bms trial``: days of our control and of the building's own, drawn by lot."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, TypeVar

import typer
from rich.table import Table

from bms.cli.console.language import CommandTranslator, translator_of_locale
from bms.cli.console.screen import print_folded, screen
from bms.config import Settings
from bms.errors import NotFound
from bms.messages import MISSING
from bms.messages.spelled_out import spelled_out
from bms.model.codec import to_dict
from bms.model.savings.trial import DAY, Bounds, Effect, Trial, TrialResult
from bms.runtime.city import City
from bms.runtime.wire import opened
from bms.savings.trials.power import BlockDesign
from bms.services.trials.result import analyse_trial, pool_trials
from bms.services.trials.start import (
    AIM,
    USUAL_DESIGN,
    TrialPlan,
    plan_trial,
    start_trial,
    stop_trial,
)

T = TypeVar("T")
ALL = "all"
"""In place of a site, for the result: every building with a trial, and all of them together."""


class TrialAction(StrEnum):
    """What to do with the trial of a site."""

    PLAN = "plan"
    START = "start"
    STOP = "stop"
    RESULT = "result"


def register(app: typer.Typer) -> None:
    app.command()(trial)


def trial(
    site: Annotated[str, typer.Argument(metavar="SITE", help="a site, or all (result)")],
    step: Annotated[TrialAction, typer.Argument(help="plan, start, stop or result")],
    weeks: Annotated[int | None, typer.Option(help="how long it runs (start)")] = None,
    by: Annotated[str, typer.Option(help="who decides it (start, stop)")] = "",
    reason: Annotated[str, typer.Option(help="why, for the audit log (start, stop)")] = "",
    block_days: Annotated[int, typer.Option(min=1, max=14)] = USUAL_DESIGN.block_days,
    washout_days: Annotated[
        int, typer.Option(min=0, max=7, help="days of a block that are not looked at")
    ] = USUAL_DESIGN.washout_days,
    seed: Annotated[int | None, typer.Option(min=0, help="of the lot; drawn if left out")] = None,
    effect: Annotated[float, typer.Option(help="percent that you want to see (plan)")] = 100 * AIM,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Prove the effect of our control on a building: it alternates by lot with its own control.

    Example: bms trial school start --weeks 8 --by "Bo Holm" --reason "proof for the council"
    """
    design = BlockDesign(block_days, washout_days)
    with opened(Settings()) as city:
        match step:
            case TrialAction.PLAN:
                found = plan_trial(city.trials, city.site(site), design=design, aim=effect / 100.0)
                _show(found, as_json, show_plan)
            case TrialAction.START:
                if weeks is None:
                    raise typer.BadParameter("say how long: --weeks N (see `bms trial SITE plan`)")
                made = start_trial(
                    city.trials,
                    city.site(site),
                    weeks=weeks,
                    by=by,
                    reason=reason,
                    design=design,
                    seed=seed,
                )
                _show(made, as_json, show_trial)
            case TrialAction.STOP:
                end = stop_trial(city.trials, city.site(site), by=by, reason=reason)
                typer.echo(json.dumps(to_dict(end)) if as_json else f"stopped {end.trial}")
            case TrialAction.RESULT:
                _results(city, site, as_json)


def _show(found: T, as_json: bool, show: Callable[[T, CommandTranslator], None]) -> None:
    if as_json:
        typer.echo(json.dumps(spelled_out(found)))
    else:
        show(found, translator_of_locale())


def _results(city: City, site: str, as_json: bool) -> None:
    if site != ALL:
        _show(analyse_trial(city.trials, city.site(site)).result, as_json, show_result)
        return
    answers = [
        analyse_trial(city.trials, each)
        for each in city.sites.values()
        if city.stores.trials.trials(each.id)
    ]
    if not answers:
        raise NotFound("no site has a trial; start one with `bms trial SITE start`")
    pooled = pool_trials(answers)
    if as_json:
        sites = [spelled_out(answer.result) for answer in answers]
        typer.echo(json.dumps({"sites": sites, "together": spelled_out(pooled)}))
        return
    t = translator_of_locale()
    for answer in answers:
        show_result(answer.result, t)
    for fact in pooled.reasons:
        print_folded(screen(), t.describe(fact))


def show_plan(plan: TrialPlan, t: CommandTranslator) -> None:
    """The least effect that trials of so many weeks show four times of five."""
    table = Table(
        t("trial_subject"),
        t("trial_weeks"),
        t("trial_blocks"),
        t("trial_least"),
        t("trial_per_day"),
    )
    for row in plan.rows:
        share = MISSING if row.share is None else t.pattern(row.share, "0.0 %")
        amount = MISSING if row.per_day is None else t.significant(row.per_day)
        table.add_row(row.subject.value, str(row.weeks), str(row.blocks), share, amount)
    console = screen()
    console.print(table)
    for fact in plan.needs:
        print_folded(console, t.describe(fact))


def show_trial(made: Trial, t: CommandTranslator) -> None:
    """What was drawn, block by block."""
    console = screen()
    print_folded(console, f"{made.id}: {made.start:%Y-%m-%d %H:%M} – {made.end:%Y-%m-%d %H:%M} UTC")
    for block, arm in enumerate(made.arms):
        first = made.first + block * made.block_days * DAY
        console.print(f"  {first}  {t(f'arm_{arm.value}')}")


def show_result(result: TrialResult, t: CommandTranslator) -> None:
    """The effects with their intervals, and what they mean."""
    console = screen()
    days = t("trial_days_done", trial=result.trial, done=result.days_done, days=result.days)
    print_folded(console, days)
    if result.effects:
        table = Table(
            "",
            t("trial_less"),
            "90 %",
            t("trial_share"),
            "90 %",
            "p",
            t("trial_days"),
            t("trial_missing"),
        )
        for effect in result.effects:
            table.add_row(*_cells(effect, t))
        console.print(table)
    for check in result.checks:
        console.print(f"  A/A {check.subject.value}: {check.covered}/{check.windows}")
    for fact in result.reasons:
        print_folded(console, t.describe(fact))


def _cells(effect: Effect, t: CommandTranslator) -> tuple[str, ...]:
    share = effect.share
    return (
        effect.subject.value,
        f"{t.significant(effect.saving.value)} {effect.unit}",
        _ends(effect.saving, 1.0, t),
        MISSING if share is None else t.pattern(share.value, "0.0 %"),
        MISSING if share is None else _ends(share, 100.0, t),
        t.number(effect.p_value, 3),
        f"{effect.days_optimised}+{effect.days_own}",
        str(effect.missing),
    )


def _ends(bounds: Bounds, factor: float, t: CommandTranslator) -> str:
    ends = (bounds.low, bounds.high)
    return " … ".join("?" if end is None else t.significant(factor * end) for end in ends)
