"""Whole buildings: yesterday's model, an unknown sun."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from bms.model.codec import from_json, to_json
from bms.model.planning.problem import BuildingModel
from optimizer.identification.identify import RETRY_DAYS, identify
from optimizer.model.heat_shares import HeatShares
from optimizer.model.history import measured_past
from optimizer.model.rc_network import RcNetwork
from optimizer.model.state_estimate import estimate_state
from tests.rigs.buildings.toy_building import ZONES, Toy, lived_in
from tests.rigs.buildings.toy_problems import DAYS, problem, toy_model


@pytest.fixture(scope="module")
def toy() -> Toy:
    return lived_in(days=DAYS)


@pytest.fixture(scope="module")
def model() -> BuildingModel:
    return toy_model()


class TestTheModel:
    def test_says_how_sure_it_is_of_every_zone(self, model: BuildingModel) -> None:
        for zone in model.zones:
            assert 0 < zone.standard_errors["ua_kw_per_k"] < zone.parameters["ua_kw_per_k"]
            assert 0 < zone.standard_errors["heat_part"] < 0.2
            fast = zone.parameters["time_constant_fast_h"]
            slow = zone.parameters["time_constant_slow_h"]
            assert fast < 10 < slow
            assert zone.standard_errors["time_constant_slow_h"] > 0

    def test_can_be_stored_and_read(self, model: BuildingModel) -> None:
        assert from_json(BuildingModel, to_json(model)) == model

    @pytest.mark.slow
    def test_of_yesterday_is_fitted_again(self, toy: Toy, model: BuildingModel) -> None:
        again = identify(problem(toy), model)
        assert isinstance(again, BuildingModel)
        for old, new in zip(model.zones, again.zones, strict=True):
            assert new.order == old.order
            assert new.parameters["ua_kw_per_k"] == pytest.approx(
                old.parameters["ua_kw_per_k"], rel=0.1
            )

    @pytest.mark.slow
    def test_leaves_a_zone_that_it_refused_alone_for_some_days(
        self, toy: Toy, model: BuildingModel
    ) -> None:
        """Every zone is studied on one night of three, whatever the other nights say."""
        office = replace(model, zones=model.zones[:1])
        found = set()
        for steps in (0, 96, 192):
            asked = problem(toy)
            assert asked.history is not None
            shorter = replace(
                asked.history,
                start=asked.history.start - timedelta(seconds=900 * steps),
            )
            last = replace(
                office, identified_at=office.identified_at - timedelta(days=1 + steps / 96)
            )
            answer = identify(replace(asked, history=shorter), last)
            assert isinstance(answer, BuildingModel)
            found.add(len(answer.zones))
        assert found == {1, 2}

    @pytest.mark.slow
    def test_that_is_old_says_nothing_of_what_was_refused(
        self, toy: Toy, model: BuildingModel
    ) -> None:
        old = replace(
            model,
            zones=model.zones[:1],
            identified_at=model.identified_at - timedelta(days=RETRY_DAYS),
        )
        answer = identify(problem(toy), old)
        assert isinstance(answer, BuildingModel)
        assert len(answer.zones) == 2

    @pytest.mark.slow
    def test_of_the_problem_counts_as_yesterdays(self, toy: Toy, model: BuildingModel) -> None:
        windows = replace(problem(toy), model=model)
        assert identify(windows) == identify(replace(windows, model=None), model)

    @pytest.mark.slow
    def test_does_without_a_sun_that_nobody_measured(self, toy: Toy) -> None:
        whole = problem(toy)
        assert whole.history is not None
        dark = replace(whole.history.weather, ghi_wm2=(None,) * len(toy.rows))
        answer = identify(replace(whole, history=replace(whole.history, weather=dark)))
        assert isinstance(answer, BuildingModel)
        assert all(zone.parameters["solar_m2"] == 0.0 for zone in answer.zones)
        past_problem = replace(whole, history=replace(whole.history, weather=dark))
        assert past_problem.history is not None
        past = measured_past(past_problem, past_problem.history, list(ZONES), last_h=72)
        parameters = [zone.parameters for zone in answer.zones]
        state = estimate_state(
            past, HeatShares.from_parameters(parameters), RcNetwork.from_parameters(parameters)
        )
        assert np.abs(state.air - toy.air).max() < 0.3
