"""The planning bench: its rival solves the same program, and its figures say what was asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.bench.planning.cvxpy_rival import by_cvxpy, has_cvxpy
from bms.bench.planning.season import Season, season_figures
from bms.bench.planning.worker import memory_mb, planned
from bms.services.simulated_worlds import Outcome
from optimizer.linear_program.highs import minimise
from optimizer.linear_program.program import linear_program
from optimizer.linear_program.time_blocks import uniform
from tests.rigs.buildings.planned_toy import program, task


@pytest.mark.skipif(not has_cvxpy(), reason="cvxpy is not installed: pip install '.[bench]'")
def test_the_rival_finds_the_same_optimum() -> None:
    same = replace(program(), blocks=uniform(program().building.n))
    linear = linear_program(same)
    x = minimise(linear)
    assert not isinstance(x, str)
    assert by_cvxpy(same) == pytest.approx(float(linear.cost @ x), rel=1e-6)


def cost(dkk: float, comfort_kh: float = 0.0) -> Outcome:
    return Outcome(energy_kwh=0.0, cost_dkk=dkk, co2_kg=0.0, comfort_kh=comfort_kh)


class TestSeason:
    def test_the_part_is_that_of_the_saving(self) -> None:
        season = Season("hall", (cost(1000), cost(900), cost(820)), cost(800))
        assert season.part == pytest.approx(0.9)
        assert all(figure.ok for figure in season_figures(season))

    def test_what_costs_more_than_the_tuned_setback_fails(self) -> None:
        season = Season("hall", (cost(1000), cost(800), cost(820)), cost(790))
        assert [figure.ok for figure in season_figures(season)] == [True, False, True, True, True]

    def test_more_discomfort_than_a_rival_fails(self) -> None:
        worlds = (cost(1000, 5.0), cost(900, 2.0), cost(820, 3.0))
        figures = season_figures(Season("hall", worlds, cost(800)))
        assert [figure.ok for figure in figures[2:4]] == [True, False]


def test_a_process_of_its_own_plans_and_tells_its_memory() -> None:
    assert planned(task(48)) == "optimal"
    megabytes = memory_mb(task(48))
    assert megabytes is None or 20 < megabytes < 400
