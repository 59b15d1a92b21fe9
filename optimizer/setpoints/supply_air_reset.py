"""Supply-air temperature reset: cooler supply air where the rooms are warm enough.

A coil warms the air behind the heat recovery to the setpoint of the supply air. A setpoint that is
``d`` [K] lower saves ``AIR * flow * d`` [kW] at the coil and takes the same from the air of the
rooms that it serves, shared by area. ``d`` is at least 0 and limited by the lever's lowest value,
the temperature behind the recovery and the heat of the coil::

    T_recovered = T_out + recovery (T_room - T_out)

The heat of the coil is the identified one; where the model has none it is that of the unit's data
sheet, ``AIR * flow * (setpoint - T_recovered)``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bms.model.fact import Fact, fact
from bms.model.planning.problem import Lever, Problem, VentilationTask
from optimizer.explain.plan_reason import PlanReason
from optimizer.horizon.building import Building, ZoneDynamics, zone_dynamics
from optimizer.horizon.rollout import roll_out
from optimizer.linear_program.supply_air import SupplyReset
from optimizer.linear_program.time_blocks import clock_minimum
from optimizer.model.air_handling import AirOperation, own_air, own_supply
from optimizer.model.held_lever import with_held_value
from optimizer.model.history import zone_ventilation
from optimizer.model.quantise import quantise_down, quantise_up, round_down
from optimizer.model.rc_network import AIR_KWH_PER_M3_K, Bools, Floats

SPAN_H = 1.0
STEP_K = 0.5
"""Setpoints are lowered by multiples of this [K], or of the point's resolution if that is more."""
LEAST_REPORTED_K = 0.25
NEGLIGIBLE_K = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyAir:
    """Supply air of the ``u`` units over ``n`` steps.

    ``resettable`` (u,) is true where the setpoint may be written; ``own`` [degC] (u, n) is the
    unit's own setpoint, ``lowest`` [degC] (u,) the lowest that may be written, ``recovered`` [degC]
    (u, n) the air before the coil. ``flow`` [m3/h] (u,) is the full flow, ``part`` (p, u) each
    zone's share; ``free`` (u, n) is false where somebody holds the setpoint of the unit, or that of
    one of its rooms, which could not make up for cooler air.
    """

    resettable: Bools
    own: Floats
    lowest: Floats
    recovered: Floats
    flow: Floats
    part: Floats
    free: Bools

    @classmethod
    def of(cls, problem: Problem, building: Building, room_c: Floats) -> SupplyAir:
        """Returns the supply air of a problem whose rooms have the air temperatures ``room_c``
        [degC] (p, n)."""
        units, n = problem.ventilation, building.n
        flow, _ = zone_ventilation(problem, [zone.id for zone in building.zones])
        full = np.maximum(1e-9, np.array([unit.flow_m3_h for unit in units]))
        part = flow / full
        resettable = np.array(
            [is_resettable(unit) and _serves_planned_zones(unit, building) for unit in units]
        )
        unknown = np.full(n, np.nan)
        own = np.array([own_supply(problem, u) if u.own_supply_c else unknown for u in units])
        recovery = np.clip(np.array([unit.recovery for unit in units]), 0.0, 1.0)[:, np.newaxis]
        extract = part.T @ room_c / np.maximum(1e-9, part.sum(axis=0))[:, np.newaxis]
        outdoors = building.inputs.temp_out
        levers = [unit.supply_lever for unit in units]
        return cls(
            resettable=resettable,
            own=np.where(resettable[:, np.newaxis], own, 0.0),
            lowest=np.array([_lowest(lever) if lever else 0.0 for lever in levers]),
            recovered=outdoors + recovery * (extract - outdoors),
            flow=full,
            part=part,
            free=np.array([_is_free(problem, building, unit) for unit in units]),
        )

    def kw_per_k(self, air: AirOperation) -> Floats:
        """Returns the heat saved at the coil per kelvin [kW/K] (u, n)."""
        return np.asarray(AIR_KWH_PER_M3_K * self.flow[:, np.newaxis] * air.flow_part)

    def data_sheet_coil_kw(self, air: AirOperation) -> Floats:
        """Returns the heat of the resettable coils by their data sheets [kW] (u, n)."""
        lift = np.maximum(0.0, self.own - self.recovered)
        return np.where(self.resettable[:, np.newaxis], self.kw_per_k(air) * lift, 0.0)

    def largest_reset_k(
        self, building: Building, dynamics: ZoneDynamics, air: AirOperation
    ) -> Floats:
        """Returns the largest reset [K] (u, n) for dynamics without one."""
        lift = self.own - np.maximum(self.lowest[:, np.newaxis], self.recovered)
        per_k = self.kw_per_k(air)
        if _coil_is_identified(building):
            total = per_k.sum(axis=0)
            lift = np.minimum(lift, dynamics.coil_kw / np.maximum(total, NEGLIGIBLE_K))
        free = self.resettable[:, np.newaxis] & self.free & (per_k > 0)
        return np.where(free, np.maximum(0.0, lift), 0.0)

    def reset_variables(
        self, building: Building, dynamics: ZoneDynamics, air: AirOperation
    ) -> SupplyReset | None:
        """Returns the units that can be reset at all, as variables of the linear program."""
        most = self.largest_reset_k(building, dynamics, air)
        units = np.flatnonzero(most.any(axis=1))
        if not units.size:
            return None
        return SupplyReset(units, self.kw_per_k(air)[units], most[units], self.part[:, units])

    def with_reset(self, dynamics: ZoneDynamics, air: AirOperation, by_k: Floats) -> ZoneDynamics:
        """Returns the dynamics with supply air that is ``by_k`` [K] (u, n) cooler."""
        saved = self.kw_per_k(air) * by_k
        return replace(
            dynamics,
            flow_air=dynamics.flow_air - self.part @ saved,
            fixed_kw=dynamics.fixed_kw - saved.sum(axis=0),
            coil_kw=dynamics.coil_kw - saved.sum(axis=0),
        )


def dynamics_with(
    problem: Problem, building: Building, air: AirOperation, supply: SupplyAir | None = None
) -> ZoneDynamics:
    """Returns the dynamics with one choice of ventilation, including coils that can be reset."""
    dynamics = zone_dynamics(problem, building, air)
    if supply is None:
        return dynamics
    if not _coil_is_identified(building):
        dynamics = _with_data_sheet_coils(dynamics, supply, supply.data_sheet_coil_kw(air))
    most = supply.largest_reset_k(building, dynamics, air)
    return supply.with_reset(dynamics, air, np.minimum(air.reset_k, most))


def _coil_is_identified(building: Building) -> bool:
    return building.shares.coil_kw_per_k > 0


def _with_data_sheet_coils(
    dynamics: ZoneDynamics, supply: SupplyAir, coils: Floats
) -> ZoneDynamics:
    """The dynamics with coils [kW] (u, n) that the model has not identified; they heat the rooms,
    too."""
    total = coils.sum(axis=0)
    return replace(
        dynamics,
        flow_air=dynamics.flow_air + supply.part @ coils,
        fixed_kw=dynamics.fixed_kw + total,
        coil_kw=dynamics.coil_kw + total,
    )


def is_resettable(unit: VentilationTask) -> bool:
    """Whether there is a coil, and a setpoint of it that may be written without raising it."""
    lever = unit.supply_lever
    return (
        lever is not None and bool(unit.own_supply_c) and min(unit.own_supply_c) >= _lowest(lever)
    )


def supply_air_of(problem: Problem, building: Building) -> SupplyAir | None:
    """Returns the supply air of a building with its rooms as warm as under its own control; None
    where no setpoint of it may be written."""
    if not any(map(is_resettable, problem.ventilation)):
        return None
    first = SupplyAir.of(problem, building, building.own_setpoint + building.droop[:, np.newaxis])
    dynamics = dynamics_with(problem, building, own_air(problem), first)
    return SupplyAir.of(
        problem, building, roll_out(building, dynamics, building.own_setpoint).air[:, :-1]
    )


def with_supply_reset(
    problem: Problem, air: AirOperation, reset_k: Floats | None = None
) -> AirOperation:
    """Returns the operation with setpoints that the points take, at most ``reset_k`` [K] (u, n) and
    the resolution below their own."""
    taken = np.zeros_like(air.run)
    for u, unit in enumerate(problem.ventilation):
        if is_resettable(unit) and unit.supply_lever is not None:
            asked = taken[u] if reset_k is None else reset_k[u]
            written = _supply_setpoints(
                problem, unit, unit.supply_lever, asked, air.flow_part[u] > 0
            )
            taken[u] = own_supply(problem, unit) - written
    return replace(air, reset_k=taken)


def _supply_setpoints(
    problem: Problem, unit: VentilationTask, lever: Lever, reset_k: Floats, running: Bools
) -> Floats:
    """Setpoints [degC] (n,), constant over :data:`SPAN_H` and never above the unit's own one,
    unless held."""
    own = clock_minimum(problem, np.array(unit.own_supply_c[: problem.steps]), SPAN_H)
    least = clock_minimum(problem, np.where(running, reset_k, np.inf), SPAN_H)
    step = max(STEP_K, lever.resolution)
    less = round_down(np.where(np.isfinite(least), least, 0.0), step)
    wanted = quantise_up(own - less, lever)
    lowered = np.where(wanted > own + NEGLIGIBLE_K, quantise_down(own, lever), wanted)
    return with_held_value(problem, lever, lowered)


def describe_supply_air(problem: Problem, air: AirOperation) -> list[Fact]:
    """Returns facts about units whose supply air is cooler [K]."""
    found = []
    for u, unit in enumerate(problem.ventilation):
        most = float(np.max(air.reset_k[u], where=air.flow_part[u] > 0, initial=0.0))
        if most >= LEAST_REPORTED_K:
            found.append(fact(PlanReason.SUPPLY_COOLER, unit=unit.id, kelvin=most))
    return found


def _lowest(lever: Lever) -> float:
    return float(quantise_up(np.array(lever.minimum), lever))


def _is_free(problem: Problem, building: Building, unit: VentilationTask) -> Bools:
    """Where nobody holds the setpoint of the unit or of one of its rooms (n,)."""
    served = [z for z, zone in enumerate(building.zones) if zone.id in unit.zones]
    unheld = np.arange(building.n) >= problem.held_steps(unit.supply_lever)
    return np.asarray(unheld & ~building.held[served].any(axis=0))


def _serves_planned_zones(unit: VentilationTask, building: Building) -> bool:
    """Whether all zones of the unit have a model and a lever: their loss is known, and the plan can
    make up for it."""
    led = {zone.id for zone in building.zones if zone.lever is not None}
    return bool(unit.zones) and set(unit.zones) <= led
