"""The only "now" of the product.

Three readings are kept apart: ``now()`` is building time (schedules, ages; a simulator may own it),
``elapsed()`` is running building time that never steps (ends of leases), and ``monotonic()`` is the
wire's (deadlines; always real).
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from bms.errors import ConfigError
from bms.model.clock_reading import CALENDAR, ClockReading, Elapsed
from bms.model.outside_file import read_outside

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
NO_BOOT_ID = "unknown"
MOST_BYTES = 10_000
"""Bytes [1] of the file in which a simulator says what time it is."""
"""The boot where the kernel names none. Processes of the computer still share the count, so that a
guard ends no lease early; one of an earlier boot is known by a count that began anew."""


class SystemClock:
    """Building time is the computer's time, running time what the kernel counts since it started,
    sleep included."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def elapsed(self) -> Elapsed:
        return Elapsed(boot_id(), time.clock_gettime(_RUNNING))

    def reading(self) -> ClockReading:
        return ClockReading(self.now(), self.elapsed())

    def monotonic(self) -> float:
        return time.monotonic()


_RUNNING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@cache
def boot_id(file: Path = BOOT_ID) -> str:
    """What the kernel calls this run of the computer; ``NO_BOOT_ID`` where it says nothing."""
    try:
        return file.read_text().strip() or NO_BOOT_ID
    except OSError:
        return NO_BOOT_ID


class VirtualClock:
    """Building time that moves only when it is told to: fast runs and tests."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("building time has to be aware (UTC)")
        self._now = start.astimezone(UTC)
        self._elapsed = Elapsed(CALENDAR, start.timestamp())

    def now(self) -> datetime:
        return self._now

    def elapsed(self) -> Elapsed:
        return self._elapsed

    def reading(self) -> ClockReading:
        return ClockReading(self._now, self._elapsed)

    def monotonic(self) -> float:
        return time.monotonic()

    def move_to(self, moment: datetime) -> None:
        """Move building time forward to ``moment``. Raises ValueError when it would go back."""
        if moment < self._now:
            raise ValueError(f"building time cannot go back from {self._now} to {moment}")
        self._elapsed = self._elapsed.after(moment - self._now)
        self._now = moment.astimezone(UTC)

    def advance(self, step: timedelta) -> None:
        self.move_to(self._now + step)

    def set_calendar(self, moment: datetime) -> None:
        """Somebody sets the clock, back or forth: no time goes by."""
        self._now = moment.astimezone(UTC)

    def reboot(self, boot: str) -> None:
        """The computer starts anew: the running time begins at 0 under another boot."""
        self._elapsed = Elapsed(boot, 0.0)


@dataclass(frozen=True, slots=True)
class _Said:
    """What a clock file said last. ``set_back`` is how far its calendar went back while we looked
    at it."""

    time: datetime
    running: Elapsed | None
    set_back: timedelta = timedelta(0)


class FileClock:
    """Building time from the file of whoever owns it, a JSON object: ``time`` is building time,
    ``elapsed`` the running time [s] since the owner started, ``boot`` the name of that start.

    Where the file says nothing of running time it is what the calendar goes forward while we look
    at it. The owner replaces the file atomically. While it cannot be read, the last time stands.
    Raises ``ConfigError`` when it cannot be read at the start: a guard that does not know the time
    must not pretend to guard.
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
        return self._look().time

    def elapsed(self) -> Elapsed:
        return self.reading().elapsed

    def reading(self) -> ClockReading:
        said = self._look()
        counted = Elapsed(CALENDAR, (said.time + said.set_back).timestamp())
        return ClockReading(said.time, said.running or counted)

    def monotonic(self) -> float:
        return time.monotonic()

    def _look(self) -> _Said:
        last = self._last
        with suppress(OSError, ValueError, KeyError, TypeError):
            said = self._read()
            back = max(last.time - said.time, timedelta(0))
            self._last = replace(said, set_back=last.set_back + back)
        return self._last

    def _read(self) -> _Said:
        said = json.loads(read_outside(self._path, MOST_BYTES))
        moment = datetime.fromisoformat(said["time"])
        if moment.tzinfo is None:
            raise ValueError(f"{moment} has no UTC offset")
        running = Elapsed(str(said["boot"]), float(said["elapsed"])) if "boot" in said else None
        return _Said(moment.astimezone(UTC), running)
