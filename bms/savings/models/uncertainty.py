"""How wide the interval of a saving is: noise of the model, and drift of the building."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, hypot, sqrt

from scipy.special import stdtrit

from bms.model.readings.units import Commodity

CONFIDENCE = 0.90
Z90 = 1.645
"""Two-sided 90 % quantile of the normal distribution."""
DEFAULT_DRIFT = 0.06
"""Standard deviation of the drift of an untreated public building from one year to the next, as a
share of its use. Half of 53 placebo years missed by less than 3.8 %, a tenth by more than 11.4 %
(meters of 40 buildings, 2019 against 2018): the tails are heavier than those of the 4.4 to 5.2 % of
the middle, and 6 % makes 90 % intervals hold."""
YEAR_DAYS = 365.25
UNSEEN, SEEN = 3.0, 0.6
"""Variance of a year between two periods, and of a further year of distance within a project,
beside that of a year against the next."""
SEASON_ELECTRICITY, SEASON_HEAT = 0.06, 0.10
"""Standard deviation of a month about its period, a share of use, of untreated meters: electricity,
and heat or gas (docs/savings.md §8)."""


def season_drift(commodity: Commodity) -> float:
    """How far the months of a meter scatter about their period, a share of use."""
    return SEASON_ELECTRICITY if commodity is Commodity.ELECTRICITY else SEASON_HEAT


def effective_n(n: float, rho: float) -> float:
    """Number of independent days, n' = n (1 - rho) / (1 + rho) (ASHRAE Guideline 14, annex B)."""
    return n * (1.0 - rho) / (1.0 + rho)


def sun_baltazar_daily(months: float) -> float:
    """Correction a(M) of the simplified Guideline 14 formula for daily models.

    ``months`` M is the length of the reporting period [months]. Sun & Baltazar 2013, "Analysis
    and improvement of the estimation of building energy savings uncertainty", ASHRAE
    Transactions 119.
    """
    return -0.00024 * months**2 + 0.03535 * months + 1.00286


def sun_baltazar_monthly(months: float) -> float:
    """As ``sun_baltazar_daily``, for models of monthly bills."""
    return -0.00022 * months**2 + 0.03306 * months + 0.94054


@dataclass(frozen=True, slots=True, kw_only=True)
class FitStatistics:
    """A fit to ``n`` baseline days (or bills) with so many ``parameters``: sum of squared errors
    ``sse`` [(kWh/day)²], lag-1 autocorrelation ``rho`` of the errors, ``mean`` use [kWh/day]."""

    n: int
    parameters: int
    sse: float
    rho: float
    mean: float


def model_half_width(
    fit: FitStatistics,
    *,
    predicted: float,
    m: int,
    months: float,
    correction: Callable[[float], float] = sun_baltazar_daily,
) -> float:
    """Returns the 90 % half-width of the adjusted baseline [kWh] from the noise of the model alone.

    ``predicted`` [kWh] is the adjusted baseline of ``m`` reporting days that span ``months``; of
    bills likewise, with the ``correction`` a(M) of monthly models. Guideline 14 in full: with SSE
    over n' - p the noise of a sum of m days grows as sqrt(m (1 + rho)/(1 - rho)), as it should.
    """
    if m == 0 or fit.mean <= 0:
        return 0.0
    independent = effective_n(fit.n, fit.rho)
    freedom = max(independent - fit.parameters, 1.0)
    noise = sqrt(fit.sse / freedom * (1.0 + 2.0 / max(independent, 1.0)) * m)
    return _t90(freedom) * correction(months) * predicted / (m * fit.mean) * noise


@lru_cache(maxsize=16)
def _t90(freedom: float) -> float:
    """Two-sided 90 % quantile of Student's t, kept: all months of a meter ask."""
    return float(stdtrit(freedom, 0.5 + CONFIDENCE / 2.0))


def drift_over(drift_per_year: float, apart_days: float, unseen_days: float = 0.0) -> float:
    """Drift between days that lie ``apart_days`` [days] apart on average, a share of use.

    Drift is taken as a random walk (the local level of Harvey 1989, "Forecasting, Structural Time
    Series Models and the Kalman Filter"), whose mean is taken over two periods: with s² its
    variance per year, lengths L and a gap g between them [years], the difference has the variance
    s²·(L₁/3 + g + L₂/3): a year against the year before it has 2/3 s², ``drift_per_year``², and a
    year of a gap 1.5 times as much. On meters a gap (``unseen_days`` of the distance) adds more,
    since some buildings change for good. A further year of a project adds less: its months are
    seen, and what they tell of the walk has been taken out. docs/savings.md §5 has how it grew.
    """
    further = max(apart_days / YEAR_DAYS - 1.0, 0.0)
    unseen = min(unseen_days / YEAR_DAYS, further)
    near = min(apart_days / YEAR_DAYS, 1.0)
    return drift_per_year * sqrt(near + UNSEEN * unseen + SEEN * (further - unseen))


def drift_kwh(drift: float, predicted: float, ordinary: float) -> float:
    """Standard deviation of the building's drift over a reporting period [kWh].

    ``drift`` is a share of ``predicted``, the adjusted baseline [kWh], or of ``ordinary``, the use
    of as many average days of the baseline period [kWh], whichever is more: a heat meter that
    rests in summer does not drift by 5 % of nearly nothing.
    """
    return drift * max(predicted, ordinary)


def total_half_width(model: float, drift: float) -> float:
    """90 % half-width [kWh] of a 90 % half-width ``model`` and a standard deviation ``drift``."""
    return hypot(model, Z90 * drift)


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
