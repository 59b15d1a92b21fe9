"""``/work-list``: the work list on the phone of a caretaker. Everything works without script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from api.access.csrf import OwnForm
from api.deps import (
    MADE_ID,
    SITE_ID,
    CacheDep,
    PageReader,
    PortsDep,
    Recorder,
    asked_sites,
    permitted_item,
)
from api.pages.language import PageTranslator
from api.pages.panels.standing import name_of
from api.pages.render import render, translator_of
from api.pages.work.views import WorkRow, work_item_view, work_row
from api.ports import ApiPorts
from bms.model.access.grant import Permission
from bms.model.work.item import Closing, WorkItem, WorkKind, WorkState, by_what_is_at_stake
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.off_loop import off_loop
from bms.services.work import people
from bms.services.work.people import Word

router = APIRouter(include_in_schema=False)

ItemId = Annotated[str, Path(pattern=MADE_ID)]
SNOOZES = {"tomorrow": 1, "week": 7, "month": 30}
"""How long an item may sleep by one press [d], until seven in the morning."""
WAKES = time(7, 0)
MOST_CLOSED = 50
MOST_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkListView:
    """The list: ``sites`` and ``kinds`` are (value, words, whether chosen); ``asleep`` and
    ``closed`` count what is not shown [1]."""

    rows: tuple[WorkRow, ...]
    sites: tuple[tuple[str, str, bool], ...]
    kinds: tuple[tuple[str, str, bool], ...]
    asleep: int
    shown: str
    dkk: float


@router.get("/work-list")
def work_list(
    request: Request,
    ports: PortsDep,
    key: PageReader,
    site: Annotated[str, Query(pattern=f"^$|{SITE_ID}")] = "",
    kind: Annotated[str, Query(max_length=40)] = "",
    show: Annotated[str, Query(pattern="^(open|asleep|closed)$")] = "open",
) -> Response:
    t = translator_of(request)
    names = asked_sites(site or None, ports, key)
    view = _list(ports, names, kind, show, t)
    return render(request, "work.html", {"t": t, "page": view})


def _list(
    ports: ApiPorts, names: Sequence[str], kind: str, show: str, t: PageTranslator
) -> WorkListView:
    now, site = ports.clock.now(), names[0] if len(names) == 1 else ""
    closed = show == "closed"
    found = ports.work.items(names, closed=closed, most=MOST_CLOSED if closed else None)
    if kind in set(WorkKind):
        found = [item for item in found if item.cause.kind == kind]
    asleep = [item for item in found if item.state(now) is WorkState.SNOOZED]
    chosen = found if closed else by_what_is_at_stake(found)
    if not closed:
        chosen = [item for item in chosen if (item in asleep) == (show == "asleep")]
    kinds = [(k.value, t(f"work_kind_{k.value}"), k == kind) for k in WorkKind]
    return WorkListView(
        rows=tuple(work_row(item, ports.sites, now, t) for item in chosen[:MOST_SHOWN]),
        sites=tuple((each.id, name_of(each, t), each.id == site) for each in ports.sites.values()),
        kinds=tuple(kinds),
        asleep=len(asleep),
        shown=show,
        dkk=sum(item.cause.dkk_year or 0.0 for item in chosen),
    )


@router.get("/work-list/{item_id}")
def work_item(request: Request, ports: PortsDep, key: PageReader, item_id: ItemId) -> Response:
    if key is None:
        return _page(request, ports, ports.work.item(item_id), may_act=False)
    item = permitted_item(ports, key, Permission.VIEW, item_id)
    may_act = key.may(Permission.RECORD, item.cause.site or None)
    return _page(request, ports, item, may_act=may_act)


def _page(
    request: Request,
    ports: ApiPorts,
    item: WorkItem,
    *,
    may_act: bool,
    problem: str = "",
) -> Response:
    site = ports.sites.get(item.cause.site)
    t = translator_of(request, None if site is None else site.timezone)
    view = work_item_view(item, ports.sites, ports.clock.now(), t)
    values = {"t": t, "page": view, "may_act": may_act, "problem": problem}
    return render(request, "work_item.html", values, 422 if problem else 200)


@router.post("/work-list/{item_id}/{act}")
async def answer(
    request: Request,
    ports: PortsDep,
    cache: CacheDep,
    key: Recorder,
    item_id: ItemId,
    act: Annotated[str, Path(pattern="^(ack|assign|snooze|close)$")],
    form: OwnForm,
) -> Response:
    """What a person says of an item; then its page again, with what is wrong where it is."""
    word = Word(actor=key.name, at=ports.clock.now(), note=form.get("reason", "")[:500])
    t = translator_of(request)
    await off_loop(permitted_item, ports, key, Permission.RECORD, item_id)
    try:
        await off_loop(_say, Said(act, form, word), item_id, ports, cache, t)
    except Incomplete as wrong:
        item = await off_loop(ports.work.item, item_id)
        return await off_loop(_page, request, ports, item, may_act=True, problem=wrong.code)
    request.app.state.board.changed()
    return RedirectResponse(f"/work-list/{item_id}", 303)


class Incomplete(Exception):
    """What is missing on a form; ``code`` names it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Said:
    """What a person has sent: which form, its fields, and who it is."""

    act: str
    form: Mapping[str, str]
    word: Word


def _say(
    said: Said, item_id: str, ports: ApiPorts, cache: SavingsCache, t: PageTranslator
) -> WorkItem:
    """Raises ``Incomplete``, ``NotFound``, ``ConfigError`` for an item that is closed."""
    work, word, form = ports.work, said.word, said.form
    match said.act:
        case "ack":
            return people.acknowledge(work, item_id, word)
        case "assign":
            to = form.get("to", "").strip()[:100]
            if not to:
                raise Incomplete("to")
            return people.assign(work, item_id, to, word)
        case "snooze":
            days = SNOOZES.get(form.get("until", ""))
            if days is None:
                raise Incomplete("until")
            return people.snooze(work, item_id, _morning(word.at, days, t), word)
        case _:
            return _close(said, item_id, ports, cache, t)


def _close(
    said: Said, item_id: str, ports: ApiPorts, cache: SavingsCache, t: PageTranslator
) -> WorkItem:
    given = said.form.get("closing", "")
    if given not in (Closing.REPAIRED, Closing.NOT_A_FAULT, Closing.DONE):
        raise Incomplete("closing")
    closing, note = Closing(given), said.word.note.strip()
    if closing is Closing.NOT_A_FAULT and not note:
        raise Incomplete("reason")
    what = note or t.describe(ports.work.item(item_id).cause.what)
    return people.close(ports.work, item_id, closing, said.word, repair=(cache, what))


def _morning(now: datetime, days: int, t: PageTranslator) -> datetime:
    """Seven o'clock so many local days ahead."""
    local = t.local(now)
    return datetime.combine(local.date() + timedelta(days=days), WAKES, local.tzinfo)
