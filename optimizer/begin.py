"""Yesterday's model as the beginning of today's fit."""

from __future__ import annotations

from collections.abc import Mapping

from optimizer.identification.model_structures import GAINS, QUANTITIES, SUNS, Rung
from optimizer.model.rc_network import DAY_HOURS, FACADES

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


def rung_of(parameters: Mapping[str, float]) -> Rung:
    """The rung that a model's parameters stand for."""
    if parameters["mass_out_kw_per_k"] > 0:
        order = "3R2C"
    else:
        order = "2R2C" if parameters["mass_kw_per_k"] > 0 else "1R1C"
    daily = any(SCALED[g] in parameters for g in GAINS)
    return Rung(
        order,
        "daily" if daily else "constant" if parameters["gain_base_kw"] > 0 else "none",
        lag="heat_lag_h" in parameters,
        facades=any(SCALED[s] in parameters for s in SUNS),
    )


def values_of(
    parameters: Mapping[str, float], scale: float, vent_kw_per_k: float
) -> dict[str, float]:
    """Fitted values by quantity that the parameters stand for at this scale."""
    plain = {name: parameters[key] / scale for name, key in SCALED.items() if key in parameters}
    plain["solar_to_mass"] = parameters["solar_to_mass"]
    if "heat_lag_h" in parameters:
        plain["heat_lag"] = parameters["heat_lag_h"]
    if vent_kw_per_k > 0:
        plain["vent"] = parameters["vent_kw_per_k"] / vent_kw_per_k
    return {name: QUANTITIES[name].inner(value) for name, value in plain.items()}
