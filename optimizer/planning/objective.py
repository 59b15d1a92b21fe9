"""What a way to run the building costs all in all, so that two of them can be compared."""

from __future__ import annotations

from dataclasses import dataclass

from bms.model.fact import Fact, fact
from bms.model.planning.problem import Problem
from optimizer.explain.plan_reason import PlanReason
from optimizer.explain.relaxation import PowerRelaxation
from optimizer.horizon.building import Building, Course
from optimizer.horizon.peak_power import Peak, over_price, power_of
from optimizer.horizon.thermostat import Outcome, worth
from optimizer.linear_program.program import Targets
from optimizer.planning.schedule import Choice

TOLD_KW = 0.5


@dataclass(frozen=True, slots=True)
class Bill:
    """Energy, CO2, comfort, stored heat, the month's peak and power over the limit."""

    building: Building
    peak: Peak
    comfort_dkk_per_kh: float
    over_dkk_per_kwh: float

    @classmethod
    def of(cls, problem: Problem, building: Building, targets: Targets) -> Bill:
        """The prices of a problem."""
        return cls(
            building,
            Peak.of(problem),
            problem.weights.comfort_dkk_per_kh,
            over_price(building, float(targets.price.max())),
        )

    def costs(self, course: Course, outcome: Outcome) -> float:
        """All in all [DKK]."""
        energy = worth(self.building, course, outcome, self.comfort_dkk_per_kh)
        if not self.peak.matters:
            return energy
        power = power_of(self.building, course, outcome.heat)
        return energy + self.peak.costs(power, self.over_dkk_per_kwh)

    def new_peak(self, choice: Choice) -> list[Fact]:
        """The month's new highest power, where it has a price and rises."""
        power = power_of(self.building, choice.course, choice.outcome.heat)
        if self.peak.dkk_per_kw <= 0 or self.peak.new_kw(power) <= TOLD_KW:
            return []
        highest, so_far = self.peak.highest_kw(power), self.peak.so_far_kw
        return [fact(PlanReason.NEW_PEAK, power_kw=highest, so_far_kw=so_far)]

    def relaxations(self, choice: Choice) -> list[PowerRelaxation]:
        """The power limit, where it is not kept."""
        power = power_of(self.building, choice.course, choice.outcome.heat)
        if self.peak.over_kw(power) <= TOLD_KW:
            return []
        return [PowerRelaxation(power_kw=self.peak.highest_kw(power), limit_kw=self.peak.limit_kw)]
