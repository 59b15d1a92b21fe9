"""Readings in order of time, each moment once, and nothing that a register cannot show."""

from __future__ import annotations

import numpy as np

from bms.metering.flaw import Mark, stretch_marks
from bms.metering.step_edges import Mask
from bms.model.readings.metering import Flaw
from bms.model.readings.series import Floats, Micros

MOST_DIGITS = 1e15
"""More digits than any register has, and as many as a float keeps."""


def in_order(times: Micros, values: Floats) -> tuple[Micros, Floats, list[Mark]]:
    """Known values by ascending time, one per moment.

    Readings that come twice count once. Two different values for one moment are both set aside:
    nothing tells which is right. Raises ValueError when the shapes differ.
    """
    if times.shape != values.shape or times.ndim != 1:
        raise ValueError(f"{times.shape} times do not go with {values.shape} values")
    known = np.isfinite(values)
    if not known.all():
        times, values = times[known], values[known]
    gaps = np.diff(times)
    if np.all(gaps > 0):
        return times, values, []
    marks = _late(times, gaps)
    order = np.lexsort((values, times))
    return _once(times[order], values[order], marks)


def _late(times: Micros, gaps: Micros) -> list[Mark]:
    if np.all(gaps >= 0):
        return []
    late = times < np.maximum.accumulate(times)
    span = times[late]
    return [
        Mark(
            Flaw.OUT_OF_ORDER,
            "out_of_order",
            int(span.min()),
            int(span.max()),
            count=int(late.sum()),
            whole=True,
        )
    ]


def _once(times: Micros, values: Floats, marks: list[Mark]) -> tuple[Micros, Floats, list[Mark]]:
    again = np.concatenate(([False], np.diff(times) == 0))
    if not again.any():
        return times, values, marks
    same = again & np.concatenate(([False], values[1:] == values[:-1]))
    disputed = np.isin(times, times[again & ~same])
    twice = times[same]
    if len(twice):
        first, last = int(twice[0]), int(twice[-1])
        marks.append(Mark(Flaw.DUPLICATE, "duplicate", first, last, count=len(twice), whole=True))
    moments = np.unique(times[disputed])
    all_moments = np.unique(times)
    marks += stretch_marks(Flaw.DUPLICATE, "two_values", all_moments, np.isin(all_moments, moments))
    keep = ~again & ~disputed
    return times[keep], values[keep], marks


def possible(
    times: Micros, values: Floats, width: float | None
) -> tuple[Micros, Floats, list[Mark]]:
    """Without what a register cannot show: less than nothing, or more than its width, which is
    no more than 15 digits where nobody told."""
    if not len(values):
        return times, values, []
    negative = values < 0
    beyond: Mask = values > (MOST_DIGITS if width is None else width)
    if not (negative.any() or beyond.any()):
        return times, values, []
    marks = stretch_marks(Flaw.NEGATIVE, "negative_register", times, negative)
    marks += stretch_marks(Flaw.SPIKE, "beyond_register", times, beyond)
    keep = ~(negative | beyond)
    return times[keep], values[keep], marks
