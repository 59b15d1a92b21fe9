"""Several buildings together: their mean, with an interval that holds whether they are alike or
not.

By their scatter alone (Hartung & Knapp 2001) the interval covers what it says however unlike they
are, but few that happen to agree scatter less than their own errors allow, and make it absurdly
narrow. One that is also never narrower than that of a common effect (Wiksten, Rücker & Schwarzer
2016, doi:10.1002/sim.6879; Jackson, Law, Rücker & Schwarzer 2017, doi:10.1002/sim.7411) covers 97 %
of two buildings alike. So a pool whose scatter is among the lowest third of those of alike
buildings has the interval of a common effect, at the confidence that leaves alike ones what all
pools cover at most; every other pool that by scatter.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtri, fdtr, ndtr, stdtrit

from bms.model.readings.series import Floats
from bms.model.savings.trial_result import Bounds, Regression
from bms.savings.trials.effect import CONFIDENCE, as_share, interval_of

PRIOR_FREEDOM = 4.0
"""Degrees of freedom [1] that the errors of the other buildings count for."""
AGREEING = 1.0 / 3.0
"""Share [1] of pools of alike buildings that scatter so little that it tells nothing."""
EXCESS = 0.2
"""Share of the misses [1] of alike buildings that the interval of agreeing ones may take away."""
QUANTILES = 2000
"""Points [1] of the distribution of scatters."""


def pooled_share(found: Sequence[Regression], confidence: float = CONFIDENCE) -> Bounds | None:
    """The share that the buildings saved together, from their estimates of θ; None for fewer than
    two."""
    if len(found) < 2:
        return None
    if not agree(found):
        return as_share(hartung_knapp(found, confidence))
    together = common_effect(steadied(found))
    return as_share(interval_of(together, agreeing_confidence(len(found), confidence)))


def agree(found: Sequence[Regression]) -> bool:
    """Whether two or more estimates scatter less than two thirds of those of alike buildings do:
    given that they do, the interval of their pool covers ``agreeing_confidence`` only."""
    pool = steadied(found)
    return _scatters_less(pool, common_effect(pool)) < AGREEING


def _scatters_less(pool: Sequence[Regression], together: Regression) -> float:
    """How many pools [1] of as many alike buildings scatter less than this one."""
    left = np.array([(each.value - together.value) / each.error for each in pool])
    others = len(pool) - 1
    return float(fdtr(others, together.freedom, (left**2).sum() / others))


@cache
def agreeing_confidence(buildings: int, confidence: float = CONFIDENCE) -> float:
    """The confidence of the interval of a common effect where buildings agree, at which pools of
    alike ones cover ``confidence`` and ``EXCESS`` of what is left of it, the others by scatter.

    Of buildings of the same error the scatter is independent of the mean.
    """
    places = (np.arange(QUANTILES) + 0.5) / QUANTILES
    scatter = chdtri(buildings - 1, (1.0 - AGREEING) * places) / (buildings - 1)
    half = stdtrit(buildings - 1, 0.5 + confidence / 2.0) * np.sqrt(scatter)
    by_scatter = (1.0 - AGREEING) * float(np.mean(2.0 * ndtr(half) - 1.0))
    aim = confidence + EXCESS * (1.0 - confidence)
    return (aim - by_scatter) / AGREEING


def steadied(found: Sequence[Regression]) -> list[Regression]:
    """Returns the estimates with the variance of each pulled towards the mean of all, the more the
    fewer degrees of freedom it has: weights by few days are noise themselves, and make an interval
    too narrow (Smyth 2004, doi:10.2202/1544-6115.1027)."""
    mean = float(np.mean([max(each.error, 1e-9) ** 2 for each in found]))

    def pulled(each: Regression) -> float:
        own = each.freedom * max(each.error, 1e-9) ** 2
        return float(np.sqrt((own + PRIOR_FREEDOM * mean) / (each.freedom + PRIOR_FREEDOM)))

    return [Regression(each.value, pulled(each), each.freedom) for each in found]


def common_effect(found: Sequence[Regression]) -> Regression:
    """Returns the mean by inverse variance of estimates of one effect, such as those of several
    trials of one building."""
    weight = np.array([max(each.error, 1e-9) ** -2 for each in found])
    values = np.array([each.value for each in found])
    total = float(weight.sum())
    freedom = float(sum(each.freedom for each in found))
    return Regression(float((weight * values).sum()) / total, total**-0.5, freedom)


def hartung_knapp(found: Sequence[Regression], confidence: float = CONFIDENCE) -> Bounds:
    """The mean of unlike buildings of two or more, with the interval of Hartung & Knapp 2001
    (doi:10.1002/sim.791): weights by the variance within and between buildings (Paule & Mandel
    1982), Student's t with k - 1 degrees of freedom."""
    values = np.array([each.value for each in found])
    variance = np.array([each.error**2 for each in steadied(found)])
    weight = 1.0 / (variance + _between(values, variance))
    mean = float((weight * values).sum() / weight.sum())
    scatter = float((weight * (values - mean) ** 2).sum()) / (len(values) - 1)
    error = float(np.sqrt(scatter / weight.sum()))
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
