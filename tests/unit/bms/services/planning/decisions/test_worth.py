"""The days of the meter tell what each kind of decision brings."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from bms.model.assets.equipment import HeatSourceKind
from bms.model.planning.decision_day import DecisionDay, DecisionLedger, KindWorth
from bms.model.planning.plan import DayAhead, DecisionGain, DecisionKind
from bms.services.planning.decisions.worth import (
    PRIOR_SHARE,
    PRIOR_SPREAD,
    day_beside,
    heat_price_of,
    worth_by_kind,
)
from tests.rigs.fakes.city import lodge
from tests.rigs.fakes.store import a_plan

TRUE = {DecisionKind.SETBACK: 0.95, DecisionKind.STORING: 0.4}


def days(n: int, noise_dkk: float, seed: int = 3) -> list[DecisionDay]:
    """Days on which setbacks bring 95 % of what they were to, and storing 40 %."""
    rng = np.random.default_rng(seed)
    found = []
    for k in range(n):
        told = {DecisionKind.SETBACK: float(rng.uniform(5, 30))}
        if k % 2 == 0:
            told[DecisionKind.STORING] = float(rng.uniform(5, 25))
        came = sum(TRUE[kind] * dkk for kind, dkk in told.items()) + rng.normal(0.0, noise_dkk)
        found.append(
            DecisionDay(
                day=date(2026, 1, 1) + timedelta(days=k),
                predicted=told,
                predicted_dkk=sum(told.values()),
                came_dkk=float(came),
                predicted_kwh=0.0,
                came_kwh=0.0,
            )
        )
    return found


def worth(rows: list[DecisionDay], kind: DecisionKind) -> KindWorth:
    return next(each for each in worth_by_kind(rows) if each.kind is kind)


def test_no_days_tell_nothing() -> None:
    assert worth_by_kind([]) == ()


@pytest.mark.parametrize("kind", TRUE)
def test_four_weeks_tell_what_came_of_each_kind(kind: DecisionKind) -> None:
    found = worth(days(28, noise_dkk=1.0), kind)
    assert found.share == pytest.approx(TRUE[kind], abs=0.1)
    assert abs(found.share - TRUE[kind]) <= 2.5 * found.share_error
    assert found.came_dkk == pytest.approx(found.share * found.predicted_dkk)


def test_a_share_starts_careful_and_moves_as_days_tell() -> None:
    shares = [worth(days(n, noise_dkk=8.0), DecisionKind.STORING) for n in (1, 8, 28)]
    assert abs(shares[0].share - PRIOR_SHARE) < PRIOR_SPREAD
    assert shares[0].share_error > shares[1].share_error > shares[2].share_error
    assert abs(shares[2].share - 0.4) < abs(shares[0].share - 0.4)


@pytest.mark.parametrize(("n", "known"), [(8, False), (10, True)])
def test_storing_is_planned_with_from_five_days_on(n: int, known: bool) -> None:
    rows = days(n, noise_dkk=1.0)
    ledger = DecisionLedger(site="s", days=tuple(rows), kinds=worth_by_kind(rows))
    assert (ledger.storing_share is not None) is known


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
