"""The effect of a switchback trial: one linear score, by regression and by randomisation.

Of the days that are used, ``y`` is regressed on covariates ``X`` (expected use in the weather of
the day, rest days, a trend) by generalised least squares with autocorrelated noise V, and on the
arm. With M = V⁻¹ - V⁻¹X(X'V⁻¹X)⁻¹X'V⁻¹ the score of a draw d (1 on our days) is
S(θ) = d'M(y + θh) / √(d'Md), where y + θh is what own control would have used: on our days h is 1
for a saving of θ a day, and y for a share δ = θ/(1 + θ) of the use. So S = a + θb: the estimate is
-a/b, and every interval is in closed form.

- Regression: the variance of d'M(y + θh) from its sums over blocks, cluster-robust with the
  small-sample adjustment CR2, and Student's t with Satterthwaite's degrees of freedom.
- Randomisation inference (Imbens & Rubin 2015, chapter 5): θ is in the interval as long as the
  score of the draw that was made is not among the most extreme of those that might have been made.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from bms.model.readings.series import Floats
from bms.model.savings.trial_result import Bounds, Regression

CONFIDENCE = 0.90
HIGHEST_RHO = 0.9
ROUNDING = 1e-9
"""Scores that differ by less than this share of theirs [1] are the same."""

Flags = NDArray[np.bool_]
UNBOUNDED = Bounds(0.0, None, None)


@dataclass(frozen=True, slots=True, eq=False)
class ObservedDays:
    """The days that are used, shapes (n,): their number since the first day, block and value.

    ``covariates`` X is (n, k) with a constant, ``weights`` M of the module's text (n, n), and
    ``fitted`` (n, n) gives what X explains of a vector.
    """

    day: NDArray[np.int64]
    block: NDArray[np.int64]
    value: Floats
    covariates: Floats
    weights: Floats
    whitener: Floats

    @classmethod
    def of(
        cls,
        day: NDArray[np.int64],
        block: NDArray[np.int64],
        value: Floats,
        covariates: Floats,
        rho: float,
    ) -> ObservedDays:
        """``rho`` is the autocorrelation of the noise from one day to the next, 0..1."""
        whitener = _whitener(day, float(np.clip(rho, 0.0, HIGHEST_RHO)))
        inverse = whitener.T @ whitener
        weighted = inverse @ covariates
        fit = np.linalg.pinv(covariates.T @ weighted) @ weighted.T
        return cls(day, block, value, covariates, inverse - weighted @ fit, whitener)


def _whitener(day: NDArray[np.int64], rho: float) -> Floats:
    """Returns W (n, n) with WᵀW the inverse of the noise's correlations ρ^|i - j|: each day less
    what the day before tells of it, over the scatter that is left."""
    told = rho ** np.diff(day)
    left = 1.0 / np.sqrt(1.0 - told**2)
    white = np.diag(np.concatenate(([1.0], left))[: len(day)])
    after = np.arange(1, len(day))
    white[after, after - 1] = -told * left
    return white


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """S = a + θb of the draw that was made, and of the others, shapes (r,)."""

    a: float
    b: float
    others_a: Floats
    others_b: Floats

    @property
    def estimate(self) -> float | None:
        """The θ that leaves no effect; None where the data do not say."""
        return -self.a / self.b if self.b > 1e-12 else None


def absolute_effect(observed: ObservedDays, made: Flags) -> Floats:
    """h of the module's text for a saving of so much a day, shape (n,)."""
    return made[observed.block].astype(np.float64)


def relative_effect(observed: ObservedDays, made: Flags) -> Floats:
    """h of the module's text for a share of the use, shape (n,)."""
    return np.where(made[observed.block], observed.value, 0.0)


def scores(observed: ObservedDays, effect: Floats, made: Flags, draws: Flags) -> Scores:
    """``effect`` is h (n,); ``made`` (blocks,) the draw that was made, ``draws`` (r, blocks)."""
    arms = np.vstack((made, draws))[:, observed.block].astype(np.float64)
    turned = arms @ observed.weights
    length = np.sqrt(np.maximum(np.einsum("rn,rn->r", turned, arms), 1e-30))
    a, b = turned @ observed.value / length, turned @ effect / length
    return Scores(float(a[0]), float(b[0]), a[1:], b[1:])


def by_randomisation(found: Scores, confidence: float = CONFIDENCE) -> Bounds:
    """The interval by inversion of the randomisation test; an end is open where no θ is refused."""
    estimate = found.estimate
    if estimate is None:
        return UNBOUNDED
    with np.errstate(divide="ignore", invalid="ignore"):
        first = -(found.others_a - found.a) / (found.others_b - found.b)
        second = -(found.others_a + found.a) / (found.others_b + found.b)
    low, high = np.minimum(first, second), np.maximum(first, second)
    # As extreme however large the effect, as is the draw with the arms exchanged, whose b is -b but
    # for rounding.
    always = np.abs(found.others_b) >= found.b * (1.0 - ROUNDING)
    low[always], high[always] = -np.inf, np.inf
    return Bounds(estimate, _end(low, -1.0, confidence), _end(high, 1.0, confidence))


def _end(ends: Floats, side: float, confidence: float) -> float | None:
    """The last θ whose p-value is above 1 - confidence."""
    needed = int(np.floor((1.0 - confidence) * (len(ends) + 1) + 1e-9))
    if needed < 1:
        return None
    end = float(side * np.sort(side * ends)[-needed])
    return end if np.isfinite(end) else None


def p_value(found: Scores, theta: float = 0.0) -> float:
    """How often a draw is as extreme as the one that was made, were the effect ``theta``."""
    made = abs(found.a + theta * found.b)
    alike = np.abs(found.others_a + theta * found.others_b) >= made - ROUNDING * max(made, 1e-9)
    return float((1 + alike.sum()) / (1 + len(alike)))


@dataclass(frozen=True, slots=True, eq=False)
class BlockErrors:
    """What the errors of a draw by blocks need, whatever is estimated: the decorrelated ``score``
    (n,), the residual maker (n, n), the ``adjusted`` scores of each block (n, blocks) and the
    degrees of ``freedom``."""

    score: Floats
    residual: Floats
    adjusted: Floats
    freedom: float


def block_errors(
    observed: ObservedDays, column: Floats, beside: Floats | None = None
) -> BlockErrors | None:
    """What the errors of the coefficient of a ``column`` (n,) need, with the columns ``beside`` it
    (n, k), by default the covariates; None for fewer than three blocks.

    The adjustment CR2 over blocks and Satterthwaite's degrees of freedom (Bell & McCaffrey 2002;
    Pustejovsky & Tipton 2018, doi:10.1080/07350015.2016.1247004), after the days were decorrelated.
    """
    numbers, block = np.unique(observed.block, return_inverse=True)
    if len(numbers) < 3:
        return None
    arm = observed.whitener @ column
    covariates = observed.whitener @ (observed.covariates if beside is None else beside)
    score = arm - covariates @ np.linalg.lstsq(covariates, arm, rcond=None)[0]
    full = np.column_stack((covariates, arm))
    residual = np.eye(len(arm)) - full @ np.linalg.pinv(full)
    adjusted = _adjusted(residual, score, block, len(numbers))
    spread = residual @ adjusted
    gram = spread.T @ spread
    square = float((gram**2).sum())
    freedom = float(np.trace(gram)) ** 2 / square if square > 0 else 1.0
    return BlockErrors(score, residual, adjusted, max(freedom, 1.0))


def by_regression(
    observed: ObservedDays, effect: Floats, errors: BlockErrors | None
) -> Regression | None:
    """The estimate of θ with its cluster-robust error; None where the days do not say."""
    if errors is None:
        return None
    slope = float(errors.score @ (observed.whitener @ effect))
    if slope <= 1e-12:
        return None
    theta = -float(errors.score @ (observed.whitener @ observed.value)) / slope
    left = errors.residual @ (observed.whitener @ (observed.value + theta * effect))
    error = float(np.sqrt(((errors.adjusted.T @ left) ** 2).sum())) / slope
    return Regression(theta, error, errors.freedom)


def carry_over_p(observed: ObservedDays, made: Flags) -> float | None:
    """The p-value of no carry-over beyond the wash-out: the first days that are analysed after a
    switch against the later ones, by regression. None where no block has two such days."""
    before = np.concatenate((made[:1], made[:-1])).astype(np.float64)
    switched = made.astype(np.float64) - before
    first = np.concatenate(([True], observed.block[1:] != observed.block[:-1]))
    late = np.where(first, switched[observed.block], 0.0)
    if not late.any() or len(np.unique(observed.block)) == len(observed.block):
        return None
    arm = made[observed.block].astype(np.float64)
    beside = np.column_stack((observed.covariates, arm))
    found = by_regression(observed, late, block_errors(observed, late, beside))
    if found is None or found.error <= 0:
        return None
    return float(2.0 * stdtr(found.freedom, -abs(found.value) / found.error))


def interval_of(found: Regression | None, confidence: float = CONFIDENCE) -> Bounds:
    """The interval of a regression by Student's t distribution."""
    if found is None:
        return UNBOUNDED
    half = float(stdtrit(found.freedom, 0.5 + confidence / 2.0)) * found.error
    return Bounds(found.value, found.value - half, found.value + half)


def _adjusted(residual: Floats, score: Floats, block: NDArray[np.int64], count: int) -> Floats:
    """The scores of each block times the inverse root of its part of the residual maker, shape
    (n, blocks). Blocks are padded to one size, so that all roots are taken at once."""
    sizes = np.bincount(block, minlength=count)
    place = np.arange(len(block)) - np.concatenate(([0], np.cumsum(sizes)))[block]
    most = int(sizes.max())
    parts = np.tile(np.eye(most), (count, 1, 1))
    same = block[:, None] == block[None, :]
    i, j = np.nonzero(same)
    parts[block[i], place[i], place[j]] = residual[i, j]
    scores_by_block = np.zeros((count, most))
    scores_by_block[block, place] = score
    values, vectors = np.linalg.eigh(parts)
    root = np.where(values > 1e-8, 1.0 / np.sqrt(np.maximum(values, 1e-8)), 0.0)
    turned = np.einsum("gij,gi->gj", vectors, scores_by_block) * root
    back = np.einsum("gij,gj->gi", vectors, turned)
    adjusted = np.zeros((len(score), count))
    adjusted[np.arange(len(score)), block] = back[block, place]
    return adjusted


def as_share(theta: Bounds) -> Bounds:
    """The share of use δ = θ/(1 + θ) of an interval of θ; -1 < θ."""

    def share(value: float | None) -> float | None:
        return None if value is None or value <= -1.0 else value / (1.0 + value)

    return Bounds(share(theta.value) or 0.0, share(theta.low), share(theta.high))


def hull(one: Bounds, other: Bounds) -> Bounds:
    """The interval that holds both, around the estimate of the first: both have to agree."""
    lows, highs = (one.low, other.low), (one.high, other.high)
    return Bounds(
        one.value,
        None if None in lows else min(low for low in lows if low is not None),
        None if None in highs else max(high for high in highs if high is not None),
    )
