"""Files that several processes of one backend read and write."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

from bms.journal import dialect
from drivers.fieldbus.write_budget import WriteCount
from drivers.fieldbus.write_budget_log import FileWriteCounter

MONDAY = date(2019, 1, 14)


def test_a_log_of_writes_loses_no_count(tmp_path: Path) -> None:
    path = tmp_path / "wear.log"
    program = (
        "import sys; from datetime import date; from pathlib import Path; "
        "from drivers.fieldbus.write_budget_log import FileWriteCounter\n"
        "book = FileWriteCounter(Path(sys.argv[1]), compact_bytes=300)\n"
        "for _ in range(25): book.spend('r', date(2019, 1, 14))"
    )
    command = [sys.executable, "-c", program, str(path)]
    writers = [subprocess.Popen(command) for _ in range(3)]
    assert [writer.wait(30) for writer in writers] == [0, 0, 0]
    assert FileWriteCounter(path).written("r", MONDAY) == WriteCount(75, 75)


def test_the_dialect_is_the_same_in_every_process_of_a_version() -> None:
    """Whatever a process has asked of the nouns before, and in whatever order."""
    program = "from bms.journal import dialect; print(dialect())"
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert told.stdout.strip() == dialect()
    assert len(dialect()) == 12
