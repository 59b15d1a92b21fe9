"""The hourly model and what is learned from untreated meters: known answers."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from bms.model.readings.series import Series
from bms.model.savings.avoided_use import Span
from bms.savings.models.hourly import MONTHLY, SINGLE, second_opinion
from bms.savings.models.towt import Hours, fit_months, fit_towt, temperature_parts
from bms.savings.models.uncertainty import (
    DEFAULT_DRIFT,
    LEAST_PLACEBOS,
    Placebo,
    covered,
    half_width,
    learn_drift,
)
from tests.rigs.real_meters import BASELINE, START, TIMEZONE, local, outdoor

REPORTING = Span(start=local(2019, 1, 1), end=local(2020, 1, 1))


def week(n: int) -> np.ndarray:
    return np.arange(n) % 168


def months(n: int) -> np.ndarray:
    return (np.arange(n) // 24 * 12 // 365) % 12


def level_year() -> Hours:
    """A building that always uses 7 kWh/h."""
    temp = np.array(outdoor().values[:8760])
    return Hours(np.full(8760, 7.0), temp, week(8760), months(8760))


def part(hours: Hours, seen: np.ndarray) -> Hours:
    return Hours(hours.use[seen], hours.temp[seen], hours.hour[seen], hours.month[seen])


def test_a_building_that_is_the_model_is_found_exactly():
    temp = np.array(outdoor().values[:8760])
    levels = np.where((week(8760) % 24 >= 8) & (week(8760) % 24 < 17), 100.0, 40.0)
    y = levels + 3.0 * np.maximum(12.8 - temp, 0.0)
    hours = Hours(y, temp, week(8760), months(8760))
    model = fit_towt(hours)
    np.testing.assert_allclose(model.predict(hours), y, rtol=1e-6)
    assert model.cv_rmse == pytest.approx(0.0, abs=1e-6)
    assert model.occupied[0, 10]
    assert not model.occupied[0, 2]


def test_an_hour_of_the_week_that_was_never_seen_has_no_answer():
    hours = level_year()
    answer = fit_towt(part(hours, hours.hour != 5)).predict(part(hours, np.arange(8760) < 168))
    assert np.flatnonzero(np.isnan(answer)).tolist() == [5]


def test_twelve_models_find_a_building_whose_levels_change_by_season():
    """Levels differ by quarter, as no model of the year can follow; slopes are the same."""
    temp, month = np.array(outdoor().values[:8760]), months(8760)
    quiet = np.where((week(8760) % 24 >= 8) & (week(8760) % 24 < 17), 100.0, 40.0)
    y = quiet + 3.0 * np.maximum(12.8 - temp, 0.0)
    hours = Hours(y, temp, week(8760), month)
    np.testing.assert_allclose(fit_months(hours).predict(hours), y, rtol=1e-6)
    seasonal = Hours(y + 30.0 * (month // 3), temp, week(8760), month)
    assert fit_months(seasonal).cv_rmse < 0.5 * fit_towt(seasonal).cv_rmse


@pytest.mark.slow
def test_twelve_models_are_weighted_least_squares_of_three_months_each():
    """July's model against the regression by hand: 168 levels and the slopes of both sides, July
    with weight 1, June and August with 0.5."""
    rng = np.random.default_rng(8)
    temp, hour, month = np.array(outdoor().values[:8760]), week(8760), months(8760)
    y = 50.0 + 2.0 * np.maximum(temp - 14.0, 0.0) + 10.0 * (hour % 24 > 8) + rng.normal(0, 3, 8760)
    model = fit_months(Hours(y, temp, hour, month))
    parts = temperature_parts(temp, model.edges)
    july = (month >= 5) & (month <= 7)
    weight = np.where(month[july] == 6, 1.0, 0.5)
    side = model.occupied[6][hour[july]][:, None]
    levels = np.eye(168)[hour[july]]
    design = np.hstack([levels, parts[july] * ~side, parts[july] * side])
    root = np.sqrt(weight)[:, None]
    answer = np.linalg.lstsq(design * root, y[july] * root[:, 0], rcond=None)[0]
    expected = design @ answer
    found = model.predict(Hours(y[july], temp[july], hour[july], np.full(july.sum(), 6)))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_month_that_was_never_seen_has_no_answer_beyond_its_neighbours():
    hours = level_year()
    answer = fit_months(part(hours, (hours.month >= 9) | (hours.month <= 2))).predict(hours)
    known = np.isfinite([answer[hours.month == m].mean() for m in range(12)])
    assert known.tolist() == [m <= 3 or m >= 8 for m in range(12)]  # neighbours have half a say


@pytest.mark.parametrize("model", [SINGLE, MONTHLY])
def test_the_second_opinion_recovers_a_planted_saving(model):
    temp = outdoor()
    values = 50.0 + 4.0 * np.maximum(12.8 - temp.values, 0.0)
    values[8760:] *= 0.9
    use = Series(START, timedelta(hours=1), values)
    (view,) = second_opinion(use, temp, BASELINE, REPORTING, TIMEZONE, (model,))
    assert view.model == model
    assert view.saving_kwh == pytest.approx(values[8760:].sum() / 9.0, rel=1e-4)


def test_quarter_hours_have_the_same_second_opinion():
    temp = outdoor()
    hourly = Series(START, timedelta(hours=1), 50.0 + 4.0 * np.maximum(12.8 - temp.values, 0.0))
    quarters = Series(START, timedelta(minutes=15), np.repeat(hourly.values / 4.0, 4) * 0.9)
    (view,) = second_opinion(quarters, temp, BASELINE, REPORTING, TIMEZONE)
    (other,) = second_opinion(hourly, temp, BASELINE, REPORTING, TIMEZONE)
    assert view.cv_rmse == pytest.approx(other.cv_rmse, abs=1e-6)
    assert abs(view.saving_kwh) < 1.0


def test_too_little_baseline_gives_no_second_opinion():
    temp = outdoor()
    short = Span(start=local(2018, 12, 1), end=local(2019, 1, 1))
    use = Series(START, timedelta(hours=1), np.ones(len(temp)))
    assert second_opinion(use, temp, short, REPORTING, TIMEZONE) == ()


def placebos(n: int, spread: float, noise: float = 0.0) -> list[Placebo]:
    errors = np.random.default_rng(4).normal(0.0, spread, n)
    return [Placebo(f"b{i}", float(error), noise) for i, error in enumerate(errors)]


def test_drift_is_learned_and_a_single_changed_building_does_not_set_it():
    many = placebos(4000, 0.06)
    drift = learn_drift(many)
    assert drift == pytest.approx(0.06, rel=0.05)
    assert np.mean([covered(p, drift) for p in many]) == pytest.approx(0.9, abs=0.02)
    few = placebos(30, 0.05)
    wild = [replace(few[0], saving=0.9), *few[1:]]
    assert learn_drift(wild) == pytest.approx(learn_drift(few), rel=0.3)


def test_noise_of_the_model_is_not_counted_as_drift():
    noisy = placebos(4000, 0.06, noise=0.06 * 1.645)
    assert learn_drift(noisy) < 0.015
    assert half_width(noisy[0], 0.0) == pytest.approx(0.06 * 1.645)


def test_few_untreated_meters_teach_nothing():
    assert learn_drift(placebos(LEAST_PLACEBOS - 1, 0.5)) == DEFAULT_DRIFT
