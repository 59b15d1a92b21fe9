"""A/A test: the same trial on days on which nothing was switched must show no effect.

It checks the whole chain (meters, days, weather, model, randomisation) on the very building: an
effect that is found where there was none would be found in the trial as well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from bms.model.savings.trial_result import AaCheck
from bms.savings.trials.analysis import allocations_of, analyse
from bms.savings.trials.daily_values import DailyRecord, learn_expectation
from bms.savings.trials.power import YEAR_DAYS, BlockDesign, window_layout
from bms.savings.trials.random_allocation import allocate

UNLIKELY = 0.05
"""Probability below which so few stretches that hold no effect are no chance."""


def aa_check(
    record: DailyRecord,
    written: NDArray[np.bool_],
    design: BlockDesign,
    *,
    start: int,
    days: int,
    seed: int,
) -> AaCheck:
    """Returns how many stretches of ``record`` as long as the trial, one beside the other in the
    year before the place ``start``, hold no effect.

    ``written`` (n,) marks the days on which we wrote: a stretch counts where all of its days are
    alike, so that both arms were the same control.
    """
    windows = covered = 0
    expectation = learn_expectation(record, start)
    for at in range(start - days, max(start - YEAR_DAYS, 0) - 1, -days):
        alike = written[at : at + days]
        if alike.any() and not alike.all():
            continue
        layout = window_layout(record, design, at, days)
        if layout is None:
            continue
        draws = allocations_of(layout, allocate(layout, seed + at), seed + at)
        analysed = analyse(record, expectation, draws, at, at + days)
        if analysed is not None:
            windows += 1
            covered += analysed.saving.holds(0.0)
    return AaCheck(subject=record.subject, windows=windows, covered=covered)


def failed(check: AaCheck, confidence: float = 0.90) -> bool:
    """Whether so few stretches without effect cannot be chance."""
    return (
        bool(bdtr(check.covered, check.windows, confidence) < UNLIKELY) if check.windows else False
    )
