"""A/A: the same trial told of days on which nothing was switched must show no effect.

It is the check of the whole chain (meters, days, weather, model, lot) on the very building: an
effect that is found where there was none would be found in the trial as well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from bms.model.savings.trial import AaCheck
from bms.savings.trials.analysis import drawn, tell
from bms.savings.trials.days import Record, expect
from bms.savings.trials.design import draw
from bms.savings.trials.power import YEAR_DAYS, Shape, window_layout

UNLIKELY = 0.05
"""Probability below which so few stretches that hold no effect are no chance."""


def aa_check(
    record: Record,
    written: NDArray[np.bool_],
    shape: Shape,
    *,
    start: int,
    days: int,
    seed: int,
) -> AaCheck:
    """Tell ``record`` of stretches as long as the trial, one beside the other, that lie in the year
    before the place ``start``.

    ``written`` (n,) marks the days on which we wrote: a stretch counts where all of its days are
    alike, so that both arms were the same control.
    """
    windows = covered = 0
    hoped = expect(record, start)
    for at in range(start - days, max(start - YEAR_DAYS, 0) - 1, -days):
        alike = written[at : at + days]
        plan = window_layout(record, shape, at, days) if alike.all() or not alike.any() else None
        if plan is None:
            continue
        told = tell(record, hoped, drawn(plan, draw(plan, seed + at), seed + at), at, at + days)
        if told is not None:
            windows += 1
            covered += told.effect.saving.holds(0.0)
    return AaCheck(subject=record.subject, windows=windows, covered=covered)


def failed(check: AaCheck, confidence: float = 0.90) -> bool:
    """Whether so few stretches without effect cannot be chance."""
    return (
        bool(bdtr(check.covered, check.windows, confidence) < UNLIKELY) if check.windows else False
    )
