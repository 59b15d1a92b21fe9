"""Whatever happens to the log of writes, it counts as a book in memory does."""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from drivers.fieldbus.write_budget import WriteBudget, WriteBudgetExhausted, WriteCounts
from drivers.fieldbus.write_budget_log import FileWriteCounter, MemoryWriteCounter
from tests.rigs.examples import examples

REGISTERS = st.sampled_from(["hall/one holding 1", "hall/one holding 2", "skole/å coil 7", ""])
DAYS = st.integers(0, 3).map(lambda n: date(2019, 1, 14) + timedelta(days=n))
LIMITS = st.none() | st.integers(1, 4)
BUDGETS = st.builds(WriteBudget, per_day=LIMITS, lifetime=LIMITS)


class SharedLog(RuleBasedStateMachine):
    """Two processes at one log, and a book in memory that knows what is right."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "wear.log"
        self.right = MemoryWriteCounter()
        self.books = [self.new(), self.new()]

    def new(self) -> FileWriteCounter:
        return FileWriteCounter(self.path, sync=lambda _: None, compact_bytes=120)

    @rule(who=st.integers(0, 1), register=REGISTERS, day=DAYS, budget=BUDGETS)
    def write(self, who: int, register: str, day: date, budget: WriteBudget) -> None:
        outcomes = []
        for book in (self.right, self.books[who]):
            try:
                book.spend(register, day, budget)
                outcomes.append("granted")
            except WriteBudgetExhausted as spent:
                outcomes.append(str(spent))
        assert outcomes[0] == outcomes[1]

    @rule(who=st.integers(0, 1))
    def restart(self, who: int) -> None:
        self.books[who] = self.new()

    @rule(cut=st.integers(1, 40))
    def power_cut_in_the_middle_of_a_line(self, cut: int) -> None:
        if self.path.exists():
            with self.path.open("ab") as file:
                file.write(b'{"day":"2019-01-14","writes":{"hall/one holding 1":1}}'[:cut])

    @invariant()
    def counts_agree(self) -> None:
        for register in ("hall/one holding 1", "skole/å coil 7"):
            for n in range(4):
                day = date(2019, 1, 14) + timedelta(days=n)
                assert self.books[0].written(register, day) == self.right.written(register, day)

    def teardown(self) -> None:
        self.folder.cleanup()


SharedLog.TestCase.settings = settings(
    max_examples=examples(40), stateful_step_count=25, deadline=None, derandomize=True
)
TestTheSharedLog = SharedLog.TestCase


class ToldInLines(RuleBasedStateMachine):
    """Counts that were written down and read again are the same counts."""

    def __init__(self) -> None:
        super().__init__()
        self.counts = WriteCounts()

    @rule(register=REGISTERS, day=st.none() | DAYS, writes=st.integers(1, 9))
    def add(self, register: str, day: date | None, writes: int) -> None:
        self.counts.add(register, day, writes)

    @invariant()
    def lines_say_the_same(self) -> None:
        again = WriteCounts()
        for line in self.counts.lines().splitlines():
            again.take(line)
        for register in ("hall/one holding 1", "skole/å coil 7", ""):
            for n in range(4):
                day = date(2019, 1, 14) + timedelta(days=n)
                assert again.written(register, day) == self.counts.written(register, day)


ToldInLines.TestCase.settings = settings(
    max_examples=examples(30), stateful_step_count=15, deadline=None, derandomize=True
)
TestToldInLines = ToldInLines.TestCase
