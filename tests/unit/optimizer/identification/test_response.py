"""What a model says of deviations from the habit, in a room whose parameters are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimizer.identification.deviations import deviating_steps, weekly_median
from optimizer.identification.excitation import DataSplit
from optimizer.identification.model_structures import ModelStructure
from optimizer.identification.parameter_fit import FittedModel, fit_structure, fit_windows
from optimizer.identification.refusals import ZoneRefusal
from optimizer.identification.response import (
    LEAST_WINDOWS,
    ResponseScore,
    deviations,
    response_score,
)
from optimizer.identification.zone_study import BY_RESPONSE, study_zone
from optimizer.model.zone_record import ZoneRecord
from tests.rigs.buildings.made_room import made_room

DAYS, DEVIATING = 26, 5
DAY = 48


@pytest.fixture(scope="module")
def record() -> ZoneRecord:
    """Three regular weeks, then five nights that are set back further and end later."""
    return made_room(days=DAYS, deviating_days=DEVIATING, step_h=0.5)


@pytest.fixture(scope="module")
def fit(record: ZoneRecord) -> FittedModel:
    windows = fit_windows(record, len(record))
    assert windows is not None
    return fit_structure(windows, ModelStructure("2R2C", "constant"))


def test_the_habit_is_the_middle_of_the_weeks() -> None:
    weeks = np.tile(np.arange(7 * 48.0), 3)
    weeks[7 * 48 * 2 :] += 5.0
    assert np.array_equal(weekly_median(weeks, 0.5), np.tile(np.arange(7 * 48.0), 3))


def test_deviations_are_the_nights_that_depart_from_it(record: ZoneRecord) -> None:
    days = {step // DAY for step in deviations(record)}
    assert len(days) >= DEVIATING
    assert min(days) >= DAYS - DEVIATING


def test_a_setpoint_that_repeats_itself_does_not_deviate() -> None:
    setpoint = np.tile(np.where(np.arange(7 * 48) % 48 < 12, 16.0, 21.0), 4)
    assert deviating_steps(setpoint, 0.5) == []


def test_a_departure_that_lasts_begins_again_every_day() -> None:
    setpoint = np.tile(np.where(np.arange(7 * 48) % 48 < 12, 16.0, 21.0), 4)
    setpoint[21 * 48 : 24 * 48] -= 1.0
    assert deviating_steps(setpoint, 0.5) == [21 * 48, 22 * 48, 23 * 48]


def test_a_record_without_setpoints_has_none(record: ZoneRecord) -> None:
    assert deviations(replace(record, setpoint=None)) == []


@pytest.mark.slow
def test_a_model_of_the_room_shows_the_response(record: ZoneRecord, fit: FittedModel) -> None:
    score = response_score(record, fit, deviations(record), DataSplit(len(record)))
    assert score.windows >= LEAST_WINDOWS
    assert score.shown
    assert score.temp_k < 0.5 * score.rival_temp_k


@pytest.mark.slow
def test_heat_of_another_room_does_not(record: ZoneRecord) -> None:
    rng = np.random.default_rng(1)
    foreign = replace(record, heat=rng.permutation(record.heat))
    windows = fit_windows(foreign, len(foreign))
    assert windows is not None
    wrong = fit_structure(windows, ModelStructure("2R2C", "constant"))
    assert not response_score(foreign, wrong, deviations(foreign), DataSplit(len(foreign))).shown


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({}, True),
        ({"windows": LEAST_WINDOWS - 1}, False),
        ({"temp_k": 0.9}, False),
        ({"heat_kwh": 9.0}, False),
        ({"temp_k": 1.2, "rival_temp_k": 3.0}, False),
        ({"temp_k": float("nan")}, False),
    ],
)
def test_both_temperature_and_heat_count(change: dict[str, float], shown: bool) -> None:
    good = ResponseScore(windows=4, temp_k=0.4, rival_temp_k=0.8, heat_kwh=3.0, rival_heat_kwh=8.0)
    assert replace(good, **change).shown is shown  # type: ignore[arg-type]


@pytest.mark.slow
def test_where_every_week_is_alike_a_refusal_says_what_would_help() -> None:
    regular = _regular(made_room(days=21, deviating_days=21, step_h=0.5, noise_k=0.0))
    study = study_zone(regular, "hall", heat_lag=False)
    codes = {each.code for each in study.refused}
    assert ZoneRefusal.FEW_DEVIATIONS in codes or study.fit is not None
    assert BY_RESPONSE not in study.parameters()


def _regular(record: ZoneRecord) -> ZoneRecord:
    """Every week has the temperatures of the first, whatever its heat was."""
    week = 7 * DAY
    return replace(record, temp=np.tile(record.temp[:week], 3))
