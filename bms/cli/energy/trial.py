"""``bms trial``: days of our control and of the building's own, drawn by lot."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import typer
from rich.table import Table

from bms.cli.console.language import CommandTranslator, translator_of_locale
from bms.cli.console.screen import print_folded, screen
from bms.config import Settings
from bms.errors import FeedError, NotFound
from bms.messages import MISSING
from bms.messages.spelled_out import spelled_out
from bms.model.assets.site import Site
from bms.model.codec import to_dict
from bms.model.savings.trial import DAY, Trial
from bms.model.savings.trial_result import Bounds, Effect, Subject, TrialResult
from bms.runtime.city import City
from bms.runtime.wire import opened
from bms.savings.trials.outcome import subject_term
from bms.savings.trials.power import BlockDesign
from bms.services.trials.design import COMFORT_MARGIN_KH
from bms.services.trials.gone_sites import gone_sites, site_with_trials
from bms.services.trials.plan import AIM, TrialPlan, plan_trial
from bms.services.trials.report import (
    SiteTrials,
    TrialReport,
    newest_report,
    pool_trials,
    seal_and_compare,
    site_trials,
)
from bms.services.trials.start import (
    LARGEST_MARGIN_KH,
    LONGEST_WEEKS,
    TrialRequest,
    start_trial,
    stop_trial,
)

T = TypeVar("T")
ALL = "all"
"""In place of a site, for the result: every building that had a trial, also those that are no
longer in the files, and all of them together."""
MARGIN_SAYS = f"--comfort-margin is above 0 and at most {LARGEST_MARGIN_KH:g} K·h/day"
SHOWN_DIGITS = 12
"""Digits of a digest that are shown; JSON has all of them."""


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
    weeks: Annotated[
        int | None, typer.Option(min=1, max=LONGEST_WEEKS, help="how long it runs (start)")
    ] = None,
    by: Annotated[str, typer.Option(help="who decides it (start, stop)")] = "",
    reason: Annotated[str, typer.Option(help="why, for the audit log (start, stop)")] = "",
    block_days: Annotated[
        int | None, typer.Option(min=1, max=14, help="by the building's time constant if left out")
    ] = None,
    washout_days: Annotated[
        int | None, typer.Option(min=0, max=7, help="days of a block that are not looked at")
    ] = None,
    outcome: Annotated[
        Subject | None, typer.Option(help="the one that a finding is told of (start)")
    ] = None,
    comfort_margin: Annotated[
        float, typer.Option(help="discomfort that is still no worse [K·h/day] (start)")
    ] = COMFORT_MARGIN_KH,
    effect: Annotated[float, typer.Option(help="percent that you want to see (plan)")] = 100 * AIM,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Prove the effect of our control on a building: it alternates by lot with its own control.

    Example: bms trial school start --weeks 8 --by "Bo Holm" --reason "proof for the council"
    """
    design = _design(block_days, washout_days)
    with opened(Settings()) as city:
        match step:
            case TrialAction.PLAN:
                _check(0.0 < effect <= 100.0, "--effect is a share above 0 and at most 100 %")
                found = plan_trial(city.trials, city.site(site), design=design, aim=effect / 100.0)
                _show(found, as_json, show_plan)
            case TrialAction.START:
                if weeks is None:
                    raise typer.BadParameter("say how long: --weeks N (see `bms trial SITE plan`)")
                _check(0.0 < comfort_margin <= LARGEST_MARGIN_KH, MARGIN_SAYS)
                request = TrialRequest(
                    weeks=weeks,
                    by=by,
                    reason=reason,
                    design=design,
                    primary=outcome,
                    comfort_margin_kh=comfort_margin,
                )
                made = start_trial(city.trials, city.site(site), request)
                _show(made, as_json, show_trial)
            case TrialAction.STOP:
                stopped = site_with_trials(city.trials.trials, city.sites, site)
                end = stop_trial(city.trials, stopped, by=by, reason=reason)
                typer.echo(json.dumps(to_dict(end)) if as_json else f"stopped {end.trial}")
            case TrialAction.RESULT:
                _results(city, site, as_json)


def _check(stands: bool, says: str) -> None:
    """Raises ``typer.BadParameter`` for a call that is wrong."""
    if not stands:
        raise typer.BadParameter(says)


def _show(found: T, as_json: bool, show: Callable[[T, CommandTranslator], None]) -> None:
    if as_json:
        typer.echo(json.dumps(spelled_out(found)))
    else:
        show(found, translator_of_locale())


def _design(block_days: int | None, washout_days: int | None) -> BlockDesign | None:
    """The blocks that somebody asked for. Raises ``typer.BadParameter`` for half of them."""
    if block_days is None and washout_days is None:
        return None
    if block_days is None or washout_days is None:
        raise typer.BadParameter("--block-days and --washout-days go together")
    return BlockDesign(block_days, washout_days)


def _results(city: City, site: str, as_json: bool) -> None:
    kept = city.trials.trials
    every = [*city.sites.values(), *gone_sites(kept, city.sites.keys())] if site == ALL else []
    chosen = every or [site_with_trials(kept, city.sites, site)]
    for each in chosen:
        _seal(city, each)
    shown = [site_trials(city.trials, each, gone=each.id not in city.sites) for each in chosen]
    if site != ALL:
        _one_site(shown[0], chosen[0], as_json)
        return
    reports = [report for each in shown for report in each.reports]
    lost = [name for each in shown for name in each.lost]
    if not reports and not lost:
        raise NotFound("no site has a trial; start one with `bms trial SITE start`")
    pooled = pool_trials(reports, lost)
    if as_json:
        sites = [report_as_json(report) for report in reports]
        answer = {"sites": sites, "lost": lost, "together": spelled_out(pooled)}
        typer.echo(json.dumps(answer))
        return
    for found in shown:
        _show_site(found)
    for fact in pooled.reasons:
        print_folded(screen(), translator_of_locale().describe(fact))


def _show_site(shown: SiteTrials) -> None:
    """Each trial with the times of its site."""
    for report in shown.reports:
        show_report(report, translator_of_locale(report.trial.timezone))
    for note in shown.notes:
        print_folded(screen(), f"{shown.site}: {translator_of_locale().describe(note)}")


def _seal(city: City, site: Site) -> None:
    """Without weather nothing can be sealed; what may be seen of a trial is shown all the same."""
    try:
        seal_and_compare(city.trials, site)
    except FeedError as error:
        typer.echo(f"{site.id}: {error}", err=True)


def _one_site(shown: SiteTrials, site: Site, as_json: bool) -> None:
    """Every trial of a site; in JSON the fields of the newest one stand beside the list."""
    newest = None if shown.lost and not shown.reports else newest_report(shown.reports, site)
    if as_json:
        every = [report_as_json(report) for report in shown.reports]
        alone = {} if newest is None else report_as_json(newest)
        typer.echo(json.dumps({**alone, "trials": every, "lost": shown.lost}))
        return
    _show_site(shown)


def report_as_json(report: TrialReport) -> dict[str, Any]:
    """The result of a trial with its sealed design, its end and what was changed since."""
    trial, ended = report.trial, report.ended
    return {
        **spelled_out(report.result, trial.timezone),
        "design": spelled_out(trial),
        "design_digest": report.digest,
        "started": {"at": trial.started_at.isoformat(), "by": trial.by, "reason": trial.reason},
        "ended": None
        if ended is None
        else {"at": ended.at.isoformat(), "by": ended.by, "reason": ended.reason},
        "sealed_at": None if report.sealed_at is None else report.sealed_at.isoformat(),
        "result_digest": report.result_digest,
        "compared_at": None if report.compared_at is None else report.compared_at.isoformat(),
        "changes": spelled_out(report.changes, trial.timezone),
    }


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


def show_report(report: TrialReport, t: CommandTranslator) -> None:
    """The sealed design of a trial, its compliance, what it shows, and who ended it."""
    console, trial, design = screen(), report.trial, report.trial.sealed
    result = report.result
    done = t("trial_days_done", trial=trial.id, done=result.days_done, days=result.days)
    print_folded(console, f"{done} {t(f'trial_state_{result.state.value}')}")
    print_folded(
        console,
        t(
            "trial_design",
            primary=subject_term(design.primary),
            confidence=design.confidence,
            block=trial.block_days,
            washout=trial.washout_days,
            meters=", ".join(meter.id for meter in design.meters) or MISSING,
            levers=len(design.levers),
            margin=design.comfort_margin_kh,
            version=design.version,
            digest=report.digest[:SHOWN_DIGITS],
        ),
    )
    print_folded(console, t("trial_started", by=trial.by, reason=trial.reason))
    if report.ended is not None:
        at = t.moment(report.ended.at, year=True)
        print_folded(
            console, t("trial_ended", by=report.ended.by, reason=report.ended.reason, at=at)
        )
    if result.effects:
        console.print(_effects(result, t))
    for check in result.checks:
        console.print(f"  A/A {check.subject.value}: {check.covered}/{check.windows}")
    for fact in (*result.reasons, *report.changes):
        print_folded(console, t.describe(fact))
    if report.sealed_at is not None and report.result_digest is not None:
        at, digest = t.moment(report.sealed_at, year=True), report.result_digest[:SHOWN_DIGITS]
        print_folded(console, t("trial_sealed", at=at, digest=digest))
    if report.compared_at is not None:
        print_folded(console, t("trial_compared", at=t.moment(report.compared_at, year=True)))


def _effects(result: TrialResult, t: CommandTranslator) -> Table:
    level = t.pattern(result.confidence, "0.# %")
    share, days, missing = t("trial_share"), t("trial_days"), t("trial_missing")
    table = Table("", t("trial_less"), level, share, level, "p", days, missing)
    for effect in result.effects:
        table.add_row(*_cells(effect, t))
    return table


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
