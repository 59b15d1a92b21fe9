"""Which days show how a room answers: those on which its setpoint, or else the room itself, moves.

A building that was held at one temperature for weeks and then began to be lowered at night has
still days and moving days. Cut by the calendar, it would be learnt from the former and judged on
the latter. The clock of such a record runs on its moving days, so that both sides of every cut see
some of them; that of an even record is the calendar.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.model.rc_network import Bools, Floats
from optimizer.model.zone_record import Record

Ints = NDArray[np.intp]

DAY_H = 24.0
SETPOINT_MOVES_K = 0.5
ROOM_MOVES_K = 1.0
ROOM_MOVES_TIMES = 2.0
"""A room without a known setpoint moves on days on which it varies by so many times what it does on
the day in the middle."""
LEAST_KNOWN = 0.5
ENOUGH_DAYS = 5
UNEVEN = 0.5
STILL_COUNTS = 0.02
"""What a still day counts on the clock beside a moving one."""
LEAST_TEST_DAYS = 2.5
LARGEST_WEIGHT = 4.0


@dataclass(frozen=True, slots=True)
class Excitation:
    """``moving`` (days,) tells the days on which the room moves, ``day`` how many steps one has."""

    moving: Bools
    day: int
    by_setpoint: bool

    @property
    def held(self) -> bool:
        """Whether a known setpoint stood (almost) still all the time."""
        return self.by_setpoint and int(self.moving.sum()) < ENOUGH_DAYS

    def still(self, n: int) -> Bools:
        """The steps (n,) of days on which the room is held, and was the day before."""
        moved = self.moving | np.concatenate([[False], self.moving[:-1]])
        return ~self._steps(moved, n)

    def clock(self, n: int, learn_part: float) -> Clock:
        """The clock to cut ``n`` steps by."""
        cut = round(len(self.moving) * learn_part)
        if int(self.moving.sum()) < ENOUGH_DAYS or not 0 < cut < len(self.moving):
            return Clock(n)
        before, after = float(self.moving[:cut].mean()), float(self.moving[cut:].mean())
        if before >= UNEVEN * after:
            return Clock(n)
        return Clock(n, self._steps(self.moving, n))

    def _steps(self, days: Bools, n: int) -> Bools:
        """Of every step (n,) what holds for its day; the rest of a day is as the last one."""
        steps = np.repeat(days, self.day)[:n]
        return np.concatenate([steps, np.full(n - len(steps), bool(days[-1:].any()))])


@dataclass(frozen=True, slots=True)
class Clock:
    """How the ``n`` steps of a record are cut and weighed: ``moving`` (n,) tells which of them
    count, None where they are all alike and the clock is the calendar."""

    n: int
    moving: Bools | None = None

    @property
    def even(self) -> bool:
        """Whether it is the calendar."""
        return self.moving is None

    def step(self, part: float, last: int | None = None) -> int:
        """The step by which ``part`` 0..1 of what comes before step ``last`` is over."""
        end = self.n if last is None else last
        if self.moving is None:
            return round(part * end)
        done = np.cumsum(np.where(self.moving[:end], 1.0, STILL_COUNTS))
        return int(np.searchsorted(done, part * done[-1])) + 1

    def weights(self, first: Ints, last: Ints) -> Floats:
        """How much windows from steps ``first`` to ``last`` (k,) count: those that begin or end on
        moving days as much together as the others, as far as :data:`LARGEST_WEIGHT` allows."""
        if self.moving is None:
            return np.ones(len(first))
        at = self.moving[np.minimum(np.stack([first, last]), self.n - 1)].any(axis=0)
        apart = float(np.sum(~at)) / max(1.0, float(np.sum(at)))
        return np.where(at, np.clip(apart, 1.0, LARGEST_WEIGHT), 1.0)


def excitation(record: Record) -> Excitation:
    """Tell the moving days of a record from the still ones."""
    day = round(DAY_H / record.step_h)
    setpoint = record.setpoint
    if setpoint is not None and float(np.isfinite(setpoint).mean()) >= LEAST_KNOWN:
        return Excitation(_ranges(setpoint, day, day + 1) >= SETPOINT_MOVES_K, day, True)
    ranges = _ranges(_hourly(record.temp, record.step_h), day, day)
    middle = float(np.median(ranges)) if len(ranges) else 0.0
    return Excitation(ranges >= max(ROOM_MOVES_K, ROOM_MOVES_TIMES * middle), day, False)


def last_learnt(record: Record, clock: Clock, learn_part: float) -> int:
    """The step before which is learnt; after it is judged, on two days and a half at least where
    the clock is not the calendar."""
    step = clock.step(learn_part)
    if clock.even:
        return step
    return min(step, len(record) - round(LEAST_TEST_DAYS * DAY_H / record.step_h))


def _hourly(values: Floats, step_h: float) -> Floats:
    """Means of whole hours in place of the values (n,), so that noise of a sensor moves nothing."""
    every = max(1, round(1.0 / step_h))
    whole = len(values) // every * every
    means = values[:whole].reshape(-1, every).mean(axis=1)
    return np.concatenate([np.repeat(means, every), values[whole:]])


def _ranges(values: Floats, day: int, width: int) -> Floats:
    """By how much the values vary over each whole day (days,), and the step after it where
    ``width`` is more than ``day``; 0 where nothing is known."""
    result = []
    for first in range(0, len(values) - day + 1, day):
        part = values[first : first + width]
        known = part[np.isfinite(part)]
        result.append(float(np.ptp(known)) if len(known) else 0.0)
    return np.array(result)
