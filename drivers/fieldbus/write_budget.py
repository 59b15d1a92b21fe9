"""How often registers were written, and how often they may be. Pure.

As text, a line says how often registers were written on a day, or before the last day that counts
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


class BudgetSpent(Exception):
    """The write budget of a register is spent; ``reason`` says which."""

    def __init__(self, reason: Fact) -> None:
        super().__init__(str(reason))
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Worn:
    """Writes of a register: in all, and on one day (building time, UTC)."""

    lifetime: int = 0
    today: int = 0

    def __add__(self, more: Worn) -> Worn:
        return Worn(self.lifetime + more.lifetime, self.today + more.today)


@dataclass(frozen=True, slots=True)
class Budget:
    """How often a register may be written [1]; None is without a limit."""

    per_day: int | None = None
    lifetime: int | None = None

    @property
    def limited(self) -> bool:
        return self.per_day is not None or self.lifetime is not None

    def check(self, register: str, worn: Worn) -> None:
        """Raises ``BudgetSpent`` when one more write would be too many."""
        if self.lifetime is not None and worn.lifetime >= self.lifetime:
            raise BudgetSpent(
                fact(RefusalReason.WRITES_SPENT, register=register, writes=self.lifetime)
            )
        if self.per_day is not None and worn.today >= self.per_day:
            raise BudgetSpent(
                fact(RefusalReason.WRITES_SPENT_TODAY, register=register, writes=self.per_day)
            )


UNLIMITED = Budget()


@dataclass(slots=True)
class _Count:
    """``today`` belongs to ``day``, the day of the last write; ``before`` is all the rest."""

    before: int = 0
    day: date | None = None
    today: int = 0


class Counts:
    """Writes by register."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}

    def worn(self, register: str, day: date) -> Worn:
        count = self._counts.get(register, _Count())
        return Worn(count.before + count.today, count.today if count.day == day else 0)

    def add(self, register: str, day: date | None, writes: int = 1) -> None:
        """``writes`` more on a day; those of None are of no day that still matters."""
        count = self._counts.setdefault(register, _Count())
        if day is None:
            count.before += writes
        elif day == count.day:
            count.today += writes
        else:
            count.before, count.day, count.today = count.before + count.today, day, writes

    def take(self, line: bytes) -> None:
        """Add what a line says. Raises ValueError, having added nothing, when it says nothing."""
        entry = json.loads(line)
        if not isinstance(entry, dict) or not isinstance(entry.get("writes"), dict):
            raise ValueError("it has no writes")
        told, writes = entry.get("day"), entry["writes"]
        if any(type(each) is not int or each < 1 for each in writes.values()):
            raise ValueError("writes are counted in whole numbers from 1 on")
        day = None if told is None else date.fromisoformat(str(told))
        for register, each in writes.items():
            self.add(register, day, each)

    def lines(self) -> bytes:
        """Lines that say as much as all that was added, in the order in which to take them."""
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
