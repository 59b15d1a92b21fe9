"""What the decisions of plans were to bring, and what the heat meter showed.

For every local day at which a site was run by its plans: the plan that stood when the day began
says what each kind of decision was to bring beside own control (``Schedule.day_ahead``).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np

from bms.model.assets.site import Site
from bms.model.planning.decision_day import DecisionDay, DecisionLedger
from bms.model.planning.plan import Plan
from bms.model.planning.problem import History, Numbers
from bms.model.readings.series import Floats
from bms.services.effective_control import DatedReceipts, last_in_effect
from bms.services.periods import local_date, midnight
from bms.services.planning.decisions.worth import day_beside, heat_price_of, worth_by_kind
from bms.services.planning.ports import PlanningPorts
from bms.services.planning.problem import history
from bms.services.points_by_role import STEP

DAY = timedelta(days=1)
REMEMBERED_DAYS = 28
"""The problems of plans, with the prices of their days, are kept for 30 days."""
RENEWED = timedelta(hours=6)
"""For so long at most a receipt stands for its renewals."""
ASKED_EVERY = timedelta(hours=4)
CONTROLLED_PART = 0.8
KNOWN_PART = 0.9
DAYS_A_PLAN = 2


def decision_ledger(
    site: Site, now: datetime, ports: PlanningPorts, most: int = REMEMBERED_DAYS
) -> DecisionLedger:
    """Returns the ledger of the last :data:`REMEMBERED_DAYS` whole local days. At most ``most`` of
    those that are not remembered are looked up, the newest first, the others with later calls.

    Raises ``StoreUnavailable``.
    """
    known = _look_at(site, now, ports, most)
    return DecisionLedger(site=site.id, days=known, kinds=worth_by_kind(known))


def storing_share(site: Site, now: datetime, ports: PlanningPorts) -> float | None:
    """Returns the part of what storing was to bring that came; None while too few days tell. Raises
    ``StoreUnavailable``."""
    return decision_ledger(site, now, ports, DAYS_A_PLAN).storing_share


def _look_at(site: Site, now: datetime, ports: PlanningPorts, most: int) -> tuple[DecisionDay, ...]:
    """The days of a site that tell something, oldest first; a day of which nothing is known is
    asked again for two days."""
    today, seen = local_date(now, site.timezone), ports.decided.sites.setdefault(site.id, {})
    wanted = [today - back * DAY for back in range(1, REMEMBERED_DAYS + 1)]
    missing = [day for day in wanted if day not in seen][:most]
    if missing:
        first = midnight(min(missing), site.timezone)
        receipts = ports.ledgers.receipts(site.id, first - RENEWED)
        for day in missing:
            seen[day] = _decision_day(site, day, receipts, ports) if receipts else None
    found = tuple(each for day in reversed(wanted) if (each := seen.get(day)) is not None)
    for day in list(seen):
        if day not in wanted or (seen[day] is None and today - day <= 2 * DAY):
            del seen[day]
    return found


def _decision_day(
    site: Site, day: date, receipts: DatedReceipts, ports: PlanningPorts
) -> DecisionDay | None:
    start, end = midnight(day, site.timezone), midnight(day + DAY, site.timezone)
    plan = ports.plans.plan_in_force(site.id, start + STEP)
    if plan is None or plan.schedule.day_ahead is None:
        return None
    begins_late = abs(plan.schedule.start - start) > timedelta(hours=1)
    if begins_late or not _was_controlled(site, plan, start, end, receipts):
        return None
    past = history(site, now=end, ports=ports, days=(end - start) / DAY)
    heat, outdoor = _floats(past.heat_kw), _floats(past.weather.temp_out_c)
    price = heat_price_of(plan.problem, len(heat))
    if price is None or min(_known(heat), _known(outdoor)) < KNOWN_PART:
        return None
    found = day_beside(day, plan.schedule.day_ahead, _filled(heat), _filled(outdoor), price)
    return replace(found, plan=plan.id, cold_kh=_cold_kh(site, past))


def _cold_kh(site: Site, past: History) -> float:
    """How far below their bands the rooms were in use [K h]."""
    step_h = past.step_s / 3600.0
    return sum(
        step_h * max(0.0, site.zone(row.id).comfort.low_c - room)
        for row in past.zones
        for used, room in zip(row.occupied, row.temp_c, strict=False)
        if used and room is not None
    )


def _floats(values: Numbers) -> Floats:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def _was_controlled(
    site: Site, plan: Plan, start: datetime, end: datetime, receipts: DatedReceipts
) -> bool:
    """Whether our values acted at the levers of the zones for most of a day."""
    levers = {zone.lever.point for zone in plan.problem.zones if zone.lever is not None}
    mine = [(at, receipt) for at, receipt in receipts if start - RENEWED <= at < end]
    moments = [start + ASKED_EVERY * (i + 0.5) for i in range(round((end - start) / ASKED_EVERY))]
    acting = [len(levers & set(last_in_effect(mine, moment))) for moment in moments]
    return bool(levers) and sum(acting) >= CONTROLLED_PART * len(levers) * len(moments)


def _known(values: Floats) -> float:
    return float(np.isfinite(values).mean()) if len(values) else 0.0


def _filled(values: Floats) -> Floats:
    """Values (n,) with their mean where one is missing."""
    return np.where(np.isfinite(values), values, np.nanmean(values))
