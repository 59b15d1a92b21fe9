"""What a plan knew of weather and prices when it was made, and what came since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from bms.errors import FeedError, NotFound
from bms.model.assets.equipment import HeatSourceKind
from bms.model.assets.point import Role
from bms.model.assets.site import Site
from bms.model.planning.grid import on_grid
from bms.model.planning.plan import Plan
from bms.model.planning.problem import Numbers, Problem
from bms.model.readings.series import Floats
from bms.ports.feeds import Feed, Tariffs
from bms.ports.storage.plans import PlanStore
from bms.ports.storage.readings import ReadingStore
from bms.services.points_by_role import means, point_of


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanKnowledge:
    """Series by the steps that begin at ``times``: outdoor temperature as it was foreseen and as it
    came [degC], the standard deviation that was expected of its error [K], and the price of what
    heat is billed by, then and as it is known now [DKK/kWh]. None is not known."""

    times: tuple[datetime, ...]
    temp_out_c: Numbers
    spread_k: Numbers
    came_c: Numbers
    price: Numbers
    price_now: Numbers


def plan_to_draw(plans: PlanStore, site: str, plan: str | None, now: datetime) -> Plan:
    """Returns a plan of a site by its id; without one that in force at ``now``.

    Raises ``NotFound`` where there is none, in the same words for a plan of another site.
    """
    found = plans.plan_in_force(site, now) if plan is None else _plan_of(plans, site, plan)
    if found is None:
        raise NotFound(f"there is no plan {plan or 'in force'} of {site}")
    return found


def _plan_of(plans: PlanStore, site: str, plan: str) -> Plan | None:
    """A plan of a site; None where it has none of this id. Raises ``NotFound`` for one whose
    problem is gone."""
    try:
        kept = plans.kept_plan(plan)
    except NotFound:
        return None
    return (kept.whole() or plans.plan(plan)) if kept.schedule.site == site else None


def plan_knowledge(
    plan: Plan, site: Site, *, now: datetime, readings: ReadingStore, feed: Feed, tariffs: Tariffs
) -> PlanKnowledge:
    """What the plan of a site knew beside what is known by ``now``. Raises ``StoreUnavailable``."""
    problem, n = plan.problem, plan.problem.steps
    step = timedelta(seconds=problem.step_s)
    electric = problem.heat_source.kind is HeatSourceKind.HEAT_PUMP
    price = problem.electricity_dkk_per_kwh if electric else problem.heat_dkk_per_kwh
    return PlanKnowledge(
        times=tuple(problem.start + step * k for k in range(n)),
        temp_out_c=_of_length(problem.weather.temp_out_c, n),
        spread_k=_of_length(problem.weather.temp_out_spread_k, n),
        came_c=_numbers(_came(problem, site, now, readings)),
        price=_of_length(price, n),
        price_now=_numbers(_price_now(problem, site, now, feed, tariffs, electric=electric)),
    )


def _came(problem: Problem, site: Site, now: datetime, readings: ReadingStore) -> Floats:
    """What the building's own sensor showed; NaN from ``now`` on."""
    n, step = problem.steps, timedelta(seconds=problem.step_s)
    seen = means(readings, point_of(site, Role.OUTDOOR_TEMP), problem.start, n)
    over = np.array([problem.start + step * (k + 1) <= now for k in range(n)], dtype=bool)
    return np.where(over, seen, np.nan)


def _price_now(
    problem: Problem, site: Site, now: datetime, feed: Feed, tariffs: Tariffs, *, electric: bool
) -> Floats:
    n, step = problem.steps, timedelta(seconds=problem.step_s)
    if not electric:
        return tariffs.heat(site.heat_tariff, problem.start, step, n).values
    try:
        end = problem.start + step * n
        spot = feed.spot(site.price_area, start=problem.start, end=end, now=now)
        total = tariffs.electricity(site.electricity_tariff, spot.series)
    except FeedError:
        return np.full(n, np.nan)
    return on_grid(total, problem.start, step, n)


def _of_length(values: Numbers, n: int) -> Numbers:
    return (*values, *(None,) * n)[:n]


def _numbers(values: Floats) -> Numbers:
    return tuple(None if np.isnan(v) else float(v) for v in values)
