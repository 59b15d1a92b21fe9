"""Excitation of a record: whether its heating varied at all, and the days on which its setpoint, or
else the room itself, moves.

A building that was held at one temperature for weeks and then got a night setback has steady and
excited days. Split by the calendar, it would be trained on the former and tested on the latter. The
split of such a record counts its excited days, so that both sides of every cut have some of them;
an evenly excited record is split by the calendar.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.model.rc_network import Bools, Floats
from optimizer.model.zone_record import ZoneRecord

Ints = NDArray[np.intp]

DAY_H = 24.0
LEAST_VARIATION = 0.01
"""Standard deviation of the heat of a zone over its mean [1]."""
SETPOINT_MOVES_K = 0.5
ROOM_MOVES_K = 1.0
ROOM_MOVES_TIMES = 2.0
"""A room without a known setpoint moves on days on which it varies by so many times what it does on
the day in the middle."""
LEAST_KNOWN = 0.5
ENOUGH_DAYS = 5
UNEVEN = 0.5
STEADY_WEIGHT = 0.02
"""What a still day counts on the clock beside a moving one."""
LEAST_TEST_DAYS = 2.5
LARGEST_WEIGHT = 4.0


@dataclass(frozen=True, slots=True)
class Excitation:
    """``moving`` (days,) is true on excited days, ``day`` is the number of steps in a day;
    ``by_setpoint`` is true where the setpoint is known."""

    moving: Bools
    day: int
    by_setpoint: bool

    @property
    def held(self) -> bool:
        """Whether a known setpoint was (almost) constant all the time."""
        return self.by_setpoint and int(self.moving.sum()) < ENOUGH_DAYS

    def steady_steps(self, n: int) -> Bools:
        """Returns the steps (n,) of days on which the room is held, and was the day before."""
        moved = self.moving | np.concatenate([[False], self.moving[:-1]])
        return ~self._steps(moved, n)

    def split(self, n: int, training_part: float) -> DataSplit:
        """Returns how to cut ``n`` steps."""
        cut = round(len(self.moving) * training_part)
        if int(self.moving.sum()) < ENOUGH_DAYS or not 0 < cut < len(self.moving):
            return DataSplit(n)
        before, after = float(self.moving[:cut].mean()), float(self.moving[cut:].mean())
        if before >= UNEVEN * after:
            return DataSplit(n)
        return DataSplit(n, self._steps(self.moving, n))

    def _steps(self, days: Bools, n: int) -> Bools:
        """The flag of its day for every step (n,); an incomplete day has that of the last one."""
        steps = np.repeat(days, self.day)[:n]
        return np.concatenate([steps, np.full(n - len(steps), bool(days[-1:].any()))])


@dataclass(frozen=True, slots=True)
class DataSplit:
    """How the ``n`` steps of a record are cut and weighed: ``moving`` (n,) marks the steps that
    count, None where all count alike and the split is by the calendar."""

    n: int
    moving: Bools | None = None

    @property
    def by_calendar(self) -> bool:
        """Whether all steps count alike."""
        return self.moving is None

    def step(self, part: float, last: int | None = None) -> int:
        """Returns the step by which ``part`` 0..1 of what comes before step ``last`` is over."""
        end = self.n if last is None else last
        if self.moving is None:
            return round(part * end)
        done = np.cumsum(np.where(self.moving[:end], 1.0, STEADY_WEIGHT))
        return int(np.searchsorted(done, part * done[-1])) + 1

    def weights(self, first: Ints, last: Ints) -> Floats:
        """Returns the weights of windows from steps ``first`` to ``last`` (k,): those that begin or
        end on excited days weigh as much together as the others, up to :data:`LARGEST_WEIGHT`."""
        if self.moving is None:
            return np.ones(len(first))
        at = self.moving[np.minimum(np.stack([first, last]), self.n - 1)].any(axis=0)
        apart = float(np.sum(~at)) / max(1.0, float(np.sum(at)))
        return np.where(at, np.clip(apart, 1.0, LARGEST_WEIGHT), 1.0)


def heating_varied(heat: Floats) -> bool:
    """Whether the known ``heat`` (n,) [kW] varied: where it did not, nothing can be identified,
    and its zone or building is refused a model."""
    known = heat[np.isfinite(heat)]
    return len(known) > 0 and float(np.std(known)) > LEAST_VARIATION * abs(float(np.mean(known)))


def excitation_of(record: ZoneRecord) -> Excitation:
    """Returns the excited days of a record."""
    day = round(DAY_H / record.step_h)
    setpoint = record.setpoint
    if setpoint is not None and float(np.isfinite(setpoint).mean()) >= LEAST_KNOWN:
        return Excitation(_ranges(setpoint, day, day + 1) >= SETPOINT_MOVES_K, day, True)
    ranges = _ranges(_hourly(record.temp, record.step_h), day, day)
    middle = float(np.median(ranges)) if len(ranges) else 0.0
    return Excitation(ranges >= max(ROOM_MOVES_K, ROOM_MOVES_TIMES * middle), day, False)


def last_training_step(record: ZoneRecord, split: DataSplit, training_part: float) -> int:
    """Returns the step before which the training part ends; the test part has at least two and a
    half days where the split is not by the calendar."""
    step = split.step(training_part)
    if split.by_calendar:
        return step
    return min(step, len(record) - round(LEAST_TEST_DAYS * DAY_H / record.step_h))


def _hourly(values: Floats, step_h: float) -> Floats:
    """Means of whole hours in place of the values (n,), so that sensor noise is no excitation."""
    every = max(1, round(1.0 / step_h))
    whole = len(values) // every * every
    means = values[:whole].reshape(-1, every).mean(axis=1)
    return np.concatenate([np.repeat(means, every), values[whole:]])


def _ranges(values: Floats, day: int, width: int) -> Floats:
    """Range of the values over each whole day (days,), and the step after it where ``width``
    exceeds ``day``; 0 where nothing is known."""
    result = []
    for first in range(0, len(values) - day + 1, day):
        part = values[first : first + width]
        known = part[np.isfinite(part)]
        result.append(float(np.ptp(known)) if len(known) else 0.0)
    return np.array(result)
