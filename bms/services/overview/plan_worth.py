"""What a plan spares a day against the building's own control, and what an override forgoes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bms.model.assets.point import Role
from bms.model.assets.site import Site
from bms.model.planning.plan import Plan

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanWorth:
    """What the plan spares a day [kWh/d], [DKK/d]; None where the model cannot say."""

    kwh: float | None
    dkk: float | None


def plan_worth(plan: Plan) -> PlanWorth:
    """The mean over the plan's horizon of own control less the plan, per day."""
    schedule = plan.schedule
    days = (schedule.end - schedule.start) / DAY
    ours, own = schedule.expected, schedule.own_control
    return PlanWorth(
        kwh=_a_day(own.energy_kwh, ours.energy_kwh, days),
        dkk=_a_day(own.cost_dkk, ours.cost_dkk, days),
    )


def override_cost(site: Site, point: str | None, worth: PlanWorth) -> PlanWorth:
    """What it forgoes a day that we keep our hands off ``point``, or (None) off the whole site.

    The setpoint of a room stands for its share of the floor area of all rooms; what another point
    is worth alone no plan says: both are None then.
    """
    if point is None:
        return worth
    known = next((each for each in site.points if each.id == point), None)
    if known is None or known.role is not Role.ZONE_SETPOINT or known.zone is None:
        return PlanWorth(kwh=None, dkk=None)
    whole = sum(zone.area_m2 for zone in site.zones)
    share = site.zone(known.zone).area_m2 / whole if whole else 1.0
    return PlanWorth(
        kwh=None if worth.kwh is None else worth.kwh * share,
        dkk=None if worth.dkk is None else worth.dkk * share,
    )


def _a_day(own: float | None, ours: float | None, days: float) -> float | None:
    return None if own is None or ours is None or days <= 0 else (own - ours) / days
