"""Use per step from a cumulative register."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bms.metering.flaw import Mark, explain
from bms.metering.register.chain import Chain, chain
from bms.metering.register.exchange import joined, near_exchanges
from bms.metering.register.flat_line import flat_lines
from bms.metering.register.step_sums import fold
from bms.metering.register.unit_change import slip_marks, slipped
from bms.metering.register.usual_rate import Pace, Rating, learned, resolution
from bms.metering.step_edges import checked_edges, from_micros, step_edges
from bms.metering.time_order import in_order, possible
from bms.metering.wording import told
from bms.model.readings.metering import Consumption, MeterExchange
from bms.model.readings.series import Floats, Micros, Series
from bms.model.readings.units import Unit


def register_use(
    times: Micros,
    values: Floats,
    *,
    start: datetime,
    end: datetime,
    step: timedelta,
    edges: Micros | None = None,
    unit: Unit,
    maximum: float | None = None,
    multiplier: float = 1.0,
    max_per_hour: float | None = None,
    exchanges: Sequence[MeterExchange] = (),
) -> Consumption:
    """Use per step of a meter that counts on and on.

    ``times`` [us after 1970 UTC] and ``values`` [``unit`` before the multiplier], shape (m,), in
    any order; those around the period help to judge it and are welcome: half an hour beyond its
    ends for the edges, some days for the meter's habits. ``maximum`` is where the register starts
    again from zero (or the last value that it shows, all nines or all bits set); ``multiplier``
    turns the register into use; ``max_per_hour`` is the rated maximum [``unit`` per hour after the
    multiplier], without which the meter's own habits tell (``bms.metering.register.usual_rate``).
    ``exchanges`` carry registers as they were read. ``edges`` [us], shape (n + 1,), stand in for
    the regular grid of ``start``, ``end`` and ``step``; then ``start`` and ``end`` are its ends.

    A step's use is the difference of the register at its edges, and NaN where that is unknown:
    see ``docs/metering.md``. Raises ValueError for naive moments, a step or multiplier that is not
    positive, edges that do not ascend, and shapes that differ.
    """
    if not multiplier > 0:
        raise ValueError(f"a register's multiplier is positive, not {multiplier}")
    grid = step_edges(start, end, step) if edges is None else checked_edges(edges)
    ends = int(grid[0]), int(grid[-1])
    rating = Rating(unit, multiplier, max_per_hour)
    counting = _counting(times, values, rating, maximum, exchanges)
    steps = fold(counting.chain, grid, counting.pace, counting.quantum)
    marks = counting.marks + steps.marks
    return Consumption(
        use=Series(from_micros(ends[0]), step, steps.use * multiplier),
        unit=unit,
        total=None if steps.total is None else steps.total * multiplier,
        events=told(explain(steps.spans, marks), unit, multiplier, *ends),
        edges=None if edges is None else grid,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Counting:
    """A register that counts on, how fast it can, its smallest step, and all that was met."""

    chain: Chain
    pace: Pace
    quantum: float
    marks: list[Mark]


def _counting(
    times: Micros,
    values: Floats,
    rating: Rating,
    maximum: float | None,
    exchanges: Sequence[MeterExchange],
) -> _Counting:
    width = None if maximum is None else width_of(maximum)
    times, values, marks = in_order(times, values)
    times, values, impossible = possible(times, values, width)
    quantum, usual = resolution(values), learned(times, values)
    off = slipped(times, values, usual, quantum, near_exchanges(times, exchanges))
    marks += impossible + slip_marks(times, off)
    if off.any():
        times, values = times[~off], values[~off]
        quantum, usual = resolution(values), learned(times, values)
    pace = rating.pace(usual)
    one, exchanged = joined(times, values, exchanges, pace, quantum)
    link = chain(times, one, values, width=width, pace=pace, quantum=quantum)
    marks = [_with_amount(mark, link) for mark in marks + exchanged + link.marks]
    return _Counting(link, pace, quantum, marks + flat_lines(link.times, link.counted))


def _with_amount(mark: Mark, link: Chain) -> Mark:
    """The use between the good readings around those that were left out, where it is known."""
    if mark.count == 0 or mark.whole:
        return mark
    return replace(mark, amount=link.between(mark.start, mark.end))


def width_of(maximum: float) -> float:
    """Where a register starts again from zero: what was told, or one step beyond it where that is
    the last value that a register shows (all nines, or all bits set)."""
    whole = maximum == int(maximum) and maximum > 0
    if whole and int(maximum) & (int(maximum) + 1) == 0 and maximum >= 2**16 - 1:
        return maximum + 1.0
    digits = f"{maximum:.10g}".replace(".", "")
    if set(digits) == {"9"}:
        return float(10 ** math.ceil(math.log10(maximum)))
    return float(maximum)
