"""Simulation of setpoints under the zones' own thermostats, by the models, and its cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bms.model.planning.plan import Expected
from optimizer.horizon.building import Building, ZoneDynamics
from optimizer.model.rc_network import Floats


@dataclass(frozen=True, slots=True)
class RolloutResult:
    """Simulated air and mass temperatures [degC] (p, n + 1) at the boundaries of the steps, and
    the heat of the radiators [kW] (p, n)."""

    air: Floats
    mass: Floats
    heat: Floats

    def comfort_kh(self, building: Building, use: Floats | None = None) -> Floats:
        """Returns the comfort violation of each zone [K h] (p,): temperature outside the band at
        the end of every step times ``use`` (p, n), by default that of the building."""
        below = np.maximum(0.0, building.low - self.air[:, 1:])
        above = np.maximum(0.0, self.air[:, 1:] - building.high)
        outside = (below + above) * (building.use if use is None else use)
        return np.asarray(outside.sum(axis=1) * building.inputs.step_h)


def roll_out(building: Building, dynamics: ZoneDynamics, setpoints: Floats) -> RolloutResult:
    """Simulates ideal thermostats that hold ``setpoints`` [degC] (p, k) over the first ``k`` steps
    as far as the power of radiators and plant goes; what the plant lacks is shared in proportion to
    what is asked for."""
    n, zones = setpoints.shape[1], len(building.zones)
    states, heat = np.empty((n + 1, 2, zones)), np.empty((n, zones))
    states[0] = state = np.stack((building.state.air, building.state.mass))
    target = (setpoints + building.droop[:, np.newaxis]).T
    available_kw = dynamics.available_kw(building.capacity_kw).tolist()
    a, b = np.moveaxis(dynamics.steps.a, 1, 3), np.moveaxis(dynamics.steps.b, 1, 3)
    of_air, of_mass, by_heat = a[:, :, 0], a[:, :, 1], b[:, :, 0]
    driven_air = by_heat * dynamics.flow_air.T[:, np.newaxis]
    driven_mass = b[:, :, 1] * dynamics.flow_mass.T[:, np.newaxis]
    most = building.heat_max.T
    for k in range(n):
        free = of_air[k] * state[0] + of_mass[k] * state[1] + driven_air[k] + driven_mass[k]
        wanted = np.minimum(np.maximum(0.0, (target[k] - free[0]) / by_heat[k, 0]), most[k])
        total = wanted.sum()
        if total > available_kw[k]:
            wanted = wanted * (available_kw[k] / total)
        states[k + 1] = state = free + by_heat[k] * wanted
        heat[k] = wanted
    air, mass = np.ascontiguousarray(states.transpose(1, 2, 0))
    return RolloutResult(air=air, mass=mass, heat=np.ascontiguousarray(heat.T))


def expected_outcome(
    building: Building, dynamics: ZoneDynamics, rollout: RolloutResult, cop: Floats | None = None
) -> Expected:
    """Returns billed energy for heat and fans, its cost and emission, and the comfort violation.

    ``cop`` (n,) is that of the radiators' heat where it differs from that of the inputs.
    """
    inputs = building.inputs
    rooms = rollout.heat.sum(axis=0) / (inputs.cop if cop is None else cop)
    billed = (rooms + dynamics.fixed_kw / inputs.cop) * inputs.step_h
    fan = dynamics.fan_kw * inputs.step_h
    source, power = inputs.source, inputs.electricity
    fans = bool(fan.any())
    priced = source.price_known and (power.price_known or not fans)
    counted = source.factor_known and (power.factor_known or not fans)
    spared = inputs.spared_dkk((billed + fan) / inputs.step_h, source.price)
    return Expected(
        energy_kwh=_amount(billed.sum() + fan.sum()),
        cost_dkk=_amount(billed @ source.price + fan @ power.price - spared) if priced else None,
        co2_kg=_amount(billed @ source.factor + fan @ power.factor) if counted else None,
        comfort_kh=_amount(rollout.comfort_kh(building).sum(), 3),
    )


def running_cost(
    building: Building, dynamics: ZoneDynamics, rollout: RolloutResult, comfort_dkk_per_kh: float
) -> float:
    """Returns the cost of a horizon [DKK]: energy, CO2 and comfort violation, less the value of the
    heat left stored at the mean price. Comfort does not count where somebody holds the zone."""
    inputs = building.inputs
    energy = (rollout.heat.sum(axis=0) + dynamics.fixed_kw) * inputs.step_h
    fan = dynamics.fan_kw * inputs.step_h
    stored = building.rc.stored_kwh(rollout.air[:, -1], rollout.mass[:, -1]).sum()
    return float(
        energy @ (inputs.source_price / inputs.cop)
        + fan @ inputs.electricity_price
        - inputs.spared_dkk((energy / inputs.cop + fan) / inputs.step_h, inputs.source_price)
        + comfort_dkk_per_kh * rollout.comfort_kh(building, building.planned_use).sum()
        - stored * max(0.0, float(inputs.heat_price.mean()))
    )


def _amount(value: float, digits: int = 2) -> float:
    return round(float(value), digits)
