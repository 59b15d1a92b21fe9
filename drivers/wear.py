"""How often each register was written: some controllers' memory wears out after 100 000 writes."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from bms.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Worn:
    """Writes of a register: in all, and on one day (building time, UTC)."""

    lifetime: int = 0
    today: int = 0


class WearBook(Protocol):
    """Counts writes. Shared by every process that writes."""

    def worn(self, register: str, day: date) -> Worn:
        """Raises ``bms.errors.ConfigError`` when the counts cannot be read."""
        ...

    def count(self, register: str, day: date) -> None:
        """One write more, on disk before it leaves. Raises ``ConfigError`` when it cannot be."""
        ...


class MemoryWear:
    """Counts that end with the process."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, date, int]] = {}

    def worn(self, register: str, day: date) -> Worn:
        lifetime, last, today = self._counts.get(register, (0, day, 0))
        return Worn(lifetime, today if last == day else 0)

    def count(self, register: str, day: date) -> None:
        worn = self.worn(register, day)
        self._counts[register] = (worn.lifetime + 1, day, worn.today + 1)


class FileWear:
    """Counts in a small JSON file that survives restarts; processes may share it.

    A file that cannot be read is an error and never an empty book: what is worn stays worn.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def beside(cls, journal: Path) -> FileWear:
        """The counts of a city, which backend and guard find beside its release journal."""
        return cls(journal.with_name("wear.json"))

    def worn(self, register: str, day: date) -> Worn:
        return _worn(self._read(), register, day)

    def count(self, register: str, day: date) -> None:
        with self._alone():
            counts = self._read()
            worn = _worn(counts, register, day)
            counts[register] = {
                "lifetime": worn.lifetime + 1,
                "day": day.isoformat(),
                "today": worn.today + 1,
            }
            self._write(counts)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise ConfigError(f"{self._path} cannot be locked: {error}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _read(self) -> dict[str, Any]:
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ConfigError(f"write counts cannot be read: {error}") from error
        try:
            counts = json.loads(text)
        except ValueError as error:
            raise ConfigError(
                f"{self._path} is no JSON ({error}); repair it, or remove it to count from zero"
            ) from error
        if not isinstance(counts, dict):
            raise ConfigError(f"{self._path} holds no counts; repair or remove it")
        return counts

    def _write(self, counts: dict[str, Any]) -> None:
        beside = self._path.with_suffix(".new")
        try:
            with beside.open("w", encoding="utf-8") as file:
                json.dump(counts, file, indent=1, sort_keys=True)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError as error:
            raise ConfigError(f"write counts cannot be kept: {error}") from error


def _worn(counts: dict[str, Any], register: str, day: date) -> Worn:
    try:
        entry = counts.get(register, {})
        today = entry.get("today", 0) if entry.get("day") == day.isoformat() else 0
        return Worn(int(entry.get("lifetime", 0)), int(today))
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigError(f"write count of {register} is unreadable: {error}") from error
