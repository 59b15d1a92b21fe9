"""Backtest of a model on a history: errors of predictions from the state known at every start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from bms.model.planning.problem import BuildingModel, Problem
from optimizer.identification.identify import zone_record
from optimizer.model.heat_shares import HeatShares
from optimizer.model.history import measured_past
from optimizer.model.rc_network import Floats, RcNetwork
from optimizer.model.steady_state_filter import drive_model, filter_states, predict_from
from optimizer.model.zone_record import ZoneRecord

HORIZONS_H = (1.0, 6.0, 24.0)


@dataclass(frozen=True, slots=True)
class BacktestErrors:
    """Predicted less measured temperature [K], shape (zones, starts, horizons); NaN where an input
    or the truth is not known, or the prediction would reach beyond the history.

    ``starts`` are the moments of prediction, ``horizons_h`` [h] how far ahead.
    """

    zones: tuple[str, ...]
    starts: tuple[datetime, ...]
    horizons_h: tuple[float, ...]
    errors: Floats

    def rmse(self) -> Floats:
        """Returns the RMSE per zone and horizon [K]; NaN where there is nothing to compare."""
        known = np.isfinite(self.errors)
        squares = np.where(known, self.errors, 0.0) ** 2
        with np.errstate(invalid="ignore"):
            return np.asarray(np.sqrt(squares.sum(axis=1) / known.sum(axis=1)))


def prediction_errors(
    problem: Problem,
    model: BuildingModel,
    horizons_h: Sequence[float] = HORIZONS_H,
    *,
    every_h: float = 1.0,
) -> BacktestErrors:
    """Returns the errors of ``model`` on the history of ``problem``, restarted every ``every_h``
    hours.

    Every prediction starts from the filtered state at its start and takes the weather and the heat
    as they were measured, so it judges the model and not the forecasts. Zones without model or
    history are left out; without any, all shapes are 0.
    """
    horizons = tuple(float(h) for h in horizons_h)
    history = problem.history
    have = {zone.id for zone in history.zones} if history else set()
    models = {zone.zone: zone for zone in model.zones if zone.zone in have}
    names = [zone.id for zone in problem.zones if zone.id in models]
    if history is None or not names:
        return BacktestErrors((), (), horizons, np.empty((0, 0, len(horizons))))
    past = measured_past(problem, history, names)
    parameters = [models[name].parameters for name in names]
    shares = HeatShares.from_parameters(parameters)
    every = max(1, round(every_h / past.step_h))
    starts = np.arange(0, past.steps, every)
    rows = [
        _zone_errors(
            RcNetwork.from_parameters([parameters[z]]),
            zone_record(past, shares, z),
            starts,
            horizons,
        )
        for z in range(len(names))
    ]
    step = timedelta(seconds=history.step_s)
    moments = tuple(history.start + int(start) * step for start in starts)
    return BacktestErrors(tuple(names), moments, horizons, np.stack(rows))


def _zone_errors(
    rc: RcNetwork, record: ZoneRecord, starts: np.ndarray, horizons: tuple[float, ...]
) -> Floats:
    """Shape (starts, horizons)."""
    driven = drive_model(rc, record.filled())
    states = filter_states(driven, record.temp)
    result = np.full((len(starts), len(horizons)), np.nan)
    for column, ahead in enumerate(max(1, round(h / record.step_h)) for h in horizons):
        inside = starts[starts + ahead < len(record)]
        good = record.usable(inside, ahead)
        if not len(good):
            continue
        predicted = predict_from(driven, states, good, ahead)[0, :, -1]
        result[np.searchsorted(starts, good), column] = predicted - record.temp[good + ahead]
    return result
