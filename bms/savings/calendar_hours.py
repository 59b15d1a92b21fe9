"""Local hours of a UTC grid; the meters of a city share a handful of grids."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

import numpy as np

from bms.model.planning.grid import LocalGrid, local_grid
from bms.model.readings.series import Series
from bms.model.savings.savings import Span


def local_hours(use: Series, timezone: str) -> LocalGrid:
    """Local day and minute of every step of ``use``."""
    return _grid(use.start.timestamp(), int(use.step.total_seconds()), len(use), timezone)


def inside(use: Series, span: Span) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which steps of ``use`` start within ``span``."""
    times = use.start.timestamp() + use.step.total_seconds() * np.arange(len(use))
    return (times >= span.start.timestamp()) & (times < span.end.timestamp())


@lru_cache(maxsize=8)
def _grid(start: float, step: int, n: int, timezone: str) -> LocalGrid:
    return local_grid(timezone, datetime.fromtimestamp(start, UTC), step, n)
