"""Standard errors of the parameters of a fit.

Gauss-Newton covariance, ``s2 (J'J)^-1``, with the residuals' variance raised by their correlation:
windows that overlap, and errors that follow each other within a window.
"""

from __future__ import annotations

import numpy as np

from optimizer.identification.model_structures import bounded_parameters, network_of
from optimizer.identification.parameter_fit import (
    RESTART_H,
    WINDOW_H,
    FitResiduals,
    FittedModel,
    FitWindows,
)
from optimizer.model.heat_shares import autocorrelation_factor
from optimizer.model.rc_network import Floats, RcNetwork

STEP = 1e-4


def time_constants_h(rc: RcNetwork) -> tuple[Floats, Floats]:
    """Returns the fast and the slow time constant [h] (p,) without ventilation; equal where there
    is no mass."""
    own_air = (rc.h_out + rc.h_mass) / rc.c_air
    own_mass = (rc.h_mass + rc.h_mass_out) / rc.c_mass
    mean = (own_air + own_mass) / 2.0
    half = np.sqrt(((own_air - own_mass) / 2.0) ** 2 + rc.h_mass**2 / (rc.c_air * rc.c_mass))
    alone = rc.h_mass <= 0.0
    fast = np.where(alone, own_air, mean + half)
    slow = np.where(alone, own_air, mean - half)
    return 1.0 / np.maximum(fast, 1e-9), 1.0 / np.maximum(slow, 1e-9)


def derived_parameters(rc: RcNetwork, i: int) -> dict[str, float]:
    """Returns named numbers that follow from the parameters of set ``i``."""
    fast, slow = time_constants_h(rc)
    return {"time_constant_fast_h": float(fast[i]), "time_constant_slow_h": float(slow[i])}


def standard_errors(windows: FitWindows, fit: FittedModel) -> dict[str, float]:
    """Returns the standard errors of ``fit.parameters()`` and of :func:`derived_parameters`, by
    name.

    Parameters that the structure does not fit have none.
    """
    errors = FitResiduals(windows, fit.structure, fit.names)
    high = np.array([q.bounds[1] for q in bounded_parameters(fit.names, fit.area_m2, fit.scale)])
    slopes = errors.jacobian(fit.theta, high)
    covariance = np.asarray(np.linalg.pinv(slopes.T @ slopes) * _variance(errors, fit))
    return standard_errors_from(fit, covariance, windows.record.vent_kw_per_k)


def standard_errors_from(
    fit: FittedModel, covariance: Floats, vent_kw_per_k: float
) -> dict[str, float]:
    """Returns standard errors of named parameters from the covariance of the fitted values (m,
    m)."""
    trials = np.vstack([fit.theta, fit.theta + STEP * np.eye(len(fit.theta))])
    rc = network_of(fit.names, trials, fit.scale, vent_kw_per_k, fit.order)
    rows = [{**rc.to_parameters(i), **derived_parameters(rc, i)} for i in range(len(trials))]
    result = {}
    for name, value in rows[0].items():
        gradient = np.array([(row.get(name, 0.0) - value) / STEP for row in rows[1:]])
        if np.any(gradient != 0.0):
            result[name] = float(np.sqrt(max(0.0, gradient @ covariance @ gradient)))
    return result


def _variance(errors: FitResiduals, fit: FittedModel) -> float:
    """Variance of the residuals [K2], raised by their correlation."""
    window_errors = errors.window_errors(fit.theta[np.newaxis, :])[0]
    known = window_errors[np.isfinite(window_errors)]
    within = np.nan_to_num(window_errors).ravel()
    overlap = max(1.0, WINDOW_H / RESTART_H)
    return float(np.mean(known**2)) * autocorrelation_factor(within) * overlap
