"""The starting basis of the simplex: heat as late as possible, which is nearly the optimum.

A backward pass gives the air temperature from which full power suffices to meet each limit. A zone
that is heated only then is at a vertex of the program: at every step either its heat or its
temperature is at a bound. From there the simplex takes a few iterations instead of hundreds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from optimizer.linear_program.block_dynamics import BlockDynamics
from optimizer.model.rc_network import Floats

CLOSE_K = 1e-9


class FreeVariable(IntEnum):
    """The variable that is basic in a block: heat, temperature inside its limits, or a slack."""

    TEMPERATURE = 0
    HEAT = 1
    BELOW = 2
    ABOVE = 3


@dataclass(frozen=True, slots=True)
class Vertex:
    """For every zone and block, (p, m): the free variable, and whether the heat is at its upper
    bound."""

    free: NDArray[np.int64]
    full: NDArray[np.bool_]


def latest_heating_vertex(
    block_dynamics: BlockDynamics,
    start: Floats,
    low: Floats,
    high: Floats,
    least: Floats,
    most: Floats,
) -> Vertex:
    """Returns the vertex of the program at which every zone is heated as late as possible.

    ``start`` (p, 2) air and mass [degC]; the others (p, m): limits of the temperature [degC] and
    of the heat [kW].
    """
    free = np.zeros(low.shape, dtype=np.int64)
    full = np.zeros(low.shape, dtype=np.bool_)
    for z in range(len(low)):
        rows = np.concatenate(
            [
                block_dynamics.a[:, z].reshape(-1, 4),
                block_dynamics.heat[:, z],
                block_dynamics.forced[:, z],
                np.column_stack([low[z], high[z], least[z], most[z]]),
            ],
            axis=1,
        ).tolist()
        air, mass = float(start[z, 0]), float(start[z, 1])
        free[z], full[z] = _zone_vertex(rows, _needed_temperatures(rows, mass), air, mass)
    return Vertex(free=free, full=full)


def _needed_temperatures(rows: list[list[float]], mass: float) -> list[float]:
    """The air temperature [degC] at the end of each block from which full power suffices; the mass
    is taken as it is now, a guess that the simplex corrects."""
    needed = [row[8] for row in rows]
    for k in range(len(rows) - 1, 0, -1):
        a00, a01, _, _, b0, _, f0, _, _, _, _, most = rows[k]
        before = (needed[k] - a01 * mass - b0 * most - f0) / a00
        needed[k - 1] = max(needed[k - 1], before)
    return needed


def _zone_vertex(
    rows: list[list[float]], needed: list[float], air: float, mass: float
) -> tuple[list[int], list[bool]]:
    free: list[int] = []
    full: list[bool] = []
    for row, target in zip(rows, needed, strict=True):
        a00, a01, a10, a11, b0, b1, f0, f1, low, high, least, most = row
        air, mass = a00 * air + a01 * mass + f0, a10 * air + a11 * mass + f1
        heat = min(max((target - air) / b0, least), most)
        air, mass = air + b0 * heat, mass + b1 * heat
        if air < low - CLOSE_K:
            held = FreeVariable.BELOW
        elif air > high + CLOSE_K:
            held = FreeVariable.ABOVE
        elif least < heat < most and target <= low:
            held = FreeVariable.HEAT
        else:
            held = FreeVariable.TEMPERATURE
        free.append(int(held))
        full.append(heat >= most)
    return free, full
