"""One effect of several buildings: their trials side by side.

- By lot: the sum of the buildings' scores, each weighted with what it knows; draws are independent
  between buildings, so the sum over independent draws is what might have been (stratified
  randomisation test; Imbens & Rubin 2015, chapter 9).
- By regression: the mean weighted by inverse variance, with the variance between buildings added
  (DerSimonian & Laird 1986, doi:10.1016/0197-2456(86)90046-2).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

from bms.model.savings.trial import Bounds
from bms.savings.trials.effect import CONFIDENCE, UNBOUNDED, Scores, as_share, by_lot, hull


def pool(
    found: Sequence[Scores], regressions: Sequence[Bounds], confidence: float = CONFIDENCE
) -> Bounds | None:
    """The share that the buildings saved together, from their scores and intervals of θ; None for
    fewer than two."""
    if len(found) < 2:
        return None
    together = hull(by_lot(pooled_scores(found), confidence), inverse_variance(regressions))
    return as_share(together)


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
