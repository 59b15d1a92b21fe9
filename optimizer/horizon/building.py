"""The zones that can be planned: model, state, limits and everything given over the horizon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bms.model.planning.problem import Problem, ZoneModel, ZoneTask
from optimizer.horizon.outlook import Outlook
from optimizer.model.air_handling import Air
from optimizer.model.heat_shares import HeatShares, cold
from optimizer.model.held_lever import with_held_value
from optimizer.model.history import local_hours, zone_run, zone_ventilation
from optimizer.model.rc_network import Bools, Floats, Rc, Steps, steps_for
from optimizer.model.solar import facades
from optimizer.model.state_estimate import State

LEAST_TRACK_K = 0.1
LARGEST_DOUBT_K = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """``p`` modelled zones over ``n`` steps.

    ``use`` 0..1, ``low``, ``high`` and ``own_setpoint`` [degC] have the shape (p, n);
    ``heat_max`` [kW] (p, n) is what radiators can give, ``capacity_kw`` what the plant can,
    ``droop`` and ``track`` [K] (p,) how the thermostats settle and spread, ``doubt`` [K] (p,) the
    error of the models on held-out days, as far as it counts. ``held`` (p, n) says where somebody
    holds a zone's setpoint: ``own_setpoint`` is the value at which it is held there.
    """

    zones: tuple[ZoneTask, ...]
    rc: Rc
    shares: HeatShares
    state: State
    outlook: Outlook
    use: Floats
    low: Floats
    high: Floats
    own_setpoint: Floats
    heat_max: Floats
    capacity_kw: float
    droop: Floats
    track: Floats
    doubt: Floats
    held: Bools

    @property
    def n(self) -> int:
        return self.outlook.n

    @property
    def held_steps(self) -> list[int]:
        """For how many steps from the start on the setpoint of each zone is held."""
        return [int(count) for count in self.held.sum(axis=1)]

    @property
    def planned_use(self) -> Floats:
        """``use`` (p, n) without the steps at which somebody holds the zone: its comfort there is
        not the plan's."""
        return np.where(self.held, 0.0, self.use)

    def with_held(self, setpoints: Floats) -> Floats:
        """Setpoints [degC] (p, n) with what is held in their place where it is."""
        return np.where(self.held, self.own_setpoint, setpoints)


@dataclass(frozen=True, slots=True)
class Course:
    """The building with one choice of ventilation: matrices, given flows and fixed loads.

    ``flow_air`` and ``flow_mass`` [kW] (p, n) without radiators; ``fixed_kw`` [kW] (n,) is heat
    that is not the radiators' (coil, hot water), ``coil_kw`` the coil's part of it;
    ``fan_kw`` [kW] (n,).
    """

    steps: Steps
    flow_air: Floats
    flow_mass: Floats
    fixed_kw: Floats
    fan_kw: Floats
    coil_kw: Floats

    def room_kw(self, capacity_kw: float) -> Floats:
        """What the plant has left for radiators [kW] (n,)."""
        return np.maximum(0.0, capacity_kw - self.fixed_kw)


def building_of(
    problem: Problem,
    tasks: Sequence[ZoneTask],
    models: Sequence[ZoneModel],
    state: State,
    outlook: Outlook,
) -> Building:
    """Arrays of the zones ``tasks`` with their ``models`` in the same order."""
    parameters = [model.parameters for model in models]
    n = outlook.n
    base = np.array([p["heat_max_kw"] for p in parameters])
    by_cold = np.array([p["heat_max_cold_kw"] for p in parameters])
    return Building(
        zones=tuple(tasks),
        rc=Rc.from_parameters(parameters),
        shares=HeatShares.from_parameters(parameters),
        state=state,
        outlook=outlook,
        use=np.array([task.occupied[:n] for task in tasks], dtype=np.float64),
        low=np.array([task.low_c[:n] for task in tasks]),
        high=np.array([task.high_c[:n] for task in tasks]),
        own_setpoint=np.array([_own_setpoint(problem, task) for task in tasks]),
        heat_max=np.maximum(0.0, base[:, None] + by_cold[:, None] * cold(outlook.temp_out)),
        capacity_kw=max(0.0, problem.heat_source.capacity_kw),
        droop=np.array([p["droop_k"] for p in parameters]),
        track=np.maximum(LEAST_TRACK_K, np.array([p["track_k"] for p in parameters])),
        doubt=np.array([min(LARGEST_DOUBT_K, abs(model.rmse_24h_k)) for model in models]),
        held=np.array([np.arange(n) < problem.held_steps(task.lever) for task in tasks]),
    )


def _own_setpoint(problem: Problem, task: ZoneTask) -> Floats:
    own = np.array(task.own_setpoint_c[: problem.steps], dtype=np.float64)
    return with_held_value(problem, task.lever, own)


def course_of(problem: Problem, building: Building, air: Air) -> Course:
    """The building with the air-handling units running as ``air`` says, at their own supply
    temperature."""
    outlook = building.outlook
    names = [zone.id for zone in building.zones]
    _, loss = zone_ventilation(problem, names)
    units = len(problem.ventilation)
    run = zone_run(loss, air.moved) if units else np.zeros((len(names), outlook.n))
    fan = np.array([unit.fan_kw for unit in problem.ventilation])
    building_run = building.shares.coil_share @ run
    coil = building.shares.coil_kw(outlook.temp_out, building_run)
    to_air, to_mass = building.rc.flows(
        heat=coil * building.shares.coil_share[:, None]
        + building.state.fading(outlook.n, outlook.step_h),
        temp_out=outlook.temp_out,
        ghi_kw=outlook.ghi,
        use=building.use,
        run=run,
        hour=local_hours(problem.start, problem.step_s, outlook.n, problem.timezone),
        facades=facades(
            outlook.ghi,
            start=problem.start,
            step_s=problem.step_s,
            latitude=problem.latitude,
            longitude=problem.longitude,
        ),
    )
    in_use = building.use.max(axis=0)
    return Course(
        steps=steps_for(building.rc, run, outlook.step_h),
        flow_air=to_air,
        flow_mass=to_mass,
        fixed_kw=coil + building.shares.fixed_kw(in_use),
        fan_kw=fan @ air.fan_part if units else np.zeros(outlook.n),
        coil_kw=coil,
    )
