"""Have the question answered by the optimiser and checked independently; keep both."""

from __future__ import annotations

import asyncio
import uuid
from datetime import datetime, timedelta

from bms.model.plan import BuildingModel, NoModel, Plan
from bms.model.site import Site
from bms.ports import Checker, Feed, Planner, Store, Tariffs
from bms.services.occupancy import outdated, use_of
from bms.services.problem import IDENTIFY_DAYS, assemble


async def identify_site(
    site: Site, *, now: datetime, store: Store, feed: Feed, tariffs: Tariffs, planner: Planner
) -> BuildingModel | NoModel:
    """Learn the building from its last weeks; a model is kept, a refusal leaves the old one."""

    def work() -> BuildingModel | NoModel:
        problem = assemble(
            site,
            now=now,
            store=store,
            feed=feed,
            tariffs=tariffs,
            horizon=timedelta(hours=24),
            history_days=IDENTIFY_DAYS,
        )
        answer = planner.identify(problem)  # begins from the model of last time, where there is one
        if isinstance(answer, BuildingModel):
            store.save_model(answer)
        return answer

    return await asyncio.to_thread(work)


async def plan_site(
    site: Site,
    *,
    now: datetime,
    store: Store,
    feed: Feed,
    tariffs: Tariffs,
    planner: Planner,
    checker: Checker,
    horizon: timedelta,
) -> Plan:
    """Plan a site from ``now`` on. The plan is kept with its problem and every objection."""

    def work() -> Plan:
        problem = assemble(site, now=now, store=store, feed=feed, tariffs=tariffs, horizon=horizon)
        schedule = planner.plan(problem)
        plan = Plan(
            id=uuid.uuid4().hex,
            site=site.id,
            created_at=now,
            problem=problem,
            schedule=schedule,
            objections=checker.check(problem, schedule),
        )
        store.add_plan(plan)
        return plan

    return await asyncio.to_thread(work)


async def use_has_changed(site: Site, *, now: datetime, store: Store) -> bool:
    """Whether there is a booking or closure that the plan in force does not know of.

    Raises ``StoreUnavailable``.
    """

    def work() -> bool:
        plan = store.plan_in_force(site.id)
        if plan is None:
            return False
        use = use_of(site, store, plan.schedule.start, plan.schedule.end)
        return outdated(plan, use, now)

    return await asyncio.to_thread(work)
