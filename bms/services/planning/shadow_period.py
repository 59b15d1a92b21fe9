"""The shadow period: what a site has to show before plans are written to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from bms.model.assets.site import Site
from bms.model.fact import Fact, MessageCode, fact
from bms.model.planning.prediction import PredictionDay
from bms.ports.storage.plans import PlanStore
from bms.services.periods import local_date
from bms.services.planning.model_drift import drift_facts, drifting_zones

SHADOW_DAYS = 14
LOOK_BACK = timedelta(days=30)
GATE_RATIO, LEAST_K = 1.5, 0.25
"""A day meets the gate where the error 24 h ahead is at most so many times that on held-out days;
held-out errors below ``LEAST_K`` [K] count as this."""


class ShadowGap(MessageCode):
    """What a site lacks before plans may be written to it."""

    DAYS_MISSING = "shadow_days_missing"


def shadow_gap(site: Site, plans: PlanStore, now: datetime) -> Fact | None:
    """What is missing before the site may go to ``auto``; None when nothing is.

    Raises ``StoreUnavailable``.
    """
    drifted = drift_facts(site, drifting_zones(site, plans, now))
    if drifted:
        return drifted[0]
    today = local_date(now, site.timezone)
    met = days_that_met(plans.predictions(site.id, today - LOOK_BACK))
    if len(met) >= SHADOW_DAYS:
        return None
    return fact(ShadowGap.DAYS_MISSING, site=site.id, met=len(met), asked=SHADOW_DAYS)


def days_that_met(rows: Sequence[PredictionDay]) -> list[date]:
    """The local days on which the predictions of every zone held, 24 h ahead."""
    by_day: dict[date, list[bool]] = defaultdict(list)
    for row in rows:
        if row.expected_k is not None:
            by_day[row.day].append(held(row))
    return sorted(day for day, zones in by_day.items() if all(zones))


def held(row: PredictionDay) -> bool:
    """Whether the predictions of a zone held on a local day, as the gate asks for."""
    if row.rmse_k is None or row.expected_k is None or row.drifting:
        return False
    return row.rmse_k <= GATE_RATIO * max(LEAST_K, row.expected_k)
