"""The zones that can be planned as arrays: models, state, limits and given loads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bms.model.planning.problem import Problem, ZoneModel, ZoneTask
from optimizer.horizon.forecast_inputs import ForecastInputs
from optimizer.model.air_handling import AirOperation
from optimizer.model.facade_irradiance import facades
from optimizer.model.heat_shares import HeatShares, coldness
from optimizer.model.held_lever import with_held_value
from optimizer.model.history import local_hours, zone_ventilation, zone_ventilation_run
from optimizer.model.rc_network import Bools, Floats, RcNetwork, StepMatrices, step_matrices
from optimizer.model.state_estimate import EstimatedState

LEAST_SPREAD_K = 0.1
LARGEST_MODEL_ERROR_K = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """``p`` modelled zones over ``n`` steps.

    ``use`` 0..1, ``low``, ``high`` and ``own_setpoint`` [degC] have the shape (p, n);
    ``heat_max`` [kW] (p, n) is the power of the radiators, ``capacity_kw`` [kW] that of the plant;
    ``droop`` [K] (p,) is how far above its setpoint a zone settles and ``spread`` [K] (p,) the
    spread around that; ``model_error`` [K] (p,) is the error of the models on held-out days, at
    most :data:`LARGEST_MODEL_ERROR_K`. ``held`` (p, n) is true where somebody holds a zone's
    setpoint: ``own_setpoint`` is the value at which it is held there.
    """

    zones: tuple[ZoneTask, ...]
    models: tuple[ZoneModel, ...]
    rc: RcNetwork
    shares: HeatShares
    state: EstimatedState
    inputs: ForecastInputs
    use: Floats
    low: Floats
    high: Floats
    own_setpoint: Floats
    heat_max: Floats
    capacity_kw: float
    droop: Floats
    spread: Floats
    model_error: Floats
    held: Bools
    storing_share: float | None = None

    @property
    def n(self) -> int:
        return self.inputs.n

    @property
    def held_steps(self) -> list[int]:
        """For how many steps from the start on the setpoint of each zone is held [1] (p,)."""
        return [int(count) for count in self.held.sum(axis=1)]

    @property
    def planned_use(self) -> Floats:
        """``use`` (p, n) without the steps at which somebody holds the zone: its comfort there is
        not the plan's."""
        return np.where(self.held, 0.0, self.use)

    def with_held(self, setpoints: Floats) -> Floats:
        """Returns setpoints [degC] (p, n) with the held values in place of those that are held."""
        return np.where(self.held, self.own_setpoint, setpoints)


@dataclass(frozen=True, slots=True)
class ZoneDynamics:
    """Dynamics of the zones over the horizon with one choice of ventilation.

    ``steps`` are the discrete matrices; ``flow_air`` and ``flow_mass`` [kW] (p, n) the given heat
    flows into air and mass, without radiators; ``fixed_kw`` [kW] (n,) the heat of the plant that is
    not the radiators' (coil, hot water), ``coil_kw`` [kW] (n,) the coil's part of it; ``fan_kw``
    [kW] (n,) the electric power of the fans.
    """

    steps: StepMatrices
    flow_air: Floats
    flow_mass: Floats
    fixed_kw: Floats
    fan_kw: Floats
    coil_kw: Floats

    def available_kw(self, capacity_kw: float) -> Floats:
        """Returns the power that the plant has left for radiators [kW] (n,)."""
        return np.maximum(0.0, capacity_kw - self.fixed_kw)


def building_of(
    problem: Problem,
    tasks: Sequence[ZoneTask],
    models: Sequence[ZoneModel],
    state: EstimatedState,
    inputs: ForecastInputs,
) -> Building:
    """Returns the arrays of the zones ``tasks`` with their ``models`` in the same order."""
    parameters = [model.parameters for model in models]
    n = inputs.n
    base = np.array([p["heat_max_kw"] for p in parameters])
    by_cold = np.array([p["heat_max_cold_kw"] for p in parameters])
    return Building(
        zones=tuple(tasks),
        models=tuple(models),
        rc=RcNetwork.from_parameters(parameters),
        shares=HeatShares.from_parameters(parameters),
        state=state,
        inputs=inputs,
        use=np.array([task.occupied[:n] for task in tasks], dtype=np.float64),
        low=np.array([task.low_c[:n] for task in tasks]),
        high=np.array([task.high_c[:n] for task in tasks]),
        own_setpoint=np.array([_own_setpoint(problem, task) for task in tasks]),
        heat_max=np.maximum(0.0, base[:, None] + by_cold[:, None] * coldness(inputs.temp_out)),
        capacity_kw=max(0.0, problem.heat_source.capacity_kw),
        droop=np.array([p["droop_k"] for p in parameters]),
        spread=np.maximum(LEAST_SPREAD_K, np.array([p["track_k"] for p in parameters])),
        model_error=np.array(
            [min(LARGEST_MODEL_ERROR_K, abs(model.rmse_24h_k)) for model in models]
        ),
        held=np.array([np.arange(n) < problem.held_steps(task.lever) for task in tasks]),
        storing_share=problem.storing_share,
    )


def _own_setpoint(problem: Problem, task: ZoneTask) -> Floats:
    own = np.array(task.own_setpoint_c[: problem.steps], dtype=np.float64)
    return with_held_value(problem, task.lever, own)


def zone_dynamics(problem: Problem, building: Building, air: AirOperation) -> ZoneDynamics:
    """Returns the dynamics with the air-handling units running as ``air`` says, at their own supply
    temperature."""
    inputs = building.inputs
    names = [zone.id for zone in building.zones]
    _, loss = zone_ventilation(problem, names)
    units = len(problem.ventilation)
    run = zone_ventilation_run(loss, air.flow_part) if units else np.zeros((len(names), inputs.n))
    fan = np.array([unit.fan_kw for unit in problem.ventilation])
    building_run = building.shares.coil_share @ run
    coil = building.shares.coil_kw(inputs.temp_out, building_run)
    to_air, to_mass = building.rc.flows(
        heat=coil * building.shares.coil_share[:, None]
        + building.state.disturbance_ahead(inputs.n, inputs.step_h),
        temp_out=inputs.temp_out,
        ghi_kw=inputs.ghi,
        use=building.use,
        run=run,
        hour=local_hours(problem.start, problem.step_s, inputs.n, problem.timezone),
        facades=facades(
            inputs.ghi,
            start=problem.start,
            step_s=problem.step_s,
            latitude=problem.latitude,
            longitude=problem.longitude,
        ),
    )
    in_use = building.use.max(axis=0)
    return ZoneDynamics(
        steps=step_matrices(building.rc, run, inputs.step_h),
        flow_air=to_air,
        flow_mass=to_mass,
        fixed_kw=coil + building.shares.fixed_kw(in_use),
        fan_kw=fan @ air.fan_power_part if units else np.zeros(inputs.n),
        coil_kw=coil,
    )
