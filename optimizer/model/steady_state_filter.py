"""Steady-state Kalman filter over whole records, and predictions from its states.

The covariance does not depend on the data, so the gain is that of the Riccati equation. The states
are air, mass and a disturbance: heat that the model does not know of, which drifts and fades.
:mod:`optimizer.model.state_estimate` is the same filter with the full covariance; this one runs
over records to judge models by the states that a plan will start from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.model.rc_network import Floats, InterpolatedStep, RcNetwork, forced, step_matrices
from optimizer.model.zone_record import ZoneRecord

FADE_H = 48.0
"""Time in which the disturbance falls to a third [h]."""
SENSOR_K = 0.05
AIR_K_PER_SQRT_H = 0.06
MASS_K_PER_SQRT_H = 0.02
DISTURBANCE_K = 1.5
"""Spread of the disturbance as a temperature rise of the zone [K]. Mass, disturbance
and fading were compared on the rooms in bms/bench/data, the other two were set by hand."""
DOUBLINGS = 12


@dataclass(frozen=True, slots=True)
class FilteredStates:
    """Air and mass [degC] and disturbance [kW] at the start of every step, each (p, n)."""

    air: Floats
    mass: Floats
    disturbance: Floats


@dataclass(frozen=True, slots=True)
class DrivenModel:
    """Parameter sets with the inputs of a record: ventilation ``run`` (n,), what the inputs
    ``added`` to air and mass in each step [K], (p, n) each, the flow into mass [kW] (p, n) and the
    discrete step."""

    rc: RcNetwork
    run: Floats
    flow_mass: Floats
    added: tuple[Floats, Floats]
    interpolated: InterpolatedStep
    step_h: float


def drive_model(rc: RcNetwork, record: ZoneRecord) -> DrivenModel:
    """Returns the model ``rc`` driven by ``record``, which must have no gaps in its inputs."""
    air, mass = rc.flows(
        heat=rc.lagged(record.heat, record.step_h),
        temp_out=record.temp_out,
        ghi_kw=record.ghi,
        use=record.use,
        run=record.run,
        hour=record.hour,
        facades=record.facades,
        temp_vent=record.temp_vent if record.supply_measured else None,
    )
    mass = np.broadcast_to(mass, air.shape)
    interpolated = InterpolatedStep.of(rc, record.step_h)
    return DrivenModel(
        rc=rc,
        run=record.run,
        flow_mass=mass,
        added=forced(interpolated, air, mass, record.run),
        interpolated=interpolated,
        step_h=record.step_h,
    )


def loss_kw_per_k(rc: RcNetwork) -> Floats:
    """Returns the loss [kW/K] (p,) by which the disturbance is scaled."""
    return rc.h_out + rc.h_mass_out


def process_noise(rc: RcNetwork, step_h: float) -> Floats:
    """Returns the covariance that a step adds (p, 3, 3)."""
    ones = np.ones(len(rc.c_air))
    drift = (DISTURBANCE_K * loss_kw_per_k(rc)) ** 2
    rows = np.column_stack(
        [
            AIR_K_PER_SQRT_H**2 * step_h * ones,
            MASS_K_PER_SQRT_H**2 * step_h * ones,
            drift * (1.0 - np.exp(-2.0 * step_h / FADE_H)),
        ]
    )
    return np.asarray(rows[:, :, np.newaxis] * np.eye(3))


def augmented_step(a: Floats, b: Floats, step_h: float) -> Floats:
    """Returns the transition of (air, mass, disturbance) (p, 3, 3) from that of (air, mass)."""
    full = np.zeros((len(a), 3, 3))
    full[:, :2, :2], full[:, :2, 2] = a, b[:, :, 0]
    full[:, 2, 2] = np.exp(-step_h / FADE_H)
    return full


def steady_state_gain(rc: RcNetwork, run: float, step_h: float) -> Floats:
    """Returns the steady-state gain of the filter (p, 3) at ventilation ``run`` 0..1.

    The Riccati equation by doubling (Anderson 1978, Int. J. Control 28, 295): after ``k`` rounds
    the filter has done ``2**k`` steps.
    """
    at = step_matrices(rc, np.full((len(rc.c_air), 1), run), step_h)
    eye = np.eye(3)
    step = augmented_step(at.a[0], at.b[0], step_h).transpose(0, 2, 1)
    seen = np.zeros_like(step)
    seen[:, 0, 0] = SENSOR_K**-2
    covariance = process_noise(rc, step_h)
    for _ in range(DOUBLINGS):
        onward = np.linalg.solve(eye + seen @ covariance, np.concatenate([step, seen], axis=2))
        back = step.transpose(0, 2, 1)
        covariance = covariance + back @ covariance @ onward[:, :, :3]
        seen = seen + step @ onward[:, :, 3:] @ back
        step = step @ onward[:, :, :3]
    return np.asarray(covariance[:, :, 0] / (covariance[:, 0, 0] + SENSOR_K**2)[:, np.newaxis])


def filter_states(driven: DrivenModel, temp: Floats) -> FilteredStates:
    """Returns the states estimated from the measured temperature (n,); gaps are predicted over."""
    gains = steady_state_gain(driven.rc, float(np.mean(driven.run)), driven.step_h)
    states = np.array([_observe_one(driven, i, gain, temp) for i, gain in enumerate(gains)])
    return FilteredStates(states[:, :, 0], states[:, :, 1], states[:, :, 2])


def _observe_one(
    driven: DrivenModel, i: int, gain: Floats, temp: Floats
) -> list[tuple[float, float, float]]:
    """Air, mass and disturbance of parameter set ``i`` at the start of every step.

    A loop over plain numbers: arrays of one element are ten times slower.
    """
    interpolated = driven.interpolated
    still, more = (
        _numbers(interpolated.a[i], interpolated.b[i]),
        _numbers(interpolated.a_more[i], interpolated.b_more[i]),
    )
    to_air, to_mass, to_heat = gain.tolist()
    fade = float(np.exp(-driven.step_h / FADE_H))
    seen = np.isfinite(temp)
    air = mass = float(temp[seen][0]) if seen.any() else 20.0
    heat = 0.0
    added = driven.added[0][i].tolist(), driven.added[1][i].tolist()
    states = []
    for value, run, into_air, into_mass in zip(
        temp.tolist(), driven.run.tolist(), *added, strict=True
    ):
        if value == value:  # not NaN
            error = value - air
            air, mass, heat = air + to_air * error, mass + to_mass * error, heat + to_heat * error
        states.append((air, mass, heat))
        a00, a01, a10, a11, b0, b1 = (
            (s + run * m for s, m in zip(still, more, strict=True)) if run else still
        )
        air, mass = (
            a00 * air + a01 * mass + b0 * heat + into_air,
            a10 * air + a11 * mass + b1 * heat + into_mass,
        )
        heat = fade * heat
    return states


def _numbers(a: Floats, b: Floats) -> list[float]:
    """The transition of the states row by row, then the effect of the disturbance on each of
    them."""
    return [*a.ravel().tolist(), *b[:, 0].tolist()]


def predict_from(
    driven: DrivenModel, states: FilteredStates, starts: np.ndarray, length: int
) -> Floats:
    """Returns the air temperature [degC] (p, k, length) at the end of each step of free runs from
    ``starts`` (k,) with the inputs of the record."""
    interpolated = driven.interpolated
    a, b = interpolated.a[..., np.newaxis], interpolated.b[..., np.newaxis]
    a_more, b_more = interpolated.a_more[..., np.newaxis], interpolated.b_more[..., np.newaxis]
    fade = float(np.exp(-driven.step_h / FADE_H))
    air, mass = states.air[:, starts], states.mass[:, starts]
    heat = states.disturbance[:, starts]
    result = np.empty((length, *air.shape))
    for j in range(length):
        now = starts + j
        run = driven.run[now]
        ak, bk = a + run * a_more, b + run * b_more
        air, mass = (
            ak[:, 0, 0] * air + ak[:, 0, 1] * mass + bk[:, 0, 0] * heat + driven.added[0][:, now],
            ak[:, 1, 0] * air + ak[:, 1, 1] * mass + bk[:, 1, 0] * heat + driven.added[1][:, now],
        )
        heat = fade * heat
        result[j] = air
    return np.moveaxis(result, 0, 2)
