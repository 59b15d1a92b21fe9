"""``bms trial``: days of our control and of the building's own, drawn by lot."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, TypeVar

import typer
from rich.table import Table

from bms.cli.console.language import Language, language
from bms.cli.console.screen import say, screen
from bms.config import Settings
from bms.errors import NotFound
from bms.messages.spelled_out import spelled_out
from bms.model.codec import to_json
from bms.model.savings.trial import DAY, Arm, Bounds, Effect, Trial, TrialResult
from bms.runtime.city import City
from bms.runtime.wire import opened
from bms.savings.trials.power import BlockDesign
from bms.services.trials.result import Pooled, analyse_trial, pool_trials
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
ARMS = {Arm.OPTIMISED: ("vores styring", "our control"), Arm.OWN_CONTROL: ("egen", "own")}

COLUMNS = (
    ("", "mindre", "90 %", "andel", "90 %", "p", "døgn (vores+egne)", "mangler"),
    ("", "less", "90 %", "share", "90 %", "p", "days (ours+own)", "missing"),
)


class Step(StrEnum):
    """What to do with the trial of a site."""

    PLAN = "plan"
    START = "start"
    STOP = "stop"
    RESULT = "result"


def register(app: typer.Typer) -> None:
    app.command()(trial)


def trial(
    site: Annotated[str, typer.Argument(metavar="SITE", help="a site, or all (result)")],
    step: Annotated[Step, typer.Argument(help="plan, start, stop or result")],
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
            case Step.PLAN:
                found = plan_trial(city.trials, city.site(site), design=design, aim=effect / 100.0)
                _show(found, as_json, show_plan)
            case Step.START:
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
            case Step.STOP:
                end = stop_trial(city.trials, city.site(site), by=by, reason=reason)
                typer.echo(to_json(end) if as_json else f"stopped {end.trial}")
            case Step.RESULT:
                _results(city, site, as_json)


def _show(found: T, as_json: bool, show: Callable[[T, Language], None]) -> None:
    if as_json:
        typer.echo(json.dumps(spelled_out(found)))
    else:
        show(found, language())


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
    for answer in answers:
        show_result(answer.result, language())
    show_pooled(pooled, language())


def show_plan(plan: TrialPlan, spoken: Language) -> None:
    """The least effect that trials of so many weeks show four times of five."""
    titles = {
        Language.DA: ("emne", "uger", "blokke", "mindste virkning", "pr. døgn"),
        Language.EN: ("subject", "weeks", "blocks", "least effect", "a day"),
    }[spoken]
    table = Table(*titles)
    for row in plan.rows:
        share = "–" if row.share is None else f"{100 * row.share:.1f} %"
        amount = "–" if row.per_day is None else f"{row.per_day:.3g}"
        table.add_row(row.subject.value, str(row.weeks), str(row.blocks), share, amount)
    console = screen()
    console.print(table)
    for words in plan.needs:
        say(console, spoken.of(words))


def show_trial(made: Trial, spoken: Language) -> None:
    """What was drawn, block by block."""
    index = 0 if spoken is Language.DA else 1
    console = screen()
    say(console, f"{made.id}: {made.start:%Y-%m-%d %H:%M} – {made.end:%Y-%m-%d %H:%M} UTC")
    for block, arm in enumerate(made.arms):
        console.print(f"  {made.first + block * made.block_days * DAY}  {ARMS[arm][index]}")


def show_result(result: TrialResult, spoken: Language) -> None:
    """The effects with their intervals, and what they mean."""
    console = screen()
    index = 0 if spoken is Language.DA else 1
    done = ("døgn gennemført", "days are over")[index]
    say(console, f"{result.trial}: {result.days_done}/{result.days} {done}")
    if result.effects:
        table = Table(*COLUMNS[index])
        for effect in result.effects:
            table.add_row(*_cells(effect))
        console.print(table)
    for check in result.checks:
        console.print(f"  A/A {check.subject.value}: {check.covered}/{check.windows}")
    for words in result.reasons:
        say(console, spoken.of(words))


def show_pooled(pooled: Pooled, spoken: Language) -> None:
    """What the buildings show together."""
    for words in pooled.reasons:
        say(screen(), spoken.of(words))


def _cells(effect: Effect) -> tuple[str, ...]:
    share = effect.share
    return (
        effect.subject.value,
        f"{effect.saving.value:.3g} {effect.unit}",
        _ends(effect.saving, 1.0),
        "–" if share is None else f"{100 * share.value:.1f} %",
        "–" if share is None else _ends(share, 100.0),
        f"{effect.p_value:.3f}",
        f"{effect.days_optimised}+{effect.days_own}",
        str(effect.missing),
    )


def _ends(bounds: Bounds, factor: float) -> str:
    ends = ("?" if end is None else f"{factor * end:.3g}" for end in (bounds.low, bounds.high))
    return " … ".join(ends)
