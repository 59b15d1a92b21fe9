"""Optimum start and stop: how long a zone takes to warm up and how fast it cools, learned from its
own days without a thermal model.

The warm-up takes ``dead time + rise * (a + b * (target - outdoor) + c * long)`` hours, where
``long`` is 1 after more than a day without use and 0 otherwise, with coefficients that are never
negative, pulled to usual values and fitted to the recorded warm-ups; newer ones count more. How far
the room falls beforehand follows the time constant of its free nights. The stop goes by the part of
the difference to outdoors that the room loses in the hour after its setpoint fell. The form is a
simplified one of Seem, Armstrong and Hancock (1989), "Algorithms for predicting recovery time from
night setback", ASHRAE Transactions 95(2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import nnls

from bms.model.planning.problem import History, LearnedStart, Problem, ZoneHistory, ZoneTask
from optimizer.model.history import fill_forward, series, without_stuck_values
from optimizer.model.rc_network import Bools, Floats
from optimizer.setpoints.excitation_nights import nights_taken

USUAL = (0.25, 0.4, 0.02, 0.2)
"""Dead time [h], hours per kelvin [h/K], per kelvin of rise and of difference [h/K2], and per
kelvin more after a long absence [h/K]."""
SPREAD = (0.25, 0.4, 0.02, 0.2)
"""How far from the usual values the coefficients are expected; same units."""
NOISE_H = 0.25
FADING = 0.93
"""Weight of a warm-up relative to the one after it."""
LEAST_RISE_K = 0.3
SAME_DEPTH_K = 0.5
RISE_STEP_K, MOST_RISE_K = 0.5, 15.0
STEP_UP_K = 0.5
"""A setpoint that rises by less before use begins no warm-up."""
LONGEST_LATE_H = 4.0
"""A warm-up that is not over so long after the start of use [h] counts as lasting until then."""
LEAST_MARGIN_H = 0.25
MISS_QUANTILE = 0.9
STARTS_FOR_GATE = 3
GAP_H = 1.0
FREE_ABOVE_K = 0.3
"""A room this far above its setpoint is not heated."""
LEAST_FREE_H = 2.0
BELOW_SETBACK_K = 0.3
LONGEST_LEAD_H = 12.0
LONG_ABSENCE_H = 24.0
SETTLED_H = 2.0
"""For how long a setpoint has stood where the room is held by it."""
LEAST_HELD_H = 24.0
NEAR_SETPOINT_K = 0.3
"""A room in use that is further above its setpoint is warmed by something else."""
HOLD_QUANTILE = 0.95
LOW_QUANTILE = 0.05
STEP_DOWN_K = 0.5
AFTER_STOP_H = 1.0
LONGEST_STOP_H = 2.0


@dataclass(frozen=True, slots=True)
class WarmUp:
    """One recorded warm-up: ``rise`` [K] from the room's temperature to the band in use,
    ``difference`` [K] between the band and outdoors, whether it followed a ``long`` absence,
    ``hours`` [h] that it took, and the ``lead`` [h] that the building's setpoint had before use."""

    rise: float
    difference: float
    long: bool
    hours: float
    lead: float


def warm_up_hours(
    learned: LearnedStart, rise: float, difference: float, absence_h: float = 0.0
) -> float:
    """Returns the time [h] that a warm-up by ``rise`` [K] needs with ``difference`` [K] between the
    band and outdoors after ``absence_h`` [h] without use, its margin included; 0 where there is
    nothing to warm up. One that rises further than any on record takes as much longer again."""
    if rise <= 0:
        return 0.0
    coefficients = (learned.dead_h, learned.h_per_k, learned.h_per_k2, learned.long_h_per_k)
    hours = _hours(coefficients, rise, difference, absence_h > LONG_ABSENCE_H) + learned.margin_h
    return hours * max(1.0, rise / (learned.deepest_k or rise))


def recoverable_rise(learned: LearnedStart, difference: float, within_h: float) -> float:
    """Returns the largest rise [K] that a warm-up after a long absence makes ``within_h`` [h] with
    ``difference`` [K] between the band and outdoors, in steps of :data:`RISE_STEP_K`."""
    rise = RISE_STEP_K
    while rise < MOST_RISE_K:
        hours = warm_up_hours(learned, rise + RISE_STEP_K, difference, LONG_ABSENCE_H + 1.0)
        if hours > within_h:
            break
        rise += RISE_STEP_K
    return rise


def is_deeper_than_seen(learned: LearnedStart, rise: float) -> bool:
    """Whether no recorded warm-up rose by as much as ``rise`` [K]."""
    return learned.deepest_k is not None and rise > learned.deepest_k + SAME_DEPTH_K


def temperature_after(
    learned: LearnedStart, from_c: float, out_c: float, hours: float, floor_c: float
) -> float:
    """Returns where a room at ``from_c`` [degC] is after ``hours`` [h] without heat, never below
    ``floor_c`` [degC], at which its thermostat heats again."""
    if learned.time_constant_h is None:
        return floor_c
    fallen = out_c + (from_c - out_c) * float(np.exp(-hours / learned.time_constant_h))
    return max(floor_c, min(from_c, fallen))


def with_learned_starts(problem: Problem) -> Problem:
    """Returns a problem in degC with what the history tells of the warm-ups of its zones, and how
    many of its nights departed from their habit, but for those that bring it along."""
    zones = tuple(
        replace(
            zone,
            learned_start=learn_start(problem, zone),
            nights_excited=nights_taken(problem, zone),
        )
        if zone.lever is not None and zone.learned_start is None
        else zone
        for zone in problem.zones
    )
    return replace(problem, zones=zones)


def learn_start(problem: Problem, task: ZoneTask) -> LearnedStart | None:
    """Returns what the recorded mornings of a zone tell, or None where they do not suffice: fewer
    than :data:`STARTS_FOR_GATE` starts for which the others foretell a lead that would have been in
    time and shorter than the building's own."""
    history = problem.history
    row = next((row for row in history.zones if row.id == task.id), None) if history else None
    if history is None or row is None:
        return None
    past = _Past.of(history, row)
    target = _band_in_use(task, past)
    if target is None:
        return None
    warm_ups = past.warm_ups(target)
    if len(warm_ups) < STARTS_FOR_GATE:
        return None
    margin, passed = _foretold(warm_ups, own_lead_h(task, problem.step_s / 3600.0))
    if passed < STARTS_FOR_GATE:
        return None
    dead_h, h_per_k, h_per_k2, long_h_per_k = _fit(warm_ups)
    return LearnedStart(
        dead_h=dead_h,
        h_per_k=h_per_k,
        h_per_k2=h_per_k2,
        long_h_per_k=long_h_per_k,
        margin_h=margin,
        time_constant_h=past.time_constant(),
        starts=len(warm_ups),
        deepest_k=max(each.rise for each in warm_ups),
        hold_k=past.hold_k(),
        hourly_fall=_believed_fall(past.falls()),
    )


def stop_hours(learned: LearnedStart, above: float, difference: float) -> float:
    """Returns how long [h] before the end of use a setpoint may be lowered that is ``above`` [K]
    its limit, with ``difference`` [K] to outdoors; 0 where the evenings do not tell."""
    if learned.hourly_fall is None or learned.hourly_fall <= 0.0 or above <= 0.0:
        return 0.0
    return min(LONGEST_STOP_H, above / (learned.hourly_fall * max(1.0, difference)))


def _believed_fall(falls: Sequence[float]) -> float | None:
    """The highest of the recorded falls [1/h], or None where fewer than :data:`STARTS_FOR_GATE`
    evenings fell by no more than the others foretell."""
    within = [
        each <= max([*falls[:i], *falls[i + 1 :]], default=0.0) for i, each in enumerate(falls)
    ]
    return max(falls) if sum(within) >= STARTS_FOR_GATE else None


def own_lead_h(task: ZoneTask, step_h: float) -> float:
    """How long [h] before the next start of use the building's own programme rises; infinite where
    it does not, or where no use begins within the horizon."""
    used, own = np.array(task.occupied, dtype=bool), np.array(task.own_setpoint_c)
    starts = np.flatnonzero(used[1:] & ~used[:-1]) + 1
    if not len(starts) or len(own) < len(used):
        return float("inf")
    first = begin = int(starts[0])
    while begin > 0 and own[begin - 1] >= own[first] - LEAST_RISE_K:
        begin -= 1
    return (first - begin) * step_h if begin > 0 else float("inf")


@dataclass(frozen=True, slots=True)
class _Past:
    """Measured room, setpoint and outdoor temperature [degC] (n,) and use (n,) of one zone."""

    room: Floats
    setpoint: Floats
    outdoor: Floats
    used: Bools
    step_h: float

    @classmethod
    def of(cls, history: History, row: ZoneHistory) -> _Past:
        n, step_h = len(row.occupied), history.step_s / 3600.0
        gap = max(1, round(GAP_H / step_h))
        room = without_stuck_values(series(row.temp_c, n), step_h)
        return cls(
            room=fill_forward(room, gap),
            setpoint=fill_forward(series(row.setpoint_c, n), gap),
            outdoor=fill_forward(series(history.weather.temp_out_c, n), gap),
            used=np.array(row.occupied, dtype=bool),
            step_h=step_h,
        )

    def warm_ups(self, target: float) -> list[WarmUp]:
        """The warm-ups to ``target`` [degC] before the starts of use, oldest first."""
        starts = np.flatnonzero(self.used[1:] & ~self.used[:-1]) + 1
        found = (self._warm_up(int(first), target) for first in starts)
        return [each for each in found if each is not None]

    def _warm_up(self, first: int, target: float) -> WarmUp | None:
        begin = self._begin(first)
        if begin is None or not np.isfinite(self.room[begin]):
            return None
        last = min(len(self.room), first + round(LONGEST_LATE_H / self.step_h) + 1)
        room, rise = self.room[begin:last], target - float(self.room[begin])
        outdoor = self.outdoor[begin:last]
        if rise < LEAST_RISE_K or not np.isfinite(room).all() or not np.isfinite(outdoor).all():
            return None
        steps = _first_crossing(room, target)
        if steps is None and last < len(self.room):
            steps = float(last - 1 - begin)
        if steps is None:
            return None
        difference = max(0.0, target - float(outdoor[: int(steps) + 1].mean()))
        return WarmUp(
            rise,
            difference,
            self._absence_h(first) > LONG_ABSENCE_H,
            steps * self.step_h,
            (first - begin) * self.step_h,
        )

    def _absence_h(self, first: int) -> float:
        """How long [h] the zone was out of use before ``first``."""
        before = np.flatnonzero(self.used[:first])
        return (first - 1 - int(before[-1]) if len(before) else first) * self.step_h

    def _begin(self, first: int) -> int | None:
        """The step at which the setpoint rose for the use that begins at ``first``."""
        warm = self.setpoint[first]
        earliest = max(1, first - round(LONGEST_LEAD_H / self.step_h))
        begin = first
        while begin > earliest and self.setpoint[begin - 1] >= warm - LEAST_RISE_K:
            begin -= 1
        risen = warm - self.setpoint[begin - 1]
        return begin if risen >= STEP_UP_K else None

    def time_constant(self) -> float | None:
        """The time constant [h] of the room in its free nights, the lower quartile of them."""
        found = []
        for first, last in self._free_periods():
            out = float(self.outdoor[first:last].mean())
            before, after = self.room[first] - out, self.room[last - 1] - out
            if before > 2.0 and 0.0 < after < before:
                hours = (last - 1 - first) * self.step_h
                found.append(hours / float(np.log(before / after)))
        return float(np.quantile(found, 0.25)) if len(found) >= STARTS_FOR_GATE else None

    def hold_k(self) -> float | None:
        """How far below its setpoint the room is in use [K], nearly never more, where the setpoint
        has stood and the room is near it; None where that is known for too few hours."""
        steps = round(SETTLED_H / self.step_h)
        if len(self.room) <= steps:
            return None
        windows = np.lib.stride_tricks.sliding_window_view(self.setpoint, steps + 1)
        settled = np.zeros(len(self.room), dtype=bool)
        settled[steps:] = np.ptp(windows, axis=1) < 0.05
        below = self.setpoint - self.room
        rows = settled & self.used & (below > -NEAR_SETPOINT_K)
        if float(rows.sum()) * self.step_h < LEAST_HELD_H:
            return None
        return max(0.0, float(np.quantile(below[rows], HOLD_QUANTILE)))

    def falls(self) -> list[float]:
        """The part of the difference to outdoors [1/h] by which the room fell in the hour after its
        setpoint was lowered, for each time."""
        hour = round(AFTER_STOP_H / self.step_h)
        lowered = np.flatnonzero(self.setpoint[:-1] - self.setpoint[1:] >= STEP_DOWN_K) + 1
        found = []
        for k in lowered[lowered + hour < len(self.room)].tolist():
            difference = float(self.room[k] - self.outdoor[k])
            fallen = float(self.room[k] - self.room[k + hour])
            if difference > 2.0 and np.isfinite(fallen):
                found.append(max(0.0, fallen) / difference / AFTER_STOP_H)
        return found

    def _free_periods(self) -> list[tuple[int, int]]:
        """Periods (first, past-last) out of use in which the room stays above its setpoint."""
        free = ~self.used & (self.room > self.setpoint + FREE_ABOVE_K) & np.isfinite(self.outdoor)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], free, [False]]).astype(np.int8)))
        least = LEAST_FREE_H / self.step_h
        pairs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
        return [(first, last) for first, last in pairs if last - first > least]


def _band_in_use(task: ZoneTask, past: _Past) -> float | None:
    """The lowest limit in use over the horizon [degC]; over a weekend without use the setpoint that
    use has had."""
    lows = [low for low, used in zip(task.low_c, task.occupied, strict=False) if used]
    if lows:
        return min(lows)
    setpoints = past.setpoint[past.used & np.isfinite(past.setpoint)]
    return float(np.quantile(setpoints, LOW_QUANTILE)) if len(setpoints) else None


def _first_crossing(room: Floats, target: float) -> float | None:
    """After how many steps, with parts of one, ``room`` reaches ``target``; None where it does
    not."""
    warm = np.flatnonzero(room >= target)
    if not len(warm):
        return None
    k = int(warm[0])
    below, above = float(room[k - 1]), float(room[k])
    return k - 1 + (target - below) / (above - below)


def _hours(coefficients: Sequence[float], rise: float, difference: float, long: bool) -> float:
    dead, per_k, per_k2, per_k_long = coefficients
    return dead + rise * (per_k + per_k2 * max(0.0, difference) + per_k_long * long)


def _fit(warm_ups: Sequence[WarmUp]) -> tuple[float, float, float, float]:
    """Coefficients as in :data:`USUAL`, by least squares that are never negative."""
    rise = np.array([each.rise for each in warm_ups])
    difference = np.array([each.difference for each in warm_ups])
    long = np.array([each.long for each in warm_ups], dtype=np.float64)
    hours = np.array([each.hours for each in warm_ups])
    weight = FADING ** (np.arange(len(warm_ups))[::-1] / 2.0) / NOISE_H
    columns = np.column_stack([np.ones_like(rise), rise, rise * difference, rise * long])
    pull = np.diag(1.0 / np.array(SPREAD))
    matrix = np.vstack([columns * weight[:, None], pull])
    wanted = np.concatenate([hours * weight, np.array(USUAL) / np.array(SPREAD)])
    dead, per_k, per_k2, per_k_long = nnls(matrix, wanted)[0].tolist()
    return dead, per_k, per_k2, per_k_long


def _foretold(warm_ups: Sequence[WarmUp], own_lead_h: float) -> tuple[float, int]:
    """The margin [h] by which warm-ups miss what the others foretell, and how many starts would
    have been in time with it at less than the lead that they had or that the building's own
    programme has [h]."""
    foretold = [
        _hours(_fit([*warm_ups[:i], *warm_ups[i + 1 :]]), each.rise, each.difference, each.long)
        for i, each in enumerate(warm_ups)
    ]
    misses = [each.hours - told for each, told in zip(warm_ups, foretold, strict=True)]
    margin = max(LEAST_MARGIN_H, float(np.quantile(misses, MISS_QUANTILE)))
    rows = zip(warm_ups, foretold, strict=True)
    passed = sum(each.hours <= told + margin < max(each.lead, own_lead_h) for each, told in rows)
    return margin, passed
