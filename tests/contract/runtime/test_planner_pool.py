"""Planning in processes of their own: the same answers, whatever becomes of a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from bms.runtime.load.planner_pool import PlannerPool, processes_for
from optimizer.planner import Optimizer
from tests.rigs.buildings.toy_problems import task
from tests.rigs.paths import ROOT
from tests.rigs.processes.outside import alive, children, soon

PROBLEM = task()


@pytest.fixture
def pool() -> Iterator[PlannerPool]:
    made = PlannerPool(Optimizer(), 1)
    yield made
    made.close()


def test_the_answers_are_those_of_one_process(pool: PlannerPool) -> None:
    here = Optimizer()
    assert pool.plan(PROBLEM) == here.plan(PROBLEM)
    assert pool.identify(PROBLEM) == here.identify(PROBLEM)
    assert pool.check(PROBLEM, here.plan(PROBLEM)) == here.check(PROBLEM, here.plan(PROBLEM))


def test_a_process_that_is_killed_is_replaced(pool: PlannerPool) -> None:
    before = pool.plan(PROBLEM)
    for pid in _planners():
        os.kill(pid, signal.SIGKILL)
    assert pool.plan(PROBLEM) == before
    assert _planners()


def test_where_processes_cannot_live_this_one_answers(pool: PlannerPool) -> None:
    stop = threading.Event()

    def kill() -> None:
        while not stop.is_set():
            for pid in _planners():
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        assert pool.plan(PROBLEM) == Optimizer().plan(PROBLEM)
    finally:
        stop.set()
        killer.join()


def test_no_process_outlives_the_backend() -> None:
    words = (
        "from bms.runtime.load.planner_pool import PlannerPool\n"
        "from tests.contract.runtime.test_planner_pool import PROBLEM\n"
        "from optimizer.planner import Optimizer\n"
        "import time\n"
        "if __name__ == '__main__':\n"
        "    PlannerPool(Optimizer(), 1).plan(PROBLEM)\n"
        "    print('planned', flush=True)\n"
        "    time.sleep(60)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", words], stdout=subprocess.PIPE, env=env) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"planned\n"
        theirs = children(parent.pid)
        assert theirs
        parent.kill()
        parent.wait()
        soon(lambda: not any(map(alive, theirs)), 10, "the processes have ended")


def test_small_towns_plan_in_one_process() -> None:
    assert processes_for(3, None) == 0
    assert processes_for(650, None) >= 1
    assert (processes_for(650, 0), processes_for(3, 2)) == (0, 2)


def _planners() -> set[int]:
    """Our processes that plan, not what Python itself starts beside them."""
    found = set()
    for pid in children(os.getpid()):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
                if b"spawn_main" in file.read():
                    found.add(pid)
        except OSError:
            continue
    return found
