"""Problem → Schedule: pure numpy and scipy, usable alone.

>>> from optimizer import check, identify, plan, read
>>> problem = read(text)               # JSON, one number in place of a series is enough
>>> schedule = plan(problem)           # always a Schedule: optimal, relaxed or fallback
>>> objections = check(problem, schedule)  # empty: it may be written
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bms.model.fact import Fact
from bms.model.planning.plan import Schedule
from bms.model.planning.problem import BuildingModel, NoModel, Problem
from optimizer.problem.reader import BadProblem, mistakes, read
from optimizer.problem.series_checks import ProblemMistake

if TYPE_CHECKING:
    from optimizer.planner import Optimizer

__all__ = [
    "BadProblem",
    "ProblemMistake",
    "check",
    "identify",
    "mistakes",
    "plan",
    "read",
]


def plan(problem: Problem) -> Schedule:
    """The schedule for a problem; always one, with its reasons."""
    return _optimizer().plan(problem)


def identify(problem: Problem) -> BuildingModel | NoModel:
    """The building's thermal model from ``problem.history``, or why there is none."""
    return _optimizer().identify(problem)


def check(problem: Problem, schedule: Schedule) -> tuple[Fact, ...]:
    """Every objection to a schedule; none means that it may be written."""
    return _optimizer().check(problem, schedule)


def _optimizer() -> Optimizer:
    """Imported with its scipy when it is first asked: a problem can be read without."""
    from optimizer.planner import Optimizer

    return Optimizer()
