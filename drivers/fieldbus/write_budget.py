"""Counts of writes by register, and the budgets that limit them. Pure.

As text, a line has the writes of registers on one day, or those before the last day that matters
for them (null)::

    {"day":"2019-01-14","writes":{"hall/controller holding 100":2}}
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from bms.model.control.reasons import RefusalReason
from bms.model.fact import Fact, fact


class WriteBudgetExhausted(Exception):
    """The write budget of a register is spent; ``reason`` says which."""

    def __init__(self, reason: Fact) -> None:
        super().__init__(str(reason))
        self.reason = reason


@dataclass(frozen=True, slots=True)
class WriteCount:
    """Writes of a register [1]: in all, and on one day (building time, UTC)."""

    lifetime: int = 0
    today: int = 0

    def __add__(self, more: WriteCount) -> WriteCount:
        return WriteCount(self.lifetime + more.lifetime, self.today + more.today)


@dataclass(frozen=True, slots=True)
class WriteBudget:
    """How often a register may be written [1]; None is without a limit."""

    per_day: int | None = None
    lifetime: int | None = None

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all."""
        return self.per_day is not None or self.lifetime is not None

    def check(self, register: str, written: WriteCount) -> None:
        """Raise ``WriteBudgetExhausted`` when one more write would exceed a limit."""
        if self.lifetime is not None and written.lifetime >= self.lifetime:
            raise WriteBudgetExhausted(
                fact(RefusalReason.WRITES_SPENT, register=register, writes=self.lifetime)
            )
        if self.per_day is not None and written.today >= self.per_day:
            raise WriteBudgetExhausted(
                fact(RefusalReason.WRITES_SPENT_TODAY, register=register, writes=self.per_day)
            )


UNLIMITED = WriteBudget()


@dataclass(slots=True)
class _Count:
    """``today`` belongs to ``day``, the day of the last write; ``before`` is all the rest."""

    before: int = 0
    day: date | None = None
    today: int = 0


class WriteCounts:
    """Counts of writes by register."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}

    def written(self, register: str, day: date) -> WriteCount:
        """The writes of a register, in all and on ``day``."""
        count = self._counts.get(register, _Count())
        return WriteCount(count.before + count.today, count.today if count.day == day else 0)

    def add(self, register: str, day: date | None, writes: int = 1) -> None:
        """Add ``writes`` [1] on a day; None is for writes before the last day that matters."""
        count = self._counts.setdefault(register, _Count())
        if day is None:
            count.before += writes
        elif day == count.day:
            count.today += writes
        else:
            count.before, count.day, count.today = count.before + count.today, day, writes

    def take(self, line: bytes) -> None:
        """Add the writes of a line. Raises ValueError for any other line, having added nothing."""
        entry = json.loads(line)
        if not isinstance(entry, dict) or not isinstance(entry.get("writes"), dict):
            raise ValueError("it has no writes")
        day_text, writes = entry.get("day"), entry["writes"]
        if any(type(each) is not int or each < 1 for each in writes.values()):
            raise ValueError("writes are counted in whole numbers from 1 on")
        day = None if day_text is None else date.fromisoformat(str(day_text))
        for register, each in writes.items():
            self.add(register, day, each)

    def lines(self) -> bytes:
        """Lines with all counts, in the order in which they have to be added again."""
        days: dict[date | None, dict[str, int]] = defaultdict(dict)
        for register, count in self._counts.items():
            if count.before:
                days[None][register] = count.before
            if count.day is not None:
                days[count.day][register] = count.today
        first_of_all = sorted(days.items(), key=lambda item: item[0] or date.min)
        return b"".join(_line(day, writes) for day, writes in first_of_all)


def _line(day: date | None, writes: dict[str, int]) -> bytes:
    entry = {"day": day.isoformat() if day is not None else None, "writes": writes}
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
