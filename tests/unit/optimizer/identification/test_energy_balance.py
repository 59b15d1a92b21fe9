"""Rooms held at one temperature, and such that were lowered at night later on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bms.model.planning.problem import ZoneModel
from optimizer.identification.energy_balance import (
    BY_CLASS,
    CLASS_SPREAD,
    HEAVY_KWH_PER_M2_K,
    fit_energy_balance,
)
from optimizer.identification.zone_study import ZoneStudy, study_zone
from optimizer.model.zone_record import ZoneRecord
from tests.rigs.buildings.made_room import C_AIR, C_MASS, UA, made_room

AREA_M2 = 160.0
DAY = 96


def held(days: float = 28.0, held_days: float = 28.0, **more: float) -> ZoneRecord:
    return replace(made_room(days=days, held_days=held_days, **more), area_m2=AREA_M2)


@pytest.fixture(scope="module")
def throughout() -> ZoneStudy:
    return study_zone(held(), "room", heat_lag=False)


@pytest.fixture(scope="module")
def then_lowered() -> ZoneStudy:
    return study_zone(held(days=35.0), "room", heat_lag=False)


class TestARoomThatWasAlwaysHeld:
    @pytest.mark.slow
    def test_has_a_model_that_knows_its_losses(self, throughout: ZoneStudy) -> None:
        assert not throughout.refused
        assert throughout.by_class
        p, sure = throughout.parameters(), throughout.errors
        assert p["ua_kw_per_k"] == pytest.approx(UA, rel=0.15)
        assert 0.0 < sure["ua_kw_per_k"] < 0.2 * UA

    @pytest.mark.slow
    def test_says_that_its_capacity_is_that_of_a_class(self, throughout: ZoneStudy) -> None:
        p, sure = throughout.parameters(), throughout.errors
        assert p[BY_CLASS] == 1.0
        assert p["c_mass_kwh_per_k"] == pytest.approx(HEAVY_KWH_PER_M2_K * AREA_M2, rel=1e-5)
        assert sure["c_mass_kwh_per_k"] == pytest.approx(
            CLASS_SPREAD * p["c_mass_kwh_per_k"], rel=1e-3
        )
        assert sure["time_constant_slow_h"] > 0.3 * p["time_constant_slow_h"]

    def test_is_judged_by_the_heat_of_days_it_has_not_seen(self, throughout: ZoneStudy) -> None:
        heat = throughout.heat
        assert heat.model < min(heat.persistence, heat.last_week)
        assert throughout.structures == ()

    @pytest.mark.slow
    def test_losses_do_not_depend_on_the_class(self, throughout: ZoneStudy) -> None:
        larger = study_zone(replace(held(), area_m2=2.0 * AREA_M2), "room", heat_lag=False)
        assert larger.parameters()["ua_kw_per_k"] == pytest.approx(
            throughout.parameters()["ua_kw_per_k"], rel=0.05
        )

    @pytest.mark.slow
    def test_without_a_floor_area_the_class_goes_by_the_loss(self) -> None:
        answer = study_zone(replace(held(), area_m2=None), "room", heat_lag=False)
        assert answer.by_class
        assert answer.parameters()["time_constant_slow_h"] > 50.0

    @pytest.mark.slow
    def test_ventilation_that_nobody_told_of_is_a_loss_in_use_and_not_of_the_walls(self) -> None:
        hidden = 0.1
        answer = study_zone(held(hidden_kw_per_k=hidden), "room", heat_lag=False)
        p = answer.parameters()
        assert answer.by_class
        assert p["gain_use_kw"] < -0.4 * hidden * 18.0
        assert p["ua_kw_per_k"] == pytest.approx(UA, rel=0.2)

    @pytest.mark.slow
    def test_heat_that_follows_nothing_is_refused(self) -> None:
        record = held()
        levels = np.random.default_rng(4).uniform(0.5, 4.0, 28)
        answer = study_zone(replace(record, heat=np.repeat(levels, DAY)), "room", heat_lag=False)
        assert answer.refused
        assert answer.parameters() == {}

    @pytest.mark.slow
    def test_nothing_comes_of_too_few_days_or_of_no_heat(self) -> None:
        record = held()
        assert fit_energy_balance(record, 4 * DAY) is None
        assert (
            fit_energy_balance(replace(record, heat=np.full(len(record), np.nan)), len(record))
            is None
        )


class TestARoomThatWasLoweredLater:
    @pytest.mark.slow
    def test_shows_its_capacity_after_a_week(self, then_lowered: ZoneStudy) -> None:
        assert not then_lowered.refused
        assert not then_lowered.by_class
        p = then_lowered.parameters()
        assert BY_CLASS not in p
        assert p["c_air_kwh_per_k"] + p["c_mass_kwh_per_k"] == pytest.approx(
            C_AIR + C_MASS, rel=0.35
        )
        assert p["ua_kw_per_k"] + p["mass_out_kw_per_k"] == pytest.approx(UA, rel=0.2)

    @pytest.mark.slow
    def test_is_better_than_its_rivals_on_days_of_setback(self, then_lowered: ZoneStudy) -> None:
        score = then_lowered.temperature
        assert score.model < 0.5 * min(score.persistence, score.last_week)

    @pytest.mark.slow
    def test_after_two_nights_its_capacity_is_still_that_of_the_class(self) -> None:
        answer = study_zone(held(days=31.0, held_days=29.0), "room", heat_lag=False)
        assert answer.by_class

    @pytest.mark.slow
    def test_a_model_by_class_is_not_fitted_again_but_replaced(
        self, throughout: ZoneStudy, then_lowered: ZoneStudy
    ) -> None:
        last = ZoneModel(
            zone="room",
            order="2R2C",
            parameters=throughout.parameters(),
            rmse_24h_k=throughout.temperature.model,
            persistence_k=0.0,
            last_week_k=0.0,
        )
        answer = study_zone(held(days=35.0), "room", previous=last, heat_lag=False)
        assert answer.parameters() == then_lowered.parameters()
