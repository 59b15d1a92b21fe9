"""Where points stand and since when, by what they were seen to show: ramps and least times count
from there (clause W3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.planning.problem import Lever, Problem
from bms.model.readings.units import Unit
from bms.ports.storage.readings import ReadingStore
from bms.services.collect.device_times import DeviceTimes
from bms.services.points_by_role import value_now

LONGEST_GAP = timedelta(hours=1)
"""What was not looked at for longer may have switched twice."""


def least_time(point: Point, on: bool) -> timedelta:
    """The least time that a point stays on, or off; zero where it has none."""
    if point.write is None:
        return timedelta(0)
    return timedelta(minutes=point.write.minimum_on if on else point.write.minimum_off)


def stood_since(
    point: Point, on: bool, readings: ReadingStore, now: datetime, ago: timedelta
) -> datetime | None:
    """The earliest moment of the last ``ago`` since when every look at the point showed it on, or
    off; None where the last look showed something else, or there was none.

    A moment is that of a reading: the point may have switched up to a reading earlier. Raises
    ``StoreUnavailable``.
    """
    since: datetime | None = None
    later = now
    looks = readings.readings(point.id, now - ago - LONGEST_GAP, now + timedelta(seconds=1))
    for reading in reversed(looks):
        value = reading.good_value
        if later - reading.time > LONGEST_GAP:
            break
        if value is None:
            continue
        if (value >= 0.5) is not on:
            break
        since = later = reading.time
    return since


def with_standing(
    problem: Problem, site: Site, now: datetime, readings: ReadingStore, times: DeviceTimes
) -> Problem:
    """The problem with the effective value of every lever that has a ramp or a least time, as it
    was seen last; the longer one counts where the site file and the device have one. Raises
    ``StoreUnavailable``."""
    points = {point.id: point for point in site.points}

    def standing(lever: Lever | None) -> Lever | None:
        if lever is None:
            return None
        own = times.of(lever.point)
        least = (max(lever.minimum_on, own.on), max(lever.minimum_off, own.off))
        timed = replace(lever, minimum_on=least[0], minimum_off=least[1])
        return _standing(timed, points[lever.point], now, readings)

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
    least = timedelta(minutes=lever.minimum_on if on else lever.minimum_off)
    since = stood_since(point, on, readings, now, least)
    minutes = None if since is None else (now - since).total_seconds() / 60.0
    return replace(lever, standing=value, standing_min=minutes)
