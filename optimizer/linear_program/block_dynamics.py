"""The dynamics of a building over blocks of steps, and back to the steps.

A block with constant heat is the exact product of its steps, whatever weather, people and
ventilation do inside it: only that the heat is constant is lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.horizon.building import ZoneDynamics
from optimizer.linear_program.time_blocks import Blocks
from optimizer.model.rc_network import Floats


@dataclass(frozen=True, slots=True)
class BlockDynamics:
    """Discrete dynamics of the blocks: ``x' = a x + heat q + forced``.

    ``x`` is (air, mass) [degC], ``q`` heat [kW]. ``a`` (m, p, 2, 2), ``heat`` and ``forced``
    (m, p, 2).
    """

    a: Floats
    heat: Floats
    forced: Floats


def forced_response(dynamics: ZoneDynamics) -> Floats:
    """Returns what the given heat flows add to air and mass in every step [K] (n, p, 2)."""
    flow = np.stack([dynamics.flow_air.T, dynamics.flow_mass.T], axis=2)
    return np.asarray((dynamics.steps.b @ flow[..., np.newaxis])[..., 0])


def lift_to_blocks(dynamics: ZoneDynamics, blocks: Blocks) -> BlockDynamics:
    """Returns the dynamics of each block, the exact product of those of its steps."""
    flows = forced_response(dynamics)
    a = dynamics.steps.a[blocks.first]
    heat = dynamics.steps.b[blocks.first, :, :, 0]
    forced = flows[blocks.first]
    for i in range(1, int(blocks.length.max())):
        longer = np.flatnonzero(blocks.length > i)
        step = blocks.first[longer] + i
        one = dynamics.steps.a[step]
        a[longer] = one @ a[longer]
        heat[longer] = _times(one, heat[longer]) + dynamics.steps.b[step, :, :, 0]
        forced[longer] = _times(one, forced[longer]) + flows[step]
    return BlockDynamics(a=a, heat=heat, forced=forced)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLimits:
    """Limits of every step: ``least`` and ``most`` heat [kW] and the lowest air temperature ``low``
    [degC] of each zone, (p, n) each, and ``available_kw`` [kW] (n,) for all zones together."""

    least: Floats
    most: Floats
    low: Floats
    available_kw: Floats


def refine_to_steps(
    dynamics: ZoneDynamics,
    blocks: Blocks,
    start: Floats,
    ends: Floats,
    heat: Floats,
    limits: StepLimits,
) -> tuple[Floats, Floats]:
    """Returns heat [kW] and air temperature [degC] at the end of every step, (p, n) each.

    ``start`` (p, 2) and ``ends`` (p, 2, m) [degC] are air and mass, ``heat`` (p, m) [kW] that of
    the blocks. Inside a block the air does not fall below the lowest that is allowed, nor below
    both ends of the block: heat is moved to where it is needed, as far as there is room.
    """
    flows = forced_response(dynamics)
    n, p = flows.shape[:2]
    step_heat, air = np.empty((p, n)), np.empty((p, n))
    x = np.concatenate([start[:, :, np.newaxis], ends[:, :, :-1]], axis=2).transpose(2, 0, 1)
    lowest = np.minimum(x[..., 0], ends[:, 0].T)
    for i in range(int(blocks.length.max())):
        on = np.flatnonzero(blocks.length > i)
        step = blocks.first[on] + i
        b = dynamics.steps.b[step, :, :, 0]
        free = _times(dynamics.steps.a[step], x[on]) + flows[step]
        mean = heat[:, on].T
        closing = (blocks.length[on] == i + 1)[:, np.newaxis]
        wanted = np.where(closing, ends[:, 0, on].T, free[..., 0] + b[..., 0] * mean)
        wanted = np.maximum(wanted, np.minimum(limits.low[:, step].T, lowest[on]))
        moved = np.clip(
            (wanted - free[..., 0]) / b[..., 0], limits.least[:, step].T, limits.most[:, step].T
        )
        stays = (blocks.length[on] == 1) | (moved.sum(axis=1) > limits.available_kw[step])
        given = np.where(stays[:, np.newaxis], mean, moved)
        x[on] = free + b * given[..., np.newaxis]
        step_heat[:, step], air[:, step] = given.T, x[on, :, 0].T
    return step_heat, air


def _times(matrices: Floats, vectors: Floats) -> Floats:
    return np.asarray((matrices @ vectors[..., np.newaxis])[..., 0])
