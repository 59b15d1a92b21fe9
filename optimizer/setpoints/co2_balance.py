"""CO2 in rooms, and the least steady air flow that keeps it at or below a limit.

The air of a room is well mixed::

    V dC/dt = 10^6 G N + q (C_out - C)

with volume V [m3], CO2 in the room C and outdoors C_out [ppm], persons N, CO2 of one person G
[m3/h] and the air exchanged q [m3/h], by ventilation and through leaks. It is solved exactly for
inputs that are constant within a step.

One flow holds for a whole period of use: the power of fans grows faster than their flow, so a flow
that varies costs more than a steady one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.model.rc_network import Bools, Floats

OUTDOORS_PPM = 420.0
PER_PERSON_M3_H = 0.0187
"""CO2 of an adult who sits, 1.2 met [m3/h]: 0.0052 L/s, the customary value that Persily and de
Jonge (2017), doi:10.1111/ina.12383, review; children give off less."""
LEAKS_PER_H = 0.1
"""Air through leaks [1/h]: that of a tight building, as nobody has measured it."""
LEAST_M3_H = 1e-6
SAME_PPM = 1e-6
LEAD_H = 1.0
"""How long before people come the air flows as it will while they are in [h]."""
SHORT_BREAK_H = 3.0
"""Over a break this long [h] the flow stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Co2Rooms:
    """``z`` rooms over ``n`` steps of ``step_h`` [h].

    ``volume`` [m3] (z,), ``source`` [m3/h] (z, n) CO2 of the people, ``occupied`` (z, n) where the
    limit applies, ``target`` and ``start`` [ppm] (z,).
    """

    step_h: float
    volume: Floats
    source: Floats
    occupied: Bools
    target: Floats
    start: Floats

    def ppm(self, supply: Floats, first: int, start: Floats) -> Floats:
        """Returns the CO2 [ppm] at the end of each step from ``first`` on, from ``start`` [ppm]
        before it.

        ``supply`` (..., z, k) [m3/h] is the outdoor air of each step; ``start`` (..., z). The
        answer has the shape of ``supply``.
        """
        exchanged = np.maximum(supply + (LEAKS_PER_H * self.volume)[:, np.newaxis], LEAST_M3_H)
        source = self.source[:, first : first + supply.shape[-1]]
        settled = OUTDOORS_PPM + 1e6 * source / exchanged
        kept = np.exp(-exchanged * self.step_h / self.volume[:, np.newaxis])
        result = np.empty_like(settled)
        now = start
        for k in range(supply.shape[-1]):
            now = settled[..., k] + (now - settled[..., k]) * kept[..., k]
            result[..., k] = now
        return result


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitAir:
    """Outdoor air that one unit brings to the rooms.

    ``full`` [m3/h] (z, n) is its air at full flow in each step, 0 while it stands still; ``other``
    [m3/h] (z, n) that of other units. ``levels`` [%] (l,) are the flows that may be asked for,
    rising; ``least_in_use`` [%] is the least of them while people are in, ``in_use`` (n,). ``held``
    [%] (n,) is the flow at which somebody holds it from the start on, NaN where it is free.
    """

    full: Floats
    other: Floats
    levels: Floats
    least_in_use: float
    in_use: Bools
    held: Floats

    def with_held(self, flow: Floats) -> Floats:
        """Returns ``flow`` [%] (n,) with the held flow in its place where there is one."""
        return np.where(np.isnan(self.held), flow, self.held)

    def supply(self, flow: Floats, first: int, last: int) -> Floats:
        """Returns the outdoor air of the rooms [m3/h] (..., z, k) at ``flow`` [%] (..., k) in these
        steps."""
        part = flow[..., np.newaxis, :] / 100.0
        return np.asarray(self.other[:, first:last] + self.full[:, first:last] * part)

    @property
    def top(self) -> float:
        return float(self.levels[-1])

    @property
    def runs(self) -> Bools:
        return np.asarray(self.full.any(axis=0))


def least_steady_flow(rooms: Co2Rooms, duct: UnitAir) -> Floats:
    """Returns the least steady flow [%] (n,) of each period of use that keeps every room at its
    target.

    Where even full flow does not, it is full until it does. Out of use it is the least level. A
    held flow stays as it is; CO2 above the target at its end is removed at full flow.
    """
    n = duct.in_use.size
    free = int(np.isfinite(duct.held).sum())
    full = duct.with_held(np.full(n, duct.top))
    at_full = rooms.ppm(duct.supply(full, 0, n), 0, rooms.start)
    target = rooms.target[:, np.newaxis]
    beyond = np.any(rooms.occupied & (at_full > target), axis=0)
    bound = np.where(rooms.occupied, np.maximum(target, at_full) + SAME_PPM, np.inf)
    flow = duct.with_held(np.full(n, duct.levels[0]))
    now, done = rooms.start, 0
    for begin, last in use_periods(duct.in_use & duct.runs, rooms.step_h):
        first = max(begin, free)
        if first >= last:
            continue
        now = _co2_after(rooms, duct, flow, (done, first), now)
        purged = max(
            first + _purge_steps(rooms, duct, (first, last), now),
            first + int(np.max(np.flatnonzero(beyond[first:last]), initial=-1)) + 1,
        )
        flow[first:purged] = duct.top
        now = _co2_after(rooms, duct, flow, (first, purged), now)
        flow[purged:last] = _least_level(rooms, duct, bound, (purged, last), now)
        now, done = _co2_after(rooms, duct, flow, (purged, last), now), last
    _fill_idle(flow, duct.runs)
    flow = duct.with_held(flow)
    if np.any(rooms.ppm(duct.supply(flow, 0, n), 0, rooms.start) > bound):
        flow[duct.runs] = duct.top
    return duct.with_held(np.where(duct.in_use, np.maximum(flow, duct.least_in_use), flow))


def use_periods(in_use: Bools, step_h: float) -> list[tuple[int, int]]:
    """Returns (first, past-last) of each period of use with its lead; short breaks belong to it."""
    lead = max(1, round(LEAD_H / step_h))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], in_use, [False]]).astype(np.int8)))
    found: list[tuple[int, int]] = []
    for first, last in edges.reshape(-1, 2).tolist():
        if found and (first - found[-1][1]) * step_h <= SHORT_BREAK_H + 1e-9:
            found[-1] = (found[-1][0], last)
        else:
            found.append((max(first - lead, found[-1][1] if found else 0), last))
    return found


def _purge_steps(rooms: Co2Rooms, duct: UnitAir, part: tuple[int, int], start: Floats) -> int:
    """Number of steps of full flow until rooms that are above their target at the start are at
    it."""
    first, last = part
    stale = rooms.occupied[:, first] & (start > rooms.target)
    if not stale.any():
        return 0
    full = np.full(last - first, duct.top)
    ppm = rooms.ppm(duct.supply(full, first, last), first, start)
    fresh = np.all((ppm <= rooms.target[:, np.newaxis])[stale], axis=0)
    return int(np.argmax(fresh)) + 1 if fresh.any() else last - first


def _co2_after(
    rooms: Co2Rooms, duct: UnitAir, flow: Floats, part: tuple[int, int], start: Floats
) -> Floats:
    """CO2 [ppm] (z,) at the end of a part of the horizon."""
    first, last = part
    if last <= first:
        return start
    return rooms.ppm(duct.supply(flow[first:last], first, last), first, start)[:, -1]


def _least_level(
    rooms: Co2Rooms, duct: UnitAir, bound: Floats, part: tuple[int, int], start: Floats
) -> float:
    """The least level [%] that keeps to ``bound`` in these steps, or the highest one."""
    first, last = part
    levels = duct.levels[duct.levels >= duct.least_in_use - 1e-9]
    if last <= first or not levels.size:
        return duct.top
    trials = np.repeat(levels[:, np.newaxis], last - first, axis=1)
    starts = np.broadcast_to(start, (len(levels), len(start)))
    ppm = rooms.ppm(duct.supply(trials, first, last), first, starts)
    kept = np.all(ppm <= bound[:, first:last], axis=(1, 2))
    return float(levels[int(np.argmax(kept))]) if kept.any() else duct.top


def _fill_idle(flow: Floats, runs: Bools) -> None:
    """Sets the flow of steps in which the unit stands still to the next running one, or to the
    last."""
    running = np.flatnonzero(runs)
    if running.size:
        following = np.searchsorted(running, np.arange(len(flow)))
        flow[:] = flow[running[np.minimum(following, running.size - 1)]]
