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

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import stdtrit

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
        noise = np.clip(rho, 0.0, HIGHEST_RHO) ** np.abs(day[:, None] - day[None, :])
        inverse = np.linalg.inv(noise)
        weighted = inverse @ covariates
        fit = np.linalg.pinv(covariates.T @ weighted) @ weighted.T
        whitener = np.linalg.inv(np.linalg.cholesky(noise))
        return cls(day, block, value, covariates, inverse - weighted @ fit, whitener)


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


def by_regression(observed: ObservedDays, effect: Floats, made: Flags) -> Regression | None:
    """The estimate with the cluster-robust error CR2 over blocks, and Satterthwaite's degrees of
    freedom (Bell & McCaffrey 2002; Pustejovsky & Tipton 2018, doi:10.1080/07350015.2016.1247004),
    after the days were decorrelated. None where the days do not say."""
    arm = observed.whitener @ made[observed.block].astype(np.float64)
    covariates = observed.whitener @ observed.covariates
    score = arm - covariates @ np.linalg.lstsq(covariates, arm, rcond=None)[0]
    slope = float(score @ (observed.whitener @ effect))
    numbers, block = np.unique(observed.block, return_inverse=True)
    if slope <= 1e-12 or len(numbers) < 3:
        return None
    theta = -float(score @ (observed.whitener @ observed.value)) / slope
    full = np.column_stack((covariates, arm))
    residual = np.eye(len(arm)) - full @ np.linalg.pinv(full)
    left = residual @ (observed.whitener @ (observed.value + theta * effect))
    adjusted = _adjusted(residual, score, block, len(numbers))
    spread = residual @ adjusted
    gram = spread.T @ spread
    freedom = float(np.trace(gram)) ** 2 / float((gram**2).sum())
    error = float(np.sqrt(((adjusted.T @ left) ** 2).sum())) / slope
    return Regression(theta, error, max(freedom, 1.0))


def interval_of(found: Regression | None, confidence: float = CONFIDENCE) -> Bounds:
    """The interval of a regression by Student's t distribution."""
    if found is None:
        return UNBOUNDED
    half = float(stdtrit(found.freedom, 0.5 + confidence / 2.0)) * found.error
    return Bounds(found.value, found.value - half, found.value + half)


def _adjusted(residual: Floats, score: Floats, block: NDArray[np.int64], count: int) -> Floats:
    """The scores of each block times the inverse root of its part of the residual maker: the
    adjustment CR2, shape (n, blocks)."""
    adjusted = np.zeros((len(score), count))
    for number in range(count):
        here = np.flatnonzero(block == number)
        values, vectors = np.linalg.eigh(residual[np.ix_(here, here)])
        root = np.where(values > 1e-8, 1.0 / np.sqrt(np.maximum(values, 1e-8)), 0.0)
        adjusted[here, number] = vectors @ (root * (vectors.T @ score[here]))
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


def pooled_share(found: Sequence[Regression], confidence: float = CONFIDENCE) -> Bounds | None:
    """The share that the buildings saved together, from their estimates of θ; None for fewer than
    two."""
    return as_share(hartung_knapp(found, confidence)) if len(found) >= 2 else None


def hartung_knapp(found: Sequence[Regression], confidence: float = CONFIDENCE) -> Bounds:
    """The mean of unlike buildings of two or more, with the interval of Hartung & Knapp 2001
    (doi:10.1002/sim.791): weights by the variance within and between buildings (Paule & Mandel
    1982), Student's t with k - 1 degrees of freedom. It is never narrower than from the weights
    alone (Rover, Knapp & Friede 2015, doi:10.1186/s12874-015-0091-1)."""
    values = np.array([each.value for each in found])
    variance = np.array([max(each.error, 1e-9) ** 2 for each in found])
    weight = 1.0 / (variance + _between(values, variance))
    mean = float((weight * values).sum() / weight.sum())
    scatter = float((weight * (values - mean) ** 2).sum()) / (len(values) - 1)
    error = float(np.sqrt(max(scatter, 1.0) / weight.sum()))
    half = float(stdtrit(len(values) - 1, 0.5 + confidence / 2.0)) * error
    return Bounds(mean, mean - half, mean + half)


def _between(values: Floats, variance: Floats) -> float:
    """The variance between buildings at which they scatter as much as they should; 0 where they
    scatter less."""

    def excess(between: float) -> float:
        weight = 1.0 / (variance + between)
        mean = (weight * values).sum() / weight.sum()
        return float((weight * (values - mean) ** 2).sum()) - (len(values) - 1)

    highest = float(np.var(values)) * len(values) + 1e-12
    if excess(0.0) <= 0.0 or excess(highest) >= 0.0:
        return 0.0 if excess(0.0) <= 0.0 else highest
    return float(brentq(excess, 0.0, highest))
