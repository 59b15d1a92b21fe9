"""The effect of a trial on one subject by regression and by randomisation, with its left-out
days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bms.model.readings.series import Floats
from bms.model.savings.trial_result import Bounds, Effect, EffectUnit, Subject
from bms.savings.trials.daily_values import DailyRecord, Expectation, observed_days
from bms.savings.trials.effect import (
    CONFIDENCE,
    ObservedDays,
    Scores,
    absolute_effect,
    as_share,
    block_errors,
    by_randomisation,
    by_regression,
    carry_over_p,
    hull,
    interval_of,
    p_value,
    relative_effect,
    scores,
)
from bms.savings.trials.random_allocation import Allocation, TrialLayout, possible_allocations

DRAWS = 499
"""Draws that might have been made instead [1]."""
LEAST_DAYS = 4
"""Days [d] that each arm needs."""
LEAST_OF_USUAL = 0.1
"""With less than this of the usual use there is nothing to take a share of."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Allocations:
    """A layout with the draw that was made and those that might have been, (r, blocks)."""

    layout: TrialLayout
    made: Flags
    others: Flags


def allocations_of(
    layout: TrialLayout, made: Allocation, seed: int, count: int = DRAWS
) -> Allocations:
    """Returns the allocation of a trial among those that might have been made."""
    return Allocations(
        layout, made.optimised, possible_allocations(layout, made.limit, seed, count)
    )


def analyse(
    record: DailyRecord,
    expectation: Expectation,
    draws: Allocations,
    at: int,
    until: int | None = None,
    *,
    confidence: float = CONFIDENCE,
) -> Effect | None:
    """Returns the effect on a record of a trial that begins at its place ``at`` and ends before
    ``until``; None where an arm has fewer than ``LEAST_DAYS`` days."""
    stop = len(record) if until is None else until
    observed = observed_days(record, expectation, draws.layout, at, stop)
    ours = draws.made[observed.block]
    if min(int(ours.sum()), int((~ours).sum())) < LEAST_DAYS:
        return None
    arm = absolute_effect(observed, draws.made)
    errors = block_errors(observed, arm)
    lot, found = _by_lot(observed, arm, draws, confidence)
    regression = by_regression(observed, arm, errors)
    share = by_lot = relative = None
    if _enough_use(record, expectation, observed):
        share_lot, _ = _by_lot(observed, relative_effect(observed, draws.made), draws, confidence)
        relative = by_regression(observed, relative_effect(observed, draws.made), errors)
        by_lot = as_share(share_lot)
        share = as_share(hull(share_lot, interval_of(relative, confidence)))
    days = min(draws.layout.used.size, max(stop - at, 0))
    used = int(draws.layout.used[:days].sum())
    by_blocks = interval_of(regression, confidence)
    return Effect(
        subject=record.subject,
        unit=_unit(record.subject),
        confidence=confidence,
        days_own=int((~ours).sum()),
        days_optimised=int(ours.sum()),
        missing=used - len(observed.day),
        washed_out=days - used,
        mean_own=float(observed.value[~ours].mean()),
        mean_optimised=float(observed.value[ours].mean()),
        saving=hull(lot, by_blocks),
        regression=by_blocks,
        lot=lot,
        p_value=p_value(found),
        carry_over_p=carry_over_p(observed, draws.made),
        share=share,
        share_by_lot=by_lot,
        relative=relative,
    )


def _by_lot(
    observed: ObservedDays, effect: Floats, draws: Allocations, confidence: float
) -> tuple[Bounds, Scores]:
    found = scores(observed, effect, draws.made, draws.others)
    return by_randomisation(found, confidence), found


UNITS = {
    Subject.COMFORT: EffectUnit.KELVIN_HOURS_PER_DAY,
    Subject.COST: EffectUnit.DKK_PER_DAY,
    Subject.CO2: EffectUnit.KG_PER_DAY,
    Subject.PEAK: EffectUnit.KW,
}
"""Of all other subjects it is energy."""


def _unit(subject: Subject) -> EffectUnit:
    return UNITS.get(subject, EffectUnit.KWH_PER_DAY)


def _enough_use(record: DailyRecord, expectation: Expectation, observed: ObservedDays) -> bool:
    if record.subject is Subject.COMFORT:
        return False
    usual = expectation.usual if expectation.usual is not None else 0.0
    mean = float(observed.value.mean())
    return mean > 0 and mean >= LEAST_OF_USUAL * usual
