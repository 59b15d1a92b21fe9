"""How sure the parameters of a fit are.

Gauss-Newton covariance, ``s2 (J'J)^-1``, with the residuals' variance raised by what they have in
common: windows that overlap, and errors that follow each other within a window.
"""

from __future__ import annotations

import numpy as np

from optimizer.identification.model_structures import bounded, rc_of
from optimizer.identification.parameter_fit import RESTART_H, WINDOW_H, Errors, Fit, Task
from optimizer.model.heat_shares import rows_per_independent
from optimizer.model.rc_network import Floats, Rc

STEP = 1e-4


def time_constants_h(rc: Rc) -> tuple[Floats, Floats]:
    """Fast and slow time constant [h] (p,) without ventilation; the same where there is no mass."""
    own_air = (rc.h_out + rc.h_mass) / rc.c_air
    own_mass = (rc.h_mass + rc.h_mass_out) / rc.c_mass
    mean = (own_air + own_mass) / 2.0
    half = np.sqrt(((own_air - own_mass) / 2.0) ** 2 + rc.h_mass**2 / (rc.c_air * rc.c_mass))
    alone = rc.h_mass <= 0.0
    fast = np.where(alone, own_air, mean + half)
    slow = np.where(alone, own_air, mean - half)
    return 1.0 / np.maximum(fast, 1e-9), 1.0 / np.maximum(slow, 1e-9)


def derived(rc: Rc, i: int) -> dict[str, float]:
    """Named numbers that people ask for and that follow from the parameters of set ``i``."""
    fast, slow = time_constants_h(rc)
    return {"time_constant_fast_h": float(fast[i]), "time_constant_slow_h": float(slow[i])}


def standard_errors(task: Task, fit: Fit) -> dict[str, float]:
    """Standard errors of ``fit.parameters()`` and of :func:`derived`, by the same names.

    What the rung does not fit has none.
    """
    errors = Errors(task, fit.rung, fit.names)
    high = np.array([q.bounds[1] for q in bounded(fit.names, fit.area_m2, fit.scale)])
    slopes = errors.jacobian(fit.theta, high)
    covariance = np.asarray(np.linalg.pinv(slopes.T @ slopes) * _variance(errors, fit))
    return errors_from(fit, covariance, task.record.vent_kw_per_k)


def errors_from(fit: Fit, covariance: Floats, vent_kw_per_k: float) -> dict[str, float]:
    """Standard errors of named parameters from the covariance of the fitted values (m, m)."""
    trials = np.vstack([fit.theta, fit.theta + STEP * np.eye(len(fit.theta))])
    rc = rc_of(fit.names, trials, fit.scale, vent_kw_per_k, fit.order)
    rows = [{**rc.to_parameters(i), **derived(rc, i)} for i in range(len(trials))]
    result = {}
    for name, value in rows[0].items():
        gradient = np.array([(row.get(name, 0.0) - value) / STEP for row in rows[1:]])
        if np.any(gradient != 0.0):
            result[name] = float(np.sqrt(max(0.0, gradient @ covariance @ gradient)))
    return result


def _variance(errors: Errors, fit: Fit) -> float:
    """Variance of the residuals [K2], raised by what they have in common."""
    windows = errors.windows(fit.theta[np.newaxis, :])[0]
    known = windows[np.isfinite(windows)]
    within = np.nan_to_num(windows).ravel()
    overlap = max(1.0, WINDOW_H / RESTART_H)
    return float(np.mean(known**2)) * rows_per_independent(within) * overlap
