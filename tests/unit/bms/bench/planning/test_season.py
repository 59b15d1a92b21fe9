"""The figures of a season say what was asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bms.bench.planning.season import Season, auto_part, season_figures
from bms.model.fact import fact
from bms.model.trust.modes import StepBack, StepBackReason
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
        assert [figure.ok for figure in season_figures(season)] == [
            True,
            False,
            True,
            True,
            True,
            True,
        ]

    def test_more_discomfort_than_a_rival_fails(self) -> None:
        worlds = (cost(1000, 5.0), cost(900, 2.0), cost(820, 3.0))
        figures = season_figures(Season("hall", worlds, cost(800)))
        assert [figure.ok for figure in figures[2:4]] == [True, False]

    def test_a_building_that_went_back_from_auto_is_not_judged_as_ours(self) -> None:
        worlds = (cost(1000), cost(900), cost(820))
        figures = season_figures(Season("hall", worlds, cost(800), in_auto=0.25))
        assert [figure.ok for figure in figures] == [True, True, True, True, True, False]
        assert figures[-1].value == pytest.approx(25.0)

    def test_the_part_in_auto_ends_with_the_first_step_back(self) -> None:
        start = datetime(2019, 1, 14, tzinfo=UTC)
        until = start + timedelta(days=16)
        reason = fact(StepBackReason.PREDICTIONS_OFF, days=3, zone="hall")
        steps = [
            StepBack(id=f"s{day}", site="hall", at=start + timedelta(days=day), reason=reason)
            for day in (12, 4)
        ]
        assert auto_part([], start, until) == pytest.approx(1.0)
        assert auto_part(steps, start, until) == pytest.approx(0.25)
