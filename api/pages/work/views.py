"""An item of the work list in words, with its picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from api.pages.language import PageTranslator
from api.pages.panels.standing import name_of
from bms.model.assets.site import Site
from bms.model.work.finding import Evidence, EvidenceSeries, Severity
from bms.model.work.item import WorkEvent, WorkItem, WorkState
from bms.reports.charts import series_line
from bms.reports.text import ChartText

SHOWN_FOLLOWS = 12
"""Names of what follows that are spelled out [1]; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRow:
    """An item in the list: ``urgent`` ones have a full sign. ``stake`` is what it costs a year, in
    words; empty where that is not known."""

    id: str
    where: str
    what: str
    kind: str
    state: WorkState
    state_word: str
    urgent: bool
    since: str
    stake: str
    who: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkDone:
    """One thing that was done with an item, in words."""

    at: str
    what: str
    by: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItemView:
    """Everything on the page of an item. ``link`` is the page of its building, None for the city;
    ``charts`` are (title, drawing); ``measure`` is the id of the measure of its repair."""

    row: WorkRow
    link: str | None
    look_for: str | None
    risk: str | None
    price: str | None
    energy: str | None
    comfort: str | None
    sure: str | None
    charts: tuple[tuple[str, Markup], ...]
    figures: tuple[str, ...]
    follows: tuple[str, ...]
    more: int
    history: tuple[WorkDone, ...]
    closed: bool
    seen: bool
    measure: str | None


def work_row(
    item: WorkItem, sites: Mapping[str, Site], now: datetime, t: PageTranslator
) -> WorkRow:
    """An item of the list in words."""
    cause, state = item.cause, item.state(now)
    until = item.snoozed_until(now)
    word = t(f"work_state_{state.value}")
    return WorkRow(
        id=item.id,
        where=_where(item, sites, t),
        what=t.describe(cause.what),
        kind=t(f"work_kind_{cause.kind.value}"),
        state=state,
        state_word=word if until is None else t("work_until", time=t.moment(until)),
        urgent=cause.severity.rank >= Severity.HIGH.rank,
        since=t.since(item.opened_at, now),
        stake=_stake(item, t),
        who=item.assignee or "",
    )


def _where(item: WorkItem, sites: Mapping[str, Site], t: PageTranslator) -> str:
    site = sites.get(item.cause.site)
    if site is None:
        return t("work_city")
    part = item.cause.part_of(site)
    return name_of(site, t) if part is None else f"{name_of(site, t)} ({part})"


def _stake(item: WorkItem, t: PageTranslator) -> str:
    cause = item.cause
    if cause.dkk_day is not None and cause.price.dkk_year is None:
        return t("work_dkk_day", dkk=cause.dkk_day)
    return t("work_dkk_year", dkk=cause.dkk_year) if cause.has_stake else ""


def work_item_view(
    item: WorkItem, sites: Mapping[str, Site], now: datetime, t: PageTranslator
) -> WorkItemView:
    """The page of an item."""
    cause, price = item.cause, item.cause.price
    closed = item.closed
    follows = [name.rpartition("/")[2] or name for name in cause.follows]
    return WorkItemView(
        row=work_row(item, sites, now, t),
        link=f"/sites/{cause.site}" if cause.site in sites else None,
        look_for=None if cause.look_for is None else t.describe(cause.look_for),
        risk=None if cause.risk is None else t.describe(cause.risk),
        price=_interval("work_price", price.dkk_year, price.dkk_low, price.dkk_high, t),
        energy=_interval("work_energy", price.kwh_year, price.kwh_low, price.kwh_high, t),
        comfort=None
        if cause.comfort_kh_year is None
        else t("work_comfort", kh=cause.comfort_kh_year),
        sure=None if cause.confidence >= 1.0 else t("work_sure", share=cause.confidence),
        charts=_charts(cause.evidence, t),
        figures=() if cause.evidence is None else tuple(map(t.describe, cause.evidence.values)),
        follows=tuple(follows[:SHOWN_FOLLOWS]),
        more=max(0, len(follows) - SHOWN_FOLLOWS),
        history=tuple(_done(event, t) for event in reversed(item.events)),
        closed=closed is not None,
        seen=item.acknowledged is not None,
        measure=None if closed is None else closed.measure,
    )


def _interval(
    code: str, value: float | None, low: float | None, high: float | None, t: PageTranslator
) -> str | None:
    if value is None:
        return None
    told = t("work_price", value=value) if code == "work_price" else t("work_energy", value=value)
    if low is None or high is None:
        return told
    return f"{told} ({t('work_between', low=low, high=high)})"


def _charts(evidence: Evidence | None, t: PageTranslator) -> tuple[tuple[str, Markup], ...]:
    rows: Sequence[EvidenceSeries] = () if evidence is None else evidence.series
    return tuple((_name(row, t), _drawn(row, t)) for row in rows if _is_shown(row))


def _is_shown(row: EvidenceSeries) -> bool:
    return sum(value is not None for value in row.values) >= 2


def _name(row: EvidenceSeries, t: PageTranslator) -> str:
    return t.text(row.name, "term") if t.has(row.name, "term") else row.name


def _drawn(row: EvidenceSeries, t: PageTranslator) -> Markup:
    known = [value for value in row.values if value is not None]
    span = t("work_span", low=min(known), high=max(known), unit=row.unit)
    text = ChartText(title=_name(row, t), description=span, translator=t)
    return Markup(series_line(row, text))  # noqa: S704 - our own SVG, its words are escaped


def _done(event: WorkEvent, t: PageTranslator) -> WorkDone:
    done = event.act.value if event.closing is None else event.closing.value
    notes = [event.assignee, event.note, None if event.until is None else t.moment(event.until)]
    return WorkDone(
        at=t.moment(event.at),
        what=t(f"work_act_{done}"),
        by="" if event.actor == "bms" else event.actor,
        note=" · ".join(note for note in notes if note),
    )
