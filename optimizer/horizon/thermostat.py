"""What the zones' own thermostats make of setpoints, by the model, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bms.model.planning.plan import Expected
from optimizer.horizon.building import Building, Course
from optimizer.model.rc_network import Floats


@dataclass(frozen=True, slots=True)
class Outcome:
    """A simulated horizon: air and mass [degC] (p, n + 1) at step boundaries, heat [kW] (p, n)."""

    air: Floats
    mass: Floats
    heat: Floats

    def comfort_kh(self, building: Building, use: Floats | None = None) -> Floats:
        """Kelvin-hours outside the band in use, per zone (p,), on the end of every step; ``use``
        (p, n) where it is not the building's."""
        below = np.maximum(0.0, building.low - self.air[:, 1:])
        above = np.maximum(0.0, self.air[:, 1:] - building.high)
        outside = (below + above) * (building.use if use is None else use)
        return np.asarray(outside.sum(axis=1) * building.outlook.step_h)


def follow(building: Building, course: Course, setpoints: Floats) -> Outcome:
    """Simulate ideal thermostats that hold ``setpoints`` (p, n) [degC] as far as power goes."""
    n, zones = building.n, len(building.zones)
    air, mass = np.empty((zones, n + 1)), np.empty((zones, n + 1))
    heat = np.empty((zones, n))
    air[:, 0], mass[:, 0] = building.state.air, building.state.mass
    target = setpoints + building.droop[:, np.newaxis]
    room = course.room_kw(building.capacity_kw)
    a, b = course.steps.a, course.steps.b
    flow_air, flow_mass = course.flow_air.T, course.flow_mass.T
    for k in range(n):
        free_air = (
            a[k, :, 0, 0] * air[:, k]
            + a[k, :, 0, 1] * mass[:, k]
            + b[k, :, 0, 0] * flow_air[k]
            + b[k, :, 0, 1] * flow_mass[k]
        )
        free_mass = (
            a[k, :, 1, 0] * air[:, k]
            + a[k, :, 1, 1] * mass[:, k]
            + b[k, :, 1, 0] * flow_air[k]
            + b[k, :, 1, 1] * flow_mass[k]
        )
        wanted = np.minimum(
            np.maximum(0.0, (target[:, k] - free_air) / b[k, :, 0, 0]), building.heat_max[:, k]
        )
        total = wanted.sum()
        given = wanted * (room[k] / total) if total > room[k] else wanted
        air[:, k + 1] = free_air + b[k, :, 0, 0] * given
        mass[:, k + 1] = free_mass + b[k, :, 1, 0] * given
        heat[:, k] = given
    return Outcome(air=air, mass=mass, heat=heat)


def expected(
    building: Building, course: Course, outcome: Outcome, cop: Floats | None = None
) -> Expected:
    """Billed energy for heat and fans, its cost and emission, and the comfort violation.

    ``cop`` (n,) is that of the radiators' heat where it is not the outlook's.
    """
    outlook = building.outlook
    rooms = outcome.heat.sum(axis=0) / (outlook.cop if cop is None else cop)
    billed = (rooms + course.fixed_kw / outlook.cop) * outlook.step_h
    fan = course.fan_kw * outlook.step_h
    source, power = outlook.source, outlook.electricity
    fans = bool(fan.any())
    priced = source.price_known and (power.price_known or not fans)
    counted = source.factor_known and (power.factor_known or not fans)
    return Expected(
        energy_kwh=_amount(billed.sum() + fan.sum()),
        cost_dkk=_amount(billed @ source.price + fan @ power.price) if priced else None,
        co2_kg=_amount(billed @ source.factor + fan @ power.factor) if counted else None,
        comfort_kh=_amount(outcome.comfort_kh(building).sum(), 3),
    )


def worth(building: Building, course: Course, outcome: Outcome, comfort_dkk_per_kh: float) -> float:
    """What an outcome costs all in all [DKK]: energy, CO2, comfort, less the heat left stored.

    Comfort does not count where somebody holds the zone.
    """
    outlook = building.outlook
    energy = (outcome.heat.sum(axis=0) + course.fixed_kw) * outlook.step_h
    fan = course.fan_kw * outlook.step_h
    stored = building.rc.stored_kwh(outcome.air[:, -1], outcome.mass[:, -1]).sum()
    return float(
        energy @ outlook.heat_worth
        + fan @ outlook.electricity_worth
        + comfort_dkk_per_kh * outcome.comfort_kh(building, building.planned_use).sum()
        - stored * max(0.0, float(outlook.heat_worth.mean()))
    )


def _amount(value: float, digits: int = 2) -> float:
    return round(float(value), digits)
