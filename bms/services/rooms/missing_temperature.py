"""Since when a room's temperature is not known: missing, older than its ``max_age``, stuck, or no
temperature of a room (clause W4)."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from bms.model.assets.point import Point, Role
from bms.model.assets.site import Site
from bms.model.readings.measurement import Quality, Reading
from bms.ports.storage.readings import ReadingStore
from bms.services.rooms.stuck_sensor import (
    HABIT,
    JOINT_FACTOR,
    JOINT_LEAST,
    LONGEST_GAP,
    Standstill,
)

OF_A_UNIT = (Role.VENTILATION_RUN, Role.VENTILATION_FLOW, Role.SUPPLY_AIR_SETPOINT)


def zones_of(site: Site, point: Point) -> tuple[str, ...]:
    """The ids of the zones whose temperature a writable point moves: its own, those of its
    air-handling unit, or all where it is the heating curve; none for other roles."""
    if point.role is Role.ZONE_SETPOINT:
        return (point.zone,) if point.zone is not None else ()
    if point.role is Role.HEATING_CURVE_SHIFT:
        return tuple(zone.id for zone in site.zones)
    if point.role in OF_A_UNIT:
        return next((unit.zones for unit in site.ventilation if unit.id == point.ventilation), ())
    return ()


TOLD_AFTER = timedelta(hours=1)
"""A lever whose rooms have been blind for so long is told of in its plan."""
GIVEN_BACK_AFTER = timedelta(hours=3)
"""A lever whose rooms have been blind for so long is left to the building's own control."""
ROOM_C = (1.0, 50.0)
"""No room is colder or warmer [degC]. A sensor that starts, or has lost its element, often shows
0 degC, the end of its range or less."""
CLOCK_BACK = timedelta(minutes=10)
"""Where time has gone back by more, the habits are looked up anew."""
NEVER = datetime.min.replace(tzinfo=UTC)


class BlindCause(StrEnum):
    """Why a room's temperature is not known."""

    MISSING = "missing"
    STUCK = "stuck"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneSight:
    """What is known of a zone's temperature. ``seen`` is the newest moment at which one of its
    sensors (``sensor``) showed it; ``cause`` is None while that is recent enough to be used.
    ``read``: one of them has been read since our start."""

    zone: str
    name: str
    sensor: str
    seen: datetime = NEVER
    cause: BlindCause | None = None
    read: bool = True

    def blind_since(self) -> datetime | None:
        """Since when nobody knows the temperature; None while it is seen."""
        return None if self.cause is None else self.seen


Sight = Mapping[str, ZoneSight]
"""By zone; zones without a sensor are not in it."""


class Rooms(Protocol):
    """Whoever knows which rooms of a site are seen."""

    def look(self, site: Site, now: datetime) -> Sight:
        """What is known of each zone that has a sensor. Raises ``StoreUnavailable``."""
        ...

    def look_ahead(self, sites: Iterable[Site], now: datetime) -> None:
        """Read for many sites at once what ``look`` needs at ``now``. Raises
        ``StoreUnavailable``."""
        ...


def rooms_of(site: Site, point: Point, sight: Sight) -> list[ZoneSight]:
    """The rooms of a lever that have a sensor."""
    return [sight[zone] for zone in zones_of(site, point) if zone in sight]


def all_blind_for(rooms: Iterable[ZoneSight], now: datetime, at_least: timedelta) -> bool:
    """Whether there are rooms and none was seen for ``at_least``: one that is seen is enough."""
    known = list(rooms)
    return bool(known) and all(r.cause is not None and now - r.seen >= at_least for r in known)


@dataclass(slots=True)
class _Sensor:
    """A sensor of a room: what it showed last, and for how long it has shown that."""

    point: Point
    still: Standstill[float] = field(default_factory=Standstill)
    seen: datetime = NEVER
    newest: Reading | None = None

    def take(self, reading: Reading) -> None:
        if self.newest is None or reading.time > self.newest.time:
            self.newest = reading
            if is_room_temperature(reading):
                assert reading.value is not None
                self.seen = reading.time
                self.still.take(reading.time, reading.value)

    def sight(self, zone: str, name: str, now: datetime, joint: datetime | None) -> ZoneSight:
        seen, cause = self.seen, None
        if self.newest is not None and self.newest.time > seen:
            lost = self.newest.quality.has_value or self.newest.quality is Quality.OUT_OF_RANGE
            cause = BlindCause.IMPOSSIBLE if lost else BlindCause.MISSING
        elif now - seen > self.point.max_age:
            cause = BlindCause.MISSING
        stuck = self.still.since if self.still.is_stuck else joint
        if stuck is not None:
            seen, cause = stuck, BlindCause.STUCK
        return ZoneSight(zone=zone, name=name, sensor=self.point.id, seen=seen, cause=cause)


def is_room_temperature(reading: Reading) -> bool:
    """Whether a reading is good and can be the temperature of a room [degC]."""
    value = reading.value
    return value is not None and reading.quality is Quality.GOOD and ROOM_C[0] <= value <= ROOM_C[1]


@dataclass(slots=True)
class _Together:
    """Several sensors that are looked at together: they stand still less often than one."""

    sensors: tuple[_Sensor, ...]
    still: Standstill[tuple[float, ...]] = field(
        default_factory=lambda: Standstill(JOINT_FACTOR, JOINT_LEAST)
    )

    def take(self) -> None:
        """Take what they show, where all show something of the same moment."""
        newest = [s.newest for s in self.sensors if s.newest is not None]
        values = tuple(r.value for r in newest if is_room_temperature(r) and r.value is not None)
        times = {reading.time for reading in newest}
        if len(times) == 1 and len(values) == len(self.sensors):
            self.still.take(times.pop(), values)


@dataclass(slots=True)
class _SiteWatch:
    """The sensors of a site, those of one device together, and all of them together."""

    sensors: dict[str, _Sensor]
    together: tuple[_Together, ...]
    started: datetime
    looked: datetime

    @classmethod
    def of(cls, points: Mapping[str, Point], now: datetime) -> _SiteWatch:
        sensors = {id_: _Sensor(point) for id_, point in points.items()}
        groups = {tuple(sensors)} | {
            tuple(id_ for id_, other in points.items() if other.device == point.device)
            for point in points.values()
        }
        together = (_Together(tuple(sensors[id_] for id_ in group)) for group in sorted(groups))
        return cls(sensors, tuple(each for each in together if len(each.sensors) > 1), now, now)

    def take(self, newest: Mapping[str, Reading], now: datetime) -> None:
        self.looked = max(self.looked, now)
        for id_, reading in newest.items():
            if reading.time <= now:
                self.sensors[id_].take(reading)
        for group in self.together:
            group.take()

    def stuck_since(self, sensor: _Sensor) -> datetime | None:
        """Since when a sensor stands still with others; None while it does not."""
        found = [g.still.since for g in self.together if sensor in g.sensors and g.still.is_stuck]
        return max((since for since in found if since is not None), default=None)


class RoomWatch:
    """Implements ``Rooms``: looks at the sensors of sites and keeps the habits of a week in memory.

    One lives as long as its process, so that it knows what has been read since the start. Any
    thread may ask.
    """

    def __init__(self, readings: ReadingStore) -> None:
        self._readings = readings
        self._sites: dict[str, _SiteWatch] = {}
        self._lock = threading.Lock()

    def look(self, site: Site, now: datetime) -> Sight:
        """One question to the store where the moment is new, one a sensor at the first look."""
        with self._lock:
            points = _sensors(site)
            if not points:
                return {}
            watch = self._sites.get(site.id)
            back = watch is not None and now < watch.looked - CLOCK_BACK
            if watch is None or back or watch.sensors.keys() != points.keys():
                watch = self._first_look(points, now)
                self._sites[site.id] = watch
            elif now > watch.looked:
                watch.take(self._newest(points, now), now)
            return _sight(site, watch, now)

    def _newest(self, points: Iterable[str], now: datetime) -> dict[str, Reading]:
        """The newest reading of each sensor that is not from before the clock went back."""
        newest = self._readings.latest(list(points))
        ahead = [id_ for id_, reading in newest.items() if reading.time > now]
        for id_ in ahead:
            since = now - LONGEST_GAP
            past = self._readings.readings(id_, since, now + timedelta(seconds=1))
            newest.pop(id_)
            newest |= {reading.point: reading for reading in past[-1:]}
        return newest

    def look_ahead(self, sites: Iterable[Site], now: datetime) -> None:
        """One question for all sites that were looked at before."""
        with self._lock:
            asked = [
                (watch, points)
                for site in sites
                if (watch := self._sites.get(site.id)) is not None and now > watch.looked
                if watch.sensors.keys() == (points := _sensors(site)).keys()
            ]
            if not asked:
                return
            newest = self._newest([id_ for _, points in asked for id_ in points], now)
            for watch, points in asked:
                watch.take({id_: newest[id_] for id_ in points if id_ in newest}, now)

    def _first_look(self, points: Mapping[str, Point], now: datetime) -> _SiteWatch:
        """What the sensors have shown in the week before; the clock may have gone back."""
        watch = _SiteWatch.of(points, now)
        past = [
            reading
            for id_ in points
            for reading in self._readings.readings(id_, now - HABIT, now + timedelta(seconds=1))
        ]
        moments: dict[datetime, dict[str, Reading]] = defaultdict(dict)
        for reading in past:
            moments[reading.time][reading.point] = reading
        for at in sorted(moments):
            watch.take(moments[at], now)
        return watch


def _sensors(site: Site) -> dict[str, Point]:
    zones = {zone.id for zone in site.zones}
    return {p.id: p for p in site.points_by_role(Role.ZONE_TEMP) if p.zone in zones}


def _sight(site: Site, watch: _SiteWatch, now: datetime) -> dict[str, ZoneSight]:
    found: dict[str, ZoneSight] = {}
    for zone in site.zones:
        sensors = [s for s in watch.sensors.values() if s.point.zone == zone.id]
        if sensors:
            looks = [s.sight(zone.id, zone.name, now, watch.stuck_since(s)) for s in sensors]
            best = min(looks, key=lambda look: (look.cause is not None, NEVER - look.seen))
            read = any(s.seen >= watch.started or not s.point.device for s in sensors)
            found[zone.id] = replace(best, read=read)
    return found
