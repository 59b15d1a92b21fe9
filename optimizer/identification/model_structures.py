"""Model structures: the parameters of each, their bounds and their usual values.

All parameters are relative to a first guess of the heat loss of the zone [kW/K], so that bounds are
time constants [h] and temperature rises [K], whatever the size of the zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from optimizer.model.rc_network import DAY_HOURS, FACADES, Floats, RcNetwork
from optimizer.model.zone_record import ZoneRecord

SOLAR_TO_MASS = 0.4
FAST_AIR_H = 8.0
"""Usual capacity of the air node of a light building where there is a mass node beside it [h]."""
VARIES = 1e-6
NEAR_BOUND = 0.01


@dataclass(frozen=True, slots=True)
class FitParameter:
    """One parameter of the fit: bounds, usual value and its spread, and whether it is fitted as its
    logarithm (the spread is then that of the logarithm). ``zero_is_fine`` distinguishes a bound
    that means "there is none of it" from one that means that the data do not determine it."""

    name: str
    low: float
    usual: float
    high: float
    spread: float
    log: bool = True
    zero_is_fine: bool = False

    def to_fitted(self, value: float) -> float:
        """Returns the value as it is fitted."""
        return float(np.log(max(value, 1e-12))) if self.log else value

    @property
    def bounds(self) -> tuple[float, float]:
        """Bounds of the fitted value."""
        return self.to_fitted(self.low), self.to_fitted(self.high)

    def at_bound(self, to_fitted: float) -> bool:
        """Whether a fitted value is at a bound."""
        low, high = self.bounds
        near = NEAR_BOUND * (high - low)
        return to_fitted > high - near or (to_fitted < low + near and not self.zero_is_fine)


GAINS = tuple(f"gain_{hour:02.0f}h" for hour in DAY_HOURS)
SUNS = tuple(f"solar_{name}" for name in FACADES)

FIT_PARAMETERS: Mapping[str, FitParameter] = {
    q.name: q
    for q in (
        FitParameter("c_air", 0.5, 20.0, 1500.0, 1.0),
        FitParameter("h_out", 0.05, 0.8, 10.0, 0.7),
        FitParameter("vent", 0.02, 0.8, 3.0, 0.7, zero_is_fine=True),
        FitParameter("solar", 0.0, 8.0, 300.0, 15.0, log=False, zero_is_fine=True),
        FitParameter("gain_base", 0.0, 0.5, 6.0, 1.0, log=False, zero_is_fine=True),
        FitParameter("gain_use", 0.0, 3.0, 200.0, 16.0, log=False, zero_is_fine=True),
        FitParameter("c_mass", 5.0, 60.0, 5000.0, 0.8),
        FitParameter("h_mass", 0.3, 5.0, 200.0, 0.8),
        FitParameter("h_mass_out", 0.01, 0.2, 10.0, 1.0, zero_is_fine=True),
        FitParameter("solar_to_mass", 0.0, 0.4, 1.001, 0.5, log=False, zero_is_fine=True),
        FitParameter("heat_lag", 0.05, 0.5, 24.0, 1.0, zero_is_fine=True),
        *(FitParameter(g, 0.0, 0.5, 100.0, 8.0, log=False, zero_is_fine=True) for g in GAINS),
        *(FitParameter(s, 0.0, 1.0, 300.0, 8.0, log=False, zero_is_fine=True) for s in SUNS),
    )
}
MOST_MASS_KWH_PER_M2_K = 0.3
"""Three times the class "very heavy" of ISO 13790:2008 (table 12, 370 kJ/(m2 K)), for walls that
take part over days."""
MOST_USED_KW_PER_M2 = 0.05
"""A full class with its lights is 40 W/m2."""
MOST_EMPTY_KW_PER_M2 = 0.005
"""Standby and emergency lights. A model that may have more explains the warm evenings of the past,
which walls give, by people who are not there: it is wrong as soon as setpoints change."""
NODES = {
    "1R1C": (),
    "2R2C": ("c_mass", "h_mass"),
    "3R2C": ("c_mass", "h_mass", "h_mass_out", "solar_to_mass"),
}
GAIN_SETS = {"none": (), "constant": ("gain_base",), "daily": GAINS}
ORDERS = tuple(NODES)


@dataclass(frozen=True, slots=True)
class ModelStructure:
    """Structure of a zone's model. ``gains`` is "none", "constant" or "daily" (by local hour)."""

    order: str
    gains: str
    lag: bool = False
    facades: bool = False

    @property
    def label(self) -> str:
        """Its name in tables."""
        extra = {"constant": "gains", "daily": "gains by hour"}
        parts = [self.order, extra.get(self.gains, ""), "heat lag" if self.lag else ""]
        return " + ".join(p for p in (*parts, "façades" if self.facades else "") if p)

    def names(self, record: ZoneRecord) -> tuple[str, ...]:
        """Returns the parameters that are fitted: those that something in the record excites."""
        driven = {
            "vent": record.vent_kw_per_k > 0 and _varies(record.run),
            "solar": _varies(record.ghi),
            "gain_use": _varies(record.use),
            "solar_to_mass": _varies(record.ghi),
        }
        facades = SUNS if self.facades and _varies(record.facades) else ()
        wanted = (
            *("c_air", "h_out", "vent", "solar", "gain_use"),
            *NODES[self.order],
            *GAIN_SETS[self.gains],
            *(("heat_lag",) if self.lag else ()),
            *facades,
        )
        return tuple(name for name in wanted if driven.get(name, True))


def bounded_parameters(
    names: tuple[str, ...], area_m2: float | None, scale: float
) -> list[FitParameter]:
    """Returns the parameters ``names`` with their bounds in a zone of ``area_m2`` [m2] (None: not
    known) and a heat loss of ``scale`` [kW/K], by the limits of mass and gains per floor area."""
    parameters = [FIT_PARAMETERS[name] for name in names]
    if area_m2 is None:
        return parameters
    others = MOST_EMPTY_KW_PER_M2 if "gain_use" in names else MOST_USED_KW_PER_M2
    most = {
        "c_mass": MOST_MASS_KWH_PER_M2_K,
        "gain_use": MOST_USED_KW_PER_M2,
        **dict.fromkeys(("gain_base", *GAINS), others),
    }
    return [
        _at_most(parameter, most.get(parameter.name, np.inf) * area_m2 / scale)
        for parameter in parameters
    ]


def _at_most(parameter: FitParameter, most: float) -> FitParameter:
    high = min(parameter.high, max(most, 2.0 * parameter.low))
    return replace(parameter, high=high, usual=min(parameter.usual, high))


def _varies(values: Floats) -> bool:
    known = values[np.isfinite(values)]
    return known.size > 0 and float(np.ptp(known)) > VARIES


BASIC_STRUCTURES = tuple(
    ModelStructure(order, gains)
    for order, gains in (
        ("1R1C", "none"),
        ("1R1C", "constant"),
        ("2R2C", "none"),
        ("2R2C", "constant"),
        ("3R2C", "none"),
        ("3R2C", "constant"),
        ("2R2C", "daily"),
        ("3R2C", "daily"),
    )
)
"""From simple to rich."""


def network_of(
    names: tuple[str, ...], theta: Floats, scale: float, vent: float, order: str
) -> RcNetwork:
    """Returns the networks of fitted values ``theta`` (p, m) of the parameters ``names``."""
    ones = np.ones(len(theta))
    at = {name: i for i, name in enumerate(names)}

    def value(name: str, without: float) -> Floats:
        if name not in at:
            return without * ones
        column = theta[:, at[name]]
        return np.exp(column) if FIT_PARAMETERS[name].log else column

    def several(group: tuple[str, ...]) -> Floats:
        return np.column_stack([value(name, 0.0) for name in group]) * scale

    return RcNetwork(
        c_air=value("c_air", 1.0) * scale,
        c_mass=value("c_mass", 1.0 / scale) * scale,
        h_out=value("h_out", 0.0) * scale,
        h_mass=value("h_mass", 0.0) * scale,
        h_mass_out=value("h_mass_out", 0.0) * scale,
        h_vent=value("vent", 1.0) * vent,
        solar=value("solar", 0.0) * scale,
        solar_to_mass=value("solar_to_mass", 0.0 if order == "1R1C" else SOLAR_TO_MASS),
        gain_base=value("gain_base", 0.0) * scale,
        gain_use=value("gain_use", 0.0) * scale,
        heat_lag_h=value("heat_lag", 0.0),
        gain_day=several(GAINS),
        solar_facades=several(SUNS),
    )


SCALED = {
    "c_air": "c_air_kwh_per_k",
    "h_out": "ua_kw_per_k",
    "solar": "solar_m2",
    "gain_base": "gain_base_kw",
    "gain_use": "gain_use_kw",
    "c_mass": "c_mass_kwh_per_k",
    "h_mass": "mass_kw_per_k",
    "h_mass_out": "mass_out_kw_per_k",
    **{g: f"gain_{hour:02.0f}h_kw" for g, hour in zip(GAINS, DAY_HOURS, strict=True)},
    **{s: f"solar_{name}_m2" for s, name in zip(SUNS, FACADES, strict=True)},
}
"""Quantities that are fitted relative to the scale, and their parameters."""


def structure_of(parameters: Mapping[str, float]) -> ModelStructure:
    """Returns the structure of a model's parameters."""
    if parameters["mass_out_kw_per_k"] > 0:
        order = "3R2C"
    else:
        order = "2R2C" if parameters["mass_kw_per_k"] > 0 else "1R1C"
    daily = any(SCALED[g] in parameters for g in GAINS)
    return ModelStructure(
        order,
        "daily" if daily else "constant" if parameters["gain_base_kw"] > 0 else "none",
        lag="heat_lag_h" in parameters,
        facades=any(SCALED[s] in parameters for s in SUNS),
    )


def fitted_values(
    parameters: Mapping[str, float], scale: float, vent_kw_per_k: float
) -> dict[str, float]:
    """Returns the fitted values of a model's parameters at this scale."""
    plain = {name: parameters[key] / scale for name, key in SCALED.items() if key in parameters}
    plain["solar_to_mass"] = parameters["solar_to_mass"]
    if "heat_lag_h" in parameters:
        plain["heat_lag"] = parameters["heat_lag_h"]
    if vent_kw_per_k > 0:
        plain["vent"] = parameters["vent_kw_per_k"] / vent_kw_per_k
    return {name: FIT_PARAMETERS[name].to_fitted(value) for name, value in plain.items()}
