"""Counts, means and extremes of readings by quarter, hour and local day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bms.model.readings.rollup import Level, Rollups


class RollupStore(Protocol):
    """Roll-ups of readings. Synchronous: call it off the event loop.

    Raises ``bms.errors.StoreUnavailable`` when the database is away.
    """

    def rollups(
        self, points: Sequence[str], start: datetime, end: datetime, level: Level
    ) -> Rollups:
        """Every bucket that holds a moment with start <= moment < end, in the order of ``points``.

        Always right, however late the readings came. Where readings were deleted for their age,
        hours and days are still known and quarters are not. Raises ValueError for naive moments
        and outside of the years 1970 to 2199.
        """
        ...

    def refresh_rollups(self, points: Sequence[str], before: datetime) -> int:
        """Keep the roll-ups of local days that ended until ``before``, so that reading is fast.

        Returns the number of days that had changed [1]. It alters no answer of ``rollups``.
        """
        ...
