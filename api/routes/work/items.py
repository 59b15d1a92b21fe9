"""The one work list, what people do with its items, and the faults behind them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.deps import (
    MADE_ID,
    SITE_ID,
    CacheDep,
    Cursor,
    Limit,
    PortsDep,
    Reader,
    Recorder,
    asked_sites,
    page_of,
    permitted_item,
)
from api.ports import ApiPorts
from api.protocol.repeats import RepeatableRoute
from api.schemas.base import TIMEZONE
from api.schemas.work import (
    AcknowledgeBody,
    AssignBody,
    CannotRunAnswer,
    CloseBody,
    DetectedAnswer,
    FaultAnswer,
    FaultsPage,
    SnoozeBody,
    WorkItemAnswer,
    WorkPage,
)
from bms.messages import translator
from bms.model.access.grant import Permission
from bms.model.control.evidence import CITY
from bms.model.work.finding import Finding
from bms.model.work.item import WorkItem, WorkKind, WorkState, by_what_is_at_stake, cause_key
from bms.services.work import people
from bms.services.work.people import Word

ITEMS = "/work"
ITEM = ITEMS + "/{item_id}"

router = APIRouter(tags=["work"], route_class=RepeatableRoute)

MOST_CLOSED = 1000
ItemId = Annotated[str, Path(pattern=MADE_ID)]
OfSite = Annotated[str | None, Query(pattern=SITE_ID)]


def timezone_of(site: str, ports: ApiPorts) -> str:
    """The time zone of a site; that of the city where it has no such site."""
    known = ports.sites.get(site)
    return TIMEZONE if known is None else known.timezone


@router.get(ITEMS)
def work(
    ports: PortsDep,
    key: Reader,
    site: OfSite = None,
    state: Annotated[list[WorkState] | None, Query()] = None,
    kind: Annotated[list[WorkKind] | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> WorkPage:
    """What is to be done, first what is worst and costs most; without ``state`` all that is not
    closed. ``state`` and ``kind`` may be given several times."""
    now, sites = ports.clock.now(), asked_sites(site, ports, key)
    rows = by_what_is_at_stake(chosen_items(ports, sites, state or ()))
    rows = [row for row in rows if not kind or row.cause.kind in kind]
    rows = [row for row in rows if not state or row.state(now) in state]
    shown, after = page_of(rows, lambda row: row.id, limit, cursor)
    answers = [WorkItemAnswer.of(row, now, timezone_of(row.cause.site, ports)) for row in shown]
    return WorkPage(items=answers, next=after)


def chosen_items(
    ports: ApiPorts, sites: Iterable[str], states: Iterable[WorkState]
) -> list[WorkItem]:
    """The items of these sites that may be in one of the states; closed ones only by name."""
    names, wanted = list(sites), set(states)
    rows = [] if wanted == {WorkState.CLOSED} else ports.work.items(names)
    if WorkState.CLOSED in wanted:
        rows += ports.work.items(names, closed=True, most=MOST_CLOSED)
    return rows


@router.get(ITEM)
def work_item(ports: PortsDep, key: Reader, item_id: ItemId) -> WorkItemAnswer:
    """One item with its evidence and everything that was done with it."""
    return _answer(permitted_item(ports, key, Permission.VIEW, item_id), ports)


@router.post(ITEM + "/ack")
def acknowledge(
    ports: PortsDep, key: Recorder, item_id: ItemId, body: AcknowledgeBody
) -> WorkItemAnswer:
    """Say that you have seen it. The first word stands."""
    permitted_item(ports, key, Permission.RECORD, item_id)
    word = Word(actor=key.name, at=ports.clock.now(), note=body.reason or "")
    return _answer(people.acknowledge(ports.work, item_id, word), ports)


@router.post(ITEM + "/assign")
def assign(ports: PortsDep, key: Recorder, item_id: ItemId, body: AssignBody) -> WorkItemAnswer:
    """Say who sees to it."""
    permitted_item(ports, key, Permission.RECORD, item_id)
    word = Word(actor=key.name, at=ports.clock.now(), note=body.reason or "")
    return _answer(people.assign(ports.work, item_id, body.to, word), ports)


@router.post(ITEM + "/snooze")
def snooze(ports: PortsDep, key: Recorder, item_id: ItemId, body: SnoozeBody) -> WorkItemAnswer:
    """Let it sleep until then; a year at most."""
    permitted_item(ports, key, Permission.RECORD, item_id)
    word = Word(actor=key.name, at=ports.clock.now(), note=body.reason or "")
    return _answer(people.snooze(ports.work, item_id, body.until, word), ports)


@router.post(ITEM + "/close")
def close(
    ports: PortsDep, key: Recorder, cache: CacheDep, item_id: ItemId, body: CloseBody
) -> WorkItemAnswer:
    """Close it. A fault that was ``repaired`` becomes a measure with its frozen baseline, whose
    saving is followed; ``measure`` of the answer is its id."""
    word = Word(actor=key.name, at=ports.clock.now(), note=body.reason or "")
    known = permitted_item(ports, key, Permission.RECORD, item_id)
    what = body.reason or translator("da", timezone_of(known.cause.site, ports)).describe(
        known.cause.what
    )
    item = people.close(ports.work, item_id, body.closing, word, repair=(cache, what))
    return _answer(item, ports)


def _answer(item: WorkItem, ports: ApiPorts) -> WorkItemAnswer:
    return WorkItemAnswer.of(item, ports.clock.now(), timezone_of(item.cause.site, ports))


@router.get("/faults")
def faults(
    ports: PortsDep,
    key: Reader,
    site: OfSite = None,
    rule: Annotated[str | None, Query(max_length=100)] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> FaultsPage:
    """What the fault rules found when they ran last, with evidence and price, and the rules that
    could not look with their reasons."""
    sites = [each for each in asked_sites(site, ports, key) if each != CITY]
    detections = ports.work.detections(sites)
    items = {row.cause.key: row.id for row in ports.work.live_items(sites)}
    found = [each for row in detections for each in row.findings if rule in (None, each.rule)]
    found.sort(key=lambda each: -each.confidence * (each.price.dkk_year or 0.0))
    shown, after = page_of(found, lambda each: "|".join(each.key), limit, cursor)
    cannot = [each for row in detections for each in row.cannot if rule in (None, each.rule)]
    return FaultsPage(
        faults=[
            FaultAnswer.of(each, items.get(_key(each)), timezone_of(each.site_id, ports))
            for each in shown
        ],
        cannot_run=[CannotRunAnswer.of(e, timezone_of(e.site_id, ports)) for e in cannot],
        detected=[DetectedAnswer.of(row) for row in detections],
        next=after,
    )


def _key(finding: Finding) -> str:
    return cause_key(WorkKind.FAULT, finding.site_id, finding.subject, finding.rule)
