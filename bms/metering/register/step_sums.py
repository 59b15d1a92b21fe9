"""A chain of readings folded onto the edges of steps, with a reason for every step without use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bms.metering.flaw import Flaw, FlawCode
from bms.metering.register.rollovers import Chain
from bms.metering.register.usual_rate import UsualRate
from bms.metering.step_edges import hours, tolerance
from bms.model.readings.runs_and_peaks import Mask, runs
from bms.model.readings.series import Floats, Micros


@dataclass(frozen=True, slots=True, eq=False)
class StepSums:
    """Use per step, shape (n,), NaN where unknown; ``total`` from the first edge to the last,
    None where unknown; ``spans`` (start [us], end [us], use) of each run of unknown steps."""

    use: Floats
    total: float | None
    spans: list[tuple[int, int, float | None]]
    flaws: list[Flaw]


def sum_steps(chain: Chain, edges: Micros, usual_rate: UsualRate, resolution: float) -> StepSums:
    """Use per step: the register at the step's end minus the register at its start.

    The register at an edge is the reading nearest to it, within the tolerance; steps share their
    edges, so that known steps add up to the register's difference. Nothing is interpolated.
    """
    n = max(len(edges) - 1, 0)
    use = np.full(n, np.nan)
    if not n:
        return StepSums(use, None, [], [])
    if not len(chain.times):
        return StepSums(use, None, [(int(edges[0]), int(edges[-1]), None)], [])
    at, known = _nearest(chain.times, edges, tolerance(edges, chain.times))
    counted, part = chain.counted[at], chain.part[at]
    sound = known[1:] & known[:-1] & (part[1:] == part[:-1])
    use[sound] = np.diff(counted)[sound]
    absurd = use > usual_rate.bound * hours(np.diff(chain.times[at])) + resolution
    use[absurd] = np.nan
    flaws = [
        Flaw(FlawCode.ABSURD_STEP, int(edges[first]), int(edges[end]))
        for first, end in runs(absurd)
    ]
    whole = bool(known[0] and known[-1] and part[0] == part[-1] and not absurd.any())
    total = float(counted[-1] - counted[0]) if whole else None
    return StepSums(use, total, _spans(use, edges, at, known, chain), flaws)


def _spans(
    use: Floats, edges: Micros, at: NDArray[np.intp], known: Mask, chain: Chain
) -> list[tuple[int, int, float | None]]:
    spans = []
    for first, end in runs(np.isnan(use)):
        left, right = at[first], at[end]
        same = known[first] and known[end] and chain.part[left] == chain.part[right]
        amount = float(chain.counted[right] - chain.counted[left]) if same else None
        spans.append((int(edges[first]), int(edges[end]), amount))
    return spans


def _nearest(times: Micros, edges: Micros, reach: int) -> tuple[NDArray[np.intp], Mask]:
    """Index of the reading nearest to each edge (the earlier of two), and whether it is near."""
    after = np.searchsorted(times, edges).clip(max=len(times) - 1)
    before = (after - 1).clip(min=0)
    distance = np.abs(times[after] - edges)
    distance_before = np.abs(times[before] - edges)
    at = np.where(distance_before <= distance, before, after)
    return at, np.minimum(distance, distance_before) <= reach
