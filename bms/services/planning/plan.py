"""Have the question answered by the optimiser and checked independently; keep both."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta

from bms.errors import NotFound
from bms.model.assets.site import Mode, Site
from bms.model.fact import MessageCode, fact
from bms.model.planning.plan import Plan, Schedule
from bms.model.planning.plan_digest import sealed
from bms.model.planning.problem import BuildingModel, NoModel, Problem, ZoneTask
from bms.model.trust.modes import AutoScope
from bms.ports.planner import StartLearner
from bms.services.control.site_state import PLAN_MAX_AGE
from bms.services.effective_control import LOOK_BACK, unconfirmed_points
from bms.services.occupancy import outdated, use_of
from bms.services.off_loop import off_loop
from bms.services.periods import local_date
from bms.services.planning.blind_rooms import sight_changed, with_sight
from bms.services.planning.decisions.ledger import storing_share
from bms.services.planning.held_levers import (
    HeldLeverNote,
    holds_changed,
    holds_of,
    left_to_own_control,
    with_holds,
)
from bms.services.planning.ports import PlanningPorts
from bms.services.planning.problem import IDENTIFY_DAYS, assemble, history
from bms.services.planning.shadow_period import shadow_gap
from bms.services.site_lookup import mode_in_force
from bms.services.standing_since import with_standing


class TrustNote(MessageCode):
    """What a plan says of what may not be written."""

    LEFT = "levers_not_commissioned"
    LIMITED = "plan_limited"


async def identify_site(
    site: Site, *, now: datetime, ports: PlanningPorts
) -> BuildingModel | NoModel:
    """Learn the building from its last weeks; a model is kept, a refusal leaves the old one, that
    of the building or of the zones that were refused."""

    def work() -> BuildingModel | NoModel:
        problem = assemble(
            site,
            now=now,
            ports=ports,
            horizon=timedelta(hours=24),
            history_days=IDENTIFY_DAYS,
        )
        answer = ports.planner.identify(
            problem
        )  # begins from the model of last time, where there is one
        if isinstance(answer, BuildingModel):
            answer = _with_old_zones(answer, ports.plans.model(site.id), site)
            ports.plans.save_model(answer)
        return answer

    return await off_loop(work)


def _with_old_zones(new: BuildingModel, old: BuildingModel | None, site: Site) -> BuildingModel:
    """The new model, with the old ones of the site's zones that it does not have: weeks from which
    nothing can be learned of a zone are no reason to forget what is known. Whether an old one
    still holds is watched day by day (``bms.services.planning.prediction_errors``)."""
    if old is None:
        return new
    learned = {zone.zone for zone in new.zones}
    missing = {zone.id for zone in site.zones} - learned
    kept = tuple(zone for zone in old.zones if zone.zone in missing)
    return replace(new, zones=(*new.zones, *kept))


def site_problem(site: Site, *, now: datetime, ports: PlanningPorts, horizon: timedelta) -> Problem:
    """The problem of a site from ``now`` on, with the levers that people hold and the rooms that
    nobody sees.

    Raises ``StoreUnavailable``.
    """
    problem = assemble(site, now=now, ports=ports, horizon=horizon)
    is_auto = mode_in_force(site, ports.decisions) is Mode.AUTO
    if is_auto and problem.model is not None and _is_limited(site, now, ports):
        note = fact(TrustNote.LIMITED)
        problem = replace(problem, model=None, notes=(*problem.notes, note))
    problem = _with_learned_starts(problem, site, now, ports)
    sight = ports.rooms.look(site, now)
    problem = with_sight(problem, site, sight, now=now, readings=ports.readings)
    problem = with_standing(problem, site, now, ports.readings, ports.device_times)
    if is_auto:
        problem = _as_commissioned(problem, site, ports)
        share = storing_share(site, now, ports)
        problem = replace(problem, excitation_nights=site.excitation_nights, storing_share=share)
    return with_holds(problem, holds_of(site, now, ports))


def _with_learned_starts(
    problem: Problem, site: Site, now: datetime, ports: PlanningPorts
) -> Problem:
    """The problem, with what the last weeks tell of the warm-ups of zones without a model; learned
    once a day, as the history of a plan is too short for it.

    Raises ``StoreUnavailable``.
    """
    modelled = {zone.zone for zone in problem.model.zones} if problem.model else set()
    waiting = {zone.id for zone in problem.zones if zone.lever} - modelled
    if not waiting or not isinstance(ports.planner, StartLearner):
        return problem
    today = local_date(now, site.timezone)
    day, known = ports.starts.sites.get(site.id, (None, {}))
    if day != today:
        past = history(site, now=now, ports=ports, days=IDENTIFY_DAYS)
        taught = ports.planner.learn_starts(replace(problem, history=past))
        known = {zone.id: zone for zone in taught.zones}
        ports.starts.sites[site.id] = (today, known)
    zones = (
        _as_learned(zone, known[zone.id]) if zone.id in waiting and zone.id in known else zone
        for zone in problem.zones
    )
    return replace(problem, zones=tuple(zones))


def _as_learned(zone: ZoneTask, taught: ZoneTask) -> ZoneTask:
    return replace(zone, learned_start=taught.learned_start, nights_excited=taught.nights_excited)


def _as_commissioned(problem: Problem, site: Site, ports: PlanningPorts) -> Problem:
    """The problem with the levers that are not commissioned left to own control: nothing is
    expected of what is not written (clause W15)."""
    flaws = ports.commissioned.flaws([site])[site.id]
    left = tuple(sorted({lever.point for lever in problem.levers} & set(flaws)))
    if not left:
        return problem
    note = fact(TrustNote.LEFT, points=left)
    return left_to_own_control(replace(problem, notes=(*problem.notes, note)), left)


def _is_limited(site: Site, now: datetime, ports: PlanningPorts) -> bool:
    """Whether the site was approved without a model, and predictions have not held since for as
    long as is asked of others: it is planned without one still."""
    if ports.trust.auto_scope(site.id) is not AutoScope.LIMITED:
        return False
    return shadow_gap(site, ports.plans, now) is not None


async def plan_site(site: Site, *, now: datetime, ports: PlanningPorts, horizon: timedelta) -> Plan:
    """Plan a site from ``now`` on. The plan is kept with its problem and every objection.

    Raises ``NotFound`` for a site of meters alone, which has no zones.
    """
    if not site.zones:
        raise NotFound(f"{site.id} has meters alone; nothing of it is planned")

    def work() -> Plan:
        problem = site_problem(site, now=now, ports=ports, horizon=horizon)
        schedule = _with_confirmed(site, problem, ports.planner.plan(problem), now, ports)
        plan = sealed(
            Plan(
                id=uuid.uuid4().hex,
                site=site.id,
                created_at=now,
                problem=problem,
                schedule=schedule,
                objections=ports.checker.check(problem, schedule),
            )
        )
        ports.plans.add_plan(plan)
        return plan

    return await off_loop(work)


def _with_confirmed(
    site: Site, problem: Problem, schedule: Schedule, now: datetime, ports: PlanningPorts
) -> Schedule:
    """The schedule, with what is expected where controllers that fetch it have not confirmed that
    they apply it (clause W15): their points are offered their values, and count as own control."""
    receipts = ports.ledgers.receipts(site.id, now - LOOK_BACK)
    silent = unconfirmed_points(site, receipts, now) & {lever.point for lever in problem.levers}
    if not silent:
        return schedule
    counted = ports.planner.plan(left_to_own_control(problem, silent))
    note = fact(HeldLeverNote.UNCONFIRMED, points=tuple(sorted(silent)))
    return replace(
        schedule,
        expected=counted.expected,
        forecast=counted.forecast,
        reasons=(*schedule.reasons, note),
    )


def is_of_now(plan: Plan, now: datetime) -> bool:
    """Whether a plan may be written now, as far as its time and its age go."""
    covers = plan.schedule.start <= now < plan.schedule.end
    return covers and now - plan.created_at <= PLAN_MAX_AGE


def plan_is_outdated(site: Site, *, now: datetime, ports: PlanningPorts) -> bool:
    """Whether there is no plan of now, or people have booked, closed, taken over or given back
    something that it does not know of, or rooms are blind or seen again since.

    Without one (the first start, an outage, a clock that was set) nothing would be written until
    the next whole hour (clause W17).

    Raises ``StoreUnavailable``.
    """
    plan = ports.plans.plan_in_force(site.id, now)
    if plan is None or not is_of_now(plan, now):
        return True
    use = use_of(site, ports.decisions, plan.schedule.start, plan.schedule.end)
    return (
        outdated(plan, use, now)
        or holds_changed(plan, holds_of(site, now, ports), now)
        or sight_changed(plan, ports.rooms.look(site, now), now)
    )
