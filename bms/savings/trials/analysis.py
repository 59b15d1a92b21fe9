"""What a trial tells of one subject: the effect by regression and by lot, and what was left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bms.model.readings.series import Floats
from bms.model.savings.trial import Bounds, Effect, Subject
from bms.savings.trials.days import Expectation, Record, observe
from bms.savings.trials.design import Layout, Lot, others
from bms.savings.trials.effect import (
    CONFIDENCE,
    Observed,
    Scores,
    as_share,
    by_lot,
    by_regression,
    hull,
    lessening,
    p_value,
    scores,
    shrinking,
)

DRAWS = 499
"""Draws that might have been made instead [1]."""
LEAST_DAYS = 4
"""Days [d] that each arm needs."""
LEAST_OF_USUAL = 0.1
"""With less than this of the usual use there is nothing to take a share of."""
UNITS = {Subject.COMFORT: "K·h/day"}

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """An effect with the scores of its share, from which buildings are pooled."""

    effect: Effect
    shares: Scores | None = None
    regression: Bounds | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """A layout with the draw that was made and those that might have been, (r, blocks)."""

    plan: Layout
    made: Flags
    others: Flags


def drawn(plan: Layout, lot: Lot, seed: int, count: int = DRAWS) -> Draws:
    """The draw of a trial among those that might have been made."""
    return Draws(plan, lot.optimised, others(plan, lot.limit, seed, count))


def tell(
    record: Record, hoped: Expectation, draws: Draws, at: int, until: int | None = None
) -> Told | None:
    """The effect on a record of a trial that begins at its place ``at`` and was told up to
    ``until``; None where an arm has fewer than ``LEAST_DAYS`` days."""
    stop = len(record) if until is None else until
    seen = observe(record, hoped, draws.plan, at, stop)
    ours = draws.made[seen.block]
    if min(int(ours.sum()), int((~ours).sum())) < LEAST_DAYS:
        return None
    lot, regression, found = _told(seen, lessening, draws)
    shares = share = share_regression = None
    if _enough_use(record, hoped, seen):
        share_lot, share_regression, shares = _told(seen, shrinking, draws)
        share = as_share(hull(share_lot, share_regression))
    days = min(draws.plan.used.size, max(stop - at, 0))
    used = int(draws.plan.used[:days].sum())
    effect = Effect(
        subject=record.subject,
        unit=UNITS.get(record.subject, "kWh/day"),
        confidence=CONFIDENCE,
        days_own=int((~ours).sum()),
        days_optimised=int(ours.sum()),
        missing=used - len(seen.day),
        washed_out=days - used,
        mean_own=float(seen.value[~ours].mean()),
        mean_optimised=float(seen.value[ours].mean()),
        saving=hull(lot, regression),
        regression=regression,
        lot=lot,
        p_value=p_value(found),
        share=share,
    )
    return Told(effect, shares, share_regression)


def _told(
    seen: Observed, kind: Callable[[Observed, Flags], Floats], draws: Draws
) -> tuple[Bounds, Bounds, Scores]:
    effect = kind(seen, draws.made)
    found = scores(seen, effect, draws.made, draws.others)
    return by_lot(found), by_regression(seen, effect, draws.made), found


def _enough_use(record: Record, hoped: Expectation, seen: Observed) -> bool:
    if record.subject is Subject.COMFORT:
        return False
    usual = hoped.usual if hoped.usual is not None else 0.0
    mean = float(seen.value.mean())
    return mean > 0 and mean >= LEAST_OF_USUAL * usual
