"""Which rung: by the days that follow what it was fitted to, several times over.

The learning part is cut into a beginning and three blocks (rolling origin): every rung is fitted to
the beginning and judged on the first block, fitted to both and judged on the second, and so on,
always exactly 24 h ahead with a restart every hour, from the state that a filter has then. Days
that the final score is taken from are never seen here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from optimizer.identification.excitation import Clock
from optimizer.identification.model_structures import BASIC, Rung
from optimizer.identification.parameter_fit import (
    TRIAL_TOLERANCE,
    Fit,
    Task,
    first_fits,
    fit_rung,
    task_of,
)
from optimizer.model.observer import drive, observe, run_on
from optimizer.model.rc_network import Floats
from optimizer.model.zone_record import Record

BLOCKS = (0.5, 2.0 / 3.0, 5.0 / 6.0, 1.0)
LEAST_BEGINNING_DAYS = 7.0
LEAST_BLOCK_H = 36.0
SIMPLER_IF_WITHIN = 1.01
BOUND_PRICE = 1.1
"""A parameter at its bound says that the data do not hold it: only a clear gain excuses that."""
WARM_UP_H = 72.0
AHEAD_H = 24.0
RESTART_H = 1.0
FOLD_ITERATIONS = 4
"""A fit to a part begins from the fit to the whole: a few steps tell the rungs apart."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A rung fitted to the whole learning part, and its error on the blocks [K].

    ``at_bounds`` names parameters that the data do not hold.
    """

    fit: Fit
    error_k: float

    @property
    def rung(self) -> Rung:
        return self.fit.rung

    @property
    def at_bounds(self) -> tuple[str, ...]:
        return self.fit.at_bounds


def ladder(
    record: Record, last: int, *, late_heat: bool = True, clock: Clock | None = None
) -> list[Trial]:
    """Every rung that was tried on the steps before ``last``; empty when windows are too few.

    Without ``late_heat`` no rung has a lag between the meter and the room. The blocks are cut by
    ``clock`` and windows weighed by it, without one by the calendar.
    """
    clock = clock or Clock(len(record))
    whole = task_of(record, last, clock=clock)
    if whole is None:
        return []
    blocks = _blocks(record, last, whole, clock)
    first = first_fits(whole)
    trials: list[Trial] = []
    for rung in BASIC:
        trials.append(_trial(whole, blocks, rung, {**first[rung.order], **_nearest(trials, rung)}))
    if late_heat:
        trials += [
            _trial(whole, blocks, replace(base.rung, lag=True), base.fit.values)
            for base in _worth_a_lag(trials)
        ]
    best = best_of(trials)
    rung = replace(best.rung, facades=True)
    if rung.names(record) != best.fit.names:
        trials.append(_trial(whole, blocks, rung, best.fit.values))
    return trials


def _worth_a_lag(trials: list[Trial]) -> list[Trial]:
    """The best rung, and the best of those with gains by hour: gains can hide a lag."""
    daily = [trial for trial in trials if trial.rung.gains == "daily"]
    return list({best.rung: best for best in (best_of(trials), best_of(daily))}.values())


def best_of(trials: list[Trial]) -> Trial:
    """The simplest rung whose error is within a hundredth of the best.

    The error of a rung that has run into bounds counts :data:`BOUND_PRICE` times.
    """
    errors = [_counted(trial) for trial in trials]
    enough = SIMPLER_IF_WITHIN * min(errors)
    good = [trial for trial, error in zip(trials, errors, strict=True) if error <= enough]
    return min(good, key=lambda trial: len(trial.fit.names))


def _counted(trial: Trial) -> float:
    if not np.isfinite(trial.error_k):
        return float("inf")
    return trial.error_k * (BOUND_PRICE if trial.at_bounds else 1.0)


def _nearest(trials: list[Trial], rung: Rung) -> dict[str, float]:
    """Fitted values of the latest rung of the same order."""
    same = [trial.fit.values for trial in trials if trial.rung.order == rung.order]
    return same[-1] if same else {}


@dataclass(frozen=True, slots=True)
class _Block:
    """A beginning to fit to, and the record from a few days before the block on."""

    task: Task
    record: Record
    starts: np.ndarray


def _edges(last: int, step_h: float, clock: Clock) -> list[int]:
    """Where blocks begin and end; those that are too short for a start go to the next one."""
    least = round(min(last, LEAST_BEGINNING_DAYS * 24.0 / step_h))
    edges = [last]
    for part in reversed(BLOCKS[:-1]):
        begin = max(clock.step(part, last), least)
        if (edges[0] - begin) * step_h >= LEAST_BLOCK_H:
            edges.insert(0, begin)
    return edges


def _blocks(record: Record, last: int, whole: Task, clock: Clock) -> list[_Block]:
    coarse = whole.record
    per = coarse.step_h / record.step_h
    blocks = []
    for begin, end in pairwise(_edges(last, record.step_h, clock)):
        task = task_of(record, begin, whole.scale, clock)
        first, final = round(begin / per), round(end / per)
        skip = max(0, first - round(WARM_UP_H / coarse.step_h))
        shown = coarse.part(skip, final)
        starts = restarts(shown, first - skip, AHEAD_H)
        if task is not None and len(starts):
            blocks.append(_Block(task, shown, starts))
    return blocks


def restarts(record: Record, first: int, ahead_h: float) -> np.ndarray:
    """Hourly starts from ``first`` on whose inputs and truth are known ``ahead_h`` on."""
    ahead = round(ahead_h / record.step_h)
    every = max(1, round(RESTART_H / record.step_h))
    starts = np.arange(first, len(record) - ahead, every)
    if not len(starts):
        return starts
    starts = starts[np.isfinite(record.temp[starts]) & np.isfinite(record.temp[starts + ahead])]
    return record.usable(starts, ahead) if len(starts) else starts


def errors_ahead(fit: Fit, record: Record, starts: np.ndarray, ahead_h: float) -> Floats:
    """Predicted less measured temperature [K], ``ahead_h`` after each of the starts (k,)."""
    ahead = round(ahead_h / record.step_h)
    driven = drive(fit.rc, record.filled())
    runs = run_on(driven, observe(driven, record.temp), starts, ahead)
    return np.asarray(runs[0, :, -1] - record.temp[starts + ahead])


def _trial(whole: Task, blocks: list[_Block], rung: Rung, start: dict[str, float]) -> Trial:
    fit = fit_rung(whole, rung, start, tolerance=TRIAL_TOLERANCE)
    found: list[Floats] = []
    values = fit.values
    for block in reversed(blocks):
        part = fit_rung(block.task, rung, values, FOLD_ITERATIONS, TRIAL_TOLERANCE)
        values = part.values
        found.append(errors_ahead(part, block.record, block.starts, AHEAD_H))
    errors = np.concatenate(found) if found else np.empty(0)
    return Trial(fit, float(np.sqrt(np.mean(errors**2))) if len(errors) else float("nan"))
