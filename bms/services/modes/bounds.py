"""The bounds of ``auto``: what ends it by itself, however good the plans look.

One table, ``BOUNDS``; docs/operating.md prints it. Everything counts from the moment in which a
person said ``auto`` last, so that a site that somebody has agreed to go on begins anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from bms.model.assets.point import Role
from bms.model.assets.site import Site, Zone
from bms.model.control.command import Accepted, Clamped, Failed, Waiting
from bms.model.fact import Fact, Moment, fact
from bms.model.planning.prediction import PredictionDay
from bms.model.trust.modes import StepBackReason
from bms.ports.storage.decisions import DecisionStore
from bms.ports.storage.ledgers import LedgerStore
from bms.ports.storage.plans import PlanStore
from bms.ports.storage.readings import ReadingStore
from bms.services.effective_control import DatedReceipts
from bms.services.occupancy import Use, use_of
from bms.services.periods import local_date, midnight
from bms.services.planning.shadow_period import held
from bms.services.points_by_role import point_of
from bms.services.rooms.missing_temperature import ROOM_C

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
STEP_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoBounds:
    """What a site may show in ``auto``; beyond it we step back."""

    prediction_days: int = 3
    """Days in a row [1] on which the predictions of a zone, 24 h ahead, do not hold, or on which
    there are none though the site has a model."""
    prediction_k: float = 1.0
    """Predictions hold up to this error [K], too: how far off they may be before plans at the
    edge of the band are felt in a room. It is twice the error up to which heat is stored by a
    model. What the gate asks for is less than comfort needs, and is measured under own control."""
    comfort_kh: float = 6.0
    """How far a zone was below its comfort band in use on a local day [K h]; an hour counts
    ``hour_k`` at most, as a sensor may fail. Heat waves do not count."""
    comfort_days: int = 2
    """Days in a row [1] on which it is larger."""
    hour_k: float = 3.0
    data_age: timedelta = timedelta(hours=24)
    """For how long no good reading of rooms and levers has come in."""
    failing: timedelta = timedelta(hours=24)
    """For how long no write to a lever has arrived."""
    failing_share: float = 0.5
    """Of the levers of the plan [1] to which that happens."""


BOUNDS = AutoBounds()


@dataclass(frozen=True, slots=True)
class BoundPorts:
    """What the bounds are asked of."""

    readings: ReadingStore
    plans: PlanStore
    decisions: DecisionStore
    ledgers: LedgerStore


def passed_bound(
    site: Site,
    now: datetime,
    since: datetime,
    ports: BoundPorts,
    bounds: AutoBounds = BOUNDS,
    looking_since: datetime | None = None,
) -> Fact | None:
    """The first bound that the site has passed since ``since``; None where it keeps them all. What
    is missing counts from ``looking_since``, when this process began to look: while none ran
    nothing came in.

    Raises ``StoreUnavailable``.
    """
    looking = since if looking_since is None else max(since, looking_since)
    return (
        _data_age(site, now, looking, ports.readings, bounds)
        or _writes(site, now, looking, ports, bounds)
        or _predictions(site, now, since, looking, ports.plans, bounds)
        or _comfort(site, now, since, ports, bounds)
    )


def _data_age(
    site: Site, now: datetime, since: datetime, readings: ReadingStore, bounds: AutoBounds
) -> Fact | None:
    watched = [p.id for p in site.polled if p.role is Role.ZONE_TEMP or p.write is not None]
    newest = [r.time for r in readings.latest(watched).values() if r.good_value is not None]
    newest += [] if newest else _last_good(now, 2 * bounds.data_age, watched, readings)
    age = now - max([since, *newest])
    if not watched or age < bounds.data_age:
        return None
    return fact(StepBackReason.DATA_OLD, hours=age / HOUR)


def _last_good(
    now: datetime, within: timedelta, points: Sequence[str], readings: ReadingStore
) -> Iterator[datetime]:
    """When each point was last good: an outage of a minute, in which the newest reading of each is
    none, makes no data old."""
    for point in points:
        times, _ = readings.good(point, now - within, now + within)
        if len(times):
            yield datetime.fromtimestamp(times[-1] / 1e6, UTC)


def _writes(
    site: Site, now: datetime, since: datetime, ports: BoundPorts, bounds: AutoBounds
) -> Fact | None:
    plan = ports.plans.plan_in_force(site.id, now)
    if plan is None or now - since < bounds.failing:
        return None
    levers = {row.point for row in plan.schedule.setpoints}
    receipts = ports.ledgers.receipts(site.id, now - bounds.failing)
    failed = levers & failing_points(receipts, now - 0.75 * bounds.failing)
    if not levers or len(failed) < bounds.failing_share * len(levers):
        return None
    hours = bounds.failing / HOUR
    return fact(StepBackReason.WRITES_FAIL, failed=len(failed), levers=len(levers), hours=hours)


def failing_points(receipts: DatedReceipts, before: datetime) -> set[str]:
    """The points at which nothing but failures is on record, the first of them until ``before``."""
    first: dict[str, datetime] = {}
    arrived: set[str] = set()
    for at, receipt in receipts:
        match receipt:
            case Failed(command=command):
                first.setdefault(command.point, at)
            case Accepted(command=command) | Clamped(command=command) | Waiting(command=command):
                arrived.add(command.point)
            case _:
                pass
    return {point for point, at in first.items() if at <= before} - arrived


def _predictions(
    site: Site,
    now: datetime,
    since: datetime,
    looking: datetime,
    plans: PlanStore,
    bounds: AutoBounds,
) -> Fact | None:
    """The record of the last whole days after ``since``; a site without a model has none."""
    model = plans.model(site.id)
    days = _whole_days(site, now, since, bounds.prediction_days)
    if model is None or len(days) < bounds.prediction_days:
        return None
    rows = [row for row in plans.predictions(site.id, days[0]) if row.day in days]
    judged = [row for row in rows if row.rmse_k is not None or row.drifting]
    if not judged:
        if _start(site, days[0]) < looking:
            return None
        return fact(StepBackReason.PREDICTIONS_MISSING, since=Moment(_start(site, days[0])))
    zone = _zone_off(judged, days, bounds.prediction_k)
    if zone is None:
        return None
    names = {each.id: each.name or each.id for each in site.zones}
    off, name = StepBackReason.PREDICTIONS_OFF, names.get(zone, zone)
    return fact(off, days=bounds.prediction_days, zone=name)


def _zone_off(rows: Sequence[PredictionDay], days: Sequence[date], near_k: float) -> str | None:
    """The zone whose predictions did not hold on any of these days, by more than ``near_k`` [K]. A
    model that drifts is not planned with: its zone is judged by the error alone."""
    by_zone: Mapping[str, list[PredictionDay]] = defaultdict(list)
    for row in rows:
        by_zone[row.zone].append(row)
    for zone, mine in by_zone.items():
        known = [row for row in mine if row.expected_k is not None]
        off = {row.day for row in known if not (held(row) or _is_near(row, near_k))}
        if off == set(days):
            return zone
    return None


def _is_near(row: PredictionDay, near_k: float) -> bool:
    return row.rmse_k is not None and row.rmse_k <= near_k


def _comfort(
    site: Site, now: datetime, since: datetime, ports: BoundPorts, bounds: AutoBounds
) -> Fact | None:
    days = _whole_days(site, now, since, bounds.comfort_days)
    if len(days) < bounds.comfort_days:
        return None
    for zone in site.zones:
        found = [_violation_kh(site, zone, day, ports, bounds.hour_k) for day in days]
        if all(kh is not None and kh > bounds.comfort_kh for kh in found):
            worst = max(kh for kh in found if kh is not None)
            return fact(
                StepBackReason.TOO_COLD,
                zone=zone.name or zone.id,
                kh=worst,
                days=len(days),
                limit=bounds.comfort_kh,
            )
    return None


def _violation_kh(
    site: Site, zone: Zone, day: date, ports: BoundPorts, hour_k: float
) -> float | None:
    start, end = _start(site, day), _start(site, day + DAY)
    use = use_of(site, ports.decisions, start, end)
    return violation_kh(use, zone, start, end, ports.readings, hour_k=hour_k, warm=False)


def violation_kh(
    use: Use,
    zone: Zone,
    start: datetime,
    end: datetime,
    readings: ReadingStore,
    *,
    hour_k: float = np.inf,
    warm: bool = True,
) -> float | None:
    """How far outside its comfort band a zone was in use in ``[start, end)`` [K h], by hourly
    means, each ``hour_k`` [K] at most; ``warm``: above the band, too. None where no hour in use was
    seen."""
    sensor = point_of(use.site, Role.ZONE_TEMP, zone=zone.id)
    n = round((end - start).total_seconds() / STEP_S)
    flags = use.in_use(zone, start, STEP_S, n)
    if sensor is None or not any(flags):
        return None
    times, values = readings.good(sensor.id, start, end)
    is_room = (np.asarray(values) > ROOM_C[0]) & (np.asarray(values) < ROOM_C[1])
    hours = ((np.asarray(times, float) / 1e6 - start.timestamp()) // STEP_S).astype(int)
    total, seen = 0.0, False
    for hour in np.flatnonzero(flags):
        inside = np.asarray(values)[(hours == hour) & is_room]
        if len(inside):
            mean, seen = float(np.mean(inside)), True
            above = mean - zone.comfort.high_c if warm else 0.0
            off = max(zone.comfort.low_c - mean, above, 0.0)
            total += min(off, hour_k)
    return total if seen else None


def _whole_days(site: Site, now: datetime, since: datetime, count: int) -> list[date]:
    """The last ``count`` local days that are over and began after ``since``, oldest first."""
    today = local_date(now, site.timezone)
    days = [today - n * DAY for n in range(count, 0, -1)]
    return [day for day in days if _start(site, day) >= since]


def _start(site: Site, day: date) -> datetime:
    return midnight(day, site.timezone)
