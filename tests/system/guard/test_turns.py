"""The turn of a process that gives a point back (clause W9)."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from bms.journal.locks import PointTurns

A, B = "hut/room.setpoint", "hut/plant.enable"
HOLD = """
import pathlib, sys, time
from bms.journal.locks import PointTurns
turn = PointTurns(pathlib.Path(sys.argv[1])).to_return(sys.argv[2])
print("held", flush=True)
time.sleep(60)
"""


def busy(journal: Path) -> frozenset[str]:
    with PointTurns(journal).to_announce([A, B]) as found:
        return found


def test_w09_a_turn_of_another_process_ends_with_it(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    call = [sys.executable, "-c", HOLD, str(journal), A]
    with subprocess.Popen(call, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert busy(journal) == {A}
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert busy(journal) == frozenset()
