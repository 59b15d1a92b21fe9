"""What a way to run the building costs all in all, so that two of them can be compared."""

from __future__ import annotations

from dataclasses import dataclass

from bms.model.planning.problem import Problem
from optimizer.horizon.building import Building, Course
from optimizer.horizon.peak_power import Peak, over_price, power_of
from optimizer.horizon.thermostat import Outcome, worth


@dataclass(frozen=True, slots=True)
class Objective:
    """The prices of energy, CO2, discomfort, the month's peak and power over the limit.

    ``comfort_dkk_per_kh`` [DKK/(K h)] is that of comfort in use, ``over_dkk_per_kwh`` [DKK/kWh]
    that of power over its limit.
    """

    building: Building
    peak: Peak
    comfort_dkk_per_kh: float
    over_dkk_per_kwh: float

    @classmethod
    def of(cls, problem: Problem, building: Building, dearest_dkk_per_kh: float) -> Objective:
        """Returns the objective of a problem; ``dearest_dkk_per_kh`` [DKK/(K h)] is the highest
        price of discomfort that a plan counts, which power over its limit has to exceed."""
        return cls(
            building,
            Peak.of(problem),
            problem.weights.comfort_dkk_per_kh,
            over_price(building, dearest_dkk_per_kh),
        )

    def cost(self, course: Course, outcome: Outcome) -> float:
        """Returns the cost of the horizon [DKK], less the value of the heat left stored."""
        energy = worth(self.building, course, outcome, self.comfort_dkk_per_kh)
        if not self.peak.matters:
            return energy
        power = power_of(self.building, course, outcome.heat)
        return energy + self.peak.costs(power, self.over_dkk_per_kwh)
