"""``bms work``: run a worker, or see and answer the items of the work list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from bms.cli.console.language import CommandTranslator, translator_of_locale
from bms.cli.console.periods import local_moment
from bms.cli.console.person import user_name
from bms.cli.console.progress import progress_bars
from bms.cli.console.screen import print_folded, say, screen, slim_table
from bms.cli.system.run import Strict, run_jobs_only, run_worker
from bms.config import Settings
from bms.model.control.evidence import CITY
from bms.model.work.item import (
    Closing,
    WorkItem,
    WorkKind,
    WorkState,
    by_what_is_at_stake,
)
from bms.runtime.city import City
from bms.runtime.wire import opened
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.detection.site_faults import keep_faults
from bms.services.work import people
from bms.services.work.people import Word
from bms.services.work.watch import watch_city, watch_proofs, watch_site

app = typer.Typer(invoke_without_command=True)
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
Author = Annotated[str | None, typer.Option("--by", help="who says so; default: your user name")]
ItemId = Annotated[str, typer.Argument(metavar="ITEM", help="its id in the list")]
Why = Annotated[str, typer.Option("--reason", help="what is to be kept with it")]
MOST_CLOSED = 1000


class ClosedAs(StrEnum):
    """How a person closes an item."""

    REPAIRED = "repaired"
    NOT_A_FAULT = "not_a_fault"
    DONE = "done"


def register(to: typer.Typer) -> None:
    to.add_typer(app, name="work")


@app.callback()
def work(
    context: typer.Context,
    sites: Annotated[
        str | None, typer.Option(metavar="A,B", help="the sites that it may own, by commas")
    ] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="2/5", help="the second of five parts of all sites")
    ] = None,
    jobs: Annotated[
        bool, typer.Option("--jobs", help="jobs that workers share (BMS_JOBS=cluster), no sites")
    ] = False,
    strict: Strict = False,
) -> None:
    """Poll, plan and dispatch only; or see and answer the items of the work list.

    Workers on one PostgreSQL share the sites that they may own between them, each in a home of its
    own; a site is written by one at a time. With --jobs it holds no site and reaches no device: it
    learns, plans, assesses and reports for the others.

    Example: bms work --shard 2/5
    """
    if context.invoked_subcommand is not None:
        return
    if jobs and (sites is not None or shard is not None):
        raise typer.BadParameter("--jobs holds no sites: leave --sites and --shard out")
    if jobs:
        run_jobs_only(strict=strict)
    else:
        run_worker(sites, shard, strict=strict)


@app.command("list")
def list_items(
    site: Annotated[
        str | None, typer.Argument(metavar="[SITE]", help="all sites when left out")
    ] = None,
    state: Annotated[
        list[WorkState] | None, typer.Option(help="only in this state, again for more")
    ] = None,
    kind: Annotated[
        list[WorkKind] | None, typer.Option(help="only of this kind, again for more")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List what is to be done, first what is worst and costs most; closed items by --state closed.

    Example: bms work list school --state open
    """
    with opened(Settings()) as city:
        names = [*city.sites, CITY] if site is None else [city.site(site).id]
        now, wanted = city.clock.now(), set(state or ())
        rows = [] if wanted == {WorkState.CLOSED} else city.stores.work.items(names)
        if WorkState.CLOSED in wanted:
            rows += city.stores.work.items(names, closed=True, most=MOST_CLOSED)
        rows = [
            row
            for row in by_what_is_at_stake(rows)
            if (not wanted or row.state(now) in wanted) and (not kind or row.cause.kind in kind)
        ]
        if as_json:
            typer.echo(json.dumps([_answer(row, city) for row in rows]))
            return
        _table(rows, city, now)


@app.command()
def look(
    site: Annotated[
        str | None, typer.Argument(metavar="[SITE]", help="all sites when left out")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look now at what a worker looks at by itself: fault rules, alarms, missing data and savings.

    Shows the list afterwards. Example: bms work look school
    """
    with opened(Settings()) as city:
        chosen = list(city.sites.values()) if site is None else [city.site(site)]
        now, ports, cache = city.clock.now(), city.work, SavingsCache(city.assessment)
        with progress_bars(quiet=as_json) as report:
            for nth, each in enumerate(chosen):
                keep_faults(each, now, ports.work, ports)
                watch_site(each, now, ports)
                watch_proofs(each, now, ports, cache)
                report("sites", (nth + 1) / len(chosen))
        if site is None:
            watch_city(now, ports)
        names = [each.id for each in chosen] + ([CITY] if site is None else [])
        rows = by_what_is_at_stake(city.stores.work.items(names))
        if as_json:
            typer.echo(json.dumps([_answer(row, city) for row in rows]))
        else:
            _table(rows, city, now)


@app.command()
def show(item: ItemId, as_json: AsJson = False) -> None:
    """Show an item: what, where, why it matters, what to look for, and what was done with it.

    Example: bms work show 3f0c5d
    """
    with opened(Settings()) as city:
        _tell(city.stores.work.item(item), city, as_json)


@app.command()
def ack(item: ItemId, reason: Why = "", author: Author = None, as_json: AsJson = False) -> None:
    """Say that you have seen it. The first word stands.

    Example: bms work ack 3f0c5d --by Mette
    """
    with _answered(author, reason) as (city, word):
        _tell(people.acknowledge(city.stores.work, item, word), city, as_json)


@app.command()
def assign(
    item: ItemId,
    to: Annotated[str, typer.Option(help="who sees to it")],
    reason: Why = "",
    author: Author = None,
    as_json: AsJson = False,
) -> None:
    """Say who sees to it.

    Example: bms work assign 3f0c5d --to "the plumber"
    """
    with _answered(author, reason) as (city, word):
        _tell(people.assign(city.stores.work, item, to, word), city, as_json)


@app.command()
def snooze(
    item: ItemId,
    until: Annotated[str, typer.Option(help="local day or time until which it sleeps")],
    reason: Why = "",
    author: Author = None,
    as_json: AsJson = False,
) -> None:
    """Let it sleep until a day or time, a year ahead at most.

    Example: bms work snooze 3f0c5d --until 2026-12-14
    """
    with _answered(author, reason) as (city, word):
        known = city.stores.work.item(item)
        moment = local_moment(until, ZoneInfo(_zone(known, city)), "--until")
        _tell(people.snooze(city.stores.work, item, moment, word), city, as_json)


@app.command()
def close(
    item: ItemId,
    closing: Annotated[ClosedAs, typer.Option("--as", help="repaired, no fault, or done")],
    reason: Why = "",
    author: Author = None,
    as_json: AsJson = False,
) -> None:
    """Close it. A fault that was repaired becomes a measure, whose saving is followed.

    What is no fault needs a reason, and is raised again only where it grows.

    Example: bms work close 3f0c5d --as repaired --reason "valve of the hot water exchanged"
    """
    with _answered(author, reason) as (city, word):
        known = city.stores.work.item(item)
        what = reason.strip() or translator_of_locale(_zone(known, city)).describe(known.cause.what)
        repair = (SavingsCache(city.assessment), what)
        done = people.close(city.stores.work, item, Closing(closing.value), word, repair=repair)
        _tell(done, city, as_json)


@contextmanager
def _answered(author: str | None, reason: str) -> Iterator[tuple[City, Word]]:
    """The city, and who says something now."""
    who = author or user_name("--by")
    with opened(Settings()) as city:
        yield city, Word(actor=who, at=city.clock.now(), note=reason)


def _zone(item: WorkItem, city: City) -> str:
    known = city.sites.get(item.cause.site)
    return city.settings.timezone if known is None else known.timezone


def _answer(item: WorkItem, city: City) -> dict[str, object]:
    from api.schemas.work import WorkItemAnswer

    answer = WorkItemAnswer.of(item, city.clock.now(), _zone(item, city))
    return answer.model_dump(mode="json")


def _tell(item: WorkItem, city: City, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_answer(item, city)))
    else:
        _show(item, city, translator_of_locale(_zone(item, city)))


def _table(rows: list[WorkItem], city: City, now: datetime) -> None:
    t = translator_of_locale(city.settings.timezone)
    if not rows:
        say(t("work_none"))
        return
    table = slim_table(
        t("work_what"), "id", t("building"), t("work_kind"), t("work_state"), t("work_dkk_year")
    )
    for row in rows:
        local, cause = translator_of_locale(_zone(row, city)), row.cause
        table.add_row(
            local.describe(cause.what),
            row.id,
            cause.site or t("work_city"),
            t(f"work_kind_{cause.kind.value}"),
            t(f"work_state_{row.state(now).value}"),
            t.number(cause.dkk_year),
        )
    screen().print(table)


def _show(item: WorkItem, city: City, t: CommandTranslator) -> None:
    console, cause, now = screen(), item.cause, city.clock.now()
    state = t(f"work_state_{item.state(now).value}")
    kind = t(f"work_kind_{cause.kind.value}")
    print_folded(console, f"{item.id}  {cause.site or t('work_city')}  {kind}  {state}")
    for told in (cause.what, cause.look_for, cause.risk):
        if told is not None:
            print_folded(console, t.describe(told), 2)
    if cause.dkk_year is not None:
        price = cause.price
        print_folded(
            console,
            t("work_price", dkk=cause.dkk_year, low=price.dkk_low, high=price.dkk_high),
            2,
        )
    if cause.follows:
        print_folded(console, t("work_follows", names=", ".join(cause.follows)), 2)
    for event in item.events:
        at = f"{event.at.astimezone(ZoneInfo(_zone(item, city))):%Y-%m-%d %H:%M}"
        done = event.act.value if event.closing is None else event.closing.value
        more = " ".join(part for part in (event.assignee, event.note) if part)
        print_folded(console, f"{at}  {t(f'work_act_{done}')}  {event.actor}  {more}", 2)
    closed = item.closed
    if closed is not None and closed.measure is not None:
        print_folded(console, t("work_measure", site=cause.site, id=closed.measure), 2)
