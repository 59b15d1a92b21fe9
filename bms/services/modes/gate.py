"""The gate before ``auto``: what a site has to show before plans may be written to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np

from bms.model.assets.point import Role
from bms.model.assets.site import Mode, Site, Zone
from bms.model.fact import Fact, MessageCode, Moment, fact
from bms.model.trust.modes import AutoScope, StepBack
from bms.ports.storage.decisions import DecisionStore
from bms.ports.storage.plans import PlanStore
from bms.ports.storage.readings import ReadingStore
from bms.ports.storage.trust import TrustStore
from bms.services.occupancy import Use, use_of
from bms.services.periods import local_date, midnight
from bms.services.planning.shadow_period import LOOK_BACK, SHADOW_DAYS, shadow_gap
from bms.services.points_by_role import point_of
from bms.services.trust.commissioned import Commissioned

DAY = timedelta(days=1)
HOURS = 24
SOUND_SHARE = 0.9
"""Of the hours of a day [1] in which every room was seen once at least."""
IN_TIME_K = 0.5
"""A room that is at most so far below its band when people come was warm in time [K]."""
IN_TIME_SHARE = 0.8
"""Of the starts of use [1] in which that has to be so."""


class ModeRefusal(MessageCode):
    """Why a site may not be put to a mode."""

    ABOVE_ALLOWED = "mode_above_allowed"
    STEPPED_BACK = "mode_stepped_back"
    SOUND_DAYS_MISSING = "sound_days_missing"
    STARTS_LATE = "starts_late"


@dataclass(frozen=True, slots=True)
class GatePorts:
    """What the gate looks at."""

    plans: PlanStore
    readings: ReadingStore
    decisions: DecisionStore
    trust: TrustStore
    commissioned: Commissioned


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """What stands in the way of ``auto``; nothing where ``gaps`` is empty. ``scope`` is what it
    would be approved for, ``uncommissioned`` the points that would be left to own control."""

    gaps: tuple[Fact, ...]
    scope: AutoScope
    uncommissioned: tuple[Fact, ...]


def above_allowed(site: Site, mode: Mode) -> Fact | None:
    """That the site file does not allow the mode; None where it does."""
    if mode.at_most(site.mode) is mode:
        return None
    return fact(ModeRefusal.ABOVE_ALLOWED, site=site.id, mode=mode.value, allowed=site.mode.value)


def standing_step(site: str, trust: TrustStore) -> StepBack | None:
    """The step back that nobody has agreed to yet. Raises ``StoreUnavailable``."""
    return next((step for step in trust.steps_back(site) if step.agreed_at is None), None)


def stepped_back(site: str, trust: TrustStore) -> Fact | None:
    """That the site went back by itself, when and why, and that somebody has to agree; None where
    somebody has. Raises ``StoreUnavailable``."""
    step = standing_step(site, trust)
    if step is None:
        return None
    return fact(ModeRefusal.STEPPED_BACK, site=site, at=Moment(step.at), why=step.reason)


def ask_for_auto(site: Site, ports: GatePorts, now: datetime, *, agree: bool) -> GateAnswer:
    """What a site lacks for ``auto``. One that was in it before needs no new shadow period: after a
    step back somebody has to ``agree``. Raises ``StoreUnavailable``."""
    allowed = above_allowed(site, Mode.AUTO)
    scope, period = _shadow(site, ports, now)
    flaws = ports.commissioned.flaws([site])[site.id]
    written = [p for p in site.points if p.write is not None and p.device]
    nothing = tuple(flaws.values()) if written and len(flaws) == len(written) else ()
    gaps = () if allowed is None else (allowed,)
    stepped = None if agree else stepped_back(site.id, ports.trust)
    if stepped is not None:
        gaps = (*gaps, stepped)
    return GateAnswer((*gaps, *nothing, *period), scope, tuple(flaws.values()))


def _shadow(site: Site, ports: GatePorts, now: datetime) -> tuple[AutoScope, tuple[Fact, ...]]:
    """For what ``auto`` would be approved, and what is missing for that."""
    before = any(word.mode is Mode.AUTO for word in ports.decisions.modes_said([site.id]))
    if ports.plans.model(site.id) is None:
        gap = None if before else data_gap(site, ports, now)
        return AutoScope.LIMITED, () if gap is None else (gap,)
    gap = shadow_gap(site, ports.plans, now)
    if before and gap is not None:
        return ports.trust.auto_scope(site.id) or AutoScope.FULL, ()
    return AutoScope.FULL, () if gap is None else (gap,)


def data_gap(site: Site, ports: GatePorts, now: datetime) -> Fact | None:
    """What a site without a thermal model lacks: days of sound data, and starts in time."""
    today = local_date(now, site.timezone)
    days = [today - n * DAY for n in range(LOOK_BACK.days, 0, -1)]
    sound = sound_days(site, ports.readings, days)
    if len(sound) < SHADOW_DAYS:
        return fact(ModeRefusal.SOUND_DAYS_MISSING, site=site.id, met=len(sound), asked=SHADOW_DAYS)
    starts = [late for day in sound for late in _shortfalls(site, ports, day)]
    late = sum(short > IN_TIME_K for short in starts)
    if starts and late > (1.0 - IN_TIME_SHARE) * len(starts):
        return fact(ModeRefusal.STARTS_LATE, late=late, starts=len(starts), allowed_k=IN_TIME_K)
    return None


def sound_days(site: Site, readings: ReadingStore, days: Sequence[date]) -> list[date]:
    """The days, of consecutive local ``days``, on which every room was seen in nearly every hour;
    none where no room has a sensor."""
    sensors = [point_of(site, Role.ZONE_TEMP, zone=zone.id) for zone in site.zones]
    if not days or not sensors or None in sensors:
        return []
    edges = [midnight(day, site.timezone) for day in (*days, days[-1] + DAY)]
    sound = np.ones(len(days), bool)
    for sensor in filter(None, sensors):
        times, _ = readings.good(sensor.id, edges[0], edges[-1])
        seconds = np.asarray(times, float) / 1e6
        for n, (start, end) in enumerate(pairwise(edges)):
            inside = seconds[(seconds >= start.timestamp()) & (seconds < end.timestamp())]
            hours = len(np.unique((inside - start.timestamp()) // 3600))
            sound[n] &= hours >= SOUND_SHARE * ((end - start) / timedelta(hours=1))
    return [day for day, good in zip(days, sound, strict=True) if good]


def _shortfalls(site: Site, ports: GatePorts, day: date) -> list[float]:
    """How far below their bands rooms were at the first use of a local day [K]."""
    start, end = (midnight(each, site.timezone) for each in (day, day + DAY))
    use = use_of(site, ports.decisions, start, end)
    found = (_shortfall(zone, use, start, end, ports.readings) for zone in site.zones)
    return [short for short in found if short is not None]


def _shortfall(
    zone: Zone, use: Use, start: datetime, end: datetime, readings: ReadingStore
) -> float | None:
    step_s = 900
    flags = use.in_use(zone, start, step_s, round((end - start).total_seconds() / step_s))
    sensor = point_of(use.site, Role.ZONE_TEMP, zone=zone.id)
    if sensor is None or not any(flags) or flags[0]:
        return None
    moment = start + timedelta(seconds=step_s * flags.index(True))
    _, values = readings.good(sensor.id, moment, moment + timedelta(hours=1))
    return zone.comfort.low_c - float(values[0]) if len(values) else None
