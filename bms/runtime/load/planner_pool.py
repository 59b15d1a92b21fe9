"""Learning and planning in processes of their own: no tick waits for the interpreter meanwhile."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from bms.model.fact import Fact
from bms.model.planning.plan import Schedule
from bms.model.planning.problem import BuildingModel, NoModel, Problem
from bms.ports.planner import Checker, Judge, Planner, PredictionErrors, StartLearner

if TYPE_CHECKING:
    from optimizer.planner import Optimizer

T = TypeVar("T")

POOLED_FROM = 20
"""Sites [1] from which on the memory of further processes is worth it."""
MOST = 8
PARENT_LOOK_S = 1.0
BLAS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Small matrices are solved no faster by several threads, and at four to five times the cost."""


def processes_for(sites: int, asked: int | None) -> int:
    """How many processes plan [1]: what was ``asked`` for, or by the number of sites; 0: none."""
    if asked is not None:
        return asked
    return min(os.cpu_count() or 1, MOST) if sites >= POOLED_FROM else 0


class WholePlanner(Planner, Judge, StartLearner, Checker, Protocol):
    """Every port of the optimiser in one."""


class PlannerPool:
    """Implements the ports of ``bms.ports.planner`` by an optimiser in each of some processes.

    Called from threads, which wait without the interpreter. A process that is lost is replaced and
    its problem answered once more; where that fails again, ``beside`` answers in this process: the
    planner always answers (law 3). Nothing is started before the first question.
    """

    def __init__(self, beside: WholePlanner, processes: int) -> None:
        self._beside, self._processes = beside, processes
        self._turn = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None

    def identify(self, problem: Problem) -> BuildingModel | NoModel:
        """The building's thermal model, or why there is none."""
        return self._asked(lambda o: o.identify(problem), "identify", problem)

    def plan(self, problem: Problem) -> Schedule:
        """The schedule for the problem; always one."""
        return self._asked(lambda o: o.plan(problem), "plan", problem)

    def learn_starts(self, problem: Problem) -> Problem:
        """The problem with what its history tells of the warm-ups of its zones."""
        return self._asked(lambda o: o.learn_starts(problem), "learn_starts", problem)

    def prediction_errors(self, problem: Problem, model: BuildingModel) -> PredictionErrors:
        """How far ``model`` was off on the history of the problem, 1, 6 and 24 h ahead."""
        return self._asked(
            lambda o: o.prediction_errors(problem, model), "prediction_errors", problem, model
        )

    def check(self, problem: Problem, schedule: Schedule) -> tuple[Fact, ...]:
        """Every objection to the schedule; none means that it may be written."""
        return self._beside.check(problem, schedule)

    def close(self) -> None:
        """End the processes; what they have not begun is dropped."""
        with self._turn:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    def _asked(self, here: Callable[[WholePlanner], T], name: str, *arguments: object) -> T:
        for _ in range(2):
            pool = self._started()
            try:
                answer: Future[T] = pool.submit(_answer, name, arguments)
                return answer.result()
            except BrokenProcessPool:
                self._drop(pool)
        return here(self._beside)

    def _started(self) -> ProcessPoolExecutor:
        with self._turn:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(
                    self._processes,
                    mp_context=multiprocessing.get_context("spawn"),
                    initializer=_begin,
                    initargs=(os.getpid(),),
                )
            return self._pool

    def _drop(self, pool: ProcessPoolExecutor) -> None:
        with self._turn:
            if self._pool is pool:
                self._pool = None
        pool.shutdown(wait=False)


_optimizer: Optimizer | None = None


def begin_quietly(parent: int) -> None:
    """Make a process ready to compute: one thread of BLAS, the terminal's Ctrl-C is the parent's,
    and no life without it."""
    for variable in BLAS:
        os.environ[variable] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(5)  # ticks and answers come first
    threading.Thread(target=_live_with, args=(parent,), daemon=True).start()


def _begin(parent: int) -> None:
    global _optimizer
    begin_quietly(parent)
    from optimizer.planner import Optimizer

    _optimizer = Optimizer()


def _live_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_LOOK_S)
    os._exit(1)


def _answer(name: str, arguments: tuple[object, ...]) -> Any:
    return getattr(_optimizer, name)(*arguments)
