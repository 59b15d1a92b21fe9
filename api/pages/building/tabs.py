"""What each page of a building shows below the line that stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from api.pages.building.head import building_now
from api.pages.building.trail import TrailView, trail_view
from api.pages.language import PageTranslator
from api.pages.panels.changes import ComingView, coming_view
from api.pages.panels.claim import Claim, claim_of, data_findings
from api.pages.panels.events import EventsView, events_view
from api.pages.panels.figure import ChartFigure
from api.pages.panels.fresh import fresh_line
from api.pages.panels.meters import MeterView, meter_views
from api.pages.panels.months import MonthTable, month_table
from api.pages.panels.plan import PlanView, decision_rows, known_figure, plan_view
from api.pages.panels.points import meter_name
from api.pages.panels.receipts import ReceiptRow, overridden_points, receipt_rows
from api.pages.panels.shadow_days import ShadowDaysView, shadow_days_view
from api.pages.panels.standing import names_of
from api.pages.panels.trials import TrialsView, trials_view
from api.pages.panels.use_year import UseYearView, signature_figure, use_year_view
from api.pages.panels.zones import ZoneView, zone_views
from api.ports import ApiPorts
from bms.errors import ConfigError, FeedError, NotMadeYet
from bms.model.access.actor import Actor
from bms.model.access.grant import Permission
from bms.model.assets.site import Site
from bms.model.control.booking import BookingKind
from bms.model.planning.plan import Plan
from bms.services.assessment.measures import measure_savings
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.overview.attention import attention_now
from bms.services.overview.plan_knowledge import plan_knowledge
from bms.services.overview.signature import signature
from bms.services.overview.work_list import with_work
from bms.services.planning.decisions.ledger import DAYS_A_PLAN, decision_ledger
from bms.services.site_lookup import mode_in_force

T = TypeVar("T")
A_DAY = timedelta(hours=24)
SHOWN_ID = 12
"""Digits of a baseline's mark that are shown; enough to tell two apart."""
FEW_RECEIPTS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class NowTab:
    """Rooms, what comes, and what was sent to the building lately."""

    zones: tuple[ZoneView, ...]
    plan: PlanView | None
    coming: ComingView | None
    known: ChartFigure | None
    receipts: tuple[ReceiptRow, ...]


def now_tab(ports: ApiPorts, site: Site, key: Actor | None, t: PageTranslator) -> NowTab:
    now = ports.clock.now()
    plan = ports.control.plans.plan_in_force(site.id, now)
    taken = overridden_points(site, now, ports.control.decisions, ports.control.journal)
    receipts = receipt_rows(ports.control.ledgers.receipts(site.id, now - A_DAY), site, t)
    return NowTab(
        zones=zone_views(ports.planning.readings, site, plan, taken, now, t, key=key),
        plan=None if plan is None else plan_view(plan, now, t),
        coming=None if plan is None else coming_view(plan, site, now, t),
        known=None if plan is None else _known(ports, plan, site, t),
        receipts=receipts[:FEW_RECEIPTS],
    )


def _known(ports: ApiPorts, plan: Plan, site: Site, t: PageTranslator) -> ChartFigure | None:
    known = plan_knowledge(
        plan,
        site,
        now=ports.clock.now(),
        readings=ports.planning.readings,
        feed=ports.planning.feed,
        tariffs=ports.planning.tariffs,
    )
    return known_figure(known, t)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRow:
    """A measure in words: what, since when, what it saved, and what is to be said of it."""

    what: str
    start: str
    claim: Claim | None
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingsTab:
    claim: Claim
    meter_claims: tuple[tuple[str, Claim], ...]
    data: tuple[tuple[str, str], ...]
    months: MonthTable | None
    baselines: tuple[tuple[str, str], ...]
    measures: tuple[MeasureRow, ...]
    fresh: str | None
    decisions: tuple[tuple[str, ...], ...]


def savings_tab(ports: ApiPorts, cache: SavingsCache, site: Site, t: PageTranslator) -> SavingsTab:
    assessed = cache.site(site)
    until, newer = assessed.periods.reporting.end, assessed.newer_under_way
    names = names_of((site,), t)
    meters = assessed.savings.meters
    ids = [meter.meter_id for meter in meters]
    called = {meter: meter_name(site, meter.partition("/")[2], t) for meter in ids}
    return SavingsTab(
        claim=claim_of(assessed.savings, assessed.periods, names, t),
        meter_claims=tuple(
            (called[meter.meter_id], claim_of(meter, assessed.periods, names, t))
            for meter in meters
        ),
        data=tuple(
            (called[meter.meter_id], sentence)
            for meter in meters
            for sentence in data_findings(meter, t)
        ),
        months=month_table(assessed.savings, t),
        baselines=tuple(
            (called[meter.meter_id], meter.baseline_id[:SHOWN_ID])
            for meter in meters
            if meter.baseline_id is not None
        ),
        measures=_measures(cache, site, t),
        fresh=None
        if assessed.made_at is None
        else fresh_line(assessed.made_at, until, t, newer=newer),
        decisions=decision_rows(
            decision_ledger(site, ports.clock.now(), ports.planning, DAYS_A_PLAN), t
        ),
    )


def _measures(cache: SavingsCache, site: Site, t: PageTranslator) -> tuple[MeasureRow, ...]:
    """Every measure with its saving; none where the weather is away, or they are not made yet."""
    names = names_of((site,), t)
    rows = _where_known(lambda: measure_savings(cache, site)) or ()
    return tuple(
        MeasureRow(
            what=row.kept.measure.what,
            start=t.day(row.kept.measure.start, year=True),
            claim=None
            if row.savings is None or row.periods is None
            else claim_of(row.savings, row.periods, names, t),
            facts=tuple(t.describe(each) for each in row.facts),
        )
        for row in rows
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class UseTab:
    year: UseYearView | None
    meters: tuple[MeterView, ...]
    signature: ChartFigure | None


def use_tab(cache: SavingsCache, site: Site, t: PageTranslator) -> UseTab:
    return UseTab(
        year=_where_known(lambda: use_year_view(cache, site, t)),
        meters=_where_known(lambda: meter_views(cache.days(site), site, t)) or (),
        signature=_where_known(lambda: signature_figure(signature(cache, site), t)),
    )


def _where_known(look: Callable[[], T | None]) -> T | None:
    """What ``look`` returns; None where it cannot be told, or is not made yet."""
    try:
        return look()
    except (FeedError, ConfigError, NotMadeYet):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkTab:
    """What waits for a person at the building, and what people have decided."""

    matters: tuple[tuple[str, bool], ...]
    bookings: tuple[str, ...]
    events: EventsView
    trials: TrialsView
    shadow: ShadowDaysView | None


def work_tab(ports: ApiPorts, cache: SavingsCache, site: Site, t: PageTranslator) -> WorkTab:
    now = ports.clock.now()
    savings = cache.site(site).savings
    mode = mode_in_force(site, ports.control.decisions)
    standing = building_now(ports, site, now)
    found = attention_now([standing], ports.control.drivers.health(), now)
    matters = with_work(found, ports.work.items([site.id]), now)
    return WorkTab(
        matters=tuple((t.describe(each.what), each.urgent) for each in matters),
        bookings=_bookings(ports, site, t),
        events=events_view(ports.assessment.ledgers, site, savings, t),
        trials=trials_view(ports.trials, site, t),
        shadow=shadow_days_view(ports.control.trust, site, mode, now, t),
    )


def _bookings(ports: ApiPorts, site: Site, t: PageTranslator) -> tuple[str, ...]:
    rows = ports.control.decisions.bookings(site.id, ports.clock.now())
    return tuple(
        t(
            "booking_line",
            kind=t("booking_closed") if row.kind is BookingKind.CLOSED else t("booking_in_use"),
            where=t("override_all") if row.zone is None else site.zone(row.zone).name,
            start=t.moment(row.start),
            end=t.moment(row.end),
            reason=row.reason,
        )
        for row in rows
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailTab:
    receipts: tuple[ReceiptRow, ...]
    trail: TrailView | None


def trail_tab(
    ports: ApiPorts, site: Site, asked: str | None, key: Actor | None, t: PageTranslator
) -> TrailTab:
    """What was sent to the building; the way back is for those who may operate."""
    since = ports.clock.now() - A_DAY
    may = key is not None and key.may(Permission.TRACE, site.id)
    return TrailTab(
        receipts=receipt_rows(ports.control.ledgers.receipts(site.id, since), site, t),
        trail=trail_view(ports, site, asked, t) if may else None,
    )
