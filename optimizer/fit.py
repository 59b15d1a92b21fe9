"""Fits one rung of the ladder of models to the record of one zone.

Everything is scaled by a first guess of the heat loss of the zone [kW/K], so that the bounds are
time constants [h] and temperature rises [K], whatever the size of the zone. A weak pull towards
usual values keeps directions that the data do not hold away from the bounds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares

from optimizer.thermal import Bools, Floats, Rc, forced, free_run, heat_for, mass_from_air

WINDOW_H = 24.0
RESTART_H = 7.0
COARSE_H = 0.5
SETTLE_H = 12.0
RESIDUAL_EVERY_H = 1.0
LEAST_WINDOWS = 8
ITERATIONS = 30
TRIAL_ITERATIONS = 8
FORWARD_STEP = 1e-4
PULL_K = 0.5
"""Weight of one spread away from the usual value, as an error of the temperature [K]."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One parameter of the fit: bounds, usual value and its spread, and whether it is fitted as
    logarithm (the spread is then one of the logarithm)."""

    name: str
    low: float
    usual: float
    high: float
    spread: float
    log: bool = True


LADDER = (
    Quantity("c_air", 1.0, 20.0, 1500.0, 1.0),
    Quantity("h_out", 0.05, 0.8, 10.0, 0.7),
    Quantity("vent", 0.1, 0.8, 2.0, 0.5),
    Quantity("solar", 0.0, 8.0, 300.0, 15.0, log=False),
    Quantity("gain_base", 0.0, 0.5, 40.0, 2.0, log=False),
    Quantity("gain_use", 0.0, 3.0, 60.0, 6.0, log=False),
    Quantity("c_mass", 5.0, 60.0, 5000.0, 0.8),
    Quantity("h_mass", 0.3, 5.0, 200.0, 0.8),
    Quantity("h_mass_out", 0.01, 0.2, 10.0, 1.0),
    Quantity("solar_to_mass", 0.0, 0.4, 1.0, 0.5, log=False),
)
RUNGS = {"1R1C": 6, "2R2C": 8, "3R2C": 10}
ORDERS = tuple(RUNGS)
FAST_AIR_H = 8.0
"""Usual capacity of the air node where there is a mass node beside it [h]."""
SOLAR_TO_MASS = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What drives one zone: temperature [degC], heat [kW], sun [kW/m2], use and ventilation 0..1.

    All series have the shape (n,); gaps are NaN.
    """

    temp: Floats
    heat: Floats
    temp_out: Floats
    ghi: Floats
    use: Floats
    run: Floats
    step_h: float
    vent_kw_per_k: float

    @property
    def known(self) -> Bools:
        return np.asarray(np.isfinite(self.heat + self.temp_out + self.ghi + self.run))

    def filled(self) -> Record:
        """With gaps bridged by straight lines, which only lets hidden states settle."""
        return replace(
            self,
            temp=_bridge(self.temp),
            heat=_bridge(self.heat),
            temp_out=_bridge(self.temp_out),
            ghi=_bridge(self.ghi),
            run=_bridge(self.run),
        )

    def coarse(self) -> Record:
        """On a grid of half an hour or more: temperatures as they are then, inputs as means."""
        every = int(COARSE_H / self.step_h + 1e-9)
        if every <= 1:
            return self
        whole = len(self.temp) // every * every
        means = {
            name: getattr(self, name)[:whole].reshape(-1, every).mean(axis=1)
            for name in ("heat", "temp_out", "ghi", "use", "run")
        }
        return replace(self, temp=self.temp[:whole:every], step_h=self.step_h * every, **means)

    def usable(self, starts: Floats | np.ndarray, length: int) -> np.ndarray:
        """Those of the starts whose inputs are known for the settling time and the window."""
        unknown = np.concatenate([[0], np.cumsum(~(self.known & np.isfinite(self.temp)))])
        missing_inputs = np.concatenate([[0], np.cumsum(~self.known)])
        settle = round(SETTLE_H / self.step_h)
        before = np.maximum(starts - settle, 0)
        good = (missing_inputs[starts + length] == missing_inputs[starts]) & (
            unknown[starts] - unknown[before] <= settle // 4
        )
        return np.asarray(starts[good & (starts >= settle)])


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted rung: its parameters and the sum of squared errors it reached."""

    order: str
    theta: Floats
    rc: Rc
    cost: float

    def parameters(self) -> dict[str, float]:
        return self.rc.to_parameters(0)

    def predict(self, record: Record, starts: np.ndarray, length: int) -> Floats:
        """Air temperature [degC] after each step of free runs from ``starts``: (k, length)."""
        return np.asarray(_simulate(self.rc, _windows(record, starts, length))[0])

    def heat_needed(self, record: Record) -> Floats:
        """Heating [kW] that the measured temperatures take by the model, shape (n - 1,)."""
        filled = record.filled()
        hidden, added = _driven(self.rc, filled, np.zeros_like(filled.heat))
        return heat_for(self.rc, filled.temp, added, hidden, filled.run, filled.step_h)


@dataclass(frozen=True, slots=True)
class _Windows:
    record: Record
    filled: Record
    starts: np.ndarray
    index: np.ndarray


def fit_ladder(record: Record, *, last: int) -> list[Fit]:
    """Fit every rung on the steps before ``last``; empty when there are too few usable windows."""
    task = _task(record, last)
    if task is None:
        return []
    single = _least_squares(task, "1R1C", _usual("1R1C"), ITERATIONS)
    tried = [_least_squares(task, "2R2C", start, TRIAL_ITERATIONS) for start in _starts()]
    best = min(tried, key=lambda fit: fit.cost)
    double = _least_squares(task, "2R2C", best.theta, ITERATIONS)
    start = _usual("3R2C")
    start[: len(double.theta)] = double.theta
    return [single, double, _least_squares(task, "3R2C", start, ITERATIONS)]


def refit(record: Record, fit: Fit) -> Fit:
    """The same rung on the whole record, from the parameters of ``fit``."""
    task = _task(record, len(record.temp))
    return fit if task is None else _least_squares(task, fit.order, fit.theta, ITERATIONS)


@dataclass(frozen=True, slots=True)
class _Task:
    windows: _Windows
    scale: float


def _task(record: Record, last: int) -> _Task | None:
    coarse = record.coarse()
    end = int(last * record.step_h / coarse.step_h)
    day = round(WINDOW_H / coarse.step_h)
    starts = np.arange(0, max(0, end - day), max(1, round(RESTART_H / coarse.step_h)))
    starts = coarse.usable(starts[np.isfinite(coarse.temp[starts])], day)
    if len(starts) < LEAST_WINDOWS:
        return None
    return _Task(_windows(coarse, starts, day), _loss_scale(coarse, end))


def _quantities(order: str) -> tuple[Quantity, ...]:
    return LADDER[: RUNGS[order]]


def _usual(order: str) -> Floats:
    return np.array([np.log(q.usual) if q.log else q.usual for q in _quantities(order)])


def _starts() -> list[Floats]:
    """A light and a heavy building."""
    light, heavy = _usual("2R2C"), _usual("2R2C")
    light[0] = np.log(FAST_AIR_H / 2.0)
    heavy[0], heavy[6] = np.log(FAST_AIR_H * 2.0), np.log(200.0)
    return [light, heavy]


def _loss_scale(record: Record, last: int) -> float:
    """A first guess of the heat loss [kW/K]: mean heat over mean temperature difference."""
    rows = record.known & np.isfinite(record.temp)
    rows[last:] = False
    difference = float(np.mean((record.temp - record.temp_out)[rows]))
    heat = float(np.mean(record.heat[rows]))
    return max(heat, 1e-9) / max(difference, 1.0)


def _windows(record: Record, starts: np.ndarray, length: int) -> _Windows:
    index = starts[:, np.newaxis] + np.arange(length)[np.newaxis, :]
    return _Windows(record, record.filled(), starts, index)


def _bridge(values: Floats) -> Floats:
    """Gaps bridged by straight lines: only ever used to let the hidden state settle."""
    good = np.isfinite(values)
    if good.all() or not good.any():
        return values
    steps = np.arange(len(values))
    return np.interp(steps, steps[good], values[good])


def _simulate(rc: Rc, windows: _Windows) -> Floats:
    """Temperatures (p, k, length) of free runs with measured inputs."""
    record, starts = windows.filled, windows.starts
    hidden, added = _driven(rc, record, record.heat)
    air = np.broadcast_to(record.temp[starts], (len(hidden), len(starts)))
    return free_run(rc, (air, hidden[:, starts]), added, record.run, windows.index, record.step_h)


def _driven(rc: Rc, record: Record, heat: Floats) -> tuple[Floats, tuple[Floats, Floats]]:
    """Hidden mass temperature [degC] and what the inputs add in each step [K], (p, n) each."""
    air, mass = rc.flows(
        heat=heat,
        temp_out=record.temp_out,
        ghi_kw=record.ghi,
        use=record.use,
        run=record.run,
    )
    hidden = mass_from_air(rc, record.temp, mass, record.step_h)
    return hidden, forced(rc, air, mass, record.run, record.step_h)


def _rc(order: str, theta: Floats, scale: float, vent: float) -> Rc:
    """Parameter sets from ``theta`` of shape (p, m)."""
    ones = np.ones(len(theta))
    values = {
        q.name: np.exp(theta[:, i]) if q.log else theta[:, i]
        for i, q in enumerate(_quantities(order))
    }
    return Rc(
        c_air=values["c_air"] * scale,
        c_mass=values["c_mass"] * scale if "c_mass" in values else ones,
        h_out=values["h_out"] * scale,
        h_mass=values["h_mass"] * scale if "h_mass" in values else 0.0 * ones,
        h_mass_out=values["h_mass_out"] * scale if "h_mass_out" in values else 0.0 * ones,
        h_vent=values["vent"] * vent,
        solar=values["solar"] * scale,
        solar_to_mass=(
            values["solar_to_mass"]
            if "solar_to_mass" in values
            else (SOLAR_TO_MASS if "c_mass" in values else 0.0) * ones
        ),
        gain_base=values["gain_base"] * scale,
        gain_use=values["gain_use"] * scale,
    )


def _least_squares(task: _Task, order: str, start: Floats, iterations: int) -> Fit:
    windows, scale = task.windows, task.scale
    quantities = _quantities(order)
    low = np.array([np.log(q.low) if q.log else q.low for q in quantities])
    high = np.array([np.log(q.high) if q.log else q.high for q in quantities])
    usual = _usual(order)
    spread = np.array([q.spread for q in quantities])
    record = windows.record
    every = max(1, round(RESIDUAL_EVERY_H / record.step_h))
    columns = np.arange(every - 1, windows.index.shape[1], every)
    target = windows.starts[:, np.newaxis] + 1 + columns[np.newaxis, :]
    truth = record.temp[target]
    known = np.isfinite(truth)

    def residuals(theta: Floats) -> Floats:
        rc = _rc(order, theta, scale, record.vent_kw_per_k)
        errors = (_simulate(rc, windows)[:, :, columns] - truth)[:, known]
        return np.concatenate([errors, PULL_K * (theta - usual) / spread], axis=1)

    def jacobian(theta: Floats) -> Floats:
        away = np.where(theta + FORWARD_STEP > high, -FORWARD_STEP, FORWARD_STEP)
        trials = np.vstack([theta, theta + np.diag(away)])
        values = residuals(trials)
        return np.asarray(((values[1:] - values[0]) / away[:, np.newaxis]).T)

    inside = np.clip(start, low + 1e-6, high - 1e-6)
    answer = least_squares(
        lambda theta: residuals(theta[np.newaxis, :])[0],
        inside,
        jac=jacobian,
        bounds=(low, high),
        loss="soft_l1",
        f_scale=0.7,
        max_nfev=iterations,
        x_scale=spread,
    )
    theta = np.asarray(answer.x)
    return Fit(
        order,
        theta,
        _rc(order, theta[np.newaxis, :], scale, record.vent_kw_per_k),
        float(answer.cost),
    )
