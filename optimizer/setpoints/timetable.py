"""Setpoints of a zone without a model: never above the building's own control.

Where its recorded mornings tell how long it takes to warm up
(:mod:`optimizer.setpoints.optimum_start`) it is set back out of use and warmed up as late as they
allow. Where they tell nothing it keeps the building's own timetable, which has kept it warm so far:
a setback that nobody has seen the room come back from is not tried without consent.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np

from bms.model.planning.problem import LearnedStart, Lever, ZoneTask
from optimizer.model.quantise import quantise_down, quantise_up
from optimizer.model.rc_network import Bools, Floats
from optimizer.setpoints.optimum_start import (
    BELOW_SETBACK_K,
    LONG_ABSENCE_H,
    LONGEST_LEAD_H,
    is_deeper_than_seen,
    own_lead_h,
    recoverable_rise,
    stop_hours,
    temperature_after,
    warm_up_hours,
)

ABOVE_HOLD_K = 0.1
"""A zone in use is asked for this much more than its thermostat has been seen to need to keep it in
its band."""
EARLY_ABOVE_LOW_K = 0.5
"""How far above its band a zone is warmed before the building's own programme begins."""
SETBACK_K = 3.0
EXCITED_K = 3.0
"""How much deeper a setback is that the room is to be learned from."""
DEEPER_K = 1.0
"""How much further than it has been seen to fall a room may fall whose warm-ups are known."""
ABOVE_FLOOR_K = 0.5
LEAD_H = 0.5
LEAD_H_PER_K = 0.15
MILD_C = 15.0
COLD_DAY_C = -5.0
LONG_FACTOR = 1.5
LONGEST_RULE_H = 8.0
LEAD_H_PER_SHORT_K = 1.5
"""What the zone's record of starts asks for is warmed up at two thirds of a kelvin per hour."""
SAME_K = 1e-6


@dataclass(frozen=True, slots=True)
class ZoneNow:
    """A zone at the start of the horizon: hours [h] out of use already, room temperature [degC]
    and ``setback_c`` [degC] in force where they are known, whether it is being warmed up, whether
    its setback may be deeper to learn from it, and whether it was too cold at the starts of use on
    record, so that more than its own control is due."""

    unoccupied_h: float = 0.0
    room_c: float | None = None
    setback_c: float | None = None
    warming: bool = False
    excited: bool = False
    starts_late: bool = False


def true_periods(flags: Bools) -> list[tuple[int, int]]:
    """Returns the periods (first, past-last) in which ``flags`` are true."""
    found, position = [], 0
    for flag, group in groupby(flags.tolist()):
        length = sum(1 for _ in group)
        if flag:
            found.append((position, position + length))
        position += length
    return found


def timetable_setpoints(
    task: ZoneTask,
    lever: Lever,
    temp_out: Floats,
    step_h: float,
    now: ZoneNow = ZoneNow(),
) -> Floats:
    """Returns setpoints [degC] (n,) without a model; ``temp_out`` [degC] (n,) may be NaN.

    They lie above the building's own only where the band asks for it, and before a use for which
    its own programme was too late on record.
    """
    in_use = np.array(task.occupied, dtype=bool)
    low = np.array(task.low_c, dtype=np.float64)
    own = np.maximum(np.array(task.own_setpoint_c[: len(low)], dtype=np.float64), low)
    if task.learned_start is None and not now.excited:
        values = own.copy()
    else:
        values = np.maximum(_set_back(task, in_use, low, own, now), low)
        values = np.maximum(values, recoverable_setback(task, temp_out, step_h))
    lead = _Lead(task, values, own, temp_out, step_h, now)
    end_of_last = 0
    for first, last in true_periods(in_use):
        begin = lead.begin(first, end_of_last)
        warm = np.maximum(values[begin:first], values[first])
        most = own[begin:first]
        if now.starts_late:
            most = np.maximum(most, low[first] + EARLY_ABOVE_LOW_K)
        values[begin:first] = np.minimum(warm, most)
        values[_stop(task, values, temp_out, step_h, first, last) : last] = low[last - 1]
        end_of_last = last
    return _not_above(np.clip(values, low, np.array(task.high_c)), own, low, lever)


def in_use_setpoints(task: ZoneTask, low: Floats, own: Floats) -> Floats:
    """Returns the setpoints in use [degC] (n,) of a zone without a model: what its thermostat has
    been seen to need, the building's own where nothing tells."""
    held = task.learned_start.hold_k if task.learned_start is not None else None
    return own if held is None else np.minimum(own, low + held + ABOVE_HOLD_K)


def _stop(
    task: ZoneTask, values: Floats, temp_out: Floats, step_h: float, first: int, last: int
) -> int:
    """The step from which a use that ends before ``last`` needs no more than its limit."""
    if task.learned_start is None or last >= len(values) or not np.isfinite(temp_out[last]):
        return last
    value = float(values[last - 1])
    hours = stop_hours(
        task.learned_start, value - task.low_c[last - 1], value - float(temp_out[last])
    )
    return max(first, last - int(hours / step_h))


def _set_back(task: ZoneTask, in_use: Bools, low: Floats, own: Floats, now: ZoneNow) -> Floats:
    """Setpoints [degC] (n,) before any warm-up: never above the building's own, nor above what it
    had earlier in the same absence, as its own warm-up is not ours."""
    values = np.where(in_use, in_use_setpoints(task, low, own), low + ABOVE_FLOOR_K)
    if in_use.any():
        comfort = float(low[in_use].min())
        values = np.where(in_use, values, np.maximum(values, _lowest(task, comfort, now)))
    highest = own.copy()
    for first, last in true_periods(~in_use):
        if first == 0 and now.setback_c is not None:
            highest[0] = min(own[0], now.setback_c)
        highest[first:last] = np.minimum.accumulate(highest[first:last])
    return np.asarray(np.minimum(values, highest))


def recoverable_setback(task: ZoneTask, temp_out: Floats, step_h: float) -> Floats:
    """Returns the setback [degC] (n,) from which the lead of its own programme still warms a zone
    in time, by the coldest hour ahead; the building's own setback at most, and -inf in use or where
    its mornings do not tell."""
    in_use, low = np.array(task.occupied, dtype=bool), np.array(task.low_c, dtype=np.float64)
    own = np.array(task.own_setpoint_c[: len(low)], dtype=np.float64)
    values = np.full(len(low), -np.inf)
    learned, lead_h = task.learned_start, own_lead_h(task, step_h)
    if learned is None or not np.isfinite(lead_h) or not in_use.any():
        return values
    comfort = float(low[in_use].min())
    for first, last in true_periods(~in_use):
        out = temp_out[first:last]
        coldest = float(out.min()) if np.isfinite(out).all() else COLD_DAY_C
        deepest = comfort - recoverable_rise(learned, comfort - coldest, lead_h)
        values[first:last] = min(deepest, float(own[first:last].min()))
    return values


def _lowest(task: ZoneTask, comfort: float, now: ZoneNow) -> float:
    """How far a zone is set back [degC]: below ``comfort``, and a little further than it has been
    seen to fall where its warm-ups are known."""
    usual = comfort - SETBACK_K - EXCITED_K * now.excited
    learned = task.learned_start
    if learned is None or learned.deepest_k is None:
        return usual
    return min(usual, comfort - learned.deepest_k - DEEPER_K)


def _not_above(values: Floats, own: Floats, low: Floats, lever: Lever) -> Floats:
    """``values`` as the lever takes them: rounded up, but not above the building's own where the
    value below is not too low."""
    above, below = quantise_up(values, lever), quantise_down(values, lever)
    too_high = (above > own + SAME_K) & (values <= own + SAME_K) & (below >= low - SAME_K)
    return np.where(too_high, below, above)


@dataclass(frozen=True, slots=True)
class _Lead:
    """When warm-ups begin. ``values`` [degC] (n,) are the setpoints without them, ``own`` [degC]
    (n,) those of the building's own control."""

    task: ZoneTask
    values: Floats
    own: Floats
    temp_out: Floats
    step_h: float
    now: ZoneNow

    def begin(self, first: int, end_of_last: int) -> int:
        """The step at which the zone begins to warm up for its use at ``first``, which follows one
        that ended at ``end_of_last`` (0: before the horizon)."""
        before_h = self.now.unoccupied_h if end_of_last == 0 else 0.0
        absence_h = (first - end_of_last) * self.step_h + before_h
        if end_of_last == 0 and self.now.warming and first * self.step_h <= LONGEST_LEAD_H:
            return 0
        if self.task.learned_start is not None:
            return self._learned_begin(self.task.learned_start, first, end_of_last, absence_h)
        lead = _lead_h(self.temp_out, first, absence_h, self.task.start_backoff_k or 0.0)
        by_rule = max(end_of_last, first - int(np.ceil(lead / self.step_h)))
        return min(by_rule, self._own_begin(first, end_of_last))

    def _own_begin(self, first: int, end_of_last: int) -> int:
        """The step at which the building's own programme rises for its use at ``first``, which is
        ``first`` where it stands at one value."""
        begin = first
        while begin > end_of_last and self.own[begin - 1] >= self.own[first] - SAME_K:
            begin -= 1
        return first if begin == end_of_last else begin

    def _learned_begin(
        self, learned: LearnedStart, first: int, end_of_last: int, absence_h: float
    ) -> int:
        """The last step from which the room, as cold as it is by then, is warm in time; no later
        than by its own programme from where no recorded warm-up began."""
        target = self.task.low_c[first]
        earliest = max(end_of_last, first - int(LONGEST_LEAD_H / self.step_h))
        for begin in range(first, earliest, -1):
            room, out = self._room_at(learned, begin, end_of_last), self._outdoors(begin, first)
            needed_h = warm_up_hours(learned, target - room, target - out, absence_h)
            if (first - begin) * self.step_h >= needed_h:
                deep = is_deeper_than_seen(learned, target - room)
                return min(begin, self._own_begin(first, end_of_last)) if deep else begin
        return earliest

    def _room_at(self, learned: LearnedStart, begin: int, end_of_last: int) -> float:
        """The room [degC] at ``begin``, without heat since it was last known."""
        if begin == 0 and self.now.room_c is not None:
            return self.now.room_c
        floor = float(self.values[max(0, begin - 1)]) - BELOW_SETBACK_K
        known = float(self.values[end_of_last - 1]) if end_of_last else self.now.room_c
        if known is None:
            return floor
        out = self._outdoors(end_of_last, begin)
        return temperature_after(learned, known, out, (begin - end_of_last) * self.step_h, floor)

    def _outdoors(self, first: int, last: int) -> float:
        part = self.temp_out[first : last + 1]
        return float(part.mean()) if len(part) and np.isfinite(part).all() else COLD_DAY_C


def _lead_h(temp_out: Floats, first: int, absence_h: float, short_k: float) -> float:
    before = temp_out[max(0, first - 1) : first + 1]
    outdoors = float(np.min(before)) if np.isfinite(before).all() and len(before) else COLD_DAY_C
    lead = LEAD_H + LEAD_H_PER_K * max(0.0, MILD_C - outdoors)
    lead *= LONG_FACTOR if absence_h > LONG_ABSENCE_H else 1.0
    return min(LONGEST_RULE_H, lead + LEAD_H_PER_SHORT_K * max(0.0, short_k))
