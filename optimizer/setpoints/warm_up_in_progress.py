"""Warm-ups and setbacks that are in progress at the start of the horizon, from past setpoints.

A plan is made anew every hour, and each new plan would move the last possible start of a warm-up a
little: the setpoint would rise, fall and rise again, which is hunting. So a warm-up in progress is
carried through, and a setback in force is kept unless another one is clearly better. Nothing is
remembered between plans: all of it is in the problem.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bms.model.planning.problem import Problem, ZoneHistory, ZoneTask
from optimizer.model.history import series
from optimizer.model.quantise import nearest_value
from optimizer.model.rc_network import Floats
from optimizer.setpoints.excitation_nights import is_excited
from optimizer.setpoints.timetable import ZoneNow, in_use_setpoints

RECENT_H = 1.0
RISE_K = 0.3
CLEAR_RISE_K = 1.0
LONGEST_WARM_UP_H = 12.0
"""A plan does not begin to heat for a use longer before it, but to be in time."""
LONGEST_KEPT_H = 16.0
"""A rise longer before the next use is no warm-up for it."""
SAME_K = 0.05
LAST_STARTS, LATE_STARTS = 5, 2
"""Own control is too late for a zone that was too cold at so many of its last starts of use."""
COLD_START_K = 0.3


@dataclass(frozen=True, slots=True)
class WarmUpInProgress:
    """Per zone, shape (p,).

    ``warm`` [degC] is the setpoint of a warm-up in progress, ``setback`` [degC] the one in force
    otherwise (NaN: none), ``unoccupied_h`` [h] how long the zone has been out of use.
    """

    warm: Floats
    setback: Floats
    unoccupied_h: Floats


def warm_up_in_progress(
    problem: Problem, tasks: Sequence[ZoneTask], in_use_c: Floats
) -> WarmUpInProgress:
    """Returns what is in progress at the end of the history, which is where the horizon starts.

    ``in_use_c`` (p, n) [degC] is the setpoint of each zone in use. A setpoint that somebody holds
    is neither a warm-up nor a setback.
    """
    history = problem.history
    rows = {zone.id: zone for zone in history.zones} if history else {}
    found = [
        _zone_progress(rows[task.id], history.step_s / 3600.0, task, in_use_c[z])
        if history and task.id in rows
        else (np.nan, np.nan, 0.0)
        for z, task in enumerate(tasks)
    ]
    held = [problem.held_steps(task.lever) > 0 for task in tasks]
    warm, setback, unoccupied_h = np.array(found, dtype=np.float64).reshape(len(tasks), 3).T
    return WarmUpInProgress(
        warm=np.where(held, np.nan, warm),
        setback=np.where(held, np.nan, setback),
        unoccupied_h=unoccupied_h,
    )


def zone_now(problem: Problem, task: ZoneTask) -> ZoneNow:
    """Returns what the history tells of a zone at the start of the horizon, for its timetable."""
    history = problem.history
    row = next((row for row in history.zones if row.id == task.id), None) if history else None
    if history is None or row is None:
        return ZoneNow()
    step_h = history.step_s / 3600.0
    low, own = np.array(task.low_c), np.array(task.own_setpoint_c[: len(task.low_c)])
    in_use = in_use_setpoints(task, low, np.maximum(low, own))
    warm, setback, unoccupied_h = _zone_progress(row, step_h, task, in_use)
    room = series(row.temp_c, len(row.occupied))[-max(1, round(RECENT_H / step_h)) :]
    known = room[np.isfinite(room)]
    return ZoneNow(
        unoccupied_h=unoccupied_h,
        room_c=float(known[-1]) if len(known) else None,
        setback_c=float(setback) if np.isfinite(setback) else None,
        warming=bool(np.isfinite(warm)) and problem.held_steps(task.lever) == 0,
        excited=is_excited(problem, task),
        starts_late=_starts_late(row, task),
    )


def _starts_late(row: ZoneHistory, task: ZoneTask) -> bool:
    """Whether the room was too cold at two or more of the last starts of use."""
    lows = [low for low, used in zip(task.low_c, task.occupied, strict=False) if used]
    used = np.array(row.occupied, dtype=bool)
    starts = np.flatnonzero(used[1:] & ~used[:-1]) + 1
    if not lows or not len(starts):
        return False
    room = series(row.temp_c, len(row.occupied))[starts[-LAST_STARTS:]]
    return int((room < min(lows) - COLD_START_K).sum()) >= LATE_STARTS


def _zone_progress(
    row: ZoneHistory, step_h: float, task: ZoneTask, in_use_c: Floats
) -> tuple[float, float, float]:
    """(warm, setback, hours out of use) of one zone."""
    steps = _unoccupied_steps(row)
    unoccupied_h = steps * step_h
    used = np.array(task.occupied, dtype=bool)
    setpoint = series(row.setpoint_c, len(row.occupied))[len(row.occupied) - steps :]
    known = setpoint[np.isfinite(setpoint)]
    recent = setpoint[-max(1, round(RECENT_H / step_h)) :] if steps else setpoint
    recent = recent[np.isfinite(recent)]
    if not len(recent) or (len(used) and used[0]):
        return np.nan, np.nan, unoccupied_h
    now = _setpoint_now(task, float(recent[-1]))
    lowest = min(now, float(known.min()))
    first = int(np.argmax(used)) if used.any() else None
    rise = now - lowest
    if first is not None and rise > RISE_K:
        target = float(in_use_c[first])
        high = now >= target - SAME_K or rise > CLEAR_RISE_K
        if high and first * step_h <= LONGEST_KEPT_H:
            return min(now, target), np.nan, unoccupied_h
    return np.nan, now, unoccupied_h


def _setpoint_now(task: ZoneTask, last: float) -> float:
    """The effective setpoint [degC] where the horizon starts, as a value that the lever takes.

    A controller that keeps 20.1 as a 32-bit number shows 20.100000381; that is no other value.
    """
    shown = task.setpoint_c
    value = last if shown is None or not np.isfinite(shown) else shown
    return nearest_value(value, task.lever) if task.lever else value


def _unoccupied_steps(row: ZoneHistory) -> int:
    """Number of steps out of use at the end of a zone's history."""
    used = np.flatnonzero(np.array(row.occupied, dtype=bool))
    return len(row.occupied) - (int(used[-1]) + 1 if len(used) else 0)
