"""Cooler supply air: heat that a unit's coil need not give where its rooms are warm enough.

A coil warms the air behind the heat recovery to the setpoint of the supply air. A setpoint that
is ``d`` [K] lower saves ``AIR * flow * d`` [kW] at the coil and takes the same from the air of the
rooms that it serves, shared by area. ``d`` is at least 0 and never more than what the lever's
lowest value, the temperature behind the recovery and the heat of the coil leave::

    T_recovered = T_out + recovery (T_room - T_out)

The heat of the coil is the one that the model has learnt; a model that has learnt none gets the
one that the unit's data sheet tells, ``AIR * flow * (setpoint - T_recovered)``.
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
from optimizer.model.air_handling import Air, own_air, own_supply
from optimizer.model.held_lever import with_held_value
from optimizer.model.history import zone_ventilation
from optimizer.model.quantise import round_down, settle, settle_down
from optimizer.model.rc_network import AIR_KWH_PER_M3_K, Bools, Floats

HELD_H = 1.0
STEP_K = 0.5
"""Setpoints are lowered by multiples of this [K], or of the point's resolution if that is more."""
TOLD_K = 0.25
NEVER_K = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """Supply air of the ``u`` units over ``n`` steps.

    ``movable`` (u,) says whose setpoint may be written; ``own`` [degC] (u, n) is what it has by
    itself, ``lowest`` [degC] (u,) the lowest that may be written, ``recovered`` [degC] (u, n) the
    air before the coil. ``flow`` [m3/h] (u,) is the full flow, ``part`` (p, u) each zone's share;
    ``free`` (u, n) says where nobody holds the setpoint of the unit or of one of its rooms, which
    could not make up for cooler air.
    """

    movable: Bools
    own: Floats
    lowest: Floats
    recovered: Floats
    flow: Floats
    part: Floats
    free: Bools

    @classmethod
    def of(cls, problem: Problem, building: Building, room_c: Floats) -> Supply:
        """``room_c`` [degC] (p, n) is what the rooms' air is taken to be."""
        units, n = problem.ventilation, building.n
        flow, _ = zone_ventilation(problem, [zone.id for zone in building.zones])
        full = np.maximum(1e-9, np.array([unit.flow_m3_h for unit in units]))
        part = flow / full
        movable = np.array([can_be_moved(unit) and _whole(unit, building) for unit in units])
        unknown = np.full(n, np.nan)
        own = np.array([own_supply(problem, u) if u.own_supply_c else unknown for u in units])
        recovery = np.clip(np.array([unit.recovery for unit in units]), 0.0, 1.0)[:, np.newaxis]
        extract = part.T @ room_c / np.maximum(1e-9, part.sum(axis=0))[:, np.newaxis]
        outdoors = building.inputs.temp_out
        levers = [unit.supply_lever for unit in units]
        return cls(
            movable=movable,
            own=np.where(movable[:, np.newaxis], own, 0.0),
            lowest=np.array([_lowest(lever) if lever else 0.0 for lever in levers]),
            recovered=outdoors + recovery * (extract - outdoors),
            flow=full,
            part=part,
            free=np.array([_is_free(problem, building, unit) for unit in units]),
        )

    def kw_per_k(self, air: Air) -> Floats:
        """What each kelvin is worth at the coil [kW/K] (u, n)."""
        return np.asarray(AIR_KWH_PER_M3_K * self.flow[:, np.newaxis] * air.moved)

    def told_kw(self, air: Air) -> Floats:
        """Heat of the coils by their data sheets [kW] (u, n), of those that may be moved."""
        lift = np.maximum(0.0, self.own - self.recovered)
        return np.where(self.movable[:, np.newaxis], self.kw_per_k(air) * lift, 0.0)

    def most_k(self, building: Building, dynamics: ZoneDynamics, air: Air) -> Floats:
        """How much cooler the air may be at most [K] (u, n), on a course without any of it."""
        lift = self.own - np.maximum(self.lowest[:, np.newaxis], self.recovered)
        per_k = self.kw_per_k(air)
        if _has_learnt_coil(building):
            total = per_k.sum(axis=0)
            lift = np.minimum(lift, dynamics.coil_kw / np.maximum(total, NEVER_K))
        free = self.movable[:, np.newaxis] & self.free & (per_k > 0)
        return np.where(free, np.maximum(0.0, lift), 0.0)

    def coolable(self, building: Building, dynamics: ZoneDynamics, air: Air) -> SupplyReset | None:
        """The units whose air may be cooler at all, for the linear program."""
        most = self.most_k(building, dynamics, air)
        units = np.flatnonzero(most.any(axis=1))
        if not units.size:
            return None
        return SupplyReset(units, self.kw_per_k(air)[units], most[units], self.part[:, units])

    def cooled(self, dynamics: ZoneDynamics, air: Air, by_k: Floats) -> ZoneDynamics:
        """The course with supply air that is ``by_k`` [K] (u, n) cooler."""
        saved = self.kw_per_k(air) * by_k
        return replace(
            dynamics,
            flow_air=dynamics.flow_air - self.part @ saved,
            fixed_kw=dynamics.fixed_kw - saved.sum(axis=0),
            coil_kw=dynamics.coil_kw - saved.sum(axis=0),
        )


def dynamics_with(
    problem: Problem, building: Building, air: Air, supply: Supply | None = None
) -> ZoneDynamics:
    """The building with one choice of ventilation, with its coils where they may be moved."""
    dynamics = zone_dynamics(problem, building, air)
    if supply is None:
        return dynamics
    if not _has_learnt_coil(building):
        dynamics = _with_coils(dynamics, supply, supply.told_kw(air))
    most = supply.most_k(building, dynamics, air)
    return supply.cooled(dynamics, air, np.minimum(air.cooler, most))


def _has_learnt_coil(building: Building) -> bool:
    return building.shares.coil_kw_per_k > 0


def _with_coils(dynamics: ZoneDynamics, supply: Supply, coils: Floats) -> ZoneDynamics:
    """The course with coils [kW] (u, n) that the model has not learnt.

    They heat the rooms, too.
    """
    total = coils.sum(axis=0)
    return replace(
        dynamics,
        flow_air=dynamics.flow_air + supply.part @ coils,
        fixed_kw=dynamics.fixed_kw + total,
        coil_kw=dynamics.coil_kw + total,
    )


def can_be_moved(unit: VentilationTask) -> bool:
    """Whether there is a coil, and a setpoint of it that may be written without raising it."""
    lever = unit.supply_lever
    return (
        lever is not None and bool(unit.own_supply_c) and min(unit.own_supply_c) >= _lowest(lever)
    )


def supply_of(problem: Problem, building: Building) -> Supply | None:
    """The supply air of a building, its rooms as warm as under its own control; None where no
    setpoint of it may be written."""
    if not any(map(can_be_moved, problem.ventilation)):
        return None
    first = Supply.of(problem, building, building.own_setpoint + building.droop[:, np.newaxis])
    dynamics = dynamics_with(problem, building, own_air(problem), first)
    return Supply.of(
        problem, building, roll_out(building, dynamics, building.own_setpoint).air[:, :-1]
    )


def with_cooler(problem: Problem, air: Air, cooler: Floats | None = None) -> Air:
    """The air with setpoints that points take, at most ``cooler`` [K] (u, n) below their own and
    what the resolution takes."""
    taken = np.zeros_like(air.run)
    for u, unit in enumerate(problem.ventilation):
        if can_be_moved(unit) and unit.supply_lever is not None:
            asked = taken[u] if cooler is None else cooler[u]
            written = _setpoints(problem, unit, unit.supply_lever, asked, air.moved[u] > 0)
            taken[u] = own_supply(problem, unit) - written
    return replace(air, cooler=taken)


def _setpoints(
    problem: Problem, unit: VentilationTask, lever: Lever, cooler: Floats, running: Bools
) -> Floats:
    """Setpoints [degC] (n,), each for an hour; never above its own one, but where it is held."""
    own = clock_minimum(problem, np.array(unit.own_supply_c[: problem.steps]), HELD_H)
    least = clock_minimum(problem, np.where(running, cooler, np.inf), HELD_H)
    step = max(STEP_K, lever.resolution)
    less = round_down(np.where(np.isfinite(least), least, 0.0), step)
    wanted = settle(own - less, lever)
    lowered = np.where(wanted > own + NEVER_K, settle_down(own, lever), wanted)
    return with_held_value(problem, lever, lowered)


def describe_supply_air(problem: Problem, air: Air) -> list[Fact]:
    """By how much the supply air of units is cooler [K]."""
    found = []
    for u, unit in enumerate(problem.ventilation):
        most = float(np.max(air.cooler[u], where=air.moved[u] > 0, initial=0.0))
        if most >= TOLD_K:
            found.append(fact(PlanReason.SUPPLY_COOLER, unit=unit.id, kelvin=most))
    return found


def _lowest(lever: Lever) -> float:
    return float(settle(np.array(lever.minimum), lever))


def _is_free(problem: Problem, building: Building, unit: VentilationTask) -> Bools:
    """Where nobody holds the setpoint of the unit or of one of its rooms (n,)."""
    served = [z for z, zone in enumerate(building.zones) if zone.id in unit.zones]
    unheld = np.arange(building.n) >= problem.held_steps(unit.supply_lever)
    return np.asarray(unheld & ~building.held[served].any(axis=0))


def _whole(unit: VentilationTask, building: Building) -> bool:
    """Whether all the unit's zones have a model and a setpoint of the plan: what they miss is
    known, and the plan can make up for it."""
    led = {zone.id for zone in building.zones if zone.lever is not None}
    return bool(unit.zones) and set(unit.zones) <= led
