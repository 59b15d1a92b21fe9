"""``bms audit``: who did what, when and why, and whether the evidence of it is whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from bms.cli.console.language import CommandTranslator, translator_of_locale
from bms.cli.console.periods import local_moment
from bms.cli.console.progress import progress_bars
from bms.cli.console.screen import say, screen, slim_table
from bms.config import Settings
from bms.errors import StoreError
from bms.messages.spelled_out import spelled_out
from bms.model.codec import to_dict
from bms.model.control.audit import Action, AuditEntry, AuditSearch
from bms.model.control.command import Released, StillHeld
from bms.model.control.evidence import CITY, ChainFlaw, ChainHead, FlawReason, Verification
from bms.model.fact import Moment, fact
from bms.ports.storage.trust import TrustStore
from bms.runtime.city import City
from bms.runtime.wire import opened
from bms.services.evidence.trace import Trace, TracePorts, trace

app = typer.Typer(no_args_is_help=True, help="Who did what, when and why.")


def register(to: typer.Typer) -> None:
    to.add_typer(app, name="audit")


@app.callback()
def every_command() -> None:
    """Holds the commands together."""


@app.command("list")
def list_entries(
    site: Annotated[str | None, typer.Option(help="only about this site")] = None,
    actor: Annotated[str | None, typer.Option(help="only what this person did")] = None,
    action: Annotated[Action | None, typer.Option(help="only actions of this kind")] = None,
    since: Annotated[str | None, typer.Option(help="from this local time or day on")] = None,
    until: Annotated[str | None, typer.Option(help="before this local time or day")] = None,
    limit: Annotated[int, typer.Option(min=1, help="the newest so many entries")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """List what people did, the newest first.

    Example: bms audit list --site school --action set_mode --since 2026-10-01
    """
    settings = Settings()
    zone = ZoneInfo(settings.timezone)
    search = AuditSearch(
        site=site,
        actor=actor,
        action=action,
        since=None if since is None else local_moment(since, zone, "--since"),
        until=None if until is None else local_moment(until, zone, "--until"),
        most=limit,
    )
    with opened(settings) as city:
        entries = city.stores.ledgers.audit(search)
        words = reasons_in_words(
            entries, city.stores.trust, translator_of_locale(settings.timezone)
        )
    if as_json:
        typer.echo(json.dumps([to_dict(entry) for entry in entries]))
    elif not entries:
        say("there is no such entry")
    else:
        _show(entries, words, zone)


@app.command()
def verify(
    site: Annotated[str | None, typer.Option(help="only the chain of this site")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Check the hash chains of the evidence: nothing changed, removed, added, reordered or cut.

    Each site has a chain, and the city one. The exit code is 1 where something is not as it was
    written.

    Example: bms audit verify --site school
    """
    settings = Settings()
    t = translator_of_locale(settings.timezone)
    with opened(settings) as city, progress_bars(quiet=as_json) as report:
        known, unread = _known(city)
        chosen = {site: known[site]} if site in known else {} if site is not None else known
        found = city.stores.evidence.verify(
            None if site is None else [site],
            chosen,
            lambda share: report(t("verifying_evidence"), share),
        )
        found = replace(found, flaws=(*unread, *found.flaws))
    if as_json:
        typer.echo(json.dumps({**spelled_out(found, settings.timezone), "known": len(chosen)}))
    else:
        _show_flaws(found, t)
        counts = {"chains": found.chains, "entries": found.entries, "rows": found.rows}
        say(t("evidence_checked", count=len(found.flaws), **counts))
        say(t("evidence_heads_known", count=len(chosen)))
    if found.flaws:
        raise typer.Exit(1)


def _known(city: City) -> tuple[dict[str, ChainHead], tuple[ChainFlaw, ...]]:
    """The ends that are known beside the journal; where they cannot be read, that is a flaw."""
    try:
        return ({} if city.known_heads is None else city.known_heads.heads()), ()
    except StoreError as error:
        what = fact(FlawReason.KNOWN_UNREADABLE, why=str(error))
        return {}, (ChainFlaw(chain=CITY, number=None, kind=None, row=None, what=what),)


def _show_flaws(found: Verification, t: CommandTranslator) -> None:
    for flaw in found.flaws:
        chain = flaw.chain or t("evidence_city")
        kind = "" if flaw.kind is None else f" {flaw.kind.value}"
        say(f"{chain}{kind}: {t.describe(flaw.what)}")
        if flaw.found is not None:
            say(f"    {t('evidence_found')}: {flaw.found}")
        if flaw.expected is not None:
            say(f"    {t('evidence_expected')}: {flaw.expected}")


@app.command("trace")
def trace_point(
    point: Annotated[str, typer.Argument(metavar="SITE/POINT")],
    at: Annotated[str | None, typer.Option(help="local time; now when left out")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Walk from what stood at a point back to its plan, problem, forecast and readings.

    Example: bms audit trace school/gym.setpoint --at 2026-10-01T08:00
    """
    settings = Settings()
    t = translator_of_locale(settings.timezone)
    with opened(settings) as city:
        moment = city.clock.now()
        if at is not None:
            moment = local_moment(at, ZoneInfo(settings.timezone), "--at")
        stores = city.stores
        ports = TracePorts(
            ledgers=stores.ledgers,
            plans=stores.plans,
            evidence=stores.evidence,
            readings=stores.readings,
        )
        found = trace(city.site(point.partition("/")[0]), point, moment, ports)
    if as_json:
        typer.echo(json.dumps(spelled_out(found, settings.timezone)))
    else:
        _show_trace(found, t)


def _show_trace(found: Trace, t: CommandTranslator) -> None:
    receipt = found.receipt
    say(t("trace_receipt", at=Moment(found.receipt_at), outcome=found.outcome, point=found.point))
    if not isinstance(receipt, Released | StillHeld):
        command = receipt.command
        reason = command.reason if isinstance(command.reason, str) else t.describe(command.reason)
        say(t("trace_command", value=command.value, actor=command.actor, reason=reason))
    plan = found.plan
    if plan is None:
        say(t("trace_no_plan"))
        return
    say(t("trace_plan", id=plan.id, at=Moment(plan.created_at), digest=plan.digest or None))
    if plan.sealed is False:
        say(t("trace_plan_edited"))
    if plan.entry is not None:
        say(t("trace_entry", number=plan.entry.number, hash=plan.entry.hash))
    problem = plan.problem
    if problem is None:
        say(t("trace_problem_gone"))
        return
    start, end = Moment(problem.forecast_start), Moment(problem.forecast_end)
    say(t("trace_forecast", start=start, end=end, share=problem.forecast_known))
    for note in problem.notes:
        say(f"    {t.describe(note)}")
    readings = sum(each.n for each in problem.readings)
    begin = Moment(problem.readings_start)
    points = len(problem.readings)
    say(t("trace_readings", start=begin, end=start, count=readings, points=points))


def reasons_in_words(
    entries: Iterable[AuditEntry], trust: TrustStore, t: CommandTranslator
) -> dict[int, str]:
    """Why sites went back from ``auto`` by themselves, in words, by the number of the entry."""
    steps = [e for e in entries if e.action is Action.STEP_BACK and e.site is not None]
    reasons = {
        (step.site, step.at): t.describe(step.reason)
        for site in {entry.site for entry in steps if entry.site is not None}
        for step in trust.steps_back(site)
    }
    return {e.number: reasons.get((e.site or "", e.at), e.reason) for e in steps}


def _show(entries: Sequence[AuditEntry], reasons: Mapping[int, str], zone: ZoneInfo) -> None:
    table = slim_table("reason", "time", "who", "action", "site", "about")
    for entry in entries:
        table.add_row(
            reasons.get(entry.number, entry.reason),
            f"{entry.at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
            entry.actor,
            entry.action.value,
            entry.site or "",
            entry.subject,
        )
    screen().print(table)
