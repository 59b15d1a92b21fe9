"""The effect of a switchback trial: one linear score, told by regression and by lot.

Of the days that are used, ``y`` is regressed on covariates ``X`` (expected use in the weather of
the day, rest days, a trend) by generalised least squares with autocorrelated noise, and on the arm.
With M = V⁻¹ − V⁻¹X(X'V⁻¹X)⁻¹X'V⁻¹ the score of a draw d is S(θ) = d'M(y + θh) / √(d'Md), where y + θh
is what own control would have used: h is 1 on our days for a saving θ a day, and y on our days for
a share (then θ = δ/(1 − δ)). So S = a + θb: the estimate is −a/b, and every interval is in closed
form.

- Regression: the variance of d'M(y + θ̂h) from its sums over blocks (cluster-robust; Liang & Zeger
  1986, doi:10.1093/biomet/73.1.13), Student's t with the number of blocks less two.
- Lot (randomisation inference; Imbens & Rubin 2015, chapter 5): θ is in the interval as long as the
  score of the draw that was made is not among the most extreme of those that might have been made.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from bms.model.series import Floats
from bms.model.trial import Bounds

CONFIDENCE = 0.90
DRAWS = 999
"""Draws that might have been made instead [1]."""
HIGHEST_RHO = 0.9

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """The days that are used, shapes (n,): their number since the first day, block and value.

    ``covariates`` is (n, k) with a constant; ``dose`` is how much of the effect a day can show
    (1, or the expected use over its mean); ``rho`` the autocorrelation from one day to the next.
    """

    day: NDArray[np.int64]
    block: NDArray[np.int64]
    value: Floats
    covariates: Floats
    dose: Floats
    rho: float


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """S = a + θb of the draw that was made, and of the others, shapes (r,)."""

    a: float
    b: float
    others_a: Floats
    others_b: Floats

    @property
    def estimate(self) -> float:
        """The θ of no effect left; NaN where the data do not tell."""
        return -self.a / self.b if self.b > 0 else float("nan")


def annihilator(seen: Observed, scale: Floats | None = None) -> Floats:
    """M of the module's text, shape (n, n). ``scale`` (n,) is the noise of each day."""
    apart = np.abs(seen.day[:, None] - seen.day[None, :])
    noise = np.clip(seen.rho, 0.0, HIGHEST_RHO) ** apart
    if scale is not None:
        noise = noise * scale[:, None] * scale[None, :]
    inverse = np.linalg.inv(noise)
    weighted = inverse @ seen.covariates
    return inverse - weighted @ np.linalg.pinv(seen.covariates.T @ weighted) @ weighted.T


def scores(seen: Observed, m: Floats, effect: Floats, made: Flags, draws: Flags) -> Scores:
    """``effect`` is h (n,); ``made`` (blocks,) the draw that was made, ``draws`` (r, blocks)."""
    arms = np.vstack((made, draws))[:, seen.block] * seen.dose
    turned = arms @ m
    length = np.sqrt(np.maximum(np.einsum("rn,rn->r", turned, arms), 1e-30))
    a, b = turned @ seen.value / length, turned @ effect / length
    return Scores(float(a[0]), float(b[0]), a[1:], b[1:])


def by_lot(found: Scores, confidence: float = CONFIDENCE) -> Bounds:
    """The interval by inversion of the randomisation test; an open end where no θ is refused."""
    estimate = found.estimate
    if not np.isfinite(estimate):
        return Bounds(0.0, None, None)
    first, second = _turning(found)
    low, high = np.minimum(first, second), np.maximum(first, second)
    stays = np.abs(found.others_b) >= found.b  # never less extreme, however large the effect
    low[stays], high[stays] = -np.inf, np.inf
    return Bounds(estimate, _end(low, -1.0, confidence), _end(high, 1.0, confidence))


def _turning(found: Scores) -> tuple[Floats, Floats]:
    """Where a draw's score is as extreme as that of the draw that was made."""
    with np.errstate(divide="ignore", invalid="ignore"):
        first = -(found.others_a - found.a) / (found.others_b - found.b)
        second = -(found.others_a + found.a) / (found.others_b + found.b)
    return first, second


def _end(ends: Floats, side: float, confidence: float) -> float | None:
    """The θ beyond which fewer than 1 - confidence of the draws are as extreme."""
    needed = int(np.ceil((1.0 - confidence) * (len(ends) + 1) - 1e-9)) - 1
    if needed < 1:
        return None
    end = float(side * np.sort(side * ends)[-needed])
    return end if np.isfinite(end) else None


def p_value(found: Scores, theta: float = 0.0) -> float:
    """How often a draw is as extreme as the one that was made, were the effect ``theta``."""
    made = abs(found.a + theta * found.b)
    alike = np.abs(found.others_a + theta * found.others_b) >= made - 1e-12
    return float((1 + alike.sum()) / (1 + len(alike)))


def by_regression(
    seen: Observed, m: Floats, effect: Floats, made: Flags, confidence: float = CONFIDENCE
) -> Bounds:
    """The cluster-robust interval of θ."""
    arm = made[seen.block] * seen.dose
    score = m @ arm
    slope = float(score @ effect)
    if slope <= 1e-12:
        return Bounds(0.0, None, None)
    estimate = -float(score @ seen.value) / slope
    free = seen.value + estimate * effect
    left = free - _fitted(seen, m, free)
    sums = np.bincount(seen.block, weights=score * left)
    blocks = len(np.unique(seen.block))
    n, k = seen.covariates.shape
    grown = blocks / (blocks - 1) * (n - 1) / max(n - k - 1, 1)
    error = float(np.sqrt(grown * (sums**2).sum())) / slope
    half = float(stdtrit(max(blocks - 2, 1), 0.5 + confidence / 2.0)) * error
    return Bounds(estimate, estimate - half, estimate + half)


def _fitted(seen: Observed, m: Floats, y: Floats) -> Floats:
    """What the covariates explain of ``y`` by generalised least squares."""
    noise = np.clip(seen.rho, 0.0, HIGHEST_RHO) ** np.abs(seen.day[:, None] - seen.day[None, :])
    inverse = np.linalg.inv(noise)
    weighted = inverse @ seen.covariates
    beta = np.linalg.pinv(seen.covariates.T @ weighted) @ weighted.T @ y
    return np.asarray(seen.covariates @ beta)
