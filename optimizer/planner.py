"""The optimiser behind the ports that the services know."""

from __future__ import annotations

import os

from threadpoolctl import threadpool_limits

from bms.model.fact import Fact
from bms.model.planning.plan import Schedule
from bms.model.planning.problem import BuildingModel, NoModel, Problem
from optimizer.checker.check import check
from optimizer.identification.hours_ahead_backtest import BacktestErrors, prediction_errors
from optimizer.identification.identify import identify
from optimizer.planning.make_plan import make_plan
from optimizer.problem.units import in_celsius, in_units_of
from optimizer.setpoints.optimum_start import with_learned_starts

ASKED = "OPENBLAS_NUM_THREADS"
if ASKED not in os.environ:
    # Our matrices are small: threads that wait for each other cost four to ten times the processor.
    threadpool_limits(1, user_api="blas")


class Optimizer:
    """Implements the ports ``Planner``, ``Judge``, ``StartLearner`` and ``Checker``; keeps no
    state."""

    def identify(self, problem: Problem) -> BuildingModel | NoModel:
        """The building's thermal model, or why there is none."""
        return identify(in_celsius(problem))

    def plan(self, problem: Problem) -> Schedule:
        """The schedule for the problem; always one."""
        return in_units_of(problem, make_plan(in_celsius(problem)))

    def learn_starts(self, problem: Problem) -> Problem:
        """The problem in degC with what its history tells of the warm-ups of its zones."""
        return with_learned_starts(in_celsius(problem))

    def prediction_errors(self, problem: Problem, model: BuildingModel) -> BacktestErrors:
        """How far ``model`` was off on the history of the problem, 1, 6 and 24 h ahead."""
        return prediction_errors(in_celsius(problem), model)

    def check(self, problem: Problem, schedule: Schedule) -> tuple[Fact, ...]:
        """Every objection to the schedule; none means that it may be written."""
        return check(problem, schedule)
