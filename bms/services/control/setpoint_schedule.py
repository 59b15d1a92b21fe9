"""The setpoint schedule that a controller fetches by itself, instead of being written to.

It obeys the same rules as a write: only in mode ``auto``, only a plan that passed the checker and
is fresh, no point that a person has overridden or written, values within the limits of the point.
It has a lease, too: a controller that could not fetch again before the lease has ended goes back to
its own control.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from bms.errors import NotFound
from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.site import Mode, Site
from bms.model.assets.write_rule import WriteRule
from bms.model.fact import Fact, fact
from bms.model.planning.plan import Plan, SetpointPlan, Step
from bms.services.control.authority import PLAN, AuthorityReason, plan_flaw
from bms.services.control.point_limits import Fitted, fit
from bms.services.control.ports import ControlPorts
from bms.services.control.trial_block import next_rest, turn_at
from bms.services.control.ventilation_minimum import Need, bookings_ahead, least_flow, least_run
from bms.services.occupancy import Use
from bms.services.site_lookup import mode_in_force


@dataclass(frozen=True, slots=True, kw_only=True)
class Handout:
    """What a controller may apply. ``setpoints`` is empty where ``reasons`` say why."""

    device: str
    site: str
    plan: str | None
    lease: timedelta
    lease_end: datetime
    setpoints: tuple[SetpointPlan, ...]
    reasons: tuple[Fact, ...] = ()


def device_of(sites: Mapping[str, Site], device_id: str) -> tuple[Site, Device]:
    """The device and its site. Raises ``NotFound``."""
    site = sites.get(device_id.split("/", 1)[0])
    device = next((d for d in site.devices if d.id == device_id), None) if site else None
    if site is None or device is None:
        raise NotFound(f"no controller {device_id!r}")
    return site, device


def handout(
    sites: Mapping[str, Site],
    device_id: str,
    *,
    now: datetime,
    ports: ControlPorts,
    lease: timedelta,
) -> Handout:
    """The coming setpoints of a controller's own points.

    Raises ``NotFound``, and ``GuardError`` where it cannot be told what people have written.
    """
    site, device = device_of(sites, device_id)
    plan = ports.plans.plan_in_force(site.id)
    trials = ports.trials.trials(site.id)
    turn = turn_at(trials, now)
    why_not = turn.words if turn is not None and turn.rests else None
    why_not = why_not or _objection(mode_in_force(site, ports.decisions), plan, now)
    setpoints: tuple[SetpointPlan, ...] = ()
    reasons: tuple[Fact, ...] = ()
    if why_not is None:
        setpoints, reasons = _allowed(site, device, plan, now, ports, lease)
    rest = next_rest(trials, now)
    lease_end = now + lease
    return Handout(
        device=device.id,
        site=site.id,
        plan=plan.id if plan and why_not is None else None,
        lease=lease,
        lease_end=lease_end if rest is None else min(lease_end, rest),
        setpoints=setpoints,
        reasons=reasons if why_not is None else (why_not,),
    )


def _objection(mode: Mode, plan: Plan | None, now: datetime) -> Fact | None:
    if mode is not Mode.AUTO:
        return fact(AuthorityReason.MODE_NOT_AUTO, mode=mode.value)
    return plan_flaw(plan, now)


def _allowed(
    site: Site,
    device: Device,
    plan: Plan | None,
    now: datetime,
    ports: ControlPorts,
    lease: timedelta,
) -> tuple[tuple[SetpointPlan, ...], tuple[Fact, ...]]:
    """The rows of the plan that this device may have, and why others are left out."""
    overrides = ports.decisions.overrides(site.id, now)
    leases = ports.journal.leases().values()
    written = [h.command for h in leases if h.command.actor != PLAN and not h.ended(now)]
    points = {p.id: p for p in site.points if p.device == device.id}
    use = bookings_ahead(site, ports.decisions, now)
    rows: list[SetpointPlan] = []
    reasons: list[Fact] = []
    for row in plan.schedule.setpoints if plan else ():
        point = points.get(row.point)
        if point is None or point.write is None:
            continue
        people: list[tuple[str, str | Fact]] = [
            (o.actor, o.reason) for o in overrides if o.point in (None, row.point)
        ]
        people += [(c.actor, c.reason) for c in written if c.point == row.point]
        if people:
            (actor, reason), *_ = people
            reasons.append(
                fact(AuthorityReason.OVERRIDDEN, point=row.point, actor=actor, reason=reason)
            )
            continue
        least = partial(_least, use, point, now, now + lease)
        rows.append(_ahead(row, point, point.write, now, least))
    return tuple(row for row in rows if row.steps), tuple(reasons)


def _ahead(
    row: SetpointPlan,
    point: Point,
    rule: WriteRule,
    now: datetime,
    least: Callable[[Step], Need | None],
) -> SetpointPlan:
    """What is still to come, within the limits of the point and never less air than people need;
    what is unfit is left out."""
    steps: list[Step] = []
    for step in row.steps:
        if step.end <= now:
            continue
        need = least(step)
        wish = step.value if need is None else need.raised(step.value)
        # the ramp counts from the step before; a controller applies them in order
        fitted = fit(wish, replace(rule, max_change=None), None)
        if isinstance(fitted, Fitted) and (need is None or need.met_by(fitted.value)):
            steps.append(replace(step, value=fitted.value))
    return SetpointPlan(point=point.id, unit=point.unit, steps=tuple(steps))


def _least(
    use: Use | None, point: Point, now: datetime, lease_end: datetime, step: Step
) -> Need | None:
    """The air that people need in a step. What has to run is looked up until the lease ends only:
    by then the controller has fetched again, and a unit need not run all night for an hour."""
    start, end = max(now, step.start), min(step.end, lease_end)
    running = least_run(use, point, start, end) if start < end else None
    return running or least_flow(use, point, start, step.end)
