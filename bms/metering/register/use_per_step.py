"""Use per step from a cumulative register."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bms.metering.events import events_within
from bms.metering.flaw import Flaw, FlawCode, cover_missing_steps
from bms.metering.register.exchange import join_exchanges, near_exchanges
from bms.metering.register.flat_line import flat_lines
from bms.metering.register.rollovers import Chain, build_chain
from bms.metering.register.step_sums import sum_steps
from bms.metering.register.unit_change import in_other_unit, unit_change_flaws
from bms.metering.register.usual_rate import (
    MeterRating,
    UsualRate,
    learn_usual_rate,
    register_resolution,
    rounding_of,
)
from bms.metering.step_edges import MeterPeriod, from_micros
from bms.metering.time_order import held, sorted_readings, within_register_range
from bms.model.readings.metering import Consumption, MeterExchange
from bms.model.readings.series import Floats, Micros, Series


def register_use(
    times: Micros,
    values: Floats,
    *,
    period: MeterPeriod,
    rating: MeterRating,
    maximum: float | None = None,
    exchanges: Sequence[MeterExchange] = (),
) -> Consumption:
    """Returns the use per step of a meter with a cumulative register.

    ``times`` [us after 1970 UTC] and ``values`` [unit of the ``rating`` before the multiplier],
    shape (m,), in any order; those around the period help to judge it and are welcome: half an
    hour beyond its ends for the edges, some days for the meter's habits. ``maximum`` is where the
    register starts again from zero (or the last value that it shows, all nines or all bits set).
    Without a rated maximum, what it can count is learned from its own habits
    (``bms.metering.register.usual_rate``). ``exchanges`` carry registers as they were read.

    A step's use is the difference of the register at its edges, and NaN where that is unknown:
    see ``docs/metering.md``. Raises ValueError as ``MeterPeriod.grid`` does, and for shapes that
    differ.
    """
    grid = period.grid()
    ends = int(grid[0]), int(grid[-1])
    counting = _counting(times, values, rating, maximum, exchanges)
    steps = sum_steps(
        counting.chain, grid, counting.usual_rate, counting.resolution, spread=period.spread
    )
    explained = cover_missing_steps(steps.spans, counting.flaws + steps.flaws)
    return Consumption(
        use=Series(from_micros(ends[0]), period.step, steps.use * rating.multiplier),
        unit=rating.unit,
        total=None if steps.total is None else steps.total * rating.multiplier,
        events=events_within(explained, rating.unit, rating.multiplier, *ends),
        edges=None if period.edges is None else grid,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Counting:
    """A register that counts on, how fast it can, its smallest step, and all that was met."""

    chain: Chain
    usual_rate: UsualRate
    resolution: float
    flaws: list[Flaw]


MIXED = (FlawCode.DIP, FlawCode.SPIKE, FlawCode.UNIT_SLIP)
MOST_MIXED = 1 / 3
"""Where more readings than this share are wrong, nobody knows which of them are right: units or
meters are mixed."""


def _counting(
    times: Micros,
    values: Floats,
    rating: MeterRating,
    maximum: float | None,
    exchanges: Sequence[MeterExchange],
) -> _Counting:
    rollover_at = None if maximum is None else rollover_value(maximum)
    times, values, flaws = sorted_readings(times, values)
    times, values, impossible = within_register_range(times, values, rollover_at)
    usual = learn_usual_rate(times, values)
    if np.any(np.diff(values) < 0):
        values, rounded = held(times, values, rounding_of(values, usual))
        flaws += rounded
    resolution = register_resolution(values)
    wrong_unit = in_other_unit(times, values, usual, resolution, near_exchanges(times, exchanges))
    flaws += impossible + unit_change_flaws(times, wrong_unit)
    if wrong_unit.any():
        times, values = times[~wrong_unit], values[~wrong_unit]
        resolution, usual = register_resolution(values), learn_usual_rate(times, values)
    usual_rate = rating.usual_rate(usual)
    one, exchanged = join_exchanges(times, values, exchanges, usual_rate, resolution)
    built = build_chain(
        times, one, values, rollover_at=rollover_at, usual_rate=usual_rate, resolution=resolution
    )
    found = flaws + built.flaws
    wrong = sum(flaw.count for flaw in found if flaw.code in MIXED)
    if wrong > MOST_MIXED * (len(built.times) + wrong):
        built = replace(built, part=np.arange(len(built.part)))
    flaws = [_with_amount(flaw, built) for flaw in found + exchanged]
    return _Counting(built, usual_rate, resolution, flaws + flat_lines(built.times, built.counted))


def _with_amount(flaw: Flaw, built: Chain) -> Flaw:
    """The use between the good readings around those that were left out, where it is known."""
    if flaw.count == 0 or flaw.whole:
        return flaw
    return replace(flaw, amount=built.between(flaw.start, flaw.end))


def rollover_value(maximum: float) -> float:
    """Returns where a register starts again from zero: ``maximum``, or one step beyond it where
    that is the last value that a register shows (all nines, or all bits set)."""
    whole = maximum == int(maximum) and maximum > 0
    if whole and int(maximum) & (int(maximum) + 1) == 0 and maximum >= 2**16 - 1:
        return maximum + 1.0
    digits = f"{maximum:.10g}".replace(".", "")
    if set(digits) == {"9"}:
        return float(10 ** math.ceil(math.log10(maximum)))
    return float(maximum)
