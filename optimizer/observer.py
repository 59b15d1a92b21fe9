"""What can be known of a zone at a moment, and what follows from it: filter and free run.

The filter is a Kalman filter whose gain has settled (the covariance does not depend on the data),
over air, mass and a disturbance: heat that the model does not know of, which drifts and fades. It
is what :mod:`optimizer.estimate` does with the full covariance; here it runs over whole records, to
judge models by what a plan will start from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.record import Record
from optimizer.thermal import Floats, Pair, Rc, forced, steps_for

FADE_H = 48.0
"""Time in which the disturbance falls to a third [h]."""
SENSOR_K = 0.05
AIR_K_PER_SQRT_H = 0.06
MASS_K_PER_SQRT_H = 0.02
DISTURBANCE_K = 1.5
"""Spread of the disturbance as a temperature rise of the zone [K]. Mass, disturbance
and fading were compared on the rooms in tests/data, the other two were set by hand."""
SETTLED_AFTER = 400


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
    """Gain of the filter (p, 3) once it has settled, at ventilation ``run`` 0..1."""
    at = steps_for(rc, np.full((len(rc.c_air), 1), run), step_h)
    a = with_disturbance(at.a[0], at.b[0], step_h)
    grows = noise(rc, step_h)
    covariance = grows + np.eye(3) * np.array([1.0, 4.0, 0.0])
    gain = covariance[:, :, 0]
    for _ in range(SETTLED_AFTER):
        before = gain
        gain = covariance[:, :, 0] / (covariance[:, 0, 0] + SENSOR_K**2)[:, np.newaxis]
        if np.allclose(gain, before, rtol=1e-4, atol=1e-9):
            break
        covariance = covariance - gain[:, :, np.newaxis] * covariance[:, np.newaxis, 0]
        covariance = a @ covariance @ a.transpose(0, 2, 1) + grows
    return np.asarray(gain)


def observe(driven: Driven, temp: Floats) -> States:
    """States that the measured temperature (n,) leads to; gaps are passed over."""
    rc, n = driven.rc, len(temp)
    run = float(np.mean(driven.run))
    gain = settled_gain(rc, run, driven.step_h).T
    pair = driven.pair
    fade = float(np.exp(-driven.step_h / FADE_H))
    seen = np.isfinite(temp)
    first = float(temp[seen][0]) if seen.any() else 20.0
    air = np.full(len(rc.c_air), first)
    mass, heat = air, 0.0 * air
    states = np.empty((n, 3, len(air)))
    for k in range(n):
        if seen[k]:
            error = temp[k] - air
            air, mass, heat = air + gain[0] * error, mass + gain[1] * error, heat + gain[2] * error
        states[k, 0], states[k, 1], states[k, 2] = air, mass, heat
        r = driven.run[k]
        ak = pair.a + r * pair.a_more if r else pair.a
        bk = pair.b + r * pair.b_more if r else pair.b
        air, mass = (
            ak[:, 0, 0] * air + ak[:, 0, 1] * mass + bk[:, 0, 0] * heat + driven.added[0][:, k],
            ak[:, 1, 0] * air + ak[:, 1, 1] * mass + bk[:, 1, 0] * heat + driven.added[1][:, k],
        )
        heat = fade * heat
    return States(states[:, 0].T, states[:, 1].T, states[:, 2].T)


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
