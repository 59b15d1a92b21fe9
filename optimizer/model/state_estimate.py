"""The current state of a building: a Kalman filter over its last days that tolerates gaps.

The state of each zone is (air, mass, disturbance): the disturbance [kW] is slowly varying heat that
the model does not know of (an open window, extra people); it removes the offset of the first hours
of a prediction and fades over the horizon. See Pannocchia and Rawlings (2003),
doi:10.1002/aic.690490213. A loss that came suddenly while people are in is a probable open window:
that part of it fades within hours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.model.heat_shares import HeatShares
from optimizer.model.history import MeasuredPast, interpolate_gaps
from optimizer.model.rc_network import Bools, Floats, RcNetwork
from optimizer.model.steady_state_filter import (
    DISTURBANCE_K,
    FADE_H,
    SENSOR_K,
    augmented_step,
    loss_kw_per_k,
    process_noise,
)

MEMORY_H = 72.0
BLIND_FACTOR = 25.0
LONGEST_SILENCE_H = 24.0
WINDOW_LOOK_H = 6.0
"""A loss that is older than this [h] is not sudden any more."""
WINDOW_K = 1.5
"""A sudden loss from this on is a probable open window, as a fall of the zone's temperature in the
long run [K]."""
WINDOW_FADE_H = 2.0


@dataclass(frozen=True, slots=True)
class EstimatedState:
    """Air and mass temperature [degC] and disturbance [kW] at the start of the horizon, each (p,),
    and the part of the disturbance that is a probable open ``window`` [kW] (p,), 0 or less.

    NaN for a zone without a measured temperature in the last day.
    """

    air: Floats
    mass: Floats
    disturbance: Floats
    window: Floats

    def disturbance_ahead(self, n: int, step_h: float) -> Floats:
        """Returns the fading disturbance over the coming steps [kW] (p, n)."""
        ahead_h = (np.arange(n) + 0.5) * step_h
        lasting = (self.disturbance - self.window)[:, np.newaxis] * np.exp(-ahead_h / FADE_H)
        return np.asarray(lasting + self.window[:, np.newaxis] * np.exp(-ahead_h / WINDOW_FADE_H))

    def of(self, zones: Bools) -> EstimatedState:
        """Returns the state of some of the zones (p,)."""
        return EstimatedState(
            self.air[zones], self.mass[zones], self.disturbance[zones], self.window[zones]
        )


def estimate_state(past: MeasuredPast, shares: HeatShares, rc: RcNetwork) -> EstimatedState:
    """Returns the state at the end of ``past``, whose zones are those of ``rc``."""
    recent = past.last(MEMORY_H)
    silent = ~np.isfinite(recent.last(LONGEST_SILENCE_H).temp).any(axis=1)
    x, covariance = _start(recent, rc)
    flows = _known_flows(recent, shares, rc)
    a_off, b_off = _with_flows(rc, 0.0, past.step_h)
    a_on, b_on = _with_flows(rc, 1.0, past.step_h)
    run = np.nan_to_num(recent.run).T[:, :, None, None]
    a, b = a_off + run * (a_on - a_off), b_off + run * (b_on - b_off)
    unknown = np.isnan(flows)
    any_unknown = np.asarray(unknown.any(axis=(0, 2)))
    blind = np.where(unknown[:, :, 0], BLIND_FACTOR, 1.0).T[:, :, None, None]
    grows = process_noise(rc, past.step_h) * blind
    known = [x[:, 2]]
    for k in range(recent.steps):
        x, covariance = _correct(x, covariance, recent.temp[:, k])
        flow = flows[:, k]
        if any_unknown[k]:
            flow = np.where(unknown[:, k], _holding_flow(rc, x), flow)
        x = np.einsum("pij,pj->pi", a[k], x) + np.einsum("pij,pj->pi", b[k], flow)
        covariance = a[k] @ covariance @ a[k].transpose(0, 2, 1) + grows[k]
        known.append(x[:, 2])
    window = _open_window(np.array(known).T, recent, rc)
    x[silent] = np.nan
    return EstimatedState(air=x[:, 0], mass=x[:, 1], disturbance=x[:, 2], window=window)


def _open_window(disturbance: Floats, recent: MeasuredPast, rc: RcNetwork) -> Floats:
    """What of the disturbance (p, n) came within the last hours, in use, and is a loss [kW] (p,);
    0 where there is no such loss."""
    look = round(WINDOW_LOOK_H / recent.step_h)
    if disturbance.shape[1] <= look:
        return np.zeros(len(disturbance))
    fall = disturbance[:, -1] - disturbance[:, -1 - look]
    in_use = recent.use[:, -look:].any(axis=1)
    sudden = in_use & (fall < -WINDOW_K * loss_kw_per_k(rc)) & (disturbance[:, -1] < 0.0)
    return np.asarray(np.where(sudden, np.maximum(fall, disturbance[:, -1]), 0.0))


def _start(recent: MeasuredPast, rc: RcNetwork) -> tuple[Floats, Floats]:
    zones = len(rc.c_air)
    first = np.array([_first_known(row) for row in recent.temp])
    x = np.column_stack([first, first, np.zeros(zones)])
    spread = np.column_stack([np.full(zones, 1.0), np.full(zones, 4.0), _drift(rc) ** 2])
    return x, np.einsum("pi,ij->pij", spread, np.eye(3))


def _first_known(row: Floats) -> float:
    known = row[np.isfinite(row)]
    return float(known[0]) if len(known) else 20.0


def _drift(rc: RcNetwork) -> Floats:
    return DISTURBANCE_K * loss_kw_per_k(rc)


def _with_flows(rc: RcNetwork, run: float, step_h: float) -> tuple[Floats, Floats]:
    a, b = rc.discrete(run, step_h)
    flows = np.zeros((len(a), 3, 2))
    flows[:, :2] = b
    return augmented_step(a, b, step_h), flows


def _known_flows(recent: MeasuredPast, shares: HeatShares, rc: RcNetwork) -> Floats:
    """Heat flows into air and mass [kW] (p, n, 2); NaN where an input is unknown."""
    run = recent.building_run
    heat = shares.divide(recent.heat, recent.valve, recent.temp_out, run, recent.building_use)
    heat = heat + shares.coil_kw(recent.temp_out, run) * shares.coil_share[:, None]
    late = np.array([interpolate_gaps(row) for row in heat])
    heat = np.where(np.isnan(heat), np.nan, rc.lagged(late, recent.step_h))
    sunny = bool(np.any(rc.solar > 0.0) or np.any(rc.solar_facades > 0.0))
    air, mass = rc.flows(
        heat=heat,
        temp_out=recent.temp_out,
        ghi_kw=recent.ghi if sunny else np.zeros(recent.steps),
        use=recent.use,
        run=recent.run,
        hour=recent.hour,
        facades=recent.facades if sunny else None,
    )
    return np.stack([air, mass + 0.0 * air], axis=2)


def _holding_flow(rc: RcNetwork, x: Floats) -> Floats:
    """The flows that would keep the zone at its state: the neutral guess where inputs are
    missing."""
    exchange = rc.h_mass * (x[:, 0] - x[:, 1])
    return np.column_stack([rc.h_out * x[:, 0] + exchange, rc.h_mass_out * x[:, 1] - exchange])


def _correct(x: Floats, covariance: Floats, measured: Floats) -> tuple[Floats, Floats]:
    seen = np.isfinite(measured)
    gain = covariance[:, :, 0] / (covariance[:, 0, 0] + SENSOR_K**2)[:, None]
    if not seen.all():
        gain = gain * seen[:, None]
        measured = np.where(seen, measured, x[:, 0])
    x = x + gain * (measured - x[:, 0])[:, None]
    return x, covariance - gain[:, :, None] * covariance[:, 0][:, None, :]
