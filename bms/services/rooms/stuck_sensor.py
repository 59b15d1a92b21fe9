"""Sensors that show one number for longer than they ever do: a rule that knows their resolution.

A room stands still for hours, and to a sensor that shows steps of 0.5 K for a night. So a sensor is
measured by itself: it is stuck when it has shown one number for ``FACTOR`` times as long as at any
other time of the week before, and for at least ``LEAST``. Coarse steps, a quiet room and averaging
lengthen the habit, and the rule with it.

The figures are from three real rooms (136 days: the teaching room of SDU in Odense and the Dutch
dwelling of bms/bench/data/rooms, and the house of the darkgreybox demo), each as it is and rounded
to 0.01, 0.05, 0.1, 0.2 and 0.5 K: in 815 sensor-days no standstill is taken for a fault; at 1.5
times the habit there are 25. Several sensors of a device or site that stand still together do so
less often than one: for them it is ``JOINT_FACTOR`` and ``JOINT_LEAST``, with none in 690 days of
pairs (each room beside itself a week later; 2 at 2.5 times the habit).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

FACTOR = 2.0
LEAST = timedelta(hours=3)
JOINT_FACTOR = 3.0
JOINT_LEAST = timedelta(hours=1)
HABIT = timedelta(days=7)
"""How far back a sensor's habit is looked up."""
MOVES = 24
"""So many runs [1] have been seen, or nothing is known of the habit."""
UNKNOWN_HABIT = timedelta(hours=72)
"""Nothing moves so little, whatever its resolution: the longest run of the three rooms at a
resolution of 1 K is 71 h (as ``optimizer.model.history.STUCK_H``)."""
LONGEST_GAP = timedelta(hours=2)
"""A run with a longer gap is none: nobody knows what was shown meanwhile."""

Shown = TypeVar("Shown")


@dataclass(slots=True)
class _Run:
    first: datetime
    last: datetime
    stuck: bool = False

    @property
    def length(self) -> timedelta:
        return self.last - self.first


class Standstill(Generic[Shown]):
    """The runs of equal values of a sensor, or of several that are looked at together."""

    def __init__(self, factor: float = FACTOR, least: timedelta = LEAST) -> None:
        self._factor, self._least = factor, least
        self._runs: deque[_Run] = deque()
        self._shown: Shown | None = None

    def take(self, at: datetime, shown: Shown) -> None:
        """Take what was shown at ``at``; what is not newer than the last one changes nothing."""
        run = self._runs[-1] if self._runs else None
        if run is not None and at <= run.last:
            return
        if run is not None and shown == self._shown and at - run.last <= LONGEST_GAP:
            run.last = at
            run.stuck = run.stuck or self._is_too_long(run)
            return
        self._shown = shown
        self._runs.append(_Run(at, at))
        while self._runs[0].last < at - HABIT:
            self._runs.popleft()

    @property
    def since(self) -> datetime | None:
        """Since when the same has been shown, as far as it was seen; None where nothing was."""
        return self._runs[-1].first if self._runs else None

    @property
    def is_stuck(self) -> bool:
        """Whether the newest run is longer than the sensor's habit allows."""
        return bool(self._runs) and self._runs[-1].stuck

    def _is_too_long(self, run: _Run) -> bool:
        if run.length <= self._least:
            return False
        before = [other.length for other in self._runs if other is not run and not other.stuck]
        if len(before) < MOVES:
            return run.length > UNKNOWN_HABIT
        return run.length > self._factor * max(before)
