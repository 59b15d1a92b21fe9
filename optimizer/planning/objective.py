"""What a way to run the building costs all in all, so that two of them can be compared."""

from __future__ import annotations

from dataclasses import dataclass

from bms.model.planning.problem import Problem
from bms.model.words import Words
from optimizer.explain import planning as reasons
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

    def words(self, choice: Choice) -> list[Words]:
        """What people should know of the power."""
        power = power_of(self.building, choice.course, choice.outcome.heat)
        said = []
        if self.peak.dkk_per_kw > 0 and self.peak.new_kw(power) > TOLD_KW:
            said.append(reasons.new_peak(self.peak.highest_kw(power), self.peak.so_far_kw))
        if self.peak.over_kw(power) > TOLD_KW:
            said.append(reasons.power_over(self.peak.highest_kw(power), self.peak.limit_kw))
        return said
