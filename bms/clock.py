"""The only "now" of the product.

Two times are kept apart: ``now()`` is building time (leases, ages, schedules; a simulator may
own it), ``monotonic()`` is the wire's time (deadlines; always real).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class SystemClock:
    """Building time is the computer's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class VirtualClock:
    """Building time that moves only when it is told to: fast runs and tests."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("building time has to be aware (UTC)")
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return time.monotonic()

    def move_to(self, moment: datetime) -> None:
        """Move building time forward to ``moment``. Raises ValueError when it would go back."""
        if moment < self._now:
            raise ValueError(f"building time cannot go back from {self._now} to {moment}")
        self._now = moment.astimezone(UTC)

    def advance(self, step: timedelta) -> None:
        self.move_to(self._now + step)
