"""A model of a room that is held at one temperature: losses from its heat, capacities by class.

Where a thermostat never lets the room go, the temperature says nothing about the thermal capacity,
but the heat of every day gives the losses::

    Q = UA (T - T_out) + vent run (T - T_vent) - solar G - gains + stored      [kWh over 24 h]

fitted by least squares with coefficients >= 0, but for the gains of people: they are negative where
a ventilation that is not in the data runs while people are in. The capacities are not in these
data: they are those of a heavy building by floor area (ISO 13790:2008, table 12; EN ISO
52016-1:2017 has the same classes), with standard errors that span the classes from very light to
very heavy. The heavy side is the careful one: a plan then warms up early, and expects little of a
setback.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import lsq_linear

from optimizer.identification.model_structures import FIT_PARAMETERS, ModelStructure, network_of
from optimizer.identification.parameter_fit import FittedModel
from optimizer.identification.parameter_uncertainty import standard_errors_from
from optimizer.model.heat_shares import autocorrelation_factor
from optimizer.model.rc_network import Floats, RcNetwork, mass_from_air
from optimizer.model.zone_record import ZoneRecord

BY_CLASS = "capacity_by_class"
"""A parameter of models whose capacities were not measured: 1."""
STRUCTURE = ModelStructure("2R2C", "constant")
DAY_H = 24.0
ROW_EVERY_H = 6.0
LEAST_ROWS = 24
HEAVY_KWH_PER_M2_K = 260.0 / 3600.0
"""Class "heavy": 260 kJ/(m2 K) of walls and floors."""
INSIDE_KWH_PER_M2_K = 40.0 / 3600.0
"""Air, furniture and the skin of the walls: four times the 10 kJ/(m2 K) of the standard, which are
air and furniture alone."""
SURFACE_KW_PER_M2_K = 9.1e-3 * 2.5
"""Exchange with the mass: 9.1 W/(m2 K) over 2.5 m2 of surface per m2 of floor (ISO 13790; its class
"heavy" has 3.0 m2)."""
CLASS_SPREAD = 0.6
"""Standard error of the capacity's logarithm: two of them below lies the class "very light"
(80 kJ/(m2 K)), one above is beyond "very heavy" (370)."""
HEAVY_PER_LOSS_H = {"c_air": 12.0, "c_mass": 80.0, "h_mass": 25.0}
"""The same per kW/K of loss, for a room whose floor area nobody knows."""
COEFFICIENTS = ("h_out", "vent", "solar", "gain_use", "gain_base")
ANY_SIGN = ("gain_use",)
LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class BalanceFit:
    """The model and the standard errors of its parameters, under the names of
    ``FittedModel.parameters``."""

    fit: FittedModel
    errors: dict[str, float]


@dataclass(frozen=True, slots=True)
class _DailySums:
    """Sums over 24 h from rows every few hours: the heat [kWh] (r,), what a unit of every
    coefficient takes of it [kWh] (r, c), and the rise of the nodes that a capacity multiplies [K]
    (r, 2)."""

    heat: Floats
    per_coefficient: Floats
    temperature_rise: Floats


def fit_energy_balance(record: ZoneRecord, last: int) -> BalanceFit | None:
    """Returns the fit to the heat of the days before step ``last``; None where too few days are
    known."""
    part = record.part(0, last).resampled()
    if not np.isfinite(part.heat + part.temp).any():
        return None
    scale = _loss_guess(part)
    values = _capacities(record.area_m2, scale)
    days = _daily_sums(part, _model(record, values, scale, 0.0).rc)
    if len(days.heat) < LEAST_ROWS:
        return None
    names = [name for name in COEFFICIENTS if name in STRUCTURE.names(record)]
    stored = days.temperature_rise @ np.array([values["c_air"], values["c_mass"]]) * scale
    columns = days.per_coefficient[:, [COEFFICIENTS.index(name) for name in names]]
    unit = np.array([1.0 if name == "vent" else scale for name in names])
    found, spread, cost = _solve(columns * unit, days.heat - stored, names)
    values.update(zip(names, map(float, found), strict=True))
    fit = _model(record, values, scale, cost)
    return BalanceFit(
        fit, standard_errors_from(fit, _covariance(fit, names, spread), record.vent_kw_per_k)
    )


def _loss_guess(record: ZoneRecord) -> float:
    """Mean heat over mean temperature difference [kW/K]."""
    rows = record.known & np.isfinite(record.temp)
    if not rows.any():
        return LEAST
    apart = float(np.mean((record.temp - record.temp_out)[rows]))
    return max(LEAST, float(np.mean(record.heat[rows])) / max(1.0, apart))


def _capacities(area_m2: float | None, scale: float) -> dict[str, float]:
    """Capacities by class, relative to the loss, as everything that is fitted is."""
    if area_m2 is None:
        return dict(HEAVY_PER_LOSS_H)
    return {
        "c_air": INSIDE_KWH_PER_M2_K * area_m2 / scale,
        "c_mass": HEAVY_KWH_PER_M2_K * area_m2 / scale,
        "h_mass": SURFACE_KW_PER_M2_K * area_m2 / scale,
    }


def _model(record: ZoneRecord, values: dict[str, float], scale: float, cost: float) -> FittedModel:
    names = STRUCTURE.names(record)
    theta = np.array([FIT_PARAMETERS[n].to_fitted(values.get(n, 0.0)) for n in names])
    rc = network_of(names, theta[np.newaxis, :], scale, record.vent_kw_per_k, STRUCTURE.order)
    return FittedModel(STRUCTURE, names, theta, rc, scale, cost)


def _daily_sums(record: ZoneRecord, rc: RcNetwork) -> _DailySums:
    step_h = record.step_h
    day, every = round(DAY_H / step_h), max(1, round(ROW_EVERY_H / step_h))
    filled = record.filled()
    mass = mass_from_air(rc, filled.temp, np.zeros((1, len(record))), step_h)[0]
    hours = np.full(len(record), step_h)
    per_coefficient = np.stack(
        [
            (filled.temp - filled.temp_out) * hours,
            record.vent_kw_per_k * filled.run * (filled.temp - filled.temp_vent) * hours,
            -filled.ghi * hours,
            -filled.use * hours,
            -hours,
        ]
    )
    good = record.known & np.isfinite(record.temp)
    starts = np.arange(0, max(0, len(record) - day), every)
    starts = starts[[bool(good[s : s + day + 1].all()) for s in starts]]
    window = starts[:, np.newaxis] + np.arange(day)
    return _DailySums(
        heat=np.asarray(record.heat[window].sum(axis=1) * step_h),
        per_coefficient=np.asarray(per_coefficient[:, window].sum(axis=2).T),
        temperature_rise=np.column_stack(
            [
                filled.temp[starts + day] - filled.temp[starts],
                mass[starts + day] - mass[starts],
            ]
        ),
    )


def _solve(columns: Floats, heat: Floats, names: list[str]) -> tuple[Floats, Floats, float]:
    """Coefficients (c,) with a prior at usual values, their covariance (c, c), and the cost."""
    usual = np.array([FIT_PARAMETERS[name].usual for name in names])
    spread = np.array([_spread(name) for name in names])
    least = np.array([-np.inf if name in ANY_SIGN else 0.0 for name in names])
    freely = lsq_linear(columns, heat, (least, np.inf)).x
    residual = heat - columns @ freely
    alike = max(DAY_H / ROW_EVERY_H, autocorrelation_factor(residual))
    noise = np.sqrt(max(LEAST, float(np.mean(residual**2))) * alike)
    pulled = np.vstack([columns / noise, np.diag(1.0 / spread)])
    found = lsq_linear(pulled, np.concatenate([heat / noise, usual / spread]), (least, np.inf)).x
    cost = 0.5 * float(np.sum((heat - columns @ found) ** 2))
    return np.asarray(found), np.linalg.pinv(pulled.T @ pulled), cost


def _spread(name: str) -> float:
    parameter = FIT_PARAMETERS[name]
    return parameter.spread * (parameter.usual if parameter.log else 1.0)


def _covariance(fit: FittedModel, names: list[str], found: Floats) -> Floats:
    """Covariance of all fitted values (m, m): that of the coefficients, and the spread of the
    classes."""
    whole = np.zeros((len(fit.names), len(fit.names)))
    at = [fit.names.index(name) for name in names]
    slope = np.array(
        [1.0 / np.exp(fit.theta[i]) if FIT_PARAMETERS[fit.names[i]].log else 1.0 for i in at]
    )
    whole[np.ix_(at, at)] = found * np.outer(slope, slope)
    for name in HEAVY_PER_LOSS_H:
        i = fit.names.index(name)
        whole[i, i] = CLASS_SPREAD**2
    return whole
