"""A room whose parameters are known: found, with how sure, at any step, again and with gaps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm

from bms.model.planning.problem import ZoneModel
from optimizer.identification.model_selection import errors_ahead, restart_steps, select_structure
from optimizer.identification.model_structures import ModelStructure, fitted_values, structure_of
from optimizer.identification.parameter_fit import fit_structure, fit_windows
from optimizer.identification.parameter_uncertainty import standard_errors, time_constants_h
from optimizer.identification.zone_study import ZoneStudy, study_zone
from optimizer.model.rc_network import RcNetwork, step_matrices
from optimizer.model.steady_state_filter import (
    SENSOR_K,
    augmented_step,
    drive_model,
    filter_states,
    process_noise,
    steady_state_gain,
)
from tests.rigs.buildings.made_room import C_AIR, C_MASS, H_MASS, UA, known_rc, made_room


@pytest.fixture(scope="module")
def found() -> ZoneStudy:
    return study_zone(made_room(), "room")


def model_of(answer: ZoneStudy) -> ZoneModel:
    assert answer.fit is not None
    return ZoneModel(
        zone="room",
        order=answer.fit.order,
        parameters=answer.parameters(),
        rmse_24h_k=answer.temperature.model,
        persistence_k=answer.temperature.persistence,
        last_week_k=answer.temperature.last_week,
    )


class TestTheParameters:
    @pytest.mark.slow
    def test_are_found(self, found: ZoneStudy) -> None:
        p = found.parameters()
        assert p["ua_kw_per_k"] + p["mass_out_kw_per_k"] == pytest.approx(UA, rel=0.15)
        assert p["c_air_kwh_per_k"] + p["c_mass_kwh_per_k"] == pytest.approx(
            C_AIR + C_MASS, rel=0.2
        )

    @pytest.mark.slow
    def test_are_as_sure_as_they_say(self) -> None:
        """Over twelve rooms the truth lies within two standard errors about as often as it should,
        and the errors are not so wide that this says nothing."""
        truth = {"ua_kw_per_k": UA, "c_mass_kwh_per_k": C_MASS, "mass_kw_per_k": H_MASS}
        inside, widths = [], []
        for seed in range(12):
            windows = fit_windows(made_room(days=21, step_h=0.5, seed=seed), 21 * 48)
            assert windows is not None
            fit = fit_structure(windows, ModelStructure("2R2C", "constant"))
            errors, values = standard_errors(windows, fit), fit.parameters()
            inside += [abs(values[n] - true) <= 2.0 * errors[n] for n, true in truth.items()]
            widths += [errors[n] / true for n, true in truth.items()]
        assert np.mean(inside) >= 0.8
        assert np.median(widths) < 0.25

    @pytest.mark.slow
    def test_more_days_make_them_surer(self) -> None:
        sure = []
        for days in (14, 42):
            record = made_room(days=days, step_h=0.5)
            windows = fit_windows(record, len(record))
            assert windows is not None
            fit = fit_structure(windows, ModelStructure("2R2C", "constant"))
            sure.append(standard_errors(windows, fit)["ua_kw_per_k"])
        assert sure[1] < 0.8 * sure[0]

    def test_time_constants_are_those_of_the_matrix(self) -> None:
        rc = known_rc()
        rates = np.array(
            [[-(UA + H_MASS) / C_AIR, H_MASS / C_AIR], [H_MASS / C_MASS, -H_MASS / C_MASS]]
        )
        wanted = sorted(-1.0 / np.linalg.eigvals(rates))
        fast, slow = time_constants_h(rc)
        assert [fast[0], slow[0]] == pytest.approx(wanted)

    @pytest.mark.slow
    @pytest.mark.parametrize("step_h", [5 / 60, 0.5, 1.0])
    def test_do_not_depend_on_the_step(self, step_h: float) -> None:
        record = made_room(days=21, step_h=step_h)
        windows = fit_windows(record, len(record))
        assert windows is not None
        p = fit_structure(windows, ModelStructure("2R2C", "constant")).parameters()
        assert p["ua_kw_per_k"] == pytest.approx(UA, rel=0.2)
        assert p["mass_kw_per_k"] == pytest.approx(H_MASS, rel=0.35)


class TestTheNextDay:
    @pytest.mark.slow
    def test_the_last_model_is_fitted_again_without_the_ladder(self, found: ZoneStudy) -> None:
        day = 96
        later = made_room(days=29).part(day, 29 * day)
        again = study_zone(later, "room", previous=model_of(found))
        assert again.structures == ()
        assert not again.refused
        for name in ("ua_kw_per_k", "c_mass_kwh_per_k"):
            assert again.parameters()[name] == pytest.approx(found.parameters()[name], rel=0.2)

    @pytest.mark.slow
    @pytest.mark.parametrize(("rivals", "climbed"), [(0.5, False), (1.0, True)])
    def test_days_that_are_harder_for_everybody_do_not_count_against_it(
        self, found: ZoneStudy, rivals: float, climbed: bool
    ) -> None:
        last = model_of(found)
        easier = replace(
            last,
            rmse_24h_k=0.65 * last.rmse_24h_k,
            persistence_k=rivals * last.persistence_k,
            last_week_k=rivals * last.last_week_k,
        )
        later = made_room(days=29).part(96, 29 * 96)
        assert bool(study_zone(later, "room", previous=easier).structures) is climbed

    @pytest.mark.slow
    def test_a_building_that_has_changed_is_studied_anew(self, found: ZoneStudy) -> None:
        leaky = replace(known_rc(), h_out=np.array([3.0 * UA]))
        changed = made_room(rc=leaky)
        wrong = replace(model_of(found), rmse_24h_k=0.05)
        answer = study_zone(changed, "room", previous=wrong)
        assert answer.structures
        assert answer.parameters()["ua_kw_per_k"] == pytest.approx(3.0 * UA, rel=0.2)

    def test_parameters_come_back_as_the_rung_and_the_numbers_that_they_were(
        self, found: ZoneStudy
    ) -> None:
        assert found.fit is not None
        values = fitted_values(found.parameters(), found.fit.scale, 0.0)
        for name, value in found.fit.values.items():
            if value > -20.0:
                assert values[name] == pytest.approx(value, abs=1e-4), name
        assert structure_of(found.parameters()).order == found.fit.order


class TestTheFilter:
    @pytest.mark.slow
    def test_half_of_the_temperatures_missing_at_random_cost_little(self, found: ZoneStudy) -> None:
        assert found.fit is not None
        record = made_room()
        truth = made_room(noise_k=0.0).temp
        holes = np.random.default_rng(5).random(len(record)) < 0.5
        driven = drive_model(found.fit.rc, record.filled())
        whole = filter_states(driven, record.temp).air[0]
        gappy = filter_states(driven, np.where(holes, np.nan, record.temp)).air[0]
        settled = slice(200, None)
        rmse = [float(np.sqrt(np.mean((x - truth)[settled] ** 2))) for x in (whole, gappy)]
        assert rmse[0] < 0.05
        assert rmse[1] < 1.5 * rmse[0] + 0.01

    @pytest.mark.parametrize("step_h", [1 / 12, 0.25, 1.0])
    def test_has_settled_where_the_recursion_does(self, step_h: float) -> None:
        rc = known_rc()
        at = step_matrices(rc, np.zeros((1, 1)), step_h)
        step, adds = augmented_step(at.a[0], at.b[0], step_h)[0], process_noise(rc, step_h)[0]
        covariance = np.eye(3)
        for _ in range(6000):
            gain = covariance[:, 0] / (covariance[0, 0] + SENSOR_K**2)
            covariance = step @ (covariance - np.outer(gain, covariance[0])) @ step.T + adds
        assert steady_state_gain(rc, 0.0, step_h)[0] == pytest.approx(gain, rel=1e-6)

    @pytest.mark.slow
    def test_a_record_with_holes_is_still_identified(self) -> None:
        record = made_room()
        rng = np.random.default_rng(2)
        temp = np.where(rng.random(len(record)) < 0.1, np.nan, record.temp)
        heat = record.heat.copy()
        heat[700:760] = np.nan
        answer = study_zone(replace(record, temp=temp, heat=heat), "room")
        assert not answer.refused
        assert answer.parameters()["ua_kw_per_k"] == pytest.approx(UA, rel=0.25)

    @pytest.mark.slow
    def test_a_disturbance_that_lasts_is_carried_into_the_prediction(
        self, found: ZoneStudy
    ) -> None:
        """Half a kilowatt that nobody measures: the free model is wrong, the filter is not."""
        assert found.fit is not None
        record = made_room()
        extra = replace(record, heat=record.heat - 0.15)
        starts = restart_steps(extra, 1500, 24.0)
        errors = errors_ahead(found.fit, extra, starts, 24.0)
        lost = 0.15 / UA
        assert abs(float(np.mean(errors))) < 0.5 * lost


class TestTheStep:
    @pytest.mark.parametrize("step_h", [1 / 12, 0.25, 1.0, 24.0])
    @pytest.mark.parametrize("h_mass", [0.0, 0.9])
    @pytest.mark.parametrize("h_out", [0.0, 0.15])
    def test_is_the_matrix_exponential(self, step_h: float, h_mass: float, h_out: float) -> None:
        rc = replace(known_rc(), h_mass=np.array([h_mass]), h_out=np.array([h_out]))
        rates = np.zeros((4, 4))
        rates[0, :2] = [-(h_out + h_mass) / C_AIR, h_mass / C_AIR]
        rates[1, :2] = [h_mass / C_MASS, -h_mass / C_MASS]
        rates[0, 2], rates[1, 3] = 1.0 / C_AIR, 1.0 / C_MASS
        wanted = expm(rates * step_h)
        a, b = rc.discrete(0.0, step_h)
        assert a[0] == pytest.approx(wanted[:2, :2], abs=1e-7)
        assert b[0] == pytest.approx(wanted[:2, 2:], abs=1e-6)

    def test_heat_that_comes_late_is_a_filter_that_loses_nothing(self) -> None:
        rc = replace(known_rc(), heat_lag_h=np.array([2.0]))
        pulse = np.zeros(400)
        pulse[10] = 4.0
        late = rc.lagged(pulse, 0.25)[0]
        assert late.sum() == pytest.approx(pulse.sum(), rel=1e-6)
        fine = np.zeros(4000)
        fine[100:110] = 4.0
        state, mean = 0.0, []
        for value in fine:
            before = state
            state += (value - state) * (1.0 - np.exp(-0.025 / 2.0))
            mean.append((before + state) / 2.0)
        assert late == pytest.approx(np.array(mean).reshape(-1, 10).mean(axis=1), abs=5e-3)

    def test_gains_by_hour_are_the_mean_day_where_the_hour_is_not_told(self) -> None:
        rc = replace(known_rc(), gain_day=np.array([[0.0, 0.0, 6.0, 0.0, 0.0, 0.0]]))
        none = np.zeros(24)
        given = {"heat": none, "temp_out": none, "ghi_kw": none, "use": none, "run": none}
        told, _ = rc.flows(**given, hour=np.arange(24) + 0.0)
        silent, _ = rc.flows(**given)
        assert told[0, 8] - told[0, 0] == pytest.approx(6.0)
        assert told[0, 10] - told[0, 0] == pytest.approx(3.0)
        assert silent.mean() == pytest.approx(told.mean())

    def test_optional_parameters_survive_being_stored(self) -> None:
        rc = replace(
            known_rc(),
            heat_lag_h=np.array([1.5]),
            gain_day=np.arange(6.0)[np.newaxis],
            solar_facades=np.array([[1.0, 2.0, 3.0]]),
        )
        again = RcNetwork.from_parameters([rc.to_parameters(0)])
        assert again.to_parameters(0) == rc.to_parameters(0)
        assert "heat_lag_h" not in known_rc().to_parameters(0)


def test_a_rung_at_its_bounds_needs_a_clear_gain(found: ZoneStudy) -> None:
    free = [candidate for candidate in found.structures if not candidate.at_bounds]
    best = select_structure(list(found.structures))
    assert best in free
    worse = replace(best, error_k=best.error_k * 1.05)
    others = [
        candidate for candidate in found.structures if candidate is not best and candidate.at_bounds
    ]
    if others:
        close = replace(others[0], error_k=best.error_k)
        assert select_structure([worse, close]) is worse
