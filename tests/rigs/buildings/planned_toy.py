"""The toy building with a model, and its linear program, for tests of the planner's parts."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from bms.model.planning.problem import BuildingModel, Problem
from optimizer.linear_program.program import Program, Solution, solve
from optimizer.planner import Optimizer
from optimizer.planning.make_plan import program_for
from tests.rigs.buildings.toy_building import Toy, lived_in, problem

HORIZON = 192


@cache
def toy() -> Toy:
    """On a Monday at midnight UTC, after three weeks."""
    return lived_in(days=21)


@cache
def model() -> BuildingModel:
    answer = Optimizer().identify(problem(toy()))
    assert isinstance(answer, BuildingModel)
    return answer


@cache
def task(n: int = HORIZON) -> Problem:
    return replace(problem(toy(), n=n, days=3), model=model())


@cache
def program() -> Program:
    return program_for(task())


def solved(task: Program) -> Solution:
    answer = solve(task)
    assert not isinstance(answer, str), answer
    return answer
