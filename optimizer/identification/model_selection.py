"""Selection of the model structure by rolling-origin validation.

The training part is cut into a beginning and three blocks: every structure is fitted to the
beginning and validated on the first block, fitted to both and validated on the second, and so on,
always exactly 24 h ahead with a restart every hour, from the filtered state at that time. Days of
the final score are never seen here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from optimizer.identification.excitation import DataSplit
from optimizer.identification.model_structures import BASIC_STRUCTURES, ModelStructure
from optimizer.identification.parameter_fit import (
    SELECTION_TOLERANCE,
    FittedModel,
    FitWindows,
    fit_structure,
    fit_windows,
    initial_fits,
)
from optimizer.model.rc_network import Floats
from optimizer.model.steady_state_filter import drive_model, filter_states, predict_from
from optimizer.model.zone_record import ZoneRecord

BLOCKS = (0.5, 2.0 / 3.0, 5.0 / 6.0, 1.0)
LEAST_BEGINNING_DAYS = 7.0
LEAST_BLOCK_H = 36.0
SIMPLER_IF_WITHIN = 1.01
BOUND_PENALTY = 1.1
"""A parameter at its bound says that the data do not hold it: only a clear gain excuses that."""
WARM_UP_H = 72.0
AHEAD_H = 24.0
RESTART_H = 1.0
FOLD_ITERATIONS = 4
"""A fit to a part begins from the fit to the whole: a few steps tell the structures apart."""


@dataclass(frozen=True, slots=True)
class StructureFit:
    """A structure fitted to the whole training part, and its validation error on the blocks [K].

    ``at_bounds`` names parameters that the data do not determine.
    """

    fit: FittedModel
    error_k: float

    @property
    def structure(self) -> ModelStructure:
        return self.fit.structure

    @property
    def at_bounds(self) -> tuple[str, ...]:
        return self.fit.at_bounds


def compare_structures(
    record: ZoneRecord, last: int, *, heat_lag: bool = True, split: DataSplit | None = None
) -> list[StructureFit]:
    """Returns the fits of all structures that were tried on the steps before ``last``; empty when
    there are too few windows.

    Without ``heat_lag`` no structure has a lag between the meter and the room. The blocks are cut
    and the windows weighed by ``split``, by default the calendar.
    """
    split = split or DataSplit(len(record))
    whole = fit_windows(record, last, split=split)
    if whole is None:
        return []
    blocks = _folds(record, last, whole, split)
    first = initial_fits(whole)
    structures: list[StructureFit] = []
    for structure in BASIC_STRUCTURES:
        structures.append(
            _structure(
                whole,
                blocks,
                structure,
                {**first[structure.order], **_latest_values(structures, structure)},
            )
        )
    if heat_lag:
        structures += [
            _structure(whole, blocks, replace(base.structure, lag=True), base.fit.values)
            for base in _lag_candidates(structures)
        ]
    best = select_structure(structures)
    structure = replace(best.structure, facades=True)
    if structure.names(record) != best.fit.names:
        structures.append(_structure(whole, blocks, structure, best.fit.values))
    return structures


def _lag_candidates(structures: list[StructureFit]) -> list[StructureFit]:
    """The best structure, and the best of those with gains by hour: gains can hide a lag."""
    daily = [candidate for candidate in structures if candidate.structure.gains == "daily"]
    return list(
        {
            best.structure: best for best in (select_structure(structures), select_structure(daily))
        }.values()
    )


def select_structure(structures: list[StructureFit]) -> StructureFit:
    """Returns the simplest structure whose error is within :data:`SIMPLER_IF_WITHIN` of the best.

    The error of a structure at bounds counts :data:`BOUND_PENALTY` times.
    """
    errors = [_penalised_error(candidate) for candidate in structures]
    enough = SIMPLER_IF_WITHIN * min(errors)
    good = [
        candidate for candidate, error in zip(structures, errors, strict=True) if error <= enough
    ]
    return min(good, key=lambda candidate: len(candidate.fit.names))


def _penalised_error(candidate: StructureFit) -> float:
    if not np.isfinite(candidate.error_k):
        return float("inf")
    return candidate.error_k * (BOUND_PENALTY if candidate.at_bounds else 1.0)


def _latest_values(structures: list[StructureFit], structure: ModelStructure) -> dict[str, float]:
    """Fitted values of the latest structure of the same order."""
    same = [
        candidate.fit.values
        for candidate in structures
        if candidate.structure.order == structure.order
    ]
    return same[-1] if same else {}


@dataclass(frozen=True, slots=True)
class _Fold:
    """A beginning to fit to, and the record from a few days before its validation block on."""

    windows: FitWindows
    record: ZoneRecord
    starts: np.ndarray


def _fold_edges(last: int, step_h: float, split: DataSplit) -> list[int]:
    """First and last steps of the blocks; those that are too short for a restart are merged with
    the next."""
    least = round(min(last, LEAST_BEGINNING_DAYS * 24.0 / step_h))
    edges = [last]
    for part in reversed(BLOCKS[:-1]):
        begin = max(split.step(part, last), least)
        if (edges[0] - begin) * step_h >= LEAST_BLOCK_H:
            edges.insert(0, begin)
    return edges


def _folds(record: ZoneRecord, last: int, whole: FitWindows, split: DataSplit) -> list[_Fold]:
    resampled = whole.record
    per = resampled.step_h / record.step_h
    blocks = []
    for begin, end in pairwise(_fold_edges(last, record.step_h, split)):
        windows = fit_windows(record, begin, whole.scale, split)
        first, final = round(begin / per), round(end / per)
        skip = max(0, first - round(WARM_UP_H / resampled.step_h))
        shown = resampled.part(skip, final)
        starts = restart_steps(shown, first - skip, AHEAD_H)
        if windows is not None and len(starts):
            blocks.append(_Fold(windows, shown, starts))
    return blocks


def restart_steps(record: ZoneRecord, first: int, ahead_h: float) -> np.ndarray:
    """Returns hourly starts from ``first`` on whose inputs and truth are known ``ahead_h`` on."""
    ahead = round(ahead_h / record.step_h)
    every = max(1, round(RESTART_H / record.step_h))
    starts = np.arange(first, len(record) - ahead, every)
    if not len(starts):
        return starts
    starts = starts[np.isfinite(record.temp[starts]) & np.isfinite(record.temp[starts + ahead])]
    return record.usable(starts, ahead) if len(starts) else starts


def errors_ahead(
    fit: FittedModel, record: ZoneRecord, starts: np.ndarray, ahead_h: float
) -> Floats:
    """Returns predicted less measured temperature [K] ``ahead_h`` after each of the starts (k,)."""
    ahead = round(ahead_h / record.step_h)
    driven = drive_model(fit.rc, record.filled())
    runs = predict_from(driven, filter_states(driven, record.temp), starts, ahead)
    return np.asarray(runs[0, :, -1] - record.temp[starts + ahead])


def _structure(
    whole: FitWindows, blocks: list[_Fold], structure: ModelStructure, start: dict[str, float]
) -> StructureFit:
    fit = fit_structure(whole, structure, start, tolerance=SELECTION_TOLERANCE)
    found: list[Floats] = []
    values = fit.values
    for block in reversed(blocks):
        part = fit_structure(block.windows, structure, values, FOLD_ITERATIONS, SELECTION_TOLERANCE)
        values = part.values
        found.append(errors_ahead(part, block.record, block.starts, AHEAD_H))
    errors = np.concatenate(found) if found else np.empty(0)
    return StructureFit(fit, float(np.sqrt(np.mean(errors**2))) if len(errors) else float("nan"))
