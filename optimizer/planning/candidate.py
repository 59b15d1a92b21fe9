"""One way to run the building, simulated and priced once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bms.model.planning.problem import Problem
from optimizer.horizon.building import Building, ZoneDynamics
from optimizer.horizon.ensemble import Ensemble, members_of
from optimizer.horizon.peak_demand import PeakDemand, metered_power, overload_price
from optimizer.horizon.rollout import RolloutResult, roll_out, running_cost
from optimizer.linear_program.program import ComfortTargets
from optimizer.model.air_handling import AirOperation
from optimizer.model.rc_network import Floats
from optimizer.planning.comfort_targets import comfort_targets
from optimizer.setpoints.supply_air_reset import SupplyAir, dynamics_with, supply_air_of


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

    def at_one_price(self) -> Objective:
        """Returns the same with the mean price of each commodity in every hour."""
        building = self.building
        return replace(self, building=replace(building, inputs=building.inputs.at_one_price()))

    def cost(self, dynamics: ZoneDynamics, rollout: RolloutResult) -> float:
        """Returns the cost of the horizon [DKK], less the value of the heat left stored."""
        energy = running_cost(self.building, dynamics, rollout, self.comfort_dkk_per_kh)
        if not self.peak.is_priced:
            return energy
        power = metered_power(self.building, dynamics, rollout.heat)
        return energy + self.peak.cost(power, self.overload_dkk_per_kwh)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Setpoints [degC] (p, n) and ventilation, what they lead to and the cost of that [DKK].
    ``plain`` are the setpoints without the heat that is stored, where some is."""

    setpoints: Floats
    air: AirOperation
    dynamics: ZoneDynamics
    rollout: RolloutResult
    cost: float
    plain: Floats | None = None


@dataclass(frozen=True, slots=True)
class Evaluator:
    """What candidates of a problem are simulated with and priced by."""

    problem: Problem
    building: Building
    supply: SupplyAir | None
    targets: ComfortTargets
    objective: Objective

    @classmethod
    def of(cls, problem: Problem, building: Building) -> Evaluator:
        """Returns the evaluator of a building whose zones have models."""
        targets = comfort_targets(problem, building)
        objective = Objective.of(problem, building, float(targets.price.max()))
        return cls(problem, building, supply_air_of(problem, building), targets, objective)

    def at_one_price(self) -> Evaluator:
        """Returns the same with the mean price of each commodity in every hour."""
        objective = self.objective.at_one_price()
        return replace(self, building=objective.building, objective=objective)

    def dynamics(self, air: AirOperation) -> ZoneDynamics:
        """Returns the building with its units running as ``air`` says."""
        return dynamics_with(self.problem, self.building, air, self.supply)

    def ensemble(self, air: AirOperation) -> Ensemble:
        """Returns the ensemble of the building with its units running as ``air`` says."""
        return Ensemble(
            tuple(
                (member, dynamics_with(self.problem, member, air, self.supply))
                for member in members_of(self.building)
            )
        )

    def evaluate(
        self, setpoints: Floats, air: AirOperation, dynamics: ZoneDynamics | None = None
    ) -> Candidate:
        """Returns the candidate of setpoints [degC] (p, n) and ventilation; ``dynamics`` is that of
        ``air`` where it is known already."""
        known = self.dynamics(air) if dynamics is None else dynamics
        rollout = roll_out(self.building, known, setpoints)
        return Candidate(setpoints, air, known, rollout, self.objective.cost(known, rollout))


def cheapest(candidates: list[Candidate]) -> Candidate:
    """Returns the candidate of least cost, the first of equal ones."""
    return min(candidates, key=lambda each: each.cost)
