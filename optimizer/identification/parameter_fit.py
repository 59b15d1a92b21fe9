"""Fits one rung of the ladder of models to the record of one zone.

The error is that of free runs over 24 h that restart every few hours. A pull towards usual values
keeps directions that the data do not hold away from the bounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares

from optimizer.identification.excitation import Clock
from optimizer.identification.model_structures import FAST_AIR_H, Rung, bounded, rc_of
from optimizer.model.observer import drive, observe, run_on
from optimizer.model.rc_network import Floats, Rc, free_run, heat_for, mass_from_air
from optimizer.model.zone_record import Record

WINDOW_H = 24.0
RESTART_H = 7.0
RESIDUAL_EVERY_H = 1.0
LEAST_WINDOWS = 8
ITERATIONS = 30
TRIAL_ITERATIONS = 8
FORWARD_STEP = 1e-4
TOLERANCE = 1e-5
TRIAL_TOLERANCE = 1e-4
"""Enough to choose a rung by."""
ROBUST_K = 0.7
"""Errors beyond this count less than squared: an open window is not the building's fault."""
PULL_K = 1.0
"""Weight of one spread away from the usual value, as an error of the temperature [K]."""


@dataclass(frozen=True, slots=True)
class Task:
    """The windows of a record up to some step, how much each counts ``weight`` (k, 1), and the unit
    of heat loss [kW/K]."""

    record: Record
    filled: Record
    starts: np.ndarray
    index: np.ndarray
    weight: Floats
    scale: float


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted rung: its parameters and the cost it reached."""

    rung: Rung
    names: tuple[str, ...]
    theta: Floats
    rc: Rc
    scale: float
    cost: float
    area_m2: float | None = None

    @property
    def order(self) -> str:
        return self.rung.order

    @property
    def values(self) -> dict[str, float]:
        """The fitted numbers by name, to begin another fit from."""
        return dict(zip(self.names, map(float, self.theta), strict=True))

    @property
    def at_bounds(self) -> tuple[str, ...]:
        """The parameters that have run into a bound: the data do not hold them."""
        quantities = bounded(self.names, self.area_m2, self.scale)
        pairs = zip(quantities, self.theta, strict=True)
        return tuple(quantity.name for quantity, x in pairs if quantity.at_bound(float(x)))

    def parameters(self) -> dict[str, float]:
        """Named parameters as in ``ZoneModel.parameters``."""
        return self.rc.to_parameters(0)

    def predict(self, record: Record, starts: np.ndarray, length: int) -> Floats:
        """Air temperature [degC] after each step of runs from ``starts``: (k, length).

        Each begins where the filter is that has seen the record up to its start.
        """
        driven = drive(self.rc, record.filled())
        return np.asarray(run_on(driven, observe(driven, record.temp), starts, length)[0])

    def heat_needed(self, record: Record) -> Floats:
        """Heating [kW] that the measured temperatures take by the model, shape (n - 1,)."""
        cold = replace(record.filled(), heat=np.zeros(len(record)))
        driven = drive(self.rc, cold)
        hidden = mass_from_air(self.rc, cold.temp, driven.flow_mass, cold.step_h)
        return heat_for(self.rc, cold.temp, driven.added, hidden, cold.run, cold.step_h)


def task_of(
    record: Record, last: int, scale: float | None = None, clock: Clock | None = None
) -> Task | None:
    """The windows before step ``last``, weighed by ``clock``; None when there are too few usable
    ones."""
    coarse = record.coarse()
    end = min(len(coarse), int(last * record.step_h / coarse.step_h + 1e-9))
    day = round(WINDOW_H / coarse.step_h)
    starts = np.arange(0, max(0, end - day), max(1, round(RESTART_H / coarse.step_h)))
    starts = coarse.usable(starts[np.isfinite(coarse.temp[starts])], day)
    if len(starts) < LEAST_WINDOWS:
        return None
    index = starts[:, np.newaxis] + np.arange(day)[np.newaxis, :]
    per = round(coarse.step_h / record.step_h)
    weight = (clock or Clock(len(record))).weights(starts * per, (starts + day) * per)
    filled, unit = coarse.filled(), scale or _loss_guess(coarse, end)
    task = Task(coarse, filled, starts, index, weight[:, np.newaxis], unit)
    if scale is None:
        simple = fit_rung(task, Rung("1R1C", "constant"), iterations=TRIAL_ITERATIONS)
        task = replace(task, scale=float(simple.rc.h_out[0]))
    return task


def _loss_guess(record: Record, last: int) -> float:
    """A first guess of the heat loss [kW/K]: mean heat over mean temperature difference."""
    rows = record.known & np.isfinite(record.temp)
    rows[last:] = False
    difference = float(np.mean((record.temp - record.temp_out)[rows]))
    heat = float(np.mean(record.heat[rows]))
    return max(heat, 1e-9) / max(difference, 1.0)


def first_fits(task: Task) -> dict[str, Mapping[str, float]]:
    """Where fits of each order begin: two nodes from a light and from a heavy building."""
    tried = [
        fit_rung(task, Rung("2R2C", "constant"), start, TRIAL_ITERATIONS, TRIAL_TOLERANCE)
        for start in _starts()
    ]
    best = min(tried, key=lambda fit: fit.cost).values
    return {"1R1C": {}, "2R2C": best, "3R2C": best}


def _starts() -> list[Mapping[str, float]]:
    light = {"c_air": np.log(FAST_AIR_H / 2.0)}
    heavy = {"c_air": np.log(FAST_AIR_H * 2.0), "c_mass": np.log(200.0)}
    return [light, heavy]


def fit_rung(
    task: Task,
    rung: Rung,
    start: Mapping[str, float] | None = None,
    iterations: int = ITERATIONS,
    tolerance: float = TOLERANCE,
) -> Fit:
    """Fit ``rung`` from ``start`` (fitted values by name; usual ones where it is silent)."""
    names = rung.names(task.record)
    quantities = bounded(names, task.record.area_m2, task.scale)
    low, high = np.array([q.bounds for q in quantities]).T
    errors = Errors(task, rung, names)
    first = [(start or {}).get(q.name, q.inner(q.usual)) for q in quantities]
    slopes = _Slopes(errors, high)
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
        x_scale=np.array([q.spread for q in quantities]),
    )
    theta = np.asarray(answer.x)
    rc = errors.rc(theta[np.newaxis, :])
    return Fit(rung, names, theta, rc, task.scale, float(answer.cost), task.record.area_m2)


class Errors:
    """Residuals [K] of a rung on the windows of a task, for many parameter sets at once."""

    def __init__(self, task: Task, rung: Rung, names: tuple[str, ...]) -> None:
        self._task, self._rung, self._names = task, rung, names
        quantities = bounded(names, task.record.area_m2, task.scale)
        self._usual = np.array([q.inner(q.usual) for q in quantities])
        self._spread = np.array([q.spread for q in quantities])
        every = max(1, round(RESIDUAL_EVERY_H / task.record.step_h))
        self._columns = np.arange(every - 1, task.index.shape[1], every)
        target = task.starts[:, np.newaxis] + 1 + self._columns[np.newaxis, :]
        self._truth = task.record.temp[np.minimum(target, len(task.record) - 1)]
        self._truth[target >= len(task.record)] = np.nan
        self._known = np.isfinite(self._truth)

    def rc(self, theta: Floats) -> Rc:
        vent = self._task.record.vent_kw_per_k
        return rc_of(self._names, theta, self._task.scale, vent, self._rung.order)

    def windows(self, theta: Floats) -> Floats:
        """Weighted errors of every window and hour (p, k, hours), NaN where the truth is not
        known."""
        rc, filled = self.rc(theta), self._task.filled
        driven = drive(rc, filled)
        hidden = mass_from_air(rc, filled.temp, driven.flow_mass, filled.step_h)
        starts = self._task.starts
        air = np.broadcast_to(filled.temp[starts], (len(theta), len(starts)))
        begin = (air, hidden[:, starts])
        runs = free_run(driven.pair, begin, driven.added, filled.run, self._task.index)
        return np.asarray(self._task.weight * (runs[:, :, self._columns] - self._truth))

    def __call__(self, theta: Floats) -> Floats:
        errors = self.windows(theta)[:, self._known]
        return np.concatenate([errors, PULL_K * (theta - self._usual) / self._spread], axis=1)

    def jacobian(self, theta: Floats, high: Floats) -> Floats:
        """By forward differences, all parameters in one simulation, shape (residuals, m)."""
        return self.with_slopes(theta, high)[1]

    def with_slopes(self, theta: Floats, high: Floats) -> tuple[Floats, Floats]:
        """Residuals (r,) and their slopes (r, m) from one simulation."""
        away = np.where(theta + FORWARD_STEP > high, -FORWARD_STEP, FORWARD_STEP)
        values = self(np.vstack([theta, theta + np.diag(away)]))
        return values[0], np.asarray(((values[1:] - values[0]) / away[:, np.newaxis]).T)


class _Slopes:
    """Errors and their slopes in one simulation: least squares nearly always asks for the slopes
    where it has just asked for the errors, and a dozen simulations side by side take little longer
    than one."""

    def __init__(self, errors: Errors, high: Floats) -> None:
        self._errors, self._high = errors, high
        self._at: Floats = np.full(len(high), np.nan)
        self._slopes: Floats = np.empty(0)

    def errors(self, theta: Floats) -> Floats:
        """Residuals (r,) at ``theta`` (m,)."""
        self._at = theta.copy()
        values, self._slopes = self._errors.with_slopes(theta, self._high)
        return values

    def jacobian(self, theta: Floats) -> Floats:
        """Slopes (r, m) at ``theta`` (m,)."""
        if not np.array_equal(theta, self._at):
            self.errors(theta)
        return self._slopes
