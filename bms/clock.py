"""The only "now" of the product.

Two times are kept apart: ``now()`` is building time (leases, ages, schedules; a simulator may
own it), ``monotonic()`` is the wire's time (deadlines; always real).
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bms.errors import ConfigError


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


class FileClock:
    """Building time from the file of whoever owns it: ``{"time": "2019-01-14T00:00:00+00:00"}``.

    The owner replaces the file atomically. While it cannot be read, the last time stands. Raises
    ``ConfigError`` when it cannot be read at the start: a guard that does not know the time must
    not pretend to guard.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._last = self._read()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"building time cannot be read from {path}: {error}. Start the simulator that "
                "writes it, or leave the clock file out to use the computer's time"
            ) from error

    def now(self) -> datetime:
        with suppress(OSError, ValueError, KeyError, TypeError):
            self._last = self._read()
        return self._last

    def monotonic(self) -> float:
        return time.monotonic()

    def _read(self) -> datetime:
        moment = datetime.fromisoformat(json.loads(self._path.read_text())["time"])
        if moment.tzinfo is None:
            raise ValueError(f"{moment} has no UTC offset")
        return moment.astimezone(UTC)
