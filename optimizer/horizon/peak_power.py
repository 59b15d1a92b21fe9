"""The highest power of the month and the most that may be drawn."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite

import numpy as np

from bms.model.planning.problem import Problem
from optimizer.horizon.building import Building, Course
from optimizer.model.rc_network import Floats

BEYOND_ALL = 2.0
DEAREST_DKK_PER_KWH = 1e5


@dataclass(frozen=True, slots=True)
class Peak:
    """Power is the mean over an hour of the clock of what is billed for heat [kW], with fans where
    heat is electric.

    ``dkk_per_kw`` is paid for what exceeds ``so_far_kw``; ``limit_kw`` is what must not be
    exceeded (infinite: nothing is declared). ``per_hour`` is how many steps an hour has,
    ``past_hour`` how many of them were over when the horizon began.
    """

    so_far_kw: float = 0.0
    dkk_per_kw: float = 0.0
    limit_kw: float = inf
    per_hour: int = 1
    past_hour: int = 0

    @classmethod
    def of(cls, problem: Problem) -> Peak:
        """What the problem says; a price without a number for the month so far counts from 0."""
        price, so_far = problem.peak_dkk_per_kw, problem.peak_so_far_kw
        limit = problem.power_limit_kw
        return cls(
            so_far_kw=so_far if so_far is not None and isfinite(so_far) and so_far > 0 else 0.0,
            dkk_per_kw=price if isfinite(price) and price > 0 else 0.0,
            limit_kw=limit if limit is not None and isfinite(limit) and limit >= 0 else inf,
            per_hour=max(1, 3600 // problem.step_s),
            past_hour=past_hour(problem),
        )

    @property
    def matters(self) -> bool:
        return self.dkk_per_kw > 0 or self.limit_kw < inf

    def hourly(self, power: Floats) -> Floats:
        """Means of ``power`` (n,) [kW] over the hours of the clock."""
        edges = np.arange(self.per_hour - self.past_hour, len(power), self.per_hour)
        first = np.concatenate([[0], edges])
        count = np.diff(np.append(first, len(power)))
        return np.asarray(np.add.reduceat(power, first) / count)

    def new_kw(self, power: Floats) -> float:
        """How far ``power`` (n,) [kW] exceeds the highest of the month so far [kW]."""
        return max(0.0, self.highest_kw(power) - self.so_far_kw)

    def over_kw(self, power: Floats) -> float:
        """How far ``power`` (n,) [kW] exceeds the limit [kW]."""
        return max(0.0, self.highest_kw(power) - self.limit_kw)

    def highest_kw(self, power: Floats) -> float:
        """The dearest hour of ``power`` (n,) [kW]."""
        return float(self.hourly(power).max())

    def costs(self, power: Floats, over_dkk_per_kwh: float) -> float:
        """What ``power`` (n,) [kW] costs beyond its energy [DKK]."""
        over = 0.0
        if self.limit_kw < inf:
            over = float(np.maximum(0.0, self.hourly(power) - self.limit_kw).sum())
        return self.dkk_per_kw * self.new_kw(power) + over_dkk_per_kwh * over


def past_hour(problem: Problem) -> int:
    """Steps between the last whole hour and the start of the horizon."""
    return int(problem.start.timestamp()) % 3600 // problem.step_s


def other_power(building: Building, course: Course) -> Floats:
    """Power [kW] (n,) that no thermostat moves: hot water, coil, fans where electric, and what
    others draw behind the same meter."""
    outlook = building.outlook
    fans = course.fan_kw if outlook.heat_is_electric else 0.0
    return np.asarray(course.fixed_kw / outlook.cop + fans + outlook.other_load)


def power_of(building: Building, course: Course, heat: Floats) -> Floats:
    """Power [kW] (n,) that the meter shows, with the radiators' heat (p, n) [kW]."""
    return np.asarray(other_power(building, course) + heat.sum(axis=0) / building.outlook.cop)


def over_price(building: Building, comfort_price: float) -> float:
    """A price [DKK/kWh] above every discomfort that the power could prevent.

    One kWh less costs a zone at most 1/loss K·h, and no more than 1/c_air K until the end.
    ``comfort_price`` [DKK/(K h)] is the dearest one.
    """
    rc, outlook = building.rc, building.outlook
    kelvin_hours = np.minimum(
        1.0 / np.maximum(rc.h_out, 1e-9), outlook.n * outlook.step_h / np.maximum(rc.c_air, 1e-9)
    )
    dearest = BEYOND_ALL * comfort_price * float(kelvin_hours.max()) * float(outlook.cop.max())
    return min(DEAREST_DKK_PER_KWH, dearest + float(np.abs(outlook.heat_worth).max()))
