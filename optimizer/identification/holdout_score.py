"""Errors of a model on held-out days, beside naive forecasts that know no physics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.identification.model_selection import AHEAD_H, errors_ahead, restart_steps
from optimizer.identification.parameter_fit import FittedModel
from optimizer.model.rc_network import Floats
from optimizer.model.zone_record import ZoneRecord

LEAST_TESTS = 24
HELD_K = 0.6
CLEARLY = 0.9


@dataclass(frozen=True, slots=True)
class HoldoutScore:
    """Errors on held-out days of the model and of its rivals; NaN where nothing could be compared.

    Of the temperature exactly 24 h ahead [K], or of the heat of the coming 24 h [kWh]. ``spread``
    is the standard deviation of the truth: the error of a forecast of its mean.
    """

    model: float
    persistence: float
    last_week: float
    spread: float

    @property
    def known(self) -> bool:
        """Whether there was something to compare."""
        return bool(np.isfinite(self.model + self.persistence + self.last_week))

    @property
    def beats_both(self) -> bool:
        """Whether the model is better than both rivals."""
        return self.known and self.model < min(self.persistence, self.last_week)

    @property
    def beats_all(self) -> bool:
        """Whether the model is better than both rivals, and than the mean."""
        rivals = (self.persistence, self.last_week, CLEARLY * self.spread)
        return self.known and self.model <= min(rivals)

    @property
    def held(self) -> bool:
        """Whether the model and a rival are both close: a thermostat repeats the temperature."""
        return self.model <= HELD_K and min(self.persistence, self.last_week) <= HELD_K


NO_SCORE = HoldoutScore(float("nan"), float("nan"), float("nan"), float("nan"))


def score(record: ZoneRecord, fit: FittedModel, first: int) -> HoldoutScore:
    """Returns the errors exactly 24 h ahead from step ``first`` on, with a restart every hour."""
    day = round(AHEAD_H / record.step_h)
    starts = restart_steps(record, first, AHEAD_H)
    if len(starts) < LEAST_TESTS:
        return NO_SCORE
    truth = record.temp[starts + day]
    week = starts + day - 7 * day
    last_week = np.where(week >= 0, record.temp[np.maximum(week, 0)], np.nan)
    return HoldoutScore(
        model=_rmse(errors_ahead(fit, record, starts, AHEAD_H)),
        persistence=_rmse(record.temp[starts] - truth),
        last_week=_rmse(last_week - truth),
        spread=float(np.std(truth)),
    )


def heat_score(record: ZoneRecord, fit: FittedModel, first: int) -> HoldoutScore:
    """Returns the errors of the heat of 24 h [kWh] from step ``first`` on, with a restart every
    hour."""
    day = round(24.0 / record.step_h)
    every = max(1, round(1.0 / record.step_h))
    if len(record) <= 8 * day:
        return NO_SCORE
    needed = _daily(fit.heat_needed(record), day) * record.step_h
    measured = _daily(record.heat[:-1], day) * record.step_h
    starts = record.usable(np.arange(max(first, 7 * day), len(measured), every), day)
    if len(starts) < LEAST_TESTS:
        return NO_SCORE
    truth = measured[starts]
    return HoldoutScore(
        model=_rmse(needed[starts] - truth),
        persistence=_rmse(measured[starts - day] - truth),
        last_week=_rmse(measured[starts - 7 * day] - truth),
        spread=float(np.std(truth)),
    )


def heat_by_mean(record: ZoneRecord, first: int) -> float:
    """Returns the error [kWh] of a forecast of the heat of 24 h by its mean before step
    ``first``."""
    day = round(24.0 / record.step_h)
    if len(record) <= max(first, 1) + day:
        return float("nan")
    measured = _daily(record.heat[:-1], day) * record.step_h
    before = measured[:first]
    known = before[np.isfinite(before)]
    return _rmse(measured[first:] - float(np.mean(known))) if len(known) else float("nan")


def _daily(values: Floats, day: int) -> Floats:
    """Sums over ``day`` steps from every step on; NaN over gaps."""
    return np.asarray(np.lib.stride_tricks.sliding_window_view(values, day).sum(axis=1))


def _rmse(errors: Floats) -> float:
    known = errors[np.isfinite(errors)]
    return float(np.sqrt(np.mean(known**2))) if len(known) else float("nan")
