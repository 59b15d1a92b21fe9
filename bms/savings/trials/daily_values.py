"""The days of a building in a trial: value, weather, kind of day, and expected use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from bms.model.readings.series import Floats
from bms.model.savings.trial_result import Subject
from bms.savings.data.daily import DailyUse
from bms.savings.models.baseline import autocorrelation, fit_baseline
from bms.savings.models.degree_days import BASE_C
from bms.savings.trials.effect import ObservedDays
from bms.savings.trials.random_allocation import TrialLayout

LEAST_PAST_DAYS = 60
"""Days before the trial [d] from which a model of the use can be learned."""
USUAL_RHO = 0.7
"""Autocorrelation where there is no past: 0.66 was the median of the meters of docs/trials.md."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class DailyRecord:
    """Local days from ``first`` on, one element each, shapes (n,).

    ``value`` is use [kWh/day] or discomfort [K h/day], ``temp_c`` the mean outdoor air temperature
    [degC]; NaN where a day is not known. ``rest``: weekend or closed.
    """

    subject: Subject
    first: date
    value: Floats
    temp_c: Floats
    rest: Flags

    def __len__(self) -> int:
        return len(self.value)

    def at(self, day: date) -> int:
        """The place of a day."""
        return (day - self.first).days

    @property
    def dates(self) -> tuple[date, ...]:
        return tuple(self.first + timedelta(days=i) for i in range(len(self)))


@dataclass(frozen=True, slots=True, eq=False)
class Expectation:
    """What is expected of the days of a record, whoever controls: only a covariate.

    ``value`` (n,) [unit of the record]; ``usual`` is the mean of the past, ``rho`` the
    autocorrelation of what it did not explain. None in both where there was no past.
    """

    value: Floats
    rho: float
    usual: float | None


def learn_expectation(record: DailyRecord, until: int) -> Expectation:
    """Returns what the days before ``until`` teach: a change-point model of energy, else the cold.

    A model that is wrong makes the intervals wider, not wrong: the randomisation sees to that.
    """
    known = np.isfinite(record.value) & np.isfinite(record.temp_c)
    past = np.flatnonzero(known[:until])
    cold = np.maximum(BASE_C - record.temp_c, 0.0)
    if len(past) < LEAST_PAST_DAYS:
        return Expectation(cold, USUAL_RHO, None)
    usual = float(record.value[past].mean())
    dates = record.dates
    if record.subject is Subject.COMFORT:
        x = np.column_stack((np.ones(len(past)), cold[past], record.rest[past]))
        left = record.value[past] - x @ np.linalg.lstsq(x, record.value[past], rcond=None)[0]
        return Expectation(cold, autocorrelation(left, tuple(dates[i] for i in past)), usual)
    resting = frozenset(dates[i] for i in np.flatnonzero(record.rest))
    days = DailyUse(
        tuple(dates[i] for i in past),
        np.full(len(past), 24.0),
        record.value[past],
        record.temp_c[past],
        np.ones(len(past), dtype=np.bool_),
    )
    cooling = record.subject is Subject.ELECTRICITY
    model = fit_baseline(days, cooling=cooling, closed=resting.__contains__)
    value = np.full(len(record), np.nan)
    known = np.isfinite(record.temp_c)
    value[known] = model.predict(
        tuple(dates[i] for i in np.flatnonzero(known)), record.temp_c[known]
    )
    return Expectation(value, model.rho, usual)


def observed_days(
    record: DailyRecord, expectation: Expectation, layout: TrialLayout, at: int, until: int
) -> ObservedDays:
    """Returns the days of a trial that begins at the place ``at`` of the record and ends before
    ``until``: those that are used and known."""
    end = min(at + layout.blocks * layout.block_days, until, len(record))
    here = slice(at, end)
    n = max(end - at, 0)
    known = np.isfinite(record.value[here]) & np.isfinite(expectation.value[here])
    day = np.flatnonzero(layout.used[:n] & known)
    return ObservedDays.of(
        day,
        layout.block_of[day],
        record.value[here][day],
        _covariates(record, expectation.value, at + day),
        expectation.rho,
    )


def _covariates(record: DailyRecord, expected: Floats, places: NDArray[np.int64]) -> Floats:
    """A constant, what is expected, the cold itself, rest days, and time; shape (n, 5)."""
    columns = (
        np.ones(len(places)),
        expected[places],
        record.temp_c[places],
        record.rest[places].astype(np.float64),
        places.astype(np.float64),
    )
    return np.column_stack([columns[0], *(_scaled(column) for column in columns[1:])])


def _scaled(column: Floats) -> Floats:
    spread = float(column.std()) if len(column) else 0.0
    return (column - column.mean()) / spread if spread > 1e-9 else np.zeros_like(column)
