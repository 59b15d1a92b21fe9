"""Aware moments as whole microseconds after 1970-01-01T00:00Z, and the edges of steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from bms.model.readings.series import Floats, Micros, grid_length

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
HOUR_US = 3_600_000_000

#: How far from the edge of a step a register may be read and still stand for the edge: an eighth
#: of the step, and never more than half an hour. The store folds by the same rule.
EDGE_SHARE = 8
EDGE_LIMIT = HOUR_US // 2


def to_micros(moment: datetime) -> int:
    """Microseconds [us] after 1970 UTC. Raises ValueError for a naive moment."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone: meters are counted in aware moments only")
    return (moment - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """The moment in UTC that lies ``micros`` [us] after 1970."""
    return EPOCH + timedelta(microseconds=int(micros))


def step_edges(start: datetime, end: datetime, step: timedelta) -> Micros:
    """The edges [us] of the steps from ``start`` up to ``end``, shape (n + 1,).

    Raises ValueError for naive moments and a step that is not positive.
    """
    if step <= timedelta(0):
        raise ValueError(f"a grid has a positive step, not {step}")
    first, _ = to_micros(start), to_micros(end)
    n = grid_length(start, end, step)
    return first + (step // MICROSECOND) * np.arange(n + 1, dtype=np.int64)


def checked_edges(edges: Micros) -> Micros:
    """Given edges as int64. Raises ValueError when there is none or they do not ascend."""
    if not len(edges) or np.any(np.diff(edges) <= 0):
        raise ValueError("the edges of steps ascend, and there is at least one")
    return edges.astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class MeterPeriod:
    """The steps that use is asked for: regular ones of ``step`` from ``start`` to ``end``, or those
    between ``edges`` [us after 1970 UTC], shape (n + 1,), where they are not all alike; then
    ``start`` and ``end`` are the first and last of them and ``step`` is only nominal. ``spread``:
    what a meter that is read about daily used is spread over shorter steps by time. ``exported``:
    a step in which amounts of a meter of import lie below zero has these in place of its use, so
    that what went out is seen; it is missing otherwise."""

    start: datetime
    end: datetime
    step: timedelta
    edges: Micros | None = None
    spread: bool = False
    exported: bool = False

    def grid(self) -> Micros:
        """Returns the edges of the steps [us], shape (n + 1,).

        Raises ValueError for naive moments, a step that is not positive and edges that do not
        ascend.
        """
        if self.edges is None:
            return step_edges(self.start, self.end, self.step)
        return checked_edges(self.edges)


#: A register that is usually read more seldom than this is read by a person, who comes some days
#: before or after the edge of a month.
SELDOM = 7 * 24 * HOUR_US


def tolerance(edges: Micros, times: Micros | None = None) -> int:
    """How far from an edge a register may be read [us]: half an hour at most, or an eighth of the
    step where it is read by the month; ``times`` [us] are those of its readings."""
    if len(edges) < 2:
        return 0
    share = int(np.diff(edges).min()) // EDGE_SHARE
    if times is not None and len(times) > 1 and float(np.median(np.diff(times))) > SELDOM:
        return share
    return min(share, EDGE_LIMIT)


def hours(span: Micros) -> Floats:
    """Spans [us] as hours [h], none shorter than one: a gateway that passes its meter's value on
    every full hour, and is asked every quarter, has all of an hour's use in one quarter."""
    return np.maximum(span / HOUR_US, 1.0)
