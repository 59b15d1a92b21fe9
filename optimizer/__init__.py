"""Problem → Schedule: pure numpy and scipy, usable alone.

>>> from optimizer import check, identify, plan, read
>>> problem = read(text)               # JSON, one number in place of a series is enough
>>> schedule = plan(problem)           # always a Schedule: optimal, relaxed or fallback
>>> objections = check(problem, schedule)  # empty: it may be written
"""

from __future__ import annotations

from bms.model.fact import Fact
from bms.model.planning.plan import Schedule
from bms.model.planning.problem import BuildingModel, NoModel, Problem
from optimizer.planner import Optimizer
from optimizer.problem.reader import BadProblem, mistakes, read
from optimizer.problem.series_checks import ProblemMistake

__all__ = [
    "BadProblem",
    "Optimizer",
    "ProblemMistake",
    "check",
    "identify",
    "mistakes",
    "plan",
    "read",
]

_OPTIMIZER = Optimizer()


def plan(problem: Problem) -> Schedule:
    """The schedule for a problem; always one, with its reasons."""
    return _OPTIMIZER.plan(problem)


def identify(problem: Problem) -> BuildingModel | NoModel:
    """The building's thermal model from ``problem.history``, or why there is none."""
    return _OPTIMIZER.identify(problem)


def check(problem: Problem, schedule: Schedule) -> tuple[Fact, ...]:
    """Every objection to a schedule; none means that it may be written."""
    return _OPTIMIZER.check(problem, schedule)
