"""What can be known of a zone at a moment, and what follows from it: filter and free run.

The filter is a Kalman filter whose gain has settled (the covariance does not depend on the data),
over air, mass and a disturbance: heat that the model does not know of, which drifts and fades. It
is what :mod:`optimizer.model.state_estimate` does with the full covariance; here it runs over whole
records, to judge models by what a plan will start from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.model.rc_network import Floats, Pair, Rc, forced, steps_for
from optimizer.model.zone_record import Record

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
class States:
    """Air and mass [degC] and disturbance [kW] at the start of every step, each (p, n)."""

    air: Floats
    mass: Floats
    disturbance: Floats


@dataclass(frozen=True, slots=True)
class Driven:
    """A record as a model feels it: its steps, ventilation ``run`` (n,), what the
    inputs add to air and mass in each step [K], (p, n) each, and the flow into mass [kW] (p, n)."""

    rc: Rc
    run: Floats
    flow_mass: Floats
    added: tuple[Floats, Floats]
    pair: Pair
    step_h: float


def drive(rc: Rc, record: Record) -> Driven:
    """``record`` must have no gaps in its inputs."""
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
    pair = Pair.of(rc, record.step_h)
    return Driven(
        rc=rc,
        run=record.run,
        flow_mass=mass,
        added=forced(pair, air, mass, record.run),
        pair=pair,
        step_h=record.step_h,
    )


def loss_kw_per_k(rc: Rc) -> Floats:
    """What the disturbance is measured by [kW/K] (p,)."""
    return rc.h_out + rc.h_mass_out


def noise(rc: Rc, step_h: float) -> Floats:
    """Covariance that a step adds, (p, 3, 3)."""
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


def with_disturbance(a: Floats, b: Floats, step_h: float) -> Floats:
    """The step of (air, mass, disturbance), (p, 3, 3), from those of (air, mass)."""
    full = np.zeros((len(a), 3, 3))
    full[:, :2, :2], full[:, :2, 2] = a, b[:, :, 0]
    full[:, 2, 2] = np.exp(-step_h / FADE_H)
    return full


def settled_gain(rc: Rc, run: float, step_h: float) -> Floats:
    """Gain of the filter (p, 3) once it has settled, at ventilation ``run`` 0..1.

    The Riccati equation by doubling (Anderson 1978, Int. J. Control 28, 295): after ``k`` rounds
    the filter has done ``2**k`` steps.
    """
    at = steps_for(rc, np.full((len(rc.c_air), 1), run), step_h)
    eye = np.eye(3)
    step = with_disturbance(at.a[0], at.b[0], step_h).transpose(0, 2, 1)
    seen = np.zeros_like(step)
    seen[:, 0, 0] = SENSOR_K**-2
    covariance = noise(rc, step_h)
    for _ in range(DOUBLINGS):
        onward = np.linalg.solve(eye + seen @ covariance, np.concatenate([step, seen], axis=2))
        back = step.transpose(0, 2, 1)
        covariance = covariance + back @ covariance @ onward[:, :, :3]
        seen = seen + step @ onward[:, :, 3:] @ back
        step = step @ onward[:, :, :3]
    return np.asarray(covariance[:, :, 0] / (covariance[:, 0, 0] + SENSOR_K**2)[:, np.newaxis])


def observe(driven: Driven, temp: Floats) -> States:
    """States that the measured temperature (n,) leads to; gaps are passed over."""
    gains = settled_gain(driven.rc, float(np.mean(driven.run)), driven.step_h)
    states = np.array([_observe_one(driven, i, gain, temp) for i, gain in enumerate(gains)])
    return States(states[:, :, 0], states[:, :, 1], states[:, :, 2])


def _observe_one(
    driven: Driven, i: int, gain: Floats, temp: Floats
) -> list[tuple[float, float, float]]:
    """Air, mass and disturbance of parameter set ``i`` at the start of every step.

    A loop over plain numbers: arrays of one element are ten times slower.
    """
    pair = driven.pair
    still, more = _numbers(pair.a[i], pair.b[i]), _numbers(pair.a_more[i], pair.b_more[i])
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
    """The matrix of the states row by row, then what the disturbance adds to each of them."""
    return [*a.ravel().tolist(), *b[:, 0].tolist()]


def run_on(driven: Driven, states: States, starts: np.ndarray, length: int) -> Floats:
    """Air temperature [degC] at the end of each step of free runs from ``starts`` (k,) with the
    inputs of the record: (p, k, length)."""
    pair = driven.pair
    a, b = pair.a[..., np.newaxis], pair.b[..., np.newaxis]
    a_more, b_more = pair.a_more[..., np.newaxis], pair.b_more[..., np.newaxis]
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
