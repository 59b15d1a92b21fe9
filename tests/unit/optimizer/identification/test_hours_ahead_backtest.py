"""The record of prediction errors of a model on a history."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bms.model.planning.problem import BuildingModel
from optimizer.identification.hours_ahead_backtest import prediction_errors
from tests.rigs.buildings.toy_building import ZONES, Toy, lived_in
from tests.rigs.buildings.toy_problems import DAYS, problem, toy_model


@pytest.fixture(scope="module")
def toy() -> Toy:
    return lived_in(days=DAYS)


@pytest.fixture(scope="module")
def model() -> BuildingModel:
    return toy_model()


class TestTheRecordOfErrors:
    def test_is_near_nothing_an_hour_ahead_and_the_models_own_error_a_day_ahead(
        self, toy: Toy, model: BuildingModel
    ) -> None:
        found = prediction_errors(problem(toy), model)
        assert found.zones == ZONES
        assert found.errors.shape == (2, 21 * 24, 3)
        rmse = found.rmse()
        assert np.all(rmse[:, 0] < 0.15)
        for zone, error in zip(model.zones, rmse[:, 2], strict=True):
            assert error < 1.5 * zone.rmse_24h_k + 0.03

    @pytest.mark.slow
    def test_a_model_that_is_wrong_by_now_is_seen(self, toy: Toy, model: BuildingModel) -> None:
        def leaky(parameters: dict[str, float]) -> dict[str, float]:
            return {**parameters, "ua_kw_per_k": 3.0 * parameters["ua_kw_per_k"]}

        zones = tuple(replace(zone, parameters=leaky(zone.parameters)) for zone in model.zones)
        wrong = prediction_errors(problem(toy), replace(model, zones=zones)).rmse()
        right = prediction_errors(problem(toy), model).rmse()
        assert np.all(wrong[:, 2] > 2.0 * right[:, 2])

    def test_where_nothing_is_known_there_is_no_number(
        self, toy: Toy, model: BuildingModel
    ) -> None:
        found = prediction_errors(problem(toy), model, (24,))
        assert np.isnan(found.errors[:, -24:]).all()  # the truth lies beyond the history
        assert np.isnan(found.errors[:, :12]).all()  # the filter has not settled
        nothing = prediction_errors(replace(problem(toy), history=None), model)
        assert nothing.errors.shape == (0, 0, 3)
