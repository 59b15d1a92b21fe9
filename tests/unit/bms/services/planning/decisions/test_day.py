"""A day beside its plan, in the weather that came."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from bms.model.assets.equipment import HeatSourceKind
from bms.model.planning.plan import DayAhead, DecisionGain, DecisionKind
from bms.services.planning.decisions.day import day_beside, heat_price_of
from tests.rigs.fakes.city import lodge
from tests.rigs.fakes.store import a_plan

AHEAD = DayAhead(
    heat_kwh=96.0,
    own_heat_kwh=120.0,
    cost_dkk=48.0,
    own_cost_dkk=60.0,
    left_dkk=2.0,
    kwh_per_k=6.0,
    outdoor_c=2.0,
    gains=(DecisionGain(kind=DecisionKind.SETBACK, dkk=10.0, kwh=24.0),),
)
PRICE = np.full(96, 0.5)


def test_a_day_as_foretold_brings_what_was_foretold() -> None:
    day = day_beside(date(2026, 1, 12), AHEAD, np.full(96, 4.0), np.full(96, 2.0), PRICE)
    assert day.came_dkk == pytest.approx(AHEAD.gain_dkk) == pytest.approx(10.0)
    assert day.came_kwh == pytest.approx(day.predicted_kwh) == pytest.approx(24.0)
    assert day.predicted == {DecisionKind.SETBACK: 10.0}


def test_a_colder_day_is_held_against_what_own_control_would_have_taken_in_it() -> None:
    """Three kelvins colder, and the meter shows the 18 kWh that they take."""
    heat = np.full(96, (96.0 + 18.0) / 24.0)
    day = day_beside(date(2026, 1, 12), AHEAD, heat, np.full(96, -1.0), PRICE)
    assert day.came_dkk == pytest.approx(10.0)


def test_more_heat_than_foretold_is_less_gain() -> None:
    day = day_beside(date(2026, 1, 12), AHEAD, np.full(96, 4.5), np.full(96, 2.0), PRICE)
    assert day.came_dkk == pytest.approx(10.0 - 12.0 * 0.5)


class TestThePriceOfHeat:
    def test_of_a_heat_pump_is_that_of_electricity_over_its_cop(self) -> None:
        problem = a_plan(steps=8).problem
        source = replace(
            lodge(HeatSourceKind.HEAT_PUMP).heat_source, cop=((-10.0, 2.0), (10.0, 4.0))
        )
        weather = replace(problem.weather, temp_out_c=(0.0,) * 8, ghi_wm2=(0.0,) * 8)
        pump = replace(
            problem, heat_source=source, weather=weather, electricity_dkk_per_kwh=(1.5,) * 8
        )
        price = heat_price_of(pump, 8)
        assert price is not None
        assert price == pytest.approx(np.full(8, 0.5))

    def test_is_not_known_where_a_price_is_missing(self) -> None:
        problem = replace(a_plan(steps=8).problem, heat_dkk_per_kwh=(0.6,) * 7 + (None,))
        assert heat_price_of(problem, 8) is None
