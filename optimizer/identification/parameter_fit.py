"""Fit of one model structure to the record of one zone.

The residuals are those of free runs over 24 h that restart every few hours. A prior at usual values
keeps parameters that the data do not determine away from the bounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares

from optimizer.identification.excitation import DataSplit
from optimizer.identification.model_structures import (
    FAST_AIR_H,
    ModelStructure,
    bounded_parameters,
    network_of,
)
from optimizer.model.rc_network import Floats, RcNetwork, free_run, heat_demand, mass_from_air
from optimizer.model.steady_state_filter import drive_model, filter_states, predict_from
from optimizer.model.zone_record import ZoneRecord

WINDOW_H = 24.0
RESTART_H = 7.0
RESIDUAL_EVERY_H = 1.0
LEAST_WINDOWS = 8
ITERATIONS = 30
SELECTION_ITERATIONS = 8
FORWARD_STEP = 1e-4
TOLERANCE = 1e-5
SELECTION_TOLERANCE = 1e-4
"""Enough to select a structure."""
ROBUST_K = 0.7
"""Errors beyond this count less than squared: an open window is not the building's fault."""
PRIOR_WEIGHT_K = 1.0
"""Weight of one spread away from the usual value, as an error of the temperature [K]."""


@dataclass(frozen=True, slots=True)
class FitWindows:
    """Windows of a record up to some step, their ``weight`` (k, 1), and the unit of heat loss
    [kW/K]."""

    record: ZoneRecord
    filled: ZoneRecord
    starts: np.ndarray
    index: np.ndarray
    weight: Floats
    scale: float


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A fitted structure: its parameters and the cost it reached."""

    structure: ModelStructure
    names: tuple[str, ...]
    theta: Floats
    rc: RcNetwork
    scale: float
    cost: float
    area_m2: float | None = None

    @property
    def order(self) -> str:
        return self.structure.order

    @property
    def values(self) -> dict[str, float]:
        """The fitted values by name, to begin another fit from."""
        return dict(zip(self.names, map(float, self.theta), strict=True))

    @property
    def at_bounds(self) -> tuple[str, ...]:
        """The parameters at a bound: the data do not determine them."""
        parameters = bounded_parameters(self.names, self.area_m2, self.scale)
        pairs = zip(parameters, self.theta, strict=True)
        return tuple(parameter.name for parameter, x in pairs if parameter.at_bound(float(x)))

    def parameters(self) -> dict[str, float]:
        """Returns the named parameters as in ``ZoneModel.parameters``."""
        return self.rc.to_parameters(0)

    def predict(self, record: ZoneRecord, starts: np.ndarray, length: int) -> Floats:
        """Returns the air temperature [degC] (k, length) after each step of runs from ``starts``.

        Each begins at the state of the filter that has seen the record up to its start.
        """
        driven = drive_model(self.rc, record.filled())
        return np.asarray(
            predict_from(driven, filter_states(driven, record.temp), starts, length)[0]
        )

    def heat_needed(self, record: ZoneRecord) -> Floats:
        """Returns the heating [kW] (n - 1,) that the measured temperatures take by the model."""
        cold = replace(record.filled(), heat=np.zeros(len(record)))
        driven = drive_model(self.rc, cold)
        hidden = mass_from_air(self.rc, cold.temp, driven.flow_mass, cold.step_h)
        return heat_demand(self.rc, cold.temp, driven.added, hidden, cold.run, cold.step_h)


def fit_windows(
    record: ZoneRecord, last: int, scale: float | None = None, split: DataSplit | None = None
) -> FitWindows | None:
    """Returns the windows before step ``last``, weighed by ``split``; None when there are too few
    usable ones."""
    resampled = record.resampled()
    end = min(len(resampled), int(last * record.step_h / resampled.step_h + 1e-9))
    day = round(WINDOW_H / resampled.step_h)
    starts = np.arange(0, max(0, end - day), max(1, round(RESTART_H / resampled.step_h)))
    starts = resampled.usable(starts[np.isfinite(resampled.temp[starts])], day)
    if len(starts) < LEAST_WINDOWS:
        return None
    index = starts[:, np.newaxis] + np.arange(day)[np.newaxis, :]
    per = round(resampled.step_h / record.step_h)
    weight = (split or DataSplit(len(record))).weights(starts * per, (starts + day) * per)
    filled, unit = resampled.filled(), scale or _loss_guess(resampled, end)
    windows = FitWindows(resampled, filled, starts, index, weight[:, np.newaxis], unit)
    if scale is None:
        simple = fit_structure(
            windows, ModelStructure("1R1C", "constant"), iterations=SELECTION_ITERATIONS
        )
        windows = replace(windows, scale=float(simple.rc.h_out[0]))
    return windows


def _loss_guess(record: ZoneRecord, last: int) -> float:
    """A first guess of the heat loss [kW/K]: mean heat over mean temperature difference."""
    rows = record.known & np.isfinite(record.temp)
    rows[last:] = False
    difference = float(np.mean((record.temp - record.temp_out)[rows]))
    heat = float(np.mean(record.heat[rows]))
    return max(heat, 1e-9) / max(difference, 1.0)


def initial_fits(windows: FitWindows) -> dict[str, Mapping[str, float]]:
    """Returns where fits of each order begin: two nodes from a light and from a heavy building."""
    tried = [
        fit_structure(
            windows,
            ModelStructure("2R2C", "constant"),
            start,
            SELECTION_ITERATIONS,
            SELECTION_TOLERANCE,
        )
        for start in _starts()
    ]
    best = min(tried, key=lambda fit: fit.cost).values
    return {"1R1C": {}, "2R2C": best, "3R2C": best}


def _starts() -> list[Mapping[str, float]]:
    light = {"c_air": np.log(FAST_AIR_H / 2.0)}
    heavy = {"c_air": np.log(FAST_AIR_H * 2.0), "c_mass": np.log(200.0)}
    return [light, heavy]


def fit_structure(
    windows: FitWindows,
    structure: ModelStructure,
    start: Mapping[str, float] | None = None,
    iterations: int = ITERATIONS,
    tolerance: float = TOLERANCE,
) -> FittedModel:
    """Returns the fit of ``structure`` from ``start`` (fitted values by name; usual ones
    otherwise)."""
    names = structure.names(windows.record)
    parameters = bounded_parameters(names, windows.record.area_m2, windows.scale)
    low, high = np.array([q.bounds for q in parameters]).T
    errors = FitResiduals(windows, structure, names)
    first = [(start or {}).get(q.name, q.to_fitted(q.usual)) for q in parameters]
    slopes = _ResidualsWithJacobian(errors, high)
    answer = least_squares(
        slopes.errors,
        np.clip(first, low + 1e-6, high - 1e-6),
        jac=slopes.jacobian,
        bounds=(low, high),
        loss="soft_l1",
        f_scale=ROBUST_K,
        max_nfev=iterations,
        ftol=tolerance,
        xtol=tolerance,
        x_scale=np.array([q.spread for q in parameters]),
    )
    theta = np.asarray(answer.x)
    rc = errors.rc(theta[np.newaxis, :])
    return FittedModel(
        structure, names, theta, rc, windows.scale, float(answer.cost), windows.record.area_m2
    )


class FitResiduals:
    """Residuals [K] of a structure on windows, for many parameter sets at once."""

    def __init__(
        self, windows: FitWindows, structure: ModelStructure, names: tuple[str, ...]
    ) -> None:
        self._windows, self._structure, self._names = windows, structure, names
        parameters = bounded_parameters(names, windows.record.area_m2, windows.scale)
        self._usual = np.array([q.to_fitted(q.usual) for q in parameters])
        self._spread = np.array([q.spread for q in parameters])
        every = max(1, round(RESIDUAL_EVERY_H / windows.record.step_h))
        self._columns = np.arange(every - 1, windows.index.shape[1], every)
        target = windows.starts[:, np.newaxis] + 1 + self._columns[np.newaxis, :]
        self._truth = windows.record.temp[np.minimum(target, len(windows.record) - 1)]
        self._truth[target >= len(windows.record)] = np.nan
        self._known = np.isfinite(self._truth)

    def rc(self, theta: Floats) -> RcNetwork:
        vent = self._windows.record.vent_kw_per_k
        return network_of(self._names, theta, self._windows.scale, vent, self._structure.order)

    def window_errors(self, theta: Floats) -> Floats:
        """Returns the weighted errors of every window and hour [K] (p, k, hours), NaN where the
        truth is not known."""
        rc, filled = self.rc(theta), self._windows.filled
        driven = drive_model(rc, filled)
        hidden = mass_from_air(rc, filled.temp, driven.flow_mass, filled.step_h)
        starts = self._windows.starts
        air = np.broadcast_to(filled.temp[starts], (len(theta), len(starts)))
        begin = (air, hidden[:, starts])
        runs = free_run(driven.interpolated, begin, driven.added, filled.run, self._windows.index)
        return np.asarray(self._windows.weight * (runs[:, :, self._columns] - self._truth))

    def __call__(self, theta: Floats) -> Floats:
        errors = self.window_errors(theta)[:, self._known]
        return np.concatenate(
            [errors, PRIOR_WEIGHT_K * (theta - self._usual) / self._spread], axis=1
        )

    def jacobian(self, theta: Floats, high: Floats) -> Floats:
        """Returns the Jacobian (residuals, m) by forward differences, all parameters in one
        simulation."""
        return self.with_jacobian(theta, high)[1]

    def with_jacobian(self, theta: Floats, high: Floats) -> tuple[Floats, Floats]:
        """Returns residuals (r,) and their Jacobian (r, m) from one simulation."""
        away = np.where(theta + FORWARD_STEP > high, -FORWARD_STEP, FORWARD_STEP)
        values = self(np.vstack([theta, theta + np.diag(away)]))
        return values[0], np.asarray(((values[1:] - values[0]) / away[:, np.newaxis]).T)


class _ResidualsWithJacobian:
    """Residuals and their Jacobian in one simulation: least squares nearly always asks for the
    Jacobian where it has just asked for the residuals, and a dozen simulations side by side take
    little longer than one."""

    def __init__(self, errors: FitResiduals, high: Floats) -> None:
        self._errors, self._high = errors, high
        self._at: Floats = np.full(len(high), np.nan)
        self._slopes: Floats = np.empty(0)

    def errors(self, theta: Floats) -> Floats:
        """Residuals (r,) at ``theta`` (m,)."""
        self._at = theta.copy()
        values, self._slopes = self._errors.with_jacobian(theta, self._high)
        return values

    def jacobian(self, theta: Floats) -> Floats:
        """Jacobian (r, m) at ``theta`` (m,)."""
        if not np.array_equal(theta, self._at):
            self.errors(theta)
        return self._slopes
