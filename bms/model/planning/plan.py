"""The optimiser's answer: setpoints over the horizon, what they lead to, and why.

Temperatures are in degC, or in K where the problem's ``temperature_unit`` says so ([temp] below);
values planned for a lever are in the lever's own unit. The text under each field is its
description in the JSON Schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from bms.model.fact import Fact
from bms.model.planning.problem import Numbers, Problem
from bms.model.readings.units import Unit


class PlanStatus(StrEnum):
    """``optimal``: within the band. ``relaxed``: the best that can be done, with violations.
    ``fallback``: the rule-based timetable, because something was missing."""

    OPTIMAL = "optimal"
    RELAXED = "relaxed"
    FALLBACK = "fallback"


def worst(*statuses: PlanStatus) -> PlanStatus:
    """Returns the worst of one or more statuses: fallback, then relaxed, then optimal."""
    return max(statuses, key=list(PlanStatus).index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a schedule leads to over the horizon, by the model. None where it cannot be said."""

    energy_kwh: float | None
    """Billed energy for heat and fans [kWh]."""
    cost_dkk: float | None
    """What that costs [DKK]."""
    co2_kg: float | None
    """What that emits [kg CO2]."""
    comfort_kh: float | None
    """Kelvin-hours outside the band while in use, summed over zones [K h]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One value from ``start`` to ``end`` (exclusive)."""

    start: datetime
    """From this moment on."""
    end: datetime
    """Up to this moment, which is not part of it."""
    value: float
    """The value [unit of the point]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetpointPlan:
    """The coming values of one point."""

    point: str
    """Name of the point, as in its lever."""
    unit: Unit
    """Unit of the values, that of the lever."""
    steps: tuple[Step, ...]
    """The values in order, without holes from start to end of the horizon."""

    def value_at(self, moment: datetime) -> float | None:
        """The planned value at ``moment``, None outside the plan."""
        return next((s.value for s in self.steps if s.start <= moment < s.end), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetpointChange:
    """Why a point has another value from a moment on."""

    point: str
    """Name of the point."""
    at: datetime
    """From this moment on."""
    why: Fact
    """Why then, and why this way."""


class DecisionKind(StrEnum):
    """What a plan does otherwise than the building's own control."""

    AIR = "air"
    HOLD = "hold"
    SETBACK = "setback"
    START = "start"
    STORING = "storing"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionGain:
    """What one kind of decision is to bring in the first day of a plan, by the model."""

    kind: DecisionKind
    """`air`: units and supply air; `hold`: the value in use; `setback`: the depth of setbacks;
    `start`: when warm-ups begin; `storing`: heat ahead of dear hours."""
    dkk: float
    """Cost of heat that it saves, with the worth of what is left in the building [DKK]."""
    kwh: float
    """Heat that it saves [kWh]; storing may take more and still gain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayAhead:
    """The first 24 h of a plan beside own control by the same model: what the heat meter is to
    show. Costs are those of heat."""

    heat_kwh: float
    """Heat with the plan [kWh]."""
    own_heat_kwh: float
    """Heat under own control, from the same state [kWh]."""
    cost_dkk: float
    """What the plan's heat costs [DKK]."""
    own_cost_dkk: float
    """What the heat of own control costs [DKK]."""
    left_dkk: float
    """What own control leaves in the building after the day beyond what the plan leaves, at the
    mean price [DKK]."""
    kwh_per_k: float
    """How much more heat the day takes for each kelvin colder outdoors [kWh/K]."""
    outdoor_c: float
    """Mean outdoor temperature that was counted on [temp]."""
    gains: tuple[DecisionGain, ...]
    """What each kind of decision is to bring; kinds that change nothing are left out."""

    @property
    def gain_dkk(self) -> float:
        """What all of them bring [DKK]."""
        return self.own_cost_dkk - self.cost_dkk - self.left_dkk


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneForecast:
    """Predicted temperature of a zone [temp] at the start of every step of the horizon, and its
    heat."""

    zone: str
    """Id of the zone."""
    temp_c: Numbers
    """Room temperature [temp] at the start of each step."""
    own_temp_c: Numbers = ()
    """The same under the building's own control [temp]; left out: not known."""
    heat_kw: Numbers = ()
    """Heat of the zone's radiators in each step [kW]; left out: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneStatus:
    """How one zone is planned."""

    zone: str
    """Id of the zone."""
    status: PlanStatus
    """`optimal`, `relaxed`, or `fallback` where the zone has no model and follows the timetable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The answer. ``setpoints`` cover the whole horizon of the problem without holes."""

    site: str
    """Name of the building."""
    start: datetime
    """Start of the horizon, as in the problem."""
    step_s: int
    """Length of the steps [s], as in the problem."""
    status: PlanStatus
    """`optimal`, `relaxed` (with violations) or `fallback` (rules, because something missed); the
    worst of its zones."""
    reasons: tuple[Fact, ...]
    """Why the plan is as it is."""
    expected: Expected
    """What this schedule leads to, by the model."""
    own_control: Expected
    """What the building's own control would lead to, by the same model."""
    setpoints: tuple[SetpointPlan, ...]
    """The coming values of every lever."""
    forecast: tuple[ZoneForecast, ...] = ()
    """Predicted temperatures of the zones that have a model."""
    temperature_unit: Unit = Unit.DEG_C
    """Unit of the predicted temperatures, that of the problem."""
    zones: tuple[ZoneStatus, ...] = ()
    """How each zone with a lever is planned."""
    changes: tuple[SetpointChange, ...] = ()
    """Why each value follows the one before it, point by point."""
    day_ahead: DayAhead | None = None
    """What the heat meter is to show in the first day; null: there is no model of the building, or
    less than a day is planned."""

    @property
    def end(self) -> datetime:
        return max((p.steps[-1].end for p in self.setpoints if p.steps), default=self.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A schedule with the problem it answers and the verdict of the independent checker.

    ``objections`` is empty for a plan that may be written. ``digest`` is taken over all the rest
    (``bms.model.planning.plan_digest``).
    """

    id: str
    site: str
    created_at: datetime
    problem: Problem
    schedule: Schedule
    objections: tuple[Fact, ...] = ()
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPlan:
    """What is kept of a plan for good, and its problem as long as that is kept, too."""

    id: str
    site: str
    created_at: datetime
    schedule: Schedule
    objections: tuple[Fact, ...]
    digest: str
    problem: Problem | None = None

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """A plan without its problem."""
        return cls(
            id=plan.id,
            site=plan.site,
            created_at=plan.created_at,
            schedule=plan.schedule,
            objections=plan.objections,
            digest=plan.digest,
        )

    def whole(self) -> Plan | None:
        """The plan with its problem, None once that is gone."""
        if self.problem is None:
            return None
        return Plan(
            id=self.id,
            site=self.site,
            created_at=self.created_at,
            problem=self.problem,
            schedule=self.schedule,
            objections=self.objections,
            digest=self.digest,
        )
