"""The air of a site in the question for the optimiser: CO2, flows and supply air."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from bms.model.assets.equipment import Ventilation
from bms.model.assets.point import Role
from bms.model.assets.site import Site, Zone
from bms.model.planning.grid import timetable_values
from bms.model.planning.problem import VentilationTask
from bms.model.readings.series import Floats
from bms.ports.storage.readings import ReadingStore
from bms.services.occupancy import Use
from bms.services.points_by_role import STEP, lever_of, means, point_of, value_now

FULL_PCT = 100.0
FRESHEST_PPM = 300.0
"""No outdoor air has less CO2 [ppm]."""
WATCHED, LONG_ENOUGH = timedelta(days=1), timedelta(hours=2)
STILL_PPM = 0.5


def co2_now(use: Use, zone: Zone, readings: ReadingStore, now: datetime) -> float | None:
    """CO2 of a zone [ppm] as measured in the last quarter of an hour, of good quality; else None.

    Nor is it told where no limit is asked for: it says who was in. A sensor that shows fresher air
    than there is outdoors, or does not move while people are in, is not believed: where nothing is
    known a plan begins at the limit, and not in fresh air. Raises ``StoreUnavailable``.
    """
    if zone.comfort.co2_limit_ppm is None:
        return None
    point = point_of(use.site, Role.ZONE_CO2, zone=zone.id)
    value = value_now(readings, point, now)
    if value is None or value < FRESHEST_PPM or _is_stuck(use, zone, readings, now):
        return None
    return value


def _is_stuck(use: Use, zone: Zone, readings: ReadingStore, now: datetime) -> bool:
    """Whether the CO2 of a zone was the same in all hours of use of the last day."""
    n = int(WATCHED / STEP)
    start = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0) - WATCHED
    measured = means(readings, point_of(use.site, Role.ZONE_CO2, zone=zone.id), start, n)
    in_use = np.array(use.in_use(zone, start, int(STEP.total_seconds()), n))
    seen = measured[in_use & np.isfinite(measured)]
    return seen.size * STEP >= LONG_ENOUGH and float(np.ptp(seen)) < STILL_PPM


def ventilation_task(
    use: Use, unit: Ventilation, start: datetime, step_s: int, n: int
) -> VentilationTask:
    """An air-handling unit over ``n`` steps of ``step_s`` [s]: its own control and its levers."""
    site = use.site
    own_flow = timetable_values(unit.own_flow_pct, site, start, step_s, n)
    supply = unit.own_supply_c

    return VentilationTask(
        id=unit.id,
        zones=unit.zones,
        flow_m3_h=unit.flow_m3_h,
        fan_kw=unit.fan_kw,
        recovery=unit.recovery,
        own_run=timetable_values(unit.own_run, site, start, step_s, n),
        required=use.ventilated(unit, start, step_s, n),
        lever=lever_of(point_of(site, Role.VENTILATION_RUN, ventilation=unit.id)),
        flow_lever=lever_of(point_of(site, Role.VENTILATION_FLOW, ventilation=unit.id)),
        own_flow_pct=() if set(own_flow) == {FULL_PCT} else own_flow,
        least_flow_pct=unit.least_flow_pct,
        supply_lever=lever_of(point_of(site, Role.SUPPLY_AIR_SETPOINT, ventilation=unit.id)),
        own_supply_c=() if supply is None else timetable_values(supply, site, start, step_s, n),
    )


def ventilated_past(
    site: Site, unit: Ventilation, readings: ReadingStore, start: datetime, n: int
) -> Floats:
    """How much of its flow a unit moved in each of ``n`` quarter-hours, 0..1; NaN where it is not
    known whether it ran. Shape (n,).

    A unit whose flow nobody measured moved its whole flow while it ran. Raises
    ``StoreUnavailable``.
    """
    run = means(readings, point_of(site, Role.VENTILATION_RUN, ventilation=unit.id), start, n)
    flow = means(readings, point_of(site, Role.VENTILATION_FLOW, ventilation=unit.id), start, n)
    share = np.where(np.isfinite(flow), flow, FULL_PCT) / FULL_PCT
    return np.asarray(run * share)
