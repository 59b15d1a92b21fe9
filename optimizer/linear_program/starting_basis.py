"""Where the simplex starts: heat as late as can be, which is nearly what costs least.

Backwards from each limit follows how warm a zone must be for full power to suffice. A zone that is
heated only then is at a corner of the program: at every step either its heat is at a bound or its
temperature is. From there the simplex takes a few steps instead of hundreds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from optimizer.linear_program.block_dynamics import Condensed
from optimizer.model.rc_network import Floats

CLOSE_K = 1e-9


class Held(IntEnum):
    """What gives way in a step: the heat, the temperature inside its limits, or comfort."""

    TEMPERATURE = 0
    HEAT = 1
    BELOW = 2
    ABOVE = 3


@dataclass(frozen=True, slots=True)
class Corner:
    """For every zone and block, (p, m): what is free, and whether the heat is at its most."""

    free: NDArray[np.int64]
    full: NDArray[np.bool_]


def latest_corner(
    dynamics: Condensed, start: Floats, low: Floats, high: Floats, least: Floats, most: Floats
) -> Corner:
    """The corner of the program at which every zone is heated as late as possible.

    ``start`` (p, 2) air and mass [degC]; the others (p, m): limits of the temperature [degC] and
    of the heat [kW].
    """
    free = np.zeros(low.shape, dtype=np.int64)
    full = np.zeros(low.shape, dtype=np.bool_)
    for z in range(len(low)):
        rows = np.concatenate(
            [
                dynamics.a[:, z].reshape(-1, 4),
                dynamics.heat[:, z],
                dynamics.forced[:, z],
                np.column_stack([low[z], high[z], least[z], most[z]]),
            ],
            axis=1,
        ).tolist()
        air, mass = float(start[z, 0]), float(start[z, 1])
        free[z], full[z] = _zone(rows, _needed(rows, mass), air, mass)
    return Corner(free=free, full=full)


def _needed(rows: list[list[float]], mass: float) -> list[float]:
    """The air temperature [degC] at the end of each block from which full power suffices; the mass
    is taken as it is now, a guess that the simplex corrects."""
    needed = [row[8] for row in rows]
    for k in range(len(rows) - 1, 0, -1):
        a00, a01, _, _, b0, _, f0, _, _, _, _, most = rows[k]
        before = (needed[k] - a01 * mass - b0 * most - f0) / a00
        needed[k - 1] = max(needed[k - 1], before)
    return needed


def _zone(
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
            held = Held.BELOW
        elif air > high + CLOSE_K:
            held = Held.ABOVE
        elif least < heat < most and target <= low:
            held = Held.HEAT
        else:
            held = Held.TEMPERATURE
        free.append(int(held))
        full.append(heat >= most)
    return free, full
