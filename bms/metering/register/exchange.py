"""Meter exchanges as noted in the site file: their place in the readings, and the use across."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bms.metering.flaw import Flaw, FlawCode
from bms.metering.register.usual_rate import UsualRate
from bms.metering.step_edges import HOUR_US, hours, to_micros
from bms.model.readings.metering import MeterExchange
from bms.model.readings.runs_and_peaks import Mask
from bms.model.readings.series import Floats, Micros

WITHIN = 24 * HOUR_US
"""A fitter's note has the day right, seldom the hour [us]."""


def near_exchanges(times: Micros, exchanges: Sequence[MeterExchange]) -> Mask:
    """Pairs of neighbouring readings where a noted exchange may lie. Shape (m - 1,)."""
    near = np.zeros(max(len(times) - 1, 0), dtype=np.bool_)
    for exchange in exchanges:
        near[_candidates(times, to_micros(exchange.at))] = True
    return near


def join_exchanges(
    times: Micros,
    values: Floats,
    exchanges: Sequence[MeterExchange],
    usual_rate: UsualRate,
    resolution: float,
) -> tuple[Floats, list[Flaw]]:
    """The registers of successive meters as one that counts on, and a flaw for each exchange.

    Across an exchange the use is what was left of the old register plus what the new one has
    counted. An exchange is taken at the pair of readings, within a day of the moment that was
    noted, that its two registers fit: first where the register falls or leaps, then nearest in
    time. One that fits nowhere changes nothing and is a flaw.
    """
    one, flaws = values, []
    for exchange in sorted(exchanges, key=lambda each: each.at):
        noted = to_micros(exchange.at)
        if not len(times) or not times[0] < noted <= times[-1]:
            continue
        at = _place(times, values, exchange, usual_rate, resolution)
        if at is None:
            flaws.append(Flaw(FlawCode.EXCHANGE_NOT_SEEN, noted, noted))
            continue
        left = max(exchange.final - float(values[at]), 0.0)
        counted = max(float(values[at + 1]) - exchange.first, 0.0)
        one = one.copy()
        one[at + 1 :] += float(one[at]) + left + counted - float(one[at + 1])
        ends = int(times[at]), int(times[at + 1])
        flaws.append(Flaw(FlawCode.EXCHANGE, *ends, amount=left + counted))
    return one, flaws


def _candidates(times: Micros, noted: int) -> slice:
    """Pairs of readings that lie around ``noted`` [us] or end within a day of it."""
    around = int(np.searchsorted(times, noted)) - 1
    first = int(np.searchsorted(times, noted - WITHIN)) - 1
    last = int(np.searchsorted(times, noted + WITHIN, side="right")) - 1
    return slice(max(min(first, around), 0), max(last, around + 1, 0))


def _place(
    times: Micros, values: Floats, exchange: MeterExchange, usual_rate: UsualRate, resolution: float
) -> int | None:
    """Index of the last reading of the old meter, or None where the registers fit nowhere."""
    noted = to_micros(exchange.at)
    pairs = np.arange(len(times) - 1)[_candidates(times, noted)]
    before, after = values[pairs], values[pairs + 1]
    most = usual_rate.bound * hours(times[pairs + 1] - times[pairs]) + resolution
    left, counted = exchange.final - before, after - exchange.first
    fits = (left >= -resolution) & (counted >= -resolution) & (left + counted <= most)
    if not fits.any():
        return None
    smooth = (after >= before) & (after - before <= most)
    away = np.maximum(times[pairs] - noted, noted - times[pairs + 1])
    best = np.lexsort((np.maximum(away, 0), smooth, ~fits))[0]
    return int(pairs[best])
