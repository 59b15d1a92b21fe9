"""The optimiser, the judge of its models and the checker of its schedules."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, runtime_checkable

from bms.model.fact import Fact
from bms.model.planning.plan import Schedule
from bms.model.planning.problem import BuildingModel, NoModel, Problem
from bms.model.readings.series import Floats


class Planner(Protocol):
    """The optimiser as the services see it. Pure and slow: call it in a pool."""

    def identify(self, problem: Problem) -> BuildingModel | NoModel: ...

    def plan(self, problem: Problem) -> Schedule: ...


class PredictionErrors(Protocol):
    """Predicted less measured temperature [K], shape (zones, starts, horizons); NaN where it
    cannot be told. ``starts`` are the moments of prediction."""

    @property
    def zones(self) -> tuple[str, ...]: ...

    @property
    def starts(self) -> tuple[datetime, ...]: ...

    @property
    def horizons_h(self) -> tuple[float, ...]: ...

    @property
    def errors(self) -> Floats: ...


@runtime_checkable
class Judge(Protocol):
    """A planner that can also tell how far a model was off. Pure and slow: call it in a pool."""

    def prediction_errors(self, problem: Problem, model: BuildingModel) -> PredictionErrors:
        """On the history of the problem, 1, 6 and 24 h ahead, restarted every hour, with the inputs
        as they were measured."""
        ...


@runtime_checkable
class StartLearner(Protocol):
    """A planner that learns from recorded mornings when zones without a model have to begin to warm
    up. Pure and slow: call it in a pool."""

    def learn_starts(self, problem: Problem) -> Problem:
        """The problem with what its history tells of the warm-ups of its zones."""
        ...


class Checker(Protocol):
    """The independent checker: every objection to a schedule; none means it may be written."""

    def check(self, problem: Problem, schedule: Schedule) -> tuple[Fact, ...]: ...
