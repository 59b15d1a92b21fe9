"""The figures of a season say what was asked."""

from __future__ import annotations

import pytest

from bms.bench.planning.season import Season, season_figures
from bms.services.simulated_worlds import WorldResult


def cost(dkk: float, comfort_kh: float = 0.0) -> WorldResult:
    return WorldResult(energy_kwh=0.0, cost_dkk=dkk, co2_kg=0.0, comfort_kh=comfort_kh)


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
