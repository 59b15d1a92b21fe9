"""The optimiser, imported at the first question: reading a point needs no numerical library."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from bms.model.planning.plan import BuildingModel, NoModel, Problem, Schedule
from bms.model.words import Words
from bms.ports.store import PredictionErrors

if TYPE_CHECKING:
    from optimizer.planner import Optimizer


class LateOptimizer:
    """Implements ``Planner``, ``Judge`` and ``Checker`` of ``bms.ports.store``."""

    @cached_property
    def _optimizer(self) -> Optimizer:
        from optimizer.planner import Optimizer

        return Optimizer()

    def identify(self, problem: Problem) -> BuildingModel | NoModel:
        """The building's thermal model, or why there is none."""
        return self._optimizer.identify(problem)

    def plan(self, problem: Problem) -> Schedule:
        """The schedule for the problem; always one."""
        return self._optimizer.plan(problem)

    def prediction_errors(self, problem: Problem, model: BuildingModel) -> PredictionErrors:
        """How far ``model`` was off on the history of the problem, 1, 6 and 24 h ahead."""
        return self._optimizer.prediction_errors(problem, model)

    def check(self, problem: Problem, schedule: Schedule) -> tuple[Words, ...]:
        """Every objection to the schedule; none means that it may be written."""
        return self._optimizer.check(problem, schedule)
