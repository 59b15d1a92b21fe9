"""How long a local override is respected (clause W8).

Only where it cannot be seen to leave, at the setpoint register of a room, may it run out: at the
first change of use of the zone that is two hours or more later, else after the time of the site
file. Everything else stands until it is taken back.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bms.model.assets.point import Point, Role
from bms.model.assets.site import Site
from bms.model.assets.write_rule import ReleaseKind
from bms.model.control.local_override import LocalOverride
from bms.ports.storage.decisions import DecisionStore
from bms.services.occupancy import use_of

LEAST = timedelta(hours=2)
STEP = timedelta(minutes=15)
REGISTERS = (ReleaseKind.TIMETABLE, ReleaseKind.CONSTANT, ReleaseKind.REMOTE_ENABLE)


def end_of(site: Site, override: LocalOverride, decisions: DecisionStore) -> datetime | None:
    """When it runs out (building time), None where it does not. Raises ``StoreUnavailable``."""
    point = next((each for each in site.points if each.id == override.point), None)
    if point is None or not runs_out(point):
        return None
    assert point.write is not None
    last = override.since + timedelta(hours=point.write.local_override_hold)
    change = _change_of_use(site, point, override.since + LEAST, last, decisions)
    return last if change is None else change


def runs_out(point: Point) -> bool:
    """Whether it is the setpoint register of a room."""
    rule = point.write
    if rule is None or point.role is not Role.ZONE_SETPOINT:
        return False
    return rule.release.kind in REGISTERS


def _change_of_use(
    site: Site, point: Point, start: datetime, end: datetime, decisions: DecisionStore
) -> datetime | None:
    """When people first come to the zone or leave it in ``[start, end)``; None where neither."""
    zone = next((each for each in site.zones if each.id == point.zone), None)
    steps = -(-(end - start) // STEP)
    if zone is None or steps < 1:
        return None
    first = start - timedelta(seconds=start.timestamp() % STEP.total_seconds())
    use = use_of(site, decisions, first, end)
    busy = use.in_use(zone, first - STEP, round(STEP.total_seconds()), steps + 2)
    for number in range(1, len(busy)):
        moment = first + (number - 1) * STEP
        if busy[number] != busy[number - 1] and start <= moment < end:
            return moment
    return None
