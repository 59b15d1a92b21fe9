"""Rooms that nobody sees: what was shown since is not believed, and a plan knows of it (clause W4).

A lever whose rooms have been blind for ``GIVEN_BACK_AFTER`` is left out of the plan: the building's
own control has it, and nothing is expected of what is not written (clause W15).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bms.model.assets.point import Role
from bms.model.assets.site import Site
from bms.model.planning.plan import Plan
from bms.model.planning.problem import History, Lever, Problem, ZoneHistory, ZoneTask
from bms.ports.storage.readings import ReadingStore
from bms.services.planning.problem import room_temperatures
from bms.services.points_by_role import STEP, means, point_of
from bms.services.rooms.missing_temperature import (
    GIVEN_BACK_AFTER,
    TOLD_AFTER,
    Sight,
    ZoneSight,
    all_blind_for,
    rooms_of,
)


def with_sight(
    problem: Problem, site: Site, sight: Sight, *, now: datetime, readings: ReadingStore
) -> Problem:
    """The problem with what is known of its rooms: since when one is blind, the temperatures of the
    sensor that is seen, and no lever that has to be left to the building.

    Raises ``StoreUnavailable``.
    """
    left = {p.id for p in site.points if is_left_alone(site, p.id, sight, now)}

    def free(lever: Lever | None) -> Lever | None:
        return None if lever is None or lever.point in left else lever

    return replace(
        problem,
        zones=tuple(_seen(replace(zone, lever=free(zone.lever)), sight) for zone in problem.zones),
        ventilation=tuple(
            replace(
                unit,
                lever=free(unit.lever),
                flow_lever=free(unit.flow_lever),
                supply_lever=free(unit.supply_lever),
            )
            for unit in problem.ventilation
        ),
        curve=problem.curve if problem.curve is None or free(problem.curve.lever) else None,
        history=None
        if problem.history is None
        else _believed(problem.history, site, sight, readings),
    )


def is_left_alone(site: Site, point: str, sight: Sight, now: datetime) -> bool:
    """Whether the rooms of a lever have been blind for so long that the building has it."""
    known = next((p for p in site.points if p.id == point and p.write is not None), None)
    return known is not None and all_blind_for(rooms_of(site, known, sight), now, GIVEN_BACK_AFTER)


def sight_changed(plan: Plan, sight: Sight, now: datetime) -> bool:
    """Whether other rooms are blind for long than when the plan was made."""

    def stage(since: datetime | None, at: datetime) -> int:
        silent = timedelta(0) if since is None else at - since
        return (silent >= TOLD_AFTER) + (silent >= GIVEN_BACK_AFTER)

    known = {zone.id: zone.blind_since for zone in plan.problem.zones}
    return any(
        stage(room.blind_since(), now) != stage(known[zone], plan.created_at)
        for zone, room in sight.items()
        if zone in known
    )


def _seen(task: ZoneTask, sight: Sight) -> ZoneTask:
    room = sight.get(task.id)
    return task if room is None else replace(task, blind_since=room.blind_since())


def _believed(past: History, site: Site, sight: Sight, readings: ReadingStore) -> History:
    return replace(
        past, zones=tuple(_as_seen(past, zone, site, sight, readings) for zone in past.zones)
    )


def _as_seen(
    past: History, zone: ZoneHistory, site: Site, sight: Sight, readings: ReadingStore
) -> ZoneHistory:
    """The past of a zone by the sensor that is seen, and nothing of what was shown since it was
    not."""
    room = sight.get(zone.id)
    if room is None:
        return zone
    temp_c = zone.temp_c
    first = point_of(site, Role.ZONE_TEMP, zone=zone.id)
    if first is None or first.id != room.sensor:
        sensor = next(p for p in site.points if p.id == room.sensor)
        temp_c = room_temperatures(means(readings, sensor, past.start, len(temp_c)))
    if room.cause is not None:
        known = _known_steps(past, room)
        temp_c = temp_c[:known] + (None,) * (len(temp_c) - known)
    return replace(zone, temp_c=temp_c)


def _known_steps(past: History, room: ZoneSight) -> int:
    """For how many steps of the past the room was seen."""
    if room.seen <= past.start:
        return 0
    return min((room.seen - past.start) // STEP + 1, len(past.heat_kw))
