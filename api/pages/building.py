"""What the page of one building shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.pages.language import PageTranslator
from api.pages.panels.claim import Claim, claim_of
from api.pages.panels.events import EventsView, events_view
from api.pages.panels.meters import MeterView, meter_views
from api.pages.panels.months import MonthTable, month_table
from api.pages.panels.plan import PlanView, plan_view
from api.pages.panels.points import what_of
from api.pages.panels.receipts import ReceiptRow, overridden_points, receipt_rows
from api.pages.panels.shadow_days import ShadowDaysView, shadow_days_view
from api.pages.panels.standing import BuildingRow, building_row, names_of
from api.pages.panels.trials import TrialRow, trial_rows
from api.pages.panels.zones import ZoneView, zone_views
from api.ports import ApiPorts
from bms.model.assets.site import Site
from bms.model.control.command import Override
from bms.model.savings.trial import KeptTrial
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.control.trial_block import trial_block_at
from bms.services.overview.buildings import buildings_now


def trial_line(kept: Sequence[KeptTrial], now: datetime, t: PageTranslator) -> str | None:
    """The block of a trial that is on, or when one begins; None where none is open."""
    block = trial_block_at(kept, now)
    if block is not None:
        return t.describe(block.notice)
    coming = next((known.trial for known in kept if known.open(now)), None)
    if coming is None:
        return None
    return t("trial_coming", trial=coming.id, time=t.moment(coming.start))


A_DAY = timedelta(hours=24)
SHOWN_ID = 12
"""Digits of a baseline id that are shown; enough to tell two apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildingView:
    """Everything on the page of one building, in words and charts."""

    id: str
    row: BuildingRow
    mode_long: str
    overrides: tuple[str, ...]
    trial: str | None
    zones: tuple[ZoneView, ...]
    plan: PlanView | None
    meters: tuple[MeterView, ...]
    claim: Claim
    meter_claims: tuple[tuple[str, Claim], ...]
    months: MonthTable | None
    baselines: tuple[tuple[str, str], ...]
    trials: tuple[TrialRow, ...]
    events: EventsView
    shadow: ShadowDaysView | None
    receipts: tuple[ReceiptRow, ...]


def building_page(
    ports: ApiPorts, cache: SavingsCache, site: Site, t: PageTranslator
) -> BuildingView:
    """The page of a site as it stands now."""
    now = ports.clock.now()
    plan = ports.control.plans.plan_in_force(site.id, now)
    assessed = cache.site(site)
    taken = overridden_points(site, now, ports.control.decisions, ports.control.journal)
    names = names_of((site,), t)
    (standing,) = buildings_now([site], ports.control, now)
    row = building_row(standing, now, t)
    return BuildingView(
        id=site.id,
        row=row,
        mode_long=t(f"mode_{row.mode.value}_long"),
        overrides=_overrides(ports.control.decisions.overrides(site.id, now), site, t),
        trial=trial_line(ports.control.trials.trials(site.id), now, t),
        zones=zone_views(ports.planning.readings, site, plan, taken, now, t),
        plan=None if plan is None else plan_view(plan, site, now, t),
        meters=meter_views(cache.days(site), site, t),
        claim=claim_of(assessed.savings, assessed, names, t),
        meter_claims=tuple(
            (t(f"meter_{meter.commodity.value}"), claim_of(meter, assessed, names, t))
            for meter in assessed.savings.meters
        ),
        months=month_table(assessed.savings, t),
        baselines=tuple(
            (t(f"meter_{meter.commodity.value}"), meter.baseline_id[:SHOWN_ID])
            for meter in assessed.savings.meters
            if meter.baseline_id is not None
        ),
        trials=trial_rows(ports.trials, site, t),
        events=events_view(ports.assessment.ledgers, site, assessed.savings, t),
        shadow=shadow_days_view(ports.control.trust, site, row.mode, now, t),
        receipts=receipt_rows(ports.control.ledgers.receipts(site.id, now - A_DAY), site, t),
    )


def _overrides(overrides: Sequence[Override], site: Site, t: PageTranslator) -> tuple[str, ...]:
    return tuple(
        t(
            "override_row",
            what=t("override_all") if known.point is None else what_of(known.point, site, t),
            reason=known.reason if isinstance(known.reason, str) else t.describe(known.reason),
            actor=known.actor,
            since=t.moment(known.since),
            until="" if known.until is None else t("override_until", time=t.moment(known.until)),
        )
        for known in overrides
    )
