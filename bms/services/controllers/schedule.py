"""The setpoint schedule that a controller fetches by itself, instead of being written to.

It passes the same gate as a write (``authority``), and values lie within the limits of the point.
It has a lease, too: a controller that could not fetch again before the lease has ended goes back to
its own control.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from bms.errors import NotFound
from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.fact import Fact
from bms.model.planning.plan import SetpointPlan, Step
from bms.services.control.authority import Permitted, Withheld, Writer, may_write, withheld_site
from bms.services.control.point_limits import ClampedValue, clamp
from bms.services.control.ports import ControlPorts
from bms.services.control.site_state import RecordsOf, SiteState, records_of, states_of
from bms.services.control.ventilation_minimum import AirNeed, least_flow, least_run
from bms.services.occupancy import Use


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerSchedule:
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


def controller_schedules(
    sites: Mapping[str, Site],
    device_ids: Collection[str],
    *,
    now: datetime,
    ports: ControlPorts,
    lease: timedelta,
    records: RecordsOf = records_of,
) -> dict[str, ControllerSchedule]:
    """The coming setpoints of each of these controllers' own points.

    Raises ``NotFound``, and ``GuardError`` where it is not known what people have written.
    """
    devices = {device_id: device_of(sites, device_id) for device_id in device_ids}
    sites_asked = {site.id: site for site, _ in devices.values()}.values()
    states = states_of(sites_asked, now, ports, records)
    return {
        device_id: _schedule(states[site.id], device, lease)
        for device_id, (site, device) in devices.items()
    }


def controller_schedule(
    sites: Mapping[str, Site],
    device_id: str,
    *,
    now: datetime,
    ports: ControlPorts,
    lease: timedelta,
) -> ControllerSchedule:
    """The same of one controller."""
    return controller_schedules(sites, [device_id], now=now, ports=ports, lease=lease)[device_id]


def _schedule(state: SiteState, device: Device, lease: timedelta) -> ControllerSchedule:
    now = state.now
    withheld = withheld_site(state, Writer.CONTROLLER)
    rows, reasons = offered(state, device, now + lease) if withheld is None else ((), ())
    rest = state.own_control_from
    return ControllerSchedule(
        device=device.id,
        site=state.site.id,
        plan=state.plan.id if state.plan is not None and withheld is None else None,
        lease=lease,
        lease_end=now + lease if rest is None else min(now + lease, rest),
        setpoints=rows,
        reasons=reasons if withheld is None else (withheld.reason,),
    )


def offered(
    state: SiteState, device: Device, lease_end: datetime
) -> tuple[tuple[SetpointPlan, ...], tuple[Fact, ...]]:
    """The rows of the plan that this device may have, and why others are left out."""
    own = {point.id for point in state.site.points if point.device == device.id}
    rows: list[SetpointPlan] = []
    reasons: list[Fact] = []
    for row in state.plan.schedule.setpoints if state.plan is not None else ():
        if row.point not in own:
            continue
        answer = may_write(state, row.point, Writer.CONTROLLER)
        if isinstance(answer, Withheld):
            reasons.append(answer.reason)
        else:
            least = partial(_least, state.use, answer.point, state.now, lease_end)
            rows.append(_coming(row, answer, state.now, least))
    return tuple(row for row in rows if row.steps), tuple(reasons)


def _coming(
    row: SetpointPlan, permission: Permitted, now: datetime, least: Callable[[Step], AirNeed | None]
) -> SetpointPlan:
    """What is still to come, within the limits of the point and never less air than people need;
    what may not be written is left out."""
    # the ramp counts from the step before; a controller applies them in order
    rule = replace(permission.rule, max_change=None)
    steps: list[Step] = []
    for step in row.steps:
        if step.end <= now:
            continue
        need = least(step)
        clamped = clamp(step.value if need is None else need.raised(step.value), rule, None)
        if isinstance(clamped, ClampedValue) and (need is None or need.met_by(clamped.value)):
            steps.append(replace(step, value=clamped.value))
    point = permission.point
    return SetpointPlan(point=point.id, unit=point.unit, steps=tuple(steps))


def _least(
    use: Use | None, point: Point, now: datetime, lease_end: datetime, step: Step
) -> AirNeed | None:
    """The air that people need in a step. What has to run is looked up until the lease ends only:
    by then the controller has fetched again, and a unit need not run all night for an hour."""
    start, end = max(now, step.start), min(step.end, lease_end)
    running = least_run(use, point, start, end) if start < end else None
    return running or least_flow(use, point, start, step.end)
