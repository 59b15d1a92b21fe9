"""What each kind of decision of a plan is to bring in its first day, beside own control.

The kinds are put on one after the other, each world from the same state: the plan's air, then its
value in use, the depth of its setbacks, the start of its warm-ups, and heat that is stored. So
their gains add up to that of the plan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bms.model.planning.plan import DayAhead, DecisionGain, DecisionKind
from optimizer.horizon.building import Building
from optimizer.model.rc_network import Bools, Floats
from optimizer.planning.candidate import Candidate, Evaluator
from optimizer.setpoints.timetable import true_periods

DAY_H = 24.0
RISEN_K = 0.3
"""An own setpoint that has risen so far above its lowest of an absence has begun its warm-up."""
SAME_DKK = 0.005


def day_ahead(evaluator: Evaluator, chosen: Candidate, own: Candidate) -> DayAhead | None:
    """Returns the first day of ``chosen`` beside ``own`` control; None where less is planned, or
    where the price of heat is not known."""
    building = evaluator.building
    inputs = building.inputs
    steps = round(DAY_H / inputs.step_h)
    if inputs.n < steps or not inputs.source.price_known:
        return None
    first, last = _Day.of(building, own, steps), _Day.of(building, chosen, steps)
    before, gains = first, []
    for kind, world in _worlds(evaluator, chosen, own):
        after = last if world is chosen else _Day.of(building, world, steps)
        if abs(before.net_dkk - after.net_dkk) > SAME_DKK:
            gains.append(
                DecisionGain(
                    kind=kind,
                    dkk=_rounded(before.net_dkk - after.net_dkk),
                    kwh=_rounded(before.heat_kwh - after.heat_kwh),
                )
            )
        before = after
    return DayAhead(
        heat_kwh=_rounded(last.heat_kwh),
        own_heat_kwh=_rounded(first.heat_kwh),
        cost_dkk=_rounded(last.cost_dkk),
        own_cost_dkk=_rounded(first.cost_dkk),
        left_dkk=_rounded(first.left_dkk - last.left_dkk),
        kwh_per_k=_rounded(DAY_H * _loss_kw_per_k(building)),
        outdoor_c=_rounded(float(inputs.temp_out[:steps].mean())),
        gains=tuple(gains),
    )


def _worlds(
    evaluator: Evaluator, chosen: Candidate, own: Candidate
) -> list[tuple[DecisionKind, Candidate]]:
    """The worlds between ``own`` control and ``chosen``, each with the kind that it adds."""
    plain = chosen.setpoints if chosen.plain is None else chosen.plain
    used = evaluator.building.use > 0
    held = np.where(used, plain, own.setpoints)
    rows = {
        DecisionKind.AIR: own.setpoints,
        DecisionKind.HOLD: held,
        DecisionKind.SETBACK: _set_back(held, plain, used),
        DecisionKind.START: plain,
    }
    found: list[tuple[DecisionKind, Candidate]] = []
    last = own.setpoints
    for kind, row in rows.items():
        if kind is DecisionKind.AIR and chosen.air is own.air:
            continue
        if kind is not DecisionKind.AIR and np.array_equal(row, last):
            continue
        world = chosen if row is chosen.setpoints else None
        found.append((kind, world or evaluator.evaluate(row, chosen.air, chosen.dynamics)))
        last = row
    if chosen.plain is not None:
        found.append((DecisionKind.STORING, chosen))
    return found


def _set_back(own: Floats, planned: Floats, used: Bools) -> Floats:
    """``own`` setpoints [degC] (p, n) as low as the lowest planned one in each absence, until the
    building's own programme begins to warm up."""
    values = own.copy()
    for z in range(len(values)):
        for first, last in true_periods(~used[z]):
            part = own[z, first:last]
            lowest = np.minimum.accumulate(part)
            waits = part <= lowest + RISEN_K
            values[z, first:last] = np.where(waits, planned[z, first:last].min(), part)
    return values


@dataclass(frozen=True, slots=True)
class _Day:
    """Heat [kWh], its cost and the worth of what is left in the building [DKK] after a day."""

    heat_kwh: float
    cost_dkk: float
    left_dkk: float

    @property
    def net_dkk(self) -> float:
        return self.cost_dkk - self.left_dkk

    @classmethod
    def of(cls, building: Building, world: Candidate, steps: int) -> _Day:
        inputs, rollout = building.inputs, world.rollout
        heat = (rollout.heat.sum(axis=0) + world.dynamics.fixed_kw)[:steps] * inputs.step_h
        price = (inputs.source.price / inputs.cop)[:steps]
        power = np.zeros(inputs.n)
        power[:steps] = heat / inputs.cop[:steps] / inputs.step_h
        cost = float(heat @ price) - inputs.spared_dkk(power, inputs.source.price)
        left = building.rc.stored_kwh(rollout.air[:, steps], rollout.mass[:, steps]).sum()
        return cls(float(heat.sum()), cost, float(left * max(0.0, price.mean())))


def _loss_kw_per_k(building: Building) -> float:
    """What all zones lose through their air and their mass [kW/K]."""
    rc = building.rc
    through = rc.h_mass * rc.h_mass_out / np.maximum(rc.h_mass + rc.h_mass_out, 1e-9)
    return float((rc.h_out + through).sum())


def _rounded(value: float) -> float:
    return round(value, 3)
