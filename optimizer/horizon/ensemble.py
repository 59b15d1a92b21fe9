"""The same plan in an ensemble of buildings: parameters within their standard errors, and weather
that errs.

Members are drawn with a fixed seed, so that the same problem has the same plan. Parameters are
drawn independently (their correlations are not kept with a model), which is the careful side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bms.model.planning.problem import ZoneModel
from optimizer.horizon.building import Building, ZoneDynamics
from optimizer.model.rc_network import Floats, RcNetwork

MEMBERS = 20
SEED = 1989
VARIED = (
    "c_air_kwh_per_k",
    "c_mass_kwh_per_k",
    "ua_kw_per_k",
    "mass_kw_per_k",
    "mass_out_kw_per_k",
    "solar_m2",
    "gain_base_kw",
    "gain_use_kw",
)
LARGEST_RELATIVE = 0.3
"""Standard errors beyond this part of a parameter count as this: there the prior holds it."""
SUN_RELATIVE = 0.3


@dataclass(frozen=True, slots=True)
class EnsembleRun:
    """Air and mass at the end [degC] (m, p) and the heat of all radiators [kW] (m, n) of the same
    setpoints in ``m`` members."""

    air: Floats
    mass: Floats
    heat: Floats


@dataclass(frozen=True)
class Ensemble:
    """Members (building, its dynamics) of the same zones and steps."""

    members: tuple[tuple[Building, ZoneDynamics], ...]

    @cached_property
    def _stacked(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Matrices of states (n, 2, 2, m, p), effect of heat (n, 2, m, p), what is driven (n, 2, m,
        p), the most heat (n, p) and the power left (n, m)."""
        a = np.stack([d.steps.a for _, d in self.members], axis=1)
        b = np.stack([d.steps.b for _, d in self.members], axis=1)
        air = np.stack([d.flow_air.T for _, d in self.members], axis=1)
        mass = np.stack([d.flow_mass.T for _, d in self.members], axis=1)
        driven = b[..., 0] * air[..., np.newaxis] + b[..., 1] * mass[..., np.newaxis]
        left = np.stack([d.available_kw(x.capacity_kw) for x, d in self.members], axis=1)
        return (
            np.ascontiguousarray(a.transpose(0, 3, 4, 1, 2)),
            np.ascontiguousarray(b[..., 0].transpose(0, 3, 1, 2)),
            np.ascontiguousarray(driven.transpose(0, 3, 1, 2)),
            self.members[0][0].heat_max.T,
            left,
        )

    def roll_out(self, setpoints: Floats) -> EnsembleRun:
        """Simulates ideal thermostats that hold ``setpoints`` [degC] (p, n) in every member."""
        a, by_heat, driven, most, left = self._stacked
        buildings = [building for building, _ in self.members]
        air = np.stack([building.state.air for building in buildings])
        mass = np.stack([building.state.mass for building in buildings])
        target = (setpoints + buildings[0].droop[:, np.newaxis]).T
        heat = np.empty((len(a), len(buildings)))
        for k in range(len(a)):
            free = a[k, :, 0] * air + a[k, :, 1] * mass + driven[k]
            wanted = np.clip((target[k] - free[0]) / by_heat[k, 0], 0.0, most[k])
            total = wanted.sum(axis=1)
            part = np.minimum(1.0, left[k] / np.maximum(total, 1e-9))
            air, mass = free + by_heat[k] * (wanted * part[:, np.newaxis])
            heat[k] = total * part
        return EnsembleRun(air, mass, heat.T)

    def stored_kwh(self, run: EnsembleRun) -> Floats:
        """Returns the heat stored above 0 degC at the end of a run [kWh] (m,)."""
        rows = zip(self.members, run.air, run.mass, strict=True)
        return np.array([float(x.rc.stored_kwh(air, mass).sum()) for (x, _), air, mass in rows])


def members_of(building: Building, count: int = MEMBERS) -> list[Building]:
    """Returns the building ``count`` times, as it may be by its models' standard errors, in weather
    that may come."""
    rng = np.random.default_rng(SEED)
    found = []
    for _ in range(count):
        drawn = [_drawn(model, rng) for model in building.models]
        inputs = building.inputs
        sun = float(np.exp(rng.normal(0.0, SUN_RELATIVE)))
        weather = replace(
            inputs,
            temp_out=inputs.temp_out + float(rng.normal(0.0, 1.0)) * inputs.temp_out_spread,
            ghi=inputs.ghi * sun,
        )
        found.append(replace(building, rc=RcNetwork.from_parameters(drawn), inputs=weather))
    return found


def _drawn(model: ZoneModel, rng: np.random.Generator) -> Mapping[str, float]:
    """The parameters of a member; those that vary have a log-normal spread."""
    named = dict(model.parameters)
    for name, step in zip(VARIED, rng.normal(0.0, 1.0, len(VARIED)).tolist(), strict=True):
        value, error = named.get(name, 0.0), model.standard_errors.get(name, 0.0)
        if value > 0.0 and np.isfinite(error):
            named[name] = value * float(np.exp(min(LARGEST_RELATIVE, error / value) * step))
    return named
