"""What a process does that only plans; run as a module it says how much memory that took."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from pathlib import Path

from bms.model.planning.problem import Problem
from optimizer.planner import Optimizer

STATUS = Path("/proc/self/status")
PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


def planned(problem: Problem) -> str:
    """The status of the plan."""
    return Optimizer().plan(problem).status.value


def memory_mb(problem: Problem) -> float | None:
    """Most memory [MB] of a fresh process that makes this plan, libraries included; None where the
    system does not tell."""
    done = subprocess.run(  # noqa: S603 (our own interpreter, our own module)
        [sys.executable, "-m", __name__],
        input=pickle.dumps(problem),
        stdout=subprocess.PIPE,
        check=True,
    )
    return float(done.stdout) if done.stdout.strip() else None


def _main() -> None:
    planned(pickle.load(sys.stdin.buffer))  # noqa: S301 (written by the process that started us)
    found = PEAK.search(STATUS.read_text()) if STATUS.exists() else None
    sys.stdout.write(str(int(found[1]) / 1024) if found else "")


if __name__ == "__main__":
    _main()
