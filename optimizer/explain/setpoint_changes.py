"""Why each value of a plan follows the one before it: one reason for every change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf, isfinite

from bms.model.assets.equipment import HeatSourceKind
from bms.model.assets.point import Role
from bms.model.fact import Fact, MessageCode, Moment, fact
from bms.model.planning.plan import Schedule, SetpointChange, SetpointPlan
from bms.model.planning.problem import Lever, Numbers, Problem, ZoneTask

STORED_K = 0.25
"""A value this far above what the room has in use [K] stores heat."""
SAME = 1e-6
CHEAPER_PART = 0.9
"""Heat at less than this part of its mean price is cheap."""
STOP_WITHIN_H = 2.5


class ChangeReason(MessageCode):
    """Why a lever is given another value."""

    WARM_UP = "change_warm_up"
    WARM_UP_CHEAP = "change_warm_up_cheap"
    WARM_UP_GENTLE = "change_warm_up_gentle"
    IN_USE = "change_in_use"
    STORE = "change_store"
    PAID = "change_paid"
    STORED = "change_stored"
    STOP = "change_stop"
    SET_BACK = "change_set_back"
    KEPT = "change_kept"
    OWN_PROGRAMME = "change_own_programme"
    HOLD_ENDS = "change_hold_ends"
    UNIT_ON = "change_unit_on"
    UNIT_OFF = "change_unit_off"
    FLOW = "change_flow"
    SUPPLY = "change_supply"
    CURVE = "change_curve"


OF_ROLE = {
    Role.VENTILATION_FLOW: ChangeReason.FLOW,
    Role.SUPPLY_AIR_SETPOINT: ChangeReason.SUPPLY,
    Role.HEATING_CURVE_SHIFT: ChangeReason.CURVE,
}


def setpoint_changes(problem: Problem, schedule: Schedule) -> tuple[SetpointChange, ...]:
    """Returns the changes of a schedule in degC, each with its reason, point by point."""
    zones = {zone.lever.point: zone for zone in problem.zones if zone.lever is not None}
    levers = {lever.point: lever for lever in problem.levers}
    modelled = {row.zone for row in schedule.forecast}
    prices = _prices(problem)
    found: list[SetpointChange] = []
    for plan in schedule.setpoints:
        zone, lever = zones.get(plan.point), levers[plan.point]
        course = None
        if zone is not None:
            usual = _usual(problem, zone, plan) if zone.id in modelled else None
            course = _Course(problem, zone, lever, usual, prices)
        for before, after in zip(plan.steps, plan.steps[1:], strict=False):
            k = _step(problem, after.start)
            if course is None:
                why = _of_air(lever, after.value > before.value)
            else:
                why = course.why(k, before.value, after.value)
            found.append(SetpointChange(point=plan.point, at=after.start, why=why))
    return tuple(found)


def _step(problem: Problem, moment: datetime) -> int:
    return (moment - problem.start) // timedelta(seconds=problem.step_s)


def _usual(problem: Problem, zone: ZoneTask, plan: SetpointPlan) -> float:
    """The least value of a zone in use [degC]; infinite where it is not used."""
    used = zone.occupied
    return min(
        (
            step.value
            for step in plan.steps
            if any(used[_step(problem, step.start) : _step(problem, step.end)])
        ),
        default=inf,
    )


def _of_air(lever: Lever, rises: bool) -> Fact:
    if lever.role is Role.VENTILATION_RUN:
        return fact(ChangeReason.UNIT_ON if rises else ChangeReason.UNIT_OFF)
    return fact(OF_ROLE.get(lever.role, ChangeReason.CURVE))


def _prices(problem: Problem) -> list[float]:
    """What heat is bought at in each step [DKK/kWh], or what power to spare would earn; empty where
    that is not known throughout."""
    if problem.heat_source.kind is not HeatSourceKind.HEAT_PUMP:
        return _known(problem.heat_dkk_per_kwh, problem.steps)
    prices = _known(problem.electricity_dkk_per_kwh, problem.steps)
    earned = _known(problem.export_dkk_per_kwh, problem.steps)
    loads = _known(problem.other_load_kw, problem.steps)
    if not (prices and earned and loads):
        return prices
    rows = zip(prices, earned, loads, strict=True)
    return [export if load < 0.0 else price for price, export, load in rows]


def _known(row: Numbers, n: int) -> list[float]:
    known = [value for value in row if value is not None and isfinite(value)]
    return known if len(known) == n else []


@dataclass(frozen=True, slots=True)
class _Course:
    """One zone with its lever; ``usual`` [degC] is its least value in use, None where it has no
    model; ``prices`` [DKK/kWh] (n,) or empty."""

    problem: Problem
    zone: ZoneTask
    lever: Lever
    usual: float | None
    prices: list[float]

    @property
    def modelled(self) -> bool:
        return self.usual is not None

    def why(self, k: int, before: float, after: float) -> Fact:
        if k == self.problem.held_steps(self.lever):
            return fact(ChangeReason.HOLD_ENDS)
        if not self.modelled and self._is_own(k, after):
            return fact(ChangeReason.OWN_PROGRAMME)
        return self._rise(k, before, after) if after > before else self._fall(k, before, after)

    def _rise(self, k: int, before: float, after: float) -> Fact:
        use = next(self._uses_from(k), None)
        if self.modelled and self.prices and self.prices[k] < 0.0:
            return fact(ChangeReason.PAID, price=self.prices[k])
        if self._stores(after) and self._cheap(k, self.problem.steps):
            return fact(ChangeReason.STORE, price=self.prices[k], mean=self._mean())
        if self.zone.occupied[k] or use is None:
            return fact(ChangeReason.IN_USE if self.zone.occupied[k] else ChangeReason.KEPT)
        begins = Moment(self.problem.start + use * timedelta(seconds=self.problem.step_s))
        if self.modelled and self.problem.peak_dkk_per_kw > 0.0:
            return fact(ChangeReason.WARM_UP_GENTLE, use=begins)
        if self.modelled and self._cheap(k, use):
            return fact(ChangeReason.WARM_UP_CHEAP, use=begins, price=self.prices[k])
        return fact(ChangeReason.WARM_UP, use=begins)

    def _fall(self, k: int, before: float, after: float) -> Fact:
        if self._stores(before) and self.prices:
            return fact(ChangeReason.STORED, price=self.prices[k], mean=self._mean())
        if not self.zone.occupied[k]:
            return fact(ChangeReason.SET_BACK)
        ends = next((i for i in range(k, self.problem.steps) if not self.zone.occupied[i]), None)
        if ends is not None and (ends - k) * self.problem.step_s <= STOP_WITHIN_H * 3600.0:
            end = Moment(self.problem.start + ends * timedelta(seconds=self.problem.step_s))
            return fact(ChangeReason.STOP, end=end)
        return fact(ChangeReason.IN_USE)

    def _is_own(self, k: int, value: float) -> bool:
        """Whether the value is the building's own, which changes here, too."""
        own = self.zone.own_setpoint_c
        changes = abs(own[k] - own[k - 1]) > SAME
        return changes and abs(max(own[k], self.zone.low_c[k]) - value) <= self.lever.resolution

    def _uses_from(self, k: int) -> Iterator[int]:
        return (i for i in range(k, self.problem.steps) if self.zone.occupied[i])

    def _stores(self, value: float) -> bool:
        """Whether a value is above the least that the room has in use."""
        return self.usual is not None and value > self.usual + STORED_K

    def _cheap(self, k: int, end: int) -> bool:
        """Whether heat costs clearly less at ``k`` than on average from there to ``end``."""
        ahead = self.prices[k : max(end, k + 1)]
        return bool(ahead) and self.prices[k] < CHEAPER_PART * sum(ahead) / len(ahead)

    def _mean(self) -> float:
        return sum(self.prices) / len(self.prices)
