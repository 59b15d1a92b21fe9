"""Excitation: nights on which a zone whose weeks are all alike is set back further, to learn from.

A site that consents allows so many nights. They are taken one after the other, each between two
days of use, and not in hard frost; the floor, the band and the lead of the warm-up are kept as on
any other night. Nothing is remembered between plans: the nights are counted in the history.
"""

from __future__ import annotations

import numpy as np

from bms.model.planning.problem import Problem, ZoneTask
from optimizer.identification.deviations import deviating_steps
from optimizer.model.history import series

LEAST_DAYS = 14.0
"""Days of history in which a habit can be seen."""
COLDEST_C = -5.0
"""Mean outdoor temperature of the coming night [degC] below which it is left alone."""
NIGHT_H = 24.0
"""A longer absence is no night."""


def is_excited(problem: Problem, task: ZoneTask) -> bool:
    """Whether the coming night of a zone is one to learn from, if it has no model."""
    if problem.excitation_nights <= 0 or not _night_allows(problem, task):
        return False
    taken = nights_taken(problem, task)
    return taken is not None and taken < problem.excitation_nights


def nights_taken(problem: Problem, task: ZoneTask) -> int | None:
    """Returns how many nights before this one departed from the habit of the zone; None where
    nobody has counted them and the history is too short to have one."""
    if task.nights_excited is not None:
        return task.nights_excited
    history = problem.history
    row = next((row for row in history.zones if row.id == task.id), None) if history else None
    if history is None or row is None:
        return None
    step_h = history.step_s / 3600.0
    used = np.flatnonzero(np.array(row.occupied, dtype=bool))
    if len(row.occupied) * step_h < LEAST_DAYS * 24.0 or not len(used):
        return None
    setpoint = series(row.setpoint_c, len(row.occupied))
    last = int(used[-1])
    return sum(k <= last for k in deviating_steps(setpoint, step_h))


def _night_allows(problem: Problem, task: ZoneTask) -> bool:
    """Whether the next absence, or the one that has begun, is a night and not too cold."""
    used = np.array(task.occupied, dtype=bool)
    if not used.any() or used.all():
        return False
    first = int(np.argmin(used))
    later = np.flatnonzero(used[first:])
    if not len(later) or later[0] * problem.step_s > NIGHT_H * 3600.0:
        return False
    outdoors = series(problem.weather.temp_out_c, problem.steps)[first : first + int(later[0])]
    return bool(np.isfinite(outdoors).all() and outdoors.mean() >= COLDEST_C)
