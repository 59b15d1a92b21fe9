"""The dynamics of a building over blocks of steps, and back to the steps.

A block with constant heat is the exact product of its steps, whatever weather, people and
ventilation do inside it: only that the heat is constant is lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.horizon.building import Course
from optimizer.linear_program.time_blocks import Blocks
from optimizer.model.rc_network import Floats


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What every step allows: ``least`` and ``most`` heat [kW] and the ``low``est air temperature
    [degC] of each zone (p, n), and the heat of all zones together, ``room`` [kW] (n,)."""

    least: Floats
    most: Floats
    low: Floats
    room: Floats


def expand(
    course: Course, blocks: Blocks, start: Floats, ends: Floats, heat: Floats, allowed: Allowed
) -> tuple[Floats, Floats]:
    """Heat [kW] and air temperature [degC] at the end of every step, (p, n) each.

    ``start`` (p, 2) and ``ends`` (p, 2, m) [degC] are air and mass, ``heat`` (p, m) [kW] that of
    the blocks. Inside a block the air does not fall below the lowest that is allowed, nor below
    both ends of the block: heat is moved to where it is needed, as far as there is room.
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
        mean = heat[:, on].T
        closing = (blocks.length[on] == i + 1)[:, np.newaxis]
        wanted = np.where(closing, ends[:, 0, on].T, free[..., 0] + b[..., 0] * mean)
        wanted = np.maximum(wanted, np.minimum(allowed.low[:, step].T, lowest[on]))
        moved = np.clip(
            (wanted - free[..., 0]) / b[..., 0], allowed.least[:, step].T, allowed.most[:, step].T
        )
        stays = (blocks.length[on] == 1) | (moved.sum(axis=1) > allowed.room[step])
        given = np.where(stays[:, np.newaxis], mean, moved)
        x[on] = free + b * given[..., np.newaxis]
        fine_heat[:, step], air[:, step] = given.T, x[on, :, 0].T
    return fine_heat, air


def _times(matrices: Floats, vectors: Floats) -> Floats:
    return np.asarray((matrices @ vectors[..., np.newaxis])[..., 0])
