"""A chain of readings folded onto the edges of steps, with a reason for every step without use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bms.metering.flaw import Flaw, FlawCode
from bms.metering.register.rollovers import Chain
from bms.metering.register.usual_rate import UsualRate
from bms.metering.step_edges import HOUR_US, hours, tolerance
from bms.model.readings.runs_and_peaks import Mask, runs
from bms.model.readings.series import Floats, Micros

NEAR_STEPS, NEAR_PAUSES = 1.5, 1.9
"""Readings around an edge are near enough to share their rise by time when they are no farther
apart than so many steps, and than so many of the meter's usual pauses: over a gap nothing is
shared."""
LONGEST = 36 * HOUR_US
"""Longest pause [us] that is shared on shorter steps, of meters that are read about daily."""


@dataclass(frozen=True, slots=True, eq=False)
class StepSums:
    """Use per step, shape (n,), NaN where unknown; ``total`` from the first edge to the last,
    None where unknown; ``spans`` (start [us], end [us], use) of each run of unknown steps."""

    use: Floats
    total: float | None
    spans: list[tuple[int, int, float | None]]
    flaws: list[Flaw]


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """The register at the edges of steps, shapes (n,): ``counted``, of the ``part`` of the chain,
    by a reading at ``time`` [us]; ``known`` or not. ``bound``: how far it may lie from the register
    where it is interpolated, 0 elsewhere."""

    counted: Floats
    part: NDArray[np.int64]
    time: Micros
    known: Mask
    bound: Floats


def sum_steps(
    chain: Chain, edges: Micros, usual_rate: UsualRate, resolution: float, *, spread: bool = False
) -> StepSums:
    """Use per step: the register at the step's end minus the register at its start.

    The register at an edge is the reading nearest to it, within the tolerance; otherwise it lies by
    time between the readings around it, where these are near enough. ``spread``: near enough is
    also the usual pause of a meter that is read about daily, so that its use is spread over the
    hours of the day. Steps share their edges, so that known steps add up to the register's
    difference.
    """
    n = max(len(edges) - 1, 0)
    use = np.full(n, np.nan)
    if not n:
        return StepSums(use, None, [], [])
    if not len(chain.times):
        return StepSums(use, None, [(int(edges[0]), int(edges[-1]), None)], [])
    at = _interpolated(chain, edges, _nearest(chain, edges), spread=spread)
    sound = at.known[1:] & at.known[:-1] & (at.part[1:] == at.part[:-1])
    use[sound] = np.diff(at.counted)[sound]
    absurd = use > usual_rate.bound * hours(np.diff(at.time)) + resolution
    use[absurd] = np.nan
    flaws = [
        Flaw(FlawCode.ABSURD_STEP, int(edges[first]), int(edges[end]))
        for first, end in runs(absurd)
    ]
    whole = bool(at.known[0] and at.known[-1] and at.part[0] == at.part[-1] and not absurd.any())
    total = float(at.counted[-1] - at.counted[0]) if whole else None
    flaws += shared_steps(edges, at.bound[:-1] + at.bound[1:], np.isfinite(use))
    return StepSums(use, total, _spans(use, edges, at), flaws)


def shared_steps(edges: Micros, bound: Floats, known: Mask) -> list[Flaw]:
    """Tells in how many of the ``known`` steps use was shared by time, and the largest ``bound`` of
    one of them, shapes (n,); nothing where none was."""
    shared = np.flatnonzero(known & (bound > 0))
    if not len(shared):
        return []
    first, last = int(edges[shared[0]]), int(edges[shared[-1] + 1])
    most = float(bound[shared].max())
    code = FlawCode.INTERPOLATED
    return [Flaw(code, first, last, count=len(shared), whole=True, bound=most)]


def _spans(use: Floats, edges: Micros, at: _Edges) -> list[tuple[int, int, float | None]]:
    spans = []
    for first, end in runs(np.isnan(use)):
        same = at.known[first] and at.known[end] and at.part[first] == at.part[end]
        amount = float(at.counted[end] - at.counted[first]) if same else None
        spans.append((int(edges[first]), int(edges[end]), amount))
    return spans


def _nearest(chain: Chain, edges: Micros) -> _Edges:
    """The reading nearest to each edge (the earlier of two), and whether it is near."""
    times, reach = chain.times, tolerance(edges, chain.times)
    after = np.searchsorted(times, edges).clip(max=len(times) - 1)
    before = (after - 1).clip(min=0)
    distance = np.abs(times[after] - edges)
    distance_before = np.abs(times[before] - edges)
    at = np.where(distance_before <= distance, before, after)
    near = np.minimum(distance, distance_before) <= reach
    return _Edges(chain.counted[at], chain.part[at], times[at], near, np.zeros(len(edges)))


def _interpolated(chain: Chain, edges: Micros, nearest: _Edges, *, spread: bool) -> _Edges:
    """The edges of ``nearest`` with those that no reading is near to, by time between the readings
    around them where these are near enough and of one part."""
    times, counted, part = chain.times, chain.counted, chain.part
    if nearest.known.all() or len(times) < 2:
        return nearest
    after = np.searchsorted(times, edges).clip(1, len(times) - 1)
    before = after - 1
    inside = (times[before] <= edges) & (edges <= times[after]) & (part[before] == part[after])
    pause = times[after] - times[before]
    fill = ~nearest.known & inside & (pause <= _longest(times, edges, spread=spread))
    share = (edges - times[before]) / np.maximum(pause, 1)
    rise = counted[after] - counted[before]
    return _Edges(
        np.where(fill, counted[before] + share * rise, nearest.counted),
        np.where(fill, part[before], nearest.part),
        np.where(fill, edges, nearest.time),
        nearest.known | fill,
        np.where(fill, np.maximum(share, 1.0 - share) * rise, 0.0),
    )


def _longest(times: Micros, edges: Micros, *, spread: bool) -> float:
    """The longest pause [us] between two readings that are near enough to each other."""
    usual = NEAR_PAUSES * float(np.median(np.diff(times)))
    most = max(NEAR_STEPS * float(np.diff(edges).min()), LONGEST if spread else 0.0)
    return min(usual, most)
