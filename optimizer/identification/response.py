"""Response of a room to deviations from its habit: what models must show where weeks are alike.

"Like last week" can hardly be beaten while the building repeats itself, and it cannot foresee what
a setpoint does that nobody has tried. The windows of a day that begin where the setpoint departs
from what it has at the same time of other weeks tell a model from the habit: from the state known
before each of them, the model under its thermostat has to foretell temperature and heat better than
the days and weeks before. Each window is left out of the fit that foretells it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from optimizer.identification.deviations import deviating_steps, weekly_median
from optimizer.identification.excitation import DataSplit
from optimizer.identification.model_selection import FOLD_ITERATIONS, StructureFit
from optimizer.identification.parameter_fit import FittedModel, fit_structure, fit_windows
from optimizer.model.rc_network import Bools, Floats
from optimizer.model.steady_state_filter import DrivenModel, drive_model, filter_states
from optimizer.model.zone_record import ZoneRecord

BEFORE_H = 1.0
WINDOW_H = 24.0
LEAST_WINDOWS = 3
MOST_WINDOWS = 10
MOST_STRUCTURES = 3
LARGEST_ERROR_K = 1.0
STEADY_H = 2.0
LARGEST_OFFSET_K = 1.0
POWER_QUANTILE = 0.995


@dataclass(frozen=True, slots=True)
class ResponseScore:
    """Root mean square errors over ``windows`` windows after deviations: of the room [K] and of the
    heat of each window [kWh], by the model and by the better of its rivals, which are the day
    before, the week before and the mean of the other weeks."""

    windows: int
    temp_k: float
    rival_temp_k: float
    heat_kwh: float
    rival_heat_kwh: float

    @property
    def shown(self) -> bool:
        """Whether the model foretells what a change does better than the habit."""
        return (
            self.windows >= LEAST_WINDOWS
            and self.temp_k <= min(LARGEST_ERROR_K, self.rival_temp_k)
            and self.heat_kwh <= self.rival_heat_kwh
        )


NO_RESPONSE = ResponseScore(0, float("nan"), float("nan"), float("nan"), float("nan"))


def deviations(record: ZoneRecord) -> list[int]:
    """Returns the steps at which the setpoint begins to depart from its habit, the latest
    :data:`MOST_WINDOWS`; none where no setpoint is known."""
    if record.setpoint is None:
        return []
    return deviating_steps(record.setpoint, record.step_h)[-MOST_WINDOWS:]


def respond(
    record: ZoneRecord, structures: Sequence[StructureFit], split: DataSplit
) -> tuple[FittedModel | None, ResponseScore]:
    """Returns the first of the best structures that shows the response, fitted to all days, and the
    score of the last that was tried."""
    begins = deviations(record)
    if len(begins) < LEAST_WINDOWS:
        return None, replace(NO_RESPONSE, windows=len(begins))
    latest = NO_RESPONSE
    for each in sorted(structures, key=lambda one: one.error_k)[:MOST_STRUCTURES]:
        latest = response_score(record, each.fit, begins, split)
        if latest.shown:
            windows = fit_windows(record, len(record), each.fit.scale, split)
            if windows is not None:
                return fit_structure(windows, each.structure, each.fit.values), latest
    return None, latest


def response_score(
    record: ZoneRecord, fit: FittedModel, begins: list[int], split: DataSplit
) -> ResponseScore:
    """Returns how well ``fit``'s structure foretells the windows of the deviations ``begins``."""
    before, length = round(BEFORE_H / record.step_h), round(WINDOW_H / record.step_h)
    rows = []
    for begin in begins:
        first = max(1, begin - before)
        last = min(len(record), first + length)
        if last - first < length // 2 or not record.known[first:last].all():
            continue
        without = _fit_without(record, fit, first, last, split)
        if without is not None:
            rows.append(_errors(record, without, first, last))
    if not rows:
        return NO_RESPONSE
    temp, heat, rival_temp, rival_heat = (
        np.sqrt(np.nanmean(np.array([row[i] for row in rows], dtype=float) ** 2, axis=0))
        for i in range(4)
    )
    return ResponseScore(
        len(rows), float(temp), float(np.min(rival_temp)), float(heat), float(np.min(rival_heat))
    )


def _fit_without(
    record: ZoneRecord, fit: FittedModel, first: int, last: int, split: DataSplit
) -> FittedModel | None:
    """The structure fitted to all days but those of a window."""
    heat = record.heat.copy()
    heat[first:last] = np.nan
    windows = fit_windows(replace(record, heat=heat), len(record), fit.scale, split)
    if windows is None:
        return None
    return fit_structure(windows, fit.structure, fit.values, FOLD_ITERATIONS)


def _errors(
    record: ZoneRecord, fit: FittedModel, first: int, last: int
) -> tuple[float, float, list[float], list[float]]:
    """Of one window: the error of the room [K] and of the heat [kWh], then those of the rivals."""
    room, heat = _under_thermostat(record, fit, first, last)
    truth = record.temp[first + 1 : last]
    sums = record.heat * record.step_h
    burnt = float(sums[first:last].sum())
    rival_temp, rival_heat = [], []
    for like in _rivals(record, first, last):
        rival_temp.append(_rms(like[0][1:] - truth))
        rival_heat.append(float(like[1].sum()) * record.step_h - burnt)
    model_heat = float(heat.sum()) * record.step_h - burnt
    return _rms(room[:-1] - truth), model_heat, rival_temp, rival_heat


def _rivals(record: ZoneRecord, first: int, last: int) -> Iterator[tuple[Floats, Floats]]:
    """Room and heat of a window as the day before, the week before, and the middle of all weeks."""
    for ago_h in (24.0, 168.0):
        ago = round(ago_h / record.step_h)
        steps = np.arange(first, last) - ago
        inside = np.maximum(steps, 0)
        known = steps >= 0
        yield (
            np.where(known, record.temp[inside], np.nan),
            np.where(known, record.heat[inside], np.nan),
        )
    room, heat = (weekly_median(each, record.step_h) for each in (record.temp, record.heat))
    yield room[first:last], heat[first:last]


def _under_thermostat(
    record: ZoneRecord, fit: FittedModel, first: int, last: int
) -> tuple[Floats, Floats]:
    """The room at the end of each step [degC] and its heat [kW] from the state known at ``first``
    on, with the setpoint as it was and the power that the record shows."""
    driven, unheated = (
        drive_model(fit.rc, each)
        for each in (record.filled(), replace(record.filled(), heat=np.zeros(len(record))))
    )
    states = filter_states(driven, record.temp)
    air, mass = float(states.air[0, first]), float(states.mass[0, first])
    target = np.zeros(0) if record.setpoint is None else record.setpoint + _offset(record)
    most = float(np.nanquantile(record.heat, POWER_QUANTILE))
    rooms, heats = [], []
    for k in range(first, last):
        a, b = _matrices(unheated, k)
        free = a[0, 0] * air + a[0, 1] * mass + unheated.added[0][0, k]
        wanted = (target[k] - free) / b[0, 0]
        heat = float(np.clip(np.nan_to_num(wanted), 0.0, most))
        mass = a[1, 0] * air + a[1, 1] * mass + unheated.added[1][0, k] + b[1, 0] * heat
        air = free + b[0, 0] * heat
        rooms.append(air)
        heats.append(heat)
    return np.array(rooms), np.array(heats)


def _matrices(driven: DrivenModel, k: int) -> tuple[Floats, Floats]:
    step, run = driven.interpolated, float(driven.run[k])
    return step.a[0] + run * step.a_more[0], step.b[0] + run * step.b_more[0]


def _offset(record: ZoneRecord) -> float:
    """How far above its setpoint the room is while its thermostat heats [K]."""
    if record.setpoint is None:
        return 0.0
    steady = _steady(record.setpoint, round(STEADY_H / record.step_h))
    rows = steady & (record.heat > 0.05 * np.nanmax(record.heat)) & np.isfinite(record.temp)
    apart = (record.temp - record.setpoint)[rows]
    middle = float(np.median(apart)) if len(apart) else 0.0
    return float(np.clip(middle, -LARGEST_OFFSET_K, LARGEST_OFFSET_K))


def _steady(setpoint: Floats, steps: int) -> Bools:
    """Where the setpoint (n,) has stood for so many steps."""
    found = np.zeros(len(setpoint), dtype=bool)
    if len(setpoint) > steps:
        windows = np.lib.stride_tricks.sliding_window_view(setpoint, steps + 1)
        found[steps:] = np.ptp(windows, axis=1) < 0.05
    return found


def _rms(errors: Floats) -> float:
    known = errors[np.isfinite(errors)]
    return float(np.sqrt(np.mean(known**2))) if len(known) else float("nan")
