"""Where levers stand that may not move at once: their ramps and least times count from there."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.planning.problem import Lever, Problem
from bms.model.readings.units import Unit
from bms.ports.storage.readings import ReadingStore
from bms.services.points_by_role import value_now
from bms.services.standing import least_time, stood_since


def with_standing(problem: Problem, site: Site, now: datetime, readings: ReadingStore) -> Problem:
    """The problem with the effective value of every lever that has a ramp or a least time, as it
    was seen last. Raises ``StoreUnavailable``."""
    points = {point.id: point for point in site.points}

    def standing(lever: Lever | None) -> Lever | None:
        return None if lever is None else _standing(lever, points[lever.point], now, readings)

    curve = problem.curve
    return replace(
        problem,
        zones=tuple(replace(zone, lever=standing(zone.lever)) for zone in problem.zones),
        ventilation=tuple(
            replace(
                unit,
                lever=standing(unit.lever),
                flow_lever=standing(unit.flow_lever),
                supply_lever=standing(unit.supply_lever),
            )
            for unit in problem.ventilation
        ),
        curve=None if curve is None else replace(curve, lever=standing(curve.lever) or curve.lever),
    )


def _standing(lever: Lever, point: Point, now: datetime, readings: ReadingStore) -> Lever:
    switches = lever.unit is Unit.ON_OFF and (lever.minimum_on > 0 or lever.minimum_off > 0)
    if lever.max_change is None and not switches:
        return lever
    value = value_now(readings, point, now)
    if value is None or not switches:
        return replace(lever, standing=value)
    on = value >= 0.5
    since = stood_since(point, on, readings, now, least_time(point, on))
    minutes = None if since is None else (now - since).total_seconds() / 60.0
    return replace(lever, standing=value, standing_min=minutes)
