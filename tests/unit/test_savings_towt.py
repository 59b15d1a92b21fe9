"""The hourly model and what is learned from untreated meters: known answers."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from bms.model.savings import Span
from bms.model.series import Series
from bms.savings.drift import LEAST_PLACEBOS, Placebo, covered, half_width, learn_drift
from bms.savings.towt import fit_towt, second_opinion
from bms.savings.uncertainty import DEFAULT_DRIFT
from tests.real_meters import BASELINE, START, TIMEZONE, local, outdoor

REPORTING = Span(start=local(2019, 1, 1), end=local(2020, 1, 1))


def week(n: int) -> np.ndarray:
    return np.arange(n) % 168


def test_a_building_that_is_the_model_is_found_exactly():
    temp = np.array(outdoor().values[:8760])
    levels = np.where((week(8760) % 24 >= 8) & (week(8760) % 24 < 17), 100.0, 40.0)
    y = levels + 3.0 * np.maximum(12.8 - temp, 0.0)
    model = fit_towt(y, temp, week(8760))
    np.testing.assert_allclose(model.predict(temp, week(8760)), y, rtol=1e-6)
    assert model.cv_rmse == pytest.approx(0.0, abs=1e-6)
    assert model.occupied[10]
    assert not model.occupied[2]


def test_an_hour_of_the_week_that_was_never_seen_has_no_answer():
    hours = week(8760)
    seen = hours != 5
    temp = np.array(outdoor().values[:8760])
    model = fit_towt(np.full(seen.sum(), 7.0), temp[seen], hours[seen])
    answer = model.predict(temp[:168], hours[:168])
    assert np.flatnonzero(np.isnan(answer)).tolist() == [5]


def test_the_second_opinion_recovers_a_planted_saving():
    temp = outdoor()
    values = 50.0 + 4.0 * np.maximum(12.8 - temp.values, 0.0)
    values[8760:] *= 0.9
    view = second_opinion(
        Series(START, timedelta(hours=1), values), temp, BASELINE, REPORTING, TIMEZONE
    )
    assert view is not None
    assert view.saving_kwh == pytest.approx(values[8760:].sum() / 9.0, rel=1e-6)


def test_too_little_baseline_gives_no_second_opinion():
    temp = outdoor()
    short = Span(start=local(2018, 12, 1), end=local(2019, 1, 1))
    use = Series(START, timedelta(hours=1), np.ones(len(temp)))
    assert second_opinion(use, temp, short, REPORTING, TIMEZONE) is None


def placebos(n: int, spread: float, noise: float = 0.0) -> list[Placebo]:
    errors = np.random.default_rng(4).normal(0.0, spread, n)
    return [Placebo(f"b{i}", float(error), noise) for i, error in enumerate(errors)]


def test_drift_is_learned_and_a_single_changed_building_does_not_set_it():
    many = placebos(4000, 0.06)
    assert learn_drift(many) == pytest.approx(0.06, rel=0.05)
    assert np.mean([covered(p, learn_drift(many)) for p in many]) == pytest.approx(0.9, abs=0.02)
    few = placebos(30, 0.05)
    wild = [replace(few[0], saving=0.9), *few[1:]]
    assert learn_drift(wild) == pytest.approx(learn_drift(few), rel=0.3)


def test_noise_of_the_model_is_not_counted_as_drift():
    noisy = placebos(4000, 0.06, noise=0.06 * 1.645)
    assert learn_drift(noisy) < 0.015
    assert half_width(noisy[0], 0.0) == pytest.approx(0.06 * 1.645)


def test_few_untreated_meters_teach_nothing():
    assert learn_drift(placebos(LEAST_PLACEBOS - 1, 0.5)) == DEFAULT_DRIFT
