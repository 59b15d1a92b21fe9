"""Days beside the plan: what a site in ``observe`` or ``advise`` was advised, what the model
expected of that and of own control, what happened, and whether people did what was advised."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bms.model.assets.point import Point, Role
from bms.model.assets.site import Mode, Site
from bms.model.planning.plan import Plan, SetpointPlan
from bms.model.trust.modes import Application, ShadowDay
from bms.services.control.ports import ControlPorts
from bms.services.modes.bounds import violation_kh
from bms.services.occupancy import use_of
from bms.services.off_loop import off_loop
from bms.services.periods import local_date, midnight
from bms.services.site_lookup import mode_in_force

DAY, QUARTER = timedelta(days=1), timedelta(minutes=15)
APPLIED, PARTLY = 0.8, 0.2
"""Shares of the time [1] in which the advised values stood at the building: from the one on the
advice was applied, from the other on partly."""


async def record_shadow_day(site: Site, now: datetime, ports: ControlPorts) -> ShadowDay | None:
    """Keep the local day that ended last, beside the plan that stood when it began. None where
    plans are written, and where there was none. Raises ``StoreUnavailable``."""
    return await off_loop(_record, site, now, ports)


def _record(site: Site, now: datetime, ports: ControlPorts) -> ShadowDay | None:
    if mode_in_force(site, ports.decisions) is Mode.AUTO:
        return None
    day = local_date(now, site.timezone) - DAY
    start, end = midnight(day, site.timezone), midnight(day + DAY, site.timezone)
    plan = ports.plans.plan_in_force(site.id, start + QUARTER)
    if plan is None or not plan.schedule.start <= start + QUARTER < plan.schedule.end:
        return None
    use = use_of(site, ports.decisions, start, end)
    found = (violation_kh(use, zone, start, end, ports.readings) for zone in site.zones)
    happened = [kh for kh in found if kh is not None]
    followed = _followed(site, plan, start, min(end, plan.schedule.end), ports)
    expected, own = plan.schedule.expected, plan.schedule.own_control
    row = ShadowDay(
        site=site.id,
        day=day,
        plan=plan.id,
        plan_kwh=expected.energy_kwh,
        own_kwh=own.energy_kwh,
        plan_kh=expected.comfort_kh,
        own_kh=own.comfort_kh,
        happened_kh=sum(happened) if happened else None,
        followed=followed,
        application=application_of(followed),
    )
    ports.trust.keep_shadow_days([row])
    return row


def application_of(followed: float | None) -> Application:
    """What people did with the advice, by the share of the time in which it stood."""
    if followed is None:
        return Application.UNKNOWN
    if followed >= APPLIED:
        return Application.APPLIED
    return Application.PARTLY if followed >= PARTLY else Application.NOT


def _followed(
    site: Site, plan: Plan, start: datetime, end: datetime, ports: ControlPorts
) -> float | None:
    """The share of the quarters of an hour in which what stood at the levers was what was advised;
    those in which own control would have had the same tell nothing and do not count."""
    points = {point.id: point for point in site.points if point.write is not None}
    agreed = [
        each
        for row in plan.schedule.setpoints
        if row.point in points
        for each in _agreed(site, points[row.point], row, start, end, ports)
    ]
    return sum(agreed) / len(agreed) if agreed else None


def _agreed(
    site: Site,
    point: Point,
    row: SetpointPlan,
    start: datetime,
    end: datetime,
    ports: ControlPorts,
) -> list[bool]:
    """Whether each reading of a lever showed what was advised."""
    assert point.write is not None
    near = point.write.tolerance + point.write.resolution / 2
    agreed = []
    for reading in ports.readings.readings(point.id, start, end):
        value, advised = reading.good_value, row.value_at(reading.time)
        if value is None or advised is None:
            continue
        own = _own(site, point, reading.time)
        if own is None or abs(own - advised) > near:
            agreed.append(abs(value - advised) <= near)
    return agreed


def _own(site: Site, point: Point, at: datetime) -> float | None:
    """What own control has at a lever then, where the site file says so."""
    if point.role is not Role.ZONE_SETPOINT or point.zone is None:
        return None
    zone = site.zone(point.zone)
    local = at.astimezone(ZoneInfo(site.timezone))
    return zone.own_setpoint.value_at(local, closed=site.closed(local.date()))
