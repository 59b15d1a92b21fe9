"""How far inside the band a warm-up is meant to get, so that rooms are warm in time as measured.

On every day that we warmed a zone up, the record has how far below the band it was when people
came, and how far inside the band the warm-up of that day was meant to get. Their sum is the
back-off that would have been just enough on that day; the one for tomorrow is enough for nineteen
days of twenty, and moves slowly. The planner makes time of it: it begins early enough to get so
far, and stops at what it holds in use.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from bms.model.assets.point import Role
from bms.model.assets.site import Site, Zone
from bms.model.planning.prediction import UseStart
from bms.model.planning.problem import BuildingModel
from bms.ports.storage.plans import PlanStore
from bms.ports.storage.readings import ReadingStore
from bms.services.effective_control import DatedReceipts, last_in_effect
from bms.services.occupancy import Use, use_of
from bms.services.off_loop import off_loop
from bms.services.periods import local_date, midnight
from bms.services.planning.ports import PlanningPorts
from bms.services.points_by_role import point_of

DAY = timedelta(days=1)
STEP_S = 900
REMEMBERED = timedelta(days=28)
LEAST_STARTS = 8
"""Starts of use [1] before the record has a say; until then the planner has its own margin."""
QUANTILE = 0.95
"""A warm-up that could get 0.1 K further costs some minutes of heating; one that is 0.1 K short
costs as much discomfort for half an hour, at the usual weight ten to twenty times as much."""
LARGEST_K = 1.0
SHOWN_K = 0.1
"""A shortfall up to this [K] is none: it is the step of a usual room sensor and what a thermostat
is off by when it has had its time; more time would not mend it."""
SLOWLY_K = 0.1
"""The most that it moves from one start of use to the next [K]."""
WARM_UP = timedelta(hours=12)
PLANNERS_OWN_K = (0.12, 0.5)
"""Between these [K] the planner stays inside the band by the thermostat's spread."""
PLANNERS_DOUBT_K = 0.5
"""The most [K] of a model's error that it gets warm-ups ready for besides."""


def backoff_k(rows: Sequence[UseStart], zone: str) -> float | None:
    """The back-off of a zone [K] from the record, oldest day first; None while it is too short."""
    mine = [row for row in rows if row.zone == zone]
    if len(mine) < LEAST_STARTS:
        return None
    needed = float(
        np.quantile([row.margin_k + _counted(row.shortfall_k) for row in mine], QUANTILE)
    )
    last = mine[-1].margin_k
    slowly = min(max(needed, last - SLOWLY_K), last + SLOWLY_K)
    return round(min(max(slowly, 0.0), LARGEST_K), 2)


def _counted(shortfall_k: float) -> float:
    return shortfall_k if shortfall_k > SHOWN_K else min(shortfall_k, 0.0)


def backoffs(site: Site, plans: PlanStore, now: datetime) -> dict[str, float]:
    """The back-off of every zone [K] that has one. Raises ``StoreUnavailable``."""
    today = local_date(now, site.timezone)
    rows = [row for row in plans.use_starts(site.id, today - REMEMBERED) if row.day < today]
    found = {zone.id: backoff_k(rows, zone.id) for zone in site.zones}
    return {zone: value for zone, value in found.items() if value is not None}


async def record_use_starts(site: Site, *, now: datetime, ports: PlanningPorts) -> list[UseStart]:
    """Keep how cold zones were when people came on the local day that ended last, where our plan
    had warmed them up. Raises ``StoreUnavailable``."""

    def work() -> list[UseStart]:
        day = local_date(now, site.timezone) - DAY
        start, end = (midnight(each, site.timezone) for each in (day, day + DAY))
        use = use_of(site, ports.decisions, start, end)
        receipts = ports.ledgers.receipts(site.id, start - WARM_UP)
        earlier = ports.plans.use_starts(site.id, day - REMEMBERED)
        before = [row for row in earlier if row.day < day]
        model = ports.plans.model(site.id)
        found = (_start(zone, use, start, end, receipts, ports.readings) for zone in site.zones)
        rows = [
            UseStart(
                site=site.id,
                zone=zone,
                day=day,
                shortfall_k=shortfall,
                margin_k=_margin_k(zone, before, model),
            )
            for zone, shortfall in filter(None, found)
        ]
        ports.plans.keep_use_starts(rows)
        return rows

    return await off_loop(work)


def _start(
    zone: Zone,
    use: Use,
    start: datetime,
    end: datetime,
    receipts: DatedReceipts,
    readings: ReadingStore,
) -> tuple[str, float] | None:
    """The zone with its shortfall [K] at the first use of the day; None where nothing tells."""
    n = round((end - start).total_seconds() / STEP_S)
    flags = use.in_use(zone, start, STEP_S, n)
    if not any(flags) or flags[0]:
        return None
    moment = start + timedelta(seconds=STEP_S * flags.index(True))
    lever = point_of(use.site, Role.ZONE_SETPOINT, zone=zone.id)
    sensor = point_of(use.site, Role.ZONE_TEMP, zone=zone.id)
    if sensor is None or lever is None or not _warmed_up(lever.id, moment, receipts):
        return None
    _, values = readings.good(sensor.id, moment, moment + timedelta(seconds=STEP_S))
    return (zone.id, round(zone.comfort.low_c - float(values[0]), 3)) if len(values) else None


def _warmed_up(lever: str, moment: datetime, receipts: DatedReceipts) -> bool:
    """Whether a plan's value acted at the lever when people came."""
    before = [(at, receipt) for at, receipt in receipts if at >= moment - WARM_UP]
    acting = last_in_effect(before, moment).get(lever)
    return acting is not None and acting.plan is not None


def _margin_k(zone: str, before: Sequence[UseStart], model: BuildingModel | None) -> float:
    """How far inside the band the warm-up of that day was meant to get [K]."""
    told = backoff_k(before, zone)
    if told is not None:
        return told
    zones = model.zones if model is not None else ()
    known = next((each for each in zones if each.zone == zone), None)
    low, high = PLANNERS_OWN_K
    if known is None:
        return low
    spread = min(max(known.parameters.get("track_k", 0.0), low), high)
    return round(spread + min(known.rmse_24h_k, PLANNERS_DOUBT_K), 3)
