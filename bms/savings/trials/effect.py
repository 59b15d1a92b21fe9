"""The effect of a switchback trial: one linear score, by regression and by randomisation.

Of the days that are used, ``y`` is regressed on covariates ``X`` (expected use in the weather of
the day, rest days, a trend) by generalised least squares with autocorrelated noise V, and on the
arm. With M = V⁻¹ - V⁻¹X(X'V⁻¹X)⁻¹X'V⁻¹ the score of a draw d (1 on our days) is
S(θ) = d'M(y + θh) / √(d'Md), where y + θh is what own control would have used: on our days h is 1
for a saving of θ a day, and y for a share δ = θ/(1 + θ) of the use. So S = a + θb: the estimate is
-a/b, and every interval is in closed form.

- Regression: the variance of d'M(y + θh) from its sums over blocks (cluster-robust; Liang & Zeger
  1986, doi:10.1093/biomet/73.1.13), Student's t with the number of blocks less two.
- Randomisation inference (Imbens & Rubin 2015, chapter 5): θ is in the interval as long as the
  score of the draw that was made is not among the most extreme of those that might have been made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from bms.model.readings.series import Floats
from bms.model.savings.trial import Bounds

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
    fitted: Floats

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
        noise = np.clip(rho, 0.0, HIGHEST_RHO) ** np.abs(day[:, None] - day[None, :])
        inverse = np.linalg.inv(noise)
        weighted = inverse @ covariates
        fit = np.linalg.pinv(covariates.T @ weighted) @ weighted.T
        return cls(day, block, value, covariates, inverse - weighted @ fit, covariates @ fit)


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


def by_regression(
    observed: ObservedDays, effect: Floats, made: Flags, confidence: float = CONFIDENCE
) -> Bounds:
    """The cluster-robust interval of θ."""
    score = observed.weights @ made[observed.block].astype(np.float64)
    slope = float(score @ effect)
    blocks = len(np.unique(observed.block))
    n, k = observed.covariates.shape
    if slope <= 1e-12 or blocks < 3:
        return UNBOUNDED
    estimate = -float(score @ observed.value) / slope
    free = observed.value + estimate * effect
    sums = np.bincount(observed.block, weights=score * (free - observed.fitted @ free))
    grown = blocks / (blocks - 1) * (n - 1) / max(n - k - 1, 1)
    error = float(np.sqrt(grown * (sums**2).sum())) / slope
    half = float(stdtrit(blocks - 2, 0.5 + confidence / 2.0)) * error
    return Bounds(estimate, estimate - half, estimate + half)


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


def pooled_share(
    found: Sequence[Scores], regressions: Sequence[Bounds], confidence: float = CONFIDENCE
) -> Bounds | None:
    """The share that the buildings saved together, from their scores and intervals of θ; None for
    fewer than two."""
    if len(found) < 2:
        return None
    pooled = by_randomisation(pooled_scores(found), confidence)
    return as_share(hull(pooled, inverse_variance(regressions)))


def pooled_scores(found: Sequence[Scores]) -> Scores:
    """The weighted sum of the scores. Raises ``ValueError`` for scores of different lengths."""
    weights = [max(each.b, 0.0) / _scatter(each) ** 2 for each in found]
    pairs = list(zip(weights, found, strict=True))
    return Scores(
        sum(w * s.a for w, s in pairs),
        sum(w * s.b for w, s in pairs),
        np.sum([w * s.others_a for w, s in pairs], axis=0),
        np.sum([w * s.others_b for w, s in pairs], axis=0),
    )


def inverse_variance(found: Sequence[Bounds], confidence: float = CONFIDENCE) -> Bounds:
    """The weighted mean of estimates of the same θ with its interval (normal distribution)."""
    z = float(ndtri(0.5 + confidence / 2.0))
    known = [each for each in found if each.low is not None and each.high is not None]
    if len(known) < 2:
        return UNBOUNDED
    values = np.array([each.value for each in known])
    ends = np.array([(each.low, each.high) for each in known], dtype=np.float64)
    variance = np.maximum((ends[:, 1] - ends[:, 0]) / 2.0 / z, 1e-9) ** 2
    weight = 1.0 / variance
    mean = float((weight * values).sum() / weight.sum())
    excess = float((weight * (values - mean) ** 2).sum()) - (len(values) - 1)
    room = float(weight.sum() - (weight**2).sum() / weight.sum())
    weight = 1.0 / (variance + max(excess / room, 0.0))
    mean = float((weight * values).sum() / weight.sum())
    half = z / float(np.sqrt(weight.sum()))
    return Bounds(mean, mean - half, mean + half)


def _scatter(found: Scores) -> float:
    """Standard deviation of the scores were the estimate true."""
    estimate = found.estimate or 0.0
    return max(float(np.std(found.others_a + estimate * found.others_b)), 1e-9)
