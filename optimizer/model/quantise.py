"""Values that a point takes: multiples of its resolution inside its limits."""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING

import numpy as np

from bms.model.planning.problem import Lever

if TYPE_CHECKING:
    from optimizer.model.rc_network import Floats

SLACK = 1e-6
LARGEST, FINEST = 1e9, 1e-9
"""Beyond these a float cannot tell one value of the point from the next."""


def has_value(lever: Lever) -> bool:
    """Whether there is at least one value that may be written."""
    numbers = (lever.minimum, lever.maximum, lever.resolution, lever.origin)
    return (
        all(abs(number) <= LARGEST for number in numbers)
        and lever.resolution >= FINEST
        and (lever.max_change is None or FINEST <= lever.max_change <= LARGEST)
        and all(0.0 <= minutes <= LARGEST for minutes in (lever.minimum_on, lever.minimum_off))
        and _lowest_step(lever) <= _highest_step(lever)
    )


def round_up(values: Floats, resolution: float) -> Floats:
    """Returns the next multiples of ``resolution`` at or above ``values``."""
    return np.asarray(np.ceil(values / resolution - SLACK) * resolution)


def round_down(values: Floats, resolution: float) -> Floats:
    """Returns the next multiples of ``resolution`` at or below ``values``."""
    return np.asarray(np.floor(values / resolution + SLACK) * resolution)


def quantise_up(values: Floats, lever: Lever) -> Floats:
    """Returns the lever's values at or above ``values``, inside its limits."""
    return _inside(round_up(values - lever.origin, lever.resolution), lever)


def quantise_down(values: Floats, lever: Lever) -> Floats:
    """Returns the lever's values at or below ``values``, inside its limits."""
    return _inside(round_down(values - lever.origin, lever.resolution), lever)


def _inside(above_origin: Floats, lever: Lever) -> Floats:
    steps = above_origin / lever.resolution
    inside = np.clip(steps, _lowest_step(lever), _highest_step(lever))
    return np.asarray(np.round(lever.origin + np.round(inside) * lever.resolution, 9))


def nearest_value(value: float, lever: Lever) -> float:
    """Returns the nearest value on the lever's grid, whatever its limits."""
    if not lever.resolution > 0:
        return value
    steps = round((value - lever.origin) / lever.resolution)
    return round(lever.origin + steps * lever.resolution, 9)


def _lowest_step(lever: Lever) -> int:
    return ceil((lever.minimum - lever.origin) / lever.resolution - _slack(lever))


def _highest_step(lever: Lever) -> int:
    return floor((lever.maximum - lever.origin) / lever.resolution + _slack(lever))


def _slack(lever: Lever) -> float:
    """Tolerance of the rounding in steps; never more than a millionth of the unit."""
    return SLACK / max(1.0, lever.resolution)
