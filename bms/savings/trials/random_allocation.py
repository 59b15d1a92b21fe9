"""The random allocation of a switchback trial: balanced draws of blocks, and their set.

Half of the blocks get each arm. A draw whose arms differ too much in outdoor temperature, rest days
or position in time is drawn again: rerandomisation by the Mahalanobis distance of the means (Morgan
& Rubin 2012, doi:10.1214/12-AOS1008). The limit is the ``ACCEPT`` quantile of that distance, so it
is known how many draws might have been made instead, and the analysis draws from the same set.
Blocks rather than days, with a wash-out, because a building remembers (switchback design: Bojinov,
Simchi-Levi & Zhao 2023, doi:10.1287/mnsc.2022.4583).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from bms.model.readings.series import Floats
from bms.model.savings.trial import Trial
from bms.model.savings.trial_result import Arm

ACCEPT = 0.1
"""Share of draws that are balanced enough [1]."""
FEWEST_LEFT = 200
"""So many different draws [1] are left at least, where there are so many: with few left, no effect
could be told from chance."""
CANDIDATES = 4000
"""Draws from which the limit is taken [1]."""
PATIENCE = 200
"""Rounds of ``CANDIDATES`` [1]; a tenth of each is good, so a few of them do."""
FEWEST_BLOCKS = 6
"""With fewer blocks [1] the smallest possible p-value is above 0.05."""

Flags = NDArray[np.bool_]


class TooFewBlocks(ValueError):
    """A trial so short that no allocation can show anything."""


@dataclass(frozen=True, slots=True, eq=False)
class TrialLayout:
    """Blocks of days and what is known of the days before the draw; ``traits`` (days, k).

    ``used`` marks the days that are analysed: not the wash-out at the start of each block.
    """

    blocks: int
    block_days: int
    used: Flags
    traits: Floats

    @property
    def block_of(self) -> NDArray[np.int64]:
        """Block of every day, shape (days,)."""
        return np.repeat(np.arange(self.blocks), self.block_days)


@dataclass(frozen=True, slots=True, eq=False)
class Allocation:
    """A draw: ``optimised`` (blocks,), its ``imbalance`` and the ``limit`` of those that count."""

    optimised: Flags
    imbalance: float
    limit: float


def layout(
    temp_c: Sequence[float], rest: Sequence[bool], block_days: int, washout_days: int
) -> TrialLayout:
    """The layout of whole blocks of days with these temperatures [degC] and kinds.

    Raises ``TooFewBlocks``, and ``ValueError`` where the wash-out leaves no day of a block.
    """
    if not 0 <= washout_days < block_days:
        raise ValueError(
            f"blocks of {block_days} days leave nothing to analyse after {washout_days} days of "
            "wash-out; take longer blocks"
        )
    days = len(temp_c)
    blocks = days // block_days
    if blocks < FEWEST_BLOCKS:
        raise TooFewBlocks(
            f"{days} days give {blocks} blocks of {block_days} days; at least {FEWEST_BLOCKS} are "
            "needed: take more weeks or shorter blocks"
        )
    day = np.arange(blocks * block_days)
    traits = np.column_stack(
        (np.asarray(temp_c)[day], np.asarray(rest, dtype=np.float64)[day], day.astype(np.float64))
    )
    return TrialLayout(blocks, block_days, day % block_days >= washout_days, traits)


def allocate(trial_layout: TrialLayout, seed: int) -> Allocation:
    """A balanced draw; the same seed gives the same one."""
    rng = np.random.default_rng(seed)
    candidates = _halves(trial_layout.blocks, CANDIDATES, rng)
    distance = imbalance(trial_layout, candidates)
    left = max(ACCEPT, min(1.0, FEWEST_LEFT / comb(trial_layout.blocks, trial_layout.blocks // 2)))
    limit = float(np.quantile(distance, left))
    first = int(np.argmax(distance <= limit))
    return Allocation(candidates[first], float(distance[first]), limit)


def possible_allocations(trial_layout: TrialLayout, limit: float, seed: int, count: int) -> Flags:
    """``count`` draws that might have been made instead, shape (count, blocks).

    Raises ``ValueError`` for a limit that hardly any draw keeps.
    """
    rng = np.random.default_rng((seed, 1))
    found: list[Flags] = []
    for _ in range(PATIENCE):
        candidates = _halves(trial_layout.blocks, CANDIDATES, rng)
        found.append(candidates[imbalance(trial_layout, candidates) <= limit])
        if sum(map(len, found)) >= count:
            return np.concatenate(found)[:count]
    raise ValueError(
        f"hardly any draw is as balanced as {limit:g}; the trial's record is not whole"
    )


def imbalance(trial_layout: TrialLayout, draws: Flags) -> Floats:
    """Mahalanobis distance of the arms' means of the traits over the days that are used, (draws,).

    Scaled so that it does not depend on the number of days; 0 is perfect balance.
    """
    used = trial_layout.traits[trial_layout.used]
    spread = used.std(axis=0)
    scaled = (trial_layout.traits - used.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    scaled[~trial_layout.used] = 0.0
    shape = (trial_layout.blocks, trial_layout.block_days)
    sums = scaled.reshape(*shape, -1).sum(axis=1)
    counts = trial_layout.used.reshape(shape).sum(axis=1).astype(np.float64)
    ours = draws.astype(np.float64)
    theirs = 1.0 - ours
    apart = ours @ sums / (ours @ counts)[:, None] - theirs @ sums / (theirs @ counts)[:, None]
    correlation = scaled[trial_layout.used].T @ scaled[trial_layout.used] / trial_layout.used.sum()
    distance: Floats = np.einsum("rk,kl,rl->r", apart, np.linalg.pinv(correlation), apart)
    return distance


def arms_of(allocation: Allocation) -> tuple[Arm, ...]:
    """The draw as arms, block by block."""
    return tuple(Arm.OPTIMISED if ours else Arm.OWN_CONTROL for ours in allocation.optimised)


def layout_of(trial: Trial) -> TrialLayout:
    """The layout that a trial was drawn on."""
    return layout(trial.temp_c, trial.rest, trial.block_days, trial.washout_days)


def allocation_of(trial: Trial) -> Allocation:
    """The draw of a trial."""
    optimised = np.array([arm is Arm.OPTIMISED for arm in trial.arms], dtype=np.bool_)
    return Allocation(optimised, trial.imbalance, trial.limit)


def _halves(blocks: int, count: int, rng: np.random.Generator) -> Flags:
    """Draws with half of the blocks in each arm; of an odd number one more in either."""
    more = rng.integers(0, 2, count) if blocks % 2 else np.zeros(count, dtype=np.int64)
    order = rng.random((count, blocks)).argsort(axis=1)
    halves = np.zeros((count, blocks), dtype=np.bool_)
    ours = np.arange(blocks) < (blocks // 2 + more)[:, None]
    np.put_along_axis(halves, order, ours, axis=1)
    return halves
