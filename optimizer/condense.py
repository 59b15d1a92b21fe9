"""The dynamics of a building over blocks of steps, and back to the steps.

A block with constant heat is the exact product of its steps, whatever weather, people and
ventilation do inside it: only that the heat is constant is lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.building import Course
from optimizer.grid import Blocks
from optimizer.thermal import Floats


@dataclass(frozen=True, slots=True)
class Condensed:
    """``x' = a x + heat q + forced`` for every block.

    ``x`` is (air, mass) [degC], ``q`` heat [kW]. ``a`` (m, p, 2, 2), ``heat`` and ``forced``
    (m, p, 2).
    """

    a: Floats
    heat: Floats
    forced: Floats


def given_flows(course: Course) -> Floats:
    """What the given flows add to air and mass in every step [K] (n, p, 2)."""
    flow = np.stack([course.flow_air.T, course.flow_mass.T], axis=2)
    return np.asarray((course.steps.b @ flow[..., np.newaxis])[..., 0])


def condense(course: Course, blocks: Blocks) -> Condensed:
    """The dynamics of each block."""
    flows = given_flows(course)
    a = course.steps.a[blocks.first]
    heat = course.steps.b[blocks.first, :, :, 0]
    forced = flows[blocks.first]
    for i in range(1, int(blocks.length.max())):
        longer = np.flatnonzero(blocks.length > i)
        step = blocks.first[longer] + i
        one = course.steps.a[step]
        a[longer] = one @ a[longer]
        heat[longer] = _times(one, heat[longer]) + course.steps.b[step, :, :, 0]
        forced[longer] = _times(one, forced[longer]) + flows[step]
    return Condensed(a=a, heat=heat, forced=forced)


def expand(
    course: Course, blocks: Blocks, start: Floats, ends: Floats, heat: Floats, limits: Floats
) -> tuple[Floats, Floats]:
    """Heat [kW] and air temperature [degC] at the end of every step, (p, n) each.

    ``start`` (p, 2) and ``ends`` (p, 2, m) [degC] are air and mass, ``heat`` (p, m) [kW] that of
    the blocks, ``limits`` (3, p, n): least heat and most heat [kW] and the lowest air temperature
    [degC]. Inside a block the air does not fall below that, nor below both ends of the block: heat
    is moved to where it is needed.
    """
    flows = given_flows(course)
    n, p = flows.shape[:2]
    fine_heat, air = np.empty((p, n)), np.empty((p, n))
    x = np.concatenate([start[:, :, np.newaxis], ends[:, :, :-1]], axis=2).transpose(2, 0, 1)
    lowest = np.minimum(x[..., 0], ends[:, 0].T)
    for i in range(int(blocks.length.max())):
        on = np.flatnonzero(blocks.length > i)
        step = blocks.first[on] + i
        b = course.steps.b[step, :, :, 0]
        free = _times(course.steps.a[step], x[on]) + flows[step]
        closing = (blocks.length[on] == i + 1)[:, np.newaxis]
        least, most, low = limits[:, :, step].transpose(0, 2, 1)
        wanted = np.where(closing, ends[:, 0, on].T, free[..., 0] + b[..., 0] * heat[:, on].T)
        wanted = np.maximum(wanted, np.minimum(low, lowest[on]))
        given = np.clip((wanted - free[..., 0]) / b[..., 0], least, most)
        given = np.where(blocks.length[on][:, np.newaxis] == 1, heat[:, on].T, given)
        x[on] = free + b * given[..., np.newaxis]
        fine_heat[:, step], air[:, step] = given.T, x[on, :, 0].T
    return fine_heat, air


def _times(matrices: Floats, vectors: Floats) -> Floats:
    return np.asarray((matrices @ vectors[..., np.newaxis])[..., 0])
