"""How long a trial has to run: the same trial many times over on the building's own past.

Nothing happened on those days, so what the estimates scatter is the building's noise with its
autocorrelation, weather and weekdays, and no formula has to guess it. A trial shows an effect that
is as large as the half-width of its interval and 0.84 standard deviations of its estimate in four
runs of five.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bms.model.savings.trial_result import Bounds, DetectableEffect, Subject
from bms.savings.trials.analysis import Allocations, analyse
from bms.savings.trials.daily_values import DailyRecord, Expectation, learn_expectation
from bms.savings.trials.effect import CONFIDENCE
from bms.savings.trials.random_allocation import (
    TooFewBlocks,
    TrialLayout,
    allocate,
    layout,
    possible_allocations,
)

WEEKS = (3, 4, 6, 8, 10, 12, 16, 20, 26)
POWER_Z = 0.8416
"""Quantile of the normal distribution at 80 %."""
WINDOWS = 8
"""Stretches of the past that are tried [1]."""
TRIES = 6
"""Draws for each of them [1]."""
DRAWS = 199
SEASON_DAYS = 75
"""How far from the season of the trial a stretch of the past may begin [d]; beyond it the noise is
another one."""
YEAR_DAYS = 365
FEWEST_WINDOWS = 2


@dataclass(frozen=True, slots=True)
class BlockDesign:
    """How a trial is cut into blocks [d]."""

    block_days: int
    washout_days: int

    @property
    def refusal(self) -> str | None:
        """Why these blocks make no trial; None where they do."""
        if 0 <= self.washout_days < self.block_days:
            return None
        return (
            f"blocks of {self.block_days} days leave nothing to analyse after "
            f"{self.washout_days} days of wash-out; take longer blocks"
        )


def detectable_effects(
    record: DailyRecord,
    design: BlockDesign,
    start: int,
    weeks: tuple[int, ...] = WEEKS,
    *,
    confidence: float = CONFIDENCE,
) -> tuple[DetectableEffect, ...]:
    """The least effect that is shown four times of five by trials that begin at the place
    ``start`` of the record, from its days before that place."""
    past = record_until(record, start)
    expectation = learn_expectation(past, len(past))
    return tuple(_one(past, expectation, design, each, confidence) for each in weeks)


def record_until(record: DailyRecord, end: int) -> DailyRecord:
    """The days of a record before the place ``end``."""
    here = slice(0, end)
    return DailyRecord(
        record.subject, record.first, record.value[here], record.temp_c[here], record.rest[here]
    )


@dataclass(frozen=True, slots=True)
class WeeksRange:
    """How many weeks a trial has to run: with the usual noise of the building, and with that of
    the worse stretches of its past. None where none of the lengths does."""

    usual: int | None
    at_most: int | None


def weeks_for(found: tuple[DetectableEffect, ...], share: float) -> WeeksRange:
    """The fewest weeks that show an effect of ``share``. The longer end is what to plan."""
    usual = [row.weeks for row in found if row.share is not None and row.share <= share]
    sure = [row.weeks for row in found if row.share_high is not None and row.share_high <= share]
    return WeeksRange(min(usual, default=None), min(sure, default=None))


def _one(
    past: DailyRecord, expectation: Expectation, design: BlockDesign, weeks: int, confidence: float
) -> DetectableEffect:
    days = weeks * 7
    by_window = [
        list(_tries(past, expectation, design, at, days, confidence))
        for at in _windows(len(past), days)
    ]
    found = [each for window in by_window for each in window]
    usual, high = _least([[bounds for bounds, _ in window] for window in by_window])
    level = float(np.mean([mean for _, mean in found])) if found else 0.0
    takes_share = past.subject is not Subject.COMFORT and level > 0
    return DetectableEffect(
        subject=past.subject,
        weeks=weeks,
        block_days=design.block_days,
        blocks=days // design.block_days,
        share=usual / level if usual is not None and takes_share else None,
        share_high=high / level if high is not None and takes_share else None,
        per_day=usual,
    )


def _windows(length: int, days: int) -> list[int]:
    """Where stretches of ``days`` begin in the past, near the season of its end; else anywhere in
    its last year."""
    latest = length - days
    starts = np.arange(latest, max(latest - YEAR_DAYS, -1), -7)
    away = np.abs((starts - length + YEAR_DAYS / 2) % YEAR_DAYS - YEAR_DAYS / 2)
    near = starts[away <= SEASON_DAYS]
    chosen = near if len(near) >= FEWEST_WINDOWS else starts
    if len(chosen) <= WINDOWS:
        return [int(at) for at in chosen]
    places = np.linspace(0, len(chosen) - 1, WINDOWS).round().astype(int)
    return [int(at) for at in chosen[places]]


def _tries(
    past: DailyRecord,
    expectation: Expectation,
    design: BlockDesign,
    at: int,
    days: int,
    confidence: float,
) -> Iterator[tuple[Bounds, float]]:
    layout = window_layout(past, design, at, days)
    if layout is None:
        return
    draws = possible_allocations(layout, allocate(layout, at).limit, at, DRAWS)
    for i in range(TRIES):
        made = Allocations(layout, draws[i], draws)
        analysed = analyse(past, expectation, made, at, at + days, confidence=confidence)
        if analysed is not None:
            yield analysed.saving, analysed.mean_own


def window_layout(past: DailyRecord, design: BlockDesign, at: int, days: int) -> TrialLayout | None:
    """The layout of a trial that might have begun at a place of the past; None where its weather
    is not known or it has too few blocks."""
    here = slice(at, at + days)
    temp = past.temp_c[here]
    known = np.isfinite(temp)
    if known.mean() < 0.5:
        return None
    filled = np.where(known, temp, temp[known].mean())
    try:
        return layout(
            filled.tolist(), past.rest[here].tolist(), design.block_days, design.washout_days
        )
    except TooFewBlocks:
        return None


def _least(windows: list[list[Bounds]]) -> tuple[float | None, float | None]:
    """The least effect with the median half-width, and with that of the worse quarter of the
    stretches and a scatter as large as so few estimates allow (one standard error more)."""
    half = [float(np.median(widths)) for each in windows if (widths := _halves(each))]
    if len(half) < FEWEST_WINDOWS or sum(map(len, windows)) < FEWEST_WINDOWS * TRIES:
        return None, None
    values = [bounds.value for each in windows for bounds in each]
    scatter = float(np.std(values))
    wide = scatter * (1.0 + 1.0 / np.sqrt(2.0 * len(values)))
    usual = float(np.median(half)) + POWER_Z * scatter
    return usual, max(float(np.quantile(half, 0.75)) + POWER_Z * wide, usual)


def _halves(found: list[Bounds]) -> list[float]:
    return [
        (bounds.high - bounds.low) / 2.0
        for bounds in found
        if bounds.low is not None and bounds.high is not None
    ]
