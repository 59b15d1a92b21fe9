"""From a register that falls and leaps to one that counts on, or is known to be broken.

Only the places where a register falls, or rises faster than its meter can count, are looked at.
Each is judged by what the readings around it say; what is left is a chain of readings in parts,
and between two readings of the same part the use is their difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bms.metering.flaw import Flaw, FlawCode
from bms.metering.register.usual_rate import UsualRate
from bms.metering.step_edges import HOUR_US, hours
from bms.model.readings.runs_and_peaks import Mask
from bms.model.readings.series import Floats, Micros

SHORT = 24 * HOUR_US
"""A wrong reading comes back within a day [us] or after two readings."""
FEW = 2
CLOSE = 0.1
"""Where no pace is known, coming back within a tenth of the leap, and of the level, is clear."""
HIGH = 2.0
"""A single step may be so many times the highest usual one."""
NEAR_TOP = 0.9
"""A register above this share of its range is about to roll over."""


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Readings that count: ``times`` [us] ascending, ``counted`` as the register counts with
    rollovers and exchanges undone, ``part`` the stretch that each belongs to; shapes (m,)."""

    times: Micros
    counted: Floats
    part: NDArray[np.int64]
    flaws: list[Flaw]

    def between(self, start: int, end: int) -> float | None:
        """Use from the last reading at or before ``start`` to the first at or after ``end`` [us],
        None where it is unknown."""
        first = int(np.searchsorted(self.times, start, side="right")) - 1
        last = int(np.searchsorted(self.times, end))
        if first < 0 or last >= len(self.times) or self.part[first] != self.part[last]:
            return None
        return float(self.counted[last] - self.counted[first])


def build_chain(
    times: Micros,
    one: Floats,
    raw: Floats,
    *,
    rollover_at: float | None,
    usual_rate: UsualRate,
    resolution: float,
) -> Chain:
    """The chain of a register's readings.

    ``one`` is the register with exchanges undone, ``raw`` as it was read, shapes (m,);
    ``rollover_at`` is where it starts again from zero. Between neighbours of
    a part the chain never falls and never rises faster than ``usual_rate.bound``.
    """
    builder = _ChainBuilder(times, one, raw, rollover_at, usual_rate, resolution)
    grown = np.diff(one)
    most = usual_rate.bound * hours(np.diff(times)) + resolution
    for at in np.flatnonzero((grown < 0) | (grown > most)).tolist():
        if at >= builder.after:
            builder.judge(at)
    return builder.result()


@dataclass(slots=True, eq=False)
class _ChainBuilder:
    """What was decided so far; ``after`` is the reading from which nothing is decided yet."""

    times: Micros
    one: Floats
    raw: Floats
    rollover_at: float | None
    usual_rate: UsualRate
    resolution: float
    after: int = 0
    keep: Mask = field(init=False)
    moves: NDArray[np.intp] = field(init=False)
    wraps: list[tuple[int, float]] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)
    flaws: list[Flaw] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keep = np.ones(len(self.times), dtype=np.bool_)
        self.moves = np.flatnonzero(np.diff(self.one))

    def judge(self, at: int) -> None:
        """Decide about the readings ``at`` and ``at + 1``."""
        tests: tuple[Callable[[int], bool], ...]
        if self.one[at + 1] < self.one[at]:
            tests = (self._overshot, self._dips, self._rolls_over, self._restarts)
        else:
            tests = (self._leaps, self._catches_up, self._breaks_off)
        any(test(at) for test in tests)  # the first that holds has decided

    def result(self) -> Chain:
        counted, part = self.one.copy(), np.zeros(len(self.one), dtype=np.int64)
        for at, amount in self.wraps:
            counted[at:] += amount
        for at in self.breaks:
            part[at:] += 1
        keep = self.keep
        return Chain(self.times[keep], counted[keep], part[keep], self.flaws)

    def _dips(self, at: int) -> bool:
        """The register falls and comes back with a leap, or falls a little and catches up."""
        low = at + 1
        later = self._later(at)
        level, back = float(self.one[at]), self.one[later]
        leap = back - self.one[later - 1]
        returned = (back >= level) & (back - level <= self._most(at, later))
        if not self.usual_rate.known:
            returned &= (back - level <= CLOSE * leap) & (back - level <= CLOSE * level)
        elif self._may_restart(at):
            returned &= leap > self._usual(later - 1, later)
        return self._set_aside(low, later, returned, FlawCode.DIP)

    def _leaps(self, at: int) -> bool:
        """The register leaps and comes back to where it was."""
        later = self._later(at)
        back = self.one[later]
        returned = (back < self.one[later - 1]) & (back >= self.one[at])
        returned &= back - self.one[at] <= self._most(at, later)
        return self._set_aside(at + 1, later, returned, FlawCode.SPIKE)

    def _set_aside(
        self, first: int, later: NDArray[np.intp], returned: Mask, code: FlawCode
    ) -> bool:
        """Leave out the readings from ``first`` up to the first of ``later`` that returned."""
        if not returned.any():
            return False
        end = int(later[np.argmax(returned)])
        self._leave_out(first, end, code)
        self.after = end
        return True

    def _leave_out(self, first: int, end: int, code: FlawCode) -> None:
        self.keep[first:end] = False
        start, last = int(self.times[first]), int(self.times[end - 1])
        self.flaws.append(Flaw(code, start, last, count=end - first))

    def _rolls_over(self, at: int) -> bool:
        """The register rolled over, and the use across is what the meter can have counted.

        Over a gap in which it can have counted half its range, only a register near its top is
        known to have rolled over and not to have been reset; where it can have counted all of it,
        it is not known how often.
        """
        if self.rollover_at is None:
            return False
        before = float(self.raw[at])
        amount = self.rollover_at - before + float(self.raw[at + 1])
        most = float(self._most(at, at + 1))
        near_top = before > NEAR_TOP * self.rollover_at
        once = most <= self.rollover_at / 2 or (near_top and most < self.rollover_at)
        if not 0 <= amount <= most or not once:
            return False
        self.wraps.append((at + 1, amount - float(self.one[at + 1] - self.one[at])))
        ends = int(self.times[at]), int(self.times[at + 1])
        self.flaws.append(Flaw(FlawCode.ROLLOVER, *ends, amount=amount))
        self.after = at + 1
        return True

    def _overshot(self, at: int) -> bool:
        """The readings up to ``at`` leapt, by less than the bound, and it now comes back."""
        back = float(self.one[at + 1])
        first = max(self.after, self._earliest(at + 1))
        below = np.flatnonzero(self.one[first : at + 1] <= back)
        if not len(below):
            return False
        base = first + int(below[-1])
        level, leap = float(self.one[base]), float(self.one[base + 1] - self.one[base])
        if self.usual_rate.known:
            clear = bool(leap > HIGH * self._usual(base, base + 1))
        else:
            clear = back - level <= CLOSE * min(leap, level)
        if not clear:
            return False
        self._leave_out(base + 1, at + 1, FlawCode.SPIKE)
        self.after = at + 1
        return True

    def _restarts(self, at: int) -> bool:
        code = FlawCode.RESET if self._may_restart(at) else FlawCode.OTHER_REGISTER
        return self._break(at, code)

    def _catches_up(self, at: int) -> bool:
        """The register stood still and then made up at once for what the meter had counted."""
        stood = np.flatnonzero(self.one[self.after : at + 1] != self.one[at])
        first = self.after + (int(stood[-1]) + 1 if len(stood) else 0)
        amount = self.one[at + 1] - self.one[at]
        if first == at or not self.usual_rate.known or amount > self._usual(first, at + 1):
            return False
        self._leave_out(first + 1, at + 1, FlawCode.CAUGHT_UP)
        self.after = at + 1
        return True

    def _breaks_off(self, at: int) -> bool:
        return self._break(at, FlawCode.LEAP)

    def _break(self, at: int, code: FlawCode) -> bool:
        self.breaks.append(at + 1)
        self.flaws.append(Flaw(code, int(self.times[at]), int(self.times[at + 1])))
        self.after = at + 1
        return True

    def _may_restart(self, at: int) -> bool:
        """Whether the register after ``at`` can have counted up from zero since ``at``."""
        return bool(self.raw[at + 1] <= self._most(at, at + 1))

    def _later(self, at: int) -> NDArray[np.intp]:
        """Readings that may be the return from a wrong stretch that begins after ``at``: those of
        a day, the next few, and the first that follows a standstill of any length."""
        n = len(self.times)
        day = int(np.searchsorted(self.times, self.times[at] + SHORT, side="right"))
        until = min(max(day, at + 2 + FEW), n)
        near = np.arange(at + 2, until)
        rest = int(np.searchsorted(self.moves, at + 1))
        after_rest = self.moves[rest : rest + 1] + 1
        return near if not len(after_rest) or after_rest[0] < until else np.append(near, after_rest)

    def _earliest(self, at: int) -> int:
        day = int(np.searchsorted(self.times, self.times[at] - SHORT))
        return max(min(day, at - 1 - FEW), 0)

    def _most(self, first: int, last: int | NDArray[np.intp]) -> Floats:
        """The most that the meter can have counted between two readings."""
        return self._at_most(self.usual_rate.bound, first, last)

    def _usual(self, first: int | NDArray[np.intp], last: int | NDArray[np.intp]) -> Floats:
        return self._at_most(self.usual_rate.usual, first, last)

    def _at_most(
        self, rate: float, first: int | NDArray[np.intp], last: int | NDArray[np.intp]
    ) -> Floats:
        return rate * hours(self.times[last] - self.times[first]) + self.resolution
