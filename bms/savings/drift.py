"""How much buildings change by themselves, learned from meters that nobody treated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

from bms.savings.models.uncertainty import DEFAULT_DRIFT, Z90

Z80 = 1.282
"""Two-sided 80 % quantile of the normal distribution."""
LEAST_PLACEBOS = 15
"""With fewer untreated meters the default drift is used: the eighth decile of few is a guess."""


@dataclass(frozen=True, slots=True)
class Placebo:
    """The "saving" of an untreated meter, and the 90 % half-width of its model alone; both as
    shares of the adjusted baseline."""

    building: str
    saving: float
    model_half_width: float


def learn_drift(placebos: Sequence[Placebo]) -> float:
    """The standard deviation of drift [share of use], learned from untreated meters.

    Model noise and drift add in quadrature. The normal distribution is laid through the eighth
    decile of ``placebos``: each would be covered at 80 % with a drift of
    ``sqrt(max(e² − (1.282 u/1.645)², 0))/1.282``, and the answer is the ⌈0.8 n⌉-th smallest. The
    largest fifth, in which are the meters whose building did change, does not set it; nor do
    the many that hardly moved. The default of 5 % with fewer than 15 placebos.
    """
    if len(placebos) < LEAST_PLACEBOS:
        return DEFAULT_DRIFT
    needed = sorted(
        sqrt(max(p.saving**2 - (Z80 * p.model_half_width / Z90) ** 2, 0.0)) / Z80 for p in placebos
    )
    return needed[ceil(0.8 * len(needed)) - 1]


def covered(placebo: Placebo, drift: float) -> bool:
    """Whether the 90 % interval with ``drift`` contains that nothing was saved."""
    return abs(placebo.saving) <= half_width(placebo, drift)


def half_width(placebo: Placebo, drift: float) -> float:
    """90 % half-width with ``drift``, a share of the adjusted baseline."""
    return sqrt(placebo.model_half_width**2 + (Z90 * drift) ** 2)
