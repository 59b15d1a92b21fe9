"""Which levers somebody holds, and until when: a plan is made around them."""

from __future__ import annotations

from bms.model.fact import Fact, Moment, Term, fact
from bms.model.planning.problem import HeldValue, Lever, Problem
from bms.model.readings.units import Unit
from optimizer.explain.plan_reason import HeldText, HoldEnd, PlanReason


def describe_held_levers(problem: Problem) -> list[Fact]:
    """Returns a fact for every lever of a problem in degC that is held at its start: the point, the
    value [unit of the lever], by whom and until when."""
    return [
        fact(
            PlanReason.LEVER_HELD,
            point=lever.point,
            value=lever.held.value,
            shown=_shown(lever, lever.held),
            by=lever.held.by,
            until=Moment(lever.held.until) if lever.held.until else Term(HoldEnd.HORIZON),
        )
        for lever in problem.levers
        if lever.held is not None and problem.held_steps(lever) > 0
    ]


def _shown(lever: Lever, held: HeldValue) -> Fact:
    if lever.unit is Unit.ON_OFF:
        return fact(HeldText.ON if held.value >= 0.5 else HeldText.OFF)
    texts = {Unit.PERCENT: HeldText.PERCENT, Unit.KELVIN: HeldText.DIFFERENCE}
    return fact(texts.get(lever.unit, HeldText.TEMPERATURE), value=held.value)
