"""Buildings in a trial for the bench, from a model that is none of the product's.

Use follows a softened heating curve of the outdoor temperature, weekday and drift, times lognormal
autocorrelated noise. What our control saves is a share of it by the exposure of the day: the arm of
the day, of the day before, or a geometric memory of all days.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bms.model.readings.series import Floats
from bms.model.savings.trial_result import Subject
from bms.savings.trials.daily_values import DailyRecord

PAST_DAYS = 400
DAYS_A_WEEK = 7
HOLIDAY_DAYS = 7
CLOSED_SHARE = 0.55
"""What a closed building uses [1] of an open one."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildingKind:
    """What a building of the bench is like. ``effect`` is the share that our control saves;
    ``scatter`` how much that differs from building to building (standard deviation). ``noise`` is
    the standard deviation of the logarithm of a day's use, ``rho`` its autocorrelation from day to
    day. ``carried`` is the share of a switch that its first day does not show yet; ``memory`` the
    geometric one. ``outliers`` and ``missing`` are shares of days, ``trend`` and ``step`` what is
    added over the trial and at a random day of it [1]. ``holiday``: a week off that is listed
    nowhere, from the day ``holiday_at`` of the trial on, or from a random one (None)."""

    effect: float = 0.08
    scatter: float = 0.0
    noise: float = 0.08
    unlike_noise: bool = False
    rho: float = 0.5
    carried: float = 0.0
    memory: float = 0.0
    outliers: float = 0.0
    missing: float = 0.0
    trend: float = 0.0
    step: float = 0.0
    holiday: bool = False
    holiday_at: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class GeneratedWeather:
    """Outdoor temperature [degC] and rest days of the past and of a trial, shapes (n,)."""

    temp_c: Floats
    rest: Flags

    @classmethod
    def of(cls, days: int, rng: np.random.Generator) -> GeneratedWeather:
        """A winter of ``days`` days with the 400 days before it."""
        n = PAST_DAYS + days
        day = np.arange(n) - PAST_DAYS
        season = 8.5 - 8.0 * np.cos(2 * np.pi * (day - 20) / 365.25)
        temp = season + _autocorrelated(n, 0.8, rng) * 3.2
        return cls(temp, day % DAYS_A_WEEK >= DAYS_A_WEEK - 2)


def lived(
    kind: BuildingKind, weather: GeneratedWeather, ours: Flags, rng: np.random.Generator
) -> DailyRecord:
    """The days of a building; ``ours`` (days of the trial,) are those that were drawn for us."""
    n, days = len(weather.temp_c), len(ours)
    here = slice(n - days, n)
    level = rng.uniform(200.0, 900.0)
    curve = np.logaddexp(0.0, (15.5 - weather.temp_c) / 1.5) * 1.5 * rng.uniform(0.05, 0.11)
    weekday = np.where(weather.rest, rng.uniform(0.65, 0.9), 1.0)
    noise = kind.noise * (rng.uniform(0.5, 2.0) if kind.unlike_noise else 1.0)
    value = level * (0.35 + curve) * weekday * np.exp(noise * _autocorrelated(n, kind.rho, rng))
    share = kind.effect + kind.scatter * rng.normal()
    value[here] *= (1.0 - share * exposure(kind, ours)) * _disturbed(kind, days, rng)
    hit = rng.random(n) < kind.outliers
    value[hit] *= rng.choice([0.4, 2.0], hit.sum())
    gone = rng.random(days) < kind.missing
    value[here][gone] = np.nan
    first = np.datetime64("2018-11-05") - PAST_DAYS
    return DailyRecord(Subject.HEAT, first.astype(object), value, weather.temp_c, weather.rest)


def exposure(kind: BuildingKind, ours: Flags) -> Floats:
    """How much of our control each day feels, 0..1; before the trial it was own control."""
    arm = ours.astype(np.float64)
    if kind.memory:
        felt = np.empty(len(arm))
        state = 0.0
        for i, now in enumerate(arm):
            state = kind.memory * state + (1.0 - kind.memory) * now
            felt[i] = state
        return felt
    before = np.concatenate(([0.0], arm[:-1]))
    return (1.0 - kind.carried) * arm + kind.carried * before


def _disturbed(kind: BuildingKind, days: int, rng: np.random.Generator) -> Floats:
    """What happens to the building during the trial, whoever controls it."""
    factor = 1.0 + kind.trend * np.arange(days) / days
    if kind.step:
        factor[rng.integers(days // 4, 3 * days // 4) :] *= 1.0 + kind.step
    if kind.holiday:
        at = kind.holiday_at
        at = int(rng.integers(0, days - HOLIDAY_DAYS)) if at is None else at
        factor[at : at + HOLIDAY_DAYS] *= CLOSED_SHARE
    return np.asarray(factor, dtype=np.float64)


def _autocorrelated(n: int, rho: float, rng: np.random.Generator) -> Floats:
    """Noise of the standard deviation 1, shape (n,)."""
    white = rng.normal(size=n)
    found = np.empty(n)
    state = white[0]
    keep = np.sqrt(1.0 - rho**2)
    for i in range(n):
        state = rho * state + keep * white[i] if i else white[0]
        found[i] = state
    return found
