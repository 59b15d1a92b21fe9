"""A long run is taken up again after the parts that its file has."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from bms.bench.chaos.parts import PartFile, RunPart
from bms.bench.chaos.run import Outcome, Row
from bms.bench.chaos.town import StrikeMoment
from bms.bench.chaos.watch import Violation

STRUCK = Counter({StrikeMoment.HELD: 2, StrikeMoment.WRITE: 1})
VIOLATION = Violation("W07", datetime(2019, 1, 14, tzinfo=UTC), "east: written over")


def shown() -> Outcome:
    rows = {"hand above": Row("hand above", 3, 2, STRUCK.copy())}
    found = [("hand above · lease held · 5 min", VIOLATION)]
    return Outcome(rows, found, log=["01-14 05:15 east hall.setpoint 18.0"], days=22.5)


def test_what_was_kept_is_what_was_shown(tmp_path: Path) -> None:
    file = PartFile(tmp_path / "parts.jsonl")
    assert file.parts() == []
    file.add(RunPart(3, shown()))
    file.add(RunPart(4, shown()))
    found = file.parts()
    assert [part.seed for part in found] == [3, 4]
    whole = Outcome()
    for part in found:
        whole.add(part.outcome)
    assert whole.days == 45.0
    assert whole.rows["hand above"].struck == Counter({m: 2 * n for m, n in STRUCK.items()})
    assert [violation for _, violation in whole.violations] == [VIOLATION, VIOLATION]
    assert whole.log == [shown().digest] * 2


def test_a_line_that_was_cut_off_is_no_part(tmp_path: Path) -> None:
    file = PartFile(tmp_path / "parts.jsonl")
    file.add(RunPart(3, shown()))
    file.add(RunPart(4, shown()))
    file.path.write_text(file.path.read_text()[:-40])
    assert [part.seed for part in file.parts()] == [3]
