"""``bms events``: changes of use that have nothing to do with energy work, and who decided what."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from bms.cli.console.language import CommandTranslator, translator_of_locale
from bms.cli.console.periods import local_day, span
from bms.cli.console.person import user_name
from bms.cli.console.screen import print_folded, say, screen
from bms.config import Settings
from bms.model.assets.site import Site
from bms.model.codec import to_dict
from bms.model.savings.avoided_use import KeptBaseline
from bms.model.savings.event import EventKind, NonRoutineEvent, standing
from bms.runtime.wire import opened
from bms.services.assessment.frozen_baselines import accept_changed
from bms.services.assessment.non_routine_events import AdjustmentQuantity, Ledger, OpenEvent
from bms.services.assessment.savings_cache import SavingsCache

T = TypeVar("T")
Period = Annotated[str | None, typer.Option(help="local dates, e.g. 2018-01-14..2019-01-14")]


class EventAction(StrEnum):
    """What to do with the events of a site."""

    LIST = "list"
    CONFIRM = "confirm"
    DISMISS = "dismiss"
    ADD = "add"
    ACCEPT = "accept-baseline"


def register(app: typer.Typer) -> None:
    app.command()(events)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventOptions:
    """What was typed behind the step."""

    site: str
    event: str | None
    reason: str | None
    kwh: float | None
    se: float | None
    meter: str | None
    start: str | None
    end: str | None
    kind: EventKind
    supersedes: str | None
    by: str | None
    baseline: str | None
    reporting: str | None


def events(
    site: Annotated[str, typer.Argument(metavar="SITE")],
    step: Annotated[EventAction, typer.Argument(help="what to do")],
    event: Annotated[
        str | None, typer.Argument(metavar="[EVENT]", help="id of an open event, from the list")
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="why; it stands in the ledger for good (all but list)")
    ] = None,
    kwh: Annotated[
        float | None, typer.Option(help="what it made the building use, + or - (confirm, add)")
    ] = None,
    se: Annotated[float | None, typer.Option(help="standard error of --kwh [kWh]")] = None,
    meter: Annotated[str | None, typer.Option(help="a billed meter of the site (add)")] = None,
    start: Annotated[str | None, typer.Option("--from", help="first local day (add)")] = None,
    end: Annotated[str | None, typer.Option("--to", help="day on which it was over (add)")] = None,
    kind: Annotated[EventKind, typer.Option(help="what happened (add)")] = EventKind.OTHER,
    supersedes: Annotated[
        str | None, typer.Option(help="id of the entry to replace; 0 kWh takes it back (add)")
    ] = None,
    by: Annotated[str | None, typer.Option(help="who decides; default: your user name")] = None,
    baseline: Period = None,
    reporting: Period = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Changes of use that have nothing to do with energy work: list, confirm, dismiss, add them.

    Savings are adjusted for what is confirmed; the ledger is only added to.

    Example: bms events school confirm heat-step_change-2019-02-14 --reason "a new wing"
    """
    asked = EventOptions(
        site=site,
        event=event,
        reason=reason,
        kwh=kwh,
        se=se,
        meter=meter,
        start=start,
        end=end,
        kind=kind,
        supersedes=supersedes,
        by=by,
        baseline=baseline,
        reporting=reporting,
    )
    with _ledger(asked) as ledger:
        _ACTIONS[step](ledger, asked, as_json)


def _list(ledger: Ledger, asked: EventOptions, as_json: bool) -> None:
    rows, entries = ledger.open(), ledger.ledgers.events(ledger.site.id)
    if as_json:
        open_rows = [_open_row(row, ledger.site.timezone) for row in rows]
        answer = {"open": open_rows, "events": _entry_rows(entries)}
        typer.echo(json.dumps(answer))
        return
    console, t = screen(), translator_of_locale(ledger.site.timezone)
    _show_open(console, rows, ledger.site, t)
    _show_entries(console, entries, ledger.site, t)


def _confirm(ledger: Ledger, asked: EventOptions, as_json: bool) -> None:
    name = _needed(asked.event, "name the EVENT, by its id in the list")
    entry = ledger.confirm(name, reason=_reason(asked), quantity=_quantity(asked))
    _print_entry(entry, as_json)


def _dismiss(ledger: Ledger, asked: EventOptions, as_json: bool) -> None:
    name = _needed(asked.event, "name the EVENT, by its id in the list")
    _print_entry(ledger.dismiss(name, reason=_reason(asked)), as_json)


def _add(ledger: Ledger, asked: EventOptions, as_json: bool) -> None:
    entry = ledger.add(
        _needed(asked.meter, "give the --meter"),
        _day(asked.start, ledger.site, "--from"),
        _day(asked.end, ledger.site, "--to"),
        quantity=_needed(_quantity(asked), "give --kwh and --se, its standard error"),
        reason=_reason(asked),
        kind=asked.kind,
        supersedes=asked.supersedes,
    )
    _print_entry(entry, as_json)


def _accept(ledger: Ledger, asked: EventOptions, as_json: bool) -> None:
    made = accept_changed(
        ledger.ledgers,
        ledger.savings,
        author=ledger.author,
        reason=_reason(asked),
        now=ledger.now,
    )
    if as_json:
        typer.echo(json.dumps([to_dict(kept) for kept in made]))
        return
    t = translator_of_locale(ledger.site.timezone)
    for kept in made:
        say(_accepted(kept, t))
    if not made:
        say(t("baselines_unchanged"))


_ACTIONS: dict[EventAction, Callable[[Ledger, EventOptions, bool], None]] = {
    EventAction.LIST: _list,
    EventAction.CONFIRM: _confirm,
    EventAction.DISMISS: _dismiss,
    EventAction.ADD: _add,
    EventAction.ACCEPT: _accept,
}


def _accepted(kept: KeptBaseline, t: CommandTranslator) -> str:
    baseline = kept.baseline
    return t("baseline_accepted", meter=baseline.meter_id, count=baseline.n, id=baseline.id[:12])


@contextmanager
def _ledger(asked: EventOptions) -> Iterator[Ledger]:
    with opened(Settings()) as city:
        site = city.site(asked.site)
        for text in filter(None, (asked.baseline, asked.reporting)):
            span(text, site.timezone)
        assessed = SavingsCache(city.assessment).site(site, asked.baseline, asked.reporting)
        yield Ledger(
            site=site,
            ledgers=city.stores.ledgers,
            savings=assessed.savings,
            author=asked.by or user_name("--by"),
            now=city.clock.now(),
        )


def _needed(given: T | None, wish: str) -> T:
    if given is None or given == "":
        raise typer.BadParameter(wish)
    return given


def _reason(asked: EventOptions) -> str:
    return _needed(asked.reason, "give a --reason; it stands in the ledger for good")


def _quantity(asked: EventOptions) -> AdjustmentQuantity | None:
    if (asked.kwh is None) != (asked.se is None):
        raise typer.BadParameter("--kwh and --se, its standard error, go together")
    return (
        None
        if asked.kwh is None or asked.se is None
        else AdjustmentQuantity(kwh=asked.kwh, kwh_se=asked.se)
    )


def _day(text: str | None, site: Site, option: str) -> datetime:
    try:
        return local_day(_needed(text, f"give a day with {option}"), site.timezone)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a day; write 2019-02-14", param_hint=option
        ) from None


def _print_entry(entry: NonRoutineEvent, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(to_dict(entry)))
        return
    t = translator_of_locale()
    decided, kwh = t(f"event_{entry.decision.value}"), _kwh(entry, t)
    say(
        t(
            "event_entered",
            decision=decided,
            id=entry.id,
            meter=entry.meter,
            kwh=kwh,
            author=entry.author,
        )
    )


def _open_row(row: OpenEvent, timezone: str) -> dict[str, object]:
    from api.schemas.savings import FindingAnswer

    found = FindingAnswer.model_validate(row.finding, context={"timezone": timezone})
    return {
        "id": row.id,
        "meter": row.meter,
        "kind": row.kind.value,
        **found.model_dump(mode="json"),
    }


def _entry_rows(entries: Sequence[NonRoutineEvent]) -> list[dict[str, object]]:
    kept = {entry.id for entry in standing(entries)}
    return [{**to_dict(entry), "standing": entry.id in kept} for entry in entries]


def _show_open(
    console: Console, rows: Sequence[OpenEvent], site: Site, t: CommandTranslator
) -> None:
    if not rows:
        console.print(t("events_none_open"))
        return
    console.print(t("events_open"))
    for row in rows:
        proposal = row.finding.proposal
        start = proposal.start if proposal is not None else row.finding.start
        first = _local(start, site)
        print_folded(console, t("events_open_row", id=row.id, meter=row.meter, day=first), 2)
        print_folded(console, t.describe(row.finding.fact), 4)
        if proposal is not None:
            print_folded(console, t("events_proposed", kwh=proposal.kwh, se=proposal.kwh_se), 4)


def _show_entries(
    console: Console, entries: Sequence[NonRoutineEvent], site: Site, t: CommandTranslator
) -> None:
    if not entries:
        console.print(t("events_empty"))
        return
    kept = {entry.id for entry in standing(entries)}
    for entry in entries:
        decided = t(f"event_{entry.decision.value}" if entry.id in kept else "event_superseded")
        period = f"{_local(entry.start, site)}..{_local(entry.end, site)}"
        kwh = _kwh(entry, t)
        print_folded(console, f"{entry.id}  {entry.meter.partition('/')[2]}  {period}  {kwh}")
        print_folded(console, f"{decided}; {entry.author}, {_local(entry.entered_at, site)}", 2)
        print_folded(console, entry.reason, 2)


def _kwh(entry: NonRoutineEvent, t: CommandTranslator) -> str:
    return t("events_kwh", kwh=entry.kwh_adjustment, se=entry.kwh_se)


def _local(moment: datetime, site: Site) -> str:
    return f"{moment.astimezone(ZoneInfo(site.timezone)):%Y-%m-%d}"
