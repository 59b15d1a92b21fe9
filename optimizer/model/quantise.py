"""Values that a point takes: multiples of its resolution inside its limits."""

from __future__ import annotations

from math import ceil, floor

import numpy as np

from bms.model.planning.problem import Lever
from optimizer.model.rc_network import Floats

SLACK = 1e-6
LARGEST, FINEST = 1e9, 1e-9
"""Beyond these a float cannot tell one value of the point from the next."""


def sane(lever: Lever) -> bool:
    """Whether there is at least one value that may be written."""
    numbers = (lever.minimum, lever.maximum, lever.resolution, lever.origin)
    return (
        all(abs(number) <= LARGEST for number in numbers)
        and lever.resolution >= FINEST
        and _lowest(lever) <= _highest(lever)
    )


def round_up(values: Floats, resolution: float) -> Floats:
    """The next multiple at or above."""
    return np.asarray(np.ceil(values / resolution - SLACK) * resolution)


def round_down(values: Floats, resolution: float) -> Floats:
    """The next multiple at or below."""
    return np.asarray(np.floor(values / resolution + SLACK) * resolution)


def settle(values: Floats, lever: Lever) -> Floats:
    """Multiples of the lever's resolution at or above ``values``, inside its limits."""
    return _inside(round_up(values - lever.origin, lever.resolution), lever)


def settle_down(values: Floats, lever: Lever) -> Floats:
    """Multiples of the lever's resolution at or below ``values``, inside its limits."""
    return _inside(round_down(values - lever.origin, lever.resolution), lever)


def _inside(above_origin: Floats, lever: Lever) -> Floats:
    steps = above_origin / lever.resolution
    inside = np.clip(steps, _lowest(lever), _highest(lever))
    return np.asarray(np.round(lever.origin + np.round(inside) * lever.resolution, 9))


def nearest(value: float, lever: Lever) -> float:
    """The nearest value on the lever's grid, whatever its limits."""
    if not lever.resolution > 0:
        return value
    steps = round((value - lever.origin) / lever.resolution)
    return round(lever.origin + steps * lever.resolution, 9)


def _lowest(lever: Lever) -> int:
    return ceil((lever.minimum - lever.origin) / lever.resolution - _slack(lever))


def _highest(lever: Lever) -> int:
    return floor((lever.maximum - lever.origin) / lever.resolution + _slack(lever))


def _slack(lever: Lever) -> float:
    """In steps; never more than a millionth of the unit."""
    return SLACK / max(1.0, lever.resolution)
