"""Peak demand: the price of the month's highest power, and the limit of the power."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf, isfinite

import numpy as np
from numpy.typing import NDArray

from bms.model.planning.problem import Problem
from optimizer.horizon.building import Building, ZoneDynamics
from optimizer.horizon.forecast_inputs import known_load
from optimizer.model.rc_network import Bools, Floats

ABOVE_DISCOMFORT = 2.0
LARGEST_OVERLOAD_DKK_PER_KWH = 1e5


@dataclass(frozen=True, slots=True)
class PeakDemand:
    """Price and limit of the clock-hour mean of what is billed for heat [kW], with the fans where
    heat is electric.

    ``dkk_per_kw`` [DKK/kW] is paid for what exceeds ``so_far_kw`` [kW], ``limit_kw`` [kW] must not
    be exceeded (infinite: no limit). ``per_hour`` is the number of steps in an hour,
    ``steps_into_hour`` that of the current hour's steps before the horizon. ``broken`` (n,) is true
    in the hours in which others alone exceed the limit: cold rooms would not keep it there.
    """

    so_far_kw: float = 0.0
    dkk_per_kw: float = 0.0
    limit_kw: float = inf
    per_hour: int = 1
    steps_into_hour: int = 0
    broken: Bools = field(default_factory=lambda: np.zeros(0, dtype=bool))

    @classmethod
    def of(cls, problem: Problem) -> PeakDemand:
        """Returns the terms of a problem; a price without a peak so far counts from 0 kW."""
        price, so_far = problem.peak_dkk_per_kw, problem.peak_so_far_kw
        limit = problem.power_limit_kw
        terms = cls(
            so_far_kw=so_far if so_far is not None and isfinite(so_far) and so_far > 0 else 0.0,
            dkk_per_kw=price if isfinite(price) and price > 0 else 0.0,
            limit_kw=limit if limit is not None and isfinite(limit) and limit >= 0 else inf,
            per_hour=max(1, 3600 // problem.step_s),
            steps_into_hour=steps_into_hour(problem),
        )
        others = known_load(problem.other_load_kw, problem.steps)
        _, steps = terms._hours(problem.steps)
        return replace(terms, broken=np.repeat(terms.hourly(others) > terms.limit_kw, steps))

    @property
    def is_priced(self) -> bool:
        return self.dkk_per_kw > 0 or self.limit_kw < inf

    def limits(self, n: int) -> Floats:
        """Returns the limit in every step [kW] (n,); infinite where others break it."""
        limits = np.full(n, self.limit_kw)
        limits[: len(self.broken)][self.broken] = inf
        return limits

    def hourly(self, power: Floats) -> Floats:
        """Returns the means of ``power`` (n,) [kW] over the hours of the clock [kW] (hours,)."""
        first, count = self._hours(len(power))
        return np.asarray(np.add.reduceat(power, first) / count)

    def _hours(self, n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The first step of every hour of the clock and the number of its steps."""
        edges = np.arange(self.per_hour - self.steps_into_hour, n, self.per_hour)
        first = np.concatenate([[0], edges]).astype(np.intp)
        return first, np.diff(np.append(first, n))

    def above_so_far_kw(self, power: Floats) -> float:
        """Returns by how much ``power`` (n,) [kW] exceeds the month's peak so far [kW]."""
        return max(0.0, self.highest_kw(power) - self.so_far_kw)

    def above_limit_kw(self, power: Floats) -> float:
        """Returns by how much ``power`` (n,) [kW] exceeds the limit [kW]."""
        return max(0.0, self.highest_kw(power) - self.limit_kw)

    def highest_kw(self, power: Floats) -> float:
        """Returns the highest clock-hour mean of ``power`` (n,) [kW]."""
        return float(self.hourly(power).max())

    def cost(self, power: Floats, overload_dkk_per_kwh: float) -> float:
        """Returns what ``power`` (n,) [kW] costs beyond its energy [DKK], but for the hours in
        which others break the limit."""
        over = 0.0
        if self.limit_kw < inf:
            ours = np.where(self.broken, 0.0, power) if len(self.broken) else power
            over = float(np.maximum(0.0, self.hourly(ours) - self.limit_kw).sum())
        return self.dkk_per_kw * self.above_so_far_kw(power) + overload_dkk_per_kwh * over


def steps_into_hour(problem: Problem) -> int:
    """Returns the number of steps between the last whole hour and the start of the horizon."""
    return int(problem.start.timestamp()) % 3600 // problem.step_s


def uncontrolled_power(building: Building, dynamics: ZoneDynamics) -> Floats:
    """Returns the power [kW] (n,) that no thermostat controls: hot water, coil, fans where heat is
    electric, and the load of others behind the same meter."""
    inputs = building.inputs
    fans = dynamics.fan_kw if inputs.heat_is_electric else 0.0
    return np.asarray(dynamics.fixed_kw / inputs.cop + fans + inputs.other_load)


def metered_power(building: Building, dynamics: ZoneDynamics, heat: Floats) -> Floats:
    """Returns the power that the meter shows [kW] (n,) with the radiators' heat (p, n) [kW]."""
    return np.asarray(
        uncontrolled_power(building, dynamics) + heat.sum(axis=0) / building.inputs.cop
    )


def overload_price(building: Building, comfort_price: float) -> float:
    """Returns a price of energy over the power limit [DKK/kWh] above that of every discomfort it
    could prevent.

    One kWh less costs a zone at most 1/loss K·h, and no more than 1/c_air K until the end.
    ``comfort_price`` [DKK/(K h)] is the highest price of discomfort.
    """
    rc, inputs = building.rc, building.inputs
    kelvin_hours = np.minimum(
        1.0 / np.maximum(rc.h_out, 1e-9), inputs.n * inputs.step_h / np.maximum(rc.c_air, 1e-9)
    )
    dearest = ABOVE_DISCOMFORT * comfort_price * float(kelvin_hours.max()) * float(inputs.cop.max())
    return min(LARGEST_OVERLOAD_DKK_PER_KWH, dearest + float(np.abs(inputs.heat_price).max()))
