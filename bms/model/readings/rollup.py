"""Roll-ups: what the readings of a quarter, an hour or a local day come to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from bms.model.readings.series import Floats, Micros

Counts = NDArray[np.int64]

#: A moment that does not exist, as numpy writes it: ``moments.view("datetime64[us]")`` is NaT.
NO_MOMENT = int(np.iinfo(np.int64).min)


class Level(StrEnum):
    """How long a bucket is: quarters and hours of UTC, days from local midnight to midnight."""

    QUARTER = "15min"
    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rollups:
    """Good readings of p points in b buckets; bucket ``j`` lasts from ``edges[j]`` to the next.

    ``edges`` [us after 1970-01-01T00:00Z] has shape (b + 1,), every other array shape (p, b).
    ``n`` counts the good readings. Where there is none, the values are NaN and the moments
    ``NO_MOMENT``. ``mean``, ``minimum``, ``maximum``, ``first`` and ``last`` are in the unit of the
    point, ``first_at`` and ``last_at`` [us] say when. ``falls`` counts how often a value lay below
    the one before it in the same bucket: 0 for a register that only ever counted up.
    """

    points: tuple[str, ...]
    level: Level
    edges: Micros
    n: Counts
    mean: Floats
    minimum: Floats
    maximum: Floats
    first: Floats
    last: Floats
    first_at: Micros
    last_at: Micros
    falls: Counts
