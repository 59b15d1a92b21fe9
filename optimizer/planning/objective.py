"""What a way to run the building costs all in all, so that two of them can be compared."""

from __future__ import annotations

from dataclasses import dataclass

from bms.model.planning.problem import Problem
from optimizer.horizon.building import Building, ZoneDynamics
from optimizer.horizon.peak_demand import PeakDemand, metered_power, overload_price
from optimizer.horizon.rollout import RolloutResult, running_cost


@dataclass(frozen=True, slots=True)
class Objective:
    """The prices of energy, CO2, discomfort, the month's peak and power over the limit.

    ``comfort_dkk_per_kh`` [DKK/(K h)] is that of comfort in use, ``overload_dkk_per_kwh`` [DKK/kWh]
    that of power over its limit.
    """

    building: Building
    peak: PeakDemand
    comfort_dkk_per_kh: float
    overload_dkk_per_kwh: float

    @classmethod
    def of(cls, problem: Problem, building: Building, dearest_dkk_per_kh: float) -> Objective:
        """Returns the objective of a problem; ``dearest_dkk_per_kh`` [DKK/(K h)] is the highest
        price of discomfort that a plan counts, which power over its limit has to exceed."""
        return cls(
            building,
            PeakDemand.of(problem),
            problem.weights.comfort_dkk_per_kh,
            overload_price(building, dearest_dkk_per_kh),
        )

    def cost(self, dynamics: ZoneDynamics, rollout: RolloutResult) -> float:
        """Returns the cost of the horizon [DKK], less the value of the heat left stored."""
        energy = running_cost(self.building, dynamics, rollout, self.comfort_dkk_per_kh)
        if not self.peak.is_priced:
            return energy
        power = metered_power(self.building, dynamics, rollout.heat)
        return energy + self.peak.cost(power, self.overload_dkk_per_kwh)
